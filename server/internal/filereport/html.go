package filereport

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
)

//go:embed page.html
var page string

// shownAccounts is how many accounts the page lists.
const shownAccounts = 500

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"outcome":  func(v filecheck.Verdict) string { return outcomeClasses[v.Outcome] },
	"severity": func(f check.Finding) string { return f.Severity.String() },
}).Parse(page))

var outcomeClasses = map[filecheck.Outcome]string{
	filecheck.NotConcerned: "none", filecheck.Passes: "passes", filecheck.PassesWithReservations: "reserved", filecheck.Fails: "fails",
}

// pageData is what the page shows, in its language.
type pageData struct {
	T        *words
	R        *Report
	Summary  string
	Size     string
	Verdicts []pageVerdict
	Findings []pageFinding
	Steps    []string
	Months   []string
	Journals []pageJournal
	Total    pageTotal
	Accounts []pageTotal
	More     string
	Entries  []pageEntry
	MoreOf   string
}

type pageVerdict struct {
	filecheck.Verdict
	Authority, Outcome, Count, Worst string
}

type pageFinding struct {
	check.Finding
	Number                     int
	Severity, Sentence, Ground string
	Lines                      string
	Excerpts                   []filecheck.Excerpt
}

type pageTotal struct{ Code, Label, Lines, Debit, Credit string }

type pageJournal struct {
	pageTotal
	Months []pageMonth
}

type pageMonth struct {
	Amount string
	Width  int // of the bar, in percent
}

type pageEntry struct{ Journal, Entry, Date, Line, Debit, Credit, Difference string }

// HTML writes the report as a page that needs nothing else: no script, no font, no picture.
func (r *Report) HTML(w io.Writer, language Language) error {
	t := texts[language]
	d := pageData{T: t, R: r, Size: t.bytes(r.Size)}
	for _, step := range t.steps(r) {
		d.Steps = append(d.Steps, t.shown(step))
	}
	if r.Lines > 0 {
		d.Summary = t.shown(t.summary(r))
	}
	for _, v := range r.Verdicts {
		verdict := pageVerdict{Verdict: v, Authority: t.Authorities[v.Authority], Outcome: t.outcomes[v.Outcome]}
		if v.Count > 0 {
			verdict.Count, verdict.Worst = t.some(v.Count, t.finding), t.shown(t.sentence(*v.Worst))
		}
		d.Verdicts = append(d.Verdicts, verdict)
	}
	for i, f := range r.Findings {
		finding := pageFinding{
			Finding: f, Number: i + 1, Severity: t.Severities[f.Severity], Sentence: t.shown(t.sentence(f)),
			Ground: t.grounds(f), Excerpts: r.Excerpts[i], Lines: t.Whole,
		}
		if f.Line > 0 {
			finding.Lines = t.Line + " " + strconv.Itoa(f.Line)
		}
		d.Findings = append(d.Findings, finding)
	}
	d.journals(t, r)
	for i, a := range r.Accounts {
		if i == shownAccounts {
			d.More = fmt.Sprintf(t.More, t.count(int64(len(r.Accounts)-i)))
			break
		}
		d.Accounts = append(d.Accounts, total(t, a))
	}
	for _, e := range r.Unbalanced {
		d.Entries = append(d.Entries, pageEntry{
			e.Journal, e.Number + e.Reference, t.day(e.Date), strconv.Itoa(e.Line), t.money(e.Debit), t.money(e.Credit),
			t.money(max(e.Debit-e.Credit, e.Credit-e.Debit)),
		})
	}
	if r.Omitted > 0 {
		d.MoreOf = fmt.Sprintf(t.More, t.count(int64(r.Omitted)))
	}
	return pageTemplate.Execute(w, d)
}

func total(t *words, of filecheck.Total) pageTotal {
	return pageTotal{of.Code, of.Label, t.count(int64(of.Lines)), t.money(of.Debit), t.money(of.Credit)}
}

// widest is how many months a page has room for.
const widest = 16

// byYear adds months up where a page has no room for all of them.
func byYear(months []filecheck.MonthTotal) (out []filecheck.MonthTotal) {
	distinct := map[string]bool{}
	for _, m := range months {
		distinct[m.Month] = true
	}
	if len(distinct) <= widest {
		return months
	}
	for _, m := range months { // which are sorted
		m.Month = m.Month[:min(4, len(m.Month))]
		last := len(out) - 1
		if last < 0 || out[last].Journal != m.Journal || out[last].Month != m.Month {
			out = append(out, m)
			continue
		}
		out[last].Lines += m.Lines
		out[last].Debit += m.Debit
		out[last].Credit += m.Credit
	}
	return out
}

// journals lays the totals out as a table of months, whose bars are of the largest one.
func (d *pageData) journals(t *words, r *Report) {
	at := map[string]int{}
	var largest filecheck.Cents
	totals := byYear(r.Months)
	for _, m := range totals {
		at[m.Month] = 0
		largest = max(largest, m.Debit, m.Credit)
	}
	for month := range at {
		d.Months = append(d.Months, month)
	}
	slices.Sort(d.Months)
	for i, month := range d.Months {
		at[month] = i
		switch len(month) {
		case 0:
			d.Months[i] = t.NoDate
		case len("2026-01"):
			d.Months[i] = month[5:] + "/" + month[2:4]
		}
	}
	of := map[string][]pageMonth{}
	for _, m := range totals {
		if of[m.Journal] == nil {
			of[m.Journal] = make([]pageMonth, len(d.Months))
		}
		amount := max(m.Debit, m.Credit)
		month := pageMonth{Amount: t.count(int64(amount) / 100)}
		if largest > 0 && amount > 0 {
			month.Width = max(1, int(float64(amount)/float64(largest)*100))
		}
		of[m.Journal][at[m.Month]] = month
	}
	for _, j := range r.Journals {
		months := of[j.Code]
		if months == nil {
			months = make([]pageMonth, len(d.Months))
		}
		d.Journals = append(d.Journals, pageJournal{total(t, j), months})
	}
	d.Total = total(t, filecheck.Total{Code: t.Total, Lines: r.Lines, Debit: r.Debit, Credit: r.Credit})
}

// bytes writes a size.
func (t *words) bytes(n int64) string {
	unit := map[Language]string{French: "o", English: "B"}[t.Language]
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d %s", n, unit)
	case n < 10<<20:
		return fmt.Sprintf("%d K%s", n>>10, unit)
	default:
		return fmt.Sprintf("%d M%s", n>>20, unit)
	}
}
