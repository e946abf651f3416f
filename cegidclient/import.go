package cegidclient

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// MovementType says what an entry is for, on its header (Loop: typeMouvement; loop-api: A 2.3). 2 and 3 are the other
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

// LineType says what a line is for (Loop: type; loop-api: A 2.3). 2 and 3 are the other way round in [MovementType].
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
// carries what is here.
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

const statusOperation = "get_import_status"

func newImportService(c *Client) *ImportService {
	find := func(id string) *Operation {
		op, ok := OperationByID(id)
		if !ok {
			panic("cegidclient: no operation " + id)
		}
		return &op
	}
	return &ImportService{
		c: c, entries: find("import_entries"), analytics: find("import_json_analytics"), status: find(statusOperation),
	}
}

// Submit sends the entries, once (Loop: POST /importJson; loop-api: A 2). The id that it returns is Loop's; the entries
// are booked later, or not: ask [ImportService.Status].
//
// [OutcomeOf] tells from an error whether the same entries may be sent again. An argument that cannot be written as JSON
// is a [KindInvalidArgument] with the path of the field; accounting rules are the business of package check.
func (s *ImportService) Submit(ctx context.Context, dossier string, in EntryImport) (loopRequestID string, err error) {
	call := &Call{Operation: s.entries, Dossier: dossier, RefersOnly: in.refersOnly()}
	if at := in.FirstAnalytics(); at != "" && !s.c.Enabled(s.analytics) {
		call.Operation = s.analytics
		return "", s.c.annotate(call, notEnabled(at), nil)
	}
	if isNoDossier(dossier) {
		return "", s.c.annotate(call, invalid("dossier", "no dossier"), nil)
	}
	if call.Body, err = appendImport(nil, dossier, &in); err != nil {
		return "", s.c.annotate(call, err, nil)
	}
	return s.c.submit(ctx, call)
}

// refersOnly: Loop makes what its options ask for, and a section that is missing (loop-api: R 2.3).
func (in *EntryImport) refersOnly() bool {
	o := in.Options
	return !o.CreateJournals && !o.CreateAccounts && !o.CreateThirdParties && in.FirstAnalytics() == ""
}

// submit sends an import of whatever format.
func (c *Client) submit(ctx context.Context, call *Call) (loopRequestID string, err error) {
	call.read = func(body []byte) (err error) {
		loopRequestID, err = readAccepted(body)
		return err
	}
	if _, err = c.Do(ctx, call); err != nil {
		return "", err
	}
	return loopRequestID, nil
}

// readAccepted reads the answer to an import (loop-api: A 1): the id of the request, or a refusal with the status 200. An
// answer with both, or with neither, says nothing.
func readAccepted(body []byte) (loopRequestID string, err error) {
	m, err := readMembers(body, "accountingImportRequestId", "error")
	if err != nil {
		return "", err
	}
	if raw := m[importIDMember]; raw != "" {
		if id, _, ok := readText(raw); ok {
			loopRequestID = strings.TrimSpace(id)
		}
	}
	var refused *Error
	if raw := m["error"]; raw != "" {
		refused = refusalIn(raw)
	}
	switch {
	case refused != nil && (loopRequestID != "" || strings.Contains(strings.ToLower(string(body)), importIDMember)):
		return "", badResponse("the answer holds both an id and an error")
	case refused != nil && refused.Message == "" && refused.InstanceID == "" && refused.Code == "":
		return "", badResponse("the answer holds an error that says nothing") // no proof that nothing is booked
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

// readMembers reads the members of what unwrap finds.
func readMembers(body []byte, wanted ...string) (map[string]string, error) {
	_, members, err := unwrap(body, wanted...)
	return members, err
}

// unwrap reads an answer that is one object, bare, in {"data":…}, or alone in an array: Loop's envelopes vary (loop-api:
// R 1.8). It goes into an envelope only as long as none of the wanted members is outside. It gives the object as
// received, and its members: names in lower case, values raw; of a name given twice the first counts.
func unwrap(body []byte, wanted ...string) (object string, members map[string]string, err error) {
	dec := newDecoder(body)
	value, err := dec.ReadValue()
	if err != nil {
		return "", nil, notJSON(err)
	}
	raw := string(value)
	if err := ended(dec); err != nil {
		if e, ok := asError(err); ok {
			return "", nil, e
		}
		return "", nil, notJSON(err)
	}
	for range 4 {
		dec := newDecoder([]byte(raw))
		switch token, err := dec.ReadToken(); {
		case err != nil:
			return "", nil, notJSON(err)
		case token.Kind() == '[':
			if dec.PeekKind() == ']' {
				return "", nil, badResponse("the answer is an empty list")
			}
			v, err := dec.ReadValue()
			if err != nil {
				return "", nil, notJSON(err)
			}
			raw = string(v)
			if dec.PeekKind() != ']' {
				return "", nil, badResponse("the answer is a list where one object was expected")
			}
			continue
		case token.Kind() != '{':
			return "", nil, badResponse("the answer is not an object")
		}
		members, found := map[string]string{}, false
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return "", nil, notJSON(err)
			}
			key := fold(name.String())
			v, err := dec.ReadValue()
			if err != nil {
				return "", nil, notJSON(err)
			}
			if _, twice := members[key]; !twice {
				members[key] = string(v)
			}
			found = found || slices.ContainsFunc(wanted, func(w string) bool { return fold(w) == key && string(v) != "null" })
		}
		data := members["data"]
		if found || data == "" || data[0] != '{' && data[0] != '[' {
			return raw, members, nil
		}
		raw = data
	}
	return "", nil, badResponse("the answer is wrapped too often")
}

// ImportState is where an import is at Loop (loop-api: A 3.6) [3]. The history and the screens of Loop count
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
	status.Raw = strings.ToValidUTF8(string(resp.Body), "\uFFFD")
	if len(status.Raw) > maxRawStatus {
		status.Raw = strings.ToValidUTF8(status.Raw[:maxRawStatus], "") + "…"
	}
	detail := &Error{Message: status.Message, InstanceID: status.InstanceID}
	detail.tidy()
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
