package cegidclient

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MovementType says what an entry is for, on its header (Loop: typeMouvement; loop-api: A 2.3). 2 and 3 stand the other
// way round in [LineType], as Loop prints them.
type MovementType string

// The movement types.
const (
	MovementGeneral    MovementType = "1"
	MovementForecast   MovementType = "2"
	MovementSimulation MovementType = "3"
	MovementProject    MovementType = "4"
	MovementInitial    MovementType = "5"
	MovementBudget     MovementType = "6"
	MovementDraft      MovementType = "7" // brouillard
)

// LineType says what a line is for (Loop: type; loop-api: A 2.3). 2 and 3 stand the other way round in [MovementType].
type LineType string

// The line types.
const (
	LineGeneral    LineType = "1"
	LineSimulation LineType = "2"
	LineForecast   LineType = "3"
	LineProject    LineType = "4"
	LineInitial    LineType = "5"
	LineBudget     LineType = "6"
	LineDraft      LineType = "7" // brouillard
)

// BatchType says where a batch of entries comes from (Loop: typeLot; loop-api: A 2.3).
type BatchType string

// The batch types. Loop has no 3.
const (
	BatchCashEntry          BatchType = "1"
	BatchInvoiceRecognition BatchType = "2"
	BatchQuickBooks         BatchType = "4"
)

// PaymentMode says how a line is paid (Loop: modePaiement; loop-api: A 2.3). 0 is not said.
type PaymentMode int

// The payment modes.
const (
	PaymentNone        PaymentMode = 1
	PaymentCash        PaymentMode = 2
	PaymentCheque      PaymentMode = 3
	PaymentBankCard    PaymentMode = 4
	PaymentTransfer    PaymentMode = 5
	PaymentDirectDebit PaymentMode = 6
	PaymentTIP         PaymentMode = 7
	PaymentLCRBOR      PaymentMode = 8
	PaymentMagneticLCR PaymentMode = 9
	PaymentDraft       PaymentMode = 10 // traite
	PaymentRemote      PaymentMode = 11 // télérèglement
)

// EntryImport is what one call imports (Loop: importJson; loop-api: A 2). Dates are YYYY-MM-DD. Empty fields are not
// sent, but for the options that [ImportOptions] says are always sent.
type EntryImport struct {
	// SIRET is the establishment of the whole import, 14 digits; optional.
	SIRET   string
	Options ImportOptions
	Entries []Entry
}

// ImportOptions say how Loop treats the entries (loop-api: A 2.2). Always sent besides them: balanceAuto false and
// failOnUnbalanced true, because Loop's default is to balance by itself. comptesRules has no documented shape and is
// left out.
type ImportOptions struct {
	// MultiPeriod: entries may fall in any open period. Then no context is sent, unless ContextStart or ContextEnd is set.
	MultiPeriod bool
	// CreateJournals, CreateAccounts and CreateThirdParties are always sent: Loop would create third parties by default.
	CreateJournals, CreateAccounts, CreateThirdParties bool
	// DefaultJournalID and DefaultAccountID are UUIDs.
	DefaultJournalID, DefaultAccountID string
	SortLines                          bool
	NewFolio                           bool
	// OpeningBalances: Loop treats them unless told otherwise; nil leaves it to Loop.
	OpeningBalances         *bool
	CreateDocumentReference bool
	// ContextStart and ContextEnd are the first and last day; computed from the entries when empty.
	ContextStart, ContextEnd string
}

// Entry is an entry: lines that balance, under one journal, date and reference. Loop knows lines only, so that each line
// carries what stands here.
type Entry struct {
	Journal string
	// JournalLabel is for a journal to be created.
	JournalLabel      string
	Date              string
	Reference         string
	DocumentReference string
	DocumentDate      string
	MovementType      MovementType
	// Batch, ParentEntry and OriginEntry are UUIDs.
	Batch       string
	BatchType   BatchType
	ParentEntry string
	OriginEntry string
	Lines       []EntryLine
}

// EntryLine is a line of an entry (loop-api: A 2.3).
type EntryLine struct {
	// Account is the number of the general account.
	Account string
	// AccountLabel is for an account to be created.
	AccountLabel string
	// ThirdParty is a code, 17 characters at most.
	ThirdParty string
	// Label has 35 characters at most.
	Label   string
	Comment string
	// Debit and Credit are in euro: up to 13 digits, then up to two decimals after a point, no sign. Exactly one is set.
	// They are sent digit for digit.
	Debit, Credit string
	// Currency of CurrencyAmount, ISO 4217; empty for euro. CurrencyAmount has up to four decimals, CurrencyRate is a
	// decimal number.
	Currency, CurrencyAmount, CurrencyRate string
	OperationDate, DueDate                 string
	// CutoffStart and CutoffEnd go together.
	CutoffStart, CutoffEnd string
	ReconciliationDate     string
	// ReconciliationCode is a UUID.
	ReconciliationCode string
	LetteringCode      string
	LetteringDate      string
	PaymentMode        PaymentMode
	LineType           LineType
	// SIRET is the establishment of the line, 14 digits; empty for the main one.
	SIRET string
	// AttachmentURL is an https link that Loop fetches, valid for 24 hours at least. It can be a secret.
	AttachmentURL string
	// Analytics are sent only where [Config.Unverified] allows import_json_analytics.
	Analytics []AnalyticSplit
}

// AnalyticSplit is a part of a line's amount on a section, on the side of the line.
type AnalyticSplit struct {
	Axis, Section, Amount string
}

// ImportService sends entries and follows what becomes of them.
type ImportService struct {
	c                          *Client
	entries, analytics, status *Operation
}

func newImportService(c *Client) *ImportService {
	find := func(id string) *Operation {
		op, ok := OperationByID(id)
		if !ok {
			panic("cegidclient: no operation " + id)
		}
		return &op
	}
	return &ImportService{
		c: c, entries: find("import_entries"), analytics: find("import_json_analytics"), status: find("get_import_status"),
	}
}

// Submit sends the entries, once (Loop: POST /importJson; loop-api: A 2). The id that it returns is Loop's; the entries
// are booked later, or not: ask [ImportService.Status].
//
// [OutcomeOf] tells from an error whether the same entries may be sent again. An argument that cannot be written as JSON
// is a [KindInvalidArgument] with the path of the field; accounting rules are the business of package check.
func (s *ImportService) Submit(ctx context.Context, dossier string, in EntryImport) (loopRequestID string, err error) {
	call := &Call{Operation: s.entries, Dossier: dossier}
	if at := firstAnalytics(in); at != "" && !slices.Contains(s.c.unverified, s.analytics.ID) {
		call.Operation = s.analytics
		e := &Error{Kind: KindUnverified, Local: true, Field: at, detail: "Loop does not document the JSON of an analytic breakdown, and this client was not told to send it all the same"}
		return "", s.c.annotate(call, e, nil)
	}
	if dossier == "" || strings.EqualFold(dossier, practiceDossier) {
		return "", s.c.annotate(call, invalid("dossier", "no dossier"), nil)
	}
	if call.Body, err = appendImport(nil, dossier, &in); err != nil {
		return "", s.c.annotate(call, err, nil)
	}
	call.read = func(body []byte) (err error) {
		loopRequestID, err = readAccepted(body)
		return err
	}
	if _, err = s.c.Do(ctx, call); err != nil {
		return "", err
	}
	return loopRequestID, nil
}

func firstAnalytics(in EntryImport) string {
	for i := range in.Entries {
		for j := range in.Entries[i].Lines {
			if len(in.Entries[i].Lines[j].Analytics) > 0 {
				return fmt.Sprintf("entries[%d].lines[%d].analytics", i, j)
			}
		}
	}
	return ""
}

// importWriter writes the body of an import, members in one fixed order. It stops minding after the first error.
type importWriter struct {
	b   []byte
	err *Error
	// Where the writer stands, for the path of an error.
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
	if !o.MultiPeriod || o.ContextStart != "" || o.ContextEnd != "" {
		from, to := contextOf(in)
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

// contextOf gives the bounds that were set, and for one that was not the first or last date of the entries. ISO dates
// sort as texts.
func contextOf(in *EntryImport) (from, to string) {
	for i := range in.Entries {
		d := in.Entries[i].Date
		if from == "" || d < from {
			from = d
		}
		to = max(to, d)
	}
	if in.Options.ContextStart != "" {
		from = in.Options.ContextStart
	}
	if in.Options.ContextEnd != "" {
		to = in.Options.ContextEnd
	}
	return from, to
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
	currency, currencyAmount, rate := l.Currency, l.CurrencyAmount, l.CurrencyRate
	euro := currency == "" || currency == "EUR"
	switch {
	case currency == "" && (currencyAmount != "" || rate != ""):
		w.fail("currency", "an amount or a rate without a currency")
		return
	case !euro && currencyAmount == "":
		w.fail("currency_amount", "no amount in the currency")
		return
	case currency == "":
		currency = "EUR"
	}
	if euro && rate == "" {
		rate = "1.0"
	}
	for _, side := range [2]struct{ member, field, amount string }{{"debit", "debit", l.Debit}, {"credit", "credit", l.Credit}} {
		w.name(side.member)
		w.raw(`{`)
		inCurrency := "0"
		switch {
		case side.amount == "":
			side.amount = "0"
		case currencyAmount == "":
			inCurrency = side.amount
		default:
			inCurrency = currencyAmount
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

// readAccepted reads the answer to an import (loop-api: A 1): the id of the request, or a refusal with the status 200. An
// answer with both, or with neither, says nothing.
func readAccepted(body []byte) (loopRequestID string, err error) {
	m, err := readMembers(body, "accountingImportRequestId", "error")
	if err != nil {
		return "", err
	}
	if raw := m["accountingimportrequestid"]; raw != "" {
		if id, _, ok := readText(raw); ok {
			loopRequestID = strings.TrimSpace(id)
		}
	}
	var refused *Error
	if raw := m["error"]; raw != "" {
		refused = refusalIn(raw)
	}
	switch {
	case refused != nil && loopRequestID != "":
		return "", badResponse("the answer holds both an id and an error")
	case refused != nil:
		return "", refused
	case loopRequestID == "" || len(loopRequestID) > maxLoopRequestID || strings.ContainsFunc(loopRequestID, unicode.IsControl):
		e := badResponse("the answer holds neither an id nor an error")
		e.Field = "accountingImportRequestId"
		return "", e
	}
	return loopRequestID, nil
}

// maxLoopRequestID is generous: Loop's ids are UUIDs.
const maxLoopRequestID = 200

// readMembers reads an answer that is one object, bare, in {"data":…}, or alone in an array: Loop's envelopes vary
// (loop-api: R 1.8). It goes into an envelope only as long as none of the wanted members stands outside. Names come in
// lower case, values raw; of a name given twice the first counts.
func readMembers(body []byte, wanted ...string) (map[string]string, error) {
	dec := newDecoder(body)
	value, err := dec.ReadValue()
	if err != nil {
		return nil, notJSON(err)
	}
	raw := string(value)
	if err := (&reader{dec: dec}).end(); err != nil {
		if e, ok := asError(err); ok {
			return nil, e
		}
		return nil, notJSON(err)
	}
	for range 4 {
		dec := newDecoder([]byte(raw))
		switch token, err := dec.ReadToken(); {
		case err != nil:
			return nil, notJSON(err)
		case token.Kind() == '[':
			if dec.PeekKind() == ']' {
				return nil, badResponse("the answer is an empty list")
			}
			v, err := dec.ReadValue()
			if err != nil {
				return nil, notJSON(err)
			}
			raw = string(v)
			if dec.PeekKind() != ']' {
				return nil, badResponse("the answer is a list where one object was expected")
			}
			continue
		case token.Kind() != '{':
			return nil, badResponse("the answer is not an object")
		}
		members, found := map[string]string{}, false
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, notJSON(err)
			}
			key := fold(name.String())
			v, err := dec.ReadValue()
			if err != nil {
				return nil, notJSON(err)
			}
			if _, twice := members[key]; !twice {
				members[key] = string(v)
			}
			found = found || slices.ContainsFunc(wanted, func(w string) bool { return fold(w) == key && string(v) != "null" })
		}
		data := members["data"]
		if found || data == "" || data[0] != '{' && data[0] != '[' {
			return members, nil
		}
		raw = data
	}
	return nil, badResponse("the answer is wrapped too often")
}

// ImportState is where an import stands at Loop (loop-api: A 3.6) [3]. The history and the screens of Loop count
// otherwise (A 3.7).
type ImportState int

// The states. Only StatusSucceeded and StatusFailed are final.
const (
	// StatusUnknown: a status that this package does not know; not final.
	StatusUnknown   ImportState = 0
	StatusWaiting   ImportState = 1
	StatusRunning   ImportState = 2
	StatusSucceeded ImportState = 3
	// StatusFailed does not prove that nothing was booked.
	StatusFailed ImportState = 4
)

// String gives the stable name.
func (s ImportState) String() string {
	switch s {
	case StatusWaiting:
		return "waiting"
	case StatusRunning:
		return "running"
	case StatusSucceeded:
		return "succeeded"
	case StatusFailed:
		return "failed"
	default:
		return "unknown"
	}
}

// Final reports whether Loop is done with the import.
func (s ImportState) Final() bool { return s == StatusSucceeded || s == StatusFailed }

// ImportStatus is an answer to the question what became of an import.
type ImportStatus struct {
	State ImportState
	// Code is the status as Loop wrote it.
	Code string
	// Message and InstanceID are what the answer says in an error object, should it hold one as refusals do [I].
	Message, InstanceID string
	// Raw is the answer as received, at most 16 KiB of it, the practice's secrets taken out: the detail of errors is not
	// documented.
	Raw string
}

const maxRawStatus = 16 << 10

// Status asks what became of an import (Loop: GET /getImportStatus; loop-api: A 3.6). loopRequestID is what
// [ImportService.Submit] returned.
func (s *ImportService) Status(ctx context.Context, loopRequestID string) (ImportStatus, error) {
	call := &Call{Operation: s.status, Query: url.Values{"accountingImportRequestId": {loopRequestID}}}
	if loopRequestID == "" {
		return ImportStatus{}, s.c.annotate(call, invalid("loop_request_id", "no id"), nil)
	}
	var status ImportStatus
	call.read = func(body []byte) (err error) {
		status, err = readStatus(body)
		return err
	}
	resp, err := s.c.Do(ctx, call)
	if err != nil {
		return ImportStatus{}, err
	}
	status.Raw = strings.ToValidUTF8(resp.pair.redact(string(resp.Body)), "\uFFFD")
	if len(status.Raw) > maxRawStatus {
		status.Raw = strings.ToValidUTF8(status.Raw[:maxRawStatus], "") + "…"
	}
	detail := &Error{Message: status.Message, InstanceID: status.InstanceID}
	resp.pair.tidy(detail)
	status.Message, status.InstanceID = detail.Message, detail.InstanceID
	return status, nil
}

// readStatus reads the status as a number or its digits as a text. A status besides an error is a status: how Loop tells
// the errors of an import is not documented.
func readStatus(body []byte) (ImportStatus, error) {
	m, err := readMembers(body, "status", "error")
	if err != nil {
		return ImportStatus{}, err
	}
	var status ImportStatus
	if raw := m["status"]; raw != "" {
		code, _, _ := readText(raw)
		status.Code = strings.TrimSpace(code)
	}
	var refused *Error
	if raw := m["error"]; raw != "" {
		refused = refusalIn(raw)
	}
	switch {
	case status.Code != "":
	case refused != nil:
		return ImportStatus{}, refused
	default:
		e := badResponse("the answer holds no status")
		e.Field = "status"
		return ImportStatus{}, e
	}
	switch status.Code {
	case "1":
		status.State = StatusWaiting
	case "2":
		status.State = StatusRunning
	case "3":
		status.State = StatusSucceeded
	case "4":
		status.State = StatusFailed
	}
	if refused != nil {
		status.Message, status.InstanceID = refused.Message, refused.InstanceID
	}
	return status, nil
}
