package loopsim

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// UnknownRoute is in records and counters for a request to no declared operation.
const UnknownRoute = "unknown"

// A Request is what is remembered of a request to the API. It holds no secret: of the keys only their kind and slot.
type Request struct {
	Seq          uint64 // from 1, in order of arrival
	Time         time.Time
	Method       string
	Route        string // "/compte", or UnknownRoute
	Path         string // as called
	Dossier      string // as called
	Skip, Take   string // as called
	Filter, Sort string // as called
	Select       string // as called
	Practice     string // "" when the API key was refused
	Key          KeyKind
	Subscription Slot   // "" when the subscription key was refused
	Fault        string // identifier of the fault that struck, "" for none
	Status       int    // 0 when no answer was sent, or none yet
	RemoteAddr   string // one per connection
}

const (
	defaultLog  = 1000
	maxRecorded = 300 // characters of a recorded value
)

type recorder struct {
	mu       sync.Mutex
	ring     []Request // grows to size, then wraps
	size     int
	seq      uint64 // never falls, so that a late finish cannot touch a newer record
	first    uint64 // of the sequence numbers counted since the last reset
	counts   map[string]int
	struck   map[string]int
	inFlight map[string]int
	peaks    map[string]int
}

func newRecorder(size int) *recorder {
	return &recorder{
		size: size, first: 1,
		counts: make(map[string]int), struck: make(map[string]int), inFlight: make(map[string]int), peaks: make(map[string]int),
	}
}

// arrive records a request when it comes in, so that one that never ends is seen too.
func (rec *recorder) arrive(r Request) (seq uint64) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.seq++
	r.Seq = rec.seq
	for _, name := range routeNames(r.Method, r.Route) {
		rec.counts[name]++
		rec.inFlight[name]++
		rec.peaks[name] = max(rec.peaks[name], rec.inFlight[name])
		if r.Fault != "" {
			rec.struck[name]++
		}
	}
	if rec.size > 0 {
		if len(rec.ring) < rec.size {
			rec.ring = append(rec.ring, r)
		} else {
			rec.ring[rec.slot(r.Seq)] = r
		}
	}
	return r.Seq
}

func (rec *recorder) slot(seq uint64) int { return int((seq - rec.first) % uint64(rec.size)) }

// status is set before the first byte leaves: a client that has its answer finds it recorded.
func (rec *recorder) status(seq uint64, status int) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if rec.size == 0 || seq < rec.first {
		return
	}
	if r := &rec.ring[rec.slot(seq)]; r.Seq == seq {
		r.Status = status
	}
}

// leave is called before the last byte leaves: a client that calls again at once never counts as two.
func (rec *recorder) leave(method, route string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, name := range routeNames(method, route) {
		rec.inFlight[name]--
	}
}

// routeNames are those that a request counts under: its path, and its path with its method.
func routeNames(method, route string) []string {
	if route == UnknownRoute {
		return []string{route}
	}
	return []string{route, method + " " + route}
}

// struck returns how many requests to a route a fault has struck.
func (s *Simulator) struck(route string) int {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	return s.recorder.struck[route]
}

// Requests returns the latest requests, oldest first, at most as many as WithRequestLog keeps.
func (s *Simulator) Requests() []Request {
	rec := s.recorder
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.ring) < rec.size || rec.size == 0 {
		return slices.Clone(rec.ring)
	}
	oldest := rec.slot(rec.seq + 1)
	return slices.Concat(rec.ring[oldest:], rec.ring[:oldest])
}

// Count returns the exact number of requests to a route ("/compte", UnknownRoute), to one of its methods ("POST /compte"), or
// to all for "", since the last reset.
// Every request counts, whatever became of it.
func (s *Simulator) Count(route string) int {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	if route == "" {
		return int(s.recorder.seq - s.recorder.first + 1)
	}
	return s.recorder.counts[route]
}

// InFlightPeak returns the largest number of requests to a route ("/compte"), or to one of its methods ("GET /compte"), that were under
// way at once since the last reset. Add latency, or requests end before they can overlap.
func (s *Simulator) InFlightPeak(route string) int {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	return s.recorder.peaks[route]
}

// ResetCounters forgets recorded requests, counts and peaks.
func (s *Simulator) ResetCounters() {
	rec := s.recorder
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.first = rec.seq + 1
	rec.ring = nil
	clear(rec.counts)
	clear(rec.struck)
	clear(rec.peaks)
	for route, n := range rec.inFlight {
		rec.peaks[route] = n
	}
}

// A redactor takes secrets out of what is recorded of a request: a client under test may put one in the wrong place.
type redactor struct {
	known    map[string]bool // rotated-out secrets stay known
	replacer *strings.Replacer
}

func (r *redactor) learn(secrets []string) {
	if r.known == nil {
		r.known = make(map[string]bool)
	}
	for _, secret := range secrets {
		r.known[secret] = true
	}
	// The longest first: one secret may begin another.
	longest := func(a, b string) int { return len(b) - len(a) }
	var pairs []string
	for _, secret := range slices.SortedFunc(maps.Keys(r.known), longest) {
		pairs = append(pairs, secret, "[secret]")
	}
	r.replacer = strings.NewReplacer(pairs...)
}

func (r *redactor) clean(s string) string {
	if s == "" {
		return s
	}
	return clip(r.replacer.Replace(s), maxRecorded)
}
