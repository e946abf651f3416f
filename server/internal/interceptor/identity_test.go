package interceptor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit/authntest"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/policy"
)

const issuerURL = "https://issuer.example"

// TestWhoCalls: by token, JWT and certificate; a caller who is refused learns no more than that, and the audit says why.
func TestWhoCalls(t *testing.T) {
	i, down := authntest.New(t, issuerURL, "gateway"), authntest.New(t, issuerURL, "gateway")
	down.SetDown(true)
	issuers := func(i *authntest.Issuer) authn.Issuers {
		made, err := authn.NewIssuer(authn.IssuerConfig{URL: issuerURL, Audience: "gateway", Transport: i})
		if err != nil {
			t.Fatal(err)
		}
		return authn.Issuers{made}
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf(`
callers:
  - name: billing
    token_hashes: [%q, %q]
    jwt: [{issuer: %[3]s, subject: billing}]
    certificates: ["spiffe://corp.example/billing"]
  - {name: data, jwt: [{issuer: %[3]s, claim: azp, value: data}], certificates: [data.corp.example]}
grants: [{callers: [billing, data], practices: ["*"], dossiers: ["*"], rights: [read, write]}]
`, policy.HashToken("secret"), policy.HashToken("eyJ.x.y"), issuerURL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	grants, err := policy.Load(path, policy.Installation{Issuers: []string{issuerURL}, Certificates: true})
	if err != nil {
		t.Fatal(err)
	}
	type names = []string
	billing := names{"spiffe://corp.example/billing", "localhost"}
	good := i.Token(t, map[string]any{"sub": "billing"})
	for _, c := range []struct {
		name    string
		headers []string // authorization
		names   names
		issuers authn.Issuers
		caller  string
		by      string
		why     string
	}{
		{"a token", []string{"Bearer secret"}, nil, nil, "billing", "token", ""},
		{"a token beside a certificate of another", []string{"Bearer secret"}, names{"data.corp.example"}, nil, "billing", "token", ""},
		{"a token that looks like a JWT", []string{"Bearer eyJ.x.y"}, nil, issuers(i), "billing", "token", ""},
		{"a JWT", []string{"Bearer " + good}, nil, issuers(i), "billing", "jwt", ""},
		{"a JWT by another claim", []string{"bearer " + i.Token(t, map[string]any{"sub": "7", "azp": "data"})}, nil, issuers(i), "data", "jwt", ""},
		{"a certificate", nil, billing, nil, "billing", "certificate", ""},

		{"nothing", nil, nil, issuers(i), "", "", "no credential"},
		{"an empty header", []string{""}, billing, nil, "", "", "no bearer token"},
		{"another scheme", []string{"Basic c2VjcmV0"}, billing, nil, "", "", "no bearer token"},
		{"two tokens", []string{"Bearer secret", "Bearer secret"}, billing, nil, "", "", "no bearer token"},
		{"an unknown token beside a good certificate", []string{"Bearer other"}, billing, nil, "", "", "token of nobody"},
		{"a JWT where no issuer is known", []string{"Bearer " + good}, billing, nil, "", "", "token of nobody"},
		{"a JWT of nobody beside a good certificate", []string{"Bearer " + i.Token(t, map[string]any{"sub": "x"})}, billing, issuers(i), "", "", "jwt of nobody"},
		{"a JWT of two callers", []string{"Bearer " + i.Token(t, map[string]any{"sub": "billing", "azp": "data"})}, nil, issuers(i), "", "", "jwt of several callers"},
		{"a JWT that has expired", []string{"Bearer " + i.Token(t, map[string]any{"sub": "billing", "exp": 1})}, billing, issuers(i), "", "", "jwt, expired"},
		{"a JWT for somebody else", []string{"Bearer " + i.Token(t, map[string]any{"sub": "billing", "aud": "x"})}, nil, issuers(i), "", "", "jwt, for another audience"},
		{"a JWT of another issuer", []string{"Bearer " + i.Token(t, map[string]any{"sub": "billing", "iss": "https://x"})}, nil, issuers(i), "", "", "jwt, of an unknown issuer"},
		{"a JWT whose issuer is down", []string{"Bearer " + down.Token(t, map[string]any{"sub": "billing"})}, billing, issuers(down), "", "", "jwt, whose issuer does not answer"},
		{"a certificate of nobody", nil, names{"x.corp.example"}, nil, "", "", "certificate of nobody"},
		{"a certificate of two callers", nil, names{"spiffe://corp.example/billing", "data.corp.example"}, nil, "", "", "certificate of several callers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			written := slog.New(slog.NewJSONHandler(&log, nil))
			minute := Deadlines{UnaryDefault: time.Minute, UnaryMax: time.Minute, StreamDefault: time.Minute, StreamMax: time.Minute}
			chain := Chain(Config{
				Log: written, Lines: NewLines(written, false, nil, prometheus.NewRegistry()), Audit: written, Refusals: NewRefusals(written, prometheus.NewRegistry()), Metrics: NewMetrics(prometheus.NewRegistry()), Deadlines: minute, Limits: NewLimits(grants),
				Callers: Identities{Policy: grants, Issuers: c.issuers, Certified: func(context.Context) []string { return c.names }},
				Access:  map[string]policy.Access{"/s/Write": {Right: policy.Write}}, Validator: anything{}, Draining: t.Context(), Shutdown: t.Context(),
			})
			md := metadata.MD{}
			md.Append("authorization", c.headers...)
			// Nobody believes what a client says of its certificate.
			md.Append(certificateKey, "spiffe://corp.example/billing")
			var who *Call
			_, err := call(metadata.NewIncomingContext(t.Context(), md), chain, "/s/Write", someRequest, func(ctx context.Context, _ any) (any, error) {
				who = CallFrom(ctx)
				return someRequest, nil
			})
			if c.caller != "" {
				if err != nil || who.Caller != c.caller || who.By != c.by {
					t.Fatalf("%+v, %v", who, err)
				}
				if !strings.Contains(log.String(), fmt.Sprintf(`"caller":%q,"by":%q`, c.caller, c.by)) {
					t.Errorf("the audit says %s", log.String())
				}
				return
			}
			code, reason := codes.Unauthenticated, looppb.ErrorReason_ERROR_REASON_CALLER_UNKNOWN
			if strings.Contains(c.name, "down") {
				code, reason = codes.Unavailable, looppb.ErrorReason_ERROR_REASON_ISSUER_UNAVAILABLE
				if apierror.RetryAfterOf(err) <= 0 {
					t.Error("it does not say when to come back")
				}
			}
			if status.Code(err) != code || apierror.ReasonOf(err) != reason || who != nil {
				t.Fatalf("%v, %v", who, err)
			}
			if !strings.Contains(log.String(), fmt.Sprintf(`"msg":"audit","event":"refused","why":%q`, c.why)) {
				t.Errorf("the audit says %s", log.String())
			}
			if code == codes.Unauthenticated && status.Convert(err).Message() != status.Convert(Identities{}.nobody("", "").(unknown).answer).Message() {
				t.Errorf("the caller is told %q", status.Convert(err).Message())
			}
			for _, header := range c.headers {
				_, token, _ := strings.Cut(header, " ")
				for _, part := range strings.Split(token, ".") {
					if len(part) > 4 && strings.Contains(log.String(), part) {
						t.Errorf("the log shows the token: %s", log.String())
					}
				}
			}
		})
	}
}
