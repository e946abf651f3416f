package filereport

import (
	"cmp"
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"

	"cegid.internal/gateway/cegidclient/filecheck"
)

// The records of a report as a table.
const (
	FileOfRow  = "file"
	VerdictRow = "verdict"
	FindingRow = "finding"
	JournalRow = "journal"
	MonthRow   = "month"
	AccountRow = "account"
	EntryRow   = "unbalanced_entry"
	PlaceRow   = "place"
	// ErrorRow comes last, where the report breaks off.
	ErrorRow = "error"
)

// Row is a record of a report. Count is how often a finding is there, how many findings a verdict rests on, or else how many
// lines are added up.
type Row struct {
	Record, Code, Severity, Field         string
	Line, Column, Count                   int
	Journal, Number, Date, Account, Label string
	Debit, Credit, Currency               string
	Message, French                       string
}

var columns = []string{
	"record", "code", "severity", "field", "line", "column", "count", "journal", "number", "date", "account", "label", "debit", "credit",
	"currency", "message", "message_fr",
}

// Columns are the names of the columns.
func Columns() []string { return slices.Clone(columns) }

// FileRow is the record of the file.
func FileRow(valid bool, lines int, debit, credit string) Row {
	message := "INVALID"
	if valid {
		message = "VALID"
	}
	return Row{Record: FileOfRow, Count: lines, Debit: debit, Credit: credit, Message: message}
}

// CSV writes a report as a table of RFC 4180: the names of the columns, then a record a row.
type CSV struct {
	w     *csv.Writer
	begun bool
	cells []string
}

// NewCSV makes a table.
func NewCSV(w io.Writer) *CSV {
	out := &CSV{w: csv.NewWriter(w)}
	out.w.UseCRLF = true
	return out
}

// Rows writes records.
func (t *CSV) Rows(rows ...Row) error {
	if !t.begun {
		t.begun = true
		_ = t.w.Write(columns) // its error comes with Flush
	}
	for i := range rows {
		r := &rows[i]
		t.cells = append(
			t.cells[:0], r.Record, r.Code, r.Severity, r.Field, number(r.Line), number(r.Column), number(r.Count), safe(r.Journal), safe(r.Number),
			safe(r.Date), safe(r.Account), safe(r.Label),
			r.Debit, r.Credit, safe(r.Currency), safe(r.Message), safe(r.French),
		)
		_ = t.w.Write(t.cells)
	}
	t.w.Flush()
	return t.w.Error()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// safe takes a text of the file's from a spreadsheet that would take it for a formula.
func safe(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// perWrite is how many rows are written at a time.
const perWrite = 1000

// CSV writes the whole report as a table.
func (r *Report) CSV(w io.Writer) error {
	table := NewCSV(w)
	rows := []Row{FileRow(r.Valid(), r.Lines, r.Debit.String(), r.Credit.String())}
	for _, v := range r.Verdicts {
		row := Row{Record: VerdictRow, Field: authorityNames[v.Authority], Count: v.Count, Message: outcomeNames[v.Outcome]}
		if v.Worst != nil {
			row.Code = v.Worst.Code
		}
		rows = append(rows, row)
	}
	for _, f := range r.Findings {
		rows = append(rows, Row{
			Record: FindingRow, Code: f.Code, Severity: strings.ToUpper(f.Severity.String()), Field: f.Field, Line: f.Line, Column: f.Column,
			Count: f.Count, Message: f.Message, French: f.French,
		})
	}
	for _, j := range r.Journals {
		rows = append(rows, Row{
			Record: JournalRow, Journal: j.Code, Label: j.Label, Count: j.Lines, Debit: j.Debit.String(),
			Credit: j.Credit.String(),
		})
	}
	for _, m := range r.Months {
		rows = append(rows, Row{
			Record: MonthRow, Journal: m.Journal, Date: m.Month, Count: m.Lines, Debit: m.Debit.String(),
			Credit: m.Credit.String(),
		})
	}
	for _, a := range r.Accounts {
		rows = append(rows, Row{
			Record: AccountRow, Account: a.Code, Label: a.Label, Count: a.Lines, Debit: a.Debit.String(),
			Credit: a.Credit.String(),
		})
	}
	add := func(row Row) (err error) {
		if rows = append(rows, row); len(rows) >= perWrite {
			err, rows = table.Rows(rows...), rows[:0]
		}
		return err
	}
	err := r.walk(
		func(e filecheck.EntryTotal) error {
			return add(Row{
				Record: EntryRow, Journal: e.Journal, Number: cmp.Or(e.Number, e.Reference), Date: e.Date, Line: e.Line, Debit: e.Debit.String(),
				Credit: e.Credit.String(), Currency: e.Currency,
			})
		},
		func(p filecheck.Place) error {
			return add(Row{Record: PlaceRow, Code: p.Code, Field: p.Field, Line: p.Line, Column: p.Column})
		},
	)
	if err != nil {
		return err
	}
	return table.Rows(rows...)
}

// walk gives the entries that do not balance, and the places of the findings: all of them, where the report is whole.
func (r *Report) walk(entry func(filecheck.EntryTotal) error, place func(filecheck.Place) error) error {
	if r.whole == nil {
		for _, e := range r.Unbalanced {
			if err := entry(e); err != nil {
				return err
			}
		}
		return nil
	}
	for e, err := range r.whole.Entries() {
		if err == nil {
			err = entry(e)
		}
		if err != nil {
			return err
		}
	}
	for p, err := range r.whole.Places(r.reported) {
		if err == nil {
			err = place(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
