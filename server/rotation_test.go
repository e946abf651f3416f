package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/policy"
)

// twoPractices puts demo and partner into a folder, a file each, and TLS in front of them.
func (w *world) twoPractices(t *testing.T, a *authority) {
	t.Helper()
	delete(w.settings, "practices")
	w.settings["practices_directory"] = "practices"
	w.settings["tls"] = "{certificate: tls.crt, key: tls.key}"
	w.settings["imports"] = "{first_poll: 20ms}"
	w.settings["loop"] = strings.Replace(w.settings["loop"], `secrets/primary}"`, `secrets/primary}", secondary: "${file:secrets/secondary}"`, 1)
	w.write(t, "secrets/secondary", loopsim.SandboxSubscriptionSecondary)
	w.write(t, "secrets/partner", loopsim.SandboxPartnerAPIKey)
	w.write(t, "practices/demo.yaml", `{name: demo, keys: {advanced: "${file:../secrets/demo}"}}`)
	w.write(t, "practices/partner.yaml", `{name: partner, keys: {standard: "${file:../secrets/partner}"}}`)
	w.certificate(t, a, 1)
	w.callers(t, w.token)
}

func (w *world) certificate(t *testing.T, a *authority, serial int64) {
	t.Helper()
	certificate, key := a.sign(t, serial)
	w.write(t, "tls.crt", certificate)
	w.write(t, "tls.key", key)
}

// callers writes a policy of one caller that has all these tokens.
func (w *world) callers(t *testing.T, tokens ...string) {
	t.Helper()
	var hashes []string
	for _, token := range tokens {
		hashes = append(hashes, `"`+policy.HashToken(token)+`"`)
	}
	w.write(t, "policy.yaml", fmt.Sprintf(`
callers: [{name: billing, token_hashes: [%s]}]
grants: [{caller: billing, practices: ["*"], dossiers: ["*"], rights: [read, write]}]
`, strings.Join(hashes, ", ")))
}

// load are callers of all kinds, who go on until they are told to stop.
type load struct {
	t      *testing.T
	p      *process
	trust  *tls.Config
	token  atomic.Pointer[string]
	calls  atomic.Int64
	stop   chan struct{}
	done   sync.WaitGroup
	mu     sync.Mutex
	failed []string
	// accepted are the ids of imports that were, by practice.
	accepted map[string][]string
}

func startLoad(t *testing.T, p *process, trust *tls.Config, token string) *load {
	l := &load{t: t, p: p, trust: trust, stop: make(chan struct{}), accepted: map[string][]string{}}
	l.token.Store(&token)
	for n := range 3 {
		l.goOn(fmt.Sprint("grpc-", n), func() (call, func()) { return l.overGRPC() })
		l.goOn(fmt.Sprint("rest-", n), func() (call, func()) { return l.overREST() })
	}
	return l
}

// call reads, or imports a document when it is given an id.
type call func(practice, dossier, token, id string) error

func (l *load) goOn(name string, connect func() (call, func())) {
	l.done.Go(func() {
		do, hangUp := connect()
		defer func() { hangUp() }()
		for n := 0; ; n++ {
			select {
			case <-l.stop:
				return
			default:
			}
			if n%25 == 24 { // new connections meet new certificates
				hangUp()
				do, hangUp = connect()
			}
			practice, dossier, id := "demo", "CEGID001", ""
			if n%2 == 1 {
				practice, dossier = "partner", "DOSSIER_TEST"
			}
			if n%10 < 2 {
				id = fmt.Sprintf("%s-%d", name, n)
			}
			err := do(practice, dossier, *l.token.Load(), id)
			l.calls.Add(1)
			l.mu.Lock()
			switch {
			case err != nil:
				l.failed = append(l.failed, fmt.Sprintf("%s, call %d: %v", name, n, err))
			case id != "":
				l.accepted[practice] = append(l.accepted[practice], id)
			}
			l.mu.Unlock()
		}
	})
}

// end stops the callers and returns what failed.
func (l *load) end() []string {
	close(l.stop)
	l.done.Wait()
	return l.failed
}

func (l *load) overGRPC() (call, func()) {
	conn, err := grpc.NewClient(l.p.grpc, grpc.WithTransportCredentials(credentialsOf(l.trust)))
	if err != nil {
		l.t.Error(err)
	}
	return func(practice, dossier, token, id string) error {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token), patience)
		defer cancel()
		if id == "" {
			_, err := looppb.NewReferenceDataServiceClient(conn).ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: practice, Dossier: dossier, PageSize: 1})
			return err
		}
		entry := &looppb.Entry{Journal: "ACH", Date: "2026-03-15", Reference: id, DocumentReference: id, Lines: []*looppb.EntryLine{
			{Account: "60700000", Label: "Achat", Side: &looppb.EntryLine_Debit{Debit: "100.00"}},
			{Account: "44566000", Label: "TVA", Side: &looppb.EntryLine_Debit{Debit: "20.00"}},
			{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Fournisseur", Side: &looppb.EntryLine_Credit{Credit: "120.00"}},
		}} // what purchase says
		_, err := looppb.NewImportServiceClient(conn).ImportEntries(ctx, &looppb.ImportEntriesRequest{Practice: practice, Dossier: dossier, RequestId: id, Entries: []*looppb.Entry{entry}})
		return err
	}, func() { _ = conn.Close() }
}

func (l *load) overREST() (call, func()) {
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: l.trust.Clone()}}
	return func(practice, dossier, token, id string) error {
		verb, url, body := "GET", fmt.Sprintf("https://%s/v1/practices/%s/dossiers/%s/accounts?pageSize=1", l.p.http, practice, dossier), ""
		if id != "" {
			verb, url = "POST", fmt.Sprintf("https://%s/v1/practices/%s/dossiers/%s/imports", l.p.http, practice, dossier)
			body = strings.ReplaceAll(purchase, "FA-1", id)
		}
		request, err := http.NewRequest(verb, url, strings.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Idempotency-Key", id)
		response, err := web.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", response.Status, answer)
		}
		return err
	}, web.CloseIdleConnections
}

// TestEverythingIsRotatedUnderLoad: certificate, token, subscription keys and API keys, and a practice that comes and
// goes, while callers of all kinds go on: no call fails, and no secret is seen.
func TestEverythingIsRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), newAuthority(t)
	w.twoPractices(t, a)
	p := w.serve(t, "")
	trust := &tls.Config{RootCAs: a.Pool}
	const newToken, newPrimary, newSecondary = "another-token-of-billing", "sandbox-new-primary", "sandbox-new-secondary"
	const newDemo, newPartner = "sandbox-new-demo:sandbox-new-demo-secret", "sandbox-new-partner:sandbox-new-partner-secret"
	l := startLoad(t, p, trust, w.token)
	conn := dial(t, p.grpc, trust)
	more := func(calls int64) {
		t.Helper()
		from := l.calls.Load()
		eventually(t, "calls", func() bool { return l.calls.Load() >= from+calls })
	}
	more(100)

	w.certificate(t, a, 2)
	for _, address := range []string{p.grpc, p.http} {
		eventually(t, "the new certificate", func() bool {
			conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.Pool, NextProtos: []string{"h2"}})
			if err != nil {
				return false
			}
			defer func() { _ = conn.Close() }()
			return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64() == 2
		})
	}
	more(100)

	w.callers(t, w.token, newToken)
	eventually(t, "the new token", func() bool { return listAccounts(t.Context(), conn, newToken) == nil })
	token := newToken
	l.token.Store(&token)
	more(100) // nobody uses the old one any more
	w.callers(t, newToken)
	eventually(t, "the end of the old token", func() bool {
		return status.Code(listAccounts(t.Context(), conn, w.token)) == codes.Unauthenticated
	})

	// As an operator does it: the log says when a practice uses the new one.
	inUse := func(name string, practices int) {
		t.Helper()
		eventually(t, "the new "+name, func() bool { return strings.Count(p.log.String(), `secrets/`+name+`}`) == practices })
		time.Sleep(100 * time.Millisecond) // attempts that had the old one in hand
	}
	// Loop has two subscription keys, so that each is replaced while nobody uses it: a write that meets the end of a key is
	// turned away, and is not sent again.
	w.SetSubscriptionKeys(loopsim.SandboxSubscriptionPrimary, newSecondary)
	w.write(t, "secrets/secondary", newSecondary)
	inUse("secondary", 2)
	w.write(t, "secrets/primary", newSecondary)
	inUse("primary", 2)
	more(100)
	w.SetSubscriptionKeys(newPrimary, newSecondary)
	w.write(t, "secrets/primary", newPrimary)
	inUse("primary", 4)
	more(100)

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.IssueAPIKey("demo", loopsim.Advanced, newDemo))
	must(w.IssueAPIKey("partner", loopsim.Standard, newPartner))
	w.write(t, "secrets/demo", newDemo)
	w.write(t, "secrets/partner", newPartner)
	inUse("demo", 1)
	inUse("partner", 1)
	must(w.RotateAPIKey("demo", loopsim.Advanced, newDemo))
	must(w.RotateAPIKey("partner", loopsim.Standard, newPartner))
	more(100)

	third := func() error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+newToken)
		_, err := looppb.NewReferenceDataServiceClient(conn).ListJournals(ctx, &looppb.ListJournalsRequest{Practice: "third", Dossier: "CEGID001"})
		return err
	}
	if err := third(); status.Code(err) != codes.NotFound {
		t.Errorf("a practice before it is there: %v", err)
	}
	w.write(t, "practices/third.yaml", `{name: third, keys: {advanced: "${file:../secrets/demo}"}}`)
	eventually(t, "the third practice", func() bool { return third() == nil })
	must(os.Remove(w.path("practices/third.yaml")))
	eventually(t, "its end", func() bool { return status.Code(third()) == codes.NotFound })
	eventually(t, "a thousand calls", func() bool { return l.calls.Load() >= 1000 })

	for _, failure := range l.end() {
		t.Error(failure)
	}
	if len(l.accepted["demo"]) == 0 || len(l.accepted["partner"]) == 0 {
		t.Errorf("imports: %d and %d", len(l.accepted["demo"]), len(l.accepted["partner"]))
	}
	for practice, ids := range l.accepted {
		for _, id := range ids {
			awaitSuccess(t, conn, newToken, practice, id)
		}
	}
	t.Logf("%d calls, %d and %d imports", l.calls.Load(), len(l.accepted["demo"]), len(l.accepted["partner"]))
	code, metrics := ask(t, http.DefaultClient, "GET", "http://"+p.operations+"/metrics", "", "")
	if code != http.StatusOK || !strings.Contains(metrics, "config_reload_failed 0") {
		t.Errorf("metrics: HTTP %d", code)
	}
	p.stop(t)
	for _, secret := range []string{"sandbox-new", secretCanary, w.token, newToken, "PRIVATE KEY"} {
		if strings.Contains(p.log.String()+p.stdout.String()+metrics, secret) {
			t.Errorf("log, output or metrics show %q", secret)
		}
	}
}

// homes are the dossiers into which tests import, by practice.
var homes = map[string]string{"demo": "CEGID001", "partner": "DOSSIER_TEST"}

// awaitSuccess asks for an import until it is booked.
func awaitSuccess(t *testing.T, conn grpc.ClientConnInterface, token, practice, id string) {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	var state looppb.ImportState
	eventually(t, id+" in "+practice, func() bool {
		got, err := looppb.NewImportServiceClient(conn).GetImport(ctx, &looppb.GetImportRequest{Practice: practice, Dossier: homes[practice], RequestId: id})
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		state = got.GetImportRecord().GetState()
		return state == looppb.ImportState_IMPORT_STATE_SUCCEEDED
	})
}
