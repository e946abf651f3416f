package ledger

import (
	"errors"
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
	// KeepDeposit is how long Retain keeps a deposit after it expired, so that an import of it can still be repeated.
	KeepDeposit = DuplicateWithin
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
	absent     int64 // when a look into Loop began that did not find this attempt, long enough after it was sent; 0 otherwise
	stated     stated
}

// stated is a person's word on the attempt.
type stated byte

const (
	nothing stated = iota
	isBooked
	isNot
)

// inForce says whether the state is still the one that a person's word has made.
func (s standing) inForce() bool {
	return s.stated == isBooked && s.state == Succeeded || s.stated == isNot && s.state.NothingBooked()
}

// rules decide who may do what, and when. They are pure: the SQL and the model check both run them. They are a value so
// that the model check can be shown to notice when one is broken.
type rules struct {
	next      func(State, event) (State, error)
	lease     time.Duration
	followFor time.Duration
	// resubmitAfter is how long after sending absence from Loop begins to mean something, checkLasts for how long.
	resubmitAfter, checkLasts time.Duration
	// covers says whether a lease lasts for a whole call from now on.
	covers func(leaseUntil, now int64, call time.Duration) bool
	// concerns says whether an answer about one attempt tells of another.
	concerns func(answered, attempt int) bool
}

func design() rules {
	return rules{
		next:      next,
		lease:     Lease,
		followFor: FollowFor, resubmitAfter: ResubmitAfter, checkLasts: CheckLasts,
		covers: func(leaseUntil, now int64, call time.Duration) bool {
			return leaseUntil-now >= call.Microseconds()
		},
		concerns: func(answered, attempt int) bool { return answered == attempt },
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
	case s.state.NothingBooked() && !s.inForce():
		return s, false, ErrLost // the owner has said so itself
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

// follow notes what Loop says of an attempt that it has accepted, which it was asked about in the state from; the empty
// state, or the one it has, when it says nothing that is understood. What Loop does not end in time is UNCERTAIN.
func (r rules) follow(s standing, attempt int, from, said State, now int64) (standing, error) {
	if !r.concerns(attempt, s.attempt) || s.state != from || !from.Following() {
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

// early says whether it is too soon after sending for absence from Loop to mean anything.
func (r rules) early(s standing, at int64) bool {
	return at-s.submitted < r.resubmitAfter.Microseconds()
}

// check notes a look into Loop that began at an instant, and whether it showed that the attempt is not there.
func (r rules) check(s standing, attempt int, began int64, absent bool) (standing, error) {
	if s.attempt != attempt || !s.state.Resolvable() {
		return s, ErrLost
	}
	s.absent = 0
	if absent && !r.early(s, began) {
		s.absent = began
	}
	return s, nil
}

// shown says whether a look is fresh that showed that the attempt is not in Loop.
func (r rules) shown(s standing, now int64) bool {
	return s.absent != 0 && !r.early(s, s.absent) && now-s.absent <= r.checkLasts.Microseconds()
}

// errStated: a person has stated the contrary.
var errStated = errors.New("ledger: stated otherwise")

// confirm notes a person's word; the same word again changes nothing.
func (r rules) confirm(s standing, attempt int, booked bool, now int64) (standing, error) {
	happens, word := stateAbsent, isNot
	if booked {
		happens, word = stateBooked, isBooked
	}
	switch {
	case s.attempt != attempt:
		return s, ErrLost
	case s.inForce() && s.stated == word:
		return s, nil
	case s.inForce():
		return s, errStated
	case !s.state.Resolvable():
		return s, ErrLost
	case !booked && !r.shown(s, now):
		return s, ErrEvidence
	}
	state, err := r.next(s.state, happens)
	if err != nil {
		return s, err
	}
	s.state, s.abandoned, s.stated = state, false, word
	return s, nil
}

// resubmit is another attempt at what a look has shown not to be in Loop.
func (r rules) resubmit(s standing, attempt int, owner string, now int64) (standing, error) {
	if s.attempt != attempt || !s.state.Resolvable() {
		return s, ErrLost
	}
	if !r.shown(s, now) {
		return s, ErrEvidence
	}
	to, err := r.next(s.state, resubmit)
	if err != nil {
		return s, err
	}
	return standing{state: to, attempt: s.attempt + 1, owner: owner, leaseUntil: now + r.lease.Microseconds()}, nil
}
