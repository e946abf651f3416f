package filereport

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
	"cegid.internal/gateway/internal/testkit/tragen"
)

const name = "900000001FEC20261231.txt"

func checked(t *testing.T, text string, o Options) *Report {
	t.Helper()
	if o.Name == "" {
		o.Name = name
	}
	r, err := Check(strings.NewReader(text), o)
	testkit.OK(t, err)
	if len(r.Excerpts) != len(r.Findings) {
		t.Fatalf("%d excerpts of %d findings", len(r.Excerpts), len(r.Findings))
	}
	return r
}

// bad has a fault of each severity, hostile text, and an entry out of balance.
func bad() string {
	text := string(fecgen.Bytes(fecgen.Options{Size: 20_000, Separator: '|'}))
	lines := strings.SplitAfter(text, "\r\n")
	lines[4] = strings.Replace(lines[4], "|2|", "|2|", 1)
	cells := strings.Split(lines[5], "|")
	cells[10], cells[9] = "<script>alert(1)</script>\x01", "mars & avril"
	lines[5] = strings.Join(cells, "|")
	cells = strings.Split(lines[8], "|")
	cells[11], cells[12] = "12,00", "13,00"
	lines[8] = strings.Join(cells, "|")
	return strings.Join(lines, "")
}

func TestAFindingShowsItsLineAndThePlace(t *testing.T) {
	r := checked(t, bad(), Options{})
	i := slices.IndexFunc(r.Findings, func(f check.Finding) bool { return f.Code == "DATE_INVALID" })
	if i < 0 || len(r.Excerpts[i]) != 1 {
		t.Fatalf("%+v", r.Findings)
	}
	e := r.Excerpts[i][0]
	if e.Line != 6 || e.Marked != "mars & avril" || !strings.HasSuffix(e.Before, "|") || !strings.Contains(e.After, "<U+0001>") {
		t.Errorf("%+v", e)
	}
	movements := string(tragen.Bytes(tragen.Options{Size: 5000}))
	last := strings.LastIndex(movements, "E--")
	r = checked(t, movements[:last]+"Z"+movements[last+1:], Options{})
	if r.Format != TRA || r.Outcome(filecheck.OfLaw) != filecheck.NotConcerned {
		t.Fatalf("%+v", r.Verdicts)
	}
	if i := slices.IndexFunc(r.Findings, func(f check.Finding) bool { return f.Code == "VALUE_INVALID" }); i < 0 || r.Excerpts[i][0].Marked != "Z--" {
		t.Errorf("%+v, %+v", r.Findings, r.Excerpts)
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	for _, language := range []Language{French, English} {
		for title, text := range map[string]string{"clean": string(fecgen.Bytes(fecgen.Options{Size: 50_000})), "bad": bad(), "refused": "PK\x03\x04", "empty": ""} {
			var b bytes.Buffer
			testkit.OK(t, checked(t, text, Options{}).HTML(&b, language))
			page := b.String()
			if found := regexp.MustCompile(`(?i)<script|https?://|@import|url\(|<img|<link|\son\w+=`).FindString(page); found != "" {
				t.Errorf("%s %s: the page holds %q", title, language, found)
			}
			if !strings.Contains(page, `lang="`+string(language)+`"`) || strings.Contains(page, "ZgotmplZ") {
				t.Errorf("%s %s: %.300s", title, language, page)
			}
			if got := strings.Count(page, `<div class="verdict `); got != 3 {
				t.Errorf("%s: %d verdicts", title, got)
			}
			d := xml.NewDecoder(strings.NewReader(page))
			d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s %s: %v", title, language, err)
				}
			}
		}
	}
}

func TestAFileWithManyFindingsHasAShortPage(t *testing.T) {
	text := string(fecgen.Bytes(fecgen.Options{Size: 2 << 20, Edit: func(line int, text []byte) []byte {
		if line == 1 {
			return text
		}
		return bytes.Replace(text, []byte(",00"), []byte(".00"), 1)
	}, Separator: '|'}))
	text = regexp.MustCompile(`(\d),(\d)`).ReplaceAllString(text, "$1.$2")
	r := checked(t, text, Options{})
	var b bytes.Buffer
	testkit.OK(t, r.HTML(&b, French))
	if r.Findings[0].Count < 10_000 || b.Len() > 200_000 {
		t.Errorf("%d times, %d bytes", r.Findings[0].Count, b.Len())
	}
}

func TestJSONSaysWhatThePageSays(t *testing.T) {
	r := checked(t, bad(), Options{})
	var b bytes.Buffer
	testkit.OK(t, r.JSON(&b))
	var got struct {
		Valid    *bool
		Verdicts []struct{ Authority, Outcome, Worst string }
		Findings []struct{ Code, Severity string }
		Months   []struct{ Month string }
	}
	testkit.OK(t, json.Unmarshal(b.Bytes(), &got))
	if got.Valid == nil || *got.Valid || len(got.Findings) != len(r.Findings) || len(got.Months) == 0 || fmt.Sprint(got.Verdicts[2]) != "{LOOP FAILS DATE_INVALID}" {
		t.Errorf("%+v", got)
	}
}

func TestTheTextIsInTheLanguage(t *testing.T) {
	for language, want := range map[Language]string{French: "Que faire maintenant", English: "What to do next"} {
		var b bytes.Buffer
		testkit.OK(t, checked(t, bad(), Options{}).Text(&b, language, false))
		if !strings.Contains(b.String(), want) || strings.Contains(b.String(), "\x1b") || strings.Contains(b.String(), "\x01") {
			t.Errorf("%s", b.String())
		}
	}
}

// TestMonthsThatAPageHasNoRoomForAreYears: and lines without a date are by themselves.
func TestMonthsThatAPageHasNoRoomForAreYears(t *testing.T) {
	lines := strings.SplitAfter(string(fecgen.Bytes(fecgen.Options{Size: 20_000, Separator: '|'})), "\r\n")
	shifted := func(dated func(i int) string) string {
		out := slices.Clone(lines)
		for i := range out {
			if cells := strings.Split(out[i], "|"); i > 0 && len(cells) == 18 {
				cells[3] = dated(i)
				out[i] = strings.Join(cells, "|")
			}
		}
		return strings.Join(out, "")
	}
	for _, c := range []struct {
		dated func(i int) string
		want  []string
	}{
		{func(i int) string { return fmt.Sprintf("2026%02d01", i%12+1) }, []string{">01/26<", ">12/26<"}},
		{func(i int) string { return fmt.Sprintf("%d%02d01", 2024+i/12%3, i%12+1) }, []string{">2024<", ">2025<", ">2026<"}},
		{func(i int) string { return []string{"20260101", "mars"}[i%2] }, []string{">sans date<", ">01/26<"}},
	} {
		var b bytes.Buffer
		testkit.OK(t, checked(t, shifted(c.dated), Options{}).HTML(&b, French))
		if got := strings.Count(b.String(), `<th class="n m">`); got > widest {
			t.Errorf("%d columns", got)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q is not shown", want)
			}
		}
	}
}

// TestAWholeReportIsWhole: as JSON and as CSV.
func TestAWholeReportIsWhole(t *testing.T) {
	text := string(fecgen.Bytes(fecgen.Options{Size: 90_000, Separator: '|', Edit: func(line int, text []byte) []byte {
		cells := strings.Split(string(text), "|")
		if line > 1 && cells[11] != "0,00" {
			cells[11] = "1" + strings.Replace(cells[11], ",", ".", 1)
		}
		return []byte(strings.Join(cells, "|"))
	}}))
	whole := NewWhole(nil)
	r := checked(t, text, Options{Whole: whole})
	var b, table bytes.Buffer
	testkit.OK(t, r.JSON(&b))
	var got struct {
		Unbalanced []struct{ Line int }
		Places     []struct{ Code string }
		Findings   []struct {
			Code  string
			Line  int
			Count int
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v: %.500s", err, b.String())
	}
	want := 0
	for _, f := range got.Findings {
		if f.Line > 0 {
			want += f.Count
		}
	}
	if len(got.Unbalanced) < 101 || len(got.Places) != want {
		t.Errorf("%d entries, %d places, want %d", len(got.Unbalanced), len(got.Places), want)
	}
	if err := r.CSV(&table); err != nil || strings.Count(table.String(), "\r\nplace,") != want || strings.Count(table.String(), "\r\nunbalanced_entry,") != len(got.Unbalanced) {
		t.Errorf("%v: %.500s", err, table.String())
	}
}

// TestWordsOfAPage: one of something is told from more, and no line begins with a mark alone.
func TestWordsOfAPage(t *testing.T) {
	french, english := texts[French], texts[English]
	for want, got := range map[string]string{
		"0 constat": french.some(0, french.finding), "1 écriture": french.some(1, french.entry), "12\u202f000 lignes": french.some(12_000, french.line),
		"0 findings": english.some(0, english.finding), "1 entry": english.some(1, english.entry), "12,000 lines": english.some(12_000, english.line),
		"1 ligne, 1 écriture\u00a0; débit 1,00, crédit 0,00": french.shown(french.summary(&Report{Report: filecheck.Report{Lines: 1, Entries: 1, Debit: 100}})),
		"« x »\u00a0: 2 fois":                                french.shown("« x » : 2 fois"),
		"a : b":                                              english.shown("a : b"),
	} {
		if got != strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»").Replace(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
