package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// TestTwoServersKnowOfEachOther, real ones on PostgreSQL: the second one of an installation of one is noticed, and what Loop tells
// one with a 429 keeps the other from asking.
func TestTwoServersKnowOfEachOther(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	s := settings{ledger: pgtest.Shared(t).Database(t), replicas: 1}
	initialize(t, s.ledger)
	first, second := newGateway(t, l.url, s), newGateway(t, l.url, s)
	get := func(url string) (int, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+url, nil)
		testkit.OK(t, err)
		request.Header.Set("Authorization", "Bearer "+tokenOf(billing))
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		testkit.OK(t, err)
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		testkit.OK(t, err)
		return response.StatusCode, string(text)
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}

	const accounts = "/v1/practices/demo/dossiers/CEGID001/accounts"
	for _, each := range []*gateway{first, second} {
		if code, text := get(each.http + accounts); code != http.StatusOK {
			t.Fatalf("HTTP %d %s", code, text)
		}
	}
	fault := l.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: 60 * time.Second, Route: "/compte"})
	if code, text := get(first.http + accounts); code != http.StatusTooManyRequests {
		t.Fatalf("HTTP %d %s", code, text)
	}
	l.RemoveFault(fault)
	told := time.Now()
	throttled := fmt.Sprintf("loop_refusals_total{class=\"read\",practice=%q,why=\"throttled\"} ", "demo")
	eventually("the second server does not know of the 429", func() bool {
		asked := l.Count("/compte")
		code, _ := get(second.http + accounts)
		return code == http.StatusTooManyRequests && l.Count("/compte") == asked
	})
	t.Logf("the second server knew of the 429 after %s", time.Since(told).Round(time.Millisecond))
	if _, metrics := get(second.operations + "/metrics"); !strings.Contains(metrics, throttled) || strings.Contains(metrics, throttled+"0\n") {
		t.Error("the second server has not counted what it refused")
	}
	eventually("a second server is not noticed", func() bool {
		_, metrics := get(first.operations + "/metrics")
		text, err := os.ReadFile(first.log.Name())
		return err == nil && strings.Contains(metrics, "\nledger_servers 2\n") && strings.Contains(metrics, "\nledger_replicas 1\n") && strings.Contains(string(text), "more servers use the ledger than replicas says")
	})
	if err := second.terminate(); err != nil {
		t.Error(err)
	}
	eventually("one that ends is not missed", func() bool {
		_, metrics := get(first.operations + "/metrics")
		return strings.Contains(metrics, "\nledger_servers 1\n")
	})
	first.healthy()
}
