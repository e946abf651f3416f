package submission

import (
	"encoding/hex"
	"slices"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

// plainImport says no more than it must.
func plainImport() *Entries {
	return &Entries{Request: Request{Key: ledger.Key{Dossier: "CEGID001"}}, Content: cegidclient.EntryImport{Entries: []cegidclient.Entry{
		{
			Journal: "ACH", Date: "2026-03-15", Reference: "FA-1", DocumentReference: "FA-1",
			Lines: []cegidclient.EntryLine{
				{Account: "60700000", Label: "Achat", Debit: "100"},
				{Account: "44566000", Label: "TVA", Debit: "20.00"},
				{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "Fournisseur", Credit: "0120.0"},
			},
		},
		{
			Journal: "ACH", Date: "2026-03-02", Reference: "FA-2",
			Lines: []cegidclient.EntryLine{{Account: "6", Label: "a", Debit: "1"}, {Account: "4", Label: "b", Credit: "1"}},
		},
	}}}
}

// fullImport has a value in every field that the fingerprint is made of.
func fullImport() *Entries {
	return &Entries{Request: Request{Key: ledger.Key{Dossier: "CEGID001"}}, CutLabels: true, Content: cegidclient.EntryImport{
		SIRET: "90000000100017",
		Options: cegidclient.ImportOptions{
			MultiPeriod: true, CreateJournals: true, CreateAccounts: true, CreateThirdParties: true,
			DefaultJournalID: "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90", DefaultAccountID: "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d91",
			SortLines: true, NewFolio: true, OpeningBalances: new(false), CreateDocumentReference: true,
			ContextStart: "2026-01-01",
		},
		Entries: []cegidclient.Entry{{
			Journal: "VTE", JournalLabel: "Ventes", Date: "2026-02-28", Reference: "R", DocumentReference: "D", DocumentDate: "2026-02-27",
			MovementType: cegidclient.MovementForecast, Batch: "b", BatchType: cegidclient.BatchQuickBooks, ParentEntry: "p", OriginEntry: "o",
			Lines: []cegidclient.EntryLine{
				{
					Account: "41100000", AccountLabel: "Clients", ThirdParty: "CEXEMPLE", Label: "A label of more than thirty-five characters, é", Comment: "note", Debit: "0110.50",
					Currency: "USD", CurrencyAmount: "120.1230", CurrencyRate: "01.0870", OperationDate: "2026-02-26", DueDate: "2026-03-31",
					CutoffStart: "2026-01-01", CutoffEnd: "2026-12-31", ReconciliationDate: "2026-03-01", ReconciliationCode: "r",
					LetteringCode: "AA", LetteringDate: "2026-03-02", PaymentMode: cegidclient.PaymentTransfer, LineType: cegidclient.LineForecast,
					SIRET: "90000000100025", AttachmentURL: "https://files.example.com/f?sig=1",
					Analytics: []cegidclient.AnalyticSplit{{Axis: "CENTRE", Section: "ATN", Amount: "100.00"}, {Axis: "CENTRE", Section: "ATS", Amount: "10.50"}},
				},
				{Account: "70700000", Label: "Vente", Credit: "110.5", Currency: "EUR", CurrencyAmount: "110.50", CurrencyRate: "1.000"},
			},
		}},
	}}
}

// TestFingerprintsOfSchemeOneStay: rows of the ledger hold them, and a repeat must be known as one. The values are those of
// the code that first wrote them.
func TestFingerprintsOfSchemeOneStay(t *testing.T) {
	with := func(request *Entries, change func(*Entries)) *Entries {
		change(request)
		return request
	}
	for _, c := range []struct {
		name    string
		request *Entries
		want    string
	}{
		{"no more than it must", plainImport(), "de77403d9ec22b8e4e1d082bd85fb4ac402afda67aa555a6f3a3a1896718b39d"},
		{"every field", fullImport(), "f7bbd5ce3c68eb33d43c02a5929ade0c1b8921c2cdafc23f495a35bc855c6b7c"},
		{"several periods", with(plainImport(), func(r *Entries) {
			r.Content.Options = cegidclient.ImportOptions{MultiPeriod: true}
		}), "099aac47ed357f4b38a7220407bfa764772a3fac39b7721a7c8ae86953a4a976"},
		{"several periods within a context", with(plainImport(), func(r *Entries) {
			r.Content.Options = cegidclient.ImportOptions{MultiPeriod: true, ContextEnd: "2026-12-31"}
		}), "f0c1523e56a882a27e731d44fd6337259d84889e6a127f0b069e2515b1cb1bf1"},
		{"a movement type that says the same as none", with(plainImport(), func(r *Entries) {
			r.Content.Entries[0].MovementType = cegidclient.MovementGeneral
			r.Content.Entries[0].Lines[0].LineType = cegidclient.LineGeneral
		}), "e2ee55c0fca1af9e5fa5e4a33746bba42a9e464e0ae3754f09eecddd4eaa4770"},
		{"a currency", with(plainImport(), func(r *Entries) {
			r.Content.Entries[1].Lines[0].Currency, r.Content.Entries[1].Lines[0].CurrencyAmount, r.Content.Entries[1].Lines[0].CurrencyRate = "CHF", "1.1", "1.1"
		}), "c90ca2dfba42774c0782f8bff239e7e4ac341a092d846fa9c44a85371134247f"},
		{"labels left whole", with(fullImport(), func(r *Entries) { r.CutLabels = false }), "d667136c449437df818ea28b368c4cc8296beb03533d51f28a1b2329da1e477c"},
		{"opening balances as Loop does", with(plainImport(), func(r *Entries) {
			r.Content.Options = cegidclient.ImportOptions{OpeningBalances: new(true), ContextStart: "2026-03-02", ContextEnd: "2026-03-15"}
		}), "de77403d9ec22b8e4e1d082bd85fb4ac402afda67aa555a6f3a3a1896718b39d"},
	} {
		c.request.cut()
		got := fingerprint(c.request.Dossier, &c.request.Content)
		if got.Scheme != 1 || hex.EncodeToString(got.Sum[:]) != c.want {
			t.Errorf("%s: %d:%x", c.name, got.Scheme, got.Sum)
		}
	}
}

// TestWhatIsIgnoredIsNoPartOfAnImport: it says how to check, so that a repeat with another list is a repeat.
func TestWhatIsIgnoredIsNoPartOfAnImport(t *testing.T) {
	for _, request := range []*Entries{plainImport(), fullImport()} {
		before := (&Writer{}).entries(Practice{}, *request).submission.Fingerprints
		request.IgnoredFindings, request.SkipPreflight = []string{"VAT_RATE_UNKNOWN"}, true
		if after := (&Writer{}).entries(Practice{}, *request).submission.Fingerprints; !slices.Equal(after, before) {
			t.Errorf("%v, and without %v", after, before)
		}
	}
}
