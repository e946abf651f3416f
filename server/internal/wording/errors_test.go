package wording

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// errorsOfSubmission are the types and values that submission's errors.go exports.
func errorsOfSubmission(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../submission/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, each := range file.Decls {
		declared, ok := each.(*ast.GenDecl)
		if !ok || declared.Tok == token.CONST { // the problems have a test of their own
			continue
		}
		for _, spec := range declared.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.Name != "Problem" {
					out = append(out, s.Name.Name)
				}
			case *ast.ValueSpec:
				out = append(out, s.Names[0].Name)
			}
		}
	}
	return out
}

// TestEveryErrorOfSubmissionIsTold: each has a code, a reason and a sentence.
func TestEveryErrorOfSubmissionIsTold(t *testing.T) {
	wrong := []check.Finding{{Code: "ENTRY_UNBALANCED", Severity: check.Error, Field: "entries[0]", Message: "m", French: "f", Count: 1}}
	uncertain := ledger.Record{State: ledger.Uncertain}
	of := func(err error) error { return &submission.Failed{Of: ledger.KindEntries, Err: err} }
	table := map[string]error{
		"Failed":                of(ledger.ErrCommit),
		"LedgerError":           &submission.LedgerError{Err: ledger.ErrSilent},
		"OutcomeError":          of(&submission.OutcomeError{Result: submission.Result{Record: uncertain}}),
		"DuplicateError":        of(&submission.DuplicateError{}),
		"RefusedError":          &submission.RefusedError{Findings: wrong},
		"EntryImportedError":    &submission.EntryImportedError{Overlaps: []submission.EntryOverlap{{Likeness: check.AlreadyImported, Import: "r1", State: ledger.Failed}}},
		"FileRefusedError":      &submission.FileRefusedError{Findings: wrong},
		"FieldError":            &submission.FieldError{Field: "url", Problem: submission.LinkPlain},
		"FormatError":           &submission.FormatError{Is: submission.FormatFEC},
		"FileTooLargeError":     &submission.FileTooLargeError{Most: 1},
		"UnverifiedError":       &submission.UnverifiedError{Operation: "import_tra", Field: "format"},
		"NotAllowedError":       &submission.NotAllowedError{},
		"NothingToResolveError": &submission.NothingToResolveError{Record: uncertain},
		"MayBeBookedError":      &submission.MayBeBookedError{Record: uncertain},
		"StatedOtherwiseError":  &submission.StatedOtherwiseError{Record: uncertain},
		"RouteError":            &submission.RouteError{},
		"OtherDossierError":     &submission.OtherDossierError{Field: "body"},
		"ErrFull":               submission.ErrFull,
		"ErrCallerFull":         submission.ErrCallerFull,
		"ErrNoRoom":             submission.ErrNoRoom,
		"ErrReused":             of(submission.ErrReused),
		"ErrGoesOn":             of(submission.ErrGoesOn),
		"ErrStopping":           of(submission.ErrStopping),
		"ErrPreparation":        submission.ErrPreparation,
		"ErrImportUnknown":      submission.ErrImportUnknown,
		"ErrDocumentUnknown":    submission.ErrDocumentUnknown,
		"ErrDepositUnknown":     submission.ErrDepositUnknown,
		"ErrDocumentEmpty":      submission.ErrDocumentEmpty,
		"ErrDocumentTooLarge":   submission.ErrDocumentTooLarge,
	}
	all := errorsOfSubmission(t)
	for _, name := range all {
		err, listed := table[name]
		if !listed {
			t.Errorf("%s is in no row of this test", name)
			continue
		}
		told := Of(t.Context(), err, func(error) {})
		if name == "NotAllowedError" { // service tells it, by who calls
			continue
		}
		if code := status.Code(told); code == codes.OK || code == codes.Unknown && name != "OutcomeError" ||
			apierror.ReasonOf(told) == looppb.ErrorReason_ERROR_REASON_UNSPECIFIED || status.Convert(told).Message() == "" || inFrench(told) == "" {
			t.Errorf("%s is told as %v, in French %q", name, told, inFrench(told))
		}
	}
	if got := slices.Sorted(maps.Keys(table)); len(got) != len(all) {
		t.Errorf("%v of %v", got, all)
	}
}

// TestTheAdviceOnAnEntryOfAnotherImportIsFrenchToo where a sentence of its own says why; else the violation alone speaks.
func TestTheAdviceOnAnEntryOfAnotherImportIsFrenchToo(t *testing.T) {
	look := kinds[ledger.KindEntries].look
	for name, seen := range map[string]*ledger.Evidence{"not looked for": nil, "looked for": {Verdict: ledger.Inconclusive}} {
		err := Of(t.Context(), &submission.EntryImportedError{Overlaps: []submission.EntryOverlap{
			{Likeness: check.AlreadyImported, Import: "r1", State: ledger.Uncertain, Seen: seen},
		}}, func(error) {})
		var own, help string
		for _, detail := range status.Convert(err).Details() {
			switch d := detail.(type) {
			case *errdetails.LocalizedMessage:
				own = d.GetMessage()
			case *errdetails.Help:
				help = d.GetLinks()[0].GetDescription()
			}
		}
		if help != look.English || (seen != nil) != strings.HasSuffix(own, ". "+look.French) || seen == nil && own != "" {
			t.Errorf("%s: %q, in French %q", name, help, own)
		}
	}
}

// inFrench is what the accountant reads of an error.
func inFrench(err error) string {
	for _, detail := range status.Convert(err).Details() {
		switch d := detail.(type) {
		case *errdetails.LocalizedMessage:
			return d.GetMessage()
		case *errdetails.BadRequest:
			if local := d.GetFieldViolations()[0].GetLocalizedMessage(); local != nil {
				return local.GetMessage()
			}
		}
	}
	return ""
}

// TestWordsFitTheKindOfWrite: each kind has its own, and none is forgotten.
func TestWordsFitTheKindOfWrite(t *testing.T) {
	seen := map[apierror.Text]bool{}
	for _, kind := range ledger.Kinds() {
		w, known := kinds[kind]
		if !known || seen[w.again] {
			t.Errorf("%s speaks as another kind: %s", kind, w.again)
		}
		seen[w.again] = true
	}
}

func TestEveryVerdictAndDoubtHasItsSentence(t *testing.T) {
	sentences := map[string]bool{}
	for _, verdict := range ledger.Verdicts() {
		for _, doubt := range ledger.Doubts() {
			if verdict != ledger.Inconclusive {
				doubt = ledger.NoDoubt
			}
			sentence := Evidence(ledger.Record{Evidence: &ledger.Evidence{Verdict: verdict, Doubt: doubt}})
			if sentence == "" {
				t.Errorf("%s, %s says nothing", verdict, doubt)
			}
			sentences[sentence] = true
		}
	}
	proven := Evidence(ledger.Record{Evidence: &ledger.Evidence{Verdict: ledger.NotFound, Control: ledger.ControlFound}})
	if proven == "" || sentences[proven] {
		t.Errorf("a look that has shown that it can see says %q", proven)
	}
	if want := len(ledger.Doubts()) + 2; len(sentences) != want {
		t.Errorf("%d sentences; want %d", len(sentences), want)
	}
}
