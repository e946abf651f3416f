package loopsim_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

const origin = "142ae28e-0000-4000-8000-000000000001"

// booked is a world with three purchases and a sale, two of whose lines are lettered.
func booked(t *testing.T) *world {
	t.Helper()
	w := start(t, loopsim.WithImportDelays(0, 0))
	w.post(purchase("FA-1").body()).accepted(t)
	w.post(purchase("FA-2").set("date", "2026-03-20T00:00:00.000Z").set("ecritureOrigine", origin).body()).accepted(t)
	w.post(purchase("FA-1").set("refPiece", "P-1").body()).accepted(t)
	sale := purchase("VT-1").set("journal", "VTE").set("compte", "41100000").set("codeLettrage", "A")
	sale.lines = sale.lines[:2]
	sale.lines[1]["debit"], sale.lines[1]["credit"] = map[string]any{"amount": 0}, map[string]any{"amount": 100, "currency": "USD", "currencyAmount": 110.5}
	w.post(sale.body()).accepted(t)
	return w
}

func (w *world) lines(filter string, more ...string) []map[string]any {
	w.t.Helper()
	q := url.Values{"filter": {filter}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return w.get("/EcritureComptable", q).rows(w.t)
}

func TestEntriesAreFoundByTheirCriteria(t *testing.T) {
	w := booked(t)
	packet := w.lines(`codeLettrage != null`)[0]["codeLettrage"].(string)
	for filter, want := range map[string]int{
		`codeLettrage == null`:                                                                            9,
		`codeLettrage != null`:                                                                            2,
		`codeLettrage == "` + packet + `"`:                                                                2,
		`codeLettrage == "` + origin + `"`:                                                                0,
		`ecritureOrigine == "` + origin + `"`:                                                             3,
		`codeLettrage == null && ecritureOrigine == "` + origin + `"`:                                     3,
		`codeLettrage == null && refPiece == "FA-1"`:                                                      3,
		`codeLettrage == null && refPiece == "P-1"`:                                                       3,
		`codeLettrage != null && refPiece == "FA-1"`:                                                      0,
		`codeLettrage == null && refPiece == "FA-1" && refPiece == "P-1"`:                                 0,
		`codeLettrage == null && journalCode == "VTE"`:                                                    0,
		`codeLettrage != null && journalCode == "VTE"`:                                                    2,
		`codeLettrage == null && compteNumero == "40100000"`:                                              3,
		`codeLettrage==null&&datePiece>="2026-03-16"`:                                                     3,
		`codeLettrage == null && datePiece == "2026-03-15"`:                                               6,
		`codeLettrage == null && datePiece >= "2026-03-15" && journalCode == "ACH" && refPiece == "FA-2"`: 3,
	} {
		if rows := w.lines(filter); len(rows) != want {
			t.Errorf("%s finds %d lines, want %d", filter, len(rows), want)
		}
	}
	if rows := w.get("/EcritureComptable", url.Values{"filter": {"codeLettrage == null"}, "codeDossier": {"DOSSIER_TEST"}}, asPartner).rows(t); len(rows) != 0 {
		t.Errorf("another dossier has %d lines", len(rows))
	}
}

func TestEntriesNeedAPrimaryCriterionInADocumentedForm(t *testing.T) {
	w := booked(t)
	refusedQuery(t, w.get("/EcritureComptable", nil))
	for _, filter := range []string{
		``, `refPiece == "FA-1"`, `journalCode == "ACH" && datePiece >= "2026-01-01"`, `codeJournal != null`, `codeLettrage == "A"`, `codeLettrage === null`,
		`codeLettrage != "` + origin + `"`, `codeLettrage >= "2026-01-01"`, `ecritureOrigine == null`, `ecritureOrigine != null`, `ecritureOrigine == "x"`,
		`codeLettrage == null && refPiece != "FA-1"`, `codeLettrage == null && refPiece == null`, `codeLettrage == null && journalCode === "ACH"`,
		`codeLettrage == null && datePiece != "2026-03-15"`, `codeLettrage == null && datePiece == null`, `codeLettrage == null && libelle == "ACHAT"`,
		`codeLettrage == null && reference == "FA-1"`, `codeLettrage == null && debit == "100"`, `codeLettrage == null || refPiece == "FA-1"`,
	} {
		t.Run(filter, func(t *testing.T) { refusedQuery(t, w.get("/EcritureComptable", url.Values{"filter": {filter}})) })
	}
}

func TestALineIsWrittenInFull(t *testing.T) {
	w := booked(t)
	got := w.get("/EcritureComptable", url.Values{"filter": {`codeLettrage == null && refPiece == "FA-2" && compteNumero == "40100000"`}})
	body := regexp.MustCompile(`"(objectId|ecriture|revisionId)":"[0-9a-fA-Fx-]+"`).ReplaceAllString(string(got.body), `"$1":"…"`)
	want := `[{"objectId":"…","revisionId":"…","ecriture":"…","journalCode":"ACH","datePiece":"2026-03-20T00:00:00.000Z","reference":"FA-2","refPiece":"FA-2",` +
		`"compteNumero":"40100000","tiers":"FEXEMPLE","libelle":"ACHAT","commentaire":null,"debit":0,"credit":120,"currency":"EUR","currencyAmount":120,` +
		`"dateEcheance":"2026-04-14T00:00:00.000Z","modePaiement":5,"typeMouvement":1,"type":1,"codeLettrage":null,"ecritureOrigine":"` + origin + `",` +
		`"ecritureMere":null,"lot":null,"SIRET":null}]`
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	foreign := w.lines(`codeLettrage != null`, "sort", "credit:desc")[0]
	if foreign["credit"] != 100.0 || foreign["currency"] != "USD" || foreign["currencyAmount"] != 110.5 {
		t.Errorf("%v", foreign)
	}
	w.SetShape("/EcritureComptable", loopsim.Shape{Envelope: loopsim.EnvelopeData, NumbersAsStrings: true})
	got = w.get("/EcritureComptable", url.Values{"filter": {`codeLettrage == null && refPiece == "FA-2" && compteNumero == "44566000"`}, "select": {"debit,modePaiement"}})
	if string(got.body) != `{"data":[{"debit":"20","modePaiement":"1"}]}` {
		t.Errorf("%s", got.body)
	}
}

func TestNoMoreThanAHundredLinesAreReached(t *testing.T) {
	w := start(t, loopsim.WithImportDelays(0, 0), loopsim.WithPageCap(0))
	for i := range 40 {
		w.post(purchase(fmt.Sprintf("FA-%02d", i)).body()).accepted(t)
	}
	const all = `codeLettrage == null`
	rows := w.lines(all, "sort", "reference&&debit:desc")
	if got := column(rows, "reference"); len(rows) != 100 || !slices.IsSorted(got) || got[0] != "FA-00" || rows[0]["debit"] != 100.0 {
		t.Errorf("%d lines: %v", len(rows), got)
	}
	if n := len(w.lines(all, "take", "1000")); n != 100 {
		t.Errorf("take 1000: %d lines", n)
	}
	if n := len(w.lines(all, "skip", "90", "take", "20")); n != 10 {
		t.Errorf("past the end: %d lines", n)
	}
	if n := len(w.lines(all, "skip", "100")); n != 0 {
		t.Errorf("past the cap: %d lines", n)
	}
	if a, b := column(w.lines(all), "objectId"), column(w.lines(all), "objectId"); !slices.Equal(a, b) {
		t.Error("the order without sort is not stable")
	}
	w.SetPageCap(7)
	if n := len(w.lines(all)); n != 7 {
		t.Errorf("with a cap of 7: %d lines", n)
	}
}

func TestEntriesMeetTheSameDoorAsLists(t *testing.T) {
	w := start(t)
	filter := url.Values{"filter": {"codeLettrage == null"}, "codeDossier": {"DOSSIER_TEST"}}
	serviceError(t, w.get("/EcritureComptable", filter), http.StatusForbidden, "SimDossierNotShared")
	if rows := w.get("/EcritureComptable", filter, asPartner).rows(t); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
}

func TestADossierCanHoldEntriesFromTheStart(t *testing.T) {
	w := start(t)
	lines := func(filter string) []map[string]any {
		return w.get("/EcritureComptable", url.Values{"codeDossier": {loopsim.SandboxBookedDossier}, "filter": {filter}}).rows(t)
	}
	if n := len(lines(`codeLettrage == null`)); n != 100 {
		t.Errorf("%d lines; want as many as Loop gives at most", n)
	}
	invoice := lines(`ecritureOrigine == "` + loopsim.SandboxOrigin + `"`)
	if len(invoice) != 3 || invoice[0]["refPiece"] != "FF-2026-01-1" || invoice[0]["currency"] != "EUR" {
		t.Fatalf("%v", invoice)
	}
	var packet string
	for _, line := range invoice {
		if id, lettered := line["codeLettrage"].(string); lettered {
			packet = id
		}
	}
	debit, credit := 0.0, 0.0
	for _, line := range lines(`codeLettrage == "` + packet + `"`) {
		debit, credit = debit+line["debit"].(float64), credit+line["credit"].(float64)
	}
	if debit == 0 || debit != credit {
		t.Errorf("the packet does not balance: %v, %v", debit, credit)
	}
	must(t, w.ResetDossier("demo", loopsim.SandboxBookedDossier))
	if again := lines(`ecritureOrigine == "` + loopsim.SandboxOrigin + `"`); again[0]["objectId"] != invoice[0]["objectId"] {
		t.Error("they are others after a reset")
	}
	if entries, err := w.Entries("demo", loopsim.SandboxBookedDossier); err != nil || len(entries) != 0 {
		t.Errorf("%d entries pass for imported ones, %v", len(entries), err)
	}
	twoLines := func(journal, account string, credit int64) loopsim.Content {
		return loopsim.With(loopsim.Template(), loopsim.Entry{
			Journal: journal, Date: "2026-01-01", Lines: []loopsim.EntryLine{{Compte: "51200000", Debit: 1}, {Compte: account, Credit: credit}},
		})
	}
	must(t, w.AddDossier("demo", "T1", twoLines("OD", "53000000", 1)))
	for name, tc := range map[string]struct {
		content loopsim.Content
		want    error
	}{
		"unbalanced":         {twoLines("OD", "53000000", 2), loopsim.ErrInvalid},
		"an unknown account": {twoLines("OD", "9", 1), loopsim.ErrUnknown},
		"an unknown journal": {twoLines("X", "53000000", 1), loopsim.ErrUnknown},
	} {
		if err := w.AddDossier("demo", "T2", tc.content); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
