package interceptor

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Sampler tells what has a record of its own from what is counted, and told later: a caller who calls as fast as he can must not
// fill the disk, and nothing is left out without a word. Its kinds must be few.
type Sampler[K comparable] struct {
	// every is how long what was counted waits to be told.
	every time.Duration
	limit func() *rate.Limiter
	tell  func(kind K, more int)

	mu    sync.Mutex
	kinds map[K]*sampled
	timer *time.Timer // until those that were counted are told; nil without any
}

type sampled struct {
	limit *rate.Limiter
	more  int
}

// NewSampler returns one that lets perSecond of each kind have a record, and atOnce of them together.
func NewSampler[K comparable](perSecond rate.Limit, atOnce int, every time.Duration, tell func(kind K, more int)) *Sampler[K] {
	limit := func() *rate.Limiter { return rate.NewLimiter(perSecond, atOnce) }
	return &Sampler[K]{every: every, limit: limit, tell: tell, kinds: map[K]*sampled{}}
}

// First tells whether one has a record of its own; else it is counted.
func (s *Sampler[K]) First(kind K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	count, known := s.kinds[kind]
	if !known {
		count = &sampled{limit: s.limit()}
		s.kinds[kind] = count
	}
	if count.limit.Allow() {
		return true
	}
	count.more++
	if s.timer == nil {
		s.timer = time.AfterFunc(s.every, s.Flush)
	}
	return false
}

// Flush tells of those that were counted since the last time.
func (s *Sampler[K]) Flush() {
	s.mu.Lock()
	more := map[K]int{}
	for kind, count := range s.kinds {
		if count.more > 0 {
			more[kind] = count.more
			count.more = 0
		}
	}
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.mu.Unlock()
	for kind, n := range more {
		s.tell(kind, n)
	}
}
