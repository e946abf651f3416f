package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An announcement is complete with the example call, which comes last on a loopback address.
type announcement struct {
	text     strings.Builder
	complete chan struct{}
}

func (a *announcement) Write(p []byte) (int, error) {
	a.text.Write(p)
	if strings.Contains(string(p), "curl") {
		close(a.complete)
	}
	return len(p), nil
}

func TestTheProgramServesAndStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &announcement{complete: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--listen", "127.0.0.1:0", "--page-cap", "3", "--import-delay", "1ms"}, out, io.Discard)
	}()
	select {
	case <-out.complete:
	case err := <-done:
		t.Fatal(err)
	}
	printed := out.text.String()
	base := strings.Fields(printed)[3] // Simulated Loop API http://…/
	for _, want := range []string{loopsim.SandboxSubscriptionPrimary, loopsim.SandboxDemoAPIKey, loopsim.SandboxPartnerAPIKey} {
		if !strings.Contains(printed, want) {
			t.Errorf("%s is not printed:\n%s", want, printed)
		}
	}

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"journal?codeDossier=CEGID001", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Ocp-Apim-Subscription-Key", loopsim.SandboxSubscriptionPrimary)
	r.Header.Set("x-apikey", loopsim.SandboxDemoAPIKey)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || strings.Count(string(body), `"code"`) != 3 {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"--page-cap", "-1"}, {"--import-delay", "-1s"}, {"--import-delay", "1"}, {"extra"}, {"--rien"}, {"--listen", "nowhere:x"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}
