package ledger

import "fmt"

// State is where a submission is (docs/architecture.md, "Writes"). Its values are those of cegid.loop.v1.ImportState
// without prefix.
type State string

// The states.
const (
	// Received is committed here; nothing was sent.
	Received State = "RECEIVED"
	// Submitting is committed as the last step before bytes leave.
	Submitting State = "SUBMITTING"
	// Waiting is accepted by Loop, in its queue.
	Waiting State = "WAITING"
	// Running is being integrated by Loop.
	Running State = "RUNNING"
	// Succeeded is booked, or carried out at once.
	Succeeded State = "SUCCEEDED"
	// Failed ended with errors at Loop; it does not prove that nothing was booked.
	Failed State = "FAILED"
	// NotSent provably never left, or was turned away unread.
	NotSent State = "NOT_SENT"
	// Refused was read and refused by Loop at once.
	Refused State = "REFUSED"
	// Uncertain was sent, or may have been, and its outcome is unknown.
	Uncertain State = "UNCERTAIN"
)

// States returns every state, in the order of a submission's life.
func States() []State {
	return []State{Received, Submitting, Waiting, Running, Succeeded, Failed, NotSent, Refused, Uncertain}
}

// Open says whether an owner is still at it: a repeat of the id waits for the outcome.
func (s State) Open() bool { return s == Received || s == Submitting }

// Following says whether Loop has it and is to be asked how it goes.
func (s State) Following() bool { return s == Waiting || s == Running }

// Final says whether the ledger will do nothing more by itself. UNCERTAIN is final in this sense: only the owner's late
// answer changes it, Loop's answer about what it has accepted, or a person, see Resolvable.
func (s State) Final() bool { return !s.Open() && !s.Following() }

// NothingBooked says whether the same id may be sent again, and the same content under another id.
func (s State) NothingBooked() bool { return s == NotSent || s == Refused }

// event is what happens to a submission.
type event string

const (
	retake   event = "retake"    // its caller repeats the id
	submit   event = "submit"    // the owner is about to send it
	accept   event = "accept"    // Loop answered with its id, and is to be asked
	complete event = "complete"  // Loop carried it out at once
	refuse   event = "refuse"    // Loop said no
	turnAway event = "turn away" // nothing left, or it was turned away unread
	lose     event = "lose"      // sent, without a usable answer
	abandon  event = "abandon"   // the owner is dead, or its lease is over
	await    event = "await"     // Loop says that it waits
	run      event = "run"       // Loop says that it runs
	succeed  event = "succeed"   // Loop says that it is booked
	fail     event = "fail"      // Loop says that it ended with errors
	age      event = "age"       // Loop did not end it in time

	// What a person decides, see resolve.go.
	stateBooked event = "state booked"     // it is in Loop
	stateAbsent event = "state not booked" // it is not, and will not be
	resubmit    event = "resubmit"         // it is not: send it again
)

// transitions are the whole of the state machine: what is not here does not happen. Who may cause an event, and when, is in
// rules.
var transitions = map[State]map[event]State{
	Received:   {submit: Submitting, turnAway: NotSent, abandon: NotSent},
	Submitting: {accept: Waiting, complete: Succeeded, refuse: Refused, turnAway: NotSent, lose: Uncertain, abandon: Uncertain},
	Waiting:    {await: Waiting, run: Running, succeed: Succeeded, fail: Failed, age: Uncertain},
	Running:    {await: Running, run: Running, succeed: Succeeded, fail: Failed, age: Uncertain}, // Loop's own step back is not one here
	// accept and complete are the owner's late answer, after a person's statement that it was not booked, see rules.settle.
	NotSent: {retake: Received, accept: Waiting, complete: Succeeded},
	Refused: {retake: Received, accept: Waiting, complete: Succeeded},
	Failed:  {stateBooked: Succeeded, stateAbsent: Refused, resubmit: Received}, // refused late, and by Loop
	Uncertain: { // the owner's late answer, see rules.settle; Loop's answer about what it had accepted, see rules.conclude; or a person's
		succeed: Succeeded, fail: Failed,
		accept: Waiting, complete: Succeeded, refuse: Refused, turnAway: NotSent, lose: Uncertain,
		stateBooked: Succeeded, stateAbsent: NotSent, resubmit: Received,
	},
}

// next is where an event leads to.
func next(from State, happens event) (State, error) {
	if to, known := transitions[from][happens]; known {
		return to, nil
	}
	return from, fmt.Errorf("%w: %q in %s", ErrTransition, happens, from)
}
