package ledger

import (
	"strings"
	"time"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
)

const (
	// KeptReferences is how many document references of a submission are kept, as the contract says of Import.
	KeptReferences = 100
	maxFindings    = 100
	maxText        = 2000 // bytes of a sentence of Loop's
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
	// Caller is its name in the policy, Kind what is written. Both belong to the id. Format is the caller's.
	Caller string
	Kind   Kind
	Format string
	// Fingerprints are those of the content, one in each scheme that a row may have been made in, the newest first.
	Fingerprints []Fingerprint
	// Metadata is the caller's own, kept and answered as it came.
	Metadata map[string]string
	// DocumentReferences and Findings: the first 100 of each are kept.
	DocumentReferences []string
	// Clues tell the entries of a document reference from others of the same; those of the references that are kept are.
	Clues    map[string]Clue
	Totals   Totals
	Findings []check.Finding
	File     *File
	// AllowDuplicate lets the same content, and the same entries, in under another id.
	AllowDuplicate bool
	// Digests are what its entries are told by; nil where none were seen.
	Digests  *Digests
	compared *comparison
}

// Record is a row. Instants are UTC, of the database's clock, to the microsecond; zero when unset.
type Record struct {
	Key
	Caller             string
	Kind               Kind
	Format             string
	Fingerprint        Fingerprint
	Metadata           map[string]string
	DocumentReferences []string
	Clues              map[string]Clue
	Totals             Totals
	Findings           []check.Finding
	File               *File
	State              State
	// Attempt counts from 1: how often sending it was begun.
	Attempt int
	// Owner is the process at it, or the last one that was; LeaseUntil is zero once the row is settled.
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
	// Polls counts the questions to Loop, Asked is when the last one ended; NextPoll is zero unless it is to be asked again.
	Polls           int
	Asked, NextPoll time.Time
	// FollowAge is how long it was followed while Loop could be asked.
	FollowAge time.Duration
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
	// LoopRequestID comes with WAITING, and with UNCERTAIN where an answer names an import all the same: it can be asked for.
	LoopRequestID string
	// LoopIDs may come with SUCCEEDED: few and short, because they are kept as they are.
	LoopIDs map[string]string
	// Pause is how long to wait until Loop is asked how what has an id goes.
	Pause time.Duration
	Error *Failure
}

// Progress is what following has learnt.
type Progress struct {
	// State is what Loop says: WAITING, RUNNING, SUCCEEDED or FAILED. Empty when it says nothing that is understood: the
	// state stays.
	State State
	// Pause is how long to wait until it is asked again, unless it is UNCERTAIN and past its time: that is asked for each day.
	Pause time.Duration
	// FollowError says why nothing was learnt; empty clears it.
	FollowError string
	// Unasked: Loop could not be asked, so that this time does not count for the age of what it does not end.
	Unasked bool
	// Error comes with FAILED.
	Error *Failure
}

func (r *Record) status() status {
	s := status{
		state: r.State, attempt: r.Attempt, owner: r.Owner, leaseUntil: micros(r.LeaseUntil),
		abandoned: r.Abandoned, loopID: r.LoopRequestID, submitted: micros(r.Submitted),
		asked: micros(r.Asked), followed: r.FollowAge.Microseconds(),
	}
	if e := r.Evidence; e != nil && e.Attempt == r.Attempt {
		switch e.sight() {
		case notThere:
			s.absent = micros(e.Time)
		case notSeen:
			s.unproven = micros(e.Time)
		}
	}
	if r.Resolution != nil && r.Resolution.Statement != nil && r.Resolution.Statement.Attempt == r.Attempt {
		if s.stated = isNot; r.Resolution.Statement.Booked {
			s.stated = isBooked
		}
	}
	return s
}

// apply gives a record the status that the rules have decided on.
func (r *Record) apply(s status, now int64) {
	if r.State != s.state || r.Attempt != s.attempt {
		r.Updated = instant(now)
	}
	r.State, r.Attempt, r.LoopRequestID, r.Owner, r.Abandoned = s.state, s.attempt, s.loopID, s.owner, s.abandoned
	r.LeaseUntil, r.Submitted = instant(s.leaseUntil), instant(s.submitted)
	r.Asked, r.FollowAge = instant(s.asked), time.Duration(s.followed)*time.Microsecond
	switch {
	case !r.State.Final():
		r.Finished = time.Time{}
	case r.Finished.IsZero():
		r.Finished = instant(now)
	}
	if !s.toBeAsked() {
		r.NextPoll = time.Time{}
	}
}

// fill sets what another attempt may change.
func (r *Record) fill(s Submission) {
	r.Caller, r.Kind, r.Format, r.Metadata = s.Caller, s.Kind, s.Format, s.Metadata
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
		if len(out) == KeptReferences {
			break
		}
		if reference != "" && !seen[reference] {
			seen[reference] = true
			out = append(out, reference)
		}
	}
	return out
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
