package ledger

import (
	"errors"
	"fmt"
	"time"
)

// The times that the ledger goes by.
const (
	// Lease is how long an owner may take from Begin to its outcome before others settle the row.
	Lease = 5 * time.Minute
	// FollowFor is how long an import may take before it is UNCERTAIN. Time counts while Loop can be asked, between two
	// questions AskGap at most. So neither a server that was down nor a clock that leapt makes an import older.
	FollowFor = 7 * 24 * time.Hour
	AskGap    = time.Hour
	// AskFor is how long after it was sent an import becomes UNCERTAIN of which Loop cannot be asked, so that a person can resolve
	// it.
	AskFor = 60 * 24 * time.Hour
	// AskUncertain is the pause between two questions about what is UNCERTAIN and has an id at Loop, once it has been followed for
	// FollowFor.
	AskUncertain = 24 * time.Hour
	// DuplicateWithin is how far back the same content under another id is looked for.
	DuplicateWithin = 30 * 24 * time.Hour
	// KeepOutcome and KeepContent are how long Retain keeps a row, and its references and findings, after its state
	// last changed, where Keeping says nothing else.
	KeepOutcome = 400 * 24 * time.Hour
	KeepContent = 90 * 24 * time.Hour
	// KeepDeposit is how long Retain keeps a deposit after it expired, so that an import of it can still be repeated.
	KeepDeposit = DuplicateWithin
)

// status is what the rules look at, and all that they change. It is comparable, so that the model check can keep
// millions. Instants are microseconds on the database's clock.
type status struct {
	state      State
	attempt    int
	owner      string
	leaseUntil int64  // 0 when it has no owner at work
	abandoned  bool   // UNCERTAIN was set by another than the owner
	loopID     string // Loop's id of this attempt; empty where it is not known
	submitted  int64  // 0 before
	asked      int64  // when the last question to Loop ended; 0 before
	followed   int64  // how long it was followed while Loop could be asked, in microseconds
	absent     int64  // when a look into Loop began that did not find this attempt, long enough after it was sent; 0 otherwise
	unproven   int64  // the same, of a look that nothing has shown to be able to find anything
	stated     stated
}

// stated is what a person states about the attempt.
type stated byte

const (
	nothing stated = iota
	isBooked
	isNot
)

// inForce says whether the state is still the one that a person's statement has made.
func (s status) inForce() bool {
	return s.stated == isBooked && s.state == Succeeded || s.stated == isNot && s.state.NothingBooked()
}

// rules decide who may do what, and when. They are pure: the SQL and the model check both run them. They are a value so
// that the model check can be shown to notice when one is broken.
type rules struct {
	next      func(State, event) (State, error)
	lease     time.Duration
	followFor time.Duration
	// askGap bounds what one answer counts for that, askFor is AskFor.
	askGap, askFor time.Duration
	// resubmitAfter is how long after sending absence from Loop begins to mean something, checkLasts for how long.
	resubmitAfter, checkLasts time.Duration
	// covers says whether a lease lasts for a whole call from now on.
	covers func(leaseUntil, now int64, call time.Duration) bool
	// owns says whether an owner is still at what it wants to note.
	owns func(s status, attempt int, owner string, what event) bool
	// concerns says whether an answer is about the present state of a submission.
	concerns func(answered subject, s status) bool
	// proof is the look after which it may be sent again.
	proof func(status) int64
}

func design() rules {
	return rules{
		next:      next,
		lease:     Lease,
		followFor: FollowFor, askGap: AskGap, askFor: AskFor, resubmitAfter: ResubmitAfter, checkLasts: CheckLasts,
		covers: func(leaseUntil, now int64, call time.Duration) bool {
			return leaseUntil-now >= call.Microseconds()
		},
		owns: func(s status, attempt int, owner string, _ event) bool {
			return s.attempt == attempt && s.owner == owner
		},
		concerns: func(answered subject, s status) bool { return answered == subject{s.attempt, s.loopID} },
		proof:    func(s status) int64 { return s.absent },
	}
}

// receive is the first attempt.
func (r rules) receive(owner string, now int64) status {
	return status{state: Received, attempt: 1, owner: owner, leaseUntil: now + r.lease.Microseconds()}
}

// retake is another attempt, where the last one booked nothing.
func (r rules) retake(s status, owner string, now int64) (status, error) {
	to, err := r.next(s.state, retake)
	if err != nil {
		return s, err
	}
	return status{state: to, attempt: s.attempt + 1, owner: owner, leaseUntil: now + r.lease.Microseconds()}, nil
}

// submit is the last step before bytes leave.
func (r rules) submit(s status, attempt int, owner string, now int64, call time.Duration) (status, error) {
	if !r.owns(s, attempt, owner, submit) {
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

// subject is what a question to Loop speaks of. Attempts alone do not tell: an id that was forgotten begins at the first again.
type subject struct {
	attempt int
	loopID  string
}

// settle notes the owner's outcome, with the id that Loop has given it. changed is false when it was noted before: an owner that
// was not told whether its commit succeeded may repeat it.
func (r rules) settle(s status, attempt int, owner string, outcome State, loopID string) (to status, changed bool, err error) {
	happens, ok := map[State]event{Waiting: accept, Succeeded: complete, Refused: refuse, NotSent: turnAway, Uncertain: lose}[outcome]
	switch {
	case !ok:
		return s, false, fmt.Errorf("%w: %s is no outcome of sending", ErrTransition, outcome)
	case !r.owns(s, attempt, owner, happens):
		return s, false, ErrLost
	case outcome == Waiting && s.loopID != "" && s.loopID != loopID:
		return s, false, ErrLost // two ids for one attempt
	case outcome == Waiting && s.loopID != "", s.state == outcome && !s.abandoned:
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
	s.state, s.leaseUntil, s.abandoned, s.loopID = state, 0, false, loopID
	return s, true, nil
}

// expire settles what an owner has left over its lease.
func (r rules) expire(s status, now int64) (to status, changed bool) {
	if !s.state.Open() || now < s.leaseUntil {
		return s, false
	}
	return r.abandon(s)
}

// abandon settles what a dead owner has left.
func (r rules) abandon(s status) (to status, changed bool) {
	state, err := r.next(s.state, abandon)
	if err != nil {
		return s, false
	}
	s.state, s.leaseUntil, s.abandoned = state, 0, state == Uncertain
	return s, true
}

// toBeAsked says whether Loop can say something of it yet.
func (s status) toBeAsked() bool {
	return s.state.Following() || s.state == Uncertain && s.loopID != ""
}

// follow notes what Loop says of an attempt that has an id there. The question was put in the state from. said is empty, or the
// state that it has, when the answer is not understood; unasked is true when Loop could not be asked. What Loop does not end in
// time is UNCERTAIN, and asked for on.
func (r rules) follow(s status, asked subject, from, said State, unasked bool, now int64) (status, error) {
	if !r.concerns(asked, s) || s.state != from || !s.toBeAsked() {
		return s, ErrLost
	}
	if !unasked {
		s.followed += r.since(s, now)
	}
	s.asked = now
	if from == Uncertain {
		if said == Succeeded || said == Failed {
			return r.conclude(s, asked, said)
		}
		return s, nil
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
	if state.Following() && (s.followed >= r.followFor.Microseconds() || unasked && now-s.submitted >= r.askFor.Microseconds()) {
		var err error
		if state, err = r.next(s.state, age); err != nil {
			return s, err
		}
	}
	s.state = state
	return s, nil
}

// since is how much older an answer makes what is followed.
func (r rules) since(s status, now int64) int64 {
	last := s.asked
	if last == 0 {
		last = s.submitted
	}
	return max(0, min(now-last, r.askGap.Microseconds()))
}

// early says whether it is too soon after sending for absence from Loop to mean anything.
func (r rules) early(s status, at int64) bool {
	return at-s.submitted < r.resubmitAfter.Microseconds()
}

// sight is what a look into Loop has shown of an attempt.
type sight byte

const (
	unclear  sight = iota
	notThere       // by a look that has found what is known to be booked
	notSeen        // by a look that may be blind
)

// check notes a look into Loop that began at an instant.
func (r rules) check(s status, attempt int, began int64, seen sight) (status, error) {
	if s.attempt != attempt || !s.state.Resolvable() {
		return s, ErrLost
	}
	s.absent, s.unproven = 0, 0
	if r.early(s, began) {
		return s, nil
	}
	switch seen {
	case notThere:
		s.absent = began
	case notSeen:
		s.unproven = began
	}
	return s, nil
}

// shown says whether a look of an instant is fresh, and late enough for what it has not found to mean something.
func (r rules) shown(s status, look, now int64) bool {
	old := now - look
	return look != 0 && !r.early(s, look) && max(old, -old) <= r.checkLasts.Microseconds() // also one of a clock that was ahead
}

// conclude notes the final word on an attempt that Loop has accepted, which has come to be UNCERTAIN and was asked subject again.
func (r rules) conclude(s status, asked subject, said State) (status, error) {
	happens, ok := map[State]event{Succeeded: succeed, Failed: fail}[said]
	if !ok || !r.concerns(asked, s) || s.state != Uncertain || s.loopID == "" {
		return s, ErrLost
	}
	state, err := r.next(s.state, happens)
	if err != nil {
		return s, err
	}
	s.state = state
	return s, nil
}

// errStated: a person has stated the contrary.
var errStated = errors.New("ledger: stated otherwise")

// confirm notes a person's statement; the same one again changes nothing. With a note that it was looked for in Loop, a person
// says more than a look that may be blind.
func (r rules) confirm(s status, attempt int, booked, noted bool, now int64) (status, error) {
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
	case !booked && !r.shown(s, s.absent, now) && !(noted && r.shown(s, s.unproven, now)):
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
func (r rules) resubmit(s status, attempt int, owner string, now int64) (status, error) {
	if s.attempt != attempt || !s.state.Resolvable() {
		return s, ErrLost
	}
	if !r.shown(s, r.proof(s), now) {
		return s, ErrEvidence
	}
	to, err := r.next(s.state, resubmit)
	if err != nil {
		return s, err
	}
	return status{state: to, attempt: s.attempt + 1, owner: owner, leaseUntil: now + r.lease.Microseconds()}, nil
}
