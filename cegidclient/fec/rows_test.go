package fec

import (
	"slices"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
)

const (
	rowsName   = "123456782FEC20261231.txt"
	rowsHeader = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise\r\n"
	rowsLines  = "VTE|Ventes|1|20260316|41100000|Clients|CEXEMPLE|Client Exemple|VE-301|20260316|CLIENT EXEMPLE|1260,00|0,00|||20260317||\r\n" +
		"VTE|Ventes|1|20260316|70700000|Ventes de marchandises|||VE-301|20260316|VENTE EXEMPLE|0,00|1050,00|||20260317||\r\n" +
		"VTE|Ventes|1|20260316|44571000|TVA|||VE-301|20260316|TVA EXEMPLE|0,00|210,00|||20260317||\r\n" +
		"ACH|Achats|2|20260318|60700000|Achats|||FA-1|20260318|ACHAT|100,00|0,00|||20260319||\r\n" +
		"ACH|Achats|2|20260318|40100000|Fournisseurs|FEX|Fournisseur Exemple|FA-1|20260318|ACHAT|0,00|100,00|||20260319||\r\n"
	rows = rowsHeader + rowsLines
)

// inLine replaces in one line.
func inLine(n int, pairs ...string) func(string) string {
	return func(s string) string {
		lines := strings.SplitAfter(s, "\r\n")
		lines[n-1] = strings.NewReplacer(pairs...).Replace(lines[n-1])
		return strings.Join(lines, "")
	}
}

func chain(changes ...func(string) string) func(string) string {
	return func(s string) string {
		for _, c := range changes {
			s = c(s)
		}
		return s
	}
}

func replaced(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func plus(more string) func(string) string { return func(s string) string { return s + more } }

// cellsOf edits the cells of each line.
func cellsOf(edit func(n int, c []string) []string) func(string) string {
	return func(s string) string {
		lines := strings.Split(strings.TrimSuffix(s, "\r\n"), "\r\n")
		for i := range lines {
			lines[i] = strings.Join(edit(i+1, strings.Split(lines[i], "|")), "|")
		}
		return strings.Join(lines, "\r\n") + "\r\n"
	}
}

// TestOneCauseIsOneFinding: files that people sent, each with one cause.
func TestOneCauseIsOneFinding(t *testing.T) {
	strict := Options{Model: filecheck.Strict}
	swap := func(a, b int) func(string) string {
		return cellsOf(func(_ int, c []string) []string { c[a], c[b] = c[b], c[a]; return c })
	}
	for _, c := range []struct {
		name    string
		change  func(string) string
		options Options
		want    []string
		says    string // in one of the two languages
		tool    bool   // the checker of the administration objects
	}{
		{name: "nothing", change: plus("")},
		{name: "an entry of two days", change: inLine(6, "|20260318|401", "|20260319|401"), want: []string{"ENTRY_DATE_DIFFERS 6:4 EcritureDate"}},
		{name: "an entry of two days, where Loop is taken to refuse it", change: inLine(6, "|20260318|401", "|20260319|401"), options: strict, want: []string{"ENTRY_DATE_DIFFERS 6:4 EcritureDate"}, says: "not documented"},
		{name: "the journal AN", change: replaced("ACH|", "AN|"), want: []string{"JOURNAL_RESERVED 5:1 JournalCode x2"}, says: "reserved for the opening balances"},
		{name: "the journal AN, where Loop is taken to refuse it", change: replaced("ACH|", "AN|"), options: strict, want: []string{"JOURNAL_RESERVED 5:1 JournalCode x2"}},
		{name: "a number for each line", change: cellsOf(func(n int, c []string) []string {
			if n > 1 {
				c[EcritureNum] = string(rune('0' + n - 1))
			}
			return c
		}), want: []string{"ENTRY_NUMBERS_PER_LINE 0:3 EcritureNum"}, says: "1 to 5, so that no entry balances"},
		{name: "a number for each line, as was stated", options: Options{NumbersPerLine: true}, change: cellsOf(func(n int, c []string) []string {
			if n > 1 {
				c[EcritureNum] = string(rune('0' + n - 1))
			}
			return c
		}), want: []string{"LINES_NUMBERED 0:3 EcritureNum"}},
		{name: "a no-break space behind an amount and a date", change: chain(inLine(2, "1260,00", "1260,00\xa0"), inLine(3, "|20260316|707", "|20260316\xa0|707")), want: []string{"FIELD_INVISIBLE 2:12 EcritureDate, Debit x2"}, says: "<NBSP>"},
		{name: "no journal on one line", change: inLine(3, "VTE|", "|"), want: []string{"FIELD_REQUIRED 3:1 JournalCode"}, tool: true},
		{name: "no number on one line", change: inLine(3, "|1|", "||"), want: []string{"FIELD_REQUIRED 3:3 EcritureNum"}, tool: true},
		{name: "all of 2019 under a name that closes 2026", change: replaced("202603", "201903"), want: []string{"DATES_OUTSIDE_YEAR 0:4 EcritureDate"}, says: "from 2019-03-16 to 2019-03-18, and the year that the file's name closes ends on 2026-12-31"},
		{name: "the byte 1A", change: plus("\x1a"), want: []string{"END_MARK 7:0"}, tool: true},
		{name: "22 columns with a blank date of validation", change: cellsOf(func(n int, c []string) []string {
			if n == 1 {
				return append(c, "DateRglt", "ModeRglt", "NatOp", "IdClient")
			}
			c[ValidDate] = ""
			return append(c, "20260316", "CB", "", "")
		}), want: []string{"FIELD_BLANK_CASH 2:16 ValidDate x5"}},
		{name: "1E2", change: inLine(5, "100,00", "1E2"), want: []string{"AMOUNT_EXPONENT 5:12 Debit"}},
		{name: "a date of zeros", change: inLine(5, "|20260318|ACHAT", "|00000000|ACHAT"), want: []string{"DATE_ZERO 5:10 PieceDate"}},
		{name: "a line feed in a label", change: inLine(5, "|ACHAT|", "|ACH\nAT|"), want: []string{"LINE_BREAK 5:0"}},
		{name: "a date without noughts", change: inLine(5, "|20260318|ACHAT", "|2026-3-18|ACHAT"), want: []string{"DATE_FORMAT_UNREAD 5:10 PieceDate"}, tool: true},
		{name: "an over-long line", change: func(s string) string { return s + strings.Repeat(strings.ReplaceAll(rowsLines, "\r\n", ""), 200) }, want: []string{"LINE_TOO_LONG 7:0"}, tool: true},
		{name: "a line of 17 separators", change: plus(strings.Repeat("|", 17) + "\r\n"), want: []string{"LINE_BLANK 7:0"}, tool: true},
		{name: "the header twice", change: func(s string) string { return rowsHeader + s }, want: []string{"HEADER_REPEATED 2:0"}, tool: true},
		{name: "two files in one, the second of the year before", change: func(s string) string { return s + strings.ReplaceAll(s, "|2026", "|2024") }, want: []string{"HEADER_REPEATED 7:0"}, tool: true},
		{name: "two files in one, the last number of the first is the first of the second", change: func(string) string {
			ach := rowsHeader + strings.Join(strings.SplitAfter(rowsLines, "\r\n")[3:5], "")
			return ach + strings.ReplaceAll(ach, "|20260318|", "|20260319|")
		}, want: []string{"HEADER_REPEATED 4:0"}, tool: true},
		{name: "two files in one, each with its opening balances", change: func(string) string {
			opening := "RAN|A nouveaux|3|20260101|10100000|Capital|||R|20260101|OUVERTURE|0,00|5,00|||20260131||\r\nRAN|A nouveaux|3|20260101|51200000|Banque|||R|20260101|OUVERTURE|5,00|0,00|||20260131||\r\n"
			return strings.Repeat(rowsHeader+opening+rowsLines, 2)
		}, want: []string{"HEADER_REPEATED 9:0"}, tool: true},
		{name: "a header within an entry", change: func(string) string {
			lines := strings.SplitAfter(rowsLines, "\r\n")
			return rowsHeader + lines[0] + rowsHeader + strings.Join(lines[1:], "")
		}, want: []string{"HEADER_REPEATED 3:0"}, tool: true},
		{name: "two files in one, and in the second what is wrong there", change: func(s string) string {
			lines := strings.SplitAfter(strings.ReplaceAll(rowsLines, "|20260319|", "|20260316|"), "\r\n")
			return s + rowsHeader + lines[0] + lines[3] + strings.ReplaceAll(lines[1], "|20260316|", "|20260315|") + lines[2] + lines[4]
		}, want: []string{
			"HEADER_REPEATED 7:0", "VALIDATION_ORDER 9:16 ValidDate x2", "ENTRY_DATE_DIFFERS 10:4 EcritureDate x2", "VALIDATION_EARLY 9:16 ValidDate x2", "ENTRY_SCATTERED 12:3 EcritureNum",
		}, tool: true},
		{name: "every cell quoted", change: cellsOf(func(_ int, c []string) []string {
			for i := range c {
				c[i] = `"` + c[i] + `"`
			}
			return c
		}), want: []string{"QUOTED_CELLS 1:0 x6"}, tool: true},
		{name: "blanks around the separator", change: replaced("|", " | "), want: []string{"SEPARATOR_PADDED 1:0"}},
		{name: "a header in lower case", change: func(s string) string { return strings.Replace(s, rowsHeader, strings.ToLower(rowsHeader), 1) }, want: []string{"HEADER_CASE 1:1 " + strings.ReplaceAll(strings.TrimSpace(rowsHeader), "|", ", ") + " x18"}},
		{name: "a line of totals", change: plus("TOTAL|||||||||||1360,00|1360,00|||||\r\n"), want: []string{"TOTAL_LINE 7:0"}, tool: true},
		{name: "CR CR LF", change: replaced("\r\n", "\r\r\n"), want: []string{"LINE_ENDINGS_DOUBLED 1:0"}, tool: true},
		{name: "17 names over 18 cells", change: replaced("|JournalLib", ""), want: []string{"HEADER_SHORT 1:0"}, says: "names 17 columns", tool: true},
		{name: "the year 2100", change: replaced("202603", "210003"), want: []string{"DATE_IMPLAUSIBLE 2:4 EcritureDate, PieceDate, ValidDate x15"}},
		{name: "eight missing columns", change: cellsOf(func(_ int, c []string) []string {
			return slices.Delete(slices.Delete(slices.Delete(c, 13, 18), 7, 9), 1, 2)
		}), want: []string{"HEADER_MISSING 1:0 JournalLib, CompAuxLib, PieceRef, EcritureLet, DateLet, ValidDate, Montantdevise, Idevise x8"}, says: "Add and fill", tool: true},
		{name: "CP1252 in three columns", change: chain(inLine(2, "CLIENT EX", "l\x92CLIENT EX", "Client Ex", "l\x92Client Ex"), inLine(3, "Ventes de", "l\x92Ventes de")), want: []string{"ENCODING_CP1252 2:8 CompteLib, CompAuxLib, EcritureLib x3"}},
		{name: "a few cells quoted", change: chain(inLine(5, "|ACHAT|", `|"Achat ""x"""|`), inLine(6, "|ACHAT|", `|"Achat ""x"""|`)), want: []string{"QUOTE_MARKS 5:11 EcritureLib x2"}, says: "would be booked"},
		{name: "no column JournalLib", change: cellsOf(func(_ int, c []string) []string { return slices.Delete(c, 1, 2) }), want: []string{"HEADER_MISSING 1:0 JournalLib"}, says: "Add and fill it", tool: true},
		{name: "columns in another order", change: swap(int(Debit), int(CompAuxNum)), want: []string{"HEADER_ORDER 1:7 Debit"}, says: "by law column 12"},
		{name: "tabs in line 3", change: inLine(3, "|", "\t"), want: []string{"LINE_SEPARATOR 3:0"}, says: "separated by tabs, those of the file by |", tool: true},
		{name: "accents in CP850", change: chain(inLine(2, "CLIENT EXEMPLE", "r\x82gl\x82 \x85 l'\x82ch\x82ance"), inLine(5, "|ACHAT|", "|pi\x8ace|")), want: []string{"ENCODING_CP850 2:11 EcritureLib x2"}, says: "looks like CP850"},
		{name: "a blank before the sign", change: inLine(6, "0,00|100,00|", "100,00 -|0,00|"), want: []string{"AMOUNT_SIGN_SPACED 6:12 Debit"}, says: "blank between amount and sign", tool: true},
		{name: "no line ends", change: replaced("\r\n", ""), want: []string{"LINES_NOT_SEPARATED 0:0"}, says: "--data-binary or -T", tool: true},
		{name: "a number again on another day", change: func(string) string {
			ach := "ACH|Achats|1|2026031X|60700000|Achats|||FA-1|20260310|ACHAT|100,00|0,00|||20260319||\r\nACH|Achats|1|2026031X|40100000|Fournisseurs|FEX|Fournisseur Exemple|FA-1|20260310|ACHAT|0,00|100,00|||20260319||\r\n"
			vte := strings.ReplaceAll(strings.ReplaceAll(strings.Join(strings.SplitAfter(rowsLines, "\r\n")[:3], ""), "|1|", "|2|"), "20260317|", "20260319|")
			return rowsHeader + strings.ReplaceAll(ach, "X", "1") + vte + strings.ReplaceAll(ach, "X", "8")
		}, want: []string{"ENTRY_DATE_DIFFERS 7:4 EcritureDate"}},
		{name: "a third party on an account of income", change: inLine(3, "marchandises||", "marchandises|CEXEMPLE|Client Exemple"), want: []string{"THIRD_PARTY_UNEXPECTED 3:7 CompAuxNum"}},
		{name: "a reference of 36 characters", change: inLine(5, "FA-1", strings.Repeat("F", 36)), want: []string{"REFERENCE_UNSEARCHABLE 5:9 PieceRef"}},
		{name: "a zip", change: func(string) string { return "PK\x03\x04" }, options: Options{Name: "fec.zip"}, want: []string{"FILE_COMPRESSED 0:0"}, tool: true},
		{name: "XML", change: func(string) string { return "<?xml version=\"1.0\"?>" }, options: Options{Name: "123456782FEC20261231.xml"}, want: []string{"FILE_XML 0:0"}, says: "in the flat form"},
		{name: "ten digits", change: plus(""), options: Options{Name: "1234567820FEC20261231.txt"}, want: []string{"NAME_FORM 0:0"}, says: "10 digits instead of 9"},
		{name: "30 February", change: plus(""), options: Options{Name: "123456782FEC20260230"}, want: []string{"NAME_FORM 0:0"}, says: "le 30/02/2026 n'existe pas"},
		{name: "a name of the law's form, without an ending", change: plus(""), options: Options{Name: "123456782FEC20261231"}},
		{name: "a name that ends with .csv", change: plus(""), options: Options{Name: "123456782FEC20261231.csv"}},
		{name: "a closing day before 2000", change: replaced("202603", "199903"), options: Options{Name: "123456782FEC19991231.txt"}, want: []string{"YEAR_BEFORE_2000 0:0"}, says: "ended on 1999-12-31", tool: true},
		{name: "a closing day before 2000 under which stand entries of today", change: plus(""), options: Options{Name: "123456782FEC19261231.txt"}, want: []string{"DATE_AFTER_CLOSING 2:4 EcritureDate x5", "NAME_YEAR 0:0"}, tool: true},
		{name: "the year 2100, in the name, too", change: replaced("202603", "210003"), options: Options{Name: "123456782FEC21001231.txt"}, want: []string{"NAME_YEAR 0:0"}, says: "« 123456782FEC21001231.txt », et l'outil de contrôle de l'administration n'admet qu'une clôture de 2000 à 2099", tool: true},
		{name: "the year 2100 in the name, and a document of the first millennium", change: chain(replaced("202603", "210003"), inLine(5, "|21000318|ACHAT", "|02260318|ACHAT")), options: Options{Name: "123456782FEC21001231.txt"}, want: []string{"DATE_IMPLAUSIBLE 5:10 PieceDate", "NAME_YEAR 0:0"}, tool: true},
		{name: "a closing day before 2000, without entries", change: func(string) string { return rowsHeader }, options: Options{Name: "123456782FEC19991231.txt"}, want: []string{"NO_LINES 0:0", "NAME_YEAR 0:0"}, says: "\"123456782FEC19991231.txt\", and the tax administration's checker knows closing days from 2000 to 2099 only", tool: true},
		{name: "EBCDIC", change: func(string) string { return "\xd1\x96\xa4\x99\x95\x81\x93\xc3\x96\x84\x85\x4f" }, want: []string{"ENCODING_EBCDIC 0:0"}, says: "which the law allows", tool: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.options.Name == "" {
				c.options.Name = rowsName
			}
			text := c.change(rows)
			r := validate(text, c.options)
			sane(t, r)
			got := shorts(r.Findings)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.says != "" && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return strings.Contains(f.Message+f.French, c.says) }) {
				t.Errorf("%q is not said: %+v", c.says, r.Findings)
			}
			if r.ObjectedBy(TaxTool) != c.tool {
				t.Errorf("the report says that the checker objects: %t", !c.tool)
			}
			if !strings.HasSuffix(c.options.Name, ".zip") && administrationObjects(c.options.Name, []byte(text)) != c.tool {
				t.Errorf("the checker objects: %t", !c.tool)
			}
			if strict := c.options.Model == filecheck.Strict; strict && r.Findings[0].Severity != check.Error {
				t.Errorf("%+v", r.Findings)
			}
		})
	}
}

// TestLinesAreCountedAsEditorsDo: CR LF, LF and CR each end a line, and CR CR LF ends one.
func TestLinesAreCountedAsEditorsDo(t *testing.T) {
	bad := strings.Replace(rows, "1050,00", "x", 1)
	for _, end := range []string{"\r\n", "\n", "\r", "\r\r\n"} {
		r := validate(strings.ReplaceAll(bad, "\r\n", end), Options{})
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == "AMOUNT_INVALID" })
		if i < 0 || r.Findings[i].Line != 3 {
			t.Errorf("%q: %q", end, shorts(r.Findings))
		}
	}
}

// TestThreeVerdicts: each authority with its count and its worst finding.
func TestThreeVerdicts(t *testing.T) {
	const passes, reserved, fails = filecheck.Passes, filecheck.PassesWithReservations, filecheck.Fails
	for _, c := range []struct {
		text string
		want [3]filecheck.Outcome
	}{
		{rows, [3]filecheck.Outcome{passes, passes, passes}},
		{strings.Replace(rows, "|20260319||", "|||", 1), [3]filecheck.Outcome{fails, fails, passes}},                                         // no date of validation
		{strings.Replace(rows, "1260,00", "1260,01", 1), [3]filecheck.Outcome{passes, passes, fails}},                                        // out of balance
		{strings.Replace(rows, "FEX|", "FEXEMPLE0123456789|", 1), [3]filecheck.Outcome{passes, passes, fails}},                               // too long for Loop
		{strings.ReplaceAll(rows, "ACH|", "AN|"), [3]filecheck.Outcome{passes, passes, reserved}},                                            // what Loop makes of it is unknown
		{strings.ToLower(rowsHeader) + rowsLines, [3]filecheck.Outcome{reserved, passes, passes}},                                            // names in lower case
		{strings.Replace(rows, "|20260318|ACHAT", "|20260230|ACHAT", 1), [3]filecheck.Outcome{fails, passes, fails}},                         // 30 February
		{rows + "\r\n", [3]filecheck.Outcome{passes, fails, passes}},                                                                         // a blank line
		{"<?xml version=\"1.0\"?>", [3]filecheck.Outcome{passes, passes, fails}},                                                             // XML
		{strings.Replace(rows, "|0,00|1050,00", "||1050,00", 1), [3]filecheck.Outcome{reserved, passes, passes}},                             // no nought
		{strings.Replace(rows, "VTE|Ventes|1|20260316|707", "VTE|Ventes|1|20260317|707", 1), [3]filecheck.Outcome{passes, passes, reserved}}, // two days
	} {
		verdicts := validate(c.text, Options{Name: rowsName}).Verdicts()
		var got [3]filecheck.Outcome
		for i, v := range verdicts {
			got[i] = v.Outcome
			if (v.Count > 0) != (v.Worst != nil) || (v.Count > 0) != (v.Outcome != passes) || v.Authority != filecheck.Authority(i+1) {
				t.Errorf("%+v", v)
			}
		}
		if got != c.want {
			t.Errorf("%q: %v, want %v", shorts(validate(c.text, Options{Name: rowsName}).Findings), got, c.want)
		}
	}
}
