package ledger

import (
	"fmt"
	"time"
)

// The times of design § 6.
const (
	// Lease is how long an owner may take from Begin to its outcome before others settle the row.
	Lease = 5 * time.Minute
	// FollowFor is how long after it was sent an import may take before it is UNCERTAIN.
	FollowFor = 7 * 24 * time.Hour
	// DuplicateWithin is how far back the same content under another id is looked for.
	DuplicateWithin = 30 * 24 * time.Hour
	// KeepOutcome and KeepContent are how long Retain keeps a row, and its references and findings, after its state
	// last changed.
	KeepOutcome = 400 * 24 * time.Hour
	KeepContent = 90 * 24 * time.Hour
)

// standing is what the rules look at, and all that they change. It is comparable, so that the model check can keep
// millions. Instants are microseconds on the database's clock.
type standing struct {
	state      State
	attempt    int
	owner      string
	leaseUntil int64 // 0 when nobody is at it
	abandoned  bool  // UNCERTAIN was set by another than the owner
	accepted   bool  // Loop's id of this attempt is known
	submitted  int64 // 0 before
}

// rules decide who may do what, and when. They are pure: the SQL and the model check both run them. They are a value so
// that the model check can be shown to notice when one is broken.
type rules struct {
	next      func(State, event) (State, error)
	lease     time.Duration
	followFor time.Duration
	// covers says whether a lease lasts for a whole call from now on.
	covers func(leaseUntil, now int64, call time.Duration) bool
}

func design() rules {
	return rules{
		next:      next,
		lease:     Lease,
		followFor: FollowFor,
		covers: func(leaseUntil, now int64, call time.Duration) bool {
			return leaseUntil-now >= call.Microseconds()
		},
	}
}

// receive is the first attempt.
func (r rules) receive(owner string, now int64) standing {
	return standing{state: Received, attempt: 1, owner: owner, leaseUntil: now + r.lease.Microseconds()}
}

// retake is another attempt, where the last one booked nothing.
func (r rules) retake(s standing, owner string, now int64) (standing, error) {
	to, err := r.next(s.state, retake)
	if err != nil {
		return s, err
	}
	return standing{state: to, attempt: s.attempt + 1, owner: owner, leaseUntil: now + r.lease.Microseconds()}, nil
}

// submit is the last step before bytes leave.
func (r rules) submit(s standing, attempt int, owner string, now int64, call time.Duration) (standing, error) {
	if s.attempt != attempt || s.owner != owner {
		return s, ErrLost
	}
	to, err := r.next(s.state, submit)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrLost, err)
	}
	if !r.covers(s.leaseUntil, now, call) {
		return s, ErrLease
	}
	s.state, s.submitted = to, now
	return s, nil
}

// settle notes the owner's outcome. changed is false when it was noted before: an owner that was not told whether its
// commit succeeded may repeat it.
func (r rules) settle(s standing, attempt int, owner string, outcome State) (to standing, changed bool, err error) {
	happens, ok := map[State]event{Waiting: accept, Succeeded: complete, Refused: refuse, NotSent: turnAway, Uncertain: lose}[outcome]
	switch {
	case !ok:
		return s, false, fmt.Errorf("%w: %s is no outcome of sending", ErrTransition, outcome)
	case s.attempt != attempt || s.owner != owner:
		return s, false, ErrLost
	case outcome == Waiting && s.accepted, s.state == outcome && !s.abandoned:
		return s, false, nil // perhaps followed since
	case s.state == Uncertain && !s.abandoned:
		return s, false, ErrLost // the owner itself gave it up, or it aged
	}
	state, err := r.next(s.state, happens)
	if err != nil {
		return s, false, fmt.Errorf("%w: %w", ErrLost, err)
	}
	s.state, s.leaseUntil, s.abandoned, s.accepted = state, 0, false, outcome == Waiting
	return s, true, nil
}

// expire settles what an owner has left over its lease.
func (r rules) expire(s standing, now int64) (to standing, changed bool) {
	if !s.state.Open() || now < s.leaseUntil {
		return s, false
	}
	return r.abandon(s)
}

// abandon settles what a dead owner has left.
func (r rules) abandon(s standing) (to standing, changed bool) {
	state, err := r.next(s.state, abandon)
	if err != nil {
		return s, false
	}
	s.state, s.leaseUntil, s.abandoned = state, 0, state == Uncertain
	return s, true
}

// follow notes what Loop says of a submission that it has accepted; the empty state, or the one it has, when it says
// nothing that is understood. What Loop does not end in time is UNCERTAIN.
func (r rules) follow(s standing, from, said State, now int64) (standing, error) {
	if s.state != from || !from.Following() {
		return s, ErrLost
	}
	state := s.state
	if said != "" {
		happens, ok := map[State]event{Waiting: await, Running: run, Succeeded: succeed, Failed: fail}[said]
		if !ok {
			return s, fmt.Errorf("%w: %s is no status of an accepted import", ErrTransition, said)
		}
		var err error
		if state, err = r.next(s.state, happens); err != nil {
			return s, err
		}
	}
	if state.Following() && now-s.submitted >= r.followFor.Microseconds() {
		var err error
		if state, err = r.next(s.state, age); err != nil {
			return s, err
		}
	}
	s.state = state
	return s, nil
}
