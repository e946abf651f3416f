package interceptor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// lines are those of a log, by message.
func linesOf(t *testing.T, log *bytes.Buffer) map[string][]map[string]any {
	t.Helper()
	out := map[string][]map[string]any{}
	for line := range strings.Lines(log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		out[fields["msg"].(string)] = append(out[fields["msg"].(string)], fields)
	}
	return out
}

func inCall(ctx context.Context, call *Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// TestAFloodIsCountedAndNeverSilent: each call has a line, or is in the number of a later one; one caller's flood, and one
// outcome's, hides no other.
func TestAFloodIsCountedAndNeverSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := NewLines(slog.New(slog.NewJSONHandler(&log, nil)), false, nil, prometheus.NewRegistry())
		fault := apierror.New(codes.Unavailable, looppb.ErrorReason_ERROR_REASON_LOOP_UNAVAILABLE, "down")
		const flood = 5000
		for range flood {
			l.write(inCall(t.Context(), &Call{Caller: "billing"}), "s/M", time.Now(), nil)
			l.write(inCall(t.Context(), &Call{}), "s/M", time.Now(), status.Error(codes.Unauthenticated, "who?"))
			l.write(inCall(t.Context(), &Call{}), "grpc.health.v1.Health/Check", time.Now(), nil)
		}
		l.write(inCall(t.Context(), &Call{Caller: "billing"}), "s/M", time.Now(), fault)
		l.write(inCall(t.Context(), &Call{Caller: "payroll"}), "s/M", time.Now(), nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait() // for what is told by timers
		l.Flush()
		got := linesOf(t, &log)
		each, counted := map[string]int{}, map[string]int{}
		for _, line := range got["call"] {
			each[fmt.Sprint(line["caller"], " ", line["code"])]++
		}
		for _, line := range append(got["more calls"], got["more probes"]...) {
			counted[fmt.Sprint(line["caller"], " ", line["code"])] += int(line["more"].(float64))
		}
		if each["billing OK"] != linesAtOnce || each["billing OK"]+counted["billing OK"] != flood {
			t.Errorf("of one caller's flood %d have a line, and %d are counted", each["billing OK"], counted["billing OK"])
		}
		if each[" Unauthenticated"] != strangersLines || each[" Unauthenticated"]+counted[" Unauthenticated"] != flood {
			t.Errorf("of a stranger's flood %d have a line, and %d are counted", each[" Unauthenticated"], counted[" Unauthenticated"])
		}
		if each[" OK"] != 1 || each[" OK"]+counted[" OK"] != flood {
			t.Errorf("of the probes %d have a line, and %d are counted", each[" OK"], counted[" OK"])
		}
		if each["billing Unavailable"] != 1 || each["payroll OK"] != 1 {
			t.Errorf("a flood hides others: %v", each)
		}
		if total := l.unlogged.Load(); total != 3*flood-linesAtOnce-strangersLines-1 {
			t.Errorf("%d calls without a line", total)
		}
	})
}

// TestTheLineOfACallSaysWhy: all that is known of a call, and nothing of what a caller made up to break the log.
func TestTheLineOfACallSaysWhy(t *testing.T) {
	var log bytes.Buffer
	l := NewLines(slog.New(slog.NewJSONHandler(&log, nil)), true, nil, prometheus.NewRegistry())
	call := &Call{
		RequestID: "r1", Trace: "0af7651916cd43dd8448eb211c80319c", Origin: Origin{"rest", "192.0.2.7:4711", "curl/8"},
		Caller: "billing", By: byJWT, Identity: "https://id.example svc", Practice: "demo", Dossier: "D1",
	}
	call.AddTurn(2 * time.Second)
	call.AddAttempt(3 * time.Second)
	call.AddLedger(time.Second)
	call.SetLoopSaid(LoopSaid{Status: 429, Code: "QUOTA\n", RequestID: "loop-1"})
	l.write(inCall(t.Context(), call), "s/M", time.Now(), apierror.New(codes.ResourceExhausted, looppb.ErrorReason_ERROR_REASON_LOOP_QUOTA, "quota"))
	line := linesOf(t, &log)["call"][0]
	for field, want := range map[string]any{
		"method": "s/M", "code": "ResourceExhausted", "reason": "LOOP_QUOTA", "caller": "billing", "by": "jwt", "identity": "https://id.example svc",
		"transport": "rest", "peer": "192.0.2.7:4711", "user_agent": "curl/8", "practice": "demo", "dossier": "D1", "request_id": "r1",
		"trace_id": "0af7651916cd43dd8448eb211c80319c", "wait_seconds": 2., "loop_attempts": 1., "loop_seconds": 3., "ledger_seconds": 1.,
		"loop_status": 429., "loop_code": "QUOTA?", "loop_request_id": "loop-1",
	} {
		if line[field] != want {
			t.Errorf("%s is %v; want %v", field, line[field], want)
		}
	}
}

// TestACallerFindsItsOwnCalls: of the last day, those that failed though thousands went well after, and nobody else's.
func TestACallerFindsItsOwnCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCalls()
		keep := func(caller, id string, code codes.Code) {
			c.keep(&Call{Caller: caller, RequestID: id}, CallRecord{Code: code, Began: time.Now()})
		}
		keep("billing", "twice", codes.Unavailable)
		time.Sleep(time.Second)
		keep("billing", "twice", codes.OK)
		keep("payroll", "theirs", codes.OK)
		keep("", "nobody's", codes.Unauthenticated)
		if got := c.Find("billing", "twice"); len(got) != 2 || got[0].Code != codes.OK || got[1].Code != codes.Unavailable {
			t.Errorf("%+v", got)
		}
		if len(c.Find("billing", "theirs"))+len(c.Find("", "nobody's"))+len(c.Find("stranger", "twice")) > 0 {
			t.Error("somebody else's call is found")
		}
		for i := range 20_000 {
			keep("billing", fmt.Sprint("read-", i), codes.OK)
			keep(fmt.Sprint("another-", i%20), fmt.Sprint("failed-", i), codes.NotFound)
		}
		if got := c.Find("billing", "twice"); len(got) != 1 || got[0].Code != codes.Unavailable {
			t.Errorf("what failed is gone: %+v", got)
		}
		if len(c.Find("payroll", "theirs")) != 1 {
			t.Error("another's flood has pushed it out")
		}
		for _, r := range []*ring{&c.well, &c.badly} {
			n := 0
			for _, of := range r.by {
				n += len(of.all())
				if len(of.all()) > r.ofOne {
					t.Errorf("%d of one caller", len(of.all()))
				}
			}
			if n != r.total || n > r.ofAll {
				t.Errorf("%d are kept, %d counted", n, r.total)
			}
		}
		time.Sleep(callsKept + time.Second)
		if len(c.Find("billing", "twice")) > 0 {
			t.Error("it is found a day later")
		}
	})
}

// TestARecordKeepsNoneOfItsRequest: a path or a header may be a hundred times as long as what is kept of it.
func TestARecordKeepsNoneOfItsRequest(t *testing.T) {
	c := NewCalls()
	const calls, length = 200, 1 << 20
	heap := func() uint64 {
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		return now.HeapAlloc
	}
	before := heap()
	for range calls {
		agent, path := strings.Repeat("a", length), strings.Repeat("p", length)
		c.keep(&Call{Caller: "billing", RequestID: "r", Origin: Origin{UserAgent: Printable(agent)}, Practice: path[:10], Dossier: path[10:20]}, CallRecord{Began: time.Now()})
	}
	if kept := int64(heap() - before); kept > calls*length/10 {
		t.Errorf("%d records keep %d bytes", calls, kept)
	}
	if n := len(c.Find("billing", "r")); n != calls {
		t.Errorf("%d of %d are found", n, calls)
	}
}

// TestCallsHaveABoundOfSeries: callers that come and go leave no series without end.
func TestCallsHaveABoundOfSeries(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := NewMetrics(registry)
	for i := range maxSeries + 100 {
		m.count(inCall(t.Context(), &Call{Caller: fmt.Sprint("caller-", i)}), "/s/M", time.Second, nil)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if n := len(family.GetMetric()); family.GetName() == "gateway_calls_total" && n != maxSeries+1 {
			t.Errorf("%d series", n)
		}
	}
}

// TestCallsAreCountedWithHowLongTheyTook: by method and caller, whatever they ended with.
func TestCallsAreCountedWithHowLongTheyTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		counted := NewMetrics(registry).interceptor(map[string]policy.Access{"/s/M": {}, "/s/S": {}})
		ctx := inCall(t.Context(), &Call{Caller: "billing"})
		for _, err := range []error{nil, nil, status.Error(codes.NotFound, "no")} {
			_, _ = counted.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/s/M"}, func(context.Context, any) (any, error) {
				time.Sleep(time.Second)
				return nil, err
			})
		}
		_ = counted.Stream(nil, &oneMessage{ctx: ctx}, &grpc.StreamServerInfo{FullMethod: "/s/S"}, func(any, grpc.ServerStream) error {
			time.Sleep(time.Minute)
			return nil
		})
		families, err := registry.Gather()
		testkit.OK(t, err)
		took, calls := map[string]float64{}, map[string]float64{}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				labels := ""
				for _, label := range metric.GetLabel() {
					labels += label.GetValue() + " "
				}
				switch family.GetName() {
				case "gateway_call_seconds_total":
					took[labels] = metric.GetCounter().GetValue()
				case "gateway_calls_total":
					calls[labels] = metric.GetCounter().GetValue()
				}
			}
		}
		if want := map[string]float64{"billing s/M ": 3, "billing s/S ": 60}; !maps.Equal(took, want) {
			t.Errorf("they took %v; want %v", took, want)
		}
		if want := map[string]float64{"billing s/M NotFound ": 1, "billing s/M OK ": 2, "billing s/S OK ": 1}; !maps.Equal(calls, want) {
			t.Errorf("%v; want %v", calls, want)
		}
	})
}
