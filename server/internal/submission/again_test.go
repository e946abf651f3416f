package submission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

// books is a Loop that takes imports: each answer of the script in turn, the last one for ever, after a time.
type books struct {
	takes time.Duration

	mu     sync.Mutex
	script []string // "429", "429 5" with Retry-After, "429 id" with the id of an import, "200"
	sent   []time.Time
}

func (b *books) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return answer(r, http.StatusOK, `{"status":1}`, ""), nil
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	b.mu.Lock()
	line := b.script[min(len(b.sent), len(b.script)-1)]
	b.sent = append(b.sent, time.Now())
	n := len(b.sent)
	b.mu.Unlock()
	select {
	case <-time.After(b.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, more, _ := strings.Cut(line, " ")
	id := fmt.Sprintf(`{"accountingImportRequestId":"loop-%d"}`, n)
	switch {
	case status == "200":
		return answer(r, http.StatusOK, id, ""), nil
	case more == "id":
		return answer(r, http.StatusTooManyRequests, id, ""), nil
	}
	return answer(r, http.StatusTooManyRequests, "", more), nil
}

func answer(r *http.Request, status int, body, retryAfter string) *http.Response {
	res := &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body)),
	}
	if retryAfter != "" {
		res.Header.Set("Retry-After", retryAfter)
	}
	return res
}

func (b *books) times() []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]time.Time(nil), b.sent...)
}

// client of the practice, and a submission's way to it.
func (b *books) client(t *testing.T, places int) *cegidclient.Client {
	t.Helper()
	client, err := cegidclient.New(cegidclient.Config{
		Practice: "demo", Transport: b, Limits: cegidclient.Limits{Concurrency: places}, RequireHookForWrites: true,
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a-test-key:a-test-secret"), cegidclient.NewSecret(""), cegidclient.NewSecret("a-subscription-key"), cegidclient.NewSecret("")),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func importing(client *cegidclient.Client) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		return client.Imports.Submit(ctx, "CEGID001", cegidclient.EntryImport{Entries: []cegidclient.Entry{{
			Journal: "ACH", Date: "2026-03-15", Lines: []cegidclient.EntryLine{{Account: "60700000", Debit: "1"}, {Account: "40100000", Credit: "1"}},
		}}})
	}
}

// TestAfterA429ASubmissionIsBegunAgain: at most twice, as attempts of their own, within its wait, and where nothing was
// taken.
func TestAfterA429ASubmissionIsBegunAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []string
		off    bool
		wait   time.Duration
		want   ledger.State
		sends  int
		after  time.Duration
		cause  ledger.Cause
	}{
		{name: "once", script: []string{"429 5", "200"}, want: ledger.Waiting, sends: 2, after: 5 * time.Second},
		{name: "twice", script: []string{"429 5", "429 3", "200"}, want: ledger.Waiting, sends: 3, after: 8 * time.Second},
		{name: "twice, without a word on when", script: []string{"429", "429", "200"}, want: ledger.Waiting, sends: 3, after: 3 * time.Second},
		{name: "no third time", script: []string{"429 1"}, want: ledger.NotSent, sends: 3, after: 3 * time.Second, cause: "throttled"},
		{name: "not beyond its wait", script: []string{"429 30"}, want: ledger.NotSent, sends: 1, cause: "throttled"},
		{name: "not beyond its wait, all together", script: []string{"429 15", "429 15"}, want: ledger.NotSent, sends: 2, after: 15 * time.Second, cause: "throttled"},
		{name: "not where the operator says so", off: true, script: []string{"429 5", "200"}, want: ledger.NotSent, sends: 1, cause: "throttled"},
		{name: "not where an import was taken", script: []string{"429 id", "200"}, want: ledger.Uncertain, sends: 1, cause: ledger.CauseNamesImport},
		{name: "not where an import was taken, the second time", script: []string{"429 5", "429 id", "200"}, want: ledger.Uncertain, sends: 2, after: 5 * time.Second, cause: ledger.CauseNamesImport},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				b := &books{script: c.script}
				client := b.client(t, 8)
				i := open(t, temporary(t), &loop, func(cfg *Config) {
					cfg.RepeatAfter429 = !c.off
					cfg.Client = func(string) (*cegidclient.Client, bool) { return client, true }
				})
				begun := time.Now()
				got, err := i.Submit(t.Context(), submission("FA-1"), importing(client))
				if err != nil || got.State != c.want || got.Attempt != c.sends || time.Since(begun) != c.after || len(b.times()) != c.sends {
					t.Errorf("%s, attempt %d after %s, sent %d times, %v", got.State, got.Attempt, time.Since(begun), len(b.times()), err)
				}
				if (got.Error != nil) != (c.cause != "") || got.Error != nil && got.Error.Cause != c.cause {
					t.Errorf("%+v", got.Error)
				}
				if c.want == ledger.Uncertain && got.Error.LoopImport != fmt.Sprintf("loop-%d", c.sends) {
					t.Errorf("the import that was taken is not named: %+v", got.Error)
				}
				// Each attempt has its own record.
				log := loop.log.String()
				for attempt := 1; attempt <= c.sends; attempt++ {
					state := ledger.NotSent
					if attempt == c.sends {
						state = c.want
					}
					record := fmt.Sprintf(`"event":"submitted",[^\n]*"attempt":%d,"write":"[^"]+","entries":0,"lines":0,"debit":"","state":"%s"`, attempt, state)
					if n := len(regexp.MustCompile(record).FindAllString(log, -1)); n != 1 {
						t.Errorf("%d records of attempt %d as %s: %s", n, attempt, state, log)
					}
				}
			})
		})
	}
}

// TestWhoWaitsForASubmissionSeesNoGap: between two attempts the id is never free.
func TestWhoWaitsForASubmissionSeesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		b := &books{script: []string{"429 5", "200"}}
		client := b.client(t, 8)
		i := open(t, temporary(t), &loop, func(cfg *Config) { cfg.RepeatAfter429 = true })
		var callers sync.WaitGroup
		for wait := range 5 {
			callers.Go(func() {
				time.Sleep(time.Duration(wait) * time.Second)
				got, err := i.Submit(t.Context(), submission("FA-1"), importing(client))
				if err != nil || got.State != ledger.Waiting || got.Attempt != 2 {
					t.Errorf("%s, attempt %d, %v", got.State, got.Attempt, err)
				}
			})
		}
		time.Sleep(time.Second)
		other := submission("FA-2")
		other.Fingerprints = submission("FA-1").Fingerprints
		if _, err := i.Submit(t.Context(), other, importing(client)); !errors.As(err, new(*ledger.DuplicateError)) {
			t.Errorf("the same content under another id: %v", err)
		}
		callers.Wait()
		if len(b.times()) != 2 {
			t.Errorf("sent %d times", len(b.times()))
		}
	})
}

// TestTheEndOfTheServerLeavesNothingUncertain: what has not left becomes NOT_SENT at once, in line, at a shut gate and
// between two attempts; what is on its way has its time.
func TestTheEndOfTheServerLeavesNothingUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		b := &books{script: []string{"200"}, takes: 55 * time.Second}
		client := b.client(t, 8)
		i := open(t, temporary(t), &loop, nil)
		states := map[ledger.State]int{}
		var mu sync.Mutex
		var callers sync.WaitGroup
		for n := range 20 {
			callers.Go(func() {
				got, err := i.Submit(t.Context(), submission(fmt.Sprintf("FA-%d", n)), importing(client))
				mu.Lock()
				defer mu.Unlock()
				if states[got.State]++; err != nil || got.State == ledger.NotSent && (got.Error.Cause != ledger.CauseStopping || got.Error.RetryAfter <= 0) {
					t.Errorf("%s, %+v, %v", got.State, got.Error, err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		i.Stop()
		synctest.Wait()
		mu.Lock()
		if states[ledger.NotSent] != 15 {
			t.Errorf("at once: %v", states)
		}
		mu.Unlock()
		begun := time.Now()
		i.Close()
		callers.Wait()
		if states[ledger.Waiting] != 5 || time.Since(begun) != 45*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), states)
		}
	})
	t.Run("between two attempts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var loop loop
			b := &books{script: []string{"429 15", "200"}}
			client := b.client(t, 8)
			i := open(t, temporary(t), &loop, func(cfg *Config) { cfg.RepeatAfter429 = true })
			time.AfterFunc(5*time.Second, i.Stop)
			begun := time.Now()
			got, err := i.Submit(t.Context(), submission("FA-1"), importing(client))
			if err != nil || got.State != ledger.NotSent || got.Attempt != 2 || got.Error.Cause != ledger.CauseStopping || time.Since(begun) != 5*time.Second || len(b.times()) != 1 {
				t.Errorf("%s, attempt %d, %+v, %v after %s", got.State, got.Attempt, got.Error, err, time.Since(begun))
			}
		})
	})
}

// TestOverloadLeavesNothingUncertain: of what is more than Loop takes each is refused with when to come back, and as many
// are accepted as the five places for writes take.
func TestOverloadLeavesNothingUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		b := &books{script: []string{"200"}, takes: 5 * time.Second}
		client := b.client(t, 8)
		i := open(t, temporary(t), &loop, func(cfg *Config) { cfg.FirstPoll, cfg.RepeatAfter429 = time.Minute, true })
		states := map[ledger.State]int{}
		var mu sync.Mutex
		var callers sync.WaitGroup
		const offered, seconds = 2.4, 100
		for n := range int(offered * seconds) {
			callers.Go(func() {
				got, err := i.Submit(t.Context(), submission(fmt.Sprintf("FA-%d", n)), importing(client))
				mu.Lock()
				defer mu.Unlock()
				if states[got.State]++; err != nil || got.State == ledger.NotSent && (got.Error.Cause != "busy" || got.Error.RetryAfter <= 0) {
					t.Errorf("%s, %+v, %v", got.State, got.Error, err)
				}
			})
			time.Sleep(time.Second * 10 / 24)
		}
		callers.Wait()
		t.Logf("%v", states)
		if states[ledger.Uncertain] != 0 || states[ledger.Waiting] < 95 || states[ledger.Waiting]+states[ledger.NotSent] != offered*seconds || len(b.times()) != states[ledger.Waiting] {
			t.Errorf("%v, sent %d", states, len(b.times()))
		}
	})
}

// TestALateTurnIsNotTaken: when the commit that something is about to leave takes too long, it does not leave.
func TestALateTurnIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		b := &books{script: []string{"200"}}
		client := b.client(t, 8)
		i := open(t, temporary(t), &loop, nil)
		got, err := i.Submit(t.Context(), submission("FA-1"), func(ctx context.Context) (string, error) {
			time.Sleep(31 * time.Second) // whatever held it up: less than a whole call is left
			return importing(client)(ctx)
		})
		if err != nil || got.State != ledger.NotSent || got.Error.Cause != "busy" || got.Error.RetryAfter <= 0 || len(b.times()) != 0 {
			t.Errorf("%s, %+v, %v; sent %d", got.State, got.Error, err, len(b.times()))
		}
	})
}
