// Package filereport checks a file of entries on this machine, and reports on it for a person: in a terminal, as JSON, or as
// a page that holds all that it needs. Nothing is sent anywhere.
package filereport

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/tra"
)

// The formats.
const (
	FEC = "FEC"
	TRA = "TRA"
)

// Options say what is known of a file.
type Options struct {
	// Name of the file. Format is FEC or TRA; empty: what its first bytes look like.
	Name, Format string
	// NumbersPerLine and Model are those of package fec.
	NumbersPerLine bool
	Model          filecheck.LoopModel
	// Ignored are codes of warnings and notices to leave out.
	Ignored []string
	// Elsewhere are findings that compare the file with what is not in it; they come before others of their severity.
	Elsewhere []check.Finding
	// Read, if set, is told how many bytes were read so far.
	Read func(n int64)
	// Whole, if set, keeps all places and all entries that do not balance, for JSON and CSV.
	Whole *Whole
}

// Report is what was found in a file.
type Report struct {
	filecheck.Report
	Name, Format string
	Size         int64
	Verdicts     []filecheck.Verdict
	// Separator of columns, 0 for none.
	Separator byte
	// Excerpts are the first lines of each finding, as they are.
	Excerpts [][]filecheck.Excerpt
	// Omitted is the number of entries that do not balance beyond those that are named.
	Omitted int

	whole    *Whole
	reported func(filecheck.Place) bool
}

// Check reads a file, twice where there is something to show of it.
func Check(file io.ReadSeeker, o Options) (*Report, error) {
	r := &Report{Name: o.Name, Format: o.Format}
	if r.Format == "" {
		head := make([]byte, 6)
		n, err := io.ReadFull(file, head)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return nil, err
		}
		if r.Format = FEC; bytes.HasPrefix(bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf")), []byte("***")) {
			r.Format = TRA
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	unbalanced := 0
	count := func(e filecheck.EntryTotal) {
		if unbalanced++; o.Whole != nil {
			o.Whole.Unbalanced(e)
		}
	}
	var place func(filecheck.Place)
	if o.Whole != nil {
		r.whole, place = o.Whole, o.Whole.Place
	}
	var to interface {
		io.Writer
		Refused() bool
		Reports(filecheck.Place) bool
	}
	var end func()
	if r.Format == TRA {
		v := tra.NewValidator(tra.Options{Model: o.Model, Unbalanced: count, Place: place})
		to, end = v, func() {
			found := v.Close()
			r.Report, r.Verdicts = found.Report, found.Verdicts()
		}
	} else {
		v := fec.NewValidator(fec.Options{Name: o.Name, NumbersPerLine: o.NumbersPerLine, Model: o.Model, Unbalanced: count, Place: place})
		to, end = v, func() {
			found := v.Close()
			r.Report, r.Verdicts, r.Separator = found.Report, found.Verdicts(), found.Separator
		}
	}
	buffer := make([]byte, 256<<10)
	for !to.Refused() {
		n, err := file.Read(buffer)
		r.Size += int64(n)
		_, _ = to.Write(buffer[:n]) // does not fail
		if o.Read != nil {
			o.Read(r.Size)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	r.Size = size
	end()
	r.reported = func(p filecheck.Place) bool { return to.Reports(p) && !slices.Contains(o.Ignored, p.Code) }
	if len(o.Ignored)+len(o.Elsewhere) > 0 {
		r.Findings = check.Ordered(o.Elsewhere, check.Without(r.Findings, o.Ignored))
		r.Verdicts = filecheck.Verdicts(r.Findings, r.Format == FEC)
	}
	r.Omitted = unbalanced - len(r.Unbalanced)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	r.Excerpts, err = filecheck.Excerpts(file, r.Findings, r.Separator)
	return r, err
}

// Outcome is that of an authority.
func (r *Report) Outcome(of filecheck.Authority) filecheck.Outcome {
	i := slices.IndexFunc(r.Verdicts, func(v filecheck.Verdict) bool { return v.Authority == of })
	return r.Verdicts[i].Outcome
}

// Valid tells whether this service would deposit the file.
func (r *Report) Valid() bool { return !r.HasErrors() }

var (
	authorityNames = map[filecheck.Authority]string{filecheck.OfLaw: "LAW", filecheck.OfTaxTool: "TAX_TOOL", filecheck.OfLoop: "LOOP"}
	outcomeNames   = map[filecheck.Outcome]string{
		filecheck.NotConcerned: "NOT_CONCERNED", filecheck.Passes: "PASSES", filecheck.PassesWithReservations: "PASSES_WITH_RESERVATIONS",
		filecheck.Fails: "FAILS",
	}
)

// The report for programs, with the names that the contract has.
type (
	jsonVerdict struct {
		Authority string `json:"authority"`
		Outcome   string `json:"outcome"`
		Findings  int    `json:"findings"`
		Worst     string `json:"worst,omitempty"`
	}
	jsonTotal struct {
		Code   string `json:"code"`
		Label  string `json:"label,omitempty"`
		Lines  int    `json:"lines"`
		Debit  string `json:"debit"`
		Credit string `json:"credit"`
	}
	jsonMonth struct {
		Journal string `json:"journal"`
		Month   string `json:"month"`
		Lines   int    `json:"lines"`
		Debit   string `json:"debit"`
		Credit  string `json:"credit"`
	}
	jsonEntry struct {
		Journal   string `json:"journal"`
		Number    string `json:"number,omitempty"`
		Reference string `json:"reference,omitempty"`
		Date      string `json:"date,omitempty"`
		Line      int    `json:"line"`
		Debit     string `json:"debit"`
		Credit    string `json:"credit"`
		Currency  string `json:"currency,omitempty"`
	}
	jsonPlace struct {
		Code   string `json:"code"`
		Field  string `json:"field,omitempty"`
		Line   int    `json:"line"`
		Column int    `json:"column,omitempty"`
	}
	// jsonReport is what comes before the lists of any length.
	jsonReport struct {
		Valid     bool            `json:"valid"`
		Verdicts  []jsonVerdict   `json:"verdicts"`
		Name      string          `json:"fileName"`
		Format    string          `json:"format"`
		Size      int64           `json:"size"`
		Encoding  string          `json:"encoding,omitempty"`
		Lines     int             `json:"lines"`
		Entries   int             `json:"entries"`
		Debit     string          `json:"debit"`
		Credit    string          `json:"credit"`
		Partial   bool            `json:"partial"`
		FirstDate string          `json:"firstDate,omitempty"`
		LastDate  string          `json:"lastDate,omitempty"`
		Findings  []check.Finding `json:"findings"`
		Journals  []jsonTotal     `json:"journals"`
		Months    []jsonMonth     `json:"months"`
		Accounts  []jsonTotal     `json:"accounts"`
	}
)

// JSON writes the report for programs; a whole one with all that was found.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{
		Valid: r.Valid(), Name: r.Name, Format: r.Format, Size: r.Size, Encoding: string(r.Encoding), Lines: r.Lines, Entries: r.Entries,
		Debit: r.Debit.String(), Credit: r.Credit.String(), Partial: r.Partial, FirstDate: r.FirstDate, LastDate: r.LastDate,
		Findings: append([]check.Finding{}, r.Findings...), Months: []jsonMonth{},
	}
	for _, v := range r.Verdicts {
		verdict := jsonVerdict{Authority: authorityNames[v.Authority], Outcome: outcomeNames[v.Outcome], Findings: v.Count}
		if v.Worst != nil {
			verdict.Worst = v.Worst.Code
		}
		out.Verdicts = append(out.Verdicts, verdict)
	}
	out.Journals, out.Accounts = jsonTotals(r.Journals), jsonTotals(r.Accounts)
	for _, m := range r.Months {
		out.Months = append(out.Months, jsonMonth{m.Journal, m.Month, m.Lines, m.Debit.String(), m.Credit.String()})
	}
	list := &jsonLists{w: bufio.NewWriter(w)}
	text := list.text(out, "  ")
	list.write(bytes.TrimSuffix(text, []byte("\n}")))
	list.begin("unbalanced")
	err := r.walk(func(e filecheck.EntryTotal) error {
		return list.add(jsonEntry{e.Journal, e.Number, e.Reference, e.Date, e.Line, e.Debit.String(), e.Credit.String(), e.Currency})
	}, func(p filecheck.Place) error {
		list.begin("places")
		return list.add(jsonPlace{p.Code, p.Field, p.Line, p.Column})
	})
	if err != nil {
		return err
	}
	list.begin("places")
	list.write([]byte("]\n}\n"))
	return list.w.Flush()
}

func jsonTotals(of []filecheck.Total) []jsonTotal {
	list := []jsonTotal{}
	for _, t := range of {
		list = append(list, jsonTotal{t.Code, t.Label, t.Lines, t.Debit.String(), t.Credit.String()})
	}
	return list
}

// jsonLists writes lists of any length at the end of an object.
type jsonLists struct {
	w     *bufio.Writer
	name  string
	begun bool // it has an item
	err   error
}

func (l *jsonLists) write(text []byte) {
	if l.err == nil {
		_, l.err = l.w.Write(text)
	}
}

// begin ends the list before, unless it is the same.
func (l *jsonLists) begin(name string) {
	switch l.name {
	case name:
		return
	case "":
	default:
		l.write([]byte("]"))
	}
	l.name, l.begun = name, false
	l.write([]byte(",\n  \"" + name + "\": ["))
}

func (l *jsonLists) add(item any) error {
	separator := ",\n    "
	if !l.begun {
		separator = "\n    "
	}
	l.begun = true
	l.write([]byte(separator))
	l.write(l.text(item, ""))
	return l.err
}

func (l *jsonLists) text(value any, indent string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", indent)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil && l.err == nil {
		l.err = err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Text writes the report for a terminal, in colours if asked.
func (r *Report) Text(w io.Writer, language Language, colours bool) error {
	t := texts[language]
	paint := func(code, s string) string {
		if !colours {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n", paint("1", r.Name))
	for _, v := range r.Verdicts {
		colour := map[filecheck.Outcome]string{filecheck.Passes: "32", filecheck.PassesWithReservations: "33", filecheck.Fails: "31;1"}[v.Outcome]
		fmt.Fprintf(&b, "  %s : %s\n", t.Authorities[v.Authority], paint(cmp.Or(colour, "0"), t.verdict(v)))
	}
	if r.Lines > 0 {
		fmt.Fprintf(&b, "\n%s\n", t.summary(r))
	}
	for i, f := range r.Findings {
		colour := map[check.Severity]string{check.Error: "31;1", check.Warning: "33", check.Notice: "36"}[f.Severity]
		fmt.Fprintf(&b, "\n%s %s\n", paint(colour, t.Severities[f.Severity]), paint("2", f.Code+" · "+t.grounds(f)))
		fmt.Fprintf(&b, "  %s\n", t.sentence(f))
		for _, e := range r.Excerpts[i] {
			fmt.Fprintf(&b, "  %s %s%s%s\n", paint("2", fmt.Sprintf("%6d │", e.Line)), e.Before, paint("7", e.Marked), e.After)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", paint("1", t.Next))
	for _, step := range t.steps(r) {
		fmt.Fprintf(&b, "  - %s\n", step)
	}
	_, err := w.Write(b.Bytes())
	return err
}
