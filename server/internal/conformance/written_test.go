package conformance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/sandbox"
)

// TestAWriteTakesEffectOnceWhateverLoopAnswers: each fault strikes the write once, before or after it took effect. The
// caller repeats the call as it is until it has a definite answer. An answer that says it is done is never wrong, and the
// write is never done twice.
func TestAWriteTakesEffectOnceWhateverLoopAnswers(t *testing.T) {
	for _, row := range faultRows() {
		if row.deadline > 0 || row.name == "none" || row.name == "a slow body" {
			continue
		}
		for _, after := range []bool{false, true} {
			if after && row.fault.Kind == loopsim.FaultCutBefore {
				continue
			}
			name := row.name + ", before it took effect"
			if after {
				name = row.name + ", after it took effect"
			}
			hangs := row.fault.Kind == loopsim.FaultHang
			begin := func(t *testing.T, method, route string) (*harness, looppb.ReferenceDataServiceClient) {
				h := start(t, func(cfg *sandbox.Config) {
					if hangs {
						cfg.Tune = impatientWriter
					}
				})
				fault := row.fault
				fault.Method, fault.Route, fault.Times, fault.After = method, route, 1, after
				fault.RetryAfter = 0 // the caller repeats at once
				h.Simulator.Inject(fault)
				return h, looppb.NewReferenceDataServiceClient(h.conn)
			}
			t.Run("a creation/"+name, func(t *testing.T) {
				t.Parallel()
				_, client := begin(t, "POST", "/compte")
				there := func() int {
					got, err := client.ListAccounts(authorized(t.Context()), &looppb.ListAccountsRequest{Practice: "demo", Dossier: "CEGID001", Filter: `number = "60710000"`})
					testkit.OK(t, err)
					return len(got.GetAccounts())
				}
				request := &looppb.CreateAccountRequest{Practice: "demo", Dossier: "CEGID001", Number: "60710000", Label: "Exemple"}
				for attempt := 1; ; attempt++ {
					got, err := client.CreateAccount(authorized(t.Context()), request)
					done := there()
					if err == nil && (done != 1 || got.GetAccount().GetObjectId() == "") || done > 1 {
						t.Fatalf("attempt %d answered %v, %v with %d accounts there", attempt, got, err, done)
					}
					if err == nil {
						break
					}
					if reasonOf(err) == "OBJECT_EXISTS" && attempt > 1 {
						break
					}
					mayRepeat(t, attempt, err)
				}
				if n := there(); n != 1 {
					t.Errorf("%d accounts in the end", n)
				}
			})
			t.Run("a change/"+name, func(t *testing.T) {
				t.Parallel()
				h, client := begin(t, "PUT", "/DossierComplet")
				read := func() *looppb.LegalIdentity {
					got, err := client.GetLegalIdentity(authorized(t.Context()), &looppb.GetLegalIdentityRequest{Practice: "demo", Dossier: "CEGID001"})
					testkit.OK(t, err)
					return got.GetLegalIdentity()
				}
				before := read()
				request := &looppb.UpdateLegalIdentityRequest{
					Practice: "demo", Dossier: "CEGID001", Revision: before.GetRevision(), LegalForm: "SA", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"legal_form"}},
				}
				for attempt := 1; ; attempt++ {
					got, err := client.UpdateLegalIdentity(authorized(t.Context()), request)
					now := read()
					if err == nil {
						if now.GetLegalForm() != "SA" || now.GetRevision() != got.GetLegalIdentity().GetRevision() {
							t.Fatalf("attempt %d answered %v, and Loop holds %v", attempt, got, now)
						}
						break
					}
					if reasonOf(err) == "REVISION_STALE" && attempt > 1 && now.GetLegalForm() == "SA" {
						break
					}
					mayRepeat(t, attempt, err)
				}
				if n := h.Simulator.Count("PUT /DossierComplet"); n > 2 {
					t.Errorf("%d changes were sent", n)
				}
			})
		}
	}
}

// mayRepeat fails the test when the error is none of a write that a fault struck once, or comes again without it.
func mayRepeat(t *testing.T, attempt int, err error) {
	t.Helper()
	struck := []string{
		"LOOP_UNAVAILABLE", "LOOP_QUOTA", "LOOP_CREDENTIAL_REJECTED", "DOSSIER_NOT_SHARED", "LOOP_BAD_RESPONSE", "LOOP_REFUSED", "OUTCOME_UNKNOWN",
	}
	if attempt > 1 || !slices.Contains(struck, reasonOf(err)) {
		t.Fatalf("attempt %d answers %v", attempt, err)
	}
}

// TestAWriteOfUnknownOutcomeSaysThatItMayBeRepeated: without a request_id, the sentence is all that a caller has.
func TestAWriteOfUnknownOutcomeSaysThatItMayBeRepeated(t *testing.T) {
	h := start(t, nil)
	h.Simulator.Inject(loopsim.Fault{Method: "POST", Route: "/journal", Kind: loopsim.FaultCutBefore})
	_, err := looppb.NewReferenceDataServiceClient(h.conn).CreateJournal(authorized(t.Context()),
		&looppb.CreateJournalRequest{Practice: "demo", Dossier: "CEGID001", Code: "VT2", Label: "x", Type: looppb.JournalType_JOURNAL_TYPE_SALE})
	if status.Code(err) != codes.Unknown {
		t.Fatal(err)
	}
	for _, detail := range status.Convert(err).Details() {
		if help, ok := detail.(*errdetails.Help); ok && strings.Contains(help.GetLinks()[0].GetDescription(), "Repeat the call as it is") {
			return
		}
	}
	t.Errorf("no help: %v", status.Convert(err).Details())
}

// TestWhoCreatesAnAccountMayBookOnItAtOnce: what imports are checked against is at most a minute old, and must not deny
// what this service has just made.
func TestWhoCreatesAnAccountMayBookOnItAtOnce(t *testing.T) {
	h := start(t, nil)
	ctx := authorized(t.Context())
	entry := invoice("NEW-1", "120")
	entry.Journal, entry.Lines[0].Account = "AC2", "60710000"
	imports := looppb.NewImportServiceClient(h.conn)
	if _, err := imports.ImportEntries(ctx, importOf("NEW-1", entry)); reasonOf(err) != "JOURNAL_UNKNOWN" {
		t.Fatal(err)
	}
	client := looppb.NewReferenceDataServiceClient(h.conn)
	if _, err := client.CreateAccount(ctx, &looppb.CreateAccountRequest{Practice: "partner", Dossier: "DOSSIER_TEST", Number: "60710000", Label: "Exemple"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateJournal(ctx, &looppb.CreateJournalRequest{
		Practice: "partner", Dossier: "DOSSIER_TEST", Code: "AC2", Label: "Exemple", Type: looppb.JournalType_JOURNAL_TYPE_PURCHASE,
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := imports.ImportEntries(ctx, importOf("NEW-1", entry)); err != nil {
		t.Fatal(err)
	}
	if n := h.booked("NEW-1"); n != 1 {
		t.Errorf("booked %d times", n)
	}
}

// TestTheAuditNotesWritesWithoutTheirContent: who, what and where, also of one that was refused.
func TestTheAuditNotesWritesWithoutTheirContent(t *testing.T) {
	h := start(t, nil)
	client := looppb.NewReferenceDataServiceClient(h.conn)
	create := &looppb.CreateAccountRequest{Practice: "demo", Dossier: "CEGID001", Number: "60719999", Label: "Canari"}
	update := &looppb.UpdateLegalIdentityRequest{
		Practice: "demo", Dossier: "CEGID001", Revision: "0x0000000000ABCDEF", Siren: "356000000", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"siren"}},
	}
	if _, err := client.CreateAccount(authorized(t.Context()), create); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateLegalIdentity(authorized(t.Context()), update); reasonOf(err) != "REVISION_STALE" {
		t.Fatal(err)
	}
	if _, err := client.CreateAccount(as(t.Context(), "reader"), create); reasonOf(err) != "CALLER_NOT_ALLOWED" {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(h.log.String()) {
		var record map[string]any
		testkit.OK(t, json.Unmarshal([]byte(line), &record))
		if record["msg"] != "audit" {
			continue
		}
		method, _ := record["method"].(string)
		_, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
		code, _ := record["code"].(string)
		seen[record["event"].(string)+" "+name+" "+code+" "+record["caller"].(string)+" "+record["dossier"].(string)]++
	}
	for _, want := range []string{
		"done CreateAccount OK everything CEGID001", "done UpdateLegalIdentity Aborted everything CEGID001", "refused CreateAccount  reader CEGID001",
	} {
		if seen[want] != 1 {
			t.Errorf("%q is %d times in the audit: %v", want, seen[want], seen)
		}
	}
	for _, content := range []string{"60719999", "Canari", "356000000", "ABCDEF"} {
		if strings.Contains(h.log.String(), content) {
			t.Errorf("the log holds %s", content)
		}
	}
}
