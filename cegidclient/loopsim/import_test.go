package loopsim_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/loopsim"
)

// A document is a purchase of 100 + 20 under one reference, in the shape of A 2.8, to be bent by a test.
type document struct {
	root, data, options map[string]any
	lines               []map[string]any
}

func purchase(reference string) *document {
	line := func(account, debit, credit string, more map[string]any) map[string]any {
		side := func(amount string) map[string]any {
			return map[string]any{"amount": json.Number(amount), "currency": "EUR", "currencyAmount": json.Number(amount), "currencyRate": "1.0"}
		}
		l := map[string]any{
			"date": "2026-03-15T00:00:00.000Z", "journal": "ACH", "compte": account, "libelle": "ACHAT", "reference": reference, "refPiece": reference,
			"debit": side(debit), "credit": side(credit),
		}
		maps.Copy(l, more)
		return l
	}
	d := &document{
		options: map[string]any{
			"separatorDecimal": ".", "formatDate": "YYYY-MM-DDTHH:mm:ss.SSSZ", "multiPeriode": false, "failOnUnbalanced": true,
			"balanceAuto": false, "createNewJournaux": false, "createNewComptes": false, "createNewTiers": false,
		},
		lines: []map[string]any{
			line("60700000", "100", "0", nil),
			line("44566000", "20.00", "0", nil),
			line("40100000", "0", "120", map[string]any{"tiers": "FEXEMPLE", "dateEcheance": "2026-04-14T00:00:00.000Z", "modePaiement": 5}),
		},
	}
	d.data = map[string]any{
		"contexte": map[string]any{"from": "2026-03-01T00:00:00.000Z", "to": "2026-03-31T00:00:00.000Z"}, "options": d.options,
	}
	d.root = map[string]any{"codeIbs": "CEGID001", "data": d.data}
	return d
}

func (d *document) set(name string, value any) *document {
	for _, l := range d.lines {
		l[name] = value
	}
	return d
}

func (d *document) body() string {
	if _, bent := d.data["ecritures"]; !bent {
		d.data["ecritures"] = d.lines
	}
	b, err := json.Marshal(d.root)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (w *world) importRequest(body string, edits ...edit) *http.Request {
	r := w.request(http.MethodPost, "/importJson", nil, edits...)
	r.Header.Set("Content-Type", "application/json")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return r
}

func (w *world) post(body string, edits ...edit) reply {
	w.t.Helper()
	return w.do(w.importRequest(body, edits...))
}

func (r reply) accepted(t *testing.T) string {
	t.Helper()
	id, _ := r.object(t)["accountingImportRequestId"].(string)
	if r.status != http.StatusOK || len(id) != 36 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return id
}

func (r reply) refused(t *testing.T, words string) {
	t.Helper()
	o := r.object(t)
	refusal, _ := o["error"].(map[string]any)
	message, _ := refusal["message"].(string)
	if r.status != http.StatusOK || len(o) != 1 || len(refusal) != 2 || !strings.Contains(message, words) {
		t.Errorf("got %d %s, want a refusal with %q", r.status, r.body, words)
	}
}

func (w *world) importStatus(id string, edits ...edit) reply {
	w.t.Helper()
	return w.do(w.request(http.MethodGet, "/getImportStatus", url.Values{"accountingImportRequestId": {id}}, edits...))
}

func (w *world) record(i int) loopsim.ImportRecord {
	w.t.Helper()
	records := w.Imports()
	if len(records) <= i {
		w.t.Fatalf("%d imports are recorded", len(records))
	}
	return records[i]
}

func (w *world) entries(dossier string) []loopsim.BookedEntry {
	w.t.Helper()
	entries, err := w.Entries("demo", dossier)
	must(w.t, err)
	return entries
}

// direct calls the simulator without a network, so that synctest moves its clock.
func direct(t *testing.T, sim *loopsim.Simulator, method, path, body string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, sim.BasePath()+path, strings.NewReader(body))
	r.Header.Set("Ocp-Apim-Subscription-Key", loopsim.SandboxSubscriptionPrimary)
	r.Header.Set("x-apikey", loopsim.SandboxDemoAPIKey)
	recorder := httptest.NewRecorder()
	sim.ServeHTTP(recorder, r)
	return reply{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

func at(status int) string { return fmt.Sprintf(`{"status":%d}`, status) }

func TestAnImportWaitsRunsAndIsBooked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := loopsim.NewSandbox(loopsim.WithImportDelays(time.Minute, time.Hour))
		defer sim.Close()
		id := direct(t, sim, http.MethodPost, "/importJson", purchase("FA-1").body()).accepted(t)
		booked := func() []loopsim.BookedEntry {
			entries, err := sim.Entries("demo", "CEGID001")
			must(t, err)
			return entries
		}
		expect := func(status, entries int, outcome loopsim.ImportOutcome) {
			t.Helper()
			got := direct(t, sim, http.MethodGet, "/getImportStatus?accountingImportRequestId="+id, "")
			if string(got.body) != at(status) || len(booked()) != entries || sim.Imports()[0].Outcome != outcome {
				t.Errorf("%s, %d entries, %s", got.body, len(booked()), sim.Imports()[0].Outcome)
			}
		}
		expect(1, 0, loopsim.ImportPending)
		time.Sleep(time.Minute - 1)
		expect(1, 0, loopsim.ImportPending)
		time.Sleep(time.Nanosecond)
		expect(2, 0, loopsim.ImportPending)
		time.Sleep(time.Hour - 1)
		expect(2, 0, loopsim.ImportPending)
		time.Sleep(time.Nanosecond)
		expect(3, 1, loopsim.ImportBooked)

		e, r := booked()[0], sim.Imports()[0]
		if e.Import != id || e.Journal != "ACH" || e.Date != "2026-03-15" || e.Reference != "FA-1" || e.RefPiece != "FA-1" || len(e.Lines) != 3 ||
			e.Lines[2].ThirdParty != "FEXEMPLE" || e.Lines[1].Debit != "20.00" || e.Lines[2].Credit != "120.00" || e.Lines[0].Credit != "0.00" {
			t.Errorf("%+v", e)
		}
		if r.ID != id || !slices.Equal(r.Entries, []string{e.ID}) || !slices.Equal(r.References, []string{"FA-1"}) || !slices.Equal(r.RefPieces, []string{"FA-1"}) ||
			r.Status != 200 || r.Dossier != "CEGID001" || r.Practice != "demo" || r.Lines != 3 || r.Over.Sub(r.Time) != time.Hour+time.Minute || r.Unknown != nil {
			t.Errorf("%+v", r)
		}
		if sum := sha256.Sum256([]byte(purchase("FA-1").body())); r.Digest != hex.EncodeToString(sum[:]) || r.Bytes != len(purchase("FA-1").body()) {
			t.Errorf("digest %s of %d bytes", r.Digest, r.Bytes)
		}
	})
}

func TestTheSameImportTwiceIsBookedTwice(t *testing.T) {
	w := start(t)
	a, b := w.post(purchase("FA-1").body()).accepted(t), w.post(purchase("FA-1").body()).accepted(t)
	w.FinishImports()
	entries := w.entries("CEGID001")
	if a == b || len(entries) != 2 || entries[0].ID == entries[1].ID || entries[0].Lines[0].ID == entries[1].Lines[0].ID || w.record(0).Digest != w.record(1).Digest {
		t.Errorf("%+v", entries)
	}
}

func TestImportsRefusedAtOnce(t *testing.T) {
	lines := func(value any) func(*document) { return func(d *document) { d.data["ecritures"] = value } }
	set := func(name string, value any) func(*document) { return func(d *document) { d.set(name, value) } }
	second := func(name string, value any) func(*document) { return func(d *document) { d.lines[1][name] = value } }
	context := func(from, to any) func(*document) {
		return func(d *document) { d.data["contexte"] = map[string]any{"from": from, "to": to} }
	}
	for name, tt := range map[string]struct {
		bend func(*document)
		says string
	}{
		"no data":                        {func(d *document) { delete(d.root, "data") }, "« data »"},
		"no dossier":                     {func(d *document) { delete(d.root, "codeIbs") }, "codeIbs"},
		"no context":                     {func(d *document) { delete(d.data, "contexte") }, "contexte"},
		"a null context":                 {func(d *document) { d.data["contexte"] = nil }, "contexte"},
		"a context without an end":       {context("2026-03-01T00:00:00.000Z", nil), "dates du contexte"},
		"a context of bare days":         {context("2026-03-01", "2026-03-31"), "dates du contexte"},
		"a context without milliseconds": {context("2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"), "dates du contexte"},
		"a context with a comma":         {context("2026-03-01T00:00:00,000Z", "2026-03-31T00:00:00.000Z"), "dates du contexte"},
		"an impossible context": {
			func(d *document) {
				d.options["multiPeriode"] = true
				context("2026-02-30T00:00:00.000Z", "2026-03-31T00:00:00.000Z")(d)
			}, "dates du contexte",
		},
		"no lines":                  {lines(nil), "vide"},
		"an empty list of lines":    {lines([]any{}), "vide"},
		"lines that are no list":    {lines(map[string]any{"0": 1}), "tableau"},
		"a single line":             {func(d *document) { d.data["ecritures"] = d.lines[:1] }, "Deux lignes"},
		"a line that is no object":  {lines([]any{"a", "b"}), "ligne 1"},
		"a document date as a day":  {second("dateJustif", "2026-03-15"), "dateJustif"},
		"a cut-off without end":     {second("debCutOff", "2026-03-01T00:00:00.000Z"), "ligne 2"},
		"a cut-off without start":   {second("finCutOff", "2026-03-01T00:00:00.000Z"), "cut-off"},
		"a cut-off of bare days":    {func(d *document) { d.set("debCutOff", "2026-03-01"); d.set("finCutOff", "2026-03-02") }, "debCutOff"},
		"a short SIRET":             {second("SIRET", "1234567820001"), "ligne 2"},
		"a SIRET that fails Luhn":   {second("SIRET", "12345678200011"), "ligne 2"},
		"a SIRET as a number":       {second("SIRET", 12345678200010), "ligne 2"},
		"a bad SIRET of the body":   {func(d *document) { d.root["SIRET"] = "x" }, "ligne 0"},
		"SIRETs of two companies":   {func(d *document) { set("SIRET", loopsim.SandboxSIRET)(d); d.lines[2]["SIRET"] = "90000000100017" }, "plusieurs sociétés"},
		"an unknown establishment":  {second("SIRET", "12345678200036"), "12345678200036"},
		"a reference that asks for": {set("reference", "SIM-REFUSE-7"), "SIM-REFUSE"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, loopsim.WithImportDelays(0, 0))
			d := purchase("FA-1")
			tt.bend(d)
			w.post(d.body()).refused(t, tt.says)
			if strings.HasPrefix(name, "a short SIRET") && !strings.HasSuffix(w.record(0).Message, " 2") {
				t.Errorf("%q does not end with the line", w.record(0).Message)
			}
			if r := w.record(0); r.Outcome != loopsim.ImportRefused || !strings.Contains(r.Message, tt.says) || r.ID != "" || r.Status != 200 || len(w.entries("CEGID001")) > 0 {
				t.Errorf("%+v", r)
			}
		})
	}
	for name, body := range map[string]string{"an empty body": "", "white space": " \n", "an array": "[]", "null": "null", "a text": `"x"`} {
		t.Run(name, func(t *testing.T) { start(t).post(body).refused(t, "Aucune donnée") })
	}
	t.Run("what is no JSON is no 200", func(t *testing.T) {
		w := start(t)
		serviceError(t, w.post(`{"codeIbs":"CEGID001",`), http.StatusBadRequest, "SimBodyRefused")
		if r := w.record(0); r.Outcome != loopsim.ImportNotProcessed || r.Status != 400 {
			t.Errorf("%+v", r)
		}
	})
}

func TestImportsThatFailLate(t *testing.T) {
	set := func(name string, value any) func(*document) { return func(d *document) { d.set(name, value) } }
	first := func(name string, value any) func(*document) { return func(d *document) { d.lines[0][name] = value } }
	option := func(name string, value any) func(*document) { return func(d *document) { d.options[name] = value } }
	side := func(amount string) map[string]any { return map[string]any{"amount": json.Number(amount)} }
	march := func(d *document, day string) { d.set("date", day+"T00:00:00.000Z") }
	for name, tt := range map[string]struct {
		bend func(*document)
		says string
	}{
		"an unknown account":           {first("compte", "60799999"), "compte « 60799999 »"},
		"no account":                   {first("compte", nil), "compte « »"},
		"an account as a number":       {first("compte", 60700000), "« compte » n'est pas un texte"},
		"a closed account":             {first("compte", "67120000"), "67120000 est fermé"},
		"an unknown journal":           {set("journal", "ZZZ"), "journal « ZZZ »"},
		"the reserved journal":         {set("journal", "AN"), "réservé"},
		"an inactive third party":      {func(d *document) { d.lines[2]["tiers"] = "FANCIEN" }, "FANCIEN"},
		"a day outside of the context": {func(d *document) { march(d, "2026-04-01") }, "hors du contexte"},
		"a closed fiscal year": {func(d *document) {
			d.options["multiPeriode"] = true
			delete(d.data, "contexte")
			march(d, "2025-12-31")
		}, "exercice ouvert"},
		"a fiscal year to come": {func(d *document) {
			d.options["multiPeriode"] = true
			delete(d.data, "contexte")
			march(d, "2027-01-01")
		}, "exercice ouvert"},
		"no date":                          {first("date", nil), "date manque"},
		"a date as a day":                  {set("date", "2026-03-15"), "« date »"},
		"an entry that does not balance":   {first("debit", side("100.01")), "déséquilibrée"},
		"an entry split by its reference":  {first("reference", "FA-2"), "déséquilibrée"},
		"an entry split by its piece":      {first("refPiece", "FA-2"), "déséquilibrée"},
		"debit and credit at once":         {first("credit", side("1")), "tous deux"},
		"a negative amount":                {first("debit", side("-100")), "illisible"},
		"three decimals":                   {first("debit", side("100.001")), "illisible"},
		"an exponent":                      {first("debit", side("1e2")), "illisible"},
		"an amount that is no number":      {first("debit", map[string]any{"amount": "cent"}), "illisible"},
		"an amount without its object":     {first("debit", 100), "n'est pas un objet"},
		"a payment mode that is not":       {first("modePaiement", 12), "modePaiement"},
		"the batch type that is not":       {first("typeLot", "3"), "typeLot"},
		"a batch that is no uuid":          {first("lot", "L1"), "uuid"},
		"a link that is no https":          {first("fichier", map[string]any{"uri": "a/b.pdf"}), "https"},
		"rules for accounts":               {option("comptesRules", []any{1}), "comptesRules"},
		"another format of dates":          {option("formatDate", "DD/MM/YYYY"), "format de date"},
		"an option that is no boolean":     {option("createNewTiers", "true"), "createNewTiers"},
		"an unknown default account":       {func(d *document) { d.options["defaultCompte"] = "x"; d.lines[0]["compte"] = "1" }, "compte « 1 »"},
		"a breakdown of a closed account":  {func(d *document) { d.lines[1]["axeAna"] = breakdown("CENTRE", "ATN", 20) }, "ne se ventile pas"},
		"a breakdown on an unknown axis":   {first("axeAna", breakdown("PROJET", "P1", 100)), "axe « PROJET »"},
		"a breakdown on a closed section":  {first("axeAna", breakdown("CENTRE", "ATE", 100)), "section ATE"},
		"a breakdown that does not add up": {first("axeAna", breakdown("CENTRE", "ATN", 99)), "ventilation"},
		"a breakdown without section":      {first("axeAna", map[string]any{"CENTRE": []any{map[string]any{"amount": 100}}}), "section"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, loopsim.WithImportDelays(0, 0))
			before := w.get("/compte", url.Values{"sort": {"numero"}}).body
			d := purchase("FA-1")
			tt.bend(d)
			id := w.post(d.body()).accepted(t)
			if got := w.importStatus(id); string(got.body) != at(4) {
				t.Errorf("status %s", got.body)
			}
			if r := w.record(0); r.Outcome != loopsim.ImportFailed || !strings.Contains(strings.ReplaceAll(r.Message, "«  »", "« »"), tt.says) || r.Entries != nil {
				t.Errorf("%s %q, want %q", r.Outcome, r.Message, tt.says)
			}
			if after := w.get("/compte", url.Values{"sort": {"numero"}}).body; len(w.entries("CEGID001")) > 0 || string(before) != string(after) {
				t.Error("something was booked or created")
			}
		})
	}
}

func breakdown(axis, section string, amount int) map[string]any {
	return map[string]any{axis: []any{map[string]any{"section": section, "amount": amount}}}
}

func TestWhatAnImportMayCreateOrReplace(t *testing.T) {
	book := func(t *testing.T, bend func(*world, *document)) (*world, loopsim.BookedEntry) {
		t.Helper()
		w := start(t, loopsim.WithImportDelays(0, 0))
		d := purchase("FA-1")
		bend(w, d)
		w.post(d.body()).accepted(t)
		entries := w.entries("CEGID001")
		if len(entries) != 1 {
			t.Fatalf("%d entries: %s", len(entries), w.record(0).Message)
		}
		return w, entries[0]
	}
	list := func(w *world, path, filter string) []map[string]any {
		return w.get(path, url.Values{"filter": {filter}}).rows(t)
	}
	t.Run("an account, when asked", func(t *testing.T) {
		w, e := book(t, func(w *world, d *document) {
			w.get("/compte", nil) // a table that is built already shows it too
			d.options["createNewComptes"] = true
			d.lines[0]["compte"], d.lines[0]["compteLib"] = "60710000", "Achats d'essai"
		})
		rows := list(w, "/compte", `numero=="60710000"`)
		if e.Lines[0].Account != "60710000" || len(rows) != 1 || rows[0]["libelle"] != "Achats d'essai" || rows[0]["type"] != 6.0 {
			t.Errorf("%v", rows)
		}
		must(t, w.ResetDossier("demo", "CEGID001"))
		if len(list(w, "/compte", `numero=="60710000"`)) != 0 || len(w.entries("CEGID001")) != 0 {
			t.Error("still there after a reset")
		}
	})
	t.Run("a journal, when asked", func(t *testing.T) {
		w, e := book(t, func(_ *world, d *document) {
			d.options["createNewJournaux"] = true
			d.set("journal", "AC2").set("journalLib", "Achats 2")
		})
		if rows := list(w, "/journal", `code=="AC2"`); e.Journal != "AC2" || len(rows) != 1 || rows[0]["libelle"] != "Achats 2" {
			t.Errorf("%v", rows)
		}
	})
	t.Run("a third party, by default, of the kind of its account", func(t *testing.T) {
		w, e := book(t, func(_ *world, d *document) {
			delete(d.options, "createNewTiers")
			d.lines[2]["tiers"] = "FNOUVEAU"
		})
		if rows := list(w, "/tiersFournisseur", `code=="FNOUVEAU"`); e.Lines[2].ThirdParty != "FNOUVEAU" || len(rows) != 1 || rows[0]["actif"] != true {
			t.Errorf("%v", rows)
		}
	})
	t.Run("an unknown third party becomes the waiting one, without a word", func(t *testing.T) {
		w, e := book(t, func(_ *world, d *document) { d.lines[2]["tiers"] = "FNOUVEAU" })
		if len(list(w, "/tiersFournisseur", `code=="FNOUVEAU"`)) != 0 || e.Lines[2].ThirdParty != loopsim.WaitingThirdParty {
			t.Errorf("%+v", e.Lines[2])
		}
	})
	t.Run("a third-party code is cut at 17, a label at 35, without a word", func(t *testing.T) {
		_, e := book(t, func(_ *world, d *document) {
			d.options["createNewTiers"] = true
			d.lines[2]["tiers"], d.lines[2]["libelle"] = "FOURNISSEURLONG0123", strings.Repeat("é", 36)
		})
		if e.Lines[2].ThirdParty != "FOURNISSEURLONG01" || e.Lines[2].Label != strings.Repeat("é", 35) {
			t.Errorf("%+v", e.Lines[2])
		}
	})
	t.Run("a section, in either spelling of the axis", func(t *testing.T) {
		w, e := book(t, func(_ *world, d *document) {
			d.lines[0]["axeAna[CENTRE]"] = []any{map[string]any{"section": "NEUF", "amount": 60}, map[string]any{"section": "ATN", "debit": map[string]any{"amount": 40}}}
		})
		rows := list(w, "/section", `code=="NEUF"`)
		want := []loopsim.BookedSplit{{Axis: "CENTRE", Section: "NEUF", Amount: "60.00"}, {Axis: "CENTRE", Section: "ATN", Amount: "40.00"}}
		if len(rows) != 1 || !slices.Equal(e.Lines[0].Analytics, want) {
			t.Errorf("%v %+v", rows, e.Lines[0].Analytics)
		}
	})
	t.Run("the default account and journal", func(t *testing.T) {
		_, e := book(t, func(w *world, d *document) {
			d.options["defaultCompte"] = list(w, "/compte", `numero=="47100000"`)[0]["objectId"]
			d.options["defaultJournalId"] = list(w, "/journal", `code=="OD"`)[0]["objectId"]
			d.lines[0]["compte"] = "60799999"
			d.set("journal", "ZZZ")
		})
		if e.Lines[0].Account != "47100000" || e.Journal != "OD" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a difference is balanced by default, without a word", func(t *testing.T) {
		_, e := book(t, func(_ *world, d *document) {
			delete(d.options, "balanceAuto")
			delete(d.options, "failOnUnbalanced")
			d.lines[0]["debit"] = map[string]any{"amount": 90}
		})
		if l := e.Lines[len(e.Lines)-1]; len(e.Lines) != 4 || l.Account != "47100000" || l.Debit != "10.00" {
			t.Errorf("%+v", e.Lines)
		}
	})
	t.Run("or booked as it is, when nothing is asked", func(t *testing.T) {
		_, e := book(t, func(_ *world, d *document) {
			d.options["failOnUnbalanced"] = false
			d.lines[0]["debit"] = map[string]any{"amount": 90}
		})
		if len(e.Lines) != 3 {
			t.Errorf("%+v", e.Lines)
		}
	})
	t.Run("amounts as text, with a comma", func(t *testing.T) {
		_, e := book(t, func(_ *world, d *document) {
			d.options["separatorDecimal"] = ","
			d.lines[0]["debit"] = map[string]any{"amount": "100,00"}
		})
		if e.Lines[0].Debit != "100.00" {
			t.Errorf("%+v", e.Lines[0])
		}
	})
	t.Run("members that no page shows are passed over and recorded", func(t *testing.T) {
		w, _ := book(t, func(_ *world, d *document) {
			d.lines[0]["Libelle"] = "x"
			d.options["createNewCompte"] = true
		})
		if got := w.record(0).Unknown; !slices.Equal(got, []string{"data.ecritures[].Libelle", "data.options.createNewCompte"}) {
			t.Errorf("%v", got)
		}
	})
}

func TestLinesAreGroupedIntoEntries(t *testing.T) {
	w := start(t, loopsim.WithImportDelays(0, 0))
	d, other := purchase("FA-1"), purchase("FA-2")
	d.lines = []map[string]any{d.lines[0], other.lines[0], d.lines[1], other.lines[1], d.lines[2], other.lines[2]}
	w.post(d.body()).accepted(t)
	entries := w.entries("CEGID001")
	if len(entries) != 2 || entries[0].Reference != "FA-1" || entries[1].Reference != "FA-2" || len(entries[0].Lines) != 3 || entries[0].Seq >= entries[1].Seq {
		t.Errorf("%+v", entries)
	}
	if r := w.record(0); !slices.Equal(r.References, []string{"FA-1", "FA-2"}) || len(r.Entries) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestLettering(t *testing.T) {
	lettered := func(t *testing.T, account string, second string) []string {
		w := start(t, loopsim.WithImportDelays(0, 0))
		d := purchase("FA-1")
		d.lines = d.lines[:2]
		d.set("compte", account).set("codeLettrage", "A")
		d.lines[1]["debit"], d.lines[1]["credit"] = map[string]any{"amount": 0}, map[string]any{"amount": 100}
		if second != "" {
			d.lines[1]["compte"] = second
		}
		w.post(d.body()).accepted(t)
		return column(w.get("/EcritureComptable", url.Values{"filter": {"codeLettrage != null"}}).rows(t), "codeLettrage")
	}
	if got := lettered(t, "40100000", ""); len(got) != 2 || got[0] != got[1] || len(got[0]) != 36 {
		t.Errorf("a sound packet: %v", got)
	}
	if got := lettered(t, "60700000", ""); len(got) != 0 {
		t.Errorf("on an account that is not matchable: %v", got)
	}
	if got := lettered(t, "40100000", "41100000"); len(got) != 0 {
		t.Errorf("across accounts: %v", got)
	}
}

func TestWhoMayImportAndFollow(t *testing.T) {
	t.Run("a key that is refused is turned away", func(t *testing.T) {
		w := start(t)
		serviceError(t, w.post(purchase("FA-1").body(), header("x-apikey", "x:y")), http.StatusUnauthorized, "SimApiKeyRefused")
		gatewayError(t, w.post(purchase("FA-1").body(), header("Ocp-Apim-Subscription-Key", "")), http.StatusUnauthorized, "missing")
		if r := w.record(0); r.Outcome != loopsim.ImportNotProcessed || r.Status != 401 || r.Practice != "" || !slices.Equal(r.References, []string{"FA-1"}) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a dossier that is not attached is turned away unread", func(t *testing.T) {
		w := start(t)
		must(t, w.SetAttached("demo", loopsim.Advanced, "CEGID001", false))
		serviceError(t, w.post(purchase("FA-1").body()), http.StatusForbidden, "SimDossierNotShared")
		if r := w.record(0); r.Outcome != loopsim.ImportNotProcessed || r.Status != 403 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("or late, when so set", func(t *testing.T) {
		w := start(t, loopsim.WithImportDelays(0, 0))
		w.SetImportMode(loopsim.ImportMode{LateAccess: true})
		d := purchase("FA-1")
		d.root["codeIbs"] = "DOSSIER_TEST"
		id := w.post(d.body()).accepted(t)
		if got := w.importStatus(id); string(got.body) != at(4) || !strings.Contains(w.record(0).Message, "accès") {
			t.Errorf("%s %+v", got.body, w.record(0))
		}
	})
	t.Run("an import is known to its practice alone", func(t *testing.T) {
		w := start(t)
		id := w.post(purchase("FA-1").body()).accepted(t)
		serviceError(t, w.importStatus(id, asPartner), http.StatusNotFound, "SimImportUnknown")
		serviceError(t, w.importStatus("3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90"), http.StatusNotFound, "SimImportUnknown")
		refusedQuery(t, w.importStatus(""))
		refusedQuery(t, w.do(w.request(http.MethodGet, "/getImportStatus", nil)))
	})
	t.Run("a status can be text", func(t *testing.T) {
		w := start(t, loopsim.WithImportDelays(0, 0))
		w.SetImportMode(loopsim.ImportMode{StatusAsText: true})
		if got := w.importStatus(w.post(purchase("FA-1").body()).accepted(t)); string(got.body) != `{"status":"3"}` {
			t.Errorf("%s", got.body)
		}
	})
	t.Run("an import into a dossier that is gone fails", func(t *testing.T) {
		for name, lose := range map[string]func(*world) error{
			"removed": func(w *world) error { return w.RemoveDossier("demo", "CEGID001") },
			"reset":   func(w *world) error { return w.ResetDossier("demo", "CEGID001") },
		} {
			w := start(t, loopsim.WithImportDelays(time.Hour, 0))
			id := w.post(purchase("FA-1").body()).accepted(t)
			must(t, lose(w))
			w.FinishImports()
			if got := w.importStatus(id); string(got.body) != at(4) || w.record(0).Outcome != loopsim.ImportFailed {
				t.Errorf("%s: %s", name, got.body)
			}
		}
	})
	t.Run("a reset forgets imports and entries", func(t *testing.T) {
		w := start(t, loopsim.WithImportDelays(0, 0))
		id := w.post(purchase("FA-1").body()).accepted(t)
		w.SetImportMode(loopsim.ImportMode{LateAccess: true})
		w.Reset()
		if len(w.Imports()) != 0 || len(w.entries("CEGID001")) != 0 || w.ImportMode() != (loopsim.ImportMode{}) {
			t.Error("still there")
		}
		serviceError(t, w.importStatus(id), http.StatusNotFound, "SimImportUnknown")
	})
	if _, err := start(t).Entries("demo", "RIEN"); !errors.Is(err, loopsim.ErrUnknown) {
		t.Errorf("entries of no dossier: %v", err)
	}
}

func TestMagicReferences(t *testing.T) {
	const cut = 0
	tests := map[string]struct {
		status  int // of the answer; 0 for none
		tells   int // status of the import afterwards, 0 when it has none
		outcome loopsim.ImportOutcome
		fault   string
	}{
		"FA-1":              {200, 3, loopsim.ImportBooked, ""},
		"sim-refuse":        {200, 3, loopsim.ImportBooked, ""},
		"SIM-RIEN":          {200, 3, loopsim.ImportBooked, ""},
		"SIM-REFUSE":        {200, 0, loopsim.ImportRefused, ""},
		"SIM-FAIL-LATE":     {200, 4, loopsim.ImportFailed, ""},
		"SIM-STUCK-1":       {200, 1, loopsim.ImportPending, ""},
		"SIM-STATUS-25":     {200, 25, loopsim.ImportBooked, ""},
		"SIM-STATUS-4-FA":   {200, 4, loopsim.ImportBooked, ""},
		"SIM-STATUS-X":      {200, 3, loopsim.ImportBooked, ""},
		"SIM-LOST-ANSWER-7": {cut, 3, loopsim.ImportBooked, "SIM-LOST-ANSWER"},
		"SIM-CUT-BEFORE":    {cut, 0, loopsim.ImportNotProcessed, "SIM-CUT-BEFORE"},
		"SIM-CUT-ONCE-7":    {cut, 0, loopsim.ImportNotProcessed, "SIM-CUT-ONCE"},
		"SIM-SLOW-5ms-FA":   {200, 3, loopsim.ImportBooked, "SIM-SLOW"},
		"SIM-503-17":        {503, 0, loopsim.ImportNotProcessed, "SIM-503"},
		"SIM-429":           {429, 0, loopsim.ImportNotProcessed, "SIM-429"},
		"SIM-503-BOOKED-17": {503, 3, loopsim.ImportBooked, "SIM-503-BOOKED"},
	}
	for reference, tt := range tests {
		for _, member := range []string{"reference", "refPiece"} {
			t.Run(member+" "+reference, func(t *testing.T) {
				w := start(t, loopsim.WithImportDelays(0, 0))
				got, err := w.try(w.importRequest(purchase("FA-0").set(member, reference).body()))
				if (err != nil) != (tt.status == cut) || err == nil && got.status != tt.status {
					t.Fatalf("%d %s %v", got.status, got.body, err)
				}
				r := w.record(0)
				if r.Outcome != tt.outcome || r.Fault != tt.fault || r.Status != tt.status || len(w.Imports()) != 1 || w.Requests()[0].Fault != tt.fault {
					t.Errorf("%+v", r)
				}
				if n := len(w.entries("CEGID001")); (n == 1) != (tt.outcome == loopsim.ImportBooked) {
					t.Errorf("%d entries", n)
				}
				if tt.tells != 0 {
					if got := w.importStatus(r.ID); string(got.body) != at(tt.tells) {
						t.Errorf("status %s", got.body)
					}
				}
			})
		}
	}
	t.Run("SIM-CUT-ONCE is booked the second time", func(t *testing.T) {
		w := start(t, loopsim.WithImportDelays(0, 0))
		for i, reference := range []string{"SIM-CUT-ONCE-7", "SIM-CUT-ONCE-8", "SIM-CUT-ONCE-7"} {
			_, err := w.try(w.importRequest(purchase(reference).body()))
			if (err == nil) != (i == 2) || (w.record(i).Outcome == loopsim.ImportBooked) != (i == 2) {
				t.Errorf("%s: %v %+v", reference, err, w.record(i))
			}
		}
	})
	t.Run("SIM-SLOW is booked before it is answered, after 2 s", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sim := loopsim.NewSandbox(loopsim.WithImportDelays(0, 0))
			defer sim.Close()
			before := time.Now()
			go func() {
				time.Sleep(time.Second)
				if r := sim.Imports()[0]; r.Outcome != loopsim.ImportBooked || r.Status != 0 {
					t.Errorf("%+v", r)
				}
			}()
			direct(t, sim, http.MethodPost, "/importJson", purchase("SIM-SLOW").body()).accepted(t)
			if d := time.Since(before); d != 2*time.Second {
				t.Errorf("after %v", d)
			}
		})
	})
	t.Run("two can be had at once", func(t *testing.T) {
		w := start(t, loopsim.WithImportDelays(0, 0))
		if _, err := w.try(w.importRequest(purchase("SIM-FAIL-LATE").set("refPiece", "SIM-LOST-ANSWER").body())); err == nil || w.record(0).Outcome != loopsim.ImportFailed {
			t.Errorf("%v %+v", err, w.record(0))
		}
	})
	t.Run("429 says when", func(t *testing.T) {
		if got := start(t).post(purchase("SIM-429").body()); got.header.Get("Retry-After") != "1" {
			t.Errorf("%v", got.header)
		}
	})
}

func TestFaultsOnImports(t *testing.T) {
	type row struct {
		fault  loopsim.Fault
		booked bool
		status int // 0 for a cut before the head
	}
	tests := map[string]row{
		"cut before":             {loopsim.Fault{Kind: loopsim.FaultCutBefore}, false, 0},
		"cut after":              {loopsim.Fault{Kind: loopsim.FaultCutAfter}, true, 0},
		"503":                    {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503}, false, 503},
		"503 after":              {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503, After: true}, true, 503},
		"a 302 after":            {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 302, After: true}, true, 302},
		"HTML":                   {loopsim.Fault{Kind: loopsim.FaultHTML}, false, 200},
		"HTML after":             {loopsim.Fault{Kind: loopsim.FaultHTML, After: true}, true, 200},
		"nonsense":               {loopsim.Fault{Kind: loopsim.FaultNonsense}, false, 200},
		"nonsense after":         {loopsim.Fault{Kind: loopsim.FaultNonsense, After: true}, true, 200},
		"a refusal":              {loopsim.Fault{Kind: loopsim.FaultErrorIn200}, false, 200},
		"latency":                {loopsim.Fault{Kind: loopsim.FaultLatency, Latency: time.Millisecond}, true, 200},
		"latency after":          {loopsim.Fault{Kind: loopsim.FaultLatency, Latency: time.Millisecond, After: true}, true, 200},
		"a cut body":             {loopsim.Fault{Kind: loopsim.FaultTruncated}, true, 200},
		"a cut body in chunks":   {loopsim.Fault{Kind: loopsim.FaultTruncatedChunked}, true, 200},
		"a dribble":              {loopsim.Fault{Kind: loopsim.FaultDribble, Latency: time.Millisecond, Pieces: 3}, true, 200},
		"of another dossier":     {loopsim.Fault{Kind: loopsim.FaultCutAfter, Dossier: "CEGID003"}, true, 200},
		"of the dossier":         {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 500, Dossier: "CEGID001"}, false, 500},
		"of a route and method":  {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 500, Method: "POST", Route: "/importJson"}, false, 500},
		"of the route of status": {loopsim.Fault{Kind: loopsim.FaultStatus, Status: 500, Route: "/getImportStatus"}, true, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := start(t, loopsim.WithImportDelays(0, 0))
			id := w.Inject(tt.fault)
			_, _ = w.try(w.importRequest(purchase("FA-1").body()))
			r := w.record(0)
			if (len(w.entries("CEGID001")) == 1) != tt.booked || (r.Outcome == loopsim.ImportBooked) != tt.booked || !tt.booked && r.Outcome != loopsim.ImportNotProcessed {
				t.Errorf("%+v", r)
			}
			if struck := w.FaultHits(id) == 1; r.Status != tt.status || struck != (r.Fault == id) || len(w.Imports()) != 1 || w.Count("/importJson") != 1 {
				t.Errorf("%+v", r)
			}
			if w.Requests()[0].Dossier != "CEGID001" {
				t.Errorf("%+v", w.Requests()[0])
			}
		})
	}
	t.Run("latency after: a client that gives up is booked all the same; latency before: it is not", func(t *testing.T) {
		for _, after := range []bool{false, true} {
			w := start(t, loopsim.WithImportDelays(0, 0))
			w.Inject(loopsim.Fault{Kind: loopsim.FaultHang, After: after})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := w.try(w.importRequest(purchase("FA-1").body()).WithContext(ctx)); err == nil {
				t.Error("answered")
			}
			if booked := len(w.entries("CEGID001")) == 1; booked != after {
				t.Errorf("after %v: booked %v", after, booked)
			}
		}
	})
	t.Run("an injected fault goes before a magic reference", func(t *testing.T) {
		w := start(t)
		w.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 418, Times: 1})
		wantStatus(t, w.post(purchase("SIM-503").body()), 418)
		wantStatus(t, w.post(purchase("SIM-503").body()), 503)
	})
}

func TestChanceRepeatsItself(t *testing.T) {
	run := func(seed uint64) (string, int) {
		sim := loopsim.NewSandbox(loopsim.WithRequestLog(0))
		defer sim.Close()
		id := sim.Inject(loopsim.Fault{Method: "GET", Route: "/journal", Kind: loopsim.FaultStatus, Status: 503, Probability: 0.05, Seed: seed})
		var struck strings.Builder
		for range 2000 {
			fmt.Fprint(&struck, direct(t, sim, http.MethodGet, "/journal?codeDossier=CEGID001&take=0", "").status)
		}
		return struck.String(), sim.FaultHits(id)
	}
	a, hits := run(1)
	if b, _ := run(1); a != b {
		t.Error("the same seed draws differently")
	}
	if c, _ := run(2); a == c {
		t.Error("another seed draws the same")
	}
	if hits < 60 || hits > 140 || hits != strings.Count(a, "503") {
		t.Errorf("%d hits of 2000 at 5 %%", hits)
	}
}

func TestAChaoticRunIsCountedExactly(t *testing.T) {
	w := start(t, loopsim.WithImportDelays(time.Millisecond, time.Millisecond))
	chaos := func(p float64, f loopsim.Fault) {
		f.Method, f.Route, f.Probability, f.Seed = "POST", "/importJson", p, 7
		w.Inject(f)
	}
	chaos(0.05, loopsim.Fault{Kind: loopsim.FaultCutAfter})
	chaos(0.05, loopsim.Fault{Kind: loopsim.FaultCutBefore})
	chaos(0.05, loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503})
	chaos(0.05, loopsim.Fault{Kind: loopsim.FaultStatus, Status: 503, After: true})
	const workers, each = 8, 100
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range each {
				d := purchase(fmt.Sprintf("FA-%d-%d", worker, i))
				d.root["codeIbs"] = []string{"CEGID001", "CEGID003"}[i%2]
				got, err := w.try(w.importRequest(d.body()))
				if err == nil && got.status == 200 && i%10 == 0 {
					w.importStatus(got.accepted(t))
					w.get("/EcritureComptable", url.Values{"filter": {`codeLettrage == null && refPiece == "x"`}})
					w.admin(http.MethodGet, "/_sim/state", "")
				}
			}
		})
	}
	wg.Wait()
	w.FinishImports()
	booked := map[string]bool{}
	for _, e := range append(w.entries("CEGID001"), w.entries("CEGID003")...) {
		if booked[e.Reference] {
			t.Errorf("%s is booked twice", e.Reference)
		}
		booked[e.Reference] = true
	}
	struck := 0
	for i, r := range w.Imports() {
		if r.Seq != uint64(i+1) || (r.Outcome == loopsim.ImportBooked) != booked[r.References[0]] || r.Outcome == loopsim.ImportPending {
			t.Errorf("%+v", r)
		}
		if r.Fault != "" {
			struck++
		}
	}
	hits := 0
	for _, f := range w.Faults() {
		hits += f.Hits
	}
	if n := len(w.Imports()); n != workers*each || struck != hits || hits == 0 || w.Count("/importJson") != n {
		t.Errorf("%d imports, %d struck, %d hits", n, struck, hits)
	}
}

func FuzzImportBody(f *testing.F) {
	f.Add(purchase("FA-1").body())
	f.Add(purchase("FA-2").set("axeAna[CENTRE]", []any{map[string]any{"section": "ATN", "amount": 1}}).set("codeLettrage", "A").body())
	f.Add(purchase("FA-3").set("SIRET", loopsim.SandboxSIRET).set("debCutOff", 1).body())
	for _, s := range []string{
		"", "null", "[]", "{}", `{"codeIbs":1}`, `{"codeIbs":"CEGID001","data":{"ecritures":[null,{}]}}`, `{"codeIbs":"CEGID001","data":{"options":{"separatorDecimal":""},"ecritures":{}}}`,
		`{"codeIbs":"CEGID001","data":{"contexte":{"from":"2026-03-01T00:00:00.000Z","to":"2026-03-01T00:00:00.000Z"},"ecritures":[{"debit":{"amount":"9999999999999.99"}},{"axeAna":[]}]}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "SIM-") {
			return // it would cut or wait
		}
		sim := loopsim.NewSandbox(loopsim.WithImportDelays(0, 0))
		defer sim.Close()
		got := direct(t, sim, http.MethodPost, "/importJson", body)
		if !json.Valid(got.body) || got.status != 200 && got.status != 400 && got.status != 403 {
			t.Errorf("%d %s", got.status, got.body)
		}
		r := sim.Imports()[0]
		entries, err := sim.Entries("demo", "CEGID001")
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome == loopsim.ImportPending || (r.Outcome == loopsim.ImportBooked && r.Dossier == "CEGID001") != (len(entries) > 0) {
			t.Errorf("%s with %d entries", r.Outcome, len(entries))
		}
		if (r.Outcome == loopsim.ImportRefused || r.Outcome == loopsim.ImportFailed) && (r.Message == "" || !utf8.ValidString(r.Message)) {
			t.Errorf("%s with message %q", r.Outcome, r.Message)
		}
	})
}

func BenchmarkImport(b *testing.B) {
	sim := loopsim.NewSandbox(loopsim.WithImportDelays(0, 0))
	defer sim.Close()
	for i := range b.N {
		r := httptest.NewRequest(http.MethodPost, sim.BasePath()+"/importJson", strings.NewReader(purchase(fmt.Sprint("FA-", i)).body()))
		r.Header.Set("Ocp-Apim-Subscription-Key", loopsim.SandboxSubscriptionPrimary)
		r.Header.Set("x-apikey", loopsim.SandboxDemoAPIKey)
		sim.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := len(sim.Imports()); n != b.N {
		b.Errorf("%d imports", n)
	}
}
