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
)

// An Event is a line of the journal: what a caller did and heard, or what was done to the server. Calls are the contract's.
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
	// Retry is how long the answer asks to wait, in seconds; 0 when it does not say.
	Retry float64 `json:"retry,omitempty"`
	// Last marks what was asked and told when all was over.
	Last bool `json:"last,omitempty"`

	// Of a fault.
	Fault  string `json:"fault,omitempty"`
	What   string `json:"what,omitempty"`
	Status int    `json:"status,omitempty"`

	// UnderWay is how many submissions Loop was working at when the server died.
	UnderWay int `json:"underWay,omitempty"`
}

// A Journal is written while it happens, so that it survives what happens.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	enc  *json.Encoder
	seq  int
	call int
	err  error
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
