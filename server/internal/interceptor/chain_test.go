package interceptor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/policy"
)

// testChain knows anybody who has a token as tester, and lets nobody in by certificate.
func testChain(t testing.TB, log *slog.Logger, grants *policy.Policy, shutdown context.Context) []Named {
	t.Helper()
	minute := Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute}
	if grants == nil {
		grants = policy.AllowAll("tester", "")
	}
	return Chain(Config{
		Log: log, Lines: NewLines(log, false, nil, prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()), Deadlines: minute, Limits: NewLimits(grants),
		Callers:   Identities{Policy: grants, Certified: func(context.Context) []string { return nil }},
		Access:    map[string]policy.Access{"/s/Read": {Right: policy.Read}, "/s/Write": {Right: policy.Write}},
		Validator: anything{}, Draining: shutdown, Shutdown: shutdown, Audit: log, Refusals: NewRefusals(log, prometheus.NewRegistry()),
	})
}

func TestTheOrderIsTheDesigned(t *testing.T) {
	want := []string{
		"recovery", "trace", "request id", "log", "metrics", "recovery of interceptors", "deadline clamp", "resting streams", "error mapper", "authentication", "inbound limits",
		"authorisation", "audit", "validation", "reads", "inner recovery",
	}
	var got []string
	for _, each := range testChain(t, slog.New(slog.DiscardHandler), nil, t.Context()) {
		got = append(got, each.Name)
		if each.Unary == nil || each.Stream == nil {
			t.Errorf("%s is not in both chains", each.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the order is %v; want %v", got, want)
	}
}

// call runs a unary handler behind the whole chain.
func call(ctx context.Context, chain []Named, method string, request any, handler grpc.UnaryHandler) (any, error) {
	ctx = grpc.NewContextWithServerTransportStream(ctx, &transport{method: method})
	next := handler
	for _, each := range slices.Backward(chain) {
		inner := next
		next = func(ctx context.Context, request any) (any, error) {
			return each.Unary(ctx, request, &grpc.UnaryServerInfo{FullMethod: method}, inner)
		}
	}
	return next(ctx, request)
}

// stream runs a streaming handler behind the whole chain.
func streaming(ctx context.Context, chain []Named, method string, request *looppb.StreamAccountsRequest, handler grpc.StreamHandler) error {
	next := handler
	for _, each := range slices.Backward(chain) {
		inner := next
		next = func(server any, stream grpc.ServerStream) error {
			return each.Stream(server, stream, &grpc.StreamServerInfo{FullMethod: method, IsServerStream: true}, inner)
		}
	}
	ctx = grpc.NewContextWithServerTransportStream(ctx, &transport{method: method})
	return next(nil, &oneMessage{ctx: ctx, request: request})
}

func known(t *testing.T) context.Context {
	return metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer token"))
}

var someRequest = &looppb.ListAccountsRequest{Practice: "demo", Dossier: "D1"}

func TestAPanicIsMaskedAndLogged(t *testing.T) {
	var log strings.Builder
	chain := testChain(t, slog.New(slog.NewJSONHandler(&log, nil)), nil, t.Context())
	_, err := call(known(t), chain, "/s/Read", someRequest, func(context.Context, any) (any, error) { panic("canary") })
	if status.Code(err) != codes.Internal || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_INTERNAL {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "canary") || strings.Contains(log.String(), "canary") {
		t.Errorf("the panic's value shows: %v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), "chain_test.go") {
		t.Error("the log lacks the stack")
	}
	err = streaming(known(t), chain, "/s/Read", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, func(any, grpc.ServerStream) error { panic("canary") })
	if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_INTERNAL {
		t.Errorf("stream: got %v", err)
	}
}

// TestAPanicOfAnInterceptorHasItsLine: and counts as the fault that it is.
func TestAPanicOfAnInterceptorHasItsLine(t *testing.T) {
	var log strings.Builder
	chain := testChain(t, slog.New(slog.NewJSONHandler(&log, nil)), nil, t.Context())
	panics := around("audit", func(context.Context, string, bool, func(context.Context) error) error { panic("canary") })
	for i := range chain {
		if chain[i].Name == panics.Name {
			chain[i] = panics
		}
	}
	_, unary := call(known(t), chain, "/s/Read", someRequest, nil)
	stream := streaming(known(t), chain, "/s/Read", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, nil)
	for _, err := range []error{unary, stream} {
		if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_INTERNAL {
			t.Errorf("got %v", err)
		}
	}
	lines := 0
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"level":"ERROR","msg":"call"`) && strings.Contains(line, `"caller":"tester"`) && strings.Contains(line, `"reason":"INTERNAL"`) {
			lines++
		}
	}
	if lines != 2 || strings.Contains(log.String(), "canary") {
		t.Errorf("there are %d lines of the two calls:\n%s", lines, log.String())
	}
}

func TestAnUnknownErrorIsMasked(t *testing.T) {
	var log strings.Builder
	chain := testChain(t, slog.New(slog.NewJSONHandler(&log, nil)), nil, t.Context())
	_, err := call(known(t), chain, "/s/Read", someRequest, func(context.Context, any) (any, error) { return nil, errors.New("inner words") })
	if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_INTERNAL || strings.Contains(err.Error(), "inner words") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "inner words") {
		t.Error("the log does not say what happened")
	}
}

// TestACallerThatLeftMeetsNoFaultOfOurs: also where the time of a step was over in the same moment.
func TestACallerThatLeftMeetsNoFaultOfOurs(t *testing.T) {
	var log strings.Builder
	chain := testChain(t, slog.New(slog.NewJSONHandler(&log, nil)), nil, t.Context())
	ctx, leave := context.WithCancel(as(t.Context(), "anything"))
	defer leave()
	_, err := call(ctx, chain, "/s/Read", someRequest, func(context.Context, any) (any, error) {
		leave()
		return nil, fmt.Errorf("ledger: %w", context.DeadlineExceeded)
	})
	if status.Code(err) != codes.Canceled || strings.Contains(log.String(), "unmapped") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

func TestAMethodWithoutAccessIsDenied(t *testing.T) {
	chain := testChain(t, slog.New(slog.DiscardHandler), nil, t.Context())
	_, err := call(known(t), chain, "/s/New", someRequest, unreachable(t))
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("got %v", err)
	}
	_, err = call(known(t), chain, "/s/Read", struct{}{}, unreachable(t))
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("a request without a practice: got %v", err)
	}
}

func TestAStreamIsAuthorisedBeforeItsHandlerSeesTheRequest(t *testing.T) {
	chain := testChain(t, slog.New(slog.DiscardHandler), nil, t.Context())
	saw := false
	err := streaming(known(t), chain, "/s/New", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, func(_ any, stream grpc.ServerStream) error {
		if err := stream.RecvMsg(&looppb.StreamAccountsRequest{}); err != nil {
			return err
		}
		saw = true
		return nil
	})
	if status.Code(err) != codes.PermissionDenied || saw {
		t.Errorf("got %v, seen: %t", err, saw)
	}
}

func TestWritesAndRefusalsAreAudited(t *testing.T) {
	var log strings.Builder
	chain := testChain(t, slog.New(slog.NewJSONHandler(&log, nil)), nil, t.Context())
	if _, err := call(known(t), chain, "/s/Write", someRequest, func(context.Context, any) (any, error) { return someRequest, nil }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `"msg":"audit","event":"done","method":"/s/Write","caller":"tester","by":"token","practice":"demo","dossier":"D1"`) {
		t.Errorf("no record of the write: %s", log.String())
	}
	log.Reset()
	if _, err := call(known(t), chain, "/s/Read", someRequest, func(context.Context, any) (any, error) { return someRequest, nil }); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), `"audit"`) {
		t.Errorf("a read is audited: %s", log.String())
	}
}

func TestTheEndOfTheServerIsToldToCalls(t *testing.T) {
	shutdown, end := context.WithCancel(t.Context())
	chain := testChain(t, slog.New(slog.DiscardHandler), nil, shutdown)
	_, err := call(known(t), chain, "/s/Read", someRequest, func(ctx context.Context, _ any) (any, error) {
		end()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_SHUTTING_DOWN {
		t.Errorf("got %v", err)
	}
}

func TestBearerTokens(t *testing.T) {
	chain := testChain(t, slog.New(slog.DiscardHandler), nil, t.Context())
	for header, accepted := range map[string]bool{
		"Bearer x": true, "bearer x": true, "BEARER  x": true, "Bearer": false, "Bearer ": false, "x": false, "Basic eDp4": false, "": false,
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", header))
		_, err := call(ctx, chain, "/s/Read", someRequest, func(context.Context, any) (any, error) { return someRequest, nil })
		if (err == nil) != accepted {
			t.Errorf("%q: %v", header, err)
		}
	}
	twice := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer a", "authorization", "Bearer b"))
	if _, err := call(twice, chain, "/s/Read", someRequest, unreachable(t)); status.Code(err) != codes.Unauthenticated {
		t.Errorf("two tokens: %v", err)
	}
}

func unreachable(t *testing.T) grpc.UnaryHandler {
	return func(context.Context, any) (any, error) {
		t.Error("the handler was reached")
		return nil, nil
	}
}

// TestADossierIsLoggedWhereTheOperatorWantsIt: and nothing that a caller made up in its place.
func TestADossierIsLoggedWhereTheOperatorWantsIt(t *testing.T) {
	for dossier, want := range map[string]string{"D1": `"dossier":"D1"`, "D\n1": `"dossier":"[invalid]"`} {
		for _, wanted := range []bool{false, true} {
			var log strings.Builder
			grants, quiet := policy.AllowAll("tester", ""), slog.New(slog.DiscardHandler)
			minute := Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute}
			chain := Chain(Config{
				Log: quiet, Lines: NewLines(slog.New(slog.NewJSONHandler(&log, nil)), wanted, nil, prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()), Deadlines: minute, Limits: NewLimits(grants),
				Callers:   Identities{Policy: grants, Certified: func(context.Context) []string { return nil }},
				Access:    map[string]policy.Access{"/s/Read": {Right: policy.Read}},
				Validator: anything{}, Draining: t.Context(), Shutdown: t.Context(), Audit: quiet, Refusals: NewRefusals(quiet, prometheus.NewRegistry()),
			})
			request := &looppb.ListAccountsRequest{Practice: "demo", Dossier: dossier}
			if _, err := call(known(t), chain, "/s/Read", request, func(context.Context, any) (any, error) { return request, nil }); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(log.String(), want); got != wanted || strings.Contains(log.String(), "dossier") != wanted {
				t.Errorf("wanted %t: %s", wanted, log.String())
			}
		}
	}
}

// TestTheLineOfACallHasItsFields: those, and none that could hold a dossier, a name or an amount.
func TestTheLineOfACallHasItsFields(t *testing.T) {
	var log strings.Builder
	chain := testChain(t, slog.New(slog.NewJSONHandler(&log, nil)), nil, t.Context())
	fine := func(ctx context.Context, request any) (any, error) {
		CallFrom(ctx).AddAttempt(2 * time.Second)
		CallFrom(ctx).AddAttempt(time.Second)
		return request, nil
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer token", RequestIDKey, "call-1"))
	always := map[string]any{
		"level": "INFO", "msg": "call", "method": "s/Read", "code": "OK", "caller": "tester", "by": "token", "practice": "demo", "request_id": "call-1",
		"identity": tokenMark("token"), "transport": "grpc", "peer": "", "user_agent": "",
		"loop_attempts": 2., "loop_seconds": 3., "loop_status": 0., "wait_seconds": 0., "ledger_seconds": 0.,
	}
	for name, c := range map[string]struct {
		run     func()
		differs map[string]any
	}{
		"a call": {func() { _, _ = call(ctx, chain, "/s/Read", someRequest, fine) }, nil},
		"a call that fails": {func() {
			_, _ = call(ctx, chain, "/s/Read", someRequest, func(context.Context, any) (any, error) {
				return nil, apierror.New(codes.NotFound, looppb.ErrorReason_ERROR_REASON_PRACTICE_UNKNOWN, "none")
			})
		}, map[string]any{"code": "NotFound", "reason": "PRACTICE_UNKNOWN", "loop_attempts": 0., "loop_seconds": 0.}},
		"a call of nobody": {func() {
			_, _ = call(metadata.NewIncomingContext(t.Context(), metadata.Pairs(RequestIDKey, "call-1")), chain, "/s/Read", someRequest, unreachable(t))
		}, map[string]any{"code": "Unauthenticated", "reason": "CALLER_UNKNOWN", "caller": "", "by": "", "why": "no credential", "identity": "", "practice": "", "loop_attempts": 0., "loop_seconds": 0.}},
		"a stream": {func() {
			_ = streaming(ctx, chain, "/s/Read", &looppb.StreamAccountsRequest{Practice: "demo", Dossier: "D1"}, func(_ any, stream grpc.ServerStream) error {
				err := stream.RecvMsg(&looppb.StreamAccountsRequest{})
				_, _ = fine(stream.Context(), nil)
				return err
			})
		}, nil},
	} {
		log.Reset()
		c.run()
		text := log.String()
		if i := strings.Index(text, `{"time":"`); strings.Count(text, `"msg":"call"`) != 1 || i < 0 {
			t.Errorf("%s: %s", name, text)
			continue
		}
		for line := range strings.Lines(text) {
			if !strings.Contains(line, `"msg":"call"`) {
				continue
			}
			got := map[string]any{}
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(always)
			maps.Copy(want, c.differs)
			seconds, _ := got["seconds"].(float64)
			if got["time"] == nil || seconds <= 0 || seconds > 60 {
				t.Errorf("%s: %s", name, line)
			}
			delete(got, "time")
			delete(got, "seconds")
			if !maps.Equal(got, want) {
				t.Errorf("%s: %v; want %v", name, got, want)
			}
		}
	}
}
