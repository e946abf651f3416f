package diagnostics

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/tenant"
)

// hanging is a Loop that never answers.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestACheckThatHasNoTurnSaysNothingOfLoop: that this service is busy is no finding on the connection.
func TestACheckThatHasNoTurnSaysNothingOfLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := cegidclient.New(cegidclient.Config{
			Practice: "demo", Transport: hanging{}, Limits: cegidclient.Limits{Concurrency: cegidclient.MinConcurrency, Wait: time.Second},
			Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
			Retry:       cegidclient.RetryPolicy{Attempts: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		var reads sync.WaitGroup
		for range 2 {
			reads.Go(func() { _, _ = client.Journals.List(t.Context(), "D1", cegidclient.ListOptions{}) })
		}
		synctest.Wait()
		practice := &tenant.Practice{Name: "demo", Client: client, HasStandard: true}
		response, err := CheckConnection(t.Context(), practice, "D1", looppb.KeyKind_KEY_KIND_STANDARD, time.Now)
		if !errors.Is(err, cegidclient.ErrBusy) {
			t.Errorf("%v, %v", response, err)
		}
		reads.Wait()
	})
}
