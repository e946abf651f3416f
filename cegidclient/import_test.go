package cegidclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const acceptedBody = `{"accountingImportRequestId":"3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90"}`

func purchase() EntryImport {
	return EntryImport{Entries: []Entry{{
		Journal: "ACH", Date: "2026-03-15", Reference: "FA-2026-001", DocumentReference: "FA-2026-001",
		Lines: []EntryLine{
			{Account: "60700000", Label: "ACHAT EXEMPLE", Debit: "100", AttachmentURL: "https://files.example.com/fa-2026-001.pdf?token=EXAMPLE"},
			{Account: "44566000", Label: "TVA 20", Debit: "20"},
			{Account: "40100000", ThirdParty: "FEXEMPLE", Label: "FOURNISSEUR EXEMPLE", DueDate: "2026-04-14", PaymentMode: PaymentTransfer, Credit: "120"},
		},
	}}}
}

func body(t *testing.T, in EntryImport) string {
	t.Helper()
	b, err := appendImport(nil, "D000123456", &in)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b) {
		t.Fatalf("not JSON: %s", b)
	}
	return string(b)
}

func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	for text, v := range map[string]*any{got: &g, want: &w} {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(v); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The example of the documentation (loop-api: A 2.8), but for createNewTiers, which is false unless asked for.
func TestAnImportIsWrittenAsInLoopsExample(t *testing.T) {
	in := purchase()
	in.Options.ContextStart, in.Options.ContextEnd, in.Options.CreateThirdParties = "2026-03-01", "2026-03-31", true
	sameJSON(t, body(t, in), `{
  "codeIbs": "D000123456",
  "data": {
    "contexte": { "from": "2026-03-01T00:00:00.000Z", "to": "2026-03-31T00:00:00.000Z" },
    "options": {
      "separatorDecimal": ".", "formatDate": "YYYY-MM-DDTHH:mm:ss.SSSZ",
      "multiPeriode": false, "failOnUnbalanced": true, "balanceAuto": false,
      "createNewJournaux": false, "createNewComptes": false, "createNewTiers": true
    },
    "ecritures": [
      { "date": "2026-03-15T00:00:00.000Z", "journal": "ACH", "compte": "60700000",
        "libelle": "ACHAT EXEMPLE", "reference": "FA-2026-001", "refPiece": "FA-2026-001",
        "debit":  { "amount": 100, "currency": "EUR", "currencyAmount": 100, "currencyRate": "1.0" },
        "credit": { "amount": 0,   "currency": "EUR", "currencyAmount": 0,   "currencyRate": "1.0" },
        "fichier": { "uri": "https://files.example.com/fa-2026-001.pdf?token=EXAMPLE" } },
      { "date": "2026-03-15T00:00:00.000Z", "journal": "ACH", "compte": "44566000",
        "libelle": "TVA 20", "reference": "FA-2026-001", "refPiece": "FA-2026-001",
        "debit":  { "amount": 20, "currency": "EUR", "currencyAmount": 20, "currencyRate": "1.0" },
        "credit": { "amount": 0,  "currency": "EUR", "currencyAmount": 0,  "currencyRate": "1.0" } },
      { "date": "2026-03-15T00:00:00.000Z", "journal": "ACH", "compte": "40100000", "tiers": "FEXEMPLE",
        "libelle": "FOURNISSEUR EXEMPLE", "reference": "FA-2026-001", "refPiece": "FA-2026-001",
        "dateEcheance": "2026-04-14T00:00:00.000Z", "modePaiement": 5,
        "debit":  { "amount": 0,   "currency": "EUR", "currencyAmount": 0,   "currencyRate": "1.0" },
        "credit": { "amount": 120, "currency": "EUR", "currencyAmount": 120, "currencyRate": "1.0" } }
    ]
  }
}`)
}

// everything is an import with every field set.
func everything() EntryImport {
	no := false
	return EntryImport{
		SIRET: "90000000100017",
		Options: ImportOptions{
			CreateJournals: true, CreateAccounts: true, CreateThirdParties: true, DefaultJournalID: "j-1", DefaultAccountID: "a-1",
			SortLines: true, NewFolio: true, OpeningBalances: &no, CreateDocumentReference: true, ContextStart: "2026-01-01",
		},
		Entries: []Entry{
			{
				Journal: "VTE", JournalLabel: "Ventes", Date: "2026-02-28", Reference: `é"1`, DocumentReference: "F-1", DocumentDate: "2026-02-27",
				MovementType: MovementForecast, Batch: "b-1", BatchType: BatchQuickBooks, ParentEntry: "p-1", OriginEntry: "o-1",
				Lines: []EntryLine{
					{
						Account: "41100000", AccountLabel: "Clients", ThirdParty: "CEXEMPLE", Label: "Client", Comment: "note", Debit: "0110.50",
						Currency: "USD", CurrencyAmount: "120.1234", CurrencyRate: "1.0871", OperationDate: "2026-02-26", DueDate: "2026-03-31",
						CutoffStart: "2026-01-01", CutoffEnd: "2026-12-31", ReconciliationDate: "2026-03-01", ReconciliationCode: "r-1",
						LetteringCode: "AA", LetteringDate: "2026-03-02", PaymentMode: PaymentRemote, LineType: LineForecast, SIRET: "90000000100025",
						AttachmentURL: "https://files.example.com/f", Analytics: []AnalyticSplit{{"CENTRE", "ATN", "100"}, {"PROJET", "P1", "110.50"}, {"CENTRE", "ATS", "10.50"}},
					},
					{Account: "70700000", Label: "Vente", Credit: "110.50", Currency: "EUR"},
				},
			},
			{Journal: "VTE", Date: "2026-02-01", Lines: []EntryLine{{Debit: "000"}, {Credit: "9999999999999.99"}}},
		},
	}
}

const goldenImport = `{"codeIbs":"D000123456","SIRET":"90000000100017","data":{"contexte":{"from":"2026-01-01T00:00:00.000Z","to":"2026-02-28T00:00:00.000Z"},` +
	`"options":{"separatorDecimal":".","formatDate":"YYYY-MM-DDTHH:mm:ss.SSSZ","multiPeriode":false,"failOnUnbalanced":true,"balanceAuto":false,` +
	`"createNewJournaux":true,"createNewComptes":true,"createNewTiers":true,"defaultJournalId":"j-1","defaultCompte":"a-1","sortLines":true,"newFolio":true,"aNouveaux":false,"createPieceRef":true},` +
	`"ecritures":[{"date":"2026-02-28T00:00:00.000Z","journal":"VTE","journalLib":"Ventes","compte":"41100000","compteLib":"Clients","tiers":"CEXEMPLE","libelle":"Client",` +
	`"reference":"é\"1","refPiece":"F-1","commentaire":"note","debit":{"amount":110.50,"currency":"USD","currencyAmount":120.1234,"currencyRate":"1.0871"},` +
	`"credit":{"amount":0,"currency":"USD","currencyAmount":0,"currencyRate":"1.0871"},"dateJustif":"2026-02-27T00:00:00.000Z","debCutOff":"2026-01-01T00:00:00.000Z","finCutOff":"2026-12-31T00:00:00.000Z",` +
	`"dateOperation":"2026-02-26T00:00:00.000Z","dateEcheance":"2026-03-31T00:00:00.000Z","datePointage":"2026-03-01T00:00:00.000Z","codePointage":"r-1","codeLettrage":"AA","dateLettrage":"2026-03-02T00:00:00.000Z",` +
	`"modePaiement":11,"typeMouvement":"2","type":"3","lot":"b-1","typeLot":"4","ecritureMere":"p-1","ecritureOrigine":"o-1","SIRET":"90000000100025","fichier":{"uri":"https://files.example.com/f"},` +
	`"axeAna":{"CENTRE":[{"section":"ATN","debit":{"amount":100}},{"section":"ATS","debit":{"amount":10.50}}],"PROJET":[{"section":"P1","debit":{"amount":110.50}}]}},` +
	`{"date":"2026-02-28T00:00:00.000Z","journal":"VTE","journalLib":"Ventes","compte":"70700000","libelle":"Vente","reference":"é\"1","refPiece":"F-1",` +
	`"debit":{"amount":0,"currency":"EUR","currencyAmount":0,"currencyRate":"1.0"},"credit":{"amount":110.50,"currency":"EUR","currencyAmount":110.50,"currencyRate":"1.0"},` +
	`"dateJustif":"2026-02-27T00:00:00.000Z","typeMouvement":"2","lot":"b-1","typeLot":"4","ecritureMere":"p-1","ecritureOrigine":"o-1"},` +
	`{"date":"2026-02-01T00:00:00.000Z","journal":"VTE","debit":{"amount":0,"currency":"EUR","currencyAmount":0,"currencyRate":"1.0"},"credit":{"amount":0,"currency":"EUR","currencyAmount":0,"currencyRate":"1.0"}},` +
	`{"date":"2026-02-01T00:00:00.000Z","journal":"VTE","debit":{"amount":0,"currency":"EUR","currencyAmount":0,"currencyRate":"1.0"},"credit":{"amount":9999999999999.99,"currency":"EUR","currencyAmount":9999999999999.99,"currencyRate":"1.0"}}]}}`

func TestEveryFieldOfAnImportIsWrittenDigitForDigit(t *testing.T) {
	if got := body(t, everything()); got != goldenImport {
		t.Errorf("got  %s\nwant %s", got, goldenImport)
	}
	in := everything()
	forEachField(t, reflect.ValueOf(&in).Elem(), "")
}

// forEachField fails on a field of the example that is zero: a new field must come into the golden body.
func forEachField(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	for i := range v.NumField() {
		f, name := v.Field(i), path+"."+v.Type().Field(i).Name
		switch {
		case name == ".Options.MultiPeriod", name == ".Options.ContextEnd", name == ".Entries.Lines.Credit": // elsewhere in the tests
		case f.IsZero():
			t.Errorf("%s is not in the example", name)
		case f.Kind() == reflect.Slice:
			forEachField(t, f.Index(0), name)
		case f.Kind() == reflect.Struct:
			forEachField(t, f, name)
		}
	}
}

func TestTheContextIsComputedUnlessGiven(t *testing.T) {
	for _, tc := range []struct {
		name       string
		multi      bool
		start, end string
		want       string
	}{
		{"computed", false, "", "", `"contexte":{"from":"2026-02-01T00:00:00.000Z","to":"2026-02-28T00:00:00.000Z"}`},
		{"start given", false, "2026-01-01", "", `"contexte":{"from":"2026-01-01T00:00:00.000Z","to":"2026-02-28T00:00:00.000Z"}`},
		{"end given", false, "", "2026-12-31", `"contexte":{"from":"2026-02-01T00:00:00.000Z","to":"2026-12-31T00:00:00.000Z"}`},
		{"several periods", true, "", "", ""},
		{"several periods, end given", true, "", "2026-12-31", `"contexte":{"from":"2026-02-01T00:00:00.000Z","to":"2026-12-31T00:00:00.000Z"}`},
	} {
		in := everything()
		in.Options.MultiPeriod, in.Options.ContextStart, in.Options.ContextEnd = tc.multi, tc.start, tc.end
		got := body(t, in)
		if tc.want == "" && strings.Contains(got, "contexte") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s", tc.name, got)
		}
	}
}

func TestWhatCannotBeWrittenIsRefusedWithItsPath(t *testing.T) {
	line := func(f func(*EntryLine)) func(*EntryImport) {
		return func(in *EntryImport) { f(&in.Entries[0].Lines[1]) }
	}
	for field, change := range map[string]func(*EntryImport){
		"entries":                                 func(in *EntryImport) { in.Entries = nil },
		"entries[0].date":                         func(in *EntryImport) { in.Entries[0].Date = "2026-02-30" },
		"entries[0].document_date":                func(in *EntryImport) { in.Entries[0].DocumentDate = "15/03/2026" },
		"options.context_start":                   func(in *EntryImport) { in.Options.ContextStart = "2026" },
		"entries[0].reference":                    func(in *EntryImport) { in.Entries[0].Reference = "\xff" },
		"entries[0].lines[1].label":               line(func(l *EntryLine) { l.Label = "caf\xe9" }),
		"entries[0].lines[1].debit":               line(func(l *EntryLine) { l.Debit = "1,00" }),
		"entries[0].lines[1].credit":              line(func(l *EntryLine) { l.Debit, l.Credit = "", "1e3" }),
		"entries[0].lines[1].currency":            line(func(l *EntryLine) { l.CurrencyAmount = "1" }),
		"entries[0].lines[1].currency_amount":     line(func(l *EntryLine) { l.Currency = "USD" }),
		"entries[0].lines[1].due_date":            line(func(l *EntryLine) { l.DueDate = "x" }),
		"entries[0].lines[1].analytics":           line(func(l *EntryLine) { l.Analytics = []AnalyticSplit{{"", "S", "1"}} }),
		"entries[0].lines[1].analytics[1].amount": line(func(l *EntryLine) { l.Analytics = []AnalyticSplit{{"A", "S", "1"}, {"A", "T", ""}} }),
		"options.default_journal_id":              func(in *EntryImport) { in.Options.DefaultJournalID = "\xff" },
		"entries[0].lines[0].debit":               func(in *EntryImport) { in.Entries[0].Lines[0].Credit = "1" },
		"entries[0].lines[2].debit":               func(in *EntryImport) { in.Entries[0].Lines[2].Credit = "" },
		"entries[0].lines[0].currency_amount": func(in *EntryImport) {
			in.Entries[0].Lines[0].Currency, in.Entries[0].Lines[0].CurrencyAmount = "USD", "1.23456"
		},
		"entries[0].lines[0].analytics[0].section": func(in *EntryImport) { in.Entries[0].Lines[0].Analytics = []AnalyticSplit{{"A", "\xff", "1"}} },
		"entries[0].lines[0].attachment_url":       func(in *EntryImport) { in.Entries[0].Lines[0].AttachmentURL = "https://\xff" },
		"options.siret":                            func(in *EntryImport) { in.SIRET = "\xff" },
	} {
		c, w := testClient(t, reply(200, acceptedBody), func(cfg *Config) { cfg.Unverified = []string{"import_json_analytics"} })
		in := purchase()
		change(&in)
		_, err := c.Imports.Submit(t.Context(), "D1", in)
		e, _ := asError(err)
		if e == nil || e.Kind != KindInvalidArgument || e.Field != field || e.Operation != "import_entries" || OutcomeOf(err) != WriteNotSent || w.requests.Load() != 0 {
			t.Errorf("%s: %#v", field, err)
		}
	}
}

func TestAnImportIsSentToOneDossier(t *testing.T) {
	var got *http.Request
	var sent []byte
	c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		sent, _ = io.ReadAll(r.Body)
		reply(200, acceptedBody)(w, r)
	})
	id, err := c.Imports.Submit(t.Context(), "D000123456", purchase())
	if err != nil || id != "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90" {
		t.Fatal(id, err)
	}
	if got.Method != "POST" || got.URL.Path != "/loop-api-publiques/importJson" || got.URL.RawQuery != "" || got.Header.Get("Content-Type") != "application/json" || string(sent) != body(t, purchase()) {
		t.Errorf("%s %s %s", got.Method, got.URL, sent)
	}
	for _, dossier := range []string{"", "cabinet", "Cabinet"} {
		if _, err := c.Imports.Submit(t.Context(), dossier, purchase()); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", dossier, err)
		}
	}
	if w.requests.Load() != 1 {
		t.Errorf("%d requests", w.requests.Load())
	}
}

func TestAnalyticsAreSentOnRequestOnly(t *testing.T) {
	in := purchase()
	in.Entries[0].Lines[1].Analytics = []AnalyticSplit{{"CENTRE", "ATN", "20"}}
	c, w := testClient(t, reply(200, acceptedBody))
	_, err := c.Imports.Submit(t.Context(), "D1", in)
	e, _ := asError(err)
	if e == nil || e.Kind != KindUnverified || e.Operation != "import_json_analytics" || e.Field != "entries[0].lines[1].analytics" || e.Dossier != "D1" || !e.Local || OutcomeOf(err) != WriteNotSent || w.requests.Load() != 0 {
		t.Errorf("%#v", err)
	}
	c, w = testClient(t, reply(200, acceptedBody), func(cfg *Config) { cfg.Unverified = []string{"import_json_analytics"} })
	if _, err := c.Imports.Submit(t.Context(), "D1", in); err != nil || w.requests.Load() != 1 {
		t.Error(err)
	}
}

// TestWhichImportsMakeReferenceData: those whose options ask for it, and those with sections (loop-api: R 2.3).
func TestWhichImportsMakeReferenceData(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(*EntryImport)
		refersOnly bool
	}{
		"none":          {func(*EntryImport) {}, true},
		"journals":      {func(in *EntryImport) { in.Options.CreateJournals = true }, false},
		"accounts":      {func(in *EntryImport) { in.Options.CreateAccounts = true }, false},
		"third parties": {func(in *EntryImport) { in.Options.CreateThirdParties = true }, false},
		"sections": {func(in *EntryImport) {
			in.Entries[0].Lines[0].Analytics = []AnalyticSplit{{Axis: "AXE", Section: "SECA", Amount: "1"}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var sent, ended []bool
			c, _ := testClient(t, reply(200, acceptedBody), func(cfg *Config) {
				cfg.Unverified = []string{"import_json_analytics"}
				cfg.BeforeSend = func(_ context.Context, call *Call) error { sent = append(sent, call.RefersOnly); return nil }
				cfg.Ended = func(call *Call, _ error) { ended = append(ended, call.RefersOnly) }
			})
			in := purchase()
			tc.change(&in)
			if _, err := c.Imports.Submit(t.Context(), "CEGID001", in); err != nil {
				t.Fatal(err)
			}
			if want := []bool{tc.refersOnly}; !slices.Equal(sent, want) || !slices.Equal(ended, want) {
				t.Errorf("sent %v, ended %v; want %v", sent, ended, want)
			}
		})
	}
}

func TestTheStatusOfAnImportIsReadLeniently(t *testing.T) {
	for _, tc := range []struct {
		body  string
		state ImportState
		code  string
	}{
		{`{"status":1}`, StatusWaiting, "1"},
		{`{"status":2,"x":[1]}`, StatusRunning, "2"},
		{`{"status":"3"}`, StatusSucceeded, "3"},
		{`{"Status":" 4 "}`, StatusFailed, "4"},
		{`{"data":{"status":3}}`, StatusSucceeded, "3"},
		{`[{"status":3}]`, StatusSucceeded, "3"},
		{`{"data":[{"status":3}]}`, StatusSucceeded, "3"},
		{`{"status":20}`, StatusUnknown, "20"},
		{`{"status":-1}`, StatusUnknown, "-1"},
		{`{"status":"terminé"}`, StatusUnknown, "terminé"},
		{`{"status":4,"data":{"status":3}}`, StatusFailed, "4"},
		{`{"status":4,"error":{"message":"Compte inconnu","instanceId":"i-1"}}`, StatusFailed, "4"},
	} {
		var query string
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			query = r.URL.RawQuery
			reply(200, tc.body)(w, r)
		})
		got, err := c.Imports.Status(t.Context(), "3b0a 1&")
		if err != nil || got.State != tc.state || got.Code != tc.code || got.Raw != tc.body {
			t.Errorf("%s: %+v, %v", tc.body, got, err)
		}
		if got.State.Final() != (tc.code == "3" || strings.TrimSpace(tc.code) == "4") {
			t.Errorf("%s: final %t", tc.body, got.State.Final())
		}
		if strings.Contains(tc.body, "inconnu") != (got.Message == "Compte inconnu" && got.InstanceID == "i-1") {
			t.Errorf("%+v", got)
		}
		if query != "accountingImportRequestId=3b0a%201%26" {
			t.Error(query)
		}
	}
	for body, kind := range map[string]Kind{
		`{}`: KindBadResponse, `[]`: KindBadResponse, `3`: KindBadResponse, `{"status":null}`: KindBadResponse, `{"status":{}}`: KindBadResponse,
		`[{"status":3},{"status":4}]`: KindBadResponse, `{"status":3`: KindBadResponse, `{"status":3}x`: KindBadResponse, `<html>`: KindBadResponse, ``: KindBadResponse,
		`{"error":{"message":"inconnu"}}`: KindRefused, `[[[[[[{"status":3}]]]]]]`: KindBadResponse,
	} {
		c, _ := testClient(t, reply(200, body))
		if _, err := c.Imports.Status(t.Context(), "x"); !errors.Is(err, kind) {
			t.Errorf("%s: %v", body, err)
		}
	}
	c, w := testClient(t, script(reply(503, ``), reply(200, `{"status":1}`)), func(cfg *Config) { cfg.Retry.BaseDelay = time.Millisecond })
	if got, err := c.Imports.Status(t.Context(), "x"); err != nil || got.State != StatusWaiting || w.requests.Load() != 2 {
		t.Error("a read is tried again:", err)
	}
	if _, err := c.Imports.Status(t.Context(), ""); !errors.Is(err, ErrInvalidArgument) {
		t.Error(err)
	}
}

func TestImportStatesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for s := StatusUnknown; s <= StatusFailed; s++ {
		names[s.String()] = true
	}
	if len(names) != 5 || ImportState(9).String() != "unknown" {
		t.Error(names)
	}
}

func TestTheRawStatusIsBoundedAndHoldsNoSecret(t *testing.T) {
	long := `{"status":4,"detail":"` + testSub + strings.Repeat("é", 20_000) + `"}`
	c, _ := testClient(t, reply(200, long))
	got, err := c.Imports.Status(t.Context(), "x")
	if err != nil || len(got.Raw) > maxRawStatus+len("…") || !strings.HasSuffix(got.Raw, "é…") || strings.Contains(got.Raw, testSub) {
		t.Errorf("%d bytes, %v", len(got.Raw), err)
	}
}

func FuzzReadAccepted(f *testing.F) {
	for _, s := range []string{acceptedBody, `{"error":{"instanceId":"i","message":"m"}}`, `{"data":[{"error":null}]}`, `[`, `{"error":{}}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		id, err := readAccepted(body)
		if (id != "") == (err != nil) {
			t.Errorf("%q with %v", id, err)
		}
		if id != "" && !bytes.Contains(bytes.ToLower(body), []byte("id")) && !bytes.Contains(body, []byte(`\u`)) {
			t.Errorf("an id out of nothing: %q", id)
		}
		_, _ = readStatus(body)
	})
}

func BenchmarkWriteImport(b *testing.B) {
	in := purchase()
	for range 999 {
		in.Entries = append(in.Entries, in.Entries[0])
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := appendImport(nil, "D1", &in); err != nil {
			b.Fatal(err)
		}
	}
}
