package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/internal/testkit"
)

// clock is a clock that stops until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// opener returns an empty ledger that ends with the test.
type opener func(t testing.TB, clock func() time.Time) *Ledger

// onEach runs a test on each database.
func onEach(t *testing.T, test func(*testing.T, opener)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, temporary) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, onPostgres) })
}

func temporary(t testing.TB, clock func() time.Time) *Ledger {
	t.Helper()
	l, err := Temporary(t.Context(), clock)
	testkit.OK(t, err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

const owner = "server-1"

func key(id string) Key { return Key{"demo", "CEGID001", Imports, id} }

func submission(id, content string) Submission {
	return Submission{
		Key: key(id), Caller: "billing", Kind: KindEntries, Format: "ENTRIES",
		Fingerprints:       []Fingerprint{fingerprintOf(1, []byte(content))},
		Metadata:           map[string]string{"job": "é"},
		DocumentReferences: []string{"FA-" + content},
		Totals:             Totals{Entries: 1, Lines: 2, Debit: "120.00", Credit: "120.00", FirstDate: "2026-02-27", LastDate: "2026-02-28"},
		Findings:           []check.Finding{{Code: "LABEL_CUT", Severity: check.Notice, Field: "entries[0]", Suggestions: []string{"x"}}},
		File:               &File{Name: "é.csv", Deposit: "d", SHA256: "00", Host: "h"},
	}
}

func begin(t testing.TB, l *Ledger, s Submission) Begun {
	t.Helper()
	b, err := l.Begin(t.Context(), s, owner)
	testkit.OK(t, err)
	return b
}

func submitting(t testing.TB, l *Ledger, b Begun) {
	t.Helper()
	testkit.OK(t, l.Submitting(t.Context(), b.Key, b.Attempt, b.Owner, time.Minute))
}

func settle(t testing.TB, l *Ledger, b Begun, outcome Outcome) Record {
	t.Helper()
	r, err := l.Settle(t.Context(), b.Key, b.Attempt, b.Owner, outcome)
	testkit.OK(t, err)
	return r
}

// reach begins a submission and brings it to a state.
func reach(t testing.TB, l *Ledger, s Submission, state State) Record {
	t.Helper()
	b := begin(t, l, s)
	if state == Received {
		return b.Record
	}
	if state == NotSent {
		return settle(t, l, b, Outcome{State: NotSent})
	}
	submitting(t, l, b)
	switch state {
	case Submitting:
	case Refused, Uncertain:
		settle(t, l, b, Outcome{State: state, Error: &Failure{Cause: "refused"}})
	default:
		settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-" + s.RequestID})
		if state != Waiting {
			follow(t, l, get(t, l, s.Key), Progress{State: state})
		}
	}
	return get(t, l, s.Key)
}

// about is the question that a row is due for.
func about(r Record) Question {
	return Question{
		Key: r.Key, Attempt: r.Attempt, State: r.State, LoopRequestID: r.LoopRequestID, NextPoll: r.NextPoll,
		submitted: micros(r.Submitted), asked: micros(r.Asked), followed: r.FollowAge.Microseconds(),
	}
}

// grow has Loop asked about a row for so long, and say nothing that ends it.
func grow(t testing.TB, l *Ledger, c *clock, r Record, passes time.Duration) Record {
	t.Helper()
	for ; passes > 0; passes -= AskGap {
		c.pass(min(AskGap, passes))
		r = follow(t, l, r, Progress{State: r.State, Pause: AskGap})
	}
	return r
}

// follow commits what Loop says of a row.
func follow(t testing.TB, l *Ledger, r Record, progress Progress) Record {
	t.Helper()
	testkit.OK(t, l.Followed(t.Context(), about(r), progress))
	return get(t, l, r.Key)
}

func get(t testing.TB, l *Ledger, key Key) Record {
	t.Helper()
	r, err := l.Get(t.Context(), key)
	testkit.OK(t, err)
	return r
}

func TestARowComesBackAsItWasStored(t *testing.T) { onEach(t, aRowComesBackAsItWasStored) }

func aRowComesBackAsItWasStored(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	s := submission("r1", "one")
	b := begin(t, l, s)
	if got := get(t, l, s.Key); !reflect.DeepEqual(got, b.Record) {
		t.Errorf("RECEIVED: %+v\nwant %+v", got, b.Record)
	}
	received := c.Now()
	c.pass(time.Second + time.Microsecond)
	submitting(t, l, b)
	submitted := c.Now()
	c.pass(time.Second)
	next := c.Now().Add(time.Minute)
	settled := settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-1", Pause: time.Minute})
	want := Record{
		Key: s.Key, Caller: "billing", Kind: KindEntries, Format: "ENTRIES", Fingerprint: s.Fingerprints[0], Metadata: s.Metadata,
		DocumentReferences: s.DocumentReferences, Totals: s.Totals, Findings: s.Findings, File: s.File, State: Waiting, Attempt: 1, Owner: owner,
		LoopRequestID: "loop-1", NextPoll: next, Created: received, Received: received, Updated: c.Now(), Submitted: submitted,
	}
	for _, got := range []Record{settled, get(t, l, s.Key)} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("WAITING: %+v\nwant %+v", got, want)
		}
	}
	c.pass(time.Minute)
	failure := &Failure{Cause: "refused", Detail: "m", LoopMessage: "Période clôturée", LoopInstanceID: "i", HTTPStatus: 200}
	followed := follow(t, l, settled, Progress{State: Failed, Error: failure})
	want.State, want.Error, want.Polls, want.NextPoll, want.Updated, want.Finished = Failed, failure, 1, time.Time{}, c.Now(), c.Now()
	want.Asked, want.FollowAge = c.Now(), time.Minute+time.Second
	for _, got := range []Record{followed, get(t, l, s.Key)} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("FAILED: %+v\nwant %+v", got, want)
		}
	}
}

func TestRepeatingAnId(t *testing.T) { onEach(t, repeatingAnId) }

func repeatingAnId(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	for _, state := range States() {
		t.Run(string(state), func(t *testing.T) {
			id := strings.ToLower(string(state))
			first := reach(t, l, submission(id, id), state)
			again := state.NothingBooked()

			for name, change := range map[string]func(*Submission){
				"caller": func(s *Submission) { s.Caller = "payroll" },
				"kind":   func(s *Submission) { s.Kind = KindDocument },
			} {
				s := submission(id, id)
				change(&s)
				if again { // then the id is free
					s = submission(id+"-"+name, name)
					reach(t, l, s, state)
					change(&s)
				}
				b, err := l.Begin(t.Context(), s, "server-2")
				if again && (err != nil || b.Existing || b.Attempt != 2 || b.Caller != s.Caller || b.Kind != s.Kind) || !again && !errors.Is(err, ErrReused) {
					t.Errorf("another %s: %+v, %v", name, b, err)
				}
				if again {
					settle(t, l, Begun{Record: b.Record}, Outcome{State: NotSent})
				}
			}
			if !again {
				if _, err := l.Begin(t.Context(), submission(id, id+"-changed"), "server-2"); !errors.Is(err, ErrReused) {
					t.Errorf("other content: %v", err)
				}
				b, err := l.Begin(t.Context(), submission(id, id), "server-2")
				if err != nil || !b.Existing || !reflect.DeepEqual(b.Record, first) {
					t.Errorf("the same content: %+v, %v", b, err)
				}
				return
			}
			s := submission(id, id+"-changed")
			s.Findings, s.Metadata = nil, map[string]string{"job": "2"}
			b, err := l.Begin(t.Context(), s, "server-2")
			if err != nil || b.Existing {
				t.Fatalf("other content: %+v, %v", b, err)
			}
			got := get(t, l, s.Key)
			if got.Attempt != 2 || got.State != Received || got.Owner != "server-2" || got.Fingerprint != s.Fingerprints[0] || !maps.Equal(got.Metadata, s.Metadata) ||
				got.Findings != nil || got.Error != nil || !got.Submitted.IsZero() || !got.Finished.IsZero() || !got.Created.Equal(first.Created) {
				t.Errorf("the second attempt: %+v", got)
			}
			for reference, want := range map[string]int{"FA-" + id: 0, "FA-" + id + "-changed": 1} {
				found, _, err := l.List(t.Context(), Query{Collection: Imports, Practice: "demo", DocumentReference: reference, Limit: 10})
				if err != nil || len(found) != want {
					t.Errorf("%d rows of %s: %v", len(found), reference, err)
				}
			}
			if _, err := l.Settle(t.Context(), s.Key, 1, owner, Outcome{State: NotSent}); !errors.Is(err, ErrLost) {
				t.Errorf("the first attempt is settled again: %v", err)
			}
		})
	}
}

func TestTheSameContentUnderAnotherId(t *testing.T) { onEach(t, theSameContentUnderAnotherId) }

func theSameContentUnderAnotherId(t *testing.T, temporary opener) {
	for _, state := range States() {
		t.Run(string(state), func(t *testing.T) {
			c := newClock()
			l := temporary(t, c.Now)
			first := reach(t, l, submission("r1", "one"), state)

			elsewhere := submission("r2", "one")
			elsewhere.Dossier = "CEGID003"
			begin(t, l, elsewhere)
			other := submission("r2", "one")
			other.Practice = "partner"
			begin(t, l, other)
			scheme := submission("r3", "one")
			scheme.Fingerprints[0].Scheme++
			begin(t, l, scheme)

			s := submission("r4", "one")
			s.Caller = "payroll"
			_, err := l.Begin(t.Context(), s, owner)
			duplicate, is := errors.AsType[*DuplicateError](err)
			if is == state.NothingBooked() || is && !reflect.DeepEqual(duplicate.Of, first) {
				t.Fatalf("%v", err)
			}
			if !is {
				return
			}
			if _, err := l.Get(t.Context(), s.Key); !errors.Is(err, ErrUnknown) {
				t.Errorf("the duplicate was stored: %v", err)
			}
			s.AllowDuplicate = true
			if b := begin(t, l, s); b.Existing {
				t.Errorf("a duplicate that is meant: %+v", b)
			}
			settle(t, l, Begun{Record: get(t, l, s.Key)}, Outcome{State: NotSent})
			s.AllowDuplicate = false
			if _, err := l.Begin(t.Context(), s, owner); err == nil {
				t.Error("a second attempt is no duplicate")
			}
			c.pass(DuplicateWithin)
			_, err = l.Begin(t.Context(), s, owner)
			if _, is := errors.AsType[*DuplicateError](err); is == (state == Received) { // which was NOT_SENT by then
				t.Errorf("30 days later: %v", err)
			}
			c.pass(time.Microsecond)
			b, err := l.Begin(t.Context(), s, owner)
			if _, is := errors.AsType[*DuplicateError](err); is != state.Following() || !is && (err != nil || b.State != Received) { // what is not final stays
				t.Errorf("after 30 days: %+v, %v", b, err)
			}
		})
	}
}

func TestBeginSettlesWhatItMeetsOverItsLease(t *testing.T) {
	onEach(t, beginSettlesWhatItMeetsOverItsLease)
}

func beginSettlesWhatItMeetsOverItsLease(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	received, sent := submission("r1", "one"), submission("r2", "two")
	reach(t, l, received, Received)
	reach(t, l, sent, Submitting)
	c.pass(Lease)

	s := submission("r3", "one")
	begin(t, l, s)
	if r := get(t, l, received.Key); r.State != NotSent || r.Error == nil || r.Error.Cause != CauseOrphanedUnsent {
		t.Errorf("%+v", r)
	}
	b, err := l.Begin(t.Context(), sent, "server-2")
	if err != nil || !b.Existing || b.State != Uncertain || !b.Abandoned || b.Error == nil || b.Error.Cause != CauseOrphaned || b.Finished.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
	// What was settled stays so although the caller is refused.
	reach(t, l, submission("r4", "four"), Submitting)
	c.pass(Lease)
	if _, err := l.Begin(t.Context(), submission("r5", "four"), owner); err == nil {
		t.Error("not a duplicate")
	}
	if r := get(t, l, key("r4")); r.State != Uncertain {
		t.Errorf("%+v", r)
	}
}

func TestOnlyTheOwnerOfAnAttemptSends(t *testing.T) { onEach(t, onlyTheOwnerOfAnAttemptSends) }

func onlyTheOwnerOfAnAttemptSends(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	b := begin(t, l, submission("r1", "one"))
	call := func(attempt int, owner string, limit time.Duration) error {
		return l.Submitting(t.Context(), b.Key, attempt, owner, limit)
	}
	if err := l.Submitting(t.Context(), key("r0"), 1, owner, time.Minute); !errors.Is(err, ErrUnknown) {
		t.Errorf("no row: %v", err)
	}
	if err := call(2, owner, time.Minute); !errors.Is(err, ErrLost) {
		t.Errorf("another attempt: %v", err)
	}
	if err := call(1, "server-2", time.Minute); !errors.Is(err, ErrLost) {
		t.Errorf("another owner: %v", err)
	}
	if err := call(1, owner, Lease+time.Microsecond); !errors.Is(err, ErrLease) {
		t.Errorf("a short lease: %v", err)
	}
	if r := get(t, l, b.Key); r.State != Received || !r.Submitted.IsZero() {
		t.Errorf("%+v", r)
	}
	if err := call(1, owner, Lease); err != nil {
		t.Error(err)
	}
	if err := call(1, owner, time.Minute); !errors.Is(err, ErrLost) {
		t.Errorf("twice: %v", err)
	}
}

func TestAWriteThatLoopCarriesOutAtOnce(t *testing.T) { onEach(t, aWriteThatLoopCarriesOutAtOnce) }

func aWriteThatLoopCarriesOutAtOnce(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	done := Outcome{State: Succeeded, LoopIDs: map[string]string{"objectId": "7f0b", "depot.id": "91aa"}}
	b := begin(t, l, submission("r1", "one"))
	submitting(t, l, b)
	r := settle(t, l, b, done)
	if r.State != Succeeded || r.Finished.IsZero() || !r.NextPoll.IsZero() || !r.LeaseUntil.IsZero() || !reflect.DeepEqual(r.LoopIDs, done.LoopIDs) {
		t.Errorf("%+v", r)
	}
	if again := settle(t, l, b, done); !reflect.DeepEqual(again, r) || !reflect.DeepEqual(get(t, l, b.Key), r) {
		t.Errorf("repeated: %+v", again)
	}
	for _, o := range []Outcome{{State: Waiting, LoopRequestID: "x"}, {State: Refused}, {State: NotSent}, {State: Uncertain}} {
		if _, err := l.Settle(t.Context(), b.Key, 1, owner, o); !errors.Is(err, ErrLost) {
			t.Errorf("%s after it was done: %v", o.State, err)
		}
	}
	if due, _, err := l.Due(t.Context(), -time.Hour, func(string) int { return 10 }); err != nil || len(due) > 0 {
		t.Errorf("Loop is to be asked about %v, %v", due, err)
	}

	// The owner's late word settles what others gave up, and a row that is asked about is no such row.
	b = begin(t, l, submission("r2", "two"))
	submitting(t, l, b)
	c.pass(Lease)
	if n, err := l.Expire(t.Context()); err != nil || n != (Recovered{Uncertain: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	if r := settle(t, l, b, done); r.State != Succeeded || r.Error != nil || r.Abandoned {
		t.Errorf("the late answer: %+v", r)
	}
	waiting := reach(t, l, submission("r3", "three"), Waiting)
	if _, err := l.Settle(t.Context(), waiting.Key, 1, owner, done); !errors.Is(err, ErrLost) {
		t.Errorf("an accepted import that is done at once: %v", err)
	}
}

// One id names an import in each dossier, and a document and a raw call beside it.
func TestAnIdIsOfItsDossierAndCollection(t *testing.T) { onEach(t, anIDIsOfItsDossierAndCollection) }

func anIDIsOfItsDossierAndCollection(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	for i, k := range []Key{
		{"demo", "CEGID001", Imports, "F-1"},
		{"demo", "CEGID003", Imports, "F-1"},
		{"demo", "CEGID001", Documents, "F-1"},
		{"demo", "CEGID001", RawCalls, "F-1"},
		{"demo", "", RawCalls, "F-1"},
		{"partner", "CEGID001", Imports, "F-1"},
	} {
		s := submission("", fmt.Sprint(i))
		s.Key = k
		if b := begin(t, l, s); b.Existing {
			t.Errorf("%+v is not a submission of its own", k)
		}
		if b := begin(t, l, s); !b.Existing || b.Key != k {
			t.Errorf("%+v again: %+v", k, b)
		}
		if r := get(t, l, k); r.Key != k || r.Fingerprint != s.Fingerprints[0] {
			t.Errorf("%+v: %+v", k, r)
		}
	}
	for collection, want := range map[Collection]int{Imports: 2, Documents: 1, RawCalls: 2} {
		rows, _, err := l.List(t.Context(), Query{Collection: collection, Practice: "demo", Limit: 10})
		if err != nil || len(rows) != want {
			t.Errorf("%q: %d rows, %v; want %d", collection, len(rows), err, want)
		}
	}
}

// A repeat is known by the scheme that its row was made in, and so is the same content under another id.
func TestASchemeLivesAsLongAsItsRows(t *testing.T) { onEach(t, aSchemeLivesAsLongAsItsRows) }

func aSchemeLivesAsLongAsItsRows(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	first := reach(t, l, submission("r1", "one"), Succeeded)
	today := func(id, content string) Submission {
		s := submission(id, content)
		s.Fingerprints = []Fingerprint{fingerprintOf(2, []byte(content)), fingerprintOf(1, []byte(content))}
		return s
	}
	if b := begin(t, l, today("r1", "one")); !b.Existing || !reflect.DeepEqual(b.Record, first) {
		t.Errorf("the repeat: %+v", b)
	}
	if _, err := l.Begin(t.Context(), today("r1", "two"), owner); !errors.Is(err, ErrReused) {
		t.Errorf("other content: %v", err)
	}
	if _, err := l.Begin(t.Context(), today("r2", "one"), owner); !errors.As(err, new(*DuplicateError)) {
		t.Errorf("another id: %v", err)
	}
	if b := begin(t, l, today("r3", "three")); b.Fingerprint.Scheme != 2 {
		t.Errorf("a new row is of scheme %d", b.Fingerprint.Scheme)
	}
}

func TestSettlingMayBeRepeatedAndLate(t *testing.T) { onEach(t, settlingMayBeRepeatedAndLate) }

func settlingMayBeRepeatedAndLate(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	accepted := Outcome{State: Waiting, LoopRequestID: "loop-1"}

	b := begin(t, l, submission("r1", "one"))
	for _, o := range []Outcome{accepted, {State: Succeeded}, {State: Refused}, {State: Uncertain}} {
		if _, err := l.Settle(t.Context(), b.Key, 1, owner, o); !errors.Is(err, ErrLost) {
			t.Errorf("%s before anything was sent: %v", o.State, err)
		}
	}
	submitting(t, l, b)
	for _, o := range []Outcome{{State: Waiting}, {State: Refused, LoopRequestID: "x"}, {State: Succeeded, LoopRequestID: "x"}, {State: Refused, LoopIDs: map[string]string{"id": "x"}}, {State: Received}} {
		if _, err := l.Settle(t.Context(), b.Key, 1, owner, o); !errors.Is(err, ErrTransition) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := l.Settle(t.Context(), b.Key, 1, "server-2", accepted); !errors.Is(err, ErrLost) {
		t.Errorf("another owner: %v", err)
	}
	c.pass(Lease)
	if n, err := l.Expire(t.Context()); err != nil || n != (Recovered{Uncertain: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	late := settle(t, l, b, accepted)
	if late.State != Waiting || late.Error != nil || late.Abandoned || !late.Finished.IsZero() || late.NextPoll.IsZero() {
		t.Errorf("the late answer: %+v", late)
	}
	if again := settle(t, l, b, accepted); !reflect.DeepEqual(again, late) {
		t.Errorf("repeated: %+v", again)
	}
	if _, err := l.Settle(t.Context(), b.Key, 1, owner, Outcome{State: Waiting, LoopRequestID: "loop-2"}); !errors.Is(err, ErrLost) {
		t.Errorf("another id: %v", err)
	}
	follow(t, l, get(t, l, b.Key), Progress{State: Succeeded})
	if again := settle(t, l, b, accepted); again.State != Succeeded {
		t.Errorf("repeated when it was followed: %+v", again)
	}

	given := reach(t, l, submission("r2", "two"), Uncertain)
	if r, err := l.Settle(t.Context(), given.Key, 1, owner, accepted); !errors.Is(err, ErrLost) || r.State != Uncertain {
		t.Errorf("what the owner itself gave up: %+v, %v", r, err)
	}
	for _, state := range []State{Refused, NotSent, Uncertain} {
		b := begin(t, l, submission("late-"+strings.ToLower(string(state)), string(state)))
		submitting(t, l, b)
		c.pass(Lease)
		if _, err := l.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := settle(t, l, b, Outcome{State: state}); r.State != state || r.Abandoned {
			t.Errorf("late %s: %+v", state, r)
		}
	}
}

func TestAnAttemptThatWasNotSentIsNeverSent(t *testing.T) {
	onEach(t, anAttemptThatWasNotSentIsNeverSent)
}

func anAttemptThatWasNotSentIsNeverSent(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	b := begin(t, l, submission("r1", "one"))
	c.pass(Lease)
	if n, err := l.Expire(t.Context()); err != nil || n != (Recovered{NotSent: 1}) {
		t.Fatalf("%+v, %v", n, err)
	}
	if err := l.Submitting(t.Context(), b.Key, b.Attempt, owner, 0); !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
	if r := settle(t, l, b, Outcome{State: NotSent}); r.State != NotSent {
		t.Errorf("%+v", r)
	}
}

func TestRecoverLeavesTheOwnersRows(t *testing.T) {
	l := temporary(t, nil)
	for i, state := range States() {
		reach(t, l, submission(fmt.Sprint(i), fmt.Sprint(i)), state)
	}
	if n, err := l.Recover(t.Context(), owner); err != nil || n != (Recovered{}) {
		t.Errorf("%+v, %v", n, err)
	}
	if n, err := l.Expire(t.Context()); err != nil || n != (Recovered{}) {
		t.Errorf("%+v, %v", n, err)
	}
	if n, err := l.Recover(t.Context(), "server-2"); err != nil || n != (Recovered{NotSent: 1, Uncertain: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	counts, err := l.CountByState(t.Context())
	want := map[State]int{Waiting: 1, Running: 1, Succeeded: 1, Failed: 1, NotSent: 2, Refused: 1, Uncertain: 2}
	if err != nil || !reflect.DeepEqual(counts, want) {
		t.Errorf("%v, %v", counts, err)
	}
}

func TestFollowing(t *testing.T) { onEach(t, following) }

func following(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	first := reach(t, l, submission("r1", "one"), Waiting)
	c.pass(time.Second)
	reach(t, l, submission("r2", "two"), Waiting)
	due := func(want ...string) {
		t.Helper()
		rows, _, err := l.Due(t.Context(), 2*time.Hour, func(string) int { return 10 })
		var got []string
		for _, r := range rows {
			got = append(got, r.RequestID)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("due are %v, not %v: %v", got, want, err)
		}
	}
	follow := func(from State, p Progress) (Record, error) {
		asked := about(get(t, l, first.Key))
		asked.State = from
		err := l.Followed(t.Context(), asked, p)
		return get(t, l, first.Key), err
	}
	due("r1", "r2")
	updated := first.Updated
	r, err := follow(Waiting, Progress{Pause: time.Hour, FollowError: "Loop answers 404"})
	if err != nil || r.State != Waiting || r.FollowError == "" || r.Polls != 1 || !r.NextPoll.Equal(c.Now().Add(time.Hour)) || !r.Updated.Equal(updated) {
		t.Errorf("%+v, %v", r, err)
	}
	due("r2")
	if r, err = follow(Waiting, Progress{State: Running, Pause: time.Hour}); err != nil || r.State != Running || r.FollowError != "" || !r.Updated.Equal(c.Now()) {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = follow(Waiting, Progress{State: Succeeded}); !errors.Is(err, ErrLost) || r.State != Running {
		t.Errorf("from a state that it has left: %+v, %v", r, err)
	}
	if r, err = follow(Running, Progress{State: Waiting, Pause: time.Hour}); err != nil || r.State != Running {
		t.Errorf("a step back of Loop's: %+v, %v", r, err)
	}
	if _, err = follow(Running, Progress{State: Refused}); !errors.Is(err, ErrTransition) {
		t.Errorf("%v", err)
	}
	if r = grow(t, l, c, r, FollowFor-2*time.Second); r.State != Running {
		t.Errorf("shortly before a week: %+v", r)
	}
	c.pass(time.Second)
	if r, err = follow(Running, Progress{State: Running, FollowError: "Loop answers 404"}); err != nil || r.State != Uncertain || r.Abandoned ||
		r.Error == nil || r.FollowError == "" || !r.NextPoll.Equal(c.Now().Add(AskUncertain)) || r.Finished.IsZero() {
		t.Errorf("a week after: %+v, %v", r, err)
	}
	c.pass(time.Hour)
	second := about(get(t, l, key("r2")))
	if err = l.Followed(t.Context(), second, Progress{State: Succeeded}); err != nil || get(t, l, key("r2")).State != Succeeded {
		t.Errorf("an answer, however late: %v", err)
	}
	due()
	c.pass(AskUncertain)
	due("r1")
	second.RequestID = "r0"
	if err := l.Followed(t.Context(), second, Progress{}); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
}

// TestWhatAClockHasPutOffIsDue: a clock that goes back must not stop following until it is there again.
func TestWhatAClockHasPutOffIsDue(t *testing.T) { onEach(t, whatAClockHasPutOffIsDue) }

func whatAClockHasPutOffIsDue(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	if _, _, err := l.Due(t.Context(), time.Hour, hundred); err != nil { // from now on it sees no step of its clock
		t.Fatal(err)
	}
	follow(t, l, reach(t, l, submission("r1", "one"), Waiting), Progress{State: Waiting, Pause: time.Minute})
	c.pass(-2 * time.Hour)
	reach(t, l, submission("r2", "two"), Waiting)
	for _, test := range []struct {
		within time.Duration
		want   []string
	}{{time.Hour, []string{"r1", "r2"}}, {3 * time.Hour, []string{"r2"}}} {
		rows, next, err := l.Due(t.Context(), test.within, func(string) int { return 10 })
		of, err2 := l.DueOf(t.Context(), "demo", test.within, 10)
		if err != nil || err2 != nil || !reflect.DeepEqual(ids(rows), test.want) || !reflect.DeepEqual(ids(of), test.want) || next != 2*time.Hour+time.Minute {
			t.Errorf("within %s: %v and %v, next in %s; %v, %v", test.within, ids(rows), ids(of), next, err, err2)
		}
	}
}

func ids(questions []Question) (out []string) {
	for _, each := range questions {
		out = append(out, each.RequestID)
	}
	return out
}

// TestEachPracticeHasItsShareOfWhatIsDue: as many as it has room for, however many of another are due for longer.
func TestEachPracticeHasItsShareOfWhatIsDue(t *testing.T) {
	onEach(t, eachPracticeHasItsShareOfWhatIsDue)
}

func eachPracticeHasItsShareOfWhatIsDue(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	for _, practice := range []string{"a", "b", "full"} {
		for n := range 5 {
			s := submission(fmt.Sprint(practice, n), fmt.Sprint(practice, n))
			s.Practice = practice
			reach(t, l, s, Waiting)
			c.pass(time.Millisecond)
		}
	}
	room := map[string]int{"a": 2, "b": 1}
	due, next, err := l.Due(t.Context(), time.Hour, func(practice string) int { return room[practice] })
	if want := []string{"a0", "a1", "b0"}; err != nil || next != 0 || !reflect.DeepEqual(ids(due), want) {
		t.Errorf("%v, next in %s; want %v: %v", ids(due), next, want, err)
	}
	for _, each := range due {
		if each.LoopRequestID != "loop-"+each.RequestID || each.Caller != "billing" || each.Attempt != 1 || each.State != Waiting || each.Age <= 0 {
			t.Errorf("%+v", each)
		}
	}
}

// TestAnAnswerSettlesTheAttemptThatItIsAbout, and Loop's id of it, and nothing else.
func TestAnAnswerSettlesTheAttemptThatItIsAbout(t *testing.T) {
	onEach(t, anAnswerSettlesTheAttemptThatItIsAbout)
}

func anAnswerSettlesTheAttemptThatItIsAbout(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	r := reach(t, l, submission("r1", "one"), Waiting)
	for name, change := range map[string]func(*Question){
		"an earlier attempt": func(q *Question) { q.Attempt = 0 },
		"another id":         func(q *Question) { q.LoopRequestID = "loop-0" },
		"another state":      func(q *Question) { q.State = Running },
	} {
		for _, said := range []State{"", Waiting, Running, Succeeded, Failed} {
			asked := about(r)
			change(&asked)
			if err := l.Followed(t.Context(), asked, Progress{State: said, FollowError: "x"}); !errors.Is(err, ErrLost) {
				t.Errorf("%s, %q: %v", name, said, err)
			}
			if got := get(t, l, r.Key); !reflect.DeepEqual(got, r) {
				t.Errorf("%s, %q: %+v", name, said, got)
			}
		}
	}
}

// BenchmarkDue is a round of the poller at 10,000 imports that wait, over 100 practices.
func BenchmarkDue(b *testing.B) {
	for name, pause := range map[string]time.Duration{"none is due": time.Hour, "all are due": 0} {
		b.Run(name, func(b *testing.B) {
			l, err := Temporary(b.Context(), nil)
			testkit.OK(b, err)
			defer func() { _ = l.Close() }()
			if err := l.write(b.Context(), func(w *writing) error {
				for n := range 10_000 {
					s := submission(fmt.Sprint("r", n), fmt.Sprint(n))
					s.Practice = fmt.Sprint("practice-", n%100)
					row := Record{Key: s.Key, Created: instant(w.now), Received: instant(w.now), LoopRequestID: fmt.Sprint("loop-", n)}
					row.fill(s)
					row.apply(status{state: Waiting, attempt: 1, owner: owner, loopID: row.LoopRequestID, submitted: w.now}, w.now)
					row.NextPoll = instant(w.now + pause.Microseconds())
					if err := w.insert(&row); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, _, err := l.Due(b.Context(), 2*time.Hour, func(string) int { return 1 }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestListingPagesThroughEverythingOnce(t *testing.T) {
	onEach(t, listingPagesThroughEverythingOnce)
}

func listingPagesThroughEverythingOnce(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	type place struct {
		instant     int
		dossier, id string
	}
	var made []place
	for i := range 23 {
		s := submission(fmt.Sprintf("r%02d", i), fmt.Sprint(i))
		s.Dossier = fmt.Sprintf("D%d", i%3)
		s.DocumentReferences = []string{"shared", fmt.Sprintf("FA-%d", i), "shared", ""}
		if i%4 == 0 {
			s.Caller = "payroll"
		}
		begin(t, l, s)
		made = append(made, place{(i + 1) / 2, s.Dossier, s.RequestID})
		if i%2 == 0 { // two of each instant
			c.pass(time.Second)
		}
	}
	start := newClock().Now()
	pick := func(keep func(i int) bool) (out []string) {
		var kept []place
		for i, each := range made {
			if keep(i) {
				kept = append(kept, each)
			}
		}
		slices.SortFunc(kept, func(a, b place) int {
			return cmp.Or(cmp.Compare(b.instant, a.instant), cmp.Compare(b.dossier, a.dossier), cmp.Compare(b.id, a.id))
		})
		for _, each := range kept {
			out = append(out, each.id)
		}
		return out
	}
	all := func(int) bool { return true }
	for name, test := range map[string]struct {
		query Query
		keep  func(i int) bool
	}{
		"all":                {Query{}, all},
		"a dossier":          {Query{Dossier: "D1"}, func(i int) bool { return i%3 == 1 }},
		"a caller":           {Query{Caller: "payroll"}, func(i int) bool { return i%4 == 0 }},
		"states":             {Query{States: []State{Received, Waiting}}, all},
		"a state nobody has": {Query{States: []State{Waiting}}, func(int) bool { return false }},
		"a reference of all": {Query{DocumentReference: "shared"}, all},
		"a reference of one": {Query{DocumentReference: "FA-7"}, func(i int) bool { return i == 7 }},
		"from":               {Query{From: start.Add(3 * time.Second)}, func(i int) bool { return (i+1)/2 >= 3 }},
		"before":             {Query{Before: start.Add(3 * time.Second)}, func(i int) bool { return (i+1)/2 < 3 }},
		"what may be seen": {
			Query{Visible: &Scope{Caller: "payroll", Grants: []Grant{{Practices: []string{"demo"}, Dossiers: []string{"D2"}}}}},
			func(i int) bool { return i%4 == 0 || i%3 == 2 },
		},
		"patterns":                    {Query{Visible: &Scope{Grants: []Grant{{Dossiers: []string{"D1*", "*2", "d*", "D_", "D?", "[D]0"}}}}}, func(i int) bool { return i%3 != 0 }},
		"two grants":                  {Query{Visible: &Scope{Grants: []Grant{{Practices: []string{"x"}, Dossiers: []string{"*"}}, {Dossiers: []string{"D0"}}}}}, func(i int) bool { return i%3 == 0 }},
		"its own alone":               {Query{Visible: &Scope{Caller: "payroll", Grants: []Grant{{}}}}, func(i int) bool { return i%4 == 0 }},
		"its own of another practice": {Query{Visible: &Scope{Caller: "payroll", Grants: []Grant{{Practices: []string{"partner"}, Dossiers: []string{"*"}}}}}, func(int) bool { return false }},
		"nothing may be seen":         {Query{Visible: &Scope{Caller: "payroll"}}, func(int) bool { return false }},
	} {
		for _, limit := range []int{1, 5, 22, 23, 24, 1000} {
			t.Run(fmt.Sprintf("%s by %d", name, limit), func(t *testing.T) {
				query := test.query
				query.Collection, query.Practice, query.Limit = Imports, "demo", limit
				var got []string
				for {
					rows, after, err := l.List(t.Context(), query)
					if err != nil || len(rows) > limit {
						t.Fatalf("%d rows: %v", len(rows), err)
					}
					for _, r := range rows {
						got = append(got, r.RequestID)
					}
					if after == "" {
						break
					}
					query.After = after
				}
				if expected := pick(test.keep); !reflect.DeepEqual(got, expected) {
					t.Errorf("got %v, not %v", got, expected)
				}
			})
		}
	}
	for _, cursor := range []Cursor{".", "zz", "[]", "[1]", `[0,"","","",""]`, `["1","","","",""]`, `[1,"","","","",""]`, `[1,"","","",""]x`} {
		if _, _, err := l.List(t.Context(), Query{Collection: Imports, Practice: "demo", Limit: 1, After: cursor}); !errors.Is(err, ErrCursor) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
	if rows, after, err := l.List(t.Context(), Query{Collection: Imports, Practice: "partner", Limit: 1}); len(rows) != 0 || after != "" || err != nil {
		t.Errorf("another practice: %v, %q, %v", rows, after, err)
	}
	if r := get(t, l, Key{"demo", "D1", Imports, "r07"}); !reflect.DeepEqual(r.DocumentReferences, []string{"shared", "FA-7"}) {
		t.Errorf("%v", r.DocumentReferences)
	}
}

func TestWhatIsLongIsCut(t *testing.T) { onEach(t, whatIsLongIsCut) }

func whatIsLongIsCut(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	s := submission("r1", "one")
	s.DocumentReferences, s.Findings = nil, nil
	for i := range 150 {
		s.DocumentReferences = append(s.DocumentReferences, fmt.Sprint(i))
		s.Findings = append(s.Findings, check.Finding{Code: fmt.Sprint(i)})
	}
	b := begin(t, l, s)
	submitting(t, l, b)
	settle(t, l, b, Outcome{State: Refused, Error: &Failure{LoopMessage: strings.Repeat("é", 5000) + "\x00\xff"}})
	r := get(t, l, s.Key)
	if len(r.DocumentReferences) != 100 || len(r.Findings) != 100 || len(r.Error.LoopMessage) > maxText+len("…") || !strings.HasSuffix(r.Error.LoopMessage, "é…") {
		t.Errorf("%d references, %d findings, %d bytes", len(r.DocumentReferences), len(r.Findings), len(r.Error.LoopMessage))
	}
}

// TestWhatTheContractAllowsIsStored, however long: a reference has 2,000 characters at most.
func TestWhatTheContractAllowsIsStored(t *testing.T) { onEach(t, whatTheContractAllowsIsStored) }

func whatTheContractAllowsIsStored(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	var long, other strings.Builder // which does not compress
	for i := range 2000 {
		long.WriteRune(rune(0x20000 + i*7919%40000))
		other.WriteRune(rune(0x20000 + i*6101%40000))
	}
	for id, reference := range map[string]string{"r1": long.String(), "r2": other.String(), "r3": "court, à l'é'chelle"} {
		s := submission(id, id)
		s.DocumentReferences = []string{reference}
		begin(t, l, s)
		found, _, err := l.List(t.Context(), Query{Collection: Imports, Practice: "demo", DocumentReference: reference, Limit: 10})
		if err != nil || len(found) != 1 || found[0].RequestID != id || found[0].DocumentReferences[0] != reference {
			t.Errorf("%s: %d rows, %v", id, len(found), err)
		}
	}
}

func TestRetention(t *testing.T) { onEach(t, retention) }

func retention(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	for i, state := range States() {
		reach(t, l, submission(fmt.Sprint(i), fmt.Sprint(i)), state)
	}
	retain := func(want Retained) {
		t.Helper()
		if got := retainAll(t, l); got != want {
			t.Errorf("%+v", got)
		}
	}
	c.pass(KeepContent)
	retain(Retained{})
	c.pass(time.Second)
	retain(Retained{Contents: 5})
	retain(Retained{})
	kept := get(t, l, key("4"))
	if kept.DocumentReferences != nil || kept.Findings != nil || kept.Fingerprint != submission("4", "4").Fingerprints[0] || kept.LoopRequestID == "" || kept.Totals.Debit == "" {
		t.Errorf("%+v", kept)
	}
	for reference, want := range map[string]int{"FA-4": 0, "FA-2": 1} {
		if rows, _, err := l.List(t.Context(), Query{Collection: Imports, Practice: "demo", DocumentReference: reference, Limit: 1}); err != nil || len(rows) != want {
			t.Errorf("%s: %v, %v", reference, rows, err)
		}
	}
	c.pass(KeepOutcome)
	retain(Retained{Rows: 5})
	counts, err := l.CountByState(t.Context())
	if want := map[State]int{Received: 1, Submitting: 1, Waiting: 1, Running: 1}; err != nil || !reflect.DeepEqual(counts, want) {
		t.Errorf("%v, %v", counts, err)
	}
}

// retainAll forgets what is old enough as if there were no bound of a day.
func retainAll(t testing.TB, l *Ledger) (all Retained) {
	t.Helper()
	for {
		if _, err := l.db.ExecContext(t.Context(), `DELETE FROM retention`); err != nil {
			t.Fatal(err)
		}
		got, err := l.Retain(t.Context())
		testkit.OK(t, err)
		if got == (Retained{}) {
			return all
		}
		all.Rows, all.Contents, all.Deposits = all.Rows+got.Rows, all.Contents+got.Contents, all.Deposits+got.Deposits
	}
}

func TestRetentionOfMoreThanABatch(t *testing.T) { onEach(t, retentionOfMoreThanABatch) }

func retentionOfMoreThanABatch(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	reach(t, l, submission("r1", "one"), Succeeded)
	const more = 2 * retainBatch
	others := "practice, dossier, collection, 'r' || n || substr(request_id, 1, 0), " + strings.Join(strings.Split(columns, ", ")[4:], ", ")
	for _, statement := range []string{
		`INSERT INTO write_request (` + columns + `) WITH RECURSIVE other(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM other WHERE n <= ` + fmt.Sprint(more) + `) ` +
			`SELECT ` + others + ` FROM write_request, other`,
		`INSERT INTO document_reference SELECT ` + keyColumns + `, 'FA' FROM write_request`,
	} {
		if _, err := l.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	c.pass(KeepContent + time.Second)
	if n := retainAll(t, l); n != (Retained{Contents: more + 1}) {
		t.Errorf("%+v", n)
	}
	if left := lines(t, l, "SELECT COUNT(*) AS n FROM document_reference"); left != "n=0 \n" {
		t.Errorf("references: %s", left)
	}
	c.pass(KeepOutcome)
	if n := retainAll(t, l); n != (Retained{Rows: more + 1}) {
		t.Errorf("%+v", n)
	}
}

func TestThoseWhoWaitAreTold(t *testing.T) {
	l := temporary(t, nil)
	mine, cancelMine := l.Subscribe(key("r1"))
	also, cancelAlso := l.Subscribe(key("r1"))
	others, cancelOthers := l.Subscribe(key("r2"))
	defer cancelOthers()
	told := func(signal <-chan struct{}) bool {
		select {
		case <-signal:
			return true
		default:
			return false
		}
	}
	b := begin(t, l, submission("r1", "one"))
	submitting(t, l, b)
	if !told(mine) || told(mine) || !told(also) || told(others) {
		t.Error("two changes make one signal, to those of the row alone")
	}
	cancelAlso()
	cancelAlso()
	_ = l.Submitting(t.Context(), b.Key, b.Attempt, owner, time.Minute)
	settle(t, l, b, Outcome{State: NotSent})
	settle(t, l, b, Outcome{State: NotSent})
	if !told(mine) || told(mine) || told(also) {
		t.Error("after one of two left")
	}
	_, _ = l.Begin(t.Context(), submission("r1", "one"), owner)
	if _, err := l.Recover(t.Context(), "server-2"); err != nil || !told(mine) {
		t.Errorf("Recover: %v", err)
	}
	cancelMine()
	cancelOthers()
	if len(l.changes.waiting) != 0 {
		t.Errorf("%v are left", l.changes.waiting)
	}
}

func TestACallerWhoGivesUpLeavesNothingHalfDone(t *testing.T) {
	onEach(t, aCallerWhoGivesUpLeavesNothingHalfDone)
}

func aCallerWhoGivesUpLeavesNothingHalfDone(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(gone, submission("r1", "one"), owner); !errors.Is(err, context.Canceled) || errors.Is(err, ErrCommit) {
		t.Errorf("%v", err)
	}
	if _, err := l.Get(t.Context(), key("r1")); !errors.Is(err, ErrUnknown) {
		t.Errorf("%v", err)
	}
	// Within a transaction, giving up changes nothing.
	ctx, cancel := context.WithCancel(t.Context())
	err := l.write(ctx, func(w *writing) error {
		cancel()
		_, _, err := w.begin(submission("r1", "one"), owner)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	get(t, l, key("r1"))
}

func TestAFailedCommitLeavesNothing(t *testing.T) { onEach(t, aFailedCommitLeavesNothing) }

func aFailedCommitLeavesNothing(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	before := begin(t, l, submission("r1", "one")).Record
	signal, cancel := l.Subscribe(key("r1"))
	defer cancel()
	err := l.write(t.Context(), func(w *writing) error {
		row, err := w.row(key("r1"))
		if err != nil {
			return err
		}
		from := row.status()
		to, err := w.rules.submit(from, 1, owner, w.now, time.Minute)
		if err != nil {
			return err
		}
		row.apply(to, w.now)
		if err := w.update(from, &row); err != nil {
			return err
		}
		return doom(w)
	})
	if !errors.Is(err, ErrCommit) {
		t.Errorf("%v", err)
	}
	if got := get(t, l, key("r1")); !reflect.DeepEqual(got, before) {
		t.Errorf("%+v", got)
	}
	select {
	case <-signal:
		t.Error("somebody was told")
	default:
	}
	submitting(t, l, Begun{Record: before})
}

func TestOneOfManyWins(t *testing.T) { onEach(t, oneOfManyWins) }

func oneOfManyWins(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	const many = 50
	var wait sync.WaitGroup
	begun := make([]Begun, many)
	errs := make([]error, many)
	for i := range many {
		wait.Go(func() { begun[i], errs[i] = l.Begin(t.Context(), submission("r1", "one"), fmt.Sprint("server-", i)) })
	}
	wait.Wait()
	won := 0
	for i := range many {
		if errs[i] != nil {
			t.Error(errs[i])
		}
		if !begun[i].Existing {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d may send", won)
	}
}

func TestOneOfManySendsAndSettles(t *testing.T) { onEach(t, oneOfManySendsAndSettles) }

func oneOfManySendsAndSettles(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	b := begin(t, l, submission("r1", "one"))
	count := func(do func() error) (done int) {
		var wait sync.WaitGroup
		var mu sync.Mutex
		for range 10 {
			wait.Go(func() {
				err := do()
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else if !errors.Is(err, ErrLost) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		return done
	}
	if n := count(func() error { return l.Submitting(t.Context(), b.Key, 1, owner, time.Minute) }); n != 1 {
		t.Errorf("%d sent it", n)
	}
	settle(t, l, b, Outcome{State: Waiting, LoopRequestID: "loop-1"})
	follow := func() error {
		return l.Followed(t.Context(), Question{Key: b.Key, Attempt: 1, State: Waiting, LoopRequestID: "loop-1"}, Progress{State: Succeeded})
	}
	if n := count(follow); n != 1 {
		t.Errorf("%d settled it", n)
	}
}

func TestOneOfTheSameContentWins(t *testing.T) { onEach(t, oneOfTheSameContentWins) }

func oneOfTheSameContentWins(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	const many = 10
	var wait sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		wait.Go(func() { _, errs[i] = l.Begin(t.Context(), submission(fmt.Sprint("r", i), "one"), owner) })
	}
	wait.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if _, is := errors.AsType[*DuplicateError](err); !is {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d may send", won)
	}
}
