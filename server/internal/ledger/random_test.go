package ledger

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// reference is the ledger without SQL: the same rules, and admission written down a second time, over a map.
type reference struct {
	rules rules
	rows  map[string]*referenceRow
}

type referenceRow struct {
	status
	caller, content string
	received        int64
	polls           int
}

func (m *reference) expire(row *referenceRow, now int64) {
	row.status, _ = m.rules.expire(row.status, now)
}

func (m *reference) begin(id, caller, content string, allow bool, owner string, now int64) (existing bool, err error) {
	row := m.rows[id]
	if row != nil {
		m.expire(row, now)
		switch {
		case !row.state.NothingBooked() && (row.caller != caller || row.content != content):
			return false, ErrReused
		case !row.state.NothingBooked():
			return true, nil
		}
	}
	if !allow && m.duplicate(id, content, now) {
		return false, &DuplicateError{}
	}
	fresh := &referenceRow{status: m.rules.receive(owner, now), caller: caller, content: content, received: now}
	if row != nil {
		if fresh.status, err = m.rules.retake(row.status, owner, now); err != nil {
			return false, err
		}
	}
	m.rows[id] = fresh
	return false, nil
}

func (m *reference) duplicate(id, content string, now int64) (found bool) {
	for other, r := range m.rows {
		if other != id && r.content == content && (now-r.received <= DuplicateWithin.Microseconds() || !r.state.Final()) {
			if r.state.Open() && now >= r.leaseUntil {
				m.expire(r, now)
			}
			found = found || !r.state.NothingBooked() && (now-r.received <= DuplicateWithin.Microseconds() || !r.state.Final())
		}
	}
	return found
}

func (m *reference) resubmit(id, content string, allow bool, attempt int, owner string, now int64) (existing bool, err error) {
	row := m.rows[id]
	if row == nil {
		return false, ErrUnknown
	}
	m.expire(row, now)
	switch {
	case row.content != content:
		return false, ErrReused
	case row.attempt > attempt && !row.state.NothingBooked():
		return true, nil
	}
	again, err := m.rules.resubmit(row.status, attempt, owner, now)
	if err != nil {
		return false, err
	}
	if !allow && m.duplicate(id, content, now) {
		return false, &DuplicateError{}
	}
	m.rows[id] = &referenceRow{status: again, caller: row.caller, content: content, received: now}
	return false, nil
}

func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// The SQL does what the rules say, whatever the order of calls: every row, every error, after every call.
func TestTheDatabaseFollowsTheRules(t *testing.T) {
	t.Parallel()
	onEach(t, theDatabaseFollowsTheRules)
}

func theDatabaseFollowsTheRules(t *testing.T, temporary opener) {
	c := newClock()
	l := temporary(t, c.Now)
	practices := 0
	rapid.Check(t, func(t *rapid.T) {
		practices++
		practice := fmt.Sprint("practice-", practices) // rows of other runs are not looked at
		m := &reference{rules: design(), rows: make(map[string]*referenceRow)}
		ctx := t.Context()
		now := func() int64 { return c.Now().UnixMicro() }
		ids := rapid.SampledFrom([]string{"r1", "r2", "r3"})
		owners := rapid.SampledFrom([]string{"server-1", "server-2"})
		attempts := rapid.SampledFrom([]int{1, 1, 1, 2, 3})
		// owned draws a row and, as a rule, its own owner and attempt.
		owned := func(t *rapid.T) (id string, row *referenceRow, attempt int, owner string) {
			id = ids.Draw(t, "id")
			row = m.rows[id]
			attempt, owner = attempts.Draw(t, "attempt"), owners.Draw(t, "owner")
			if row != nil && rapid.IntRange(0, 3).Draw(t, "stranger") > 0 {
				attempt, owner = row.attempt, row.owner
			}
			return id, row, attempt, owner
		}
		same := func(t *rapid.T, got, want error) {
			for _, kind := range []error{ErrUnknown, ErrReused, ErrLost, ErrLease, ErrTransition, ErrEvidence} {
				if errors.Is(got, kind) != errors.Is(want, kind) {
					t.Fatalf("%v, and by the rules %v", got, want)
				}
			}
			_, gotDuplicate := errors.AsType[*DuplicateError](got)
			_, wantDuplicate := errors.AsType[*DuplicateError](want)
			_, gotStated := errors.AsType[*StatedError](got)
			if gotStated != errors.Is(want, errStated) || gotDuplicate != wantDuplicate || (got == nil) != (want == nil) {
				t.Fatalf("%v, and by the rules %v", got, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"Begin": func(t *rapid.T) {
				id, owner := ids.Draw(t, "id"), owners.Draw(t, "owner")
				caller := rapid.SampledFrom([]string{"billing", "billing", "billing", "payroll"}).Draw(t, "caller")
				content := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "content")
				s := submission(id, content)
				s.Practice, s.Caller, s.AllowDuplicate = practice, caller, rapid.Bool().Draw(t, "allow")
				existing, want := m.begin(id, caller, content, s.AllowDuplicate, owner, now())
				b, err := l.Begin(ctx, s, owner)
				same(t, err, want)
				if b.Existing != existing {
					t.Fatalf("existing: %v, and by the rules %v", b.Existing, existing)
				}
			},
			"Submitting": func(t *rapid.T) {
				id, row, attempt, owner := owned(t)
				var want error = ErrUnknown
				if row != nil {
					row.status, want = m.rules.submit(row.status, attempt, owner, now(), time.Minute)
				}
				same(t, l.Submitting(ctx, Key{practice, "CEGID001", Imports, id}, attempt, owner, time.Minute), want)
			},
			"Settle": func(t *rapid.T) {
				id, row, attempt, owner := owned(t)
				o := Outcome{State: rapid.SampledFrom([]State{Waiting, Waiting, Succeeded, Refused, NotSent, Uncertain}).Draw(t, "outcome")}
				if o.State == Waiting {
					o.LoopRequestID = rapid.SampledFrom([]string{"loop-1", "loop-1", "loop-2"}).Draw(t, "loop id")
				}
				if o.State == Uncertain && rapid.IntRange(0, 3).Draw(t, "named") == 0 {
					o.LoopRequestID = "loop-1"
				}
				var want error = ErrUnknown
				if row != nil {
					row.status, _, want = m.rules.settle(row.status, attempt, owner, o.State, o.LoopRequestID)
				}
				_, err := l.Settle(ctx, Key{practice, "CEGID001", Imports, id}, attempt, owner, o)
				same(t, err, want)
			},
			"Followed": func(t *rapid.T) {
				id, row, attempt, _ := owned(t)
				loopID := "loop-1"
				if row != nil && rapid.IntRange(0, 3).Draw(t, "another id") > 0 {
					loopID = row.loopID
				}
				from := rapid.SampledFrom([]State{Waiting, Running, Uncertain}).Draw(t, "from")
				unasked := rapid.Bool().Draw(t, "unasked")
				asked := Question{Key: Key{practice, "CEGID001", Imports, id}, Attempt: attempt, State: from, LoopRequestID: loopID}
				if row != nil {
					asked.submitted, asked.asked, asked.followed = row.submitted, row.asked, row.followed
				}
				said := rapid.SampledFrom([]State{"", Waiting, Running, Succeeded, Failed}).Draw(t, "said")
				var want error = ErrUnknown
				if row != nil {
					var to status
					if to, want = m.rules.follow(row.status, subject{attempt, loopID}, from, said, unasked, now()); want == nil {
						row.status = to
						row.polls++
					}
				}
				err := l.Followed(ctx, asked, Progress{State: said, Unasked: unasked})
				same(t, err, want)
			},
			"Checked": func(t *rapid.T) {
				id, row, attempt, _ := owned(t)
				look := Search{Attempt: attempt, Took: time.Second, Control: ControlFound, Sightings: []Sighting{{Reference: "FA-one"}}}
				seen := notThere
				switch rapid.IntRange(0, 5).Draw(t, "found") {
				case 0:
					look.Sightings[0].Lettered, seen = 1, unclear
				case 1:
					look.Control = rapid.SampledFrom([]Control{ControlNone, ControlMissed}).Draw(t, "control")
					seen = notSeen
				}
				var want error = ErrUnknown
				if row != nil {
					m.expire(row, now())
					row.status, want = m.rules.check(row.status, attempt, now()-time.Second.Microseconds(), seen)
				}
				_, err := l.Checked(ctx, Key{practice, "CEGID001", Imports, id}, look)
				same(t, err, want)
			},
			"Confirm": func(t *rapid.T) {
				id, row, attempt, _ := owned(t)
				booked, noted := rapid.Bool().Draw(t, "booked"), rapid.Bool().Draw(t, "noted")
				var want error = ErrUnknown
				if row != nil {
					m.expire(row, now())
					row.status, want = m.rules.confirm(row.status, attempt, booked, noted, now())
				}
				_, _, err := l.Confirm(ctx, Key{practice, "CEGID001", Imports, id}, attempt, Statement{Booked: booked, Caller: "anna", Note: map[bool]string{true: "seen"}[noted]})
				same(t, err, want)
			},
			"Resubmit": func(t *rapid.T) {
				id, row, attempt, _ := owned(t)
				owner := owners.Draw(t, "owner")
				content := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "content")
				if row != nil && rapid.Bool().Draw(t, "the same") {
					content = row.content
				}
				s := submission(id, content)
				s.Practice, s.AllowDuplicate = practice, rapid.Bool().Draw(t, "allow")
				existing, want := m.resubmit(id, content, s.AllowDuplicate, attempt, owner, now())
				b, err := l.Resubmit(ctx, s, attempt, "anna", owner)
				same(t, err, want)
				if b.Existing != existing {
					t.Fatalf("existing: %v, and by the rules %v", b.Existing, existing)
				}
			},
			"Heard": func(t *rapid.T) {
				id, row, attempt, _ := owned(t)
				loopID := rapid.SampledFrom([]string{"loop-1", "loop-1", "loop-2"}).Draw(t, "loop id")
				said := rapid.SampledFrom([]State{Succeeded, Failed, Running}).Draw(t, "said")
				var want error = ErrUnknown
				if row != nil {
					m.expire(row, now())
					var to status
					if to, want = m.rules.conclude(row.status, subject{attempt, loopID}, said); want == nil {
						row.status = to
						row.polls++
					}
				}
				_, err := l.Concluded(ctx, Key{practice, "CEGID001", Imports, id}, attempt, loopID, Progress{State: said})
				same(t, err, want)
			},
			"Expire": func(t *rapid.T) {
				for row := range maps.Values(m.rows) {
					m.expire(row, now())
				}
				_, err := l.Expire(ctx)
				same(t, err, nil)
			},
			"Recover": func(t *rapid.T) {
				owner := owners.Draw(t, "owner")
				for row := range maps.Values(m.rows) {
					if l.Shared() {
						m.expire(row, now())
					} else if row.owner != owner {
						row.status, _ = m.rules.abandon(row.status)
					}
				}
				_, err := l.Recover(ctx, owner)
				same(t, err, nil)
			},
			"time passes": func(t *rapid.T) {
				c.pass(rapid.SampledFrom([]time.Duration{time.Second, time.Second, CheckLasts, Lease - time.Minute, Lease, ResubmitAfter, FollowFor, DuplicateWithin, AskFor}).Draw(t, "time"))
			},
			"": func(t *rapid.T) {
				rows, _, err := l.List(ctx, Query{Collection: Imports, Practice: practice, Limit: 10})
				if err != nil || len(rows) != len(m.rows) {
					t.Fatalf("%d rows, and by the rules %d: %v", len(rows), len(m.rows), err)
				}
				for _, r := range rows {
					want := m.rows[r.RequestID]
					if want == nil || r.status() != want.status || r.Caller != want.caller ||
						r.Polls != want.polls || micros(r.Received) != want.received || r.Fingerprint != fingerprintOf(1, []byte(want.content)) {
						t.Fatalf("%+v\nand by the rules %+v", r, want)
					}
					if r.State.Final() == r.Finished.IsZero() || r.status().toBeAsked() == r.NextPoll.IsZero() || r.State.Open() == r.LeaseUntil.IsZero() {
						t.Fatalf("times of %+v", r)
					}
				}
			},
		})
	})
}
