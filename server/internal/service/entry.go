package service

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
)

const formatEntries = "ENTRIES"

func entryImport(options *looppb.ImportOptions, entries []*looppb.Entry) cegidclient.EntryImport {
	out := cegidclient.EntryImport{
		SIRET: options.GetSiret(),
		Options: cegidclient.ImportOptions{
			MultiPeriod:             options.GetMultiPeriod(),
			CreateJournals:          options.GetCreateJournals(),
			CreateAccounts:          options.GetCreateAccounts(),
			CreateThirdParties:      options.GetCreateThirdParties(),
			DefaultJournalID:        options.GetDefaultJournalId(),
			DefaultAccountID:        options.GetDefaultAccountId(),
			SortLines:               options.GetSortLines(),
			NewFolio:                options.GetNewFolio(),
			CreateDocumentReference: options.GetCreateDocumentReference(),
			ContextStart:            options.GetContextStart(),
			ContextEnd:              options.GetContextEnd(),
		},
	}
	if options != nil {
		out.Options.OpeningBalances = options.OpeningBalances
	}
	for _, each := range entries {
		out.Entries = append(out.Entries, entry(each))
	}
	return out
}

func entry(e *looppb.Entry) cegidclient.Entry {
	out := cegidclient.Entry{
		Journal: e.GetJournal(), JournalLabel: e.GetJournalLabel(), Date: e.GetDate(), Reference: e.GetReference(),
		DocumentReference: e.GetDocumentReference(), DocumentDate: e.GetDocumentDate(),
		MovementType: cegidclient.MovementType(digits(e.GetMovementType())),
		Batch:        e.GetBatch(), BatchType: cegidclient.BatchType(digits(e.GetBatchType())),
		ParentEntry: e.GetParentEntry(), OriginEntry: e.GetOriginEntry(),
	}
	for _, each := range e.GetLines() {
		out.Lines = append(out.Lines, entryLine(each))
	}
	return out
}

func entryLine(l *looppb.EntryLine) cegidclient.EntryLine {
	out := cegidclient.EntryLine{
		Account: l.GetAccount(), AccountLabel: l.GetAccountLabel(), ThirdParty: l.GetThirdParty(), Label: l.GetLabel(), Comment: l.GetComment(),
		Debit: l.GetDebit(), Credit: l.GetCredit(),
		Currency: l.GetCurrency(), CurrencyAmount: l.GetCurrencyAmount(), CurrencyRate: l.GetCurrencyRate(),
		OperationDate: l.GetOperationDate(), DueDate: l.GetDueDate(), CutoffStart: l.GetCutoffStart(), CutoffEnd: l.GetCutoffEnd(),
		ReconciliationDate: l.GetReconciliationDate(), ReconciliationCode: l.GetReconciliationCode(),
		LetteringCode: l.GetLetteringCode(), LetteringDate: l.GetLetteringDate(),
		PaymentMode: cegidclient.PaymentMode(l.GetPaymentMode()), LineType: cegidclient.LineType(digits(l.GetLineType())),
		SIRET: l.GetSiret(), AttachmentURL: l.GetAttachmentUrl(),
	}
	for _, each := range l.GetAnalytics() {
		out.Analytics = append(out.Analytics, cegidclient.AnalyticSplit{Axis: each.GetAxis(), Section: each.GetSection(), Amount: each.GetAmount()})
	}
	return out
}

// digits is Loop's code of an enum whose values are numbered as Loop numbers them; empty for none.
func digits[E ~int32](value E) string {
	if value == 0 {
		return ""
	}
	return strconv.Itoa(int(value))
}

// documentReferences are those by which an import can be found again.
func documentReferences(in cegidclient.EntryImport) []string {
	var out []string
	for _, each := range in.Entries {
		if each.DocumentReference != "" {
			out = append(out, each.DocumentReference)
		}
	}
	return out
}

// clues are what the entries of each document reference can be told by in Loop.
func clues(in cegidclient.EntryImport) map[string]ledger.Clue {
	out := map[string]ledger.Clue{}
	add := func(to []string, value string) []string {
		if value == "" || slices.Contains(to, value) {
			return to
		}
		return append(to, value)
	}
	for _, each := range in.Entries {
		clue := out[each.DocumentReference]
		clue.Journals, clue.Dates = add(clue.Journals, each.Journal), add(add(clue.Dates, each.Date), each.DocumentDate)
		out[each.DocumentReference] = clue
	}
	return out
}

// fingerprintScheme is that of the fields below, in their order. Another field or order is another scheme.
const fingerprintScheme = 1

// fingerprint digests what would be booked: dossier, options and entries, as they are sent. What can be written in two
// ways and means the same is told apart by meaning: amounts by value, euro said or left out, a context that is given or
// computed. Of a link the query is left out, because signatures in it change.
func fingerprint(request *looppb.ImportEntriesRequest) ledger.Fingerprint {
	in := entryImport(request.GetOptions(), request.GetEntries())
	if request.GetOptions().GetCutLabels() {
		check.CutLabels(&in)
	}
	h := ledger.NewHasher(fingerprintScheme)
	h.Text(formatEntries).Text(request.GetDossier()).Text(in.SIRET)
	o := in.Options
	h.Bool(o.MultiPeriod).Bool(o.CreateJournals).Bool(o.CreateAccounts).Bool(o.CreateThirdParties)
	h.Text(o.DefaultJournalID).Text(o.DefaultAccountID).Bool(o.SortLines).Bool(o.NewFolio).Bool(o.CreateDocumentReference)
	h.Bool(o.OpeningBalances == nil || *o.OpeningBalances) // Loop treats them unless told otherwise
	start, end := contextOf(in)
	h.Text(start).Text(end)
	h.Int(len(in.Entries))
	for _, e := range in.Entries {
		h.Text(e.Journal).Text(e.JournalLabel).Text(e.Date).Text(e.Reference).Text(e.DocumentReference).Text(e.DocumentDate)
		h.Text(string(e.MovementType)).Text(e.Batch).Text(string(e.BatchType)).Text(e.ParentEntry).Text(e.OriginEntry)
		h.Int(len(e.Lines))
		for _, l := range e.Lines {
			h.Text(l.Account).Text(l.AccountLabel).Text(l.ThirdParty).Text(l.Label).Text(l.Comment)
			h.Text(canonicalAmount(l.Debit)).Text(canonicalAmount(l.Credit))
			currency, amount, rate := currencyOf(l)
			h.Text(currency).Text(amount).Text(rate)
			h.Text(l.OperationDate).Text(l.DueDate).Text(l.CutoffStart).Text(l.CutoffEnd)
			h.Text(l.ReconciliationDate).Text(l.ReconciliationCode).Text(l.LetteringCode).Text(l.LetteringDate)
			h.Int(int(l.PaymentMode)).Text(string(l.LineType)).Text(l.SIRET).Text(withoutQuery(l.AttachmentURL))
			h.Int(len(l.Analytics))
			for _, a := range l.Analytics {
				h.Text(a.Axis).Text(a.Section).Text(canonicalAmount(a.Amount))
			}
		}
	}
	return h.Sum()
}

// contextOf is the context that is sent: computed from the entries where it is not given, and left out for several
// periods.
func contextOf(in cegidclient.EntryImport) (start, end string) {
	start, end = in.Options.ContextStart, in.Options.ContextEnd
	if in.Options.MultiPeriod && start == "" && end == "" {
		return "", ""
	}
	var first, last string
	for _, entry := range in.Entries {
		if first == "" || entry.Date < first {
			first = entry.Date
		}
		last = max(last, entry.Date)
	}
	return cmp.Or(start, first), cmp.Or(end, last)
}

// currencyOf is the currency that is sent: euro, its amount and the rate 1 unless the line says otherwise.
func currencyOf(l cegidclient.EntryLine) (currency, amount, rate string) {
	currency = cmp.Or(l.Currency, "EUR")
	amount, rate = canonicalAmount(l.CurrencyAmount), canonicalAmount(l.CurrencyRate)
	if currency == "EUR" {
		amount, rate = cmp.Or(amount, canonicalAmount(l.Debit+l.Credit)), cmp.Or(rate, "1")
	}
	return currency, amount, rate
}

// canonicalAmount writes equal decimal numbers alike; whatever is none stays as it is.
func canonicalAmount(amount string) string {
	whole, decimals, _ := strings.Cut(amount, ".")
	if strings.Trim(whole+decimals, "0123456789") != "" || whole == "" {
		return amount
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if decimals = strings.TrimRight(decimals, "0"); decimals != "" {
		whole += "." + decimals
	}
	return whole
}

func withoutQuery(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

func ledgerTotals(t check.Totals) ledger.Totals {
	return ledger.Totals{Entries: t.Entries, Lines: t.Lines, Debit: t.Debit, Credit: t.Credit, FirstDate: t.FirstDate, LastDate: t.LastDate}
}

// totalsMessage is nil where nobody has counted: in a custom file, or one behind a link.
func totalsMessage(t ledger.Totals) *looppb.ImportTotals {
	if t == (ledger.Totals{}) {
		return nil
	}
	return &looppb.ImportTotals{
		Entries: new(int32(t.Entries)), Lines: new(int32(t.Lines)), Debit: t.Debit, Credit: t.Credit, FirstDate: t.FirstDate, LastDate: t.LastDate,
	}
}

func ledgerFindings(found []check.Finding) []ledger.Finding {
	var out []ledger.Finding
	for _, each := range found {
		out = append(out, ledger.Finding{
			Code: each.Code, Severity: each.Severity.String(), Field: each.Field,
			Message: each.Message, MessageFR: each.French, Suggestions: each.Suggestions,
		})
	}
	return out
}

func findingMessage(f ledger.Finding) *looppb.Finding {
	out := &looppb.Finding{
		Code: f.Code, Severity: looppb.FindingSeverity(looppb.FindingSeverity_value["FINDING_SEVERITY_"+strings.ToUpper(f.Severity)]),
		Field: f.Field, Message: f.Message, MessageFr: f.MessageFR, Suggestions: f.Suggestions,
		Line: int32(f.Line), Column: int32(f.Column),
	}
	if f.Count > 0 { // of a file
		out.Occurrences = new(int32(f.Count))
	}
	for _, each := range f.Grounds {
		out.Grounds = append(out.Grounds, looppb.FindingGround(looppb.FindingGround_value[groundPrefix+each]))
	}
	for _, each := range f.Lines {
		out.Lines = append(out.Lines, int32(each))
	}
	return out
}
