package ledger

import "time"

// Cause says why a submission did not end well: a kind of cegidclient's errors by its stable name, or one of those below.
type Cause string

// The causes that are no answer of Loop's.
const (
	// CauseStopping: the server stopped before it was sent.
	CauseStopping Cause = "stopping"
	// CauseFault: a fault of this service before anything left.
	CauseFault Cause = "fault"
	// CauseNotNoted: that it was about to be sent could not be committed, so that it was not sent.
	CauseNotNoted Cause = "not_noted"
	// CauseNoTurn: it did not get its turn in time, and was not sent.
	CauseNoTurn Cause = "no_turn"
	// CauseWithoutID: Loop accepted it without an id to follow it by.
	CauseWithoutID Cause = "without_id"
	// CauseNamesImport: Loop refused it, but its answer names an import.
	CauseNamesImport Cause = "names_import"
	// CauseEndedWithErrors: Loop ended an import that it had accepted with errors.
	CauseEndedWithErrors Cause = "ended_with_errors"
	// CauseOrphanedUnsent and CauseOrphaned: its owner ended, or took too long, before and after it may have left.
	CauseOrphanedUnsent Cause = "orphaned_unsent"
	CauseOrphaned       Cause = "orphaned"
	// CauseOverdue: Loop did not end it within FollowFor.
	CauseOverdue Cause = "overdue"
	// CauseForgotten: the ledger was put back from a copy, and only the audit knows that it was sent.
	CauseForgotten Cause = "forgotten"
)

// Causes returns those above: tests of other packages hold that each has its words.
func Causes() []Cause {
	return []Cause{
		CauseStopping, CauseFault, CauseNotNoted, CauseNoTurn, CauseWithoutID, CauseNamesImport, CauseEndedWithErrors,
		CauseOrphanedUnsent, CauseOrphaned, CauseOverdue, CauseForgotten,
	}
}

// Failure says how a submission ended, when it did not end well; it suffices to give the same answer again.
type Failure struct {
	// Cause is stored under the name by which the views show it, and by which the servers before read the reason of their
	// answer: beside this one they show the cause in its place, and else what the state alone says.
	Cause Cause `json:"reason,omitempty"`
	// Detail says in English what is wrong, where the cause does not; Field is the argument at fault.
	Detail string `json:"message,omitempty"`
	Field  string `json:"field,omitempty"`
	// Local: decided here, not by Loop.
	Local bool `json:"local,omitempty"`
	// LoopMessage is Loop's own sentence, in French.
	LoopMessage string `json:"loop_message,omitempty"`
	// Operation is the inventory's id of what was called.
	Operation string `json:"operation,omitempty"`
	// LoopCode is Loop's own code of the error; LoopCallID, its id of the call (Loop: requestId), and LoopInstanceID are for
	// Loop's support. LoopImport is the import that CauseNamesImport speaks of.
	LoopCode       string `json:"loop_code,omitempty"`
	LoopCallID     string `json:"loop_call_id,omitempty"`
	LoopInstanceID string `json:"loop_instance_id,omitempty"`
	LoopImport     string `json:"loop_import,omitempty"`
	// HTTPStatus is that of Loop's answer; 0 without one.
	HTTPStatus int `json:"http_status,omitempty"`
	// RetryAfter is the delay that the answer asked for.
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	// Answered is set in rows of the servers before, which stored their answer: Cause and Detail are its reason and its sentence.
	Answered *uint32 `json:"code,omitempty"`
}

// orphaned is the error of a row whose owner is gone; nil for other states.
func orphaned(state State) *Failure {
	switch state {
	case NotSent:
		return &Failure{Cause: CauseOrphanedUnsent, Detail: "the server ended, or took too long, before it was sent"}
	case Uncertain:
		return &Failure{Cause: CauseOrphaned, Detail: "the server ended, or took too long, while it was being sent"}
	default:
		return nil
	}
}

// overdue is the error of an import that Loop did not end in time.
func overdue() *Failure {
	return &Failure{Cause: CauseOverdue, Detail: "Loop accepted it, and did not say within 7 days what became of it"}
}

func (f *Failure) clipped() *Failure {
	if f == nil {
		return nil
	}
	out := *f
	for _, text := range []*string{
		&out.Detail, &out.Field, &out.LoopMessage, &out.LoopCode, &out.LoopCallID, &out.LoopInstanceID,
		&out.LoopImport,
	} {
		*text = clip(*text)
	}
	return &out
}
