package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// What an Event tells.
const (
	Planned = "planned" // an id, what it is for and what is to be booked under it
	Asked   = "asked"   // a call began
	Told    = "told"    // the call's answer, or a message of its stream
	Struck  = "struck"  // a fault that the simulator may play, by its identifier
	Killed  = "killed"  // the server is about to die
	Died    = "died"    // it is dead
	Started = "started" // it serves again
	Halted  = "halted"  // the database of the ledger is about to crash
	Resumed = "resumed" // it answers again
	Listed  = "listed"  // the server lists the id when all is over
	Typed   = "typed"   // a person booked an entry in Loop, past the service
	Met     = "met"     // a fault has struck so often, in the end
	Sighted = "sighted" // lists of entries that were blind are not any more

	Stopped   = "stopped"   // the server has ended in peace
	Full      = "full"      // the disk of the ledger takes no more
	Freed     = "freed"     // it does again
	Leapt     = "leapt"     // the clock of the ledger is wrong by so much from now on; 0 is right
	PutBack   = "put back"  // the ledger is one of an earlier moment
	Restored  = "restored"  // it was restored by its audit
	Forgotten = "forgotten" // a restored ledger knows of the id only what the audit does
)

// An Event is a line of the journal: what a caller did and was told, or what was done to the server. Calls are the contract's.
type Event struct {
	Seq  int       `json:"seq"`
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	ID   string    `json:"id,omitempty"` // the request_id

	// Of a plan: what the story expects, and the amount that may be booked.
	Story  string `json:"story,omitempty"`
	Amount string `json:"amount,omitempty"`
	// Of a plan, and of what a person typed: the document reference, which several may have, and the references that the
	// entry may bear, which nothing else does; both are the id where they are empty.
	Document   string   `json:"document,omitempty"`
	References []string `json:"references,omitempty"`
	// Repeats is the id whose entry a planned import is meant to book again.
	Repeats string `json:"repeats,omitempty"`
	// Corrects is the id of the import whose entry a planned one brings under an id of its own. Dossier is where it goes.
	Corrects string `json:"corrects,omitempty"`
	Dossier  string `json:"dossier,omitempty"`

	// Call pairs what was asked with what was told.
	Call   int    `json:"call,omitempty"`
	Caller string `json:"caller,omitempty"`
	Method string `json:"method,omitempty"` // ImportEntries, GetImport, WatchImport, ResolveImport (which looks only)
	Via    string `json:"via,omitempty"`    // grpc, rest
	// Expect is the reason with which a call must end that is not meant to succeed.
	Expect string `json:"expect,omitempty"`
	// State as the contract spells it, also when it came with an error; Code is empty for an answer.
	State  string `json:"state,omitempty"`
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
	// Verdict and Doubt of the latest look into Loop, if there was one.
	Verdict string `json:"verdict,omitempty"`
	Doubt   string `json:"doubt,omitempty"`
	// Saw is the doubt of the look that a refusal tells of.
	Saw string `json:"saw,omitempty"`
	// Retry is how long the answer asks to wait, in seconds; 0 when it does not say.
	Retry float64 `json:"retry,omitempty"`
	// Action is what a call of ResolveImport decides: confirm booked, confirm absent, resubmit; empty for a look.
	Action string `json:"action,omitempty"`
	// Loop is Loop's id of the import, as it was told.
	Loop string `json:"loop,omitempty"`
	// Since is the moment of the copy that was put back; By is how wrong a clock is, in seconds.
	Since time.Time `json:"since,omitzero"`
	By    float64   `json:"by,omitempty"`
	// Last marks what was asked and told when all was over.
	Last bool `json:"last,omitempty"`

	// Of a fault; Dossier is that of one which blinds the lists of its entries, and Times how often it was met.
	Fault  string `json:"fault,omitempty"`
	Times  int    `json:"times,omitempty"`
	What   string `json:"what,omitempty"`
	Status int    `json:"status,omitempty"`

	// UnderWay is how many submissions Loop was working at when the server died.
	UnderWay int `json:"underWay,omitempty"`
}

// A Journal is written while it happens, so that it survives what happens.
type Journal struct {
	mu     sync.Mutex
	file   *os.File // nil of one in memory
	enc    *json.Encoder
	events []Event // of one in memory
	seq    int
	call   int
	err    error
}

// NewJournalInMemory makes a journal of what happens within one process.
func NewJournalInMemory() *Journal { return &Journal{} }

// Events are those of a journal in memory.
func (j *Journal) Events() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.events
}

// NewJournal makes a journal at path.
func NewJournal(path string) (*Journal, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Journal{file: file, enc: json.NewEncoder(file)}, nil
}

// Add writes an event, and says when that was.
func (j *Journal) Add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seq++
	e.Seq, e.At = j.seq, time.Now()
	if j.file == nil {
		j.events = append(j.events, e)
		return
	}
	j.err = errors.Join(j.err, j.enc.Encode(e))
}

// NextCall numbers a call.
func (j *Journal) NextCall() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.call++
	return j.call
}

// Close ends the journal and says whether all of it was written.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.err, j.file.Close())
}

// ReadJournal reads a journal back.
func ReadJournal(path string) ([]Event, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	dec := json.NewDecoder(bufio.NewReader(file))
	var events []Event
	for {
		var e Event
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF):
			return events, nil
		case err != nil:
			return nil, err
		}
		events = append(events, e)
	}
}
