package interceptor

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/telemetry"
	"cegid.internal/gateway/server/internal/tenant"
)

// openLedger is one with these rows.
type openLedger []ledger.OpenCount

func (openLedger) CountByState(context.Context) (map[ledger.State]int, error) { return nil, nil }
func (l openLedger) CountOpen(context.Context) ([]ledger.OpenCount, error)    { return l, nil }
func (openLedger) Trouble() (none ledger.Failures)                            { return none }
func (openLedger) LogState() (none ledger.LogState)                           { return none }

// TestHowManySeriesThereAre: what docs/operate/signals.md states, with 100 practices and 50 callers.
func TestHowManySeriesThereAre(t *testing.T) {
	const practices, callers, methods, operations = 100, 50, 10, 10
	registry := prometheus.NewRegistry()
	calls, loop := NewMetrics(registry), telemetry.NewLoop(registry)
	errs, known := []error{nil}, map[string]policy.Access{}
	for _, reason := range []looppb.ErrorReason{looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE} {
		errs = append(errs, apierror.New(codes.Unavailable, reason, "no"))
	}
	for method := range methods {
		known[fmt.Sprint("/s/M", method)] = policy.Access{}
	}
	counted := calls.interceptor(known).Unary
	for caller := range callers {
		ctx := inCall(t.Context(), &Call{Caller: fmt.Sprint("caller-", caller)})
		for method := range known {
			for _, err := range errs {
				_, _ = counted(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, err })
			}
		}
	}
	var all []*tenant.Practice
	var open openLedger
	for practice := range practices {
		name := fmt.Sprint("practice-", practice)
		client, err := cegidclient.New(cegidclient.Config{
			BaseURL: "http://127.0.0.1:1", AllowPlainHTTP: true, Practice: name,
			Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		all = append(all, &tenant.Practice{Name: name, Client: client, Secrets: func() []secret.Status {
			return []secret.Status{{Use: "standard"}, {Use: "advanced"}, {Use: "primary"}, {Use: "secondary"}}
		}})
		for _, state := range []ledger.State{ledger.Waiting, ledger.Failed, ledger.Uncertain} {
			open = append(open, ledger.OpenCount{Practice: name, State: state, N: 1})
		}
		for operation := range operations {
			id := fmt.Sprint("operation-", operation)
			loop.CallDone(t.Context(), cegidclient.CallEvent{Operation: id, Practice: name, Outcome: "ok", Duration: time.Second})
			for _, status := range []int{200, 503} {
				loop.AttemptDone(t.Context(), cegidclient.AttemptEvent{Operation: id, Practice: name, Status: status, Outcome: fmt.Sprint(status)})
			}
		}
	}
	telemetry.RegisterPractices(registry, func() []*tenant.Practice { return all })
	telemetry.RegisterLedger(registry, open)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if h := metric.GetHistogram(); h != nil {
				series += len(h.GetBucket()) + 3 // the last bucket, sum and count
			} else {
				series++
			}
		}
	}
	text, err := os.ReadFile("../../../docs/operate/signals.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), fmt.Sprintf("about %d,", series/1000)) {
		t.Errorf("there are %d series; docs/operate/signals.md does not say about %d,000", series, series/1000)
	}
}
