package submission

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// blocked answers nobody until its callers leave.
type blocked struct{}

func (blocked) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestOnePracticeDoesNotHoldUpTheOthers: Loop answers none of the 1,200 questions of one practice, and the only one of another
// is asked within a second all the same.
func TestOnePracticeDoesNotHoldUpTheOthers(t *testing.T) {
	l, err := ledger.Temporary(t.Context(), nil)
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	var loop loop
	loop.says("loop-quick", "3")
	quick := loop.client(t)
	stuck, err := cegidclient.New(cegidclient.Config{
		Practice: "stuck", Transport: blocked{},
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a-test-key:a-test-secret"), cegidclient.NewSecret(""), cegidclient.NewSecret("a-subscription-key")),
	})
	testkit.OK(t, err)
	defer stuck.Close()
	accept := func(practice, id string) {
		s := submission(id)
		s.Practice = practice
		if _, err := l.Begin(t.Context(), s, "before"); err != nil {
			t.Fatal(err)
		}
		testkit.OK(t, l.Submitting(t.Context(), s.Key, 1, "before", time.Minute))
		if _, err := l.Settle(t.Context(), s.Key, 1, "before", ledger.Outcome{State: ledger.Waiting, LoopRequestID: "loop-" + id}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1200 { // all due before the other's
		accept("stuck", fmt.Sprint("stuck-", i))
	}
	accept("demo", "quick")
	begun := time.Now()
	cfg := limited(Config{
		Ledger: l, Owner: "now", Log: slog.New(slog.DiscardHandler),
		Client: func(practice string) (*cegidclient.Client, bool) {
			if practice == "stuck" {
				return stuck, true
			}
			return quick(practice)
		},
	})
	cfg.FirstPoll = 10 * time.Millisecond
	i, err := New(t.Context(), cfg)
	testkit.OK(t, err)
	defer i.Close()
	waitFor(t, func() bool { return len(loop.times("loop-quick")) > 0 })
	if late := loop.times("loop-quick")[0].Sub(begun); late > time.Second {
		t.Errorf("it was asked for %s after it was due", late)
	}
	waitFor(t, func() bool { return get(t, l, "quick").State == ledger.Succeeded })
	if under := stuck.PollPlaces(); under != 1 {
		t.Errorf("%d questions of the stuck practice are put at once", under)
	}
}
