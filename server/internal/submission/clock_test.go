package submission

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/server/internal/ledger"
)

// TestAClockThatLeapsIsToldOf within a minute, once, and makes nothing UNCERTAIN.
func TestAClockThatLeapsIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		began := time.Now()
		l, err := ledger.Temporary(t.Context(), func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
			ledger.WithMonotonic(func() time.Duration { return time.Since(began) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		var loop loop
		loop.says("loop-FA-1", "1")
		open(t, l, &loop, func(cfg *Config) { cfg.FirstPoll = time.Minute })
		accept(t, l, "FA-1")
		time.Sleep(5 * time.Minute)
		const line = "the clock of the ledger cannot be trusted"
		if strings.Contains(loop.log.String(), line) {
			t.Fatal("told before it has leapt")
		}
		ahead.Store(int64(2 * 365 * 24 * time.Hour))
		time.Sleep(3 * time.Minute)
		if n := strings.Count(loop.log.String(), line); n != 1 || !strings.Contains(loop.log.String(), `"level":"ERROR"`) {
			t.Errorf("told %d times", n)
		}
		time.Sleep(2 * time.Hour)
		if got := get(t, l, "FA-1"); got.State != ledger.Waiting {
			t.Errorf("it is %s", got.State)
		}
		if n := strings.Count(loop.log.String(), line); n < 2 || n > 4 {
			t.Errorf("told %d times in two hours", n)
		}
	})
}
