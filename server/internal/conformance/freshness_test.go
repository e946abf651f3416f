package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/sandbox"
)

const accountPath = "/v1/practices/demo/dossiers/CEGID001/accounts/60700000"

// asker reads one account, by a transport, and says how it was answered.
type asker struct {
	name string
	ask  func(t *testing.T, h *harness, as string, older, ifError int) reading
}

// reading is what came of a read.
type reading struct {
	code   codes.Code
	reason string
	label  string
	age    string
	how    string
}

func askers() []asker {
	return []asker{
		{"gRPC", func(t *testing.T, h *harness, caller string, older, ifError int) (out reading) {
			t.Helper()
			var trailer metadata.MD
			request := &looppb.GetAccountRequest{Practice: "demo", Dossier: "CEGID001", Number: "60700000"}
			if older > 0 {
				request.MaxStaleness = durationpb.New(time.Duration(older) * time.Second)
			}
			if ifError > 0 {
				request.StaleIfError = durationpb.New(time.Duration(ifError) * time.Second)
			}
			got, err := looppb.NewReferenceDataServiceClient(h.conn).GetAccount(as(t.Context(), caller), request, grpc.Trailer(&trailer))
			out = reading{code: status.Code(err), label: got.GetAccount().GetLabel(), age: first(trailer["age"]), how: first(trailer["cache-status"])}
			if err != nil {
				out.reason = reasonOf(err)
			}
			return out
		}},
		{"REST", func(t *testing.T, h *harness, caller string, older, ifError int) (out reading) {
			t.Helper()
			header := http.Header{}
			if older+ifError > 0 {
				header.Set("Cache-Control", fmt.Sprintf("max-age=%d, stale-if-error=%d", older, ifError))
			}
			response, text := h.fetch(t, caller, accountPath, header)
			body, _ := decode(t, []byte(text)).(map[string]any)
			account, _ := body["account"].(map[string]any)
			out.label, _ = account["label"].(string)
			out.reason, _ = body["reason"].(string)
			if code, failed := body["code"].(float64); failed {
				out.code = codes.Code(code)
			}
			out.age, out.how = response.Header.Get("Age"), response.Header.Get("Cache-Status")
			return out
		}},
	}
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// fetch makes a GET.
func (h *harness) fetch(t *testing.T, caller, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.rest+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header.Clone()
	request.Header.Set("Authorization", "Bearer "+caller)
	response, err := h.web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// TestAHundredIdenticalReadsAreOneCall, over both transports at once. A caller who comes when it is over is answered with what is kept.
func TestAHundredIdenticalReadsAreOneCall(t *testing.T) {
	h := start(t, nil)
	h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultLatency, Latency: 300 * time.Millisecond})
	var all sync.WaitGroup
	begun := time.Now()
	for i := range 100 {
		all.Go(func() {
			each := askers()[i%2]
			if got := each.ask(t, h, "everything", 3600, 0); got.code != codes.OK || got.label == "" || got.how == "" {
				t.Errorf("%s: %+v", each.name, got)
			}
		})
	}
	all.Wait()
	if calls := h.Simulator.Count("/compte"); calls > joined(begun) { // one, on a machine that is not busy
		t.Errorf("a hundred reads cost %d calls", calls)
	}
}

// joined is how many calls reads make at the most that have been joined since.
func joined(begun time.Time) int { return 1 + int(time.Since(begun)/freshness.JoinWithin) }

// TestIdenticalReadsUnderWayAreShared by those who accept an older answer; who does not asks Loop.
func TestIdenticalReadsUnderWayAreShared(t *testing.T) {
	gate := &gated{open: make(chan struct{})}
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Tune = func(client *cegidclient.Config) { quick(client); client.Transport = gate }
	})
	leader, leave := context.WithCancel(as(t.Context(), "everything"))
	left := make(chan error, 1)
	begun := time.Now()
	go func() {
		_, err := looppb.NewReferenceDataServiceClient(h.conn).GetAccount(leader, &looppb.GetAccountRequest{
			Practice: "demo", Dossier: "CEGID001", Number: "60700000", MaxStaleness: durationpb.New(time.Second),
		})
		left <- err
	}()
	waitFor(t, func() bool { return gate.calls() == 1 })
	const others = 50
	var all sync.WaitGroup
	for i := range others {
		all.Go(func() {
			each := askers()[i%2]
			if got := each.ask(t, h, "everything", 3600, 0); got.code != codes.OK || got.label == "" {
				t.Errorf("%s: %+v", each.name, got)
			}
		})
	}
	started := func() string {
		return fmt.Sprintf(`grpc_server_started_total{grpc_method="GetAccount",grpc_service="cegid.loop.v1.ReferenceDataService",grpc_type="unary"} %d`, others+1)
	}
	waitFor(t, func() bool { return strings.Contains(h.metrics(), started()) })
	time.Sleep(100 * time.Millisecond) // they join, as a rule; else it proves a little less
	leave()
	if err := <-left; status.Code(err) != codes.Canceled {
		t.Errorf("who leaves is told %v", err)
	}
	time.Sleep(50 * time.Millisecond) // the same
	close(gate.open)
	all.Wait()
	calls := gate.calls()
	if calls > 1+joined(begun) { // one, where all had joined
		t.Errorf("%d reads cost %d calls", others, calls)
	}
	for _, each := range askers() {
		if got := each.ask(t, h, "everything", 0, 0); got.code != codes.OK || got.how != "" {
			t.Errorf("%s, who accepts no older answer: %+v", each.name, got)
		}
	}
	if more := gate.calls() - calls; more != 2 {
		t.Errorf("two who accept no older answer cost %d calls", more)
	}
}

// gated is a way to Loop that is closed until it is open.
type gated struct {
	open chan struct{}

	mu   sync.Mutex
	seen int
}

func (g *gated) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	g.seen++
	g.mu.Unlock()
	select {
	case <-g.open:
		return http.DefaultTransport.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (g *gated) CloseIdleConnections() {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func (g *gated) calls() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

func (h *harness) metrics() string {
	_, _, operations := h.Server.Addresses()
	_, text := h.get("http://" + operations.String() + "/metrics")
	return text
}

// TestReadsSurviveAnOutage of Loop, for those who ask for that; and the age is said.
func TestReadsSurviveAnOutage(t *testing.T) {
	for name, fault := range map[string]loopsim.Fault{
		"5xx":                 {Kind: loopsim.FaultStatus, Status: 503},
		"429":                 {Kind: loopsim.FaultStatus, Status: 429},
		"a connection is cut": {Kind: loopsim.FaultCutBefore},
		"nothing comes":       {Kind: loopsim.FaultHang},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, func(cfg *sandbox.Config) {
				if fault.Kind == loopsim.FaultHang {
					cfg.Tune = impatient
				}
			})
			for _, each := range askers() {
				if got := each.ask(t, h, "everything", 0, 3600); got.code != codes.OK || got.age != "0" || got.how != "loop-gateway; fwd=miss; stored" {
					t.Errorf("before, over %s: %+v", each.name, got)
				}
			}
			fault.Route = "/compte"
			h.Simulator.Inject(fault)
			for range 4 { // until the breaker is open, and with it
				for _, each := range askers() {
					got := each.ask(t, h, "everything", 0, 3600)
					if got.code != codes.OK || got.label == "" || got.age == "" || !strings.HasPrefix(got.how, "loop-gateway; fwd=stale; detail=LOOP_") {
						t.Errorf("over %s: %+v", each.name, got)
					}
				}
			}
			for _, each := range askers() {
				if got := each.ask(t, h, "everything", 0, 0); got.code == codes.OK || got.age != "" || got.how != "" {
					t.Errorf("who accepts no older answer, over %s: %+v", each.name, got)
				}
				if got := each.ask(t, h, "everything", 3600, 0); got.code != codes.OK || got.how != "loop-gateway; hit" {
					t.Errorf("who accepts it anyway, over %s: %+v", each.name, got)
				}
			}
			if metrics := h.metrics(); !strings.Contains(metrics, `freshness_reads_total{result="stale"} 8`) || strings.Contains(metrics, "freshness_kept_bytes 0\n") {
				t.Error("the metrics do not say so")
			}
		})
	}
}

// TestWhatLoopRefusesIsForgottenAndTold.
func TestWhatLoopRefusesIsForgottenAndTold(t *testing.T) {
	for name, c := range map[string]struct {
		fault  loopsim.Fault
		reason string
	}{
		"401":             {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 401}, "LOOP_CREDENTIAL_REJECTED"},
		"403":             {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 403}, "DOSSIER_NOT_SHARED"},
		"404":             {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 404, Form: loopsim.FormService}, "OBJECT_UNKNOWN"},
		"404 of nobody's": {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 404}, "LOOP_BAD_RESPONSE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, each := range askers() {
				h := start(t, nil)
				each.ask(t, h, "everything", 0, 3600)
				c.fault.Route = "/compte"
				id := h.Simulator.Inject(c.fault)
				if got := each.ask(t, h, "everything", 0, 3600); got.code == codes.OK || got.reason != c.reason {
					t.Errorf("over %s: %+v", each.name, got)
				}
				h.Simulator.RemoveFault(id)
				h.Simulator.Inject(loopsim.Fault{Route: "/compte", Kind: loopsim.FaultStatus, Status: 503})
				if got := each.ask(t, h, "everything", 3600, 3600); got.reason != "LOOP_UNAVAILABLE" {
					t.Errorf("afterwards, over %s: %+v", each.name, got)
				}
			}
		})
	}
}

// TestAGrantThatIsWithdrawnCountsDuringAnOutage: who calls, and what they may, is looked at before what is kept.
func TestAGrantThatIsWithdrawnCountsDuringAnOutage(t *testing.T) {
	var grants *policy.Policy
	h := start(t, func(cfg *sandbox.Config) { grants = cfg.Policy })
	for _, each := range askers() {
		if got := each.ask(t, h, "reader", 0, 3600); got.code != codes.OK {
			t.Fatalf("over %s: %+v", each.name, got)
		}
	}
	h.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503})
	for _, each := range askers() {
		if got := each.ask(t, h, "reader", 0, 3600); got.code != codes.OK || !strings.Contains(got.how, "fwd=stale") {
			t.Fatalf("during the outage, over %s: %+v", each.name, got)
		}
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("callers:\n  - {name: everything, token_hashes: [\"%s\"]}\n  - {name: reader, token_hashes: [\"%s\"]}\n"+
		"grants:\n  - {caller: everything, practices: [\"*\"], dossiers: [\"*\"], rights: [read]}\n"+
		"  - {caller: reader, practices: [demo], dossiers: [CEGID003], rights: [read]}\n", policy.HashToken("everything"), policy.HashToken("reader"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := policy.Load(path, policy.Installation{Practices: []string{"demo", "partner"}})
	if err != nil {
		t.Fatal(err)
	}
	grants.Replace(next)
	for _, each := range askers() {
		for _, older := range []int{0, 3600} {
			if got := each.ask(t, h, "reader", older, 3600); got.code != codes.PermissionDenied || got.reason != "CALLER_NOT_ALLOWED" || got.label != "" || got.age != "" {
				t.Errorf("withdrawn, over %s: %+v", each.name, got)
			}
			if got := each.ask(t, h, "nobody", older, 3600); got.code != codes.Unauthenticated || got.label != "" {
				t.Errorf("a stranger, over %s: %+v", each.name, got)
			}
			if got := each.ask(t, h, "everything", older, 3600); got.code != codes.OK {
				t.Errorf("another caller, over %s: %+v", each.name, got)
			}
		}
	}
	if !strings.Contains(h.log.String(), `"event":"refused"`) {
		t.Error("the audit has no record of the refusals")
	}
}

// TestNobodyIsAnsweredWithAnotherPracticesBooks, also where both have a dossier of the same code.
func TestNobodyIsAnsweredWithAnotherPracticesBooks(t *testing.T) {
	h := start(t, nil)
	for _, practice := range []string{"demo", "partner"} {
		dossier := loopsim.Template()
		dossier = loopsim.With(dossier, append(loopsim.Rows[loopsim.Account](dossier), loopsim.Account{Numero: "70999999", Libelle: "Livre de " + practice, Type: 6})...)
		if err := h.Simulator.AddDossier(practice, "COMMUN", dossier); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // from Loop, and from what is kept
		for _, practice := range []string{"demo", "partner"} {
			_, text := h.fetch(t, "everything", "/v1/practices/"+practice+"/dossiers/COMMUN/accounts?filter=number%20%3D%20%2270999999%22&maxStaleness=3600s", http.Header{})
			if !strings.Contains(text, "Livre de "+practice) {
				t.Errorf("%s got %s", practice, text)
			}
		}
	}
	if calls := h.Simulator.Count("/compte"); calls > 4 { // two for each, where Loop's page size is not known
		t.Errorf("%d calls", calls)
	}
}

// TestAnAnswerHasATag that is the same everywhere, and need not be sent again.
func TestAnAnswerHasATag(t *testing.T) {
	const path = "/v1/practices/demo/dossiers/CEGID001/accounts"
	here, there := start(t, nil), start(t, nil)
	accepting := http.Header{"Cache-Control": {"max-age=60"}, "Accept-Encoding": {"identity"}}
	response, text := here.fetch(t, "everything", path, accepting)
	tag := response.Header.Get("ETag")
	if response.StatusCode != http.StatusOK || len(tag) < 20 || tag[0] != '"' || response.Header.Get("Age") != "0" ||
		response.Header.Get("Cache-Control") != "private, no-cache" || response.Header.Get("Vary") != "Authorization, Accept-Encoding, Origin" {
		t.Fatalf("HTTP %d %v", response.StatusCode, response.Header)
	}
	if plain, same := here.fetch(t, "everything", path, http.Header{"Accept-Encoding": {"identity"}}); same != text || plain.Header.Get("ETag") != "" ||
		plain.Header.Get("Cache-Control") != "no-store" || plain.Header.Get("Age") != "" {
		t.Errorf("who asks for nothing: %v", plain.Header)
	}
	if again, same := here.fetch(t, "everything", path, accepting); again.Header.Get("ETag") != tag || same != text || again.Header.Get("Cache-Status") != "loop-gateway; hit" {
		t.Errorf("kept: %v", again.Header)
	}
	if other, _ := there.fetch(t, "everything", path, accepting); other.Header.Get("ETag") != tag {
		t.Errorf("another replica: %v", other.Header)
	}
	zipped, _ := here.fetch(t, "everything", path, http.Header{"Cache-Control": {"max-age=60"}, "Accept-Encoding": {"gzip"}})
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("ETag") != "W/"+tag || zipped.Header.Get("Vary") != "Authorization, Accept-Encoding, Origin" {
		t.Errorf("compressed: %v", zipped.Header)
	}
	for name, c := range map[string]struct {
		known, control string
		code           int
		tag            string
	}{
		"the same":           {tag, "", 304, tag},
		"kept":               {tag, "max-age=60", 304, tag},
		"weak":               {"W/" + tag, "max-age=60", 304, "W/" + tag},
		"among others":       {`"a", ` + tag, "", 304, tag},
		"any":                {"*", "", 304, tag},
		"another":            {`"a"`, "", 200, tag},
		"no tag":             {strings.Trim(tag, `"`), "", 200, tag},
		"compressed or not":  {"W/" + tag, "", 304, "W/" + tag},
		"none that is older": {tag, "no-cache", 304, tag},
	} {
		header := http.Header{"If-None-Match": {c.known}, "Accept-Encoding": {"identity"}}
		if c.control != "" {
			header.Set("Cache-Control", c.control)
		}
		got, body := here.fetch(t, "everything", path, header)
		if got.StatusCode != c.code || got.Header.Get("ETag") != c.tag || (c.code == 304) != (body == "") || got.Header.Get("Vary") == "" ||
			!strings.HasPrefix(got.Header.Get("Cache-Control"), "private") || (c.code == 304) != (got.Header.Get("Content-Type") == "") {
			t.Errorf("%s: HTTP %d %v %.40s", name, got.StatusCode, got.Header, body)
		}
	}
	if got, _ := here.fetch(t, "stranger", path, http.Header{"If-None-Match": {tag}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("who may not read it learns whether it is the same: HTTP %d", got.StatusCode)
	}
	head, err := http.NewRequestWithContext(t.Context(), http.MethodHead, here.rest+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	head.Header = http.Header{"Authorization": {"Bearer everything"}, "If-None-Match": {tag}}
	got, err := here.web.Do(head)
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	if got.StatusCode != http.StatusNotModified || got.Header.Get("ETag") != tag {
		t.Errorf("HEAD: HTTP %d %v", got.StatusCode, got.Header)
	}
}

// TestOurWritesForgetWhatTheyTouch: at once, and an import again when Loop has ended it.
func TestOurWritesForgetWhatTheyTouch(t *testing.T) {
	h := start(t, nil)
	data := looppb.NewReferenceDataServiceClient(h.conn)
	ctx := as(t.Context(), "everything")
	accounts := func() map[string]bool {
		t.Helper()
		got, err := data.ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", PageSize: 1000, MaxStaleness: durationpb.New(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, each := range got.GetAccounts() {
			out[each.GetNumber()] = true
		}
		return out
	}
	if accounts()["60719999"] {
		t.Fatal("it is there already")
	}
	if _, err := data.CreateAccount(ctx, &looppb.CreateAccountRequest{Practice: "demo", Dossier: "CEGID001", Number: "60719999", Label: "Nouveau"}); err != nil {
		t.Fatal(err)
	}
	if !accounts()["60719999"] {
		t.Error("an older list is given after a write")
	}

	h.Simulator.SetImportDelays(0, 200*time.Millisecond)
	entries := looppb.NewEntryServiceClient(h.conn)
	booked := func() int {
		t.Helper()
		got, err := entries.ListEntries(ctx, &looppb.ListEntriesRequest{
			Practice: "partner", Dossier: "DOSSIER_TEST", Criterion: &looppb.ListEntriesRequest_Lettering{Lettering: looppb.LetteringState_LETTERING_STATE_UNLETTERED},
			DocumentReference: "FRAIS-1", MaxStaleness: durationpb.New(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(got.GetEntries())
	}
	booked()
	imports := looppb.NewImportServiceClient(h.conn)
	if _, err := imports.ImportEntries(ctx, importOf("FRAIS-1", invoice("FRAIS-1", "120"))); err != nil {
		t.Fatal(err)
	}
	booked() // kept again, perhaps from before it is booked
	waitFor(t, func() bool {
		got, err := imports.GetImport(ctx, &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FRAIS-1"})
		return err == nil && got.GetImportRecord().GetState() == looppb.ImportState_IMPORT_STATE_SUCCEEDED
	})
	if booked() == 0 {
		t.Error("an older list is given after the end of an import")
	}
}

// TestWhatEntriesAreComparedWithOutlivesImports: many imports into a dossier do not walk its lists each.
func TestWhatEntriesAreComparedWithOutlivesImports(t *testing.T) {
	h := start(t, nil)
	imports, ctx := looppb.NewImportServiceClient(h.conn), as(t.Context(), "everything")
	calls := func() int { return h.Simulator.Count("/compte") + h.Simulator.Count("/journal") }
	walked := 0
	for n := range 3 {
		id := fmt.Sprint("FRAIS-", n)
		if _, err := imports.ImportEntries(ctx, importOf(id, invoice(id, "120"))); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			got, err := imports.GetImport(ctx, &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id})
			return err == nil && got.GetImportRecord().GetState() == looppb.ImportState_IMPORT_STATE_SUCCEEDED
		})
		if n == 0 {
			walked = calls()
		}
	}
	if more := calls() - walked; walked == 0 || more != 0 {
		t.Errorf("the first import cost %d calls for reference data, the next two %d", walked, more)
	}
}

// TestWhichReadsMayBeKept: every unary read of Loop's, but for those that answer for one caller or must ask Loop.
func TestWhichReadsMayBeKept(t *testing.T) {
	never := map[string]string{
		"EntryService.FindEntriesByDocumentReference": "it shows the imports that its caller may see",
		"PracticeService.CheckStaffAccess":            "it asks what somebody may do now",
	}
	kept := 0
	for m := range contract.Methods() {
		name := contract.Name(m)
		wraps, _ := proto.GetExtension(m.Options(), looppb.E_Wraps).([]string)
		access, _ := proto.GetExtension(m.Options(), looppb.E_Access).(*looppb.Access)
		reads := len(wraps) > 0 && !m.IsStreamingServer() && !m.IsStreamingClient() &&
			(access.GetRight() == looppb.Right_RIGHT_READ || access.GetRight() == looppb.Right_RIGHT_PRACTICE)
		for _, id := range wraps {
			op, _ := cegidclient.OperationByID(id)
			reads = reads && op.Resend == cegidclient.ResendAlways
		}
		has := true
		for _, field := range []protoreflect.Name{"max_staleness", "stale_if_error"} {
			has = has && m.Input().Fields().ByName(field) != nil
		}
		if why := never[name]; has != (reads && why == "") {
			t.Errorf("%s may be kept: %t", name, has)
		}
		if has {
			kept++
		}
	}
	if kept < 15 {
		t.Errorf("%d reads may be kept", kept)
	}
}
