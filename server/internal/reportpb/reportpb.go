// Package reportpb writes reports on files in messages of the contract.
package reportpb

import (
	"cmp"
	"iter"
	"slices"

	"cegid.internal/gateway/cegidclient/filecheck"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

const (
	// maxMonths is how many months of journals an answer of one message tells.
	maxMonths = 1000
	// perMessage is how many of a kind a message of a stream tells.
	perMessage = 1000
)

var authorities = map[filecheck.Authority]looppb.FileAuthority{
	filecheck.OfLaw:     looppb.FileAuthority_FILE_AUTHORITY_LAW,
	filecheck.OfTaxTool: looppb.FileAuthority_FILE_AUTHORITY_TAX_TOOL,
	filecheck.OfLoop:    looppb.FileAuthority_FILE_AUTHORITY_LOOP,
}

var outcomes = map[filecheck.Outcome]looppb.FileOutcome{
	filecheck.NotConcerned:           looppb.FileOutcome_FILE_OUTCOME_NOT_CONCERNED,
	filecheck.Passes:                 looppb.FileOutcome_FILE_OUTCOME_PASSES,
	filecheck.PassesWithReservations: looppb.FileOutcome_FILE_OUTCOME_PASSES_WITH_RESERVATIONS,
	filecheck.Fails:                  looppb.FileOutcome_FILE_OUTCOME_FAILS,
}

// Complete adds to a report what comes of its findings and totals.
func Complete(out *looppb.FileReport, d *ledger.Deposit) {
	if format := submission.Format(d.Format); format != submission.FormatCustom {
		for _, v := range filecheck.Verdicts(d.Report.Findings, format == submission.FormatFEC) {
			verdict := &looppb.FileVerdict{Authority: authorities[v.Authority], Outcome: outcomes[v.Outcome], Findings: new(int32(v.Count))}
			if v.Worst != nil {
				verdict.Worst = v.Worst.Code
			}
			out.Verdicts = append(out.Verdicts, verdict)
		}
	}
	for _, m := range d.Report.Months[:min(len(d.Report.Months), maxMonths)] {
		out.Months = append(out.Months, month(m))
	}
	for _, e := range d.Report.Unbalanced {
		out.UnbalancedEntries = append(out.UnbalancedEntries, entry(e))
	}
}

// Journal is what a journal holds.
func Journal(j ledger.JournalTotals) *looppb.JournalTotals {
	return &looppb.JournalTotals{Journal: j.Code, Label: j.Label, Lines: new(int32(j.Lines)), Debit: j.Debit, Credit: j.Credit}
}

func month(m filecheck.MonthTotal) *looppb.MonthTotals {
	return &looppb.MonthTotals{
		Journal: m.Journal, Month: m.Month, Lines: new(int32(m.Lines)), Debit: m.Debit.String(),
		Credit: m.Credit.String(),
	}
}

func account(a filecheck.Total) *looppb.AccountTotals {
	return &looppb.AccountTotals{
		Account: a.Code, Label: a.Label, Lines: new(int32(a.Lines)), Debit: a.Debit.String(),
		Credit: a.Credit.String(),
	}
}

func entry(e filecheck.EntryTotal) *looppb.UnbalancedEntry {
	return &looppb.UnbalancedEntry{
		Journal: e.Journal, Number: cmp.Or(e.Number, e.Reference), Date: e.Date, Line: int32(e.Line), Debit: e.Debit.String(),
		Credit: e.Credit.String(), Currency: e.Currency,
	}
}

func place(p filecheck.Place) *looppb.FindingPlace {
	return &looppb.FindingPlace{Code: p.Code, Field: p.Field, Line: int32(p.Line), Column: int32(p.Column)}
}

// Send sends a whole report: the message of what was found first, then all that it has no room for.
func Send(first *looppb.StreamFileReportResponse, d *ledger.Deposit, whole submission.Whole,
	send func(*looppb.StreamFileReportResponse) error,
) error {
	r := first.GetReport()
	r.Journals, r.Months, r.UnbalancedEntries, r.OmittedJournals = nil, nil, nil, new(int32)
	type response = looppb.StreamFileReportResponse
	part := func(m *response) error {
		m.Valid = first.Valid
		return send(m)
	}
	return firstError(
		func() error { return send(first) },
		func() error {
			return inParts(known(d.Report.Journals), Journal, func(some []*looppb.JournalTotals) error { return part(&response{Journals: some}) })
		},
		func() error {
			return inParts(known(d.Report.Months), month, func(some []*looppb.MonthTotals) error { return part(&response{Months: some}) })
		},
		func() error {
			return inParts(known(d.Report.Accounts), account, func(some []*looppb.AccountTotals) error { return part(&response{Accounts: some}) })
		},
		func() error {
			return inParts(whole.Entries, entry, func(some []*looppb.UnbalancedEntry) error { return part(&response{UnbalancedEntries: some}) })
		},
		func() error {
			return inParts(whole.Places, place, func(some []*looppb.FindingPlace) error { return part(&response{Places: some}) })
		},
	)
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// known is a list that is in memory.
func known[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for item := range slices.Values(list) {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// inParts sends messages of a list, so many at a time.
func inParts[T any, M any](list iter.Seq2[T, error], message func(T) M, send func([]M) error) error {
	var part []M
	for item, err := range list {
		if err != nil {
			return err
		}
		if part = append(part, message(item)); len(part) == perMessage {
			if err := send(part); err != nil {
				return err
			}
			part = nil // grpc may still look at it
		}
	}
	if len(part) == 0 {
		return nil
	}
	return send(part)
}
