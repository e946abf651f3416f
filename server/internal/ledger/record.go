package ledger

import (
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

const (
	maxReferences = 100 // as the contract says of Import
	maxFindings   = 100
	maxText       = 2000 // bytes of a sentence of Loop's
)

// Collection is what a request id names, beside practice and dossier: an invoice's number can name its entry and its PDF.
type Collection string

// The collections.
const (
	Imports   Collection = "imports"
	Documents Collection = "documents"
	RawCalls  Collection = "raw"
)

// Key names a submission. Dossier is empty for a raw call on the practice itself.
type Key struct {
	Practice, Dossier string
	Collection        Collection
	RequestID         string
}

// Totals tell a submission from another. Amounts are decimal strings in euro, dates YYYY-MM-DD.
type Totals struct {
	Entries, Lines      int
	Debit, Credit       string
	FirstDate, LastDate string
}

// Finding is what a check found, as the contract has it.
type Finding struct {
	Code        string   `json:"code"`
	Severity    string   `json:"severity"`
	Field       string   `json:"field,omitempty"`
	Message     string   `json:"message,omitempty"`
	MessageFR   string   `json:"message_fr,omitempty"`
	Suggestions []string `json:"suggestions,omitempty"`
	// Of a file: who objects, where it was found first, how often, and on which lines.
	Grounds []string `json:"grounds,omitempty"`
	Line    int      `json:"line,omitempty"`
	Column  int      `json:"column,omitempty"`
	Count   int      `json:"count,omitempty"`
	Lines   []int    `json:"lines,omitempty"`
}

// Failure says how a submission ended, when it did not end well; it suffices to give the same answer again.
type Failure struct {
	// Reason is that of ErrorInfo (design § 5).
	Reason string `json:"reason"`
	// Code is the gRPC code of the answer.
	Code codes.Code `json:"code"`
	// Message says what happened and what to do, in English.
	Message string `json:"message,omitempty"`
	// LoopMessage is Loop's own sentence, in French.
	LoopMessage string `json:"loop_message,omitempty"`
	// Operation is the inventory's id of what was called.
	Operation string `json:"operation,omitempty"`
	// LoopCode is Loop's own code of the error; LoopCallID, its id of the call (Loop: requestId), and LoopInstanceID are for
	// Loop's support.
	LoopCode       string `json:"loop_code,omitempty"`
	LoopCallID     string `json:"loop_call_id,omitempty"`
	LoopInstanceID string `json:"loop_instance_id,omitempty"`
	// HTTPStatus is that of Loop's answer; 0 without one.
	HTTPStatus int `json:"http_status,omitempty"`
	// RetryAfter is the delay that the answer asked for.
	RetryAfter time.Duration `json:"retry_after,omitempty"`
}

// File is what an import was of, if it was of a file.
type File struct {
	// Name of a deposit's file, or the last part of a link's path.
	Name string `json:"name,omitempty"`
	// Deposit and SHA256, in hexadecimal, are of a deposit; Host is of a link, whose path and query may open it.
	Deposit string `json:"deposit,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Host    string `json:"host,omitempty"`
}

// Submission is what a caller wants to send. The ledger never sees the payload.
type Submission struct {
	Key
	// Caller is its name in the policy; RPC the method. Both belong to the id. Format is the caller's.
	Caller, RPC, Format string
	// Fingerprints are those of the content, one in each scheme that a row may have been made in, the newest first.
	Fingerprints []Fingerprint
	// Metadata is the caller's own, kept and answered as it came.
	Metadata map[string]string
	// DocumentReferences and Findings: the first 100 of each are kept.
	DocumentReferences []string
	// Clues tell the entries of a document reference from others of the same; those of the references that are kept are.
	Clues    map[string]Clue
	Totals   Totals
	Findings []Finding
	File     *File
	// AllowDuplicate lets the same content in under another id.
	AllowDuplicate bool
}

// Record is a row. Instants are UTC, of the database's clock, to the microsecond; zero when unset.
type Record struct {
	Key
	Caller, RPC        string
	Format             string
	Fingerprint        Fingerprint
	Metadata           map[string]string
	DocumentReferences []string
	Clues              map[string]Clue
	Totals             Totals
	Findings           []Finding
	File               *File
	State              State
	// Attempt counts from 1: how often sending it was begun.
	Attempt int
	// Owner is the process at it, or the last one that was; LeaseUntil is zero once it has settled.
	Owner      string
	LeaseUntil time.Time
	// Abandoned says that UNCERTAIN was set by another than the owner, whose late answer still counts.
	Abandoned bool
	// LoopRequestID is Loop's id, once accepted.
	LoopRequestID string
	// LoopIDs are what Loop named in its answer to a write that it carried out at once, by Loop's own names.
	LoopIDs map[string]string
	Error   *Failure
	// FollowError says why following has stalled.
	FollowError string
	// Polls counts the questions to Loop; NextPoll is zero unless it is to be asked again.
	Polls    int
	NextPoll time.Time
	// Evidence is what the latest look into Loop has shown, Resolution what people have decided; nil without. Both may speak
	// of an earlier attempt.
	Evidence   *Evidence
	Resolution *Resolution
	// Created is when the id came first, Received when this attempt did, Updated when the state last changed, Submitted
	// when bytes were about to leave, Finished when it became final.
	Created, Received, Updated, Submitted, Finished time.Time
}

// Begun is what Begin found or made.
type Begun struct {
	Record
	// Existing says that nothing is to be sent: the record answers.
	Existing bool
}

// Outcome is what the owner learnt by sending.
type Outcome struct {
	// State is WAITING, SUCCEEDED, REFUSED, NOT_SENT or UNCERTAIN.
	State State
	// LoopRequestID comes with WAITING, and with nothing else.
	LoopRequestID string
	// LoopIDs may come with SUCCEEDED: few and short, because they are kept as they are.
	LoopIDs map[string]string
	// Pause is how long to wait until Loop is asked how WAITING goes.
	Pause time.Duration
	Error *Failure
}

// Progress is what following has learnt.
type Progress struct {
	// State is what Loop says: WAITING, RUNNING, SUCCEEDED or FAILED. Empty when it says nothing that is understood: the
	// state stays.
	State State
	// Pause is how long to wait until it is asked again, unless the state is final.
	Pause time.Duration
	// FollowError says why nothing was learnt; empty clears it.
	FollowError string
	// Error comes with FAILED.
	Error *Failure
}

func (r *Record) standing() standing {
	s := standing{
		state: r.State, attempt: r.Attempt, owner: r.Owner, leaseUntil: micros(r.LeaseUntil),
		abandoned: r.Abandoned, accepted: r.LoopRequestID != "", submitted: micros(r.Submitted),
	}
	if e := r.Evidence; e != nil && e.Attempt == r.Attempt && e.Verdict == NotFound {
		s.absent = micros(e.Time)
	}
	if r.Resolution != nil && r.Resolution.Statement != nil && r.Resolution.Statement.Attempt == r.Attempt {
		if s.stated = isNot; r.Resolution.Statement.Booked {
			s.stated = isBooked
		}
	}
	return s
}

// stand moves a record to where the rules have put it.
func (r *Record) stand(s standing, now int64) {
	if r.State != s.state || r.Attempt != s.attempt {
		r.Updated = instant(now)
	}
	r.State, r.Attempt, r.Owner, r.Abandoned = s.state, s.attempt, s.owner, s.abandoned
	r.LeaseUntil, r.Submitted = instant(s.leaseUntil), instant(s.submitted)
	switch {
	case !r.State.Final():
		r.Finished = time.Time{}
	case r.Finished.IsZero():
		r.Finished = instant(now)
	}
	if !r.State.Following() {
		r.NextPoll = time.Time{}
	}
}

// fill sets what another attempt may change.
func (r *Record) fill(s Submission) {
	r.Caller, r.RPC, r.Format, r.Metadata = s.Caller, s.RPC, s.Format, s.Metadata
	r.Fingerprint, r.Totals, r.File = s.Fingerprints[0], s.Totals, s.File
	r.DocumentReferences = references(s.DocumentReferences)
	r.Clues = nil
	for _, reference := range r.DocumentReferences {
		if clue, known := s.Clues[reference]; known {
			if r.Clues == nil {
				r.Clues = make(map[string]Clue)
			}
			r.Clues[reference] = clue
		}
	}
	r.Findings = s.Findings[:min(len(s.Findings), maxFindings):min(len(s.Findings), maxFindings)]
}

// references returns the first of each, in order.
func references(all []string) []string {
	var out []string
	seen := make(map[string]bool)
	for _, reference := range all {
		if len(out) == maxReferences {
			break
		}
		if reference != "" && !seen[reference] {
			seen[reference] = true
			out = append(out, reference)
		}
	}
	return out
}

// orphaned is the error of a row whose owner is gone; the zero value for other states.
func orphaned(state State) *Failure {
	switch state {
	case NotSent:
		return &Failure{
			Reason: "SHUTTING_DOWN", Code: codes.Unavailable,
			Message: "The server ended, or took too long, before it was sent: nothing was booked. Send the same request_id again.",
		}
	case Uncertain:
		return &Failure{
			Reason: "OUTCOME_UNKNOWN", Code: codes.Unknown,
			Message: "The server ended, or took too long, while it was being sent: whether Loop has it is unknown. Look for it in Loop before sending it under another request_id.",
		}
	default:
		return nil
	}
}

// overdue is the error of an import that Loop did not end in time.
func overdue() *Failure {
	return &Failure{
		Reason: "OUTCOME_UNKNOWN", Code: codes.Unknown,
		Message: "Loop accepted it, and did not say within 7 days what became of it. Look for its document references in Loop before sending it under another request_id.",
	}
}

func (f *Failure) clipped() *Failure {
	if f == nil {
		return nil
	}
	out := *f
	out.Message, out.LoopMessage = clip(f.Message), clip(f.LoopMessage)
	out.LoopCode, out.LoopCallID, out.LoopInstanceID = clip(f.LoopCode), clip(f.LoopCallID), clip(f.LoopInstanceID)
	return &out
}

// clip bounds a text, whose bytes Loop chose, and makes it one that every database takes.
func clip(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
