package main

import (
	"net/http"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// TestAReadThatFailsSaysHowOftenLoopWasAskedAndWhyNoMore: until all attempts are made, the breaker is open, or the budget is spent. The
// log tells when the breaker turns, the metrics its state and what is left of the budget.
func TestAReadThatFailsSaysHowOftenLoopWasAskedAndWhyNoMore(t *testing.T) {
	t.Parallel()
	down := loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusServiceUnavailable}
	t.Run("attempts and breaker", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.serve(t, "")
		w.Inject(down)
		read := func() (int, string) {
			return ask(t, http.DefaultClient, http.MethodGet, "http://"+p.http+accounts, w.token, "")
		}
		for n, says := range []string{
			"it was asked 3 times", "it was asked 3 times", "it was asked 3 times",
			"it was asked once, and no more, because it fails again and again and is not called for a moment", // the tenth failure
			"LOOP_UNAVAILABLE",
		} {
			if code, text := read(); code != http.StatusServiceUnavailable || !strings.Contains(text, says) || !strings.Contains(text, "LOOP_UNAVAILABLE") {
				t.Errorf("read %d: HTTP %d %s; want %q", n+1, code, text, says)
			}
		}
		if n := w.Count("/compte"); n > 11 { // of which one may have been a trial call
			t.Errorf("Loop was asked %d times", n)
		}
		if !strings.Contains(p.metrics(t), `loop_breaker_state{practice="demo"} `) || strings.Contains(p.metrics(t), `loop_breaker_state{practice="demo"} 0`) {
			t.Error("the metrics do not show an open breaker")
		}
		w.ClearFaults()
		eventually(t, "Loop again", func() bool { code, _ := read(); return code == http.StatusOK })
		for _, says := range []string{
			`"Loop seems to be down for a practice: its calls are paused, and one is tried now and then","practice":"demo","why":"10 failures in a row"`,
			`"Loop answers again: calls are no longer paused","practice":"demo"`,
		} {
			eventually(t, "once in the log: "+says, func() bool { return strings.Count(p.log.String(), says) == 1 })
		}
		p.stop(t)
	})
	t.Run("budget", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.settings["loop"] = strings.TrimSuffix(w.settings["loop"], "}") + ", calls: {retry_budget: 1, retry_refill: 0.25}}"
		p := w.serve(t, "")
		read := func() (int, string) {
			return ask(t, http.DefaultClient, http.MethodGet, "http://"+p.http+accounts, w.token, "")
		}
		w.Inject(down)
		if code, text := read(); code != http.StatusServiceUnavailable || !strings.Contains(text, "it was asked 2 times, and no more, because too many calls had to be repeated lately") {
			t.Errorf("HTTP %d %s", code, text)
		}
		if !strings.Contains(p.metrics(t), `loop_retry_budget{practice="demo"} 0`+"\n") {
			t.Error("the metrics do not show that the budget is spent")
		}
		w.ClearFaults()
		if code, text := read(); code != http.StatusOK {
			t.Errorf("HTTP %d %s", code, text)
		}
		if metrics := p.metrics(t); !strings.Contains(metrics, `loop_retry_budget{practice="demo"} 0.25`+"\n") && !strings.Contains(metrics, `loop_retry_budget{practice="demo"} 0.5`+"\n") {
			t.Error("the metrics do not show what a success gives back")
		}
		p.stop(t)
	})
}

func (p *process) metrics(t *testing.T) string {
	t.Helper()
	_, text := ask(t, http.DefaultClient, http.MethodGet, "http://"+p.operations+"/metrics", "", "")
	return text
}
