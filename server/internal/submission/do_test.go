package submission

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

func TestWhatLoopCarriesOutAtOnceIsNotFollowed(t *testing.T) {
	ids := map[string]string{"objectId": "7f0b"}
	for _, c := range []struct {
		name  string
		err   error
		early bool
		want  ledger.State
		cause ledger.Cause
	}{
		{name: "done", want: ledger.Succeeded},
		{name: "refused", err: &cegidclient.Error{Kind: cegidclient.KindRefused, HTTPStatus: 200, Sent: cegidclient.MaybeSent}, want: ledger.Refused, cause: "refused"},
		{name: "unknown", err: &cegidclient.Error{Kind: cegidclient.KindOutcomeUnknown, Sent: cegidclient.MaybeSent}, want: ledger.Uncertain, cause: "outcome_unknown"},
		{name: "never left", err: &cegidclient.Error{Kind: cegidclient.KindUnavailable}, early: true, want: ledger.NotSent, cause: "unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var loop loop
				i := open(t, temporary(t), &loop, nil)
				released := 0
				got, err := i.Do(t.Context(), submission("DOC-1"), func(ctx context.Context) (map[string]string, error) {
					if released != 0 {
						t.Error("released before it was sent")
					}
					if !c.early {
						_, _ = accepted(i, "DOC-1")(ctx)
					}
					if c.err != nil {
						return nil, c.err
					}
					return ids, nil
				}, func() { released++ })
				if err != nil || got.State != c.want || released != 1 {
					t.Fatalf("%s, %v, released %d times; want %s", got.State, err, released, c.want)
				}
				if c.want == ledger.Succeeded != reflect.DeepEqual(got.LoopIDs, ids) || (got.Error == nil) != (c.cause == "") || got.Error != nil && got.Error.Cause != c.cause {
					t.Errorf("%+v, %+v", got.LoopIDs, got.Error)
				}
				time.Sleep(10 * time.Second) // the poller asks Loop about none of them: this one would fail the test
			})
		})
	}
}

// TestWhatASubmissionReadsIsReleasedOnce: whatever becomes of it, and not while it is being sent.
func TestWhatASubmissionReadsIsReleasedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loop loop
		i := open(t, temporary(t), &loop, nil)
		released := map[string]int{}
		do := func(ctx context.Context, name string, s ledger.Submission, send func(context.Context) (map[string]string, error)) error {
			_, err := i.Do(ctx, s, send, func() { released[name]++ })
			return err
		}
		done := func(context.Context) (map[string]string, error) {
			_, err := accepted(i, "DOC-1")(t.Context())
			return nil, err
		}
		unreachable := func(context.Context) (map[string]string, error) {
			t.Error("it was sent")
			return nil, nil
		}
		if err := do(t.Context(), "sent", submission("DOC-1"), done); err != nil {
			t.Error(err)
		}
		if err := do(t.Context(), "repeated", submission("DOC-1"), unreachable); err != nil {
			t.Error(err)
		}
		other := submission("DOC-1")
		other.Fingerprints = []ledger.Fingerprint{ledger.NewHasher(1).Bytes([]byte("other")).Sum()}
		if err := do(t.Context(), "reused", other, unreachable); !errors.Is(err, ledger.ErrReused) {
			t.Error(err)
		}
		if err := do(t.Context(), "panicking", submission("DOC-2"), func(context.Context) (map[string]string, error) { panic("odd") }); err != nil {
			t.Error(err)
		}

		ctx, leave := context.WithCancel(t.Context())
		gate, left := make(chan struct{}), make(chan error)
		go func() {
			left <- do(ctx, "left", submission("DOC-3"), func(context.Context) (map[string]string, error) { <-gate; return nil, errors.New("hook") })
		}()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) || released["left"] != 0 {
			t.Errorf("the caller left: %v, released %d times", err, released["left"])
		}
		close(gate)
		synctest.Wait()
		i.Close()
		if err := do(t.Context(), "stopping", submission("DOC-4"), unreachable); !errors.Is(err, ErrStopping) {
			t.Error(err)
		}
		for _, name := range []string{"sent", "repeated", "reused", "panicking", "left", "stopping"} {
			if released[name] != 1 {
				t.Errorf("%s: released %d times", name, released[name])
			}
		}
	})
}
