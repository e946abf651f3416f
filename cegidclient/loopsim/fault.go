package loopsim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A FaultKind is a way for a call to go wrong.
type FaultKind string

// Kinds of faults. Those that say "the answer" bend the one that would have been given.
const (
	// FaultLatency gives the answer after Latency.
	FaultLatency FaultKind = "latency"
	// FaultHang answers nothing until the client goes away or the simulator closes.
	FaultHang FaultKind = "hang"
	// FaultStatus answers Status instead of processing the request; Form and Body say with what.
	FaultStatus FaultKind = "status"
	// FaultHTML answers an HTML page with Status, 200 by default.
	FaultHTML FaultKind = "html"
	// FaultTruncated announces the answer's full Content-Length, sends half of it and cuts the connection.
	FaultTruncated FaultKind = "truncated"
	// FaultTruncatedChunked sends half of the answer in chunks and cuts the connection without the last chunk.
	FaultTruncatedChunked FaultKind = "truncated-chunked"
	// FaultNonsense answers text that is not JSON as application/json, with Status, 200 by default.
	FaultNonsense FaultKind = "nonsense"
	// FaultOversize streams well-formed JSON of more than 32 MiB.
	FaultOversize FaultKind = "oversize"
	// FaultErrorIn200 answers 200 with an error object, as imports do (loop-api: C 3.3).
	FaultErrorIn200 FaultKind = "error-in-200"
	// FaultCutBefore cuts the connection without processing the request.
	FaultCutBefore FaultKind = "cut-before"
	// FaultCutAfter processes the request, then cuts the connection without an answer.
	FaultCutAfter FaultKind = "cut-after"
	// FaultDribble sends the answer in Pieces, waiting Latency (default 100 ms) before each.
	FaultDribble FaultKind = "dribble"
)

// A FaultForm is the form of the body of FaultStatus.
type FaultForm string

// Forms of body.
const (
	FormGateway FaultForm = "gateway" // {"statusCode","message"} (loop-api: C 3.1)
	FormService FaultForm = "service" // the micro-service error object (loop-api: C 3.2)
	FormEmpty   FaultForm = "empty"
)

// A Fault strikes requests that match Method, Route, Practice and Dossier, each of them "" for any. Routes are spelled as
// in Routes, or UnknownRoute, or DepositRoute.
type Fault struct {
	Method   string
	Route    string
	Practice string // as the API key says
	Dossier  string // as codeDossier says, or codeIbs in the body of an import

	Skip  int // matching requests let through first
	Times int // requests struck, 0 for all that follow

	// Probability strikes a matching request by chance, 0 or 1 always. The draws follow from Seed and from what the fault
	// matches and does, so that a run whose requests come in the same order repeats itself.
	Probability float64
	Seed        uint64

	// After processes the request before anything else, Latency included: what it books is booked, whatever is answered.
	After bool

	Kind    FaultKind
	Latency time.Duration // waited before anything else; FaultDribble waits it before each piece

	Status         int           // FaultStatus (required), FaultHTML, FaultNonsense
	RetryAfter     time.Duration // sent as Retry-After when positive, in whole seconds rounded up
	RetryAfterDate bool          // as an HTTP date instead of seconds
	Location       string        // of a 3xx; by default a URL on a host that does not exist
	Header         map[string]string

	Form    FaultForm // FaultStatus; by default service for 400, 403 and 500, gateway for the others
	Code    string    // of the service error object
	Message string    // of the error object
	Body    string    // FaultStatus, FaultHTML, FaultNonsense: sent instead of the default body
	Pieces  int       // FaultDribble; default 10
}

const (
	maxFaults       = 1000
	maxLatency      = time.Hour
	oversize        = 33 << 20
	dribblePieces   = 10
	dribblePause    = 100 * time.Millisecond
	defaultLocation = "https://ailleurs.example.invalid/loop-api-publiques"
)

// Validate says what is wrong with the fault, if anything.
func (f Fault) Validate() error {
	declared := func(r Route) bool {
		return (f.Route == "" || f.Route == r.Path) && (f.Method == "" || f.Method == r.Method)
	}
	takesStatus := f.Kind == FaultStatus || f.Kind == FaultHTML || f.Kind == FaultNonsense
	bodyless := f.Status == http.StatusNoContent || f.Status == http.StatusNotModified
	var bad []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	check(slices.Contains(faultKinds(), f.Kind), "kind %q is none of %v", f.Kind, faultKinds())
	check(f.Route == UnknownRoute || f.Route == DepositRoute || slices.ContainsFunc(Routes(), declared), "no operation is %s",
		strings.TrimSpace(f.Method+" "+f.Route))
	check(f.Skip >= 0 && f.Times >= 0 && f.Pieces >= 0, "skip, times and pieces cannot be negative")
	check(f.Probability >= 0 && f.Probability <= 1, "probability must be between 0 and 1")
	check(!f.After || f.Kind != FaultCutBefore, "kind cut-before processes nothing; cut-after does")
	check(f.Latency >= 0 && f.Latency <= maxLatency, "latency must be between 0 and %v", maxLatency)
	check(f.Kind != FaultLatency || f.Latency > 0, "kind latency needs a latency")
	check(f.RetryAfter >= 0, "retry after cannot be negative")
	check(f.Kind != FaultStatus || f.Status != 0, "kind status needs a status")
	check(f.Status == 0 || takesStatus, "kind %s takes no status", f.Kind)
	check(f.Status == 0 || f.Status >= 200 && f.Status <= 599, "status must be between 200 and 599")
	check(slices.Contains([]FaultForm{"", FormGateway, FormService, FormEmpty}, f.Form), "form %q is unknown", f.Form)
	check(f.Body == "" || takesStatus && f.Form == "" && !bodyless, "body goes with kinds status, html and nonsense, without form")
	for name, value := range f.Header {
		check(validHeader(name, value), "header %q is not valid", name)
	}
	if bad != nil {
		return fmt.Errorf("fault: %s: %w", strings.Join(bad, "; "), ErrInvalid)
	}
	return nil
}

func faultKinds() []FaultKind {
	return []FaultKind{
		FaultLatency, FaultHang, FaultStatus, FaultHTML, FaultTruncated, FaultTruncatedChunked, FaultNonsense, FaultOversize,
		FaultErrorIn200, FaultCutBefore, FaultCutAfter, FaultDribble,
	}
}

func validHeader(name, value string) bool {
	foreign := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return name != "" && !strings.ContainsFunc(name, foreign) && !strings.ContainsFunc(value, control)
}

// A FaultState is a fault with its history.
type FaultState struct {
	ID    string
	Fault Fault
	Seen  int // matching requests that reached it, struck or let through
	Hits  int // requests struck
}

// Done reports whether the fault has struck as often as it should.
func (f FaultState) Done() bool { return f.Fault.Times > 0 && f.Hits >= f.Fault.Times }

// faults keeps them in the order of injection.
type faults struct {
	mu   sync.Mutex
	list []*liveFault
	last int
}

type liveFault struct {
	FaultState
	chance *rand.Rand
}

// chance is no secret: a test must repeat itself. Faults that differ draw differently, lest two of one seed strike neighbours.
func (f *Fault) chance() *rand.Rand {
	sum := digest(string(f.Kind), f.Method, f.Route, f.Practice, f.Dossier, strconv.Itoa(f.Status), strconv.FormatBool(f.After))
	return rand.New(rand.NewPCG(f.Seed, binary.BigEndian.Uint64(sum[:8])))
}

var errTooManyFaults = errors.New("too many faults")

func (fs *faults) add(f Fault) (string, error) {
	if err := f.Validate(); err != nil {
		return "", err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.list) >= maxFaults {
		return "", fmt.Errorf("%w: %d at most", errTooManyFaults, maxFaults)
	}
	fs.last++
	state := &liveFault{FaultState: FaultState{ID: "fault-" + strconv.Itoa(fs.last), Fault: f}, chance: f.chance()}
	fs.list = append(fs.list, state)
	return state.ID, nil
}

// match finds the fault that strikes a request: the first one that is not done, whose Skip is used up and that chance selects.
// A request that one fault lets through goes on to the next; one that is struck is not seen by those behind.
func (fs *faults) match(method, route, practice, dossier string) (string, *Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	is := func(want, got string) bool { return want == "" || want == got }
	for _, state := range fs.list {
		f := &state.Fault
		if state.Done() || !is(f.Method, method) || !is(f.Route, route) || !is(f.Practice, practice) || !is(f.Dossier, dossier) {
			continue
		}
		state.Seen++
		if state.Seen <= f.Skip || f.Probability > 0 && state.chance.Float64() >= f.Probability {
			continue
		}
		state.Hits++
		return state.ID, f
	}
	return "", nil
}

// Inject adds a fault and returns its identifier. Faults are tried in the order of injection, and one request meets one
// fault at most. It panics when Validate refuses the fault: a fault that never strikes lets a test pass for nothing.
func (s *Simulator) Inject(f Fault) (id string) {
	id, err := s.faults.add(cloneFault(f))
	if err != nil {
		panic("loopsim: Inject: " + err.Error())
	}
	return id
}

func cloneFault(f Fault) Fault {
	f.Header = maps.Clone(f.Header)
	return f
}

// Faults returns the faults in the order of injection, those that are done included.
func (s *Simulator) Faults() []FaultState {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	states := make([]FaultState, len(s.faults.list))
	for i, f := range s.faults.list {
		states[i] = f.FaultState
		states[i].Fault = cloneFault(f.Fault)
	}
	return states
}

// FaultHits returns how many requests a fault struck, 0 when it is unknown.
func (s *Simulator) FaultHits(id string) int {
	for _, f := range s.Faults() {
		if f.ID == id {
			return f.Hits
		}
	}
	return 0
}

// RemoveFault removes one fault and reports whether it was there. Requests already struck are not let go.
func (s *Simulator) RemoveFault(id string) bool {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	before := len(s.faults.list)
	s.faults.list = slices.DeleteFunc(s.faults.list, func(f *liveFault) bool { return f.ID == id })
	return len(s.faults.list) < before
}

// ClearFaults removes all faults.
func (s *Simulator) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}
