package cegidclient_test

import (
	"errors"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/internal/testkit"
)

func purchase(reference string) cegidclient.EntryImport {
	return cegidclient.EntryImport{Entries: []cegidclient.Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: reference, DocumentReference: reference,
		Lines: []cegidclient.EntryLine{
			{Account: "60700000", Label: "Achat d'exemple", Debit: "100"},
			{Account: "44566000", Label: "TVA 20 %", Debit: "20.00"},
			{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Fournisseur Exemple", DueDate: "2026-04-14", Credit: "120", PaymentMode: cegidclient.PaymentTransfer},
		},
	}}}
}

func TestImportsOfTheSimulatorEndAsTheirOutcomeSays(t *testing.T) {
	for _, tc := range []struct {
		reference string
		outcome   cegidclient.WriteOutcome
		state     cegidclient.ImportState
		booked    int
	}{
		{"FA-1", cegidclient.WriteAccepted, cegidclient.StatusSucceeded, 1},
		{"SIM-FAIL-LATE", cegidclient.WriteAccepted, cegidclient.StatusFailed, 0},
		{"SIM-STUCK", cegidclient.WriteAccepted, cegidclient.StatusWaiting, 0},
		{"SIM-STATUS-25", cegidclient.WriteAccepted, cegidclient.StatusUnknown, 1},
		{"SIM-REFUSE", cegidclient.WriteRefused, 0, 0},
		{"SIM-429", cegidclient.WriteNotSent, 0, 0},
		{"SIM-503", cegidclient.WriteUncertain, 0, 0},
		{"SIM-503-BOOKED", cegidclient.WriteUncertain, 0, 1},
		{"SIM-LOST-ANSWER", cegidclient.WriteUncertain, 0, 1},
		{"SIM-CUT-BEFORE", cegidclient.WriteUncertain, 0, 0},
		{"SIM-SLOW-2s", cegidclient.WriteUncertain, 0, 1}, // the time-out of the submission comes first
	} {
		t.Run(tc.reference, func(t *testing.T) {
			t.Parallel()
			client, sim := simulated(t, func(cfg *cegidclient.Config) { cfg.Retry.SubmissionTimeout = 300 * time.Millisecond })
			id, err := client.Imports.Submit(t.Context(), "DOSSIER_TEST", purchase(tc.reference))
			if got := cegidclient.OutcomeOf(err); got != tc.outcome || (id != "") != (err == nil) {
				t.Fatalf("%s: %v", got, err)
			}
			if n := sim.Count("/importJson"); n != 1 {
				t.Errorf("%d requests", n)
			}
			sim.FinishImports()
			if id != "" {
				status, err := client.Imports.Status(t.Context(), id)
				if err != nil || status.State != tc.state || status.Raw == "" {
					t.Errorf("%+v, %v", status, err)
				}
			}
			booked := 0
			for _, record := range sim.Imports() {
				booked += len(record.Entries)
				if len(record.Unknown) > 0 {
					t.Errorf("the body holds %q, which no page shows", record.Unknown)
				}
			}
			if booked != tc.booked {
				t.Errorf("%d entries were booked, want %d", booked, tc.booked)
			}
		})
	}
}

func TestTheSimulatorsReferenceDataServesPreflight(t *testing.T) {
	client, _ := simulated(t, func(cfg *cegidclient.Config) { cfg.Unverified = []string{"import_json_analytics"} })
	ctx, options := t.Context(), cegidclient.ListOptions{}
	var ref check.Reference
	journals, err1 := client.Journals.List(ctx, "DOSSIER_TEST", cegidclient.ListOptions{Take: 1000})
	accounts, err2 := client.Accounts.List(ctx, "DOSSIER_TEST", cegidclient.ListOptions{Take: 1000})
	sections, err3 := client.Sections.List(ctx, "DOSSIER_TEST", options)
	testkit.OK(t, errors.Join(err1, err2, err3))
	ref.ThirdParties = map[cegidclient.ThirdPartyKind]*check.Index[cegidclient.ThirdParty]{}
	for kind, s := range map[cegidclient.ThirdPartyKind]*cegidclient.Lister[cegidclient.ThirdParty]{
		cegidclient.ThirdPartyCustomer: client.Customers, cegidclient.ThirdPartySupplier: client.Suppliers,
		cegidclient.ThirdPartyEmployee: client.Employees, cegidclient.ThirdPartyOther: client.OtherThirdParties,
	} {
		page, err := s.List(ctx, "DOSSIER_TEST", options)
		testkit.OK(t, err)
		ref.ThirdParties[kind] = check.IndexThirdParties(page.Items)
	}
	ref.Journals, ref.Accounts = check.IndexJournals(journals.Items), check.IndexAccounts(accounts.Items)
	ref.Sections = check.IndexSections(sections.Items)

	in := purchase("FA-2")
	if found, totals := check.Entries(in); len(found) != 0 || totals.Debit != "120.00" {
		t.Errorf("%+v, %+v", found, totals)
	}
	if found := check.Against(in, ref); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	in.Entries[0].Lines[0].Account, in.Entries[0].Lines[2].ThirdParty = "607", "FEXEMPLE1"
	found := check.Against(in, ref)
	if len(found) != 2 || found[0].Suggestions[0] != "60700000" || found[1].Suggestions[0] != "FEXEMPLE" {
		t.Errorf("%+v", found)
	}
	in = purchase("FA-3")
	for i, s := range sections.Items {
		if s.Closed != nil && !*s.Closed {
			in.Entries[0].Lines[0].Analytics = []cegidclient.AnalyticSplit{{Axis: s.Axis.Description, Section: *sections.Items[i].Code, Amount: "100"}}
			break
		}
	}
	if found := check.Against(in, ref); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	if _, err := client.Imports.Submit(ctx, "DOSSIER_TEST", in); err != nil {
		t.Error(err)
	}
}
