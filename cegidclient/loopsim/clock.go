package loopsim

import (
	"fmt"
	"net/http"
	"time"
)

// maxAdvance is how far the simulator's time can be ahead.
const maxAdvance = 10 * 366 * 24 * time.Hour

// WhenDue has a function called each time that imports became due by other means than the passing of time: a program that follows them
// asks at once.
func WhenDue(due func()) Option { return func(c *config) { c.whenDue = due } }

// now is the simulator's time: the machine's, and as much as it was advanced since the last reset.
func (s *Simulator) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Advance moves the simulator's time forward: what it delays is due earlier by as much, and links to deposit a file end. The
// clocks of its clients stay, so Retry-After and the faults' latencies do not change. The error is ErrInvalid.
func (s *Simulator) Advance(by time.Duration) error {
	for {
		ahead := s.ahead.Load()
		if by < 0 || by > maxAdvance-time.Duration(ahead) {
			return fmt.Errorf("advance: time moves forward, and %v at the most until a reset: %w", maxAdvance, ErrInvalid)
		}
		if s.ahead.CompareAndSwap(ahead, ahead+int64(by)) {
			break
		}
	}
	s.carryOutDue()
	s.config.whenDue()
	return nil
}

// clockState is the simulator's time.
type clockState struct {
	Now   time.Time `json:"now"`
	Ahead duration  `json:"ahead"` // of the machine's time
}

func (s *Simulator) clockState() clockState {
	return clockState{s.now().UTC().Truncate(time.Millisecond), duration(s.ahead.Load())}
}

// clockAdmin serves the clock below /_sim/.
func (s *Simulator) clockAdmin(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/clock", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.clockState()) })
	mux.HandleFunc("POST /_sim/clock", s.action("clock", func(r *http.Request) (int, any, error) {
		var in struct {
			Advance duration `json:"advance"`
		}
		if err := readInput(r, &in); err != nil {
			return 0, nil, err
		}
		if err := s.Advance(time.Duration(in.Advance)); err != nil {
			return 0, nil, err
		}
		return http.StatusOK, s.clockState(), nil
	}))
}
