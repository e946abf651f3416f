package ledger

import (
	"errors"
	"fmt"
	"testing"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// TestWhatIsErasedOfAPractice are names; what stays knows the write again. On both databases; on one over more rows than a batch has.
func TestWhatIsErasedOfAPractice(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		l, err := Temporary(t.Context(), nil)
		testkit.OK(t, err)
		t.Cleanup(func() { _ = l.Close() })
		erased(t, l, retainBatch+3)
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := at(pgtest.Shared(t).Database(t))
		testkit.OK(t, InitPostgres(t.Context(), dsn))
		l, err := OpenPostgres(t.Context(), dsn)
		testkit.OK(t, err)
		t.Cleanup(func() { _ = l.Close() })
		erased(t, l, 5)
	})
}

func erased(t *testing.T, l *Ledger, writes int) {
	begin := func(practice, id string) Begun {
		t.Helper()
		s := entriesOf(id)
		s.Practice, s.Metadata, s.File = practice, map[string]string{"writer": "Marianne"}, &File{Name: "Dupont.txt", SHA256: "00ff"}
		s.Findings = []check.Finding{{Message: "Dupont"}}
		begun, err := l.Begin(t.Context(), s, "owner")
		testkit.OK(t, err)
		return begun
	}
	settle := func(b Begun) {
		t.Helper()
		testkit.OK(t, l.Submitting(t.Context(), b.Key, 1, "owner", 0))
		if _, err := l.Settle(t.Context(), b.Key, 1, "owner", Outcome{State: Uncertain, Error: &Failure{Cause: CauseWithoutID, LoopMessage: "Dupont", HTTPStatus: 500}}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range writes - 1 {
		settle(begin("gone", fmt.Sprint("FA-", n)))
	}
	settle(begin("stays", "FA-0"))
	last := begin("gone", "FA-last")
	if err := l.Erase(t.Context(), "gone"); !errors.Is(err, ErrNotFinal) {
		t.Fatalf("while something is under way: %v", err)
	}
	settle(last)
	before := map[Key]Record{}
	if err := l.Each(t.Context(), "gone", func(r Record) error { before[r.Key] = r; return nil }); err != nil || len(before) != writes {
		t.Fatalf("%d writes, %v", len(before), err)
	}
	if left, err := l.Remains(t.Context(), "gone"); err != nil || left.Submissions() != writes || left.NotFinal() != 0 {
		t.Errorf("%+v, %v", left, err)
	}
	for range 2 {
		testkit.OK(t, l.Erase(t.Context(), "gone"))
	}
	for key, was := range before {
		got, err := l.Get(t.Context(), key)
		testkit.OK(t, err)
		if len(got.DocumentReferences)+len(got.Metadata)+len(got.Findings) != 0 || got.File.Name != "" || got.Error.LoopMessage != "" {
			t.Fatalf("it keeps %+v", got)
		}
		if got.Fingerprint != was.Fingerprint || got.State != was.State || got.Totals != was.Totals || got.File.SHA256 != "00ff" || got.Error.HTTPStatus != 500 || !got.Updated.Equal(was.Updated) {
			t.Fatalf("it loses something: %+v, before %+v", got, was)
		}
	}
	if got, err := l.Get(t.Context(), Key{"stays", "D1", Imports, "FA-0"}); err != nil || got.Metadata["writer"] != "Marianne" || len(got.DocumentReferences) != 1 {
		t.Errorf("another practice: %+v, %v", got, err)
	}
	if found, err := l.read(t.Context(), selectRow+`WHERE practice = 'gone' AND document_references <> ''`); err != nil || len(found) != 0 {
		t.Errorf("%d rows keep references, %v", len(found), err)
	}
}
