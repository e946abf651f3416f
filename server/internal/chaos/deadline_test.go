package chaos

import (
	"context"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// The simulator answers after 2 s; the callers have 50 ms.
func TestACallerWhoseTimeIsUpFindsItsOutcomeUnderTheSameID(t *testing.T) {
	for _, overREST := range []bool{false, true} {
		name := "gRPC"
		if overREST {
			name = "REST"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, settings{})
			id := "slow-" + name
			request := one(loopsim.SandboxDemo, "CEGID001", "SIM-SLOW-"+id, id)
			f.leave(request, overREST)
			began := time.Now()
			f.await(request, "SUBMITTING") // without its caller
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			w := f.caller.submit(ctx, request, overREST, "")
			if w.Code != "" || w.State != "WAITING" && w.State != "RUNNING" && w.State != "SUCCEEDED" {
				t.Errorf("the second call ended with %s %s %s", w.State, w.Code, w.Text)
			}
			if waited := time.Since(began); waited < time.Second {
				t.Errorf("the second call was answered after %s, before Loop had answered the first", waited)
			}
			f.await(request, "SUCCEEDED")
			if again := f.caller.submit(ctx, request, overREST, ""); again.State != "SUCCEEDED" {
				t.Errorf("a call afterwards ended with %s %s", again.State, again.Code)
			}
			if sent, booked := f.submissions(id); sent != 1 || booked != 1 {
				t.Errorf("sent %d times and booked %d times", sent, booked)
			}
		})
	}
}

// Kubernetes ends a server with SIGTERM: what is being submitted is finished and settled, no matter who waits for it.
func TestAServerThatIsAskedToEndFinishesWhatItIsSubmitting(t *testing.T) {
	for _, test := range []struct {
		name  string
		grace time.Duration
		waits bool
		told  string // to the caller who waits: a state, or a code
	}{
		{"its caller waits for it", 20 * time.Second, true, "WAITING"},
		{"its caller has gone", 20 * time.Second, false, ""},
		{"its caller waits for longer than the grace", 100 * time.Millisecond, true, "UNAVAILABLE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, settings{grace: test.grace})
			request := one(loopsim.SandboxDemo, "CEGID001", "SIM-SLOW-1500ms-R", "ending")
			told := make(chan word, 1)
			if test.waits {
				go func() { told <- f.submit(request) }()
			} else {
				f.leave(request, false)
			}
			f.await(request, "SUBMITTING")
			ended := make(chan error, 1)
			go func() { ended <- f.terminate() }()
			if test.waits {
				w := <-told
				if got := w.State + w.Code; got != test.told {
					t.Errorf("the caller was told %s %s %s", w.State, w.Code, w.Text)
				}
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Error("the server ended with", err)
				}
			case <-time.After(20 * time.Second):
				_ = f.signal(syscall.SIGKILL)
				t.Fatal("the server did not end", <-ended)
			}
			f.loop.SetImportDelays(0, 0)
			f.loop.FinishImports()
			if err := f.start(); err != nil {
				t.Fatal(err)
			}
			f.await(request, "SUCCEEDED")
			if w := f.submit(request); w.State != "SUCCEEDED" {
				t.Errorf("a repetition is told %s %s", w.State, w.Code)
			}
			if sent, booked := f.submissions("ending"); sent != 1 || booked != 1 {
				t.Errorf("sent %d times and booked %d times", sent, booked)
			}
		})
	}
}
