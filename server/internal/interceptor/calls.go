package interceptor

import (
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// callsKept is how long the record of a call is kept for its caller.
const callsKept = 24 * time.Hour

// Calls keeps what the log says of calls for those who made them, in the memory of this server: those that went well apart,
// which are many, from those that did not. About 10 MiB when it is full.
type Calls struct {
	mu          sync.Mutex
	well, badly ring
}

// ring keeps the newest: so many of each caller, and so many of all; then the caller with the most gives one up.
type ring struct {
	ofOne, ofAll int
	by           map[string]*callsOfOne // by caller
	total        int
}

// callsOfOne is a queue, the oldest in front. Each call is put in, and next to none is looked for.
type callsOfOne struct {
	records   []*CallRecord
	forgotten int // of records, in front
}

func (c *callsOfOne) all() []*CallRecord { return c.records[c.forgotten:] }

// CallRecord is what a caller may know of a call that it made.
type CallRecord struct {
	RequestID, Trace string
	Origin
	By, Identity      string
	Practice, Dossier string
	// Method as package.Service/Method.
	Method string
	Code   codes.Code
	// Reason of the error; UNSPECIFIED without one.
	Reason looppb.ErrorReason
	Began  time.Time
	Took   time.Duration
	// Turn is the time of waiting for turns, Loop that of the attempts, and Ledger that of its steps; they may overlap.
	Attempts           int64
	Turn, Loop, Ledger time.Duration
	Said               LoopSaid
}

// NewCalls returns an empty one.
func NewCalls() *Calls {
	return &Calls{
		well:  ring{ofOne: 1_000, ofAll: 4_000, by: map[string]*callsOfOne{}},
		badly: ring{ofOne: 4_000, ofAll: 12_000, by: map[string]*callsOfOne{}},
	}
}

// keep keeps the record of a call whose caller is known.
func (c *Calls) keep(call *Call, record CallRecord) {
	if c == nil || call.Caller == "" {
		return
	}
	record.RequestID, record.Trace, record.Origin, record.By, record.Identity = call.RequestID, call.Trace, call.Origin, call.By, call.Identity
	record.Practice, record.Dossier = call.Practice, call.Dossier
	record.own()
	c.mu.Lock()
	defer c.mu.Unlock()
	if record.Code == codes.OK {
		c.well.keep(call.Caller, &record)
	} else {
		c.badly.keep(call.Caller, &record)
	}
}

// own gives a record texts of its own, in one piece: parts of longer ones, such as a path or a header, would keep those for as long.
func (r *CallRecord) own() {
	texts := []*string{&r.RequestID, &r.Peer, &r.UserAgent, &r.Identity, &r.Practice, &r.Dossier, &r.Said.Code, &r.Said.RequestID}
	var all strings.Builder
	length := 0
	for _, text := range texts {
		length += len(*text)
	}
	all.Grow(length)
	for _, text := range texts {
		all.WriteString(*text)
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
}

func (r *ring) keep(caller string, record *CallRecord) {
	of, known := r.by[caller]
	if !known {
		of = &callsOfOne{}
		r.by[caller] = of
	}
	of.records = append(of.records, record)
	r.total++
	for len(of.all()) > r.ofOne || len(of.all()) > 1 && time.Since(of.all()[0].Began) > callsKept {
		r.forget(of)
	}
	if r.total > r.ofAll {
		most := of
		for _, calls := range r.by {
			if len(calls.all()) > len(most.all()) {
				most = calls
			}
		}
		r.forget(most)
	}
}

// forget forgets the oldest.
func (r *ring) forget(of *callsOfOne) {
	of.records[of.forgotten] = nil
	of.forgotten++
	r.total--
	if of.forgotten > len(of.records)/2 {
		of.records = slices.Delete(of.records, 0, of.forgotten)
		of.forgotten = 0
	}
}

// Find returns the calls of a caller with a request id, the newest first: a caller, or a channel that retries, may have used
// it more than once.
func (c *Calls) Find(caller, requestID string) (out []CallRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range []*ring{&c.well, &c.badly} {
		of, known := r.by[caller]
		if !known {
			continue
		}
		for _, record := range of.all() {
			if record.RequestID == requestID && time.Since(record.Began) <= callsKept {
				out = append(out, *record)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b CallRecord) int { return b.Began.Compare(a.Began) })
	return out
}
