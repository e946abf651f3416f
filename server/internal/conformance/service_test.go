package conformance

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/sandbox"
)

func (h *harness) get(path string, headers ...string) (*http.Response, string) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := h.web.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return response, string(text)
}

func TestPagesBesideTheAPI(t *testing.T) {
	h := start(t, nil)
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/openapi.json": `"openapi": "3.1`, "/docs/api/": "swagger",
		"/": "This is a sandbox", "/docs/": "Start here", "/docs/search?q=duplicate": "/docs/writing-safely", "/protos/": "bundle.zip",
	} {
		response, text := h.get(h.rest + path)
		if response.StatusCode != http.StatusOK || !strings.Contains(strings.ReplaceAll(text, `"openapi":"3.1`, `"openapi": "3.1`), want) {
			t.Errorf("%s: HTTP %d %.200s", path, response.StatusCode, text)
		}
	}
	h.get(h.rest+"/v1/practices/demo/operations", "Authorization", "Bearer everything")
	_, _, operations := h.Server.Addresses()
	_, metrics := h.get("http://" + operations.String() + "/metrics")
	if !strings.Contains(metrics, "grpc_server_handling_seconds") || !strings.Contains(metrics, "go_goroutines") {
		t.Errorf("no metrics: %.300s", metrics)
	}
	if response, _ := h.get("http://" + operations.String() + "/debug/pprof/cmdline"); response.StatusCode != http.StatusNotFound {
		t.Errorf("the command line is shown: HTTP %d", response.StatusCode)
	}
}

func TestMetricsCountCallsAndAttempts(t *testing.T) {
	h := start(t, nil)
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 503, Times: 1})
	if _, err := looppb.NewReferenceDataServiceClient(h.conn).ListAccounts(authorized(t.Context()),
		&looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1}); err != nil {
		t.Fatal(err)
	}
	_, _, operations := h.Server.Addresses()
	_, text := h.get("http://" + operations.String() + "/metrics")
	for _, want := range []string{
		`grpc_server_handled_total{grpc_code="OK",grpc_method="ListAccounts"`,
		`loop_calls_total{operation="list_accounts",outcome="ok",practice="demo"} 1`,
		`loop_attempts_total{operation="list_accounts",outcome="ok",practice="demo",status="200"} 1`,
		`loop_attempts_total{operation="list_accounts",outcome="unavailable",practice="demo",status="503"} 1`,
		`gateway_calls_total{caller="everything",method="cegid.loop.v1.ReferenceDataService/ListAccounts",reason="OK"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for line := range strings.Lines(text) {
		// A practice labels what goes on between it and Loop, and its part of the ledger; nothing has a dossier.
		perPractice := regexp.MustCompile(`^(loop|ledger_submissions)_`).MatchString(line)
		if strings.Contains(line, "CEGID001") || strings.Contains(line, "demo") && !perPractice {
			t.Errorf("the metrics name a dossier or a practice: %s", line)
		}
	}
}

func TestTheLogTellsOfACallWithoutItsDossier(t *testing.T) {
	h := start(t, nil)
	if _, err := looppb.NewReferenceDataServiceClient(h.conn).ListAccounts(
		metadata.AppendToOutgoingContext(authorized(t.Context()), "x-request-id", "my-call.1"),
		&looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1}); err != nil {
		t.Fatal(err)
	}
	var line string
	for each := range strings.Lines(h.log.String()) {
		if strings.Contains(each, `"msg":"call"`) {
			line = each
		}
	}
	for _, want := range []string{
		`"method":"cegid.loop.v1.ReferenceDataService/ListAccounts"`, `"code":"OK"`, `"caller":"everything"`, `"practice":"demo"`,
		`"request_id":"my-call.1"`, `"loop_attempts":1`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("the line lacks %s: %s", want, line)
		}
	}
	if strings.Contains(h.log.String(), "CEGID001") {
		t.Error("the log names the dossier")
	}
}

func TestRequestIDs(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewDiagnosticsServiceClient(h.conn)
	shape := regexp.MustCompile(`^[0-9a-f]{24}$`)
	for sent, kept := range map[string]bool{"": false, "abc-1.2_3": true, "has space": false, strings.Repeat("x", 65): false} {
		ctx := authorized(t.Context())
		var headers []string
		if sent != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", sent)
			headers = []string{"X-Request-Id", sent}
		}
		var header, trailer metadata.MD
		if _, err := client.ListOperations(ctx, &looppb.ListOperationsRequest{Practice: "demo"}, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
			t.Fatal(err)
		}
		ids := trailer.Get("x-request-id")
		if len(ids) != 1 || kept && ids[0] != sent || !kept && !shape.MatchString(ids[0]) {
			t.Errorf("gRPC: %q came back as %v", sent, ids)
		}
		if len(header.Get("x-request-id")) > 0 {
			t.Error("the id travels in a header, which ends callers' own retries")
		}
		response, _ := h.get(h.rest+"/v1/practices/demo/operations", append(headers, "Authorization", "Bearer everything")...)
		id := response.Header.Get("X-Request-Id")
		if kept && id != sent || !kept && !shape.MatchString(id) {
			t.Errorf("REST: %q came back as %q", sent, id)
		}
	}
}

// TestCallersRetriesSurvive: a channel with a retry policy repeats what this service did not repeat itself, and only
// that.
func TestCallersRetriesSurvive(t *testing.T) {
	h := start(t, nil)
	const policy = `{"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.001s","maxBackoff":"0.002s","backoffMultiplier":1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`
	conn, err := grpc.NewClient(h.conn.Target(), grpc.WithTransportCredentials(insecureCredentials()), grpc.WithDefaultServiceConfig(policy))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 503})
	_, err = looppb.NewReferenceDataServiceClient(conn).ListAccounts(authorized(t.Context()), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1})
	if status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
	if calls := h.Simulator.Count("/compte"); calls != 3 {
		t.Errorf("Loop was called %d times; want 3, not 3 for each attempt of the channel", calls)
	}
}

func TestUnknownMethodsOverGRPC(t *testing.T) {
	h := start(t, nil)
	err := h.conn.Invoke(authorized(t.Context()), "/cegid.loop.v1.ReferenceDataService/ListNothing",
		&looppb.ListOperationsRequest{}, &looppb.ListOperationsResponse{})
	if got := failureOf(status.Convert(err)); got.Code != "UNIMPLEMENTED" || got.Reason != "METHOD_UNKNOWN" {
		t.Errorf("got %+v", got)
	}
}

func TestHealthNeedsNoToken(t *testing.T) {
	h := start(t, nil)
	client := grpc_health_v1.NewHealthClient(h.conn)
	for _, service := range []string{"", "cegid.loop.v1.ReferenceDataService"} {
		got, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, got, err)
		}
	}
}

// TestSecretsAppearNowhere: canary secrets, every fault, both transports, and all that comes out.
func TestSecretsAppearNowhere(t *testing.T) {
	const key, secret, primary, secondary = "public-half-5f3a", "canary/secret+8c21==", "canary-primary-77aa", "canary-secondary-d0d0"
	canaries := []string{secret, primary, secondary, "canary"}
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Tune = func(c *cegidclient.Config) {
			impatient(c)
			c.Credentials = cegidclient.StaticCredentials(cegidclient.NewSecret(key+":"+secret), cegidclient.NewSecret(key+":"+secret),
				cegidclient.NewSecret(primary), cegidclient.NewSecret(secondary))
			c.Breaker.Disabled = true
		}
	})
	h.Simulator.SetSubscriptionKeys(primary, secondary)
	if err := h.Simulator.RotateAPIKey("demo", loopsim.Advanced, key+":"+secret); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	hear := func(got outcome) {
		for _, message := range got.Messages {
			writeAny(&said, message)
		}
		if got.Err != nil {
			writeAny(&said, *got.Err)
		}
	}
	for _, row := range faultRows() {
		h.Simulator.ClearFaults()
		fault := row.fault
		if fault.Kind == loopsim.FaultStatus && fault.Form == "" && fault.Status >= 400 { // an answer that quotes the keys back
			fault.Form, fault.Message = loopsim.FormService, "x-apikey "+key+":"+secret+" with "+primary+" and "+secondary
		}
		h.Simulator.Inject(fault)
		for _, name := range []string{"ReferenceDataService.ListAccounts", "ReferenceDataService.StreamAccounts", "DiagnosticsService.CheckConnection"} {
			m := method(t, name)
			request := requestOf(t, m)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			hear(h.overGRPC(ctx, m, "everything", request))
			hear(h.overREST(h.restRequest(ctx, m, request), "everything"))
			cancel()
		}
	}
	_, _, operations := h.Server.Addresses()
	_, metrics := h.get("http://" + operations.String() + "/metrics")
	_, goroutines := h.get("http://" + operations.String() + "/debug/pprof/goroutine?debug=2")
	_, inspection := h.get("http://" + h.SimulatorAddress + "/_sim/state")
	for place, text := range map[string]string{
		"answers and errors": said.String(), "the log": h.log.String(), "the metrics": metrics, "the goroutines": goroutines, "the inspection page": inspection,
	} {
		if text == "" {
			t.Errorf("%s: nothing to search", place)
		}
		for _, canary := range canaries {
			if strings.Contains(text, canary) {
				t.Errorf("%s show %q: …%s…", place, canary, around(text, canary))
			}
		}
	}
}

func around(text, part string) string {
	at := strings.Index(text, part)
	return text[max(0, at-100):min(len(text), at+100)]
}

// TestShutdownIsOrderly: not ready, calls under way end by themselves or with SHUTTING_DOWN, within bounds.
func TestShutdownIsOrderly(t *testing.T) {
	t.Run("a call that ends in time is answered", func(t *testing.T) {
		t.Parallel()
		h := start(t, func(cfg *sandbox.Config) { cfg.Grace = 5 * time.Second })
		h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultLatency, Latency: 200 * time.Millisecond})
		answered := make(chan error, 1)
		go func() {
			_, err := looppb.NewReferenceDataServiceClient(h.conn).ListAccounts(authorized(context.WithoutCancel(t.Context())),
				&looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1})
			answered <- err
		}()
		waitFor(t, func() bool { return h.Simulator.Count("/compte") == 1 })
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the call under way failed: %v", err)
		}
	})
	for _, transport := range []string{"gRPC", "REST"} {
		t.Run("a call that does not end is told so over "+transport, func(t *testing.T) {
			t.Parallel()
			h := start(t, func(cfg *sandbox.Config) {
				cfg.Grace = 300 * time.Millisecond
				cfg.Tune = func(c *cegidclient.Config) { c.Retry.AttemptTimeout = time.Minute }
			})
			h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultHang})
			m := method(t, "ReferenceDataService.ListAccounts")
			request := requestOf(t, m)
			answered := make(chan outcome, 1)
			go func() {
				if transport == "gRPC" {
					answered <- h.overGRPC(context.WithoutCancel(t.Context()), m, "everything", request)
				} else {
					answered <- h.overREST(h.restRequest(context.WithoutCancel(t.Context()), m, request), "everything")
				}
			}()
			waitFor(t, func() bool { return h.Simulator.Count("/compte") == 1 })
			begun := time.Now()
			if err := h.stop(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("the end took %s", took)
			}
			if got := <-answered; got.Err == nil || got.Err.Code != "UNAVAILABLE" || got.Err.Reason != "SHUTTING_DOWN" {
				t.Errorf("got %+v; want SHUTTING_DOWN", got.Err)
			}
		})
	}
	t.Run("it stops being ready before it stops answering", func(t *testing.T) {
		t.Parallel()
		h := start(t, func(cfg *sandbox.Config) { cfg.Drain = time.Second })
		done := make(chan error, 1)
		go func() { done <- h.stop() }()
		waitFor(t, func() bool {
			response, _ := h.get(h.rest + "/readyz")
			return response.StatusCode == http.StatusServiceUnavailable
		})
		if response, text := h.get(h.rest+"/v1/practices/demo/operations", "Authorization", "Bearer everything"); response.StatusCode != http.StatusOK {
			t.Errorf("a call while load balancers still send some: HTTP %d %s", response.StatusCode, text)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestAStopIsNotHeldUpByWhoWaits: watches end at once, with word to resume, and probes without an error, however long calls may take
// to their end.
func TestAStopIsNotHeldUpByWhoWaits(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) { cfg.Grace = time.Minute })
	h.Simulator.SetImportDelays(time.Hour, time.Hour)
	imports := looppb.NewImportServiceClient(h.conn)
	if _, err := imports.ImportEntries(as(t.Context(), "everything"), &looppb.ImportEntriesRequest{
		Practice: "demo", Dossier: "CEGID001", RequestId: "LONG", Entries: []*looppb.Entry{invoice("LONG", "1")}, Options: &looppb.ImportOptions{SkipPreflight: true},
	}); err != nil {
		t.Fatal(err)
	}
	watch, err := imports.WatchImport(as(t.Context(), "everything"), &looppb.WatchImportRequest{Practice: "demo", Dossier: "CEGID001", RequestId: "LONG"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.rest+"/v1/practices/demo/dossiers/CEGID001/imports/LONG:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer everything")
	overREST, err := h.web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = overREST.Body.Close() }()
	lines := bufio.NewReader(overREST.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	health, err := grpc_health_v1.NewHealthClient(h.conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := health.Recv(); err != nil {
		t.Fatal(err)
	}
	schema, err := grpc_reflection_v1.NewServerReflectionClient(h.conn).ServerReflectionInfo(t.Context())
	if err == nil {
		err = schema.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}})
	}
	if err == nil {
		_, err = schema.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}

	begun := time.Now()
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 20*time.Second { // it took the whole minute; a busy machine takes its time
		t.Errorf("the stop took %s", took)
	}
	if _, err = watch.Recv(); status.Code(err) != codes.Unavailable || !strings.Contains(fmt.Sprint(status.Convert(err).Details()), "resume") {
		t.Errorf("the watch ended with %v; want word to resume", err)
	}
	last, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(last), `"resume":"true"`) || !strings.Contains(string(last), "SHUTTING_DOWN") {
		t.Errorf("over REST it ended with %s, %v", last, err)
	}
	ended := 0
	for line := range strings.Lines(h.log.String()) {
		if strings.Contains(line, `"msg":"call"`) && (strings.Contains(line, "Health/Watch") || strings.Contains(line, "ServerReflectionInfo")) {
			if ended++; !strings.Contains(line, `"code":"OK"`) {
				t.Errorf("a probe counts as an error: %s", line)
			}
		}
	}
	if ended != 2 {
		t.Errorf("%d probes ended", ended)
	}
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

// TestDeadlinesAreClamped: a caller without a deadline, or with an enormous one, gets the service's.
func TestDeadlinesAreClamped(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Deadlines = config.Deadlines{UnaryDefault: 200 * time.Millisecond, UnaryMax: 400 * time.Millisecond, StreamDefault: 200 * time.Millisecond, StreamMax: 400 * time.Millisecond}
		cfg.Tune = func(c *cegidclient.Config) { c.Retry.AttemptTimeout = time.Minute }
	})
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultHang})
	for name, deadline := range map[string]time.Duration{"none": 0, "enormous": 100 * time.Hour} {
		for _, call := range []string{"ReferenceDataService.ListAccounts", "ReferenceDataService.StreamAccounts"} {
			m := method(t, call)
			request := requestOf(t, m)
			ctx := t.Context()
			if deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, deadline)
				defer cancel()
			}
			for transport, got := range map[string]outcome{
				"gRPC": h.overGRPC(ctx, m, "everything", request), "REST": h.overREST(h.restRequest(ctx, m, request), "everything"),
			} {
				if got.Err == nil || got.Err.Code != "DEADLINE_EXCEEDED" || got.Err.Reason != "DEADLINE_EXCEEDED" {
					t.Errorf("%s, deadline %s, %s: %+v", call, name, transport, got.Err)
				}
			}
		}
	}
}

// TestAStreamThatNobodyReadsEndsInTime: its handler does not wait for a reader beyond the deadline.
func TestAStreamThatNobodyReadsEndsInTime(t *testing.T) {
	// A machine may be too busy to make the first page in time, which says nothing of the reader.
	for allowed := time.Second; ; allowed *= 4 {
		pages, got := unread(t, allowed)
		if got.Reason == "DEADLINE_EXCEEDED" && pages == 0 && allowed < time.Minute {
			continue
		}
		if got.Reason != "DEADLINE_EXCEEDED" || pages == 0 || pages == loopsim.SandboxLargeAccounts/100 {
			t.Errorf("%d pages in %s, then %+v", pages, allowed, got)
		}
		return
	}
}

// unread leaves a stream of accounts unread until its handler has given up, and returns what of it was sent before, and its end.
func unread(t *testing.T, allowed time.Duration) (pages int, end *failure) {
	t.Helper()
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Deadlines = config.Deadlines{UnaryDefault: allowed, UnaryMax: allowed, StreamDefault: allowed, StreamMax: allowed}
	})
	stream, err := looppb.NewReferenceDataServiceClient(h.conn).StreamAccounts(as(t.Context(), "everything"), &looppb.StreamAccountsRequest{Practice: "partner", Dossier: loopsim.SandboxLargeDossier})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(allowed)
	waitFor(t, func() bool { return strings.Contains(h.log.String(), `"code":"DeadlineExceeded"`) })
	for _, err = stream.Recv(); err == nil; _, err = stream.Recv() {
		pages++
	}
	return pages, failureOf(status.Convert(err))
}

// TestTrailersDoNotBreakREST: a client that asks for trailers gets an answer that its HTTP library can read.
func TestTrailersDoNotBreakREST(t *testing.T) {
	h := start(t, nil)
	response, text := h.get(h.rest+"/v1/practices/nowhere/operations", "Authorization", "Bearer everything", "TE", "trailers")
	if response.StatusCode != http.StatusNotFound || !strings.Contains(text, "PRACTICE_UNKNOWN") {
		t.Errorf("HTTP %d %s", response.StatusCode, text)
	}
}

// TestStreamsOverREST: one JSON object a line, labelled so, each flushed.
func TestStreamsOverREST(t *testing.T) {
	h := start(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.rest+"/v1/practices/partner/dossiers/BIG00001/accounts:stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer everything")
	response, err := h.web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if got := response.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("Content-Type is %q", got)
	}
	lines := 0
	scanner := bufio.NewScanner(response.Body)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines++
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if lines != loopsim.SandboxLargeAccounts/100 {
		t.Errorf("%d lines; want a line per page of Loop's", lines)
	}
}
