package cegidclient

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// importWriter writes the body of an import, members in one fixed order. It stops minding after the first error.
type importWriter struct {
	b   []byte
	err *Error
	// Where the writer is, for the path of an error.
	entry, line int
}

// appendImport writes entries as Loop's array of lines (loop-api: A 2.1–2.3). The lines of an entry stay together, in
// order: how Loop cuts lines into entries is not documented (A 2.10).
func appendImport(dst []byte, dossier string, in *EntryImport) ([]byte, error) {
	if len(in.Entries) == 0 {
		return nil, invalid("entries", "no entries")
	}
	lines := 0
	for i := range in.Entries {
		lines += len(in.Entries[i].Lines)
		if !isDate(in.Entries[i].Date) { // now, before the context is computed from it
			return nil, invalid(fmt.Sprintf("entries[%d].date", i), notADate)
		}
	}
	w := &importWriter{b: slices.Grow(dst, 512+512*lines), entry: -1, line: -1}
	w.raw(`{`)
	w.text("codeIbs", dossier, "dossier")
	w.text("SIRET", in.SIRET, "options.siret")
	w.raw(`,"data":{`)
	o := &in.Options
	if from, to := in.Context(); from != "" {
		w.raw(`"contexte":{`)
		w.date("from", from, "options.context_start")
		w.date("to", to, "options.context_end")
		w.raw(`},`)
	}
	w.raw(`"options":{"separatorDecimal":".","formatDate":"YYYY-MM-DDTHH:mm:ss.SSSZ"`)
	w.boolean("multiPeriode", o.MultiPeriod)
	w.boolean("failOnUnbalanced", true)
	w.boolean("balanceAuto", false)
	w.boolean("createNewJournaux", o.CreateJournals)
	w.boolean("createNewComptes", o.CreateAccounts)
	w.boolean("createNewTiers", o.CreateThirdParties)
	w.text("defaultJournalId", o.DefaultJournalID, "options.default_journal_id")
	w.text("defaultCompte", o.DefaultAccountID, "options.default_account_id")
	w.onlyTrue("sortLines", o.SortLines)
	w.onlyTrue("newFolio", o.NewFolio)
	if o.OpeningBalances != nil {
		w.boolean("aNouveaux", *o.OpeningBalances)
	}
	w.onlyTrue("createPieceRef", o.CreateDocumentReference)
	w.raw(`},"ecritures":[`)
	for i := range in.Entries {
		e := &in.Entries[i]
		for j := range e.Lines {
			w.entry, w.line = i, j
			w.comma()
			w.entryLine(e, &e.Lines[j])
		}
	}
	w.raw(`]}}`)
	if w.err != nil {
		return nil, w.err
	}
	return w.b, nil
}

func (w *importWriter) entryLine(e *Entry, l *EntryLine) {
	w.raw(`{`)
	w.date("date", e.Date, "^date")
	w.text("journal", e.Journal, "^journal")
	w.text("journalLib", e.JournalLabel, "^journal_label")
	w.text("compte", l.Account, "account")
	w.text("compteLib", l.AccountLabel, "account_label")
	w.text("tiers", l.ThirdParty, "third_party")
	w.text("libelle", l.Label, "label")
	w.text("reference", e.Reference, "^reference")
	w.text("refPiece", e.DocumentReference, "^document_reference")
	w.text("commentaire", l.Comment, "comment")
	w.amounts(l)
	w.optionalDate("dateJustif", e.DocumentDate, "^document_date")
	w.optionalDate("debCutOff", l.CutoffStart, "cutoff_start")
	w.optionalDate("finCutOff", l.CutoffEnd, "cutoff_end")
	w.optionalDate("dateOperation", l.OperationDate, "operation_date")
	w.optionalDate("dateEcheance", l.DueDate, "due_date")
	w.optionalDate("datePointage", l.ReconciliationDate, "reconciliation_date")
	w.text("codePointage", l.ReconciliationCode, "reconciliation_code")
	w.text("codeLettrage", l.LetteringCode, "lettering_code")
	w.optionalDate("dateLettrage", l.LetteringDate, "lettering_date") // its form is not stated: as the others [I]
	if l.PaymentMode != 0 {
		w.name("modePaiement")
		w.b = strconv.AppendInt(w.b, int64(l.PaymentMode), 10)
	}
	w.text("typeMouvement", string(e.MovementType), "^movement_type")
	w.text("type", string(l.LineType), "line_type")
	w.text("lot", e.Batch, "^batch")
	w.text("typeLot", string(e.BatchType), "^batch_type")
	w.text("ecritureMere", e.ParentEntry, "^parent_entry")
	w.text("ecritureOrigine", e.OriginEntry, "^origin_entry")
	w.text("SIRET", l.SIRET, "siret")
	if l.AttachmentURL != "" {
		w.name("fichier")
		w.raw(`{`)
		w.text("uri", l.AttachmentURL, "attachment_url")
		w.raw(`}`)
	}
	if len(l.Analytics) > 0 {
		w.analytics(l)
	}
	w.raw(`}`)
}

// amounts writes both sides, the unused one as 0, each with the currency as in Loop's example (loop-api: A 2.8).
func (w *importWriter) amounts(l *EntryLine) {
	if (l.Debit == "") == (l.Credit == "") {
		w.fail("debit", "exactly one of debit and credit is set")
		return
	}
	currency, currencyAmount, rate := l.InCurrency()
	switch {
	case l.Currency == "" && (l.CurrencyAmount != "" || l.CurrencyRate != ""):
		w.fail("currency", "an amount or a rate without a currency")
		return
	case currencyAmount == "":
		w.fail("currency_amount", "no amount in the currency")
		return
	}
	for _, side := range [2]struct{ member, field, amount string }{{"debit", "debit", l.Debit}, {"credit", "credit", l.Credit}} {
		w.name(side.member)
		w.raw(`{`)
		inCurrency := currencyAmount
		if side.amount == "" {
			side.amount, inCurrency = "0", "0"
		}
		w.number("amount", side.amount, 2, side.field)
		w.text("currency", currency, "currency")
		w.number("currencyAmount", inCurrency, 4, "currency_amount")
		w.text("currencyRate", rate, "currency_rate") // a string in the example
		w.raw(`}`)
	}
}

// analytics writes the breakdown of a line. All of this shape is inferred from "axeAna[codeAxe]: JSON array" and from the
// sides of a line [I] (loop-api: A 2.4), which is why it is sent on request only.
func (w *importWriter) analytics(l *EntryLine) {
	side := "debit"
	if l.Debit == "" {
		side = "credit"
	}
	var axes []string
	for i := range l.Analytics {
		if !slices.Contains(axes, l.Analytics[i].Axis) {
			axes = append(axes, l.Analytics[i].Axis)
		}
	}
	w.name("axeAna")
	w.raw(`{`)
	for _, axis := range axes {
		if axis == "" || !utf8.ValidString(axis) {
			w.fail("analytics", "an axis without a code, or with one that is not UTF-8")
		}
		w.name(axis)
		w.raw(`[`)
		for i, split := range l.Analytics {
			if split.Axis != axis {
				continue
			}
			w.comma()
			w.raw(`{`)
			w.text("section", split.Section, fmt.Sprintf("analytics[%d].section", i))
			w.name(side)
			w.raw(`{`)
			w.number("amount", split.Amount, 2, fmt.Sprintf("analytics[%d].amount", i)) // without a currency it is in euro (A 2.4)
			w.raw(`}}`)
		}
		w.raw(`]`)
	}
	w.raw(`}`)
}

// fail notes the first error. A field that starts with '^' is the entry's.
func (w *importWriter) fail(field, detail string) {
	if w.err != nil {
		return
	}
	switch {
	case w.line < 0:
	case strings.HasPrefix(field, "^"):
		field = fmt.Sprintf("entries[%d].%s", w.entry, field[1:])
	default:
		field = fmt.Sprintf("entries[%d].lines[%d].%s", w.entry, w.line, field)
	}
	w.err = invalid(field, detail)
}

func (w *importWriter) raw(s string) { w.b = append(w.b, s...) }

func (w *importWriter) comma() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *importWriter) name(name string) {
	w.comma()
	w.b, _ = jsontext.AppendQuote(w.b, name)
	w.b = append(w.b, ':')
}

// text leaves out an empty text, and refuses one that is not UTF-8 rather than send something else.
func (w *importWriter) text(name, value, field string) {
	if value == "" {
		return
	}
	if !utf8.ValidString(value) {
		w.fail(field, "not UTF-8")
		return
	}
	w.name(name)
	w.b, _ = jsontext.AppendQuote(w.b, value)
}

func (w *importWriter) boolean(name string, value bool) {
	w.name(name)
	w.b = strconv.AppendBool(w.b, value)
}

func (w *importWriter) onlyTrue(name string, value bool) {
	if value {
		w.boolean(name, true)
	}
}

func (w *importWriter) optionalDate(name, value, field string) {
	if value != "" {
		w.date(name, value, field)
	}
}

// date writes a civil date as the instant that Loop's format wants: midnight, as in its example.
func (w *importWriter) date(name, value, field string) {
	if !isDate(value) {
		w.fail(field, notADate)
		return
	}
	w.name(name)
	w.raw(`"` + value + `T00:00:00.000Z"`)
}

const notADate = "not a date of the form YYYY-MM-DD"

func isDate(value string) bool {
	_, err := time.Parse(time.DateOnly, value)
	return err == nil
}

// number writes a decimal text as a JSON number, digit for digit; leading zeros, which JSON forbids, are left out.
func (w *importWriter) number(name, value string, decimals int, field string) {
	whole, fraction, point := strings.Cut(value, ".")
	if !isDigits(whole) || len(whole) > 13 || point && (!isDigits(fraction) || len(fraction) > decimals) {
		w.fail(field, fmt.Sprintf("not an amount: up to 13 digits, then up to %d decimals after a point, without a sign", decimals))
		return
	}
	w.name(name)
	value = strings.TrimLeft(whole, "0")
	if value == "" {
		value = "0"
	}
	w.raw(value)
	if point {
		w.raw("." + fraction)
	}
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
