package cegidclient

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheChainStandsInItsOrder(t *testing.T) {
	c, _ := testClient(t, reply(200, `[]`))
	var names []string
	for _, l := range c.links {
		names = append(names, l.name)
	}
	want := []string{"call metrics", "retry", "quota gate", "concurrency limit", "circuit breaker", "before-send hook", "attempt metrics"}
	if !slices.Equal(names, want) {
		t.Errorf("chain %q", names)
	}
	var trail []string
	var links []link
	for _, n := range names {
		links = append(links, link{n, func(ctx context.Context, call *Call, next Next) (*Response, error) {
			trail = append(trail, n)
			return next(ctx, call)
		}})
	}
	_, _ = chain(links, func(context.Context, *Call) (*Response, error) { trail = append(trail, "HTTP"); return nil, nil })(t.Context(), nil)
	if !slices.Equal(trail, append(want, "HTTP")) {
		t.Errorf("passed %q", trail)
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func refuseConnection(http.ResponseWriter, *http.Request) { panic(errors.New("connection refused")) }

const okList = `[` + `{"objectId":"a","numero":"60100000"}` + `]`

func TestHowOftenACallIsSent(t *testing.T) {
	ok := reply(200, okList)
	for _, tc := range []struct {
		name      string
		operation string
		handlers  []http.HandlerFunc
		deadline  time.Duration
		requests  int32
		kind      Kind // 0: success
		took      [2]time.Duration
	}{
		{"a read that works", "list_accounts", []http.HandlerFunc{ok}, 0, 1, 0, [2]time.Duration{0, 0}},
		{"503 then fine", "list_accounts", []http.HandlerFunc{reply(503, ``), ok}, 0, 2, 0, [2]time.Duration{0, 100 * time.Millisecond}},
		{"503 for ever", "list_accounts", []http.HandlerFunc{reply(503, ``)}, 0, 3, KindUnavailable, [2]time.Duration{0, 300 * time.Millisecond}},
		{"no connection for ever", "list_accounts", []http.HandlerFunc{refuseConnection}, 0, 3, KindUnavailable, [2]time.Duration{0, 300 * time.Millisecond}},
		{"attempts that time out", "list_accounts", []http.HandlerFunc{hang}, 0, 3, KindUnavailable, [2]time.Duration{30 * time.Second, 30*time.Second + 300*time.Millisecond}},
		{"the caller's deadline within an attempt", "list_accounts", []http.HandlerFunc{hang}, 4 * time.Second, 1, KindInterrupted, [2]time.Duration{4 * time.Second, 4 * time.Second}},
		{"429 with a delay, then fine", "list_accounts", []http.HandlerFunc{reply(429, ``, "Retry-After", "5"), ok}, 0, 2, 0, [2]time.Duration{5 * time.Second, 5 * time.Second}},
		{"429 without a delay, then fine", "list_accounts", []http.HandlerFunc{reply(429, ``), ok}, 0, 2, 0, [2]time.Duration{0, time.Second}},
		{"403 quota with a delay, then fine", "list_accounts", []http.HandlerFunc{reply(403, `{"statusCode":403,"message":"quota"}`, "Retry-After", "2"), ok}, 0, 2, 0, [2]time.Duration{2 * time.Second, 2 * time.Second}},
		{"429 beyond the cap sleeps no longer than it", "list_accounts", []http.HandlerFunc{reply(429, ``, "Retry-After", "300"), ok}, 0, 2, 0, [2]time.Duration{30 * time.Second, 30 * time.Second}},
		{"429 that outlasts the deadline comes back now", "list_accounts", []http.HandlerFunc{reply(429, ``, "Retry-After", "60")}, 45 * time.Second, 1, KindThrottled, [2]time.Duration{0, 0}},
		{"400", "list_accounts", []http.HandlerFunc{reply(400, `{"code":"X"}`)}, 0, 1, KindRefused, [2]time.Duration{}},
		{"403", "list_accounts", []http.HandlerFunc{reply(403, `{}`)}, 0, 1, KindDossierNotShared, [2]time.Duration{}},
		{"404", "list_accounts", []http.HandlerFunc{reply(404, `{}`)}, 0, 1, KindNotFound, [2]time.Duration{}},
		{"a redirect", "list_accounts", []http.HandlerFunc{reply(302, ``, "Location", "https://elsewhere.example/")}, 0, 1, KindBadResponse, [2]time.Duration{}},
		{"a web page", "list_accounts", []http.HandlerFunc{reply(200, `<html>`)}, 0, 1, KindBadResponse, [2]time.Duration{}},
		{"401 with one subscription key", "list_accounts", []http.HandlerFunc{reply(401, `{}`)}, 0, 1, KindCredentialRejected, [2]time.Duration{}},
		{"an import that works", "import_entries", []http.HandlerFunc{ok}, 0, 1, 0, [2]time.Duration{}},
		{"an import with 503", "import_entries", []http.HandlerFunc{reply(503, ``)}, 0, 1, KindUnavailable, [2]time.Duration{}},
		{"an import with 429", "import_entries", []http.HandlerFunc{reply(429, ``, "Retry-After", "1")}, 0, 1, KindThrottled, [2]time.Duration{}},
		{"an import without connection", "import_entries", []http.HandlerFunc{refuseConnection}, 0, 1, KindUnavailable, [2]time.Duration{}},
		{"an import without answer", "import_entries", []http.HandlerFunc{hang}, 0, 1, KindUnavailable, [2]time.Duration{60 * time.Second, 60 * time.Second}},
		{"a change that is read back, with 503", "update_dossier_identity", []http.HandlerFunc{reply(503, ``)}, 0, 1, KindUnavailable, [2]time.Duration{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, w := testClient(t, script(tc.handlers...), func(cfg *Config) { cfg.Breaker.Disabled = true })
				ctx := t.Context()
				if tc.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.deadline)
					defer cancel()
				}
				start := time.Now()
				resp, err := c.Do(ctx, &Call{Operation: operation(t, tc.operation), Dossier: "D1", Body: []byte("{}")})
				took := time.Since(start)
				if n := w.requests.Load(); n != tc.requests {
					t.Errorf("%d requests, want %d", n, tc.requests)
				}
				e, _ := asError(err)
				switch {
				case tc.kind == 0:
					if err != nil || resp.Attempts != int(tc.requests) {
						t.Errorf("%v, %v", resp, err)
					}
				case e == nil || e.Kind != tc.kind || e.Attempts != int(tc.requests) || e.Sent != MaybeSent || e.Practice != "demo":
					t.Errorf("%#v", err)
				}
				if took < tc.took[0] || took > tc.took[1] {
					t.Errorf("took %s, want %s", took, tc.took)
				}
			})
		})
	}
}

func TestAnAttemptThatTimesOutIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, hang)
		if err := readOnce(t.Context(), c); errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
	})
}

func TestAnOutlastingThrottleCarriesItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, reply(429, `{"message":"Rate limit is exceeded."}`, "Retry-After", "60"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		e, _ := asError(readOnce(ctx, c))
		if e == nil || e.RetryAfter != time.Minute || e.Local || e.HTTPStatus != 429 || e.Message == "" {
			t.Errorf("%#v", e)
		}
	})
}

func TestACallerWhoLeavesIsNeverRetriedAndLearnsWhatLoopSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := testClient(t, reply(429, ``, "Retry-After", "20"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		err := readOnce(ctx, c)
		e, _ := asError(err)
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrThrottled) || e == nil || e.Last == nil || e.Last.Kind != KindThrottled {
			t.Errorf("%#v", err)
		}
		if n := w.requests.Load(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestTheBudgetBoundsRetriesInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		c, w := testClient(t, func(rw http.ResponseWriter, r *http.Request) {
			if down.Load() {
				reply(503, ``)(rw, r)
				return
			}
			reply(200, okList)(rw, r)
		}, func(cfg *Config) { cfg.Breaker.Disabled = true })
		for range 20 {
			_ = readOnce(t.Context(), c)
		}
		if n := w.requests.Load(); n != 20+10 {
			t.Errorf("%d requests for 20 calls with 10 retries in hand", n)
		}
		down.Store(false)
		for range 10 { // 10 successes earn one retry
			if err := readOnce(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		down.Store(true)
		w.requests.Store(0)
		_ = readOnce(t.Context(), c)
		if n := w.requests.Load(); n != 2 {
			t.Errorf("%d requests with one retry in hand", n)
		}
	})
}

func bySubscription(accepted *atomic.Value) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Ocp-Apim-Subscription-Key") == accepted.Load() {
			reply(200, okList)(w, r)
			return
		}
		reply(401, `{"statusCode":401,"message":"Access denied due to invalid subscription key."}`)(w, r)
	}
}

func TestTheOtherSubscriptionKeyIsTriedOnceAndRemembered(t *testing.T) {
	var accepted atomic.Value
	accepted.Store(testSub2)
	keys := []Secret{NewSecret(testSub), NewSecret(testSub2)}
	c, w := testClient(t, bySubscription(&accepted), func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) {
			return Credentials{Kind: KeyStandard, APIKey: NewSecret(testAPIKey), SubscriptionKeys: keys}, nil
		})
	})
	step := func(what string, want int32, wantErr Kind) {
		t.Helper()
		w.requests.Store(0)
		err := readOnce(t.Context(), c)
		if e, _ := asError(err); (wantErr == 0) != (err == nil) || err != nil && e.Kind != wantErr {
			t.Errorf("%s: %v", what, err)
		}
		if n := w.requests.Load(); n != want {
			t.Errorf("%s: %d requests, want %d", what, n, want)
		}
	}
	write := func(what string, want Kind) {
		t.Helper()
		w.requests.Store(0)
		_, err := c.Do(t.Context(), &Call{Operation: operation(t, "import_entries"), Dossier: "D", Body: []byte("{}")})
		if e, _ := asError(err); (want == 0) != (err == nil) || e != nil && e.Kind != want || w.requests.Load() != 1 {
			t.Errorf("%s: %v after %d requests", what, err, w.requests.Load())
		}
	}
	write("a write never changes keys by itself", KindCredentialRejected)
	step("the secondary is tried", 2, 0)
	step("the secondary is remembered", 1, 0)
	write("a write uses the key that worked", 0)
	accepted.Store(testSub)
	step("back to the primary", 2, 0)
	accepted.Store("neither")
	step("neither: no more than two", 2, KindCredentialRejected)
	accepted.Store("new")
	keys = []Secret{NewSecret("new"), NewSecret(testSub2)}
	step("changed secrets start with the primary", 1, 0)
}

func TestARotatedSecretIsReadPerAttempt(t *testing.T) {
	var current atomic.Value
	current.Store("old:1")
	var seen []string
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("X-Apikey"))
		if current.Swap("new:1") == "old:1" {
			reply(503, ``)(w, r)
			return
		}
		reply(200, okList)(w, r)
	}, func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) {
			return Credentials{Kind: KeyStandard, APIKey: NewSecret(current.Load().(string)), SubscriptionKeys: []Secret{NewSecret("s")}}, nil
		})
	})
	if err := readOnce(t.Context(), c); err != nil || !slices.Equal(seen, []string{"old:1", "new:1"}) {
		t.Error(seen, err)
	}
}

func TestTheHooksErrorComesBackAsItStands(t *testing.T) {
	mine := errors.New("ledger closed")
	c, w := testClient(t, reply(200, okList), func(cfg *Config) {
		cfg.BeforeSend = func(context.Context, *Call) error { return mine }
	})
	for range 20 { // neither retried nor counted by the breaker
		if err := readOnce(t.Context(), c); err != mine {
			t.Fatal(err)
		}
	}
	if w.requests.Load() != 0 {
		t.Error("sent all the same")
	}
}

type recorder struct {
	calls    []CallEvent
	attempts []AttemptEvent
}

func (r *recorder) CallDone(_ context.Context, e CallEvent)       { r.calls = append(r.calls, e) }
func (r *recorder) AttemptDone(_ context.Context, e AttemptEvent) { r.attempts = append(r.attempts, e) }

func TestTheObserverHearsCallsAndAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(recorder)
		c, _ := testClient(t, script(reply(503, ``), reply(200, okList), reply(200, `{"error":{"message":"non"}}`)), func(cfg *Config) { cfg.Observer = o })
		_ = readOnce(t.Context(), c)
		_ = readOnce(t.Context(), c)
		if len(o.calls) != 2 || o.calls[0].Outcome != "ok" || o.calls[0].Attempts != 2 || o.calls[1].Outcome != "refused" || o.calls[0].Operation != "list_accounts" {
			t.Errorf("%+v", o.calls)
		}
		if len(o.attempts) != 3 || o.attempts[0].Outcome != "unavailable" || o.attempts[0].Status != 503 || o.attempts[1].Attempt != 2 || o.attempts[1].Sends != 1 {
			t.Errorf("%+v", o.attempts)
		}
	})
}

func TestProbeMakesOneAttemptAndReturnsTheEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		kind Kind
	}{
		"fine":           {reply(200, okList), 0},
		"no accounts":    {reply(200, `[]`), 0},
		"bad key":        {reply(401, `{"statusCode":401,"message":"Access denied due to invalid subscription key."}`), KindCredentialRejected},
		"not shared":     {reply(403, `{}`), KindDossierNotShared},
		"down":           {reply(503, ``), KindUnavailable},
		"refused in 200": {reply(200, `{"error":{"message":"non"}}`), KindRefused},
	} {
		c, w := testClient(t, tc.h, func(cfg *Config) {
			cfg.Credentials = StaticCredentials(NewSecret("a:b"), NewSecret("c:d"), NewSecret(testSub), NewSecret(testSub2))
		})
		err := c.Probe(t.Context(), "D1", KeyAdvanced)
		if e, _ := asError(err); (tc.kind == 0) != (err == nil) || e != nil && (e.Kind != tc.kind || e.HTTPStatus == 0) || w.requests.Load() != 1 {
			t.Errorf("%s: %v after %d requests", name, err, w.requests.Load())
		}
	}
}
