package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

func entriesOf(id string) Submission {
	return Submission{
		Key: Key{"demo", "D1", Imports, id}, Caller: "billing", Kind: KindEntries, Fingerprints: []Fingerprint{fingerprintOf(1, []byte(id))},
		DocumentReferences: []string{id}, Totals: Totals{Entries: 1, Lines: 2, Debit: "1.00", Credit: "1.00", FirstDate: "2026-01-01", LastDate: "2026-01-01"},
	}
}

func sentOf(r Record) Sent {
	return Sent{Key: r.Key, Caller: r.Caller, Kind: r.Kind, Fingerprint: r.Fingerprint, Totals: r.Totals, Attempt: r.Attempt, Owner: r.Owner, Time: time.Now().UTC().Truncate(time.Microsecond)}
}

// TestALedgerOlderThanItsAuditSendsNothing until it is restored; several servers on one database, if only one of them knows.
func TestALedgerOlderThanItsAuditSendsNothing(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		l, err := Temporary(t.Context(), nil)
		testkit.OK(t, err)
		t.Cleanup(func() { _ = l.Close() })
		heldUntilRestored(t, l, l)
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := at(pgtest.Shared(t).Database(t))
		testkit.OK(t, InitPostgres(t.Context(), dsn))
		var servers []*Ledger
		for range 2 {
			l, err := OpenPostgres(t.Context(), dsn)
			testkit.OK(t, err)
			t.Cleanup(func() { _ = l.Close() })
			servers = append(servers, l)
		}
		heldUntilRestored(t, servers[0], servers[1])
	})
}

func heldUntilRestored(t *testing.T, l, other *Ledger) {
	begin := func(l *Ledger, id string) (Begun, error) { return l.Begin(t.Context(), entriesOf(id), "owner/"+id) }
	received, err := begin(l, "FA-1")
	testkit.OK(t, err)
	commit := l.Commit()
	if commit == 0 {
		t.Fatal("a commit has no number")
	}
	again, err := begin(l, "FA-2") // begun, turned away, and begun again after the copy was made
	if err == nil {
		_, err = l.Settle(t.Context(), again.Key, 1, "owner/FA-2", Outcome{State: NotSent})
	}
	testkit.OK(t, err)
	if l.Commit() != commit+2 {
		t.Errorf("after commit %d and two more it is at %d", commit, l.Commit())
	}
	WithAudited(l.Commit() + 10)(l)
	refused := func(l *Ledger) {
		t.Helper()
		if _, err := begin(l, "FA-3"); !errors.Is(err, ErrOlder) {
			t.Errorf("begun: %v", err)
		}
		if err := l.Submitting(t.Context(), received.Key, 1, "owner/FA-1", time.Second); !errors.Is(err, ErrOlder) {
			t.Errorf("sent: %v", err)
		}
		if err := l.Ping(t.Context()); !errors.Is(err, ErrOlder) {
			t.Errorf("asked: %v", err)
		}
		if done, err := l.Recover(t.Context(), "another"); err != nil || done != (Recovered{}) {
			t.Errorf("settled: %+v, %v", done, err)
		}
		// It may have been sent since.
		for _, id := range []string{"FA-2", "FA-6"} {
			if got, err := l.Get(t.Context(), Key{"demo", "D1", Imports, id}); !errors.Is(err, ErrOlder) {
				t.Errorf("%s, which may have been sent, is %q: %v", id, got.State, err)
			}
		}
		if got, _, err := l.List(t.Context(), Query{Collection: Imports, Limit: 10}); !errors.Is(err, ErrOlder) {
			t.Errorf("%d rows are listed, %v", len(got), err)
		}
	}
	refused(l)
	refused(other)
	if got, err := l.Get(t.Context(), received.Key); err != nil || got.State != Received {
		t.Errorf("the row is %s, %v", got.State, err)
	}

	second := sentOf(again.Record)
	second.Attempt, second.Owner, second.Fingerprint = 2, "owner/again", fingerprintOf(1, []byte("other"))
	unknown := sentOf(Record{Key: Key{"demo", "D1", Documents, "FA-4"}, Caller: "billing", Kind: KindDocument, Attempt: 1, Owner: "owner/FA-4", Fingerprint: fingerprintOf(1)})
	turnedAway := sentOf(Record{Key: Key{"demo", "D1", Imports, "FA-5"}, Caller: "billing", Kind: KindEntries, Attempt: 1, Owner: "owner/FA-5"})
	turnedAway.State = NotSent
	followed := sentOf(Record{Key: Key{"demo", "D1", Imports, "FA-6"}, Caller: "billing", Kind: KindEntries, Attempt: 1, Owner: "owner/FA-6"})
	followed.State, followed.LoopRequestID = Waiting, "loop-6"
	all := []Sent{sentOf(received.Record), sentOf(again.Record), second, unknown, turnedAway, followed}
	done, err := l.Restore(t.Context(), all, commit+20)
	if err != nil || len(done.Forgotten) != 4 || done.Known != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, each := range done.Forgotten {
		got, err := l.Get(t.Context(), each.Key)
		if err != nil || got.State != Uncertain || len(got.DocumentReferences) != 0 || got.Error == nil || got.Error.Cause != CauseForgotten {
			t.Errorf("%s: %+v, %v", each.RequestID, got, err)
		}
	}
	if got, _ := l.Get(t.Context(), again.Key); got.Attempt != 2 || got.Fingerprint != second.Fingerprint {
		t.Errorf("a later attempt is %d of %s", got.Attempt, got.Fingerprint)
	}
	if got, _ := l.Get(t.Context(), followed.Key); got.LoopRequestID != "loop-6" || got.Abandoned {
		t.Errorf("of what Loop had accepted: %+v", got)
	}
	if _, err := l.Get(t.Context(), turnedAway.Key); !errors.Is(err, ErrUnknown) {
		t.Errorf("of what was turned away: %v", err)
	}
	if done, err := l.Restore(t.Context(), all, commit+20); err != nil || len(done.Forgotten) != 0 {
		t.Errorf("once more: %+v, %v", done, err)
	}
	if _, err := begin(other, "FA-3"); err != nil {
		t.Errorf("then: %v", err)
	}
	// The owner lives, of another server, and has an answer.
	if got, err := l.Settle(t.Context(), received.Key, 1, "owner/FA-1", Outcome{State: Waiting, LoopRequestID: "loop-1"}); err != nil || got.State != Waiting {
		t.Errorf("a late answer: %s, %v", got.State, err)
	}
}

// TestARestoreGoesByCommits: of an id that a restored ledger has forgotten, attempts are counted anew. A second restore must not
// take the last attempt of the first count for the last of all: what was sent in the second would be sent again.
func TestARestoreGoesByCommits(t *testing.T) {
	onEach(t, func(t *testing.T, temporary opener) {
		of := func(id string, attempt int, state State, commit int64) Sent {
			s := sentOf(Record{Key: key(id), Caller: "billing", Kind: KindEntries, Attempt: attempt, Owner: fmt.Sprint("owner/", id, commit)})
			s.State, s.Commit = state, commit
			return s
		}
		l := temporary(t, nil)
		for _, id := range []string{"older", "newer"} {
			for range 2 {
				r := begin(t, l, submission(id, id))
				if _, err := l.Settle(t.Context(), r.Key, r.Attempt, r.Owner, Outcome{State: NotSent}); err != nil {
					t.Fatal(err)
				}
			}
		}
		copied := l.Commit()
		sent := []Sent{
			of("unknown", 1, Waiting, copied+20), of("unknown", 3, NotSent, 1), of("unknown", 2, NotSent, 1), // in any order
			of("older", 1, NotSent, 1), of("older", 1, "", copied+20),
			of("newer", 1, "", 1), // which the copy has seen end
		}
		for range 2 { // it may be repeated
			done, err := l.Restore(t.Context(), sent, copied+20)
			testkit.OK(t, err)
			for _, each := range done.Forgotten {
				if each.Attempt != 1 || each.RequestID == "newer" {
					t.Errorf("%s: attempt %d is restored", each.RequestID, each.Attempt)
				}
			}
			for id, want := range map[string]State{"unknown": Uncertain, "older": Uncertain, "newer": NotSent} {
				if r, err := l.Get(t.Context(), key(id)); err != nil || r.State != want {
					t.Errorf("%s is %s, %v", id, r.State, err)
				}
			}
		}
	})
}
