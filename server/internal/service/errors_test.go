package service

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

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
		if !ok {
			continue
		}
		for _, spec := range declared.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				out = append(out, s.Name.Name)
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
		"FieldError":            &submission.FieldError{Field: "url", Says: "is wrong"},
		"FormatError":           &submission.FormatError{Is: submission.FormatFEC},
		"DocumentTypeError":     &submission.DocumentTypeError{Field: "data", Says: "is wrong"},
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
	s := &Writes{log: slog.New(slog.DiscardHandler), refuse: func(context.Context, string) error {
		return apierror.New(codes.PermissionDenied, looppb.ErrorReason_ERROR_REASON_CALLER_NOT_ALLOWED, "not allowed")
	}}
	for _, name := range all {
		err, listed := table[name]
		if !listed {
			t.Errorf("%s stands in no row of this test", name)
			continue
		}
		told := s.told(t.Context(), err)
		if code := status.Code(told); code == codes.OK || code == codes.Unknown && name != "OutcomeError" ||
			apierror.ReasonOf(told) == looppb.ErrorReason_ERROR_REASON_UNSPECIFIED || status.Convert(told).Message() == "" {
			t.Errorf("%s is told as %v", name, told)
		}
	}
	if got := slices.Sorted(maps.Keys(table)); len(got) != len(all) {
		t.Errorf("%v of %v", got, all)
	}
}

// TestWordsFitTheKindOfWrite: each kind has its own, and none is forgotten.
func TestWordsFitTheKindOfWrite(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range ledger.Kinds() {
		w := wordsOf(kind)
		for _, each := range []string{w.it, w.again, w.twice, w.nothing, w.mend, w.look} {
			if each == "" {
				t.Errorf("%s: %+v", kind, w)
			}
		}
		if seen[w.again] {
			t.Errorf("%s speaks as another kind: %s", kind, w.again)
		}
		seen[w.again] = true
	}
}

// TestALateAnswerTellsItsReason: also one of a row that holds the reason in its message.
func TestALateAnswerTellsItsReason(t *testing.T) {
	for _, late := range []ledger.LateAnswer{
		{Cause: "refused", Message: "Le journal est clos."},
		{Message: "LOOP_REFUSED Le journal est clos."},
	} {
		late.Time = time.Unix(0, 0)
		got := resolutionMessage(ledger.Record{Resolution: &ledger.Resolution{Late: []ledger.LateAnswer{late}}}).GetLateAnswers()[0].GetMessage()
		if got != "LOOP_REFUSED Le journal est clos." {
			t.Errorf("%+v is told as %q", late, got)
		}
	}
}
