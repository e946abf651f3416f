package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/sandbox"
)

// invoice is a balanced entry under a document reference.
func invoice(reference string, amount string) *looppb.Entry {
	return &looppb.Entry{
		Journal: "ACH", Date: "2026-03-15", Reference: reference, DocumentReference: reference,
		Lines: []*looppb.EntryLine{
			{Account: "60700000", Label: "ACHAT EXEMPLE", Side: &looppb.EntryLine_Debit{Debit: amount}},
			{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "FOURNISSEUR EXEMPLE", Side: &looppb.EntryLine_Credit{Credit: amount}},
		},
	}
}

func importOf(id string, entries ...*looppb.Entry) *looppb.ImportEntriesRequest {
	return &looppb.ImportEntriesRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id, Entries: entries}
}

func as(ctx context.Context, caller string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+caller)
}

// imported is what the ledger says of an import.
func (h *harness) imported(id string) *looppb.Import {
	h.t.Helper()
	got, err := looppb.NewImportServiceClient(h.conn).GetImport(as(h.t.Context(), "everything"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: id})
	testkit.OK(h.t, err)
	return got.GetImportRecord()
}

// booked counts the entries of a document reference in the simulator.
func (h *harness) booked(reference string) int {
	h.t.Helper()
	h.Simulator.FinishImports()
	entries, err := h.Simulator.Entries("partner", "DOSSIER_TEST")
	testkit.OK(h.t, err)
	text, err := json.Marshal(entries)
	testkit.OK(h.t, err)
	var all []map[string]any
	testkit.OK(h.t, json.Unmarshal(text, &all))
	n := 0
	for _, each := range all {
		encoded, _ := json.Marshal(each)
		if bytes.Contains(encoded, []byte(`"`+reference+`"`)) {
			n++
		}
	}
	return n
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return failureOf(status.Convert(err)).Reason
}

func TestTheSameRequestIDSendsOnce(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	ctx := as(t.Context(), "everything")
	first, err := client.ImportEntries(ctx, importOf("FA-1", invoice("FA-1", "120")))
	testkit.OK(t, err)
	again, err := client.ImportEntries(ctx, importOf("FA-1", invoice("FA-1", "120.00"))) // the same amount, written otherwise
	testkit.OK(t, err)
	if first.GetImportRecord().GetLoopRequestId() != again.GetImportRecord().GetLoopRequestId() {
		t.Error("the second call got another import")
	}
	// And over REST, with the id in the header that REST callers are used to.
	body, err := protojson.Marshal(&looppb.ImportEntriesRequest{Entries: []*looppb.Entry{invoice("FA-1", "120")}})
	testkit.OK(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.rest+"/v1/practices/partner/dossiers/DOSSIER_TEST/imports", bytes.NewReader(body))
	testkit.OK(t, err)
	request.Header.Set("Idempotency-Key", "FA-1")
	if got := h.overREST(request, "everything"); got.Err != nil {
		t.Errorf("over REST: %+v", got.Err)
	}
	if calls := h.Simulator.Count("/importJson"); calls != 1 {
		t.Errorf("Loop was called %d times", calls)
	}
	if n := h.booked("FA-1"); n != 1 {
		t.Errorf("booked %d times", n)
	}

	if _, err := client.ImportEntries(ctx, importOf("FA-1", invoice("FA-1", "121"))); reasonOf(err) != "REQUEST_ID_REUSED" || status.Code(err) != codes.AlreadyExists {
		t.Errorf("other content under the id: %v", err)
	}
	if _, err := client.ImportEntries(as(t.Context(), "stranger"), importOf("FA-1", invoice("FA-1", "120"))); reasonOf(err) != "REQUEST_ID_REUSED" {
		t.Errorf("another caller under the id: %v", err)
	}
	if calls := h.Simulator.Count("/importJson"); calls != 1 {
		t.Errorf("Loop was called %d times in the end", calls)
	}
}

func TestTheSameContentUnderAnotherID(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	ctx := as(t.Context(), "everything")
	if _, err := client.ImportEntries(ctx, importOf("FA-1", invoice("FA-1", "120"))); err != nil {
		t.Fatal(err)
	}
	_, err := client.ImportEntries(ctx, importOf("FA-2", invoice("FA-1", "120")))
	got := failureOf(status.Convert(err))
	if got.Reason != "ENTRY_ALREADY_IMPORTED" || got.Metadata["requestId"] != "FA-1" {
		t.Errorf("got %+v; want ENTRY_ALREADY_IMPORTED naming FA-1", got)
	}
	_, err = client.ImportEntries(as(t.Context(), "stranger"), importOf("FA-3", invoice("FA-1", "120")))
	if got := failureOf(status.Convert(err)); got.Reason != "ENTRY_ALREADY_IMPORTED" || got.Metadata["requestId"] != "" || strings.Contains(got.Message, "FA-1") {
		t.Errorf("a caller who may not see the first: %+v", got)
	}
	meant := importOf("FA-4", invoice("FA-1", "120"))
	meant.AllowDuplicate = true
	if _, err := client.ImportEntries(ctx, meant); err != nil {
		t.Errorf("a duplicate that is meant: %v", err)
	}
	other := importOf("FA-5", invoice("FA-1", "120"))
	other.Dossier = "BIG00001"
	if _, err := client.ImportEntries(ctx, other); err != nil && reasonOf(err) == "ENTRY_ALREADY_IMPORTED" {
		t.Errorf("another dossier: %v", err)
	}
	if n := h.booked("FA-1"); n != 2 {
		t.Errorf("booked %d times; want the first and the one that is meant", n)
	}
}

// TestADuplicateOfWhatIsUncertainSaysToLookFirst: else "set allow_duplicate" would be how an invoice is booked twice.
func TestADuplicateOfWhatIsUncertainSaysToLookFirst(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	for id, says := range map[string]bool{"SIM-LOST-ANSWER-1": true, "FA-1": false} {
		_, err := client.ImportEntries(as(t.Context(), "everything"), importOf(id, invoice(id, "120")))
		if says != (reasonOf(err) == "OUTCOME_UNKNOWN") {
			t.Fatalf("%s: %v", id, err)
		}
		for caller, sees := range map[string]bool{"everything": true, "stranger": false} {
			_, err = client.ImportEntries(as(t.Context(), caller), importOf(id+"-"+caller, invoice(id, "120")))
			if got := failureOf(status.Convert(err)); got.Reason != "ENTRY_ALREADY_IMPORTED" || (len(got.Help) == 1 && strings.Contains(got.Help[0], "Loop before")) != (says && sees) {
				t.Errorf("%s, told to %s: %+v", id, caller, got)
			}
		}
	}
}

// TestTheSameContentInOtherWords: what Loop would get is the same, so it is the same content.
func TestTheSameContentInOtherWords(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	ctx := as(t.Context(), "everything")
	if _, err := client.ImportEntries(ctx, importOf("FA-0", invoice("FA-1", "120"))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*looppb.ImportEntriesRequest){
		"amounts with decimals": func(r *looppb.ImportEntriesRequest) { r.Entries[0] = invoice("FA-1", "120.00") },
		"euro said":             func(r *looppb.ImportEntriesRequest) { r.Entries[0].Lines[0].Currency = "EUR" },
		"euro, with amount and rate": func(r *looppb.ImportEntriesRequest) {
			l := r.Entries[0].Lines[0]
			l.Currency, l.CurrencyAmount, l.CurrencyRate = "EUR", "120", "1.0"
		},
		"the context said": func(r *looppb.ImportEntriesRequest) {
			r.Options = &looppb.ImportOptions{ContextStart: "2026-03-15", ContextEnd: "2026-03-15"}
		},
		"labels that need no cutting": func(r *looppb.ImportEntriesRequest) { r.Options = &looppb.ImportOptions{CutLabels: true} },
		"without preflight":           func(r *looppb.ImportEntriesRequest) { r.Options = &looppb.ImportOptions{SkipPreflight: true} },
	} {
		again := importOf("FA-0", invoice("FA-1", "120"))
		change(again)
		if _, err := client.ImportEntries(ctx, again); err != nil {
			t.Errorf("%s, the same id: %v", name, err)
		}
		again.RequestId = "FA-other"
		if _, err := client.ImportEntries(ctx, again); reasonOf(err) != "ENTRY_ALREADY_IMPORTED" {
			t.Errorf("%s, another id: %v", name, err)
		}
	}
	if n := h.booked("FA-1"); n != 1 {
		t.Errorf("booked %d times", n)
	}
}

// TestAListDoesNotTellOfWhatItHides: not even in its page token.
func TestAListDoesNotTellOfWhatItHides(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	own := importOf("OWN", invoice("OWN", "1"))
	if _, err := client.ImportEntries(as(t.Context(), "stranger"), own); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"SECRET-1", "SECRET-2"} {
		if _, err := client.ImportEntries(as(t.Context(), "everything"), importOf(id, invoice(id, "1"))); err != nil {
			t.Fatal(err)
		}
	}
	second := importOf("OWN-2", invoice("OWN-2", "1"))
	if _, err := client.ImportEntries(as(t.Context(), "stranger"), second); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for token := ""; ; {
		page, err := client.ListImports(as(t.Context(), "stranger"), &looppb.ListImportsRequest{Practice: "partner", Dossier: "-", PageSize: 1, PageToken: token})
		testkit.OK(t, err)
		for _, each := range page.GetImports() {
			ids = append(ids, each.GetRequestId())
		}
		token = page.GetNextPageToken()
		if raw, _ := base64.RawURLEncoding.DecodeString(token); bytes.Contains(raw, []byte("SECRET")) {
			t.Errorf("the page token tells %q", raw)
		}
		if token == "" {
			break
		}
	}
	if fmt.Sprint(ids) != "[OWN-2 OWN]" {
		t.Errorf("listed %v", ids)
	}
}

// TestALongListFitsAnAnswer: pages end before they grow too large for a gRPC client's default.
func TestALongListFitsAnAnswer(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	const imports = 60
	for i := range imports {
		request := importOf(fmt.Sprint("L-", i))
		request.Options = &looppb.ImportOptions{CutLabels: true}
		for j := range 60 {
			entry := invoice(fmt.Sprintf("L-%d-%d", i, j), "1")
			for _, line := range entry.Lines {
				line.Label = strings.Repeat("é", 200)
			}
			request.Entries = append(request.Entries, entry)
		}
		if _, err := client.ImportEntries(as(t.Context(), "everything"), request); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for token := ""; ; {
		page, err := client.ListImports(as(t.Context(), "everything"), &looppb.ListImportsRequest{Practice: "partner", Dossier: "-", PageSize: 1000, PageToken: token})
		testkit.OK(t, err)
		for _, each := range page.GetImports() {
			seen[each.GetRequestId()]++
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(seen) != imports {
		t.Errorf("%d imports; want %d", len(seen), imports)
	}
}

func TestAnImportIsFollowedAndListed(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	ctx := as(t.Context(), "everything")
	for _, reference := range []string{"FA-1", "SIM-FAIL-LATE-1"} {
		if _, err := client.ImportEntries(ctx, importOf(reference, invoice(reference, "1"))); err != nil {
			t.Fatal(err)
		}
	}
	for reference, want := range map[string]looppb.ImportState{
		"FA-1": looppb.ImportState_IMPORT_STATE_SUCCEEDED, "SIM-FAIL-LATE-1": looppb.ImportState_IMPORT_STATE_FAILED,
	} {
		stream, err := client.WatchImport(ctx, &looppb.WatchImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: reference})
		testkit.OK(t, err)
		var last *looppb.Import
		for {
			message, err := stream.Recv()
			if err != nil {
				break
			}
			last = message.GetImportRecord()
		}
		if last.GetState() != want || last.GetNextPollTime() != nil {
			t.Errorf("%s ended as %v", reference, last)
		}
		if want == looppb.ImportState_IMPORT_STATE_FAILED && last.GetError().GetMessage() == "" {
			t.Errorf("%s failed without a word: %v", reference, last)
		}
	}
	for name, c := range map[string]struct {
		query *looppb.ListImportsRequest
		as    string
		want  []string
	}{
		"all, the latest first": {&looppb.ListImportsRequest{}, "everything", []string{"SIM-FAIL-LATE-1", "FA-1"}},
		"by state":              {&looppb.ListImportsRequest{States: []looppb.ImportState{looppb.ImportState_IMPORT_STATE_FAILED}}, "everything", []string{"SIM-FAIL-LATE-1"}},
		"by document reference": {&looppb.ListImportsRequest{DocumentReference: "FA-1"}, "everything", []string{"FA-1"}},
		"by another dossier":    {&looppb.ListImportsRequest{Dossier: "BIG00001"}, "everything", nil},
		"by another caller":     {&looppb.ListImportsRequest{Caller: "stranger"}, "everything", nil},
		"to who may not read":   {&looppb.ListImportsRequest{}, "stranger", nil},
	} {
		c.query.Practice, c.query.Dossier = "partner", cmp.Or(c.query.GetDossier(), "-")
		got, err := client.ListImports(as(t.Context(), c.as), c.query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var ids []string
		for _, each := range got.GetImports() {
			ids = append(ids, each.GetRequestId())
		}
		if fmt.Sprint(ids) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v; want %v", name, ids, c.want)
		}
	}
	if _, err := client.GetImport(as(t.Context(), "stranger"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"}); reasonOf(err) != "IMPORT_UNKNOWN" {
		t.Errorf("to who may not read: %v", err)
	}
	_, _, operations := h.Server.Addresses()
	if _, metrics := h.get("http://" + operations.String() + "/metrics"); !strings.Contains(metrics, `ledger_submissions{state="FAILED"} 1`) || !strings.Contains(metrics, `ledger_submissions{state="UNCERTAIN"} 0`) {
		t.Error("the metrics do not tell the states of the ledger")
	}
	page, err := client.ListImports(ctx, &looppb.ListImportsRequest{Practice: "partner", Dossier: "-", PageSize: 1})
	if err != nil || len(page.GetImports()) != 1 || page.GetNextPageToken() == "" {
		t.Fatalf("a page of one: %v, %v", page, err)
	}
	rest, err := client.ListImports(ctx, &looppb.ListImportsRequest{Practice: "partner", Dossier: "-", PageSize: 1, PageToken: page.GetNextPageToken()})
	if err != nil || len(rest.GetImports()) != 1 || rest.GetImports()[0].GetRequestId() != "FA-1" {
		t.Errorf("the rest: %v, %v", rest, err)
	}
}

// TestACallerWhoLeavesFindsTheOutcome: a deadline of 50 ms and a Loop that takes long.
func TestACallerWhoLeavesFindsTheOutcome(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewImportServiceClient(h.conn)
	request := importOf("FA-1", invoice("SIM-SLOW-1s-1", "5"))
	if _, err := client.ValidateEntries(as(t.Context(), "everything"), &looppb.ValidateEntriesRequest{
		Practice: request.GetPractice(), Dossier: request.GetDossier(), Entries: request.GetEntries(),
	}); err != nil { // so that preflight has read what it needs
		t.Fatal(err)
	}
	hurried, cancel := context.WithTimeout(as(t.Context(), "everything"), 50*time.Millisecond)
	defer cancel()
	if _, err := client.ImportEntries(hurried, request); status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("the hurried call: %v", err)
	}
	got, err := client.ImportEntries(as(t.Context(), "everything"), request)
	if err != nil || got.GetImportRecord().GetLoopRequestId() == "" {
		t.Errorf("the second call: %v, %v", got, err)
	}
	if calls := h.Simulator.Count("/importJson"); calls != 1 {
		t.Errorf("Loop was called %d times", calls)
	}
}

// writeRow is a fault of a write: what the caller is told, what may have been booked, and what a repeat does.
type writeRow struct {
	name         string
	fault        loopsim.Fault
	code, reason string
	state        looppb.ImportState
	booked       int  // of the first call alone
	resent       bool // whether the same id goes out again
}

func writeRows() []writeRow {
	const (
		notSent   = looppb.ImportState_IMPORT_STATE_NOT_SENT
		refused   = looppb.ImportState_IMPORT_STATE_REFUSED
		uncertain = looppb.ImportState_IMPORT_STATE_UNCERTAIN
	)
	fault := func(kind loopsim.FaultKind, change func(*loopsim.Fault)) loopsim.Fault {
		f := loopsim.Fault{Method: "POST", Route: "/importJson", Kind: kind}
		if change != nil {
			change(&f)
		}
		return f
	}
	answer := func(code int, after bool) loopsim.Fault {
		return fault(loopsim.FaultStatus, func(f *loopsim.Fault) { f.Status, f.After = code, after })
	}
	rows := []writeRow{
		{"refused in a 200", fault(loopsim.FaultErrorIn200, nil), "INVALID_ARGUMENT", "LOOP_REFUSED", refused, 0, true},
		{"cut before it is read", fault(loopsim.FaultCutBefore, nil), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 0, false},
		{"cut after it is booked", fault(loopsim.FaultCutAfter, nil), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 1, false},
		{"a cut answer", fault(loopsim.FaultTruncated, nil), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 1, false},
		{"HTML", fault(loopsim.FaultHTML, nil), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 0, false},
		{"nonsense", fault(loopsim.FaultNonsense, nil), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 0, false},
		{"a 200 with neither id nor error", fault(loopsim.FaultNonsense, func(f *loopsim.Fault) { f.Body = "{}" }), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 0, false},
		{"no answer", fault(loopsim.FaultHang, nil), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 0, false},
		{"no answer, and booked", fault(loopsim.FaultHang, func(f *loopsim.Fault) { f.After = true }), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 1, false},
	}
	for _, status := range []int{302, 400, 409, 500, 502, 503, 504} {
		rows = append(rows, writeRow{fmt.Sprint("HTTP ", status), answer(status, false), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 0, false})
	}
	rows = append(rows, writeRow{"HTTP 503, and booked", answer(503, true), "UNKNOWN", "OUTCOME_UNKNOWN", uncertain, 1, false})
	for status, told := range map[int][2]string{
		401: {"FAILED_PRECONDITION", "LOOP_CREDENTIAL_REJECTED"}, 403: {"PERMISSION_DENIED", "DOSSIER_NOT_SHARED"},
		404: {"NOT_FOUND", "OBJECT_UNKNOWN"}, 413: {"INVALID_ARGUMENT", "LOOP_REFUSED"}, 429: {"RESOURCE_EXHAUSTED", "LOOP_QUOTA"},
	} {
		f := answer(status, false)
		f.Form = loopsim.FormService
		rows = append(rows, writeRow{fmt.Sprint("turned away with HTTP ", status), f, told[0], told[1], notSent, 0, true})
	}
	return rows
}

// TestFaultTableOfWrites: no fault makes a write go out twice, and none hides what became of it.
func TestFaultTableOfWrites(t *testing.T) {
	for _, row := range writeRows() {
		for _, transport := range []string{"gRPC", "REST"} {
			t.Run(row.name+"/"+transport, func(t *testing.T) {
				t.Parallel()
				runWriteFault(t, row, func(h *harness) faultRun {
					return faultRun{
						"/importJson",
						func() outcome {
							return h.over(transport, "ImportService.ImportEntries", "everything", importOf("FA-1", invoice("FA-1", "120")))
						},
						func() (fmt.Stringer, string) {
							got := h.imported("FA-1")
							return got.GetState(), got.GetError().GetReason()
						},
						func() int { return h.booked("FA-1") },
					}
				})
			})
		}
	}
}

// faultRun is a write that meets the faults: what it sends, what the ledger says of it, and how often Loop carried it out.
type faultRun struct {
	route    string
	send     func() outcome
	recorded func() (state fmt.Stringer, reason string)
	done     func() int
}

func runWriteFault(t *testing.T, row writeRow, open func(h *harness) faultRun) {
	h := start(t, func(cfg *sandbox.Config) {
		if row.fault.Kind == loopsim.FaultHang {
			cfg.Tune = func(c *cegidclient.Config) { quick(c); c.Retry.SubmissionTimeout = attemptTimeout }
		}
	})
	run := open(h)
	row.fault.Route = run.route
	h.Simulator.Inject(row.fault)
	got := run.send()
	if got.Err == nil || got.Err.Code != row.code || got.Err.Reason != row.reason || got.Err.Metadata["state"] == "" {
		t.Fatalf("told %+v; want %s %s", got.Err, row.code, row.reason)
	}
	if run.route == "/storeDocument" && strings.Contains(strings.Join(got.Err.Help, " "), "entries") {
		t.Errorf("the help speaks of entries: %v", got.Err.Help)
	}
	_, want, _ := strings.Cut(row.state.String(), "_")
	if state, reason := run.recorded(); !strings.HasSuffix(state.String(), "_"+want) || reason != row.reason {
		t.Errorf("the ledger says %v for %s; want %s for %s", state, reason, want, row.reason)
	}
	if calls, n := h.Simulator.Count(run.route), run.done(); calls != 1 || n != row.booked {
		t.Errorf("Loop was called %d times, and has carried it out %d times; want once and %d", calls, n, row.booked)
	}

	h.Simulator.ClearFaults()
	again := run.send()
	wantCalls, wantDone := 1, row.booked
	if row.resent {
		wantCalls, wantDone = 2, 1
		if again.Err != nil {
			t.Errorf("the same id again: %+v; want it accepted", again.Err)
		}
	} else if again.Err == nil || again.Err.Reason != row.reason {
		t.Errorf("the same id again: %+v; want the error that it ended with", again.Err)
	}
	if calls, n := h.Simulator.Count(run.route), run.done(); calls != wantCalls || n != wantDone {
		t.Errorf("after the repeat Loop was called %d times and has carried it out %d times; want %d and %d", calls, n, wantCalls, wantDone)
	}
}

// TestAWriteThatIsTurnedAwaySaysWhatAReadWould: the cure, and what Loop's support asks for; the same when it is repeated.
func TestAWriteThatIsTurnedAwaySaysWhatAReadWould(t *testing.T) {
	h := start(t, nil)
	testkit.OK(t, h.Simulator.SetAttached("partner", loopsim.Standard, "DOSSIER_TEST", false))
	request := importOf("FA-1", invoice("FA-1", "120"))
	request.Options = &looppb.ImportOptions{SkipPreflight: true}
	read := h.overGRPC(t.Context(), method(t, "ReferenceDataService.GetAccount"), "everything",
		&looppb.GetAccountRequest{Practice: "partner", Dossier: "DOSSIER_TEST", Number: "60700000"}).Err
	if read == nil || read.Reason != "DOSSIER_NOT_SHARED" || len(read.Help) == 0 {
		t.Fatalf("a read is told %+v", read)
	}
	for range 2 {
		write := h.overGRPC(t.Context(), method(t, "ImportService.ImportEntries"), "everything", request).Err
		if write == nil || write.Reason != read.Reason || !slices.Equal(write.Help, append(slices.Clone(read.Help), "Nothing was booked. Send the same request_id again.")) {
			t.Fatalf("a write is told %+v; want the help of %+v", write, read)
		}
		for name, want := range map[string]string{"operation": "import_entries", "state": "NOT_SENT", "code": read.Metadata["code"], "httpStatus": "403"} {
			if got := write.Metadata[name]; got != want || got == "" {
				t.Errorf("%s is %q; want %q", name, got, want)
			}
		}
		for _, name := range []string{"requestId", "instanceId"} {
			if write.Metadata[name] == "" {
				t.Errorf("no %s in %v", name, write.Metadata)
			}
		}
	}
}

// TestAWriteThatCannotBeSentIsNotSent: Loop is not there at all.
func TestAWriteThatCannotBeSentIsNotSent(t *testing.T) {
	h := start(t, func(cfg *sandbox.Config) {
		cfg.Tune = func(c *cegidclient.Config) { quick(c); c.BaseURL = "http://127.0.0.1:1/nobody" }
	})
	client := looppb.NewImportServiceClient(h.conn)
	request := importOf("FA-1", invoice("FA-1", "120"))
	request.Options = &looppb.ImportOptions{SkipPreflight: true}
	_, err := client.ImportEntries(as(t.Context(), "everything"), request)
	if got := failureOf(status.Convert(err)); got.Code != "UNAVAILABLE" || got.Reason != "LOOP_UNAVAILABLE" {
		t.Errorf("told %+v", got)
	}
	record, err := client.GetImport(as(t.Context(), "everything"), &looppb.GetImportRequest{Practice: "partner", Dossier: "DOSSIER_TEST", RequestId: "FA-1"})
	if err != nil || record.GetImportRecord().GetState() != looppb.ImportState_IMPORT_STATE_NOT_SENT {
		t.Errorf("the ledger says %v, %v", record, err)
	}
}

// TestEveryFindingThatStopsAnImportIsAReason: an error's reason is a value of the contract's enum.
func TestEveryFindingThatStopsAnImportIsAReason(t *testing.T) {
	for _, rule := range check.Codes() {
		_, known := looppb.ErrorReason_value["ERROR_REASON_"+rule.Code]
		if known != (rule.Severity == check.Error) {
			t.Errorf("%s (%s): in ErrorReason: %t", rule.Code, rule.Severity, known)
		}
	}
}
