package fec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mutation is one fault in a clean file.
type mutation struct {
	code string
	// base is a change of the clean file that the fault needs.
	base, change change
	// text changes the whole text; it is given the separator.
	text func(s, sep string) string
	// named is the file's name, options what else is said of it.
	named   string
	options Options
	// long is a fault of a file of many lines, all in ASCII.
	long bool
	// only is the one encoding that can hold it.
	only string
	// tool tells whether the checker of the administration objects; base may make it object before.
	tool bool
}

func line(n int, f func(string, string) string) func(s, sep string) string {
	return func(s, sep string) string {
		lines := strings.SplitAfter(s, "\r\n")
		body, end := strings.TrimSuffix(lines[n-1], "\r\n"), "\r\n"
		lines[n-1] = f(body, sep) + end
		return strings.Join(lines, "")
	}
}

func is(text string) func(s, sep string) string { return func(string, string) string { return text } }

// many is a file of so many lines that balance two by two.
func many(lines int, edit func(i int, c []string)) change {
	return func(grid [][]string) [][]string {
		base := [2][]string{grid[1], grid[1]}
		grid = slices.Clone(grid[:1])
		for i := range lines {
			c := slices.Clone(base[i%2])
			c[EcritureNum], c[Debit], c[Credit] = strconv.Itoa(i/2+1), "1,00", "0,00"
			if i%2 == 1 {
				c[Debit], c[Credit] = "0,00", "1,00"
			}
			edit(i, c)
			grid = append(grid, c)
		}
		return grid
	}
}

// eachNumbered gives each line a number of its own.
func eachNumbered(grid [][]string) [][]string {
	for i := range grid[1:] {
		grid[i+1][EcritureNum] = strconv.Itoa(i + 1)
	}
	return grid
}

// apart puts the second half of many entries behind their first half.
func apart(entries int) change {
	return many(2*entries, func(i int, c []string) {
		half := i / entries
		c[EcritureNum], c[Debit], c[Credit] = strconv.Itoa(i-half*entries+1), []string{"1,00", "0,00"}[half], []string{"0,00", "1,00"}[half]
	})
}

func quotedLine(body, sep string) string {
	return `"` + strings.ReplaceAll(body, sep, `"`+sep+`"`) + `"`
}

// mutations has at least one for each rule.
var mutations = []mutation{
	{code: "NAME_INVALID", named: "fec.txt", tool: true},
	{code: "NAME_FORM", named: "9000000011FEC20261231.txt"},
	{code: "NAME_FORM", named: "900000001FEC20260230"},
	{code: "NAME_YEAR", named: "900000001FEC19991231", base: func(grid [][]string) [][]string { return grid[:1] }, tool: true}, // of no entry
	{code: "YEAR_BEFORE_2000", named: "900000001FEC19991231", change: each(func(line int, c []string) []string {
		if !header(line) {
			for _, f := range []Field{EcritureDate, PieceDate, ValidDate, DateLet} {
				c[f] = strings.Replace(c[f], "2026", "1999", 1)
			}
		}
		return c
	}), tool: true},
	{code: "SIREN_INVALID", named: "900000011FEC20261231.txt"},
	{code: "FILE_COMPRESSED", text: is("PK\x03\x04\n\x00\x00"), named: "books.zip", tool: true},
	{code: "FILE_XML", text: is("<?xml version=\"1.0\"?>\n<comptabilite>")},
	{code: "ENCODING_UTF16", text: func(s, _ string) string { return "\xff\xfe" + utf16(s, littleEndian) }, tool: true},
	{code: "ENCODING_EBCDIC", text: is("\xd1\x96\xa4\x99\x95\x81\x93\xc3\x96\x84\x85\x4f"), tool: true},
	{code: "NOT_TEXT", text: is("%PDF-1.7\n"), tool: true},
	{code: "NOT_A_FEC", text: is("Madame, Monsieur,\nvoici le FEC."), tool: true},
	{code: "LINES_NOT_SEPARATED", text: func(s, _ string) string { return strings.ReplaceAll(s, "\r\n", "") }, tool: true},
	{code: "NO_LINES", change: func(grid [][]string) [][]string { return grid[:1] }, tool: true},
	{code: "SEPARATOR_INVALID", text: func(s, sep string) string { return strings.ReplaceAll(s, sep, ";") }, tool: true},
	{code: "SEPARATOR_MIXED", text: func(s, sep string) string {
		return strings.Replace(s, sep+"PieceRef", map[string]string{"|": "\t", "\t": "|"}[sep]+"PieceRef", 1)
	}, tool: true},
	{code: "HEADER_ABSENT", change: func(grid [][]string) [][]string { return grid[1:] }, tool: true},
	{code: "HEADER_REPEATED", change: func(grid [][]string) [][]string { return slices.Insert(grid, 4, grid[0]) }, tool: true},
	{code: "HEADER_REPEATED", text: func(s, _ string) string { return s + s }, tool: true},
	{code: "HEADER_SHORT", change: func(grid [][]string) [][]string {
		grid[0] = slices.Delete(grid[0], 1, 2)
		return grid
	}, tool: true},
	{code: "HEADER_MISSING", change: each(func(_ int, c []string) []string { return slices.Delete(c, 7, 8) }), tool: true},
	{code: "HEADER_MISSING", change: each(func(_ int, c []string) []string {
		for _, f := range []Field{Idevise, Montantdevise, ValidDate, DateLet, EcritureLet, CompAuxLib, CompteLib, JournalLib} {
			c = slices.Delete(c, int(f), int(f)+1)
		}
		return c
	}), tool: true},
	{code: "HEADER_DUPLICATE", change: insert(18, "PieceRef", "x")},
	{code: "HEADER_ORDER", change: each(func(_ int, c []string) []string {
		debit := c[Debit]
		return slices.Insert(slices.Delete(c, int(Debit), int(Debit)+1), int(CompAuxNum), debit)
	})},
	{code: "HEADER_NEAR_MISS", text: func(s, _ string) string { return strings.Replace(s, "CompAuxNum", "CompteAuxNum", 1) }, tool: true},
	{code: "HEADER_CASE", text: line(1, func(s, _ string) string { return strings.ToLower(s) })},
	{code: "HEADER_EXTRA", change: insert(18, "Section", "ATN")},
	{code: "CASH_COLUMNS_INCOMPLETE", change: cash(20), tool: true},
	{code: "BYTE_ORDER_MARK", base: set(2, EcritureLib, "été"), text: func(s, _ string) string {
		if strings.Contains(s, "été") || !strings.Contains(s, "\xe9") {
			return "\xef\xbb\xbf" + s
		}
		return "\xef\xbb\xbf" + strings.ReplaceAll(s, "\xe9", "e") // else it is two encodings
	}},
	{code: "ENCODING_UTF8", change: set(2, EcritureLib, "x"), text: func(s, _ string) string {
		return strings.Replace(strings.ReplaceAll(s, "\xe9t\xe9", "été"), "TVA 20 %", "TVA été", 1)
	}},
	{code: "ENCODING_CP1252", text: func(s, _ string) string { return odd(s, "20 \x80") }},
	{code: "ENCODING_CP850", text: func(s, _ string) string { return odd(s, "r\x82gl\x82 \x85 B\x83le") }},
	{code: "ENCODING_MIXED", text: func(s, _ string) string {
		return strings.Replace(strings.Replace(s, "TVA 20 %", "\xe9t\xe9", 1), "Virement", "Règlement", 1)
	}},
	{code: "CONTROL_CHARACTER", change: set(2, EcritureLib, "a\x01b")},
	{code: "LINE_TOO_LONG", text: line(3, func(s, sep string) string { return s + strings.Repeat(sep+"x", MaxLineLength) }), tool: true},
	{code: "TEXT_TOO_LONG", change: set(3, EcritureLib, strings.Repeat("x", MaxLineLength))},
	{code: "LINE_EMPTY", text: func(s, _ string) string { return s + "\r\n" }, tool: true},
	{code: "LINE_BLANK", text: func(s, sep string) string { return s + strings.Repeat(sep, 17) + "\r\n" }, tool: true},
	{code: "END_MARK", text: func(s, _ string) string { return s + "\x1a" }, tool: true},
	{code: "LINE_BROKEN", text: func(s, _ string) string {
		return strings.Replace(strings.ReplaceAll(s, "\r\n", "\n"), "FA-1", "FA\n1", 1)
	}, tool: true},
	{code: "LINE_BREAK", change: set(3, PieceRef, "FA\n1")},
	{code: "LINE_ENDINGS_MIXED", text: func(s, _ string) string { return strings.Replace(s, "\r\nACH", "\nACH", 1) }, tool: true},
	{code: "LINE_ENDINGS_DOUBLED", text: func(s, _ string) string { return strings.ReplaceAll(s, "\r\n", "\r\r\n") }, tool: true},
	{code: "COLUMNS_MISSING", change: func(grid [][]string) [][]string { grid[3] = grid[3][:9]; return grid }, tool: true},
	{code: "COLUMNS_EXTRA", text: line(3, func(s, sep string) string { return strings.Replace(s, "TVA 20", "TVA"+sep+"20", 1) }), tool: true},
	{code: "LINES_JOINED", text: func(s, _ string) string { return strings.Replace(s, "\r\nBQ1", "BQ1", 2) }, tool: true},
	{code: "LINES_JOINED", text: func(s, _ string) string {
		head, lines, _ := strings.Cut(s, "\r\n")
		return head + "\r\n" + strings.ReplaceAll(lines, "\r\n", "")
	}, tool: true},
	{code: "LINE_SEPARATOR", text: line(3, func(s, sep string) string {
		return strings.ReplaceAll(s, sep, map[string]string{"|": "\t", "\t": "|"}[sep])
	}), tool: true},
	{code: "TRAILING_SEPARATOR", change: each(func(_ int, c []string) []string { return append(c, "") })},
	{code: "TRAILING_SEPARATORS", change: each(func(_ int, c []string) []string { return append(c, "", "") }), tool: true},
	{code: "TRAILING_SEPARATOR_UNEVEN", change: each(func(line int, c []string) []string {
		if line == 2 {
			return append(c, "")
		}
		return c
	}), tool: true},
	{code: "FIELD_PADDED", change: all(set(2, Debit, "    100,00"), set(3, JournalCode, "ACH "))},
	{code: "SEPARATOR_PADDED", text: func(s, sep string) string { return strings.ReplaceAll(s, sep, " "+sep+" ") }},
	{code: "FIELD_INVISIBLE", change: all(set(2, Debit, "100,00\u00a0"), set(3, EcritureDate, "20260315\u00a0"))},
	{code: "QUOTED_CELLS", text: func(s, sep string) string {
		for n := range 6 {
			s = line(n+1, quotedLine)(s, sep)
		}
		return s
	}, tool: true},
	{code: "QUOTE_MARKS", change: all(set(2, EcritureLib, `"Achat ""x"""`), set(3, PieceRef, `"FA"`))},
	{code: "TOTAL_LINE", text: func(s, sep string) string {
		return s + "TOTAL" + strings.Repeat(sep, 11) + "240,00" + sep + "240,00" + strings.Repeat(sep, 5) + "\r\n"
	}, tool: true},
	{code: "FIELD_REQUIRED", change: set(3, JournalCode, ""), tool: true},
	{code: "FIELD_REQUIRED", change: set(3, EcritureNum, ""), tool: true},
	{code: "FIELD_REQUIRED", change: set(3, EcritureDate, "00000000"), tool: true},
	{code: "FIELD_REQUIRED", change: set(3, CompteNum, ""), tool: true},
	{code: "FIELD_BLANK", change: set(5, ValidDate, ""), tool: true},
	{code: "FIELD_BLANK", change: set(5, JournalLib, ""), tool: true},
	{code: "FIELD_BLANK", base: cash(22), change: set(5, PieceRef, ""), tool: true},
	{code: "FIELD_BLANK_CASH", base: cash(22), change: all(set(5, ValidDate, ""), set(5, JournalLib, ""))},
	{code: "DATE_INVALID", change: set(3, PieceDate, "mars"), tool: true},
	{code: "DATE_INVALID", change: set(3, PieceDate, "20261301"), tool: true},
	{code: "DATE_NOT_REAL", change: set(3, PieceDate, "20260230")},
	{code: "DATE_FORMAT", change: all(set(2, EcritureDate, "2026-03-15"), set(3, PieceDate, "14/03/2026"), set(4, PieceDate, "14032026"), set(5, PieceDate, "20260320 00:00:00"))},
	{code: "DATE_FORMAT_UNREAD", change: set(3, PieceDate, "2026-3-14"), tool: true},
	{code: "DATE_IMPLAUSIBLE", change: all(set(2, EcritureDate, "21000315"), set(2, PieceDate, "21000314"), set(2, ValidDate, "21000331"))},
	{code: "DATE_ZERO", change: all(set(2, PieceDate, "00000000"), set(5, ValidDate, "00/00/0000"))},
	{code: "DATE_AFTER_CLOSING", named: "900000001FEC20260319.txt"},
	{code: "DATES_FAR_APART", change: booked("OD", "Divers", "3", "20250101", "62700000", "47100000")},
	{code: "DATES_OUTSIDE_YEAR", change: each(func(line int, c []string) []string {
		if !header(line) {
			for _, f := range []Field{EcritureDate, PieceDate, ValidDate, DateLet} {
				c[f] = strings.Replace(c[f], "2026", "2019", 1)
			}
		}
		return c
	})},
	{code: "ACCOUNT_INVALID", change: set(3, CompteNum, "TVA")},
	{code: "ACCOUNT_CLASS", change: set(3, CompteNum, "90100000")},
	{code: "THIRD_PARTY_TOO_LONG", change: set(4, CompAuxNum, "FEXEMPLE0123456789")},
	{code: "THIRD_PARTY_UNEXPECTED", change: all(set(2, CompAuxNum, "FEXEMPLE"), set(2, CompAuxLib, "Fournisseur exemple"))},
	{code: "THIRD_PARTY_INCOMPLETE", change: set(4, CompAuxLib, "")},
	{code: "LABEL_TOO_LONG", change: set(3, EcritureLib, strings.Repeat("x", 36))},
	{code: "LABEL_DIFFERS", change: set(5, CompteLib, "Fournisseur")},
	{code: "JOURNAL_RESERVED", change: all(set(2, JournalCode, "AN"), set(3, JournalCode, "AN"), set(4, JournalCode, "AN"))},
	{code: "AMOUNT_INVALID", change: set(3, Debit, "vingt"), tool: true},
	{code: "AMOUNT_EXPONENT", change: set(2, Debit, "1E2")},
	{code: "AMOUNT_AMBIGUOUS", change: set(3, Debit, "1.234"), tool: true},
	{code: "AMOUNT_PRECISION", change: set(3, Debit, "20,001")},
	{code: "AMOUNT_DECIMALS", change: set(3, Debit, "20,000")},
	{code: "AMOUNT_TOO_LARGE", change: set(3, Debit, "10000000000000,00")},
	{code: "AMOUNT_POINT", change: all(set(2, Debit, "100.00"), set(3, Credit, "0.00"), set(6, Montantdevise, "-130.4567")), tool: true},
	{code: "AMOUNT_THOUSANDS", change: all(set(5, Debit, "1 120,00"), set(6, Credit, "1\u00a0120,00")), tool: true},
	{code: "AMOUNT_SIGN_LAST", change: set(2, Montantdevise, "100,00-"), base: all(set(2, Montantdevise, "100,00"), set(2, Idevise, "USD"))},
	{code: "AMOUNT_SIGN_SPACED", change: all(set(2, Debit, "0,00"), set(2, Credit, "100,00 -")), tool: true},
	{code: "AMOUNT_NEGATIVE", change: all(set(2, Debit, "0"), set(2, Credit, "-100,00"))},
	{code: "AMOUNT_BLANK", change: all(set(2, Credit, ""), set(4, Debit, ""))},
	{code: "AMOUNT_ZERO", change: func(grid [][]string) [][]string {
		c := slices.Clone(grid[2])
		c[Debit] = "0,00"
		return slices.Insert(grid, 3, c)
	}},
	{code: "SIDE_BOTH", change: all(set(2, Debit, "110,00"), set(2, Credit, "10,00"))},
	{code: "SENSE_INVALID", base: signed("D", "C"), change: set(2, Sens, "X"), tool: true},
	{code: "CURRENCY_INVALID", base: all(set(2, Montantdevise, "100,00"), set(2, Idevise, "USD")), change: set(2, Idevise, "dollar")},
	{code: "CURRENCY_MISSING", change: set(6, Idevise, "")},
	{code: "CURRENCY_AMOUNT_MISSING", change: set(2, Idevise, "USD")},
	{code: "LETTERING_DATE_MISSING", change: set(4, DateLet, "")},
	{code: "LETTERING_CODE_MISSING", change: set(4, EcritureLet, "")},
	{code: "ENTRY_UNBALANCED", change: set(3, Debit, "19,99")},
	{code: "ENTRY_NUMBERS_PER_LINE", change: eachNumbered},
	{code: "LINES_NUMBERED", options: Options{NumbersPerLine: true}, change: eachNumbered},
	{code: "DAY_UNBALANCED", options: Options{NumbersPerLine: true}, base: eachNumbered, change: set(3, Debit, "19,99")},
	{code: "FILE_UNBALANCED", long: true, base: apart(MaxOpenEntries + 1), change: func(grid [][]string) [][]string { grid[len(grid)-1][Credit] = "2,00"; return grid }},
	{code: "TOTAL_TOO_LARGE", change: many(10_000, func(_ int, c []string) {
		if c[Debit] = "9999999999999,99"; c[Credit] != "0,00" {
			c[Debit], c[Credit] = "0,00", c[Debit]
		}
	})},
	{code: "ENTRY_DATE_DIFFERS", change: all(set(6, EcritureDate, "20260319"), set(6, PieceDate, "20260319"))},
	{code: "ENTRY_DATE_DIFFERS", change: func(grid [][]string) [][]string { // the number again, after its entry balanced
		return booked("ACH", "Achats", "1", "20260325", "60700001", "40800000")(grid)
	}},
	{code: "ENTRY_SCATTERED", change: func(grid [][]string) [][]string { return append(grid[:3], grid[4], grid[3], grid[5]) }},
	{code: "ENTRY_NUMBER_GAP", change: booked("ACH", "Achats", "4", "20260325", "60700001", "40800000")},
	{code: "SEQUENCE_UNCHECKED", change: all(set(5, EcritureNum, "X"), set(6, EcritureNum, "X"))},
	{code: "DOCUMENT_DATE_LATE", change: set(2, PieceDate, "20260316")},
	{code: "VALIDATION_EARLY", change: set(2, ValidDate, "20260314")},
	{code: "VALIDATION_ORDER", change: all(set(5, ValidDate, "20260330"), set(6, ValidDate, "20260330"))},
	{code: "OPENING_NOT_FIRST", change: booked("RAN", "A nouveaux", "3", "20260101", "10100000", "26100000")},
	{code: "CLOSING_ENTRY", change: booked("OD", "Divers", "3", "20260331", "12000000", "60700001")},
	{code: "ENTRY_DATE_IMPLAUSIBLE", change: each(func(line int, c []string) []string {
		if !header(line) {
			for _, f := range []Field{EcritureDate, PieceDate, ValidDate, DateLet} {
				c[f] = strings.Replace(c[f], "2026", "2005", 1)
			}
		}
		return c
	}), named: "900000001FEC20051231.txt"},
	{code: "THIRD_PARTY_MISSING", change: set(4, CompAuxNum, "")},
	{code: "THIRD_PARTY_MISSING", change: all(set(4, CompAuxNum, ""), set(4, CompAuxLib, ""))},
	{code: "REFERENCE_UNSEARCHABLE", change: set(3, PieceRef, strings.Repeat("x", 36))},
	{code: "LABEL_MIGHT_BE_CUT", only: "UTF-8", change: set(2, EcritureLib, strings.Repeat("x", 34)+"🥐")},
	{code: "CURRENCIES_MIXED", change: all(set(5, Idevise, "CHF"), set(5, Montantdevise, "110,00"))},
	{code: "VAT_RATE_UNKNOWN", change: all(set(3, Debit, "25,00"), set(4, Credit, "125,00"))},
	{code: "SIDES_SWAPPED", change: swapped},
	{code: "ENTRIES_UNFOLLOWED", long: true, change: apart(MaxOpenEntries + 1)},
	{code: "TOTALS_INCOMPLETE", long: true, change: many(MaxAccounts+2, func(i int, c []string) { c[CompteNum], c[CompteLib] = fmt.Sprint(100000+i), "x" })},
}

// odd puts a text of another code page in the place of all others above ASCII.
func odd(s, text string) string {
	return strings.Replace(strings.NewReplacer("\xe9", "e", "é", "e").Replace(s), "TVA 20 %", text, 1)
}

// encodings of the property: the three that the law knows.
var encodings = []struct {
	name, accents string
	encode        func(string) string
}{
	{"ASCII", "ete", func(s string) string { return s }},
	{"ISO 8859-15", "été", latinText},
	{"UTF-8", "été", func(s string) string { return s }},
}

func latinText(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func codesOf(r Report) map[string]bool {
	codes := map[string]bool{}
	for _, f := range r.Findings {
		codes[f.Code] = true
	}
	return codes
}

// TestACauseHidesItsEffects: each rule has a fault that breaks it and no other, in either separator and in each encoding;
// and who objects to it is proven against what the checker of the administration does.
func TestACauseHidesItsEffects(t *testing.T) {
	rules := map[string]bool{}
	for _, m := range mutations {
		rules[m.code] = true
		for _, sep := range []string{"\t", "|"} {
			for _, e := range encodings {
				if m.only != "" && e.name != m.only {
					continue
				}
				if m.long && e.name != "ASCII" {
					continue // it holds no character above it
				}
				m.check(t, sep, e.name, e.accents, e.encode)
			}
		}
	}
	for _, r := range Codes() {
		if !rules[r.Code] {
			t.Errorf("%s has no fault", r.Code)
		}
	}
}

func (m mutation) check(t *testing.T, sep, encoding, accents string, encode func(string) string) {
	t.Helper()
	build := func(change change, text func(s, sep string) string) string {
		grid := set(4, EcritureLib, accents)(good())
		for _, c := range []func([][]string) [][]string{m.base, change} {
			if c != nil {
				grid = c(grid)
			}
		}
		var b strings.Builder
		for _, cells := range grid {
			b.WriteString(strings.Join(cells, sep) + "\r\n")
		}
		s := b.String()
		if encoding == "ASCII" {
			s = strings.ReplaceAll(s, "é", "e")
		}
		if s = encode(s); encoding == "ASCII" {
			s = strings.ReplaceAll(s, "\u00a0", "\xa0")
		}
		if text != nil {
			s = text(s, sep)
		}
		return s
	}
	options := m.options
	options.Name = goodName
	named := options
	if m.named != "" {
		named.Name = m.named
	}
	before := codesOf(validate(build(nil, nil), options))
	mutant := build(m.change, m.text)
	r := validate(mutant, named)
	sane(t, r)
	var got []string
	for code := range codesOf(r) {
		if !before[code] || code == m.code {
			got = append(got, code)
		}
	}
	where := fmt.Sprintf("%s, %q, %s", m.code, sep, encoding)
	if m.code == "ENCODING_UTF8" && encoding == "UTF-8" && len(got) == 0 {
		return // it is that before
	}
	if !slices.Equal(got, []string{m.code}) {
		t.Errorf("%s: found %q, before %v\n%.2000q", where, shorts(r.Findings), before, mutant)
	}
	if len(mutant) <= 4<<20 { // a long file shows no more of it than a short one
		if objects := administrationObjects(named.Name, []byte(mutant)); objects != m.tool {
			t.Errorf("%s: the checker of the administration objects: %t, the table says %t", where, objects, m.tool)
		}
	}
	if r.ObjectedBy(TaxTool) != m.tool {
		t.Errorf("%s: the report says that the checker objects: %t", where, !m.tool)
	}
}

// TestRulesOfTheLawAreCited, and what hides an error is one, or ends with the file: a file is kept as long as none was found.
func TestTheCatalogueIsWhole(t *testing.T) {
	severity := map[string]Rule{}
	for _, r := range Codes() {
		severity[r.Code] = r
	}
	atEnd := []string{"ENTRY_UNBALANCED", "FILE_UNBALANCED"}
	for _, r := range Codes() {
		if r.Grounds.Has(Law) != (r.Law != "") {
			t.Errorf("%s: ground %s, cited %q", r.Code, r.Grounds, r.Law)
		}
		for _, hidden := range slices.Concat(r.HidesInFile, r.HidesOnLine) {
			if severity[hidden].Severity > r.Severity && !slices.Contains(atEnd, hidden) {
				t.Errorf("%s hides the error %s", r.Code, hidden)
			}
		}
		if sentences := strings.Count(strings.TrimSuffix(r.Message, "."), ". ") + strings.Count(r.Message, ": ") + strings.Count(r.Message, "; "); sentences == 0 {
			t.Errorf("%s does not say what to do: %s", r.Code, r.Message)
		}
	}
}
