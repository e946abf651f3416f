package main

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestOneLineSaysWhyItFailed: of a call that failed at Loop, of one that is refused here, before an interceptor has it or after, and
// of a handshake that comes to nothing. What is not known at that point is named here, too.
func TestOneLineSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	w, ca := newWorld(t), newAuthority(t)
	w.certified(t, ca, ca)
	w.Inject(loopsim.Fault{Route: "/importJson", Kind: loopsim.FaultStatus, Status: 400, Form: loopsim.FormService, Code: "E42", Message: "non"})
	p := w.serve(t, "")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	traceparent := "00-" + trace + "-b7ad6b7169203331-01"

	billing := ca.client(t, spiffe)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool, Certificates: []tls.Certificate{billing}}}}
	defer web.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", strings.NewReader(purchase))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"FA-1"}, "X-Request-Id": {"upstream-1"}, "Traceparent": {traceparent}, "User-Agent": {"invoices/7"}}
	response, err := web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()

	conn := dial(t, p.grpc, &tls.Config{RootCAs: ca.Pool})
	stranger := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer a-token-of-nobody", "x-request-id", "stranger-1", "traceparent", traceparent)
	if _, err := looppb.NewImportServiceClient(conn).ImportEntries(stranger, &looppb.ImportEntriesRequest{Practice: "demo", Dossier: dossier}); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	large := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+w.token, "x-request-id", "large-1", "traceparent", traceparent)
	if _, err := looppb.NewReferenceDataServiceClient(conn).ListAccounts(large, &looppb.ListAccountsRequest{Practice: "demo", Dossier: dossier, Filter: strings.Repeat("x", 9<<20)}); status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
	others := newAuthority(t).client(t, "evil.example")
	insists := &tls.Config{RootCAs: ca.Pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &others, nil }}
	if err := listAccounts(t.Context(), dial(t, p.grpc, insists), w.token); err == nil {
		t.Error("a certificate of another authority is taken")
	}

	for _, c := range []struct {
		name, message, id string
		// is what each field holds; after * anything.
		is map[string]any
	}{
		{"a call that failed at Loop", "call", "upstream-1", map[string]any{
			"trace_id": trace, "request_id": "upstream-1", "peer": "127.0.0.1:*", "user_agent": "invoices/7", "transport": "rest", "identity": spiffe, "by": "certificate",
			"caller": "billing", "practice": "demo", "method": "cegid.loop.v1.ImportService/ImportEntries", "code": "Unknown", "reason": "OUTCOME_UNKNOWN", // a write, of which a 400 without a known code proves nothing
			"loop_attempts": "*", "loop_status": 400., "loop_code": "E42", "loop_request_id": "*", "seconds": "*", "wait_seconds": "*", "loop_seconds": "*", "ledger_seconds": "*",
		}},
		{"a stranger's call", "call", "stranger-1", map[string]any{ // of which nobody has read what practice it names
			"trace_id": trace, "request_id": "stranger-1", "peer": "127.0.0.1:*", "user_agent": "grpc-go/*", "transport": "grpc", "identity": "sha256:*", "by": "", "caller": "",
			"practice": "", "method": "cegid.loop.v1.ImportService/ImportEntries", "code": "Unauthenticated", "reason": "CALLER_UNKNOWN", "why": "token of nobody",
			"loop_attempts": 0., "loop_status": 0., "seconds": "*", "wait_seconds": 0., "loop_seconds": 0., "ledger_seconds": 0.,
		}},
		{"a call that is too large for gRPC to take", "call", "large-1", map[string]any{
			"trace_id": trace, "request_id": "large-1", "peer": "127.0.0.1:*", "user_agent": "grpc-go/*", "transport": "grpc", "identity": "sha256:*", "by": "token", "caller": "billing",
			"practice": "", "method": "cegid.loop.v1.ReferenceDataService/ListAccounts", "code": "ResourceExhausted", "loop_attempts": 0.,
		}},
		{"a handshake", "a connection was refused", "", map[string]any{
			"listener": "grpc", "peer": "127.0.0.1:*", "reason": "client_certificate_of_unknown_authority", "claims": "evil.example issued by CN=authority", "error": "*",
		}},
	} {
		var lines []map[string]any
		eventually(t, c.name, func() bool {
			lines = nil
			for _, line := range p.lines(t) {
				if id, _ := line["request_id"].(string); line["msg"] == c.message && id == c.id {
					lines = append(lines, line)
				}
			}
			return len(lines) > 0
		})
		if len(lines) > 1 && c.id != "" {
			t.Errorf("%s has %d lines", c.name, len(lines))
		}
		for field, want := range c.is {
			value, given := lines[0][field], false
			switch text, _ := value.(string); want := want.(type) {
			case string:
				begin, open := strings.CutSuffix(want, "*")
				number, _ := value.(float64)
				given = text == want || open && (number > 0 || text != "" && strings.HasPrefix(text, begin))
			default:
				given = value == want
			}
			if !given {
				t.Errorf("%s: %s is %v; want %v", c.name, field, value, want)
			}
		}
	}
	for _, secret := range []string{"a-token-of-nobody", w.token, "FEXEMPLE"} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
