package cegidclient

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestEntriesAreAskedForAsLoopDocumentsIt(t *testing.T) {
	const id = "142ae28e-0000-4000-8000-000000000001"
	var filter, take, sort, skip string
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		filter, take, sort, skip = q.Get("filter"), q.Get("take"), q.Get("sort"), q.Get("skip")
		reply(200, `[]`)(w, r)
	})
	for want, q := range map[string]EntryQuery{
		`codeLettrage==null`:                   {Lettering: Unlettered},
		`codeLettrage!=null`:                   {Lettering: Lettered},
		`codeLettrage=="` + id + `"`:           {LetteringID: id},
		`ecritureOrigine=="` + id + `"`:        {OriginID: id},
		`codeLettrage==null&&refPiece=="FA 1"`: {Lettering: Unlettered, DocumentReference: "FA 1"},
		`codeLettrage==null&&journalCode=="ACH"&&refPiece=="FA-1"&&datePiece=="2026-03-15"&&datePiece>="2026-03-01"&&compteNumero=="40100000"`: {
			Lettering: Unlettered, Journal: "ACH", DocumentReference: "FA-1", DocumentDate: "2026-03-15", DocumentDateFrom: "2026-03-01", Account: "40100000",
		},
	} {
		if _, err := c.Entries.List(t.Context(), "D", q); err != nil || filter != want || take != "100" || sort != "" || skip != "" {
			t.Errorf("%s, take %s, sort %s, skip %s: %v; want %s", filter, take, sort, skip, err, want)
		}
	}
}

func TestWhatLoopCannotBeAskedIsRefusedBeforeAnyCall(t *testing.T) {
	c, w := testClient(t, reply(200, `[]`))
	for name, tc := range map[string]struct {
		dossier, field string
		query          EntryQuery
	}{
		"no dossier":                 {"", "dossier", EntryQuery{Lettering: Lettered}},
		"the practice itself":        {"Cabinet", "dossier", EntryQuery{Lettering: Lettered}},
		"no criterion":               {"D", "criterion", EntryQuery{DocumentReference: "FA-1"}},
		"half a lettering":           {"D", "lettering", EntryQuery{Lettering: "half"}},
		"a way out of the literal":   {"D", "document_reference", EntryQuery{Lettering: Lettered, DocumentReference: `a"||true||"`}},
		"a day that is none":         {"D", "document_date", EntryQuery{Lettering: Lettered, DocumentDate: "2026-02-30"}},
		"a first day in French":      {"D", "document_date_from", EntryQuery{Lettering: Lettered, DocumentDateFrom: "01/03/2026"}},
		"a backslash in the account": {"D", "account", EntryQuery{Lettering: Lettered, Account: `4\1`}},
	} {
		_, err := c.Entries.List(t.Context(), tc.dossier, tc.query)
		if e, ok := asError(err); !ok || e.Kind != KindInvalidArgument || e.Field != tc.field || e.Operation != "list_entry_lines" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if n := w.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAHundredEntriesMayNotBeAll(t *testing.T) {
	for n, truncated := range map[int]bool{0: false, 1: false, 99: false, 100: true, 101: true} {
		c, w := testClient(t, reply(200, "["+strings.TrimSuffix(strings.Repeat(`{"montant":1},`, n), ",")+"]"))
		got, err := c.Entries.List(t.Context(), "D", EntryQuery{Lettering: Lettered})
		if err != nil || len(got.Items) != n || got.Truncated != truncated || w.requests.Load() != 1 {
			t.Errorf("%d entries: %+v, %v after %d requests", n, got, err, w.requests.Load())
		}
	}
}

func TestAnEntryIsTypedByItsCriteriaAlone(t *testing.T) {
	const entry = `{"journalCode":"ACH","compteNumero":"60700000","refPiece":"FA-1","datePiece":"2026-03-15T00:00:00.000Z","objectId":"o","debit":100.10,"credit":0}`
	c, _ := testClient(t, reply(200, `{"data":[`+entry+`]}`))
	got, err := c.Entries.List(t.Context(), "D", EntryQuery{Lettering: Unlettered})
	if err != nil {
		t.Fatal(err)
	}
	e := got.Items[0]
	if *e.Journal != "ACH" || *e.Account != "60700000" || *e.DocumentReference != "FA-1" || *e.DocumentDate != "2026-03-15" || e.LetteringID != nil ||
		len(e.Unmapped) != 3 || e.Unmapped["debit"] != "100.10" || e.Unmapped["objectId"] != `"o"` {
		t.Errorf("%+v", e)
	}
	back := string(c.Entries.AppendJSON(nil, &e))
	if in, out := members(t, []byte(entry)), members(t, []byte(back)); len(in) != len(out) || out["debit"] != "100.10" || out["datePiece"] != in["datePiece"] {
		t.Error(back)
	}
}

// An entry has no identity that is documented: whatever object comes alone could be one, and is none.
func TestAnObjectThatComesAloneIsNoEntry(t *testing.T) {
	for _, body := range []string{`{}`, `{"items":[{"refPiece":"FA-1"}]}`, `{"refPiece":"FA-1"}`} {
		c, _ := testClient(t, reply(200, body))
		if got, err := c.Entries.List(t.Context(), "D", EntryQuery{Lettering: Lettered}); !errors.Is(err, ErrBadResponse) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestNothingOfAnEntryIsLost(t *testing.T) { losesNothing[BookedEntry](t) }
