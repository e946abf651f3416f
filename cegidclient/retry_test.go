package cegidclient

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func refuseConnection(http.ResponseWriter, *http.Request) { panic(errors.New("connection refused")) }

// okList is what readOnce asks for: one account, and one more that tells that the list goes on.
const okList = `[{"objectId":"a","numero":"60100000"},{"objectId":"b","numero":"60200000"}]`

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
		{"an import with 503", "import_entries", []http.HandlerFunc{reply(503, ``)}, 0, 1, KindOutcomeUnknown, [2]time.Duration{}},
		{"an import with 429", "import_entries", []http.HandlerFunc{reply(429, ``, "Retry-After", "1")}, 0, 1, KindThrottled, [2]time.Duration{}},
		{"an import whose connection breaks", "import_entries", []http.HandlerFunc{refuseConnection}, 0, 1, KindOutcomeUnknown, [2]time.Duration{}},
		{"an import without answer", "import_entries", []http.HandlerFunc{hang}, 0, 1, KindOutcomeUnknown, [2]time.Duration{60 * time.Second, 60 * time.Second}},
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
		}, func(cfg *Config) { cfg.Breaker.Disabled, cfg.Retry.BudgetPerSuccess = true, 0.1 })
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
