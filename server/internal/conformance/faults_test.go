package conformance

import (
	"context"
	"net/http"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/server/internal/sandbox"
)

// faultRow is a fault of Loop's, and what the callers of each class of operation see of it.
type faultRow struct {
	name  string
	fault loopsim.Fault
	// deadline of the caller; 0 is none, and the service's own applies.
	deadline time.Duration
	// code is empty for success.
	code, reason string
	http         int
	calls        int
	retryInfo    bool
	// quickly: the answer comes without any wait for Loop's sake.
	quickly bool
	// probe is the cause that CheckConnection names, which makes one attempt, and after a 401 one more with the other key.
	probe string
}

// attemptTimeout suffices for an attempt to reach Loop on a machine that is busy with other tests: rows count those that
// did. A caller's short deadline lies below it.
const (
	attemptTimeout = 1500 * time.Millisecond
	shortDeadline  = time.Second
)

func faultRows() []faultRow {
	const route = "/compte"
	status := func(code int) loopsim.Fault {
		return loopsim.Fault{Route: route, Kind: loopsim.FaultStatus, Status: code}
	}
	throttled := func(after time.Duration, date bool) loopsim.Fault {
		f := status(429)
		f.RetryAfter, f.RetryAfterDate = after, date
		return f
	}
	times := func(f loopsim.Fault, n int) loopsim.Fault { f.Times = n; return f }
	kind := func(k loopsim.FaultKind) loopsim.Fault { return loopsim.Fault{Route: route, Kind: k} }
	rejected := status(401)
	rejected.Form = loopsim.FormService
	quota := status(403)
	quota.Form, quota.Message, quota.RetryAfter = loopsim.FormGateway, "Out of call volume quota", time.Hour
	unknownRoute := status(404)
	unknownRoute.Form, unknownRoute.Message = loopsim.FormGateway, "Resource not found"
	slow := kind(loopsim.FaultLatency)
	slow.Latency = 50 * time.Millisecond
	dribble := func(pause time.Duration) loopsim.Fault {
		f := kind(loopsim.FaultDribble)
		f.Latency = pause
		return f
	}
	return []faultRow{
		{name: "none", fault: slow, calls: 1, probe: "CONNECTED"},
		{name: "500", fault: status(500), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "502", fault: status(502), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "503", fault: status(503), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "504", fault: status(504), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "500 once", fault: times(status(500), 1), calls: 2, probe: "LOOP_UNAVAILABLE"},
		{name: "500 twice", fault: times(status(500), 2), calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "429 without a delay", fault: status(429), code: "RESOURCE_EXHAUSTED", reason: "LOOP_QUOTA", http: 429, calls: 3, probe: "THROTTLED"},
		{name: "429 once, without a delay", fault: times(status(429), 1), calls: 2, probe: "THROTTLED"},
		{
			name: "429 once, with a delay that fits", fault: times(throttled(time.Second, false), 1),
			deadline: 5 * time.Second, calls: 2, probe: "THROTTLED",
		},
		{
			name: "429 with a delay longer than the deadline", fault: throttled(10*time.Second, false), deadline: 3 * time.Second,
			code: "RESOURCE_EXHAUSTED", reason: "LOOP_QUOTA", http: 429, calls: 1, retryInfo: true, quickly: true, probe: "THROTTLED",
		},
		{
			name: "429 with a date beyond the deadline", fault: throttled(20*time.Second, true), deadline: 3 * time.Second,
			code: "RESOURCE_EXHAUSTED", reason: "LOOP_QUOTA", http: 429, calls: 1, retryInfo: true, quickly: true, probe: "THROTTLED",
		},
		{
			name: "403 of the quota", fault: quota,
			code: "RESOURCE_EXHAUSTED", reason: "LOOP_QUOTA", http: 429, calls: 1, retryInfo: true, quickly: true, probe: "THROTTLED",
		},
		{name: "400", fault: status(400), code: "INVALID_ARGUMENT", reason: "LOOP_REFUSED", http: 400, calls: 1, probe: "REFUSED"},
		{name: "401 for both subscription keys", fault: status(401), code: "FAILED_PRECONDITION", reason: "LOOP_CREDENTIAL_REJECTED", http: 502, calls: 2, probe: "SUBSCRIPTION_KEY_REJECTED"},
		{name: "401 for the API key", fault: rejected, code: "FAILED_PRECONDITION", reason: "LOOP_CREDENTIAL_REJECTED", http: 502, calls: 2, probe: "API_KEY_REJECTED"},
		{name: "401 for one subscription key", fault: times(status(401), 1), calls: 2, probe: "CONNECTED"},
		{name: "403", fault: status(403), code: "PERMISSION_DENIED", reason: "DOSSIER_NOT_SHARED", http: 403, calls: 1, probe: "DOSSIER_NOT_SHARED"},
		{name: "404 of the gateway", fault: unknownRoute, code: "INTERNAL", reason: "LOOP_BAD_RESPONSE", http: 502, calls: 1, probe: "ROUTE_UNKNOWN"},
		{name: "redirect", fault: status(302), code: "INTERNAL", reason: "LOOP_BAD_RESPONSE", http: 502, calls: 1, probe: "BAD_RESPONSE"},
		{name: "HTML", fault: kind(loopsim.FaultHTML), code: "INTERNAL", reason: "LOOP_BAD_RESPONSE", http: 502, calls: 1, probe: "BAD_RESPONSE"},
		{name: "nonsense", fault: kind(loopsim.FaultNonsense), code: "INTERNAL", reason: "LOOP_BAD_RESPONSE", http: 502, calls: 1, probe: "BAD_RESPONSE"},
		{name: "error in a 200", fault: kind(loopsim.FaultErrorIn200), code: "INVALID_ARGUMENT", reason: "LOOP_REFUSED", http: 400, calls: 1, probe: "REFUSED"},
		{name: "cut body", fault: kind(loopsim.FaultTruncated), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "cut body in chunks", fault: kind(loopsim.FaultTruncatedChunked), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "cut before", fault: kind(loopsim.FaultCutBefore), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "cut after", fault: kind(loopsim.FaultCutAfter), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{name: "a body over the cap", fault: kind(loopsim.FaultOversize), code: "INTERNAL", reason: "LOOP_BAD_RESPONSE", http: 502, calls: 1, probe: "BAD_RESPONSE"},
		{name: "a slow body", fault: dribble(5 * time.Millisecond), calls: 1, probe: "CONNECTED"},
		{
			name: "a slow body beyond the deadline", fault: dribble(200 * time.Millisecond), deadline: shortDeadline,
			code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", http: 504, calls: 1, probe: "-",
		},
		{name: "hang", fault: kind(loopsim.FaultHang), code: "UNAVAILABLE", reason: "LOOP_UNAVAILABLE", http: 503, calls: 3, probe: "LOOP_UNAVAILABLE"},
		{
			name: "hang beyond the deadline", fault: kind(loopsim.FaultHang), deadline: shortDeadline,
			code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED", http: 504, calls: 1, probe: "-",
		},
	}
}

// TestFaultTable: for each fault, what callers see and how often Loop was called. No read exceeds three attempts, none
// runs past its deadline.
func TestFaultTable(t *testing.T) {
	for _, row := range faultRows() {
		for _, class := range []string{"ReferenceDataService.ListAccounts", "ReferenceDataService.StreamAccounts", "DiagnosticsService.CheckConnection"} {
			for _, transport := range []string{"gRPC", "REST"} {
				t.Run(row.name+"/"+class+"/"+transport, func(t *testing.T) {
					t.Parallel()
					runFault(t, row, class, transport)
				})
			}
		}
	}
}

// TestFaultTableUnderADeadline: a deadline that suffices changes nothing of the table.
func TestFaultTableUnderADeadline(t *testing.T) {
	for _, row := range faultRows() {
		if row.deadline > 0 {
			continue
		}
		row.deadline = 20 * time.Second
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			runFault(t, row, "ReferenceDataService.ListAccounts", "gRPC")
		})
	}
}

// TestAFaultAfterTheFirstPage: what a stream gave before stays given, and Loop is asked three times for the page that
// fails.
func TestAFaultAfterTheFirstPage(t *testing.T) {
	for _, row := range faultRows() {
		if row.code == "" || row.deadline > 0 || row.fault.Kind == loopsim.FaultHang {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, nil)
			row.fault.Skip = 1
			h.Simulator.Inject(row.fault)
			m := method(t, "ReferenceDataService.StreamAccounts")
			got := h.overGRPC(t.Context(), m, "everything", requestOf(t, m))
			if len(got.Messages) != 1 || got.Err == nil || got.Err.Reason != row.reason {
				t.Errorf("%d messages, then %+v; want 1, then %s", len(got.Messages), got.Err, row.reason)
			}
			most := row.calls + 1
			if row.fault.Kind == loopsim.FaultCutBefore || row.fault.Kind == loopsim.FaultCutAfter {
				most++ // net/http itself repeats a read on a kept connection that turns out dead
			}
			if calls := h.Simulator.Count("/compte"); calls < row.calls+1 || calls > most {
				t.Errorf("Loop was called %d times; want once for the first page and %d times for the second", calls, row.calls)
			}
		})
	}
}

func runFault(t *testing.T, row faultRow, class, transport string) {
	h := start(t, func(cfg *sandbox.Config) {
		if row.fault.Kind == loopsim.FaultHang {
			cfg.Tune = impatient
		}
	})
	h.Simulator.Inject(row.fault)
	m := method(t, class)
	request := requestOf(t, m)
	ctx := t.Context()
	if row.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, row.deadline)
		defer cancel()
	}
	begun := time.Now()
	var got outcome
	if transport == "gRPC" {
		got = h.overGRPC(ctx, m, "everything", request)
	} else {
		got = h.overREST(h.restRequest(ctx, m, request), "everything")
	}
	took := time.Since(begun)
	calls := h.Simulator.Count("/compte")

	limit := 10 * time.Second // a busy machine; no row waits for anything but its own attempts
	if row.fault.Kind == loopsim.FaultHang {
		limit = 4*attemptTimeout + 3*time.Second
	}
	if row.deadline > 0 {
		limit = row.deadline + 2*time.Second // scheduling, on a busy machine
	}
	if row.quickly {
		limit = 2 * time.Second
	}
	if took > limit {
		t.Errorf("took %s; want at most %s", took, limit)
	}
	if class == "DiagnosticsService.CheckConnection" && row.probe != "-" {
		want := 1
		if row.fault.Status == http.StatusUnauthorized {
			want = 2
		}
		if calls != want {
			t.Errorf("a probe called Loop %d times; want %d", calls, want)
		}
		if problem := mismatch("answer", []any{map[string]any{"cause": "CONNECTION_CAUSE_" + row.probe}}, got.Messages); problem != "" {
			t.Errorf("%s (%+v)", problem, got.Err)
		}
		return
	}
	want := row.calls
	if row.code == "" && m.IsStreamingServer() {
		want++ // a first page is never known to be the last: Loop does not tell its cap
	}
	if calls != want {
		t.Errorf("Loop was called %d times; want %d", calls, want)
	}
	if row.code == "" {
		if got.Err != nil {
			t.Errorf("failed: %+v", got.Err)
		}
		return
	}
	if got.Err == nil || got.Err.Code != row.code || got.Err.Reason != row.reason && !got.Err.ownClock {
		t.Fatalf("got %+v; want %s %s", got.Err, row.code, row.reason)
	}
	if (got.Err.Retry > 0) != row.retryInfo {
		t.Errorf("RetryInfo is %s; wanted: %t", got.Err.Retry, row.retryInfo)
	}
	if transport == "REST" && got.Err.HTTP != row.http {
		t.Errorf("HTTP %d; want %d", got.Err.HTTP, row.http)
	}
	if pushback := got.Err.Trailer.Get("grpc-retry-pushback-ms"); transport == "gRPC" && row.reason != "DEADLINE_EXCEEDED" && (len(pushback) != 1 || pushback[0] != "-1") {
		t.Errorf("the trailer's pushback is %v: the channel would repeat what was repeated already", pushback)
	}
}
