package wording

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

var (
	placeholder = regexp.MustCompile(`\{[a-z]+\}`)
	// ending of a sentence in French. English ends as gRPC's messages do, without a stop unless there are several sentences;
	// that a value was to follow is told by what is before it.
	endsFrench  = regexp.MustCompile(`[^ .]\.$`)
	endsEnglish = regexp.MustCompile(`[^ ,;:]$`)
	// ofContract are names that REST spells otherwise. Loop's own words are not respelt, and come the same way.
	ofContract = regexp.MustCompile(`[a-z]_[a-z]`)
)

// faults are what is wrong with a text: a language is missing, has other placeholders than the other, or the text does not end.
func faults(text apierror.Text, sentence bool) (out []string) {
	if text.English == "" || text.French == "" || text.English == text.French {
		return []string{"a language is missing"}
	}
	values := func(s string) []string { return slices.Sorted(slices.Values(placeholder.FindAllString(s, -1))) }
	if english, french := values(text.English), values(text.French); !slices.Equal(english, french) {
		out = append(out, fmt.Sprintf("the languages have other placeholders: %v, %v", english, french))
	}
	if open, used := strings.Count(text.English+text.French, "{"), len(values(text.English+text.French)); open != used {
		out = append(out, "a brace is no placeholder")
	}
	if sentence && !endsFrench.MatchString(text.French) || !sentence && strings.HasSuffix(text.French, ".") {
		out = append(out, "the French is not ended as it must be")
	}
	if !endsEnglish.MatchString(text.English) {
		out = append(out, "the English is not ended")
	}
	if ofContract.MatchString(text.French) {
		out = append(out, "the French names a field by its name in gRPC")
	}
	return out
}

// TestEveryErrorHasItsSentenceInBothLanguages goes over the table of this package and that of Loop's errors.
func TestEveryErrorHasItsSentenceInBothLanguages(t *testing.T) {
	check := func(what any, text apierror.Text, sentence bool) {
		t.Helper()
		for _, fault := range faults(text, sentence) {
			t.Errorf("%v: %s: %q", what, fault, text)
		}
	}
	table := Rows()
	own := len(table)
	for i, row := range append(table, apierror.Rows()...) {
		// That Loop was busy is followed by the client's words on how busy, where there are any.
		row.English = strings.TrimSuffix(row.English, ": ")
		check(fmt.Sprintf("row of table %d", min(i/own+1, 2)), row.Text, true)
		if row.Code == 0 && row.English != rows[ledger.CauseEndedWithErrors].English || row.Reason == 0 {
			t.Errorf("a row has no code or no reason: %+v", row)
		}
	}
	for _, w := range kinds {
		check("kind", w.it, false)
		check("kind", w.again, false)
		for _, each := range []apierror.Text{w.nothing, w.fix, w.look} {
			check("kind", each, true)
		}
	}
	for _, each := range []apierror.Text{sendAgain, askAgain, replayAgain, setPracticeCode, others, alike} {
		check("advice", each, true)
	}
	for _, each := range []apierror.Text{ofAnother, ofImport, theLine, theEntry, repeatIt, allowTwice, oneError, manyErrors, anywhere, atLine, atColumn, moved} {
		check("part", each, false)
	}
	for _, each := range apierror.Advice() {
		check("Loop's advice", each, strings.HasSuffix(each.English, "."))
	}
	parts := [...]map[any]apierror.Text{evidences, glimpses, asAny(standings), asAny(outcomes)}
	for _, group := range parts {
		for what, each := range group {
			check(what, each, false)
		}
	}
}

// declaredIn counts the constants of a type that a file declares.
func declaredIn(t *testing.T, path, name string) (count int) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	testkit.OK(t, err)
	for _, each := range file.Decls {
		if declared, ok := each.(*ast.GenDecl); ok && declared.Tok == token.CONST {
			for _, spec := range declared.Specs {
				if of, ok := spec.(*ast.ValueSpec).Type.(*ast.Ident); ok && of.Name == name {
					count++
				}
			}
		}
	}
	return count
}

func asAny[K comparable](of map[K]apierror.Text) map[any]apierror.Text {
	out := map[any]apierror.Text{}
	for key, text := range of {
		out[key] = text
	}
	return out
}

// TestAHalfWrittenSentenceIsNoticed: the test above can fail.
func TestAHalfWrittenSentenceIsNoticed(t *testing.T) {
	for text, sentence := range map[apierror.Text]bool{
		{English: "", French: "Rien."}:                                           true,
		{English: "nothing", French: ""}:                                         true,
		{English: "the same", French: "the same"}:                                true,
		{English: "{a} is wrong", French: "{b} ne convient pas."}:                true,
		{English: "{a} is wrong", French: "Cela ne convient pas."}:               true,
		{English: "{a} is wrong", French: "{a} ne convient pas"}:                 true,
		{English: "look in Loop for ", French: "Cherchez dans Loop."}:            true,
		{English: "look for: ", French: "Cherchez dans Loop."}:                   true,
		{English: "a {b", French: "Un {b."}:                                      true,
		{English: "set allow_duplicate", French: "Mettez allow_duplicate."}:      true,
		{English: "it is booked", French: "il est comptabilisé."}:                false,
		{English: "nothing was booked:", French: "rien n'a été comptabilisé"}:    false,
		{English: "nothing was booked", French: "rien n'a été comptabilisé ..."}: true,
	} {
		if len(faults(text, sentence)) == 0 {
			t.Errorf("%q passes", text)
		}
	}
	if found := faults(apierror.Text{English: "{a} is wrong", French: "{a} ne convient pas."}, true); len(found) > 0 {
		t.Error(found)
	}
}

// TestTheTableIsWhole: what may happen has a row, and each row is of something that may.
func TestTheTableIsWhole(t *testing.T) {
	known := map[any]bool{}
	for _, each := range ledger.Causes() {
		known[each] = true
	}
	if declared, listed := declaredIn(t, "../submission/errors.go", "Problem"), len(submission.Problems()); declared != listed {
		t.Errorf("%d problems are listed, of %d that are declared", listed, declared)
	}
	for _, each := range submission.Problems() {
		known[each] = true
	}
	for each := range fieldOf {
		known[each] = true
	}
	for _, each := range []error{submission.ErrReused, submission.ErrGoesOn, submission.ErrStopping} {
		known[each] = true
	}
	for what := range known {
		if _, told := rows[what]; !told {
			t.Errorf("%T %v has no row", what, what)
		}
	}
	cases := 0
	for what := range rows {
		if _, is := what.(Case); is {
			cases++
		} else if cause, is := what.(ledger.Cause); !known[what] && (!is || !slices.ContainsFunc(cegidclient.Kinds(), func(k cegidclient.Kind) bool { return kindCause(k) == cause })) {
			t.Errorf("the row of %T %v is of nothing", what, what)
		}
	}
	if declared := declaredIn(t, "table.go", "Case"); cases+2 != declared { // two are of evidences
		t.Errorf("%d cases have a row, of %d that are declared", cases, declared)
	}
	for _, state := range ledger.States() {
		if check.StateInFrench(string(state)) == string(state) {
			t.Errorf("%s has no name in French", state)
		}
	}
}

// TestNoValueIsForgotten: no placeholder reaches a caller.
func TestNoValueIsForgotten(t *testing.T) {
	told := []error{
		Of(t.Context(), &submission.Failed{Of: ledger.KindFile, Err: submission.ErrGoesOn}, nil),
		Of(t.Context(), &submission.Failed{Of: ledger.KindRaw, Err: &submission.DuplicateError{}}, nil),
		Of(t.Context(), &submission.Failed{Of: ledger.KindRaw, Err: &submission.DuplicateError{Visible: true, Of: ledger.Record{State: ledger.Uncertain}}}, nil),
		Of(t.Context(), submission.ErrPreparation, nil), Of(t.Context(), &submission.FormatError{Is: submission.FormatTRA}, nil),
		Of(t.Context(), &submission.UnverifiedError{Operation: "import_tra", Field: "format"}, nil),
		Of(t.Context(), &submission.NothingToResolveError{Record: ledger.Record{State: ledger.Waiting}}, nil),
		Of(t.Context(), &submission.MayBeBookedError{Record: ledger.Record{Evidence: &ledger.Evidence{Verdict: ledger.Found}}}, nil),
		Of(t.Context(), &submission.StatedOtherwiseError{}, nil), Of(t.Context(), &submission.RouteError{RPCs: []string{"A", "B"}}, nil),
		Of(t.Context(), &submission.FileTooLargeError{Most: 1}, nil), Of(t.Context(), submission.ErrDocumentTooLarge, nil),
		apierror.Internal("id"),
	}
	for _, each := range submission.Problems() {
		told = append(told, Of(t.Context(), &submission.FieldError{Field: "field", Problem: each, Value: "v"}, nil))
	}
	for _, each := range ledger.Causes() {
		told = append(told, outcome(submission.Result{Record: ledger.Record{State: ledger.NotSent, Error: &ledger.Failure{Cause: each, LoopImport: "i"}}}, wordsOf(ledger.KindEntries)))
	}
	for _, err := range told {
		if placeholder.MatchString(err.Error() + inFrench(err)) {
			t.Errorf("%v, in French %q", err, inFrench(err))
		}
	}
}
