package service

import (
	"strconv"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// entriesOf are the entries of a request: of an import, of a validation, or of an import that is sent again.
func entriesOf(in interface {
	GetOptions() *looppb.ImportOptions
	GetEntries() []*looppb.Entry
}, request submission.Request,
) submission.Entries {
	o := in.GetOptions()
	return submission.Entries{
		Request: request, Content: entryImport(o, in.GetEntries()), CutLabels: o.GetCutLabels(), SkipPreflight: o.GetSkipPreflight(),
		IgnoredFindings: o.GetIgnoredFindings(),
		RepeatOf:        repeatOf(in.GetEntries()),
	}
}

// repeatOf are the imports that entries, by their index, are said to repeat.
func repeatOf(entries []*looppb.Entry) map[int]string {
	out := map[int]string{}
	for i, sent := range entries {
		if id := sent.GetRepeatOf(); id != "" {
			out[i] = id
		}
	}
	return out
}

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
	for _, sent := range entries {
		out.Entries = append(out.Entries, entry(sent))
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
	for _, line := range e.GetLines() {
		out.Lines = append(out.Lines, entryLine(line))
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
	for _, analytic := range l.GetAnalytics() {
		out.Analytics = append(out.Analytics,
			cegidclient.AnalyticSplit{Axis: analytic.GetAxis(), Section: analytic.GetSection(), Amount: analytic.GetAmount()})
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

// totalsMessage is nil where nobody has counted: in a custom file, or one behind a link.
func totalsMessage(t ledger.Totals) *looppb.ImportTotals {
	if t == (ledger.Totals{}) {
		return nil
	}
	return &looppb.ImportTotals{
		Entries: new(int32(t.Entries)), Lines: new(int32(t.Lines)), Debit: t.Debit, Credit: t.Credit, FirstDate: t.FirstDate,
		LastDate: t.LastDate,
	}
}
