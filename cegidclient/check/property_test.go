package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"cegid.internal/gateway/cegidclient"
)

// sane checks what holds of any findings: they can be sent on as they are.
func sane(t interface{ Fatalf(string, ...any) }, list []Finding) {
	for _, f := range list {
		known := slices.ContainsFunc(rules, func(r Rule) bool { return r.Code == f.Code && r.Severity == f.Severity })
		if !known || f.Field == "" || !utf8.ValidString(f.Message+f.French+f.Field+strings.Join(f.Suggestions, "")) || len(f.Suggestions) > maxSuggestions {
			t.Fatalf("%+v", f)
		}
	}
}

// balanced recomputes with big numbers whether an entry balances; known is false when an amount is none.
func balanced(e cegidclient.Entry) (ok, known bool) {
	sum := new(big.Rat)
	for _, l := range e.Lines {
		value, sign := l.Debit, int64(1)
		if l.Debit == "" {
			value, sign = l.Credit, -1
		}
		whole, fraction, point := strings.Cut(value, ".")
		plain := func(s string, most int) bool { return s != "" && len(s) <= most && strings.Trim(s, "0123456789") == "" }
		if (l.Debit == "") == (l.Credit == "") || !plain(whole, 13) || point && !plain(fraction, 2) {
			return false, false
		}
		r, _ := new(big.Rat).SetString(value)
		sum.Add(sum, r.Mul(r, big.NewRat(sign, 1)))
	}
	return sum.Sign() == 0, true
}

func FuzzEntries(f *testing.F) {
	f.Add("ACH", "2026-03-15", "FA-1", "100", "", "", "100.00", "label", "FEXEMPLE", "AA", "90000000100017", "https://a/b?se=2026-01-01", "USD", "1.0871", "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90", byte(0))
	f.Add("an", "2026-02-30", "", "1,00", "-5", "1e3", "٣", "\xff\n", strings.Repeat("x", 18), "", "356000000", "ftp://u:p@h", "usd", "0", "x", byte(255))
	f.Fuzz(func(t *testing.T, journal, date, reference, debit1, credit1, debit2, credit2, label, party, letter, siret, link, currency, rate, id string, bits byte) {
		on := func(i int) bool { return bits&(1<<i) != 0 }
		in := cegidclient.EntryImport{SIRET: siret, Options: cegidclient.ImportOptions{
			MultiPeriod: on(0), ContextStart: date, ContextEnd: reference, DefaultAccountID: id, CreateAccounts: on(1), CreateJournals: on(2), CreateThirdParties: on(3),
		}}
		for i := range 2 {
			in.Entries = append(in.Entries, cegidclient.Entry{
				Journal: journal, Date: date, Reference: fmt.Sprint(reference, i), DocumentReference: reference, DocumentDate: reference, MovementType: cegidclient.MovementType(id), Batch: id,
				Lines: []cegidclient.EntryLine{
					{Account: party, Label: label, ThirdParty: party, Debit: debit1, Credit: credit1, LetteringCode: letter, SIRET: siret, AttachmentURL: link, Currency: currency, CurrencyAmount: debit1, CurrencyRate: rate},
					{
						Account: journal, Label: label, Debit: debit2, Credit: credit2, LetteringDate: date, DueDate: date, CutoffStart: date, CutoffEnd: reference, PaymentMode: cegidclient.PaymentMode(bits),
						Analytics: []cegidclient.AnalyticSplit{{Axis: label, Section: party, Amount: credit2}, {Axis: label, Section: journal, Amount: debit2}},
					},
				}[:1+int(bits>>7)],
			})
		}
		before := clone(in)
		list, totals := Entries(in)
		sane(t, list)
		sane(t, Against(in, dossier()))
		for i, e := range in.Entries {
			ok, known := balanced(e)
			want := known && !ok && len(e.Lines) >= 2
			got := slices.ContainsFunc(list, func(f Finding) bool { return f.Code == entryUnbalanced && f.Field == fmt.Sprintf("entries[%d]", i) })
			if got != want {
				t.Fatalf("unbalanced: %t, want %t, of %+v", got, want, e)
			}
		}
		if totals.Entries != 2 || totals.Debit == "" {
			t.Fatalf("%+v", totals)
		}
		cut, notices := CutLabels(in)
		sane(t, notices)
		if !reflect.DeepEqual(in, before) {
			t.Fatalf("the caller's import has changed: %+v, and was %+v", in, before)
		}
		if again, more := CutLabels(cut); len(more) > 0 || !reflect.DeepEqual(again, cut) {
			t.Fatalf("cut twice: %+v", more)
		}
	})
}

// clone shares nothing that a check could change.
func clone(in cegidclient.EntryImport) cegidclient.EntryImport {
	in.Entries = slices.Clone(in.Entries)
	for i := range in.Entries {
		e := &in.Entries[i]
		e.Lines = slices.Clone(e.Lines)
		for j := range e.Lines {
			e.Lines[j].Analytics = slices.Clone(e.Lines[j].Analytics)
		}
	}
	return in
}

// keeper answers each import with an id and keeps what was sent.
type keeper struct{ body []byte }

func (k *keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	k.body, _ = io.ReadAll(r.Body)
	return &http.Response{
		StatusCode: 200, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"accountingImportRequestId":"1"}`)),
	}, nil
}

// TestWhatPassesIsSoundAndCanBeSent: entries without an error are written by the client as they are, and the body that
// it sends balances when it is computed anew, with numbers that have no limit.
func TestWhatPassesIsSoundAndCanBeSent(t *testing.T) {
	sent := new(keeper)
	client, err := cegidclient.New(cegidclient.Config{
		Transport: sent, Unverified: []string{"import_json_analytics"},
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
	})
	if err != nil {
		t.Fatal(err)
	}
	passed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		in := drawImport(t)
		list, totals := Entries(in)
		sane(t, list)
		if HasErrors(list) {
			refused++
			return
		}
		passed++
		if _, err := client.Imports.Submit(context.Background(), "D1", in); err != nil {
			t.Fatalf("%v of %+v", err, in)
		}
		recompute(t, sent.body, in, totals)
	})
	t.Logf("%d passed, %d refused", passed, refused)
	if passed == 0 || refused == 0 {
		t.Error("the generator is lopsided")
	}
}

func drawImport(t *rapid.T) cegidclient.EntryImport {
	fine := rapid.OneOf(rapid.SampledFrom([]string{"0", "10", "10.00", "10.5", "010", "0.01", "999999999999.99"}), rapid.StringMatching(`[0-9]{1,11}(\.[0-9]{1,2})?`))
	wrong := rapid.SampledFrom([]string{"1,00", "-5", "1e3", "", "1.005", "99999999999999"})
	date := rapid.SampledFrom([]string{"2026-03-01", "2026-03-15", "2026-03-31", "2026-12-31", "2026-02-30"})
	rare := func(name string) bool { return rapid.IntRange(0, 19).Draw(t, name) == 0 }
	in := cegidclient.EntryImport{}
	if rapid.Bool().Draw(t, "context") {
		in.Options.ContextStart, in.Options.ContextEnd = "2026-03-01", "2026-12-31"
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "entries") {
		e := cegidclient.Entry{Journal: "OD", Date: "2026-03-15", Reference: fmt.Sprint("R", i), DocumentReference: "P"}
		if rare("date") {
			e.Date = date.Draw(t, "date")
		}
		if rare("alike") {
			e.Reference = "R0"
		}
		sum := new(big.Rat)
		for range rapid.IntRange(1, 4).Draw(t, "lines") {
			l := cegidclient.EntryLine{Account: rapid.SampledFrom([]string{"60700000", "40100000"}).Draw(t, "account"), Label: "ligne"}
			a := fine.Draw(t, "amount")
			if rare("wrong") {
				a = wrong.Draw(t, "wrong amount")
			}
			r, ok := new(big.Rat).SetString(a)
			if rapid.Bool().Draw(t, "debit") {
				l.Debit = a
			} else if l.Credit = a; ok {
				r.Neg(r)
			}
			if ok {
				sum.Add(sum, r)
			}
			if rare("lettering") {
				l.LetteringCode = "AA"
			}
			if rare("analytics") {
				l.Analytics = []cegidclient.AnalyticSplit{{Axis: "A", Section: "S", Amount: a}}
			}
			e.Lines = append(e.Lines, l)
		}
		if !rare("left unbalanced") {
			last := cegidclient.EntryLine{Account: "51200000", Label: "solde"}
			if rest := new(big.Rat).Abs(sum).FloatString(2); sum.Sign() > 0 {
				last.Credit = rest
			} else {
				last.Debit = rest
			}
			e.Lines = append(e.Lines, last)
		}
		in.Entries = append(in.Entries, e)
	}
	return in
}

func recompute(t *rapid.T, body []byte, in cegidclient.EntryImport, totals Totals) {
	type side struct{ Amount json.Number }
	var got struct {
		Data struct {
			Contexte  struct{ From, To time.Time }
			Ecritures []struct {
				Date            time.Time
				Journal, Compte string
				Reference       string
				RefPiece        string
				CodeLettrage    string
				Debit, Credit   side
				AxeAna          map[string][]struct{ Debit, Credit side }
			}
		}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	value := func(s side) *big.Rat {
		r, ok := new(big.Rat).SetString(s.Amount.String())
		if !ok {
			return new(big.Rat)
		}
		return r
	}
	type key struct{ journal, date, reference, piece string }
	groups, packets := map[key]*big.Rat{}, map[string]*big.Rat{}
	add := func(r *big.Rat, of *big.Rat) *big.Rat {
		if of == nil {
			of = new(big.Rat)
		}
		return of.Add(of, r)
	}
	debit, credit := new(big.Rat), new(big.Rat)
	for _, l := range got.Data.Ecritures {
		d, k := value(l.Debit), value(l.Credit)
		if d.Sign() != 0 && k.Sign() != 0 {
			t.Fatalf("two sides in %s", body)
		}
		debit.Add(debit, d)
		credit.Add(credit, k)
		net := new(big.Rat).Sub(d, k)
		group := key{l.Journal, l.Date.String(), l.Reference, l.RefPiece}
		groups[group] = add(net, groups[group])
		if l.CodeLettrage != "" {
			packets[l.CodeLettrage+" "+l.Compte] = add(net, packets[l.CodeLettrage+" "+l.Compte])
		}
		for _, parts := range l.AxeAna {
			rest := new(big.Rat).Set(net)
			for _, p := range parts {
				rest.Sub(rest, value(p.Debit)).Add(rest, value(p.Credit))
			}
			if rest.Sign() != 0 {
				t.Fatalf("parts that do not add up in %s", body)
			}
		}
		if l.Date.Before(got.Data.Contexte.From) || l.Date.After(got.Data.Contexte.To) {
			t.Fatalf("a date outside the context in %s", body)
		}
	}
	for k, sum := range groups {
		if sum.Sign() != 0 {
			t.Fatalf("%v does not balance in %s", k, body)
		}
	}
	if len(groups) != len(in.Entries) {
		t.Fatalf("%d entries became %d: %s", len(in.Entries), len(groups), body)
	}
	for k, sum := range packets {
		if sum.Sign() != 0 {
			t.Fatalf("lettering %s does not balance in %s", k, body)
		}
	}
	if debit.FloatString(2) != totals.Debit || credit.FloatString(2) != totals.Credit || len(got.Data.Ecritures) != totals.Lines {
		t.Fatalf("%+v of %s", totals, body)
	}
}
