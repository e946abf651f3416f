package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// callLines are the lines of the log of a call with that request id.
func (h *harness) callLines(id string) (out []map[string]any) {
	h.t.Helper()
	for line := range strings.Lines(h.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			h.t.Fatal(err)
		}
		if fields["msg"] == "call" && fields["request_id"] == id {
			out = append(out, fields)
		}
	}
	return out
}

const theTrace = "0af7651916cd43dd8448eb211c80319c"

// TestOneLineSaysWhyACallFailed: over both transports, with what Loop said, and its caller is told the same.
func TestOneLineSaysWhyACallFailed(t *testing.T) {
	h := start(t, nil)
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 400, Form: loopsim.FormService, Message: "non"})
	traced := metadata.AppendToOutgoingContext(as(t.Context(), "everything"), "x-request-id", "grpc-1", "traceparent", "00-"+theTrace+"-b7ad6b7169203331-01")
	request := &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1}
	if _, err := looppb.NewReferenceDataServiceClient(h.conn).ListAccounts(traced, request); status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	h.get(h.rest+"/v1/practices/demo/dossiers/CEGID001/accounts?pageSize=1", "Authorization", "Bearer everything", "X-Request-Id", "rest-1", "User-Agent", "invoices/7",
		"Traceparent", "00-"+theTrace+"-b7ad6b7169203331-01")
	for id, transport := range map[string]string{"grpc-1": "grpc", "rest-1": "rest"} {
		lines := h.callLines(id)
		if len(lines) != 1 {
			t.Fatalf("%s has %d lines", id, len(lines))
		}
		line := lines[0]
		for field, want := range map[string]any{
			"transport": transport, "method": "cegid.loop.v1.ReferenceDataService/ListAccounts", "code": "InvalidArgument", "reason": "LOOP_REFUSED",
			"caller": "everything", "by": "token", "practice": "demo", "loop_attempts": 1., "loop_status": 400., "trace_id": theTrace,
		} {
			if line[field] != want {
				t.Errorf("%s: %s is %v; want %v", id, field, line[field], want)
			}
		}
		if !strings.HasPrefix(line["peer"].(string), "127.0.0.1:") || !strings.HasPrefix(line["identity"].(string), "sha256:") || len(line["identity"].(string)) != 15 ||
			line["loop_request_id"] == "" || line["loop_seconds"].(float64) <= 0 {
			t.Errorf("%s: %v", id, line)
		}
		if agent := line["user_agent"].(string); transport == "rest" && agent != "invoices/7" || transport == "grpc" && !strings.HasPrefix(agent, "grpc-go/") {
			t.Errorf("%s: the user agent is %q", id, agent)
		}

		found, err := looppb.NewDiagnosticsServiceClient(h.conn).FindCalls(as(t.Context(), "everything"), &looppb.FindCallsRequest{Practice: "demo", CallId: id})
		if err != nil || len(found.GetCalls()) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		call := found.GetCalls()[0]
		if call.GetReason() != "LOOP_REFUSED" || call.GetLoopStatus() != 400 || call.GetLoopAttempts() != 1 || call.GetTransport() != transport || call.GetTraceId() != theTrace ||
			call.GetLoopRequestId() != line["loop_request_id"] || call.GetLoopDuration().AsDuration() <= 0 || call.GetDossier() != "CEGID001" || call.GetStartTime().AsTime().IsZero() {
			t.Errorf("the caller is told %v", call)
		}
		for caller, practice := range map[string]string{"reader": "demo", "everything": "partner"} {
			others, err := looppb.NewDiagnosticsServiceClient(h.conn).FindCalls(as(t.Context(), caller), &looppb.FindCallsRequest{Practice: practice, CallId: id})
			if err != nil || len(others.GetCalls()) > 0 {
				t.Errorf("%s in %s is told %v, %v", caller, practice, others, err)
			}
		}
	}
	_, text := h.get(h.rest+"/v1/practices/demo/calls/rest-1", "Authorization", "Bearer everything")
	if !strings.Contains(text, `"reason":"LOOP_REFUSED"`) {
		t.Errorf("over REST: %s", text)
	}
}

// TestWhatTheGatewayRefusesHasItsLine: a request that the service never had, of a caller and of nobody.
func TestWhatTheGatewayRefusesHasItsLine(t *testing.T) {
	h := start(t, nil)
	const (
		imports   = "/v1/practices/demo/dossiers/CEGID001/imports"
		documents = "/v1/practices/demo/dossiers/CEGID001/documents"
		ofStore   = "cegid.loop.v1.DocumentService/StoreDocument"
	)
	for i, c := range []struct{ method, path, token, body, caller, rpc, reason string }{
		{http.MethodPost, documents + "?fliter=a", "everything", "%PDF", "everything", ofStore, "REQUEST_MALFORMED"},
		{http.MethodPost, documents + "?requestId=another", "everything", "%PDF", "everything", ofStore, "FIELD_INVALID"},
		{http.MethodPost, documents, "everything", "%PDF", "everything", ofStore, "FIELD_INVALID"}, // by the service, which wants a name of the file
		{http.MethodPost, documents, "no such token", "%PDF", "", ofStore, "CALLER_UNKNOWN"},
		{http.MethodPost, imports, "everything", `{"entries": [`, "everything", "cegid.loop.v1.ImportService/ImportEntries", "REQUEST_MALFORMED"},
		{http.MethodPost, imports, "everything", `{"entry": []}`, "everything", "cegid.loop.v1.ImportService/ImportEntries", "REQUEST_MALFORMED"},
		{http.MethodGet, "/v1/nothing", "everything", "", "everything", "unknown/unknown", ""},
		{http.MethodGet, "/v1/nothing", "no such token", "", "", "unknown/unknown", ""},
		{http.MethodGet, imports + "?fliter=a", "reader", "", "reader", "cegid.loop.v1.ImportService/ListImports", "REQUEST_MALFORMED"},
	} {
		id := fmt.Sprint("refused-", i)
		request, err := http.NewRequestWithContext(t.Context(), c.method, h.rest+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Authorization": {"Bearer " + c.token}, "Content-Type": {"application/json"}, "X-Request-Id": {id}}
		if c.rpc == ofStore {
			request.Header["Content-Type"], request.Header["Idempotency-Key"] = []string{"application/pdf"}, []string{"FA-1"}
		}
		response, err := h.web.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		lines, practice := h.callLines(id), "demo"
		if strings.HasPrefix(c.rpc, "unknown") || c.reason == "CALLER_UNKNOWN" {
			practice = ""
		}
		if len(lines) != 1 || lines[0]["practice"] != practice || lines[0]["caller"] != c.caller || lines[0]["method"] != c.rpc || lines[0]["transport"] != "rest" || lines[0]["code"] == "OK" ||
			c.reason != "" && lines[0]["reason"] != c.reason {
			t.Errorf("%s %s, HTTP %d: %v", c.method, c.path, response.StatusCode, lines)
		}
	}
}

// TestAStrangerIsWrittenDown: the line of a stranger says where from, and which token it was not.
func TestAStrangerIsWrittenDown(t *testing.T) {
	h := start(t, nil)
	const token = "a-token-of-nobody"
	_, err := looppb.NewDiagnosticsServiceClient(h.conn).ListOperations(
		metadata.AppendToOutgoingContext(as(t.Context(), token), "x-request-id", "stranger-1", "user-agent", "x"), &looppb.ListOperationsRequest{Practice: "demo"})
	if status.Code(err) != codes.Unauthenticated {
		t.Fatal(err)
	}
	line := h.callLines("stranger-1")[0]
	mark, _ := line["identity"].(string)
	if !strings.HasPrefix(mark, "sha256:") || line["caller"] != "" || line["reason"] != "CALLER_UNKNOWN" || !strings.HasPrefix(line["peer"].(string), "127.0.0.1:") {
		t.Errorf("%v", line)
	}
	if strings.Contains(h.log.String(), token) || !strings.Contains(h.log.String(), `"why":"token of nobody"`) {
		t.Errorf("the log says %s", h.log)
	}
	_, _, operations := h.Server.Addresses()
	_, metrics := h.get("http://" + operations.String() + "/metrics")
	for _, want := range []string{
		`gateway_access_refused_total{why="token of nobody"} 1`,
		`gateway_calls_total{caller="[nobody]",method="cegid.loop.v1.DiagnosticsService/ListOperations",reason="CALLER_UNKNOWN"} 1`,
	} {
		if !slices.Contains(strings.Split(metrics, "\n"), want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}
