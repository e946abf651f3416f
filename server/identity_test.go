package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/authntest"
	"cegid.internal/gateway/server/internal/policy"
)

const spiffe = "spiffe://corp.example/billing"

// client makes a client's certificate with those names: URIs if they have a colon, else DNS names.
func (a *authority) client(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "billing.corp.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if !strings.Contains(name, ":") {
			template.DNSNames = append(template.DNSNames, name)
			continue
		}
		uri, err := url.Parse(name)
		testkit.OK(t, err)
		template.URIs = append(template.URIs, uri)
	}
	return a.Sign(t, template)
}

// certified serves over TLS and lets clients of the authorities in by certificate.
func (w *world) certified(t *testing.T, server *authority, clients ...*authority) {
	t.Helper()
	w.certificate(t, server, 1)
	w.authorities(t, clients...)
	w.settings["tls"] = "{certificate: tls.crt, key: tls.key, client_authorities: clients.pem}"
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers:
  - {name: billing, token_hashes: [%q], certificates: [%q, billing.corp.example]}
  - {name: data, certificates: [data.corp.example]}
  - {name: idle, certificates: [idle.corp.example]}
grants: [{callers: [billing, data], practices: [demo], dossiers: [CEGID001], rights: [read, write]}]
`, policy.HashToken(w.token), spiffe))
}

func (w *world) authorities(t *testing.T, all ...*authority) {
	t.Helper()
	var text strings.Builder
	for _, each := range all {
		text.WriteString(each.PEM())
	}
	w.write(t, "clients.pem", text.String())
}

// caller calls over gRPC, and over REST in both versions of HTTP, with the certificate that it is given.
type caller struct {
	t    *testing.T
	p    *process
	conn *grpc.ClientConn
	webs []*http.Client
}

func (p *process) caller(t *testing.T, server *authority, certificates ...tls.Certificate) *caller {
	t.Helper()
	trust := func() *tls.Config {
		config := &tls.Config{RootCAs: server.Pool, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
		if len(certificates) > 0 { // shown whatever the server asks for
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
		}
		return config
	}
	c := &caller{t: t, p: p, conn: dial(t, p.grpc, trust())}
	for _, second := range []bool{false, true} {
		web := &http.Client{Transport: &http.Transport{TLSClientConfig: trust(), ForceAttemptHTTP2: second}}
		t.Cleanup(web.CloseIdleConnections)
		c.webs = append(c.webs, web)
	}
	return c
}

// call returns the gRPC code of a read over gRPC, and those of HTTP over REST. Headers go along as metadata and as
// headers; authorization is one of them.
func (c *caller) call(headers ...string) (answers []string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(c.t.Context(), headers...), patience)
	defer cancel()
	_, err := looppb.NewReferenceDataServiceClient(c.conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: dossier, PageSize: 1})
	answers = append(answers, status.Code(err).String())
	for _, web := range c.webs {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.p.http+accounts, http.NoBody)
		testkit.OK(c.t, err)
		for i := 0; i < len(headers); i += 2 {
			request.Header[headers[i]] = append(request.Header[headers[i]], headers[i+1]) // in the letter case that is given
		}
		response, err := web.Do(request)
		if err != nil {
			answers = append(answers, "no connection")
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body) // else the connection ends
		_ = response.Body.Close()
		answers = append(answers, http.StatusText(response.StatusCode))
	}
	return answers
}

// expect is what gRPC and REST answer to who is let in, who is not, and who gets no connection.
var (
	letIn         = []string{"OK", "OK", "OK"}
	turnedAway    = []string{"Unauthenticated", "Unauthorized", "Unauthorized"}
	notAllowed    = []string{"PermissionDenied", "Forbidden", "Forbidden"}
	notConnecting = []string{"Unavailable", "no connection", "no connection"}
)

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %q; want %q", what, got, want)
	}
}

// TestCallersByCertificate: over gRPC and REST alike, and nobody passes for one who has none.
func TestCallersByCertificate(t *testing.T) {
	t.Parallel()
	w, server, clients := newWorld(t), newAuthority(t), newAuthority(t)
	w.certified(t, server, clients)
	p := w.serve(t, "")
	billing := p.caller(t, server, clients.client(t, spiffe))
	stranger := p.caller(t, server, clients.client(t, "spiffe://corp.example/stranger"))
	nobody := p.caller(t, server)
	expect(t, "a SPIFFE id", billing.call(), letIn)
	expect(t, "a host", p.caller(t, server, clients.client(t, "Billing.Corp.example")).call(), letIn)
	expect(t, "a caller without a grant", p.caller(t, server, clients.client(t, "idle.corp.example")).call(), notAllowed)
	expect(t, "a certificate of nobody", stranger.call(), turnedAway)
	expect(t, "a common name alone", p.caller(t, server, clients.client(t)).call(), turnedAway)
	expect(t, "names of two callers", p.caller(t, server, clients.client(t, spiffe, "data.corp.example")).call(), turnedAway)
	expect(t, "no certificate", nobody.call(), turnedAway)
	expect(t, "no certificate, but a token", nobody.call("authorization", "Bearer "+w.token), letIn)
	expect(t, "a good certificate beside a bad token", billing.call("authorization", "Bearer x"), turnedAway)
	expect(t, "another authority's", p.caller(t, server, newAuthority(t).client(t, spiffe)).call(), notConnecting)
	expect(t, "the server's own authority's", p.caller(t, server, server.client(t, spiffe)).call(), notConnecting)

	// What the REST side hands over cannot be said by a client, on either port, in whatever spelling and coding.
	for _, key := range []string{"x-loop-client-certificate-bin", "x-loop-client-certificate"} {
		for _, value := range []string{spiffe, base64.StdEncoding.EncodeToString([]byte(spiffe)), base64.RawStdEncoding.EncodeToString([]byte(spiffe))} {
			for _, prefix := range []string{"", "grpc-metadata-", "Grpc-Metadata-", "GRPC-METADATA-", "Grpcgateway-", "grpc-metadata-grpc-metadata-"} {
				for _, spelt := range []string{key, http.CanonicalHeaderKey(key), strings.ToUpper(key)} {
					for name, who := range map[string]*caller{"without a certificate": nobody, "with a certificate of nobody": stranger} {
						expect(t, name+", saying "+prefix+spelt+": "+value, who.call(prefix+spelt, value), turnedAway)
					}
				}
			}
		}
	}

	// A page elsewhere makes a browser show the certificate of its reader.
	post := func(headers ...string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+p.http+"/v1/practices/demo/dossiers/CEGID001/imports", strings.NewReader(purchase))
		testkit.OK(t, err)
		request.Header.Set("Idempotency-Key", "FA-1")
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := billing.webs[0].Do(request)
		testkit.OK(t, err)
		_ = response.Body.Close()
		return response.StatusCode
	}
	for name, headers := range map[string][]string{
		"a page elsewhere": {"Sec-Fetch-Site", "cross-site"}, "a page of a neighbour": {"Sec-Fetch-Site", "same-site"}, "an old browser": {"Origin", "https://elsewhere.example"},
	} {
		if code := post(headers...); code != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d", name, code)
		}
	}
	if code := post(); code != http.StatusOK {
		t.Errorf("a write with a certificate: HTTP %d", code)
	}
	if sent := w.Count("/importJson"); sent != 1 {
		t.Errorf("Loop got %d imports", sent)
	}
	p.stop(t)
	if text := p.log.String(); !strings.Contains(text, `"caller":"billing","by":"certificate"`) || !strings.Contains(text, `"why":"certificate of several callers"`) || !strings.Contains(text, `"identity":"`+spiffe+`"`) {
		t.Errorf("the audit: %s", text)
	}
}

// TestAuthoritiesRotate: a client moves from one to the next without a failed call, and the end of one is the end of its
// clients, also on connections and sessions that they have.
func TestAuthoritiesRotate(t *testing.T) {
	t.Parallel()
	w, server, old, next := newWorld(t), newAuthority(t), newAuthority(t), newAuthority(t)
	w.certified(t, server, old)
	p := w.serve(t, "")
	before := p.caller(t, server, old.client(t, spiffe))
	expect(t, "a client of the old authority", before.call(), letIn)
	expect(t, "a client of the next one, too early", p.caller(t, server, next.client(t, spiffe)).call(), notConnecting)

	w.authorities(t, old, next)
	var after *caller
	eventually(t, "the next authority", func() bool {
		expect(t, "a client of the old authority, while both are", before.call(), letIn)
		after = p.caller(t, server, next.client(t, spiffe))
		return fmt.Sprint(after.call()) == fmt.Sprint(letIn)
	})
	w.write(t, "clients.pem", next.PEM()[:100]) // a file that is being written changes nothing
	eventually(t, "a word on it", func() bool {
		expect(t, "a client of the old authority, beside half of a file", before.call(), letIn)
		return strings.Contains(p.log.String(), "cannot be read again")
	})
	w.authorities(t, next)
	eventually(t, "the end of the old authority", func() bool { return before.call()[0] != "OK" })
	expect(t, "a connection of the old authority's", before.call(), turnedAway)
	for _, web := range before.webs { // sessions may not come back with what they had
		web.CloseIdleConnections()
	}
	expect(t, "a new connection of the old authority's", before.call()[1:], notConnecting[1:])
	expect(t, "a client of the next authority", after.call(), letIn)
	p.stop(t)
	for _, says := range []string{"the authorities of client certificates were changed", "those before stay in use"} {
		if !strings.Contains(p.log.String(), says) {
			t.Errorf("the log does not say %q", says)
		}
	}
}

// TestACallerMovesFromTokenToIssuer: under its name, and so with its imports, while the server runs.
func TestACallerMovesFromTokenToIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issuer := authntest.Serve(t, "loop-gateway")
	w.settings["oidc"] = fmt.Sprintf("[{issuer: %q, audience: loop-gateway, allow_plain_http: true}]", issuer.URL)
	p := w.serve(t, "")
	conn, web := dial(t, p.grpc, nil), &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	imports := "http://" + p.http + "/v1/practices/demo/dossiers/CEGID001/imports"
	if code, text := ask(t, web, "POST", imports, w.token, purchase, "Idempotency-Key", "FA-1"); code != 200 {
		t.Fatalf("by token: HTTP %d %s", code, text)
	}
	jwt := func(claims map[string]any) string { return issuer.Token(t, claims) }
	billing := map[string]any{"sub": "a-subject-of-billing", "azp": "billing"}
	if err := listAccounts(t.Context(), conn, jwt(billing)); status.Code(err) != codes.Unauthenticated {
		t.Errorf("before the policy knows it: %v", err)
	}
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers: [{name: billing, jwt: [{issuer: %q, claim: azp, value: billing}]}]
grants: [{caller: billing, practices: [demo], dossiers: [CEGID001], rights: [read, write]}]
`, issuer.URL))
	eventually(t, "the policy", func() bool { return listAccounts(t.Context(), conn, jwt(billing)) == nil })
	if code, text := ask(t, web, "POST", imports, jwt(billing), purchase, "Idempotency-Key", "FA-1"); code != 200 || !strings.Contains(text, `"attempt":1`) || !strings.Contains(text, `"caller":"billing"`) {
		t.Errorf("the same import by JWT: HTTP %d %s", code, text)
	}
	if sent := w.Count("/importJson"); sent != 1 {
		t.Errorf("Loop got %d imports", sent)
	}
	for name, token := range map[string]string{
		"the token of the past": w.token, "somebody else": jwt(map[string]any{"azp": "data"}), "a token for another service": jwt(map[string]any{"azp": "billing", "aud": "other"}),
		"one that has expired": jwt(map[string]any{"azp": "billing", "exp": time.Now().Add(-time.Hour).Unix()}),
	} {
		if code, text := ask(t, web, "GET", "http://"+p.http+accounts, token, ""); code != 401 || strings.Contains(text, "expired") || strings.Contains(text, "audience") {
			t.Errorf("%s: HTTP %d %s", name, code, text)
		}
		if err := listAccounts(t.Context(), conn, token); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	issuer.Rotate(t) // a new key signs at once
	eventually(t, "the new key", func() bool { return listAccounts(t.Context(), conn, jwt(billing)) == nil })
	issuer.SetDown(true)
	if err := listAccounts(t.Context(), conn, jwt(billing)); err != nil {
		t.Errorf("while the issuer is down: %v", err)
	}
	known := jwt(billing)
	issuer.Rotate(t)
	eventually(t, "trouble with a key that nobody can fetch", func() bool { return status.Code(listAccounts(t.Context(), conn, jwt(billing))) == codes.Unavailable })
	if code, text := ask(t, web, "GET", "http://"+p.http+accounts, jwt(billing), ""); code != 503 || !strings.Contains(text, "ISSUER_UNAVAILABLE") || !strings.Contains(text, "retryDelay") {
		t.Errorf("REST: HTTP %d %s", code, text)
	}
	if err := listAccounts(t.Context(), conn, known); err != nil {
		t.Errorf("a known key meanwhile: %v", err)
	}
	web.CloseIdleConnections()
	p.stop(t)
	for _, part := range append(strings.Split(known, "."), w.token) {
		if strings.Contains(p.log.String(), part) {
			t.Errorf("the log shows %q", part)
		}
	}
	for _, says := range []string{`"identity":"` + issuer.URL + ` a-subject-of-billing"`, `"by":"token"`, `"by":"jwt"`, `"why":"jwt, expired"`, `"why":"jwt, for another audience"`, `"why":"jwt of nobody"`, `"why":"jwt, whose issuer does not answer"`} {
		if !strings.Contains(p.log.String(), says) {
			t.Errorf("the audit does not say %s", says)
		}
	}
}
