package fec

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// good is a file without findings: a purchase, and its payment by a bank account in dollars.
func good() [][]string {
	var grid [][]string
	for line := range strings.Lines(`JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise
ACH|Achats|1|20260315|60700000|Achats de marchandises|||FA-1|20260314|Achat|100,00|0,00|||20260331||
ACH|Achats|1|20260315|44566000|TVA|||FA-1|20260314|TVA 20 %|20,00|0,00|||20260331||
ACH|Achats|1|20260315|40100000|Fournisseurs|FEXEMPLE|Fournisseur exemple|FA-1|20260314|Fournisseur|0,00|120,00|AA|20260320|20260331||
BQ1|Banque|2|20260320|40100000|Fournisseurs|FEXEMPLE|Fournisseur exemple|VIR-7|20260320|Virement|120,00|0,00|AA|20260320|20260331||
BQ1|Banque|2|20260320|51200000|Banque|||VIR-7|20260320|Virement|0,00|120,00|||20260331|-130,4567|USD
`) {
		grid = append(grid, strings.Split(strings.TrimSuffix(line, "\n"), "|"))
	}
	return grid
}

const goodName = "900000001FEC20261231.txt"

// change spoils the good file; it may replace the whole text, which ends its lines with CR LF.
type change func(grid [][]string) [][]string

func set(line int, f Field, value string) change {
	return func(grid [][]string) [][]string {
		grid[line-1][f.position()] = value
		return grid
	}
}

func all(changes ...change) change {
	return func(grid [][]string) [][]string {
		for _, c := range changes {
			grid = c(grid)
		}
		return grid
	}
}

// each changes every line.
func each(f func(line int, cells []string) []string) change {
	return func(grid [][]string) [][]string {
		for i := range grid {
			grid[i] = f(i+1, grid[i])
		}
		return grid
	}
}

func header(line int) bool { return line == 1 }

func written(grid [][]string) string {
	var b strings.Builder
	for _, cells := range grid {
		b.WriteString(strings.Join(cells, "|") + "\r\n")
	}
	return b.String()
}

// raw changes the text.
func raw(f func(string) string) func([][]string) string {
	return func(grid [][]string) string { return f(written(grid)) }
}

func replace(pairs ...string) func([][]string) string {
	return raw(func(s string) string { return strings.NewReplacer(pairs...).Replace(s) })
}

func whole(s string) func([][]string) string { return func([][]string) string { return s } }

// signed turns Debit and Credit into Montant and Sens.
func signed(debit, credit string) change {
	return each(func(line int, c []string) []string {
		switch {
		case header(line):
			c[Debit], c[Credit] = "Montant", "Sens"
		case c[Debit] == "0,00":
			c[Debit], c[Credit] = c[Credit], credit
		default:
			c[Credit] = debit
		}
		return c
	})
}

func cash(width int) change {
	return each(func(line int, c []string) []string {
		more := []string{"20260320", "virement", "", "Client exemple"}
		if header(line) {
			more = []string{"DateRglt", "ModeRglt", "NatOp", "IdClient"}
		}
		return append(c, more[:width-legalFields]...)
	})
}

func insert(at int, values ...string) change {
	return each(func(line int, c []string) []string { return slices.Insert(c, at, values[min(line, len(values))-1]) })
}

// swapped puts the amounts of the purchase on the other side.
func swapped(grid [][]string) [][]string {
	for _, c := range grid[1:4] {
		c[Debit.position()], c[Credit.position()] = c[Credit.position()], c[Debit.position()]
	}
	return grid
}

// booked appends a balanced entry.
func booked(journal, title, number, date, account1, account2 string) change {
	base := good()[1]
	return func(grid [][]string) [][]string {
		for i, account := range []string{account1, account2} {
			c := slices.Clone(base)
			c[JournalCode], c[JournalLib], c[EcritureNum], c[EcritureDate], c[PieceDate], c[CompteNum], c[CompteLib] = journal, title, number, date, date, account, "Compte "+account
			if i == 1 {
				c[Debit], c[Credit] = "0,00", "100,00"
			}
			grid = append(grid, c)
		}
		return grid
	}
}

func unchanged(grid [][]string) [][]string { return grid }

func utf16(s string, order func(byte) string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(order(s[i]))
	}
	return b.String()
}

func littleEndian(c byte) string { return string([]byte{c, 0}) }
func bigEndian(c byte) string    { return string([]byte{0, c}) }

// cases are named so that the name and the findings read as a sentence. A finding is its code, line, column, field and,
// above one, how many times.
var cases = []struct {
	name   string
	change change
	text   func([][]string) string
	want   []string
}{
	{"nothing is wrong", unchanged, nil, nil},
	{"tabs", unchanged, replace("|", "\t"), nil},
	{"line feeds", unchanged, replace("\r\n", "\n"), nil},
	{"carriage returns", unchanged, replace("\r\n", "\r"), nil},
	{"no end of the last line", unchanged, raw(func(s string) string { return strings.TrimSuffix(s, "\r\n") }), nil},
	{"the end of a file under DOS", unchanged, raw(func(s string) string { return s + "\x1a" }), []string{"END_MARK 7:0"}},
	{"a last line that ends otherwise", unchanged, raw(func(s string) string { return strings.TrimSuffix(s, "\r\n") + "\n" }), nil},
	{"ISO 8859-15", set(2, EcritureLib, "Caf\xe9 \xa4"), nil, nil},
	{"amounts without decimals or digits before the comma", all(set(2, Debit, "100"), set(3, Debit, "020,0"), set(4, Debit, ",00"), set(5, Debit, "+120,")), nil, nil},
	{"D and C", signed("D", "c"), nil, nil},
	{"+1 and -1", signed("+1", "-1"), nil, nil},
	{"21 columns", cash(21), nil, nil},
	{"22 columns", cash(22), nil, nil},
	{"a currency amount of nought without a currency", set(2, Montantdevise, "0,00"), nil, nil},
	{"numbers of each journal", all(set(5, EcritureNum, "BQ-0001"), set(6, EcritureNum, "BQ-0001")), nil, nil},
	{"a third party of 17 characters", set(4, CompAuxNum, strings.Repeat("é", 17)), replace("é", "\xe9"), nil},

	{"a zip file", unchanged, whole("PK\x03\x04\n\x00\x00"), []string{"FILE_COMPRESSED 0:0"}},
	{"a gzip file", unchanged, whole("\x1f\x8b\x08\x00"), []string{"FILE_COMPRESSED 0:0"}},
	{"an old spreadsheet", unchanged, whole("\xd0\xcf\x11\xe0\xa1\xb1"), []string{"FILE_COMPRESSED 0:0"}},
	{"XML", unchanged, whole("<?xml version=\"1.0\"?>\n<comptabilite>"), []string{"FILE_XML 0:0"}},
	{"XML behind a mark and a blank line", unchanged, whole("\r\n\xef\xbb\xbf <comptabilite>"), []string{"FILE_XML 0:0"}},
	{"HTML", unchanged, whole("<!DOCTYPE html>\n"), []string{"NOT_TEXT 0:0"}},
	{"PDF", unchanged, whole("%PDF-1.7\n"), []string{"NOT_TEXT 0:0"}},
	{"bytes", unchanged, whole("Journal\x00Code|x"), []string{"NOT_TEXT 0:0"}},
	{"UTF-16 with a mark", unchanged, raw(func(s string) string { return "\xff\xfe" + utf16(s, littleEndian) }), []string{"ENCODING_UTF16 0:0"}},
	{"UTF-16 of the other order with a mark", unchanged, raw(func(s string) string { return "\xfe\xff" + utf16(s, bigEndian) }), []string{"ENCODING_UTF16 0:0"}},
	{"UTF-16 without a mark", unchanged, raw(func(s string) string { return utf16(s, littleEndian) }), []string{"ENCODING_UTF16 0:0"}},
	{"UTF-16 of the other order without a mark", unchanged, raw(func(s string) string { return utf16(s, bigEndian) }), []string{"ENCODING_UTF16 0:0"}},
	{"EBCDIC", unchanged, whole("\xd1\x96\xa4\x99\x95\x81\x93\xc3\x96\x84\x85\x4f"), []string{"ENCODING_EBCDIC 0:0"}},
	{"semicolons", unchanged, replace("|", ";"), []string{"SEPARATOR_INVALID 0:0"}},
	{"commas", unchanged, replace("|", ","), []string{"SEPARATOR_INVALID 0:0"}},
	{"a letter", unchanged, whole("Madame, Monsieur,\nvoici le FEC."), []string{"NOT_A_FEC 0:0"}},
	{"another table", unchanged, whole("a|b|c|d|e|f\n1|2|3|4|5|6\n"), []string{"NOT_A_FEC 0:0"}},
	{"a first line without end", unchanged, whole(strings.Repeat("x|", MaxLineLength)), []string{"NOT_A_FEC 0:0"}},
	{"a spreadsheet without any line end", unchanged, whole("PK\x03\x04" + strings.Repeat("\x00", 2*MaxLineLength)), []string{"FILE_COMPRESSED 0:0"}},
	{"nothing but separators", unchanged, whole(strings.Repeat("|", 30)), []string{"NOT_A_FEC 0:0"}},
	{"nothing", unchanged, whole(""), []string{"NO_LINES 0:0"}},
	{"blank lines", unchanged, whole("\r\n \r\n"), []string{"NO_LINES 0:0"}},
	{"only the names", func(grid [][]string) [][]string { return grid[:1] }, nil, []string{"NO_LINES 0:0"}},

	{"no names", func(grid [][]string) [][]string { return grid[1:] }, nil, []string{"HEADER_ABSENT 1:0"}},
	{"no names behind a byte order mark", func(grid [][]string) [][]string { return grid[1:] }, raw(func(s string) string { return "\xef\xbb\xbf" + s }), []string{"BYTE_ORDER_MARK 1:0", "HEADER_ABSENT 1:0"}},
	{"no names in 22 columns", all(cash(22), func(grid [][]string) [][]string { return grid[1:] }), nil, []string{"HEADER_ABSENT 1:0"}},
	{"both separators in the names", unchanged, raw(func(s string) string { return strings.Replace(s, "|PieceRef", "\tPieceRef", 1) }), []string{
		"SEPARATOR_MIXED 1:0",
	}},
	{"a column too few", each(func(_ int, c []string) []string { return slices.Delete(c, int(CompAuxLib), int(CompAuxLib)+1) }), nil, []string{"HEADER_MISSING 1:0 CompAuxLib"}},
	{"no column of credits", each(func(_ int, c []string) []string { return slices.Delete(c, int(Credit), int(Credit)+1) }), nil, []string{
		"HEADER_MISSING 1:0 Credit",
	}},
	{"a column twice", insert(18, "PieceRef", "x"), nil, []string{"HEADER_DUPLICATE 1:19 PieceRef"}},
	{"columns in another order", each(func(_ int, c []string) []string { c[0], c[2] = c[2], c[0]; return c }), nil, []string{"HEADER_ORDER 1:1 EcritureNum"}},
	{"another column between the law's", insert(3, "Ligne", "1"), nil, []string{"HEADER_EXTRA 1:0", "HEADER_ORDER 1:5 EcritureDate"}},
	{"other columns after the law's", all(insert(18, "Section", "ATN"), insert(19, "Quantité", "2")), replace("é", "\xe9"), []string{"HEADER_EXTRA 1:0"}},
	{"near misses", unchanged, replace("CompAuxNum", "CompteAuxNum", "Idevise", "IdDevise", "EcritureLet", "Lettrage", "PieceDate", "PieceDat"), []string{
		"HEADER_NEAR_MISS 1:7 CompAuxNum, PieceDate, EcritureLet, Idevise x4",
	}},
	{"names in quotes", unchanged, raw(func(s string) string {
		first, rest, _ := strings.Cut(s, "\r\n")
		return `"` + strings.ReplaceAll(first, "|", `"|"`) + "\"\r\n" + rest
	}), []string{"QUOTED_CELLS 1:0"}},
	{"letter case, accents and blanks in the names", unchanged, replace("Montantdevise", "MontantDevise", "Debit", "D\xe9bit", "Credit", " Cr\xc3\xa9dit"), []string{
		"HEADER_CASE 1:12 Debit, Credit, Montantdevise x3",
	}},
	{"amounts in both manners", all(insert(18, "Montant", "1,00"), insert(19, "Sens", "D")), nil, []string{"HEADER_EXTRA 1:0"}},
	{"a part of the cash basis", all(cash(20)), nil, []string{"CASH_COLUMNS_INCOMPLETE 1:0 NatOp"}},

	{"a byte order mark", unchanged, raw(func(s string) string { return "\xef\xbb\xbf" + s }), []string{"BYTE_ORDER_MARK 1:0"}},
	{"UTF-8", all(set(2, EcritureLib, "Été"), set(3, EcritureLib, "Été")), nil, []string{"ENCODING_UTF8 2:11 x2"}},
	{"Windows-1252", set(3, EcritureLib, "20 \x80"), nil, []string{"ENCODING_CP1252 3:11 EcritureLib"}},
	{"two encodings", all(set(2, EcritureLib, "Été"), set(3, EcritureLib, "\xe9t\xe9"), set(4, EcritureLib, "Été")), nil, []string{"ENCODING_MIXED 3:11"}},
	{"a mark of UTF-8 before another encoding", set(3, EcritureLib, "\xe9t\xe9"), raw(func(s string) string { return "\xef\xbb\xbf" + s }), []string{
		"BYTE_ORDER_MARK 1:0", "ENCODING_MIXED 3:11",
	}},
	{"control characters", all(set(2, EcritureLib, "a\x00b"), set(3, CompteLib, "T\tVA")), nil, []string{"CONTROL_CHARACTER 2:11 CompteLib, EcritureLib x2"}},
	{"a text without end", set(3, EcritureLib, strings.Repeat("x", MaxLineLength)), nil, []string{"TEXT_TOO_LONG 3:0"}},
	{"a line without end", set(3, EcritureLib, strings.Repeat("x|", MaxLineLength)), nil, []string{"LINE_TOO_LONG 3:0"}},
	{"a blank line", unchanged, raw(func(s string) string { return s + "  \r\n" }), []string{"LINE_EMPTY 7:0"}},
	{"line breaks in a text", set(3, PieceRef, "FA\n1"), nil, []string{"LINE_BREAK 3:0"}},
	{"the same line break in a text as at the ends", all(set(3, PieceRef, "FA\n1"), set(5, JournalLib, "Ban\nque")), replace("\r\n", "\n"), []string{"LINE_BROKEN 3:0 x2"}},
	{"line ends of two kinds", unchanged, raw(func(s string) string {
		return s[:strings.LastIndex(s[:len(s)-2], "\r\n")] + "\n" + s[strings.LastIndex(s[:len(s)-2], "\r\n")+2:]
	}), []string{"LINE_ENDINGS_MIXED 5:0"}},
	{"a line cut short", func(grid [][]string) [][]string { grid[3] = grid[3][:9]; return grid }, nil, []string{"COLUMNS_MISSING 4:0"}},
	{"the last line cut short", func(grid [][]string) [][]string { grid[5] = grid[5][:9]; return grid }, nil, []string{"COLUMNS_MISSING 6:0"}},
	{"no separators for the empty fields at the end", func(grid [][]string) [][]string { grid[1], grid[2] = grid[1][:16], grid[2][:17]; return grid }, nil, []string{"COLUMNS_MISSING 2:0 x2"}},
	{"a separator in a text", set(2, EcritureLib, "Achat | mars"), nil, []string{"COLUMNS_EXTRA 2:0"}},
	{"separators at the ends of all lines", each(func(_ int, c []string) []string { return append(c, "") }), nil, []string{"TRAILING_SEPARATOR 1:0"}},
	{"separators at the ends of all lines but the first", each(func(line int, c []string) []string {
		if header(line) {
			return c
		}
		return append(c, " ", "")
	}), nil, []string{"TRAILING_SEPARATOR_UNEVEN 2:0 x5"}},
	{"a separator at the end of the first line", func(grid [][]string) [][]string { grid[0] = append(grid[0], ""); return grid }, nil, []string{
		"TRAILING_SEPARATOR 1:0", "TRAILING_SEPARATOR_UNEVEN 2:0 x5",
	}},
	{"padding", all(set(2, Debit, "    100,00"), set(2, CompAuxNum, "   "), set(3, JournalCode, "ACH ")), nil, []string{
		"FIELD_PADDED 2:7 JournalCode, CompAuxNum, Debit x3",
	}},

	{"no journal", all(set(2, JournalCode, ""), set(3, JournalCode, ""), set(4, JournalCode, "")), nil, []string{"FIELD_REQUIRED 2:1 JournalCode x3"}},
	{"no number", all(set(2, EcritureNum, ""), set(3, EcritureNum, ""), set(4, EcritureNum, "")), nil, []string{"FIELD_REQUIRED 2:3 EcritureNum x3"}},
	{"no date", set(3, EcritureDate, ""), nil, []string{"FIELD_REQUIRED 3:4 EcritureDate"}},
	{"no account", set(3, CompteNum, ""), nil, []string{"FIELD_REQUIRED 3:5 CompteNum"}},
	{"entries that are not validated", all(set(5, ValidDate, ""), set(6, ValidDate, "")), nil, []string{"FIELD_BLANK 5:16 ValidDate x2"}},
	{"no texts", all(set(3, JournalLib, ""), set(3, CompteLib, ""), set(3, PieceRef, ""), set(3, PieceDate, ""), set(3, EcritureLib, "")), nil, []string{
		"FIELD_BLANK 3:2 JournalLib", "FIELD_BLANK 3:6 CompteLib", "FIELD_BLANK 3:9 PieceRef", "FIELD_BLANK 3:10 PieceDate", "FIELD_BLANK 3:11 EcritureLib",
	}},
	{"dates of zeros", all(set(2, DateLet, "00000000"), set(5, ValidDate, "00/00/0000"), set(6, EcritureDate, "0")), nil, []string{
		"DATE_ZERO 2:15 DateLet, ValidDate x2", "FIELD_REQUIRED 6:4 EcritureDate",
	}},
	{"no date at all", set(3, PieceDate, "mars"), nil, []string{"DATE_INVALID 3:10 PieceDate"}},
	{"eight zero bytes for a date", set(2, PieceDate, strings.Repeat("\x00", 8)), nil, []string{"CONTROL_CHARACTER 2:10 PieceDate", "DATE_INVALID 2:10 PieceDate"}},
	{"a thirteenth month", set(3, PieceDate, "20261301"), nil, []string{"DATE_INVALID 3:10 PieceDate"}},
	{"30 February", set(3, PieceDate, "20260230"), nil, []string{"DATE_NOT_REAL 3:10 PieceDate"}},
	{"dates of other forms", all(set(2, PieceDate, "2026-03-14"), set(3, PieceDate, "14/03/2026"), set(4, PieceDate, "14032026"), set(5, PieceDate, "20260320 00:00:00")), nil, []string{
		"DATE_FORMAT 2:10 PieceDate x4",
	}},
	{"a document of the first millennium", set(2, PieceDate, "02260314"), nil, []string{"DATE_IMPLAUSIBLE 2:10 PieceDate"}},
	{"entries after the closing day", booked("OD", "Divers", "3", "20270101", "62700000", "47100000"), nil, []string{
		"DATE_AFTER_CLOSING 7:4 EcritureDate x2",
	}},
	{"entries of two years", booked("OD", "Divers", "3", "20250101", "62700000", "47100000"), nil, []string{"DATES_FAR_APART 0:4 EcritureDate"}},
	{"accounts that are none", all(set(2, CompteNum, "FRAIS"), set(3, CompteNum, "44")), nil, []string{"ACCOUNT_INVALID 2:5 CompteNum x2"}},
	{"accounts of no class", all(set(2, CompteNum, "00100000"), set(3, CompteNum, "90100000")), nil, []string{"ACCOUNT_CLASS 2:5 CompteNum x2"}},
	{"a long third party", set(4, CompAuxNum, "FEXEMPLE0123456789"), nil, []string{"THIRD_PARTY_TOO_LONG 4:7 CompAuxNum"}},
	{"a third party without a name, and a name alone", all(set(4, CompAuxLib, ""), set(3, CompAuxLib, "x")), nil, []string{"THIRD_PARTY_INCOMPLETE 3:7 CompAuxNum", "THIRD_PARTY_INCOMPLETE 4:8 CompAuxLib"}},
	{"a long label", set(3, EcritureLib, strings.Repeat("x", 36)), nil, []string{"LABEL_TOO_LONG 3:11 EcritureLib"}},
	{"two labels for a code", all(set(3, JournalLib, "Achat"), set(5, CompteLib, "Fournisseur"), set(5, CompAuxLib, "Autre")), nil, []string{
		"LABEL_DIFFERS 3:2 JournalLib", "LABEL_DIFFERS 5:6 CompteLib", "LABEL_DIFFERS 5:8 CompAuxLib",
	}},
	{"Loop's own journal", all(set(2, JournalCode, "an"), set(3, JournalCode, "an"), set(4, JournalCode, "an")), nil, []string{"JOURNAL_RESERVED 2:1 JournalCode x3"}},

	{"words for amounts", all(set(2, Debit, "cent"), set(4, Credit, "1E2"), set(5, Debit, `"120,00"`), set(6, Montantdevise, "x")), nil, []string{
		"AMOUNT_INVALID 2:12 Debit x2", "AMOUNT_EXPONENT 4:13 Credit", "AMOUNT_INVALID 6:17 Montantdevise",
	}},
	{"a point before three digits", set(2, Debit, "1.234"), nil, []string{"AMOUNT_AMBIGUOUS 2:12 Debit"}},
	{"parts of a cent", set(2, Debit, "100,001"), nil, []string{"AMOUNT_PRECISION 2:12 Debit"}},
	{"more decimals than cents", all(set(2, Debit, "100,000"), set(3, Debit, "20,0000")), nil, []string{"AMOUNT_DECIMALS 2:12 Debit x2"}},
	{"14 digits", set(2, Debit, "10000000000000,00"), nil, []string{"AMOUNT_TOO_LARGE 2:12 Debit"}},
	{"decimal points", unchanged, raw(func(s string) string {
		return regexp.MustCompile(`(\d),(\d)`).ReplaceAllString(s, "$1.$2")
	}), []string{"AMOUNT_POINT 2:12 Debit, Credit, Montantdevise x11"}},
	{"thousands", all(set(2, Debit, "1\xa0100,00"), set(3, Debit, "1.020,00"), set(4, Credit, "2 120")), nil, []string{
		"AMOUNT_THOUSANDS 2:12 Debit, Credit x3", "VAT_RATE_UNKNOWN 3:0",
	}},
	{"thousands of English", all(set(2, Debit, "1,100.00"), set(3, Debit, "1,000,020"), set(4, Credit, "1001120,00")), nil, []string{
		"AMOUNT_THOUSANDS 2:12 Debit x2", "AMOUNT_POINT 2:12 Debit", "VAT_RATE_UNKNOWN 3:0",
	}},
	{"signs at the end", all(set(2, Debit, "0,00"), set(2, Credit, "100,00-")), nil, []string{"AMOUNT_SIGN_LAST 2:13 Credit", "AMOUNT_NEGATIVE 2:13 Credit"}},
	{"negative amounts", all(set(2, Debit, "0"), set(2, Credit, "-100,00")), nil, []string{"AMOUNT_NEGATIVE 2:13 Credit"}},
	{"nothing for nought", all(set(2, Credit, ""), set(4, Debit, "")), nil, []string{"AMOUNT_BLANK 2:13 Debit, Credit x2"}},
	{"no amount", func(grid [][]string) [][]string {
		c := slices.Clone(grid[2])
		c[Debit] = "0,00"
		return slices.Insert(grid, 3, c)
	}, nil, []string{"AMOUNT_ZERO 4:12 Debit"}},
	{"a debit and a credit", all(set(2, Debit, "110,00"), set(2, Credit, "10,00")), nil, []string{"SIDE_BOTH 2:13 Credit"}},
	{"a side that is none", all(signed("D", "C"), set(2, Sens, "1")), nil, []string{"SENSE_INVALID 2:13 Sens"}},
	{"euros by their sign", all(set(2, Idevise, "€"), set(2, Montantdevise, "100,00")), replace("€", "\xa4"), []string{"CURRENCY_INVALID 2:18 Idevise"}},
	{"an amount in no currency", set(6, Idevise, ""), nil, []string{"CURRENCY_MISSING 6:18 Idevise"}},
	{"a currency without an amount", set(2, Idevise, "EUR"), nil, []string{"CURRENCY_AMOUNT_MISSING 2:17 Montantdevise"}},
	{"a lettering code without a date", set(4, DateLet, ""), nil, []string{"LETTERING_DATE_MISSING 4:15 DateLet"}},
	{"a lettering date without a code", set(4, EcritureLet, ""), nil, []string{"LETTERING_CODE_MISSING 4:14 EcritureLet"}},

	{"an entry out of balance", set(3, Debit, "19,99"), nil, []string{"ENTRY_UNBALANCED 2:0"}},
	{"entries out of balance by each other's amount", all(set(3, Debit, "10,00"), set(5, Debit, "130,00")), nil, []string{"ENTRY_UNBALANCED 2:0 x2"}},
	{"an entry of one line", func(grid [][]string) [][]string { return grid[:5] }, nil, []string{"ENTRY_UNBALANCED 5:0"}},
	{"an entry in two parts", func(grid [][]string) [][]string { return append(grid[:3], grid[4], grid[3], grid[5]) }, nil, []string{"ENTRY_SCATTERED 5:3 EcritureNum x2"}},
	{"an entry in two parts with text in its number", all(
		func(grid [][]string) [][]string { return append(grid[:3], grid[4], grid[3], grid[5]) },
		each(func(line int, c []string) []string {
			if !header(line) {
				c[EcritureNum] += "/A"
			}
			return c
		}),
	), nil, []string{"SEQUENCE_UNCHECKED 0:3 EcritureNum"}},
	{"two days in an entry", set(3, EcritureDate, "20260316"), nil, []string{"ENTRY_DATE_DIFFERS 3:4 EcritureDate"}},
	{"a gap in the numbers", all(booked("OD", "Divers", "0003", "20260321", "62700000", "47100000"), booked("OD", "Divers", "0005", "20260321", "62700000", "47100000")), nil, []string{"ENTRY_NUMBER_GAP 0:3 EcritureNum"}},
	{"a gap in a journal whose numbers others have too", all(
		booked("OD", "Divers", "1", "20260321", "62700000", "47100000"), booked("OD", "Divers", "3", "20260321", "62700000", "47100000"),
	), nil, []string{"ENTRY_NUMBER_GAP 0:3 EcritureNum"}},
	{"numbers that jump", all(booked("OD", "Divers", "3", "20260321", "62700000", "47100000"), booked("OD", "Divers", "900", "20260321", "62700000", "47100000")), nil, []string{"SEQUENCE_UNCHECKED 0:3 EcritureNum"}},
	{"a document of the day after", set(2, PieceDate, "20260316"), nil, []string{"DOCUMENT_DATE_LATE 2:10 PieceDate"}},
	{"validation before the entry", all(set(2, ValidDate, "20260314")), nil, []string{"VALIDATION_EARLY 2:16 ValidDate"}},
	{"a disorder of validation", all(set(5, ValidDate, "20260330"), set(6, ValidDate, "20260330")), nil, []string{"VALIDATION_ORDER 5:16 ValidDate x2"}},
	{"an opening at the end", booked("RAN", "A nouveaux", "3", "20260101", "10100000", "51200000"), nil, []string{
		"LABEL_DIFFERS 8:6 CompteLib", "OPENING_NOT_FIRST 7:1 JournalCode x2",
	}},
	{"an opening journal by its title", booked("X", "Journal des à-nouveaux", "3", "20260101", "10100000", "26100000"), replace("à", "\xe0"), []string{"OPENING_NOT_FIRST 7:1 JournalCode x2"}},
	{"an entry of another time", all(set(2, EcritureDate, "19800315"), set(3, EcritureDate, "19800315"), set(4, EcritureDate, "19800315"), set(2, PieceDate, "19800315"), set(3, PieceDate, "19800315"), set(4, PieceDate, "19800315")), nil, []string{
		"ENTRY_DATE_IMPLAUSIBLE 2:4 EcritureDate x3",
	}},
	{"suppliers without a third party", all(set(4, CompAuxNum, ""), set(4, CompAuxLib, "")), nil, []string{"THIRD_PARTY_MISSING 4:7 CompAuxNum"}},
	{"a reference in quotation marks", set(5, PieceRef, `VIR "7"`), nil, []string{"REFERENCE_UNSEARCHABLE 5:9 PieceRef"}},
	{"35 characters of 36 units", set(2, EcritureLib, strings.Repeat("x", 34)+"🥐"), nil, []string{"ENCODING_UTF8 2:11", "LABEL_MIGHT_BE_CUT 2:11 EcritureLib"}},
	{"two currencies", all(set(5, Idevise, "CHF"), set(5, Montantdevise, "110,00")), nil, []string{"CURRENCIES_MIXED 6:18 Idevise"}},
	{"VAT of 25 %", all(set(3, Debit, "25,00"), set(4, Credit, "125,00")), nil, []string{"VAT_RATE_UNKNOWN 3:0"}},
	{"a purchase swapped", swapped, nil, []string{"SIDES_SWAPPED 2:0"}},
	{"a credit note", all(swapped, set(4, EcritureLib, "Avoir fournisseur")), nil, nil},
	{"a credit note by its number", all(swapped, set(2, PieceRef, "AV-12")), nil, nil},
	{"a closing entry", booked("OD", "Divers", "3", "20261231", "12000000", "60700001"), nil, []string{"CLOSING_ENTRY 7:0", "VALIDATION_EARLY 7:16 ValidDate x2"}},
}

// named are cases of the file's name.
var named = []struct {
	name string
	want []string
}{
	{goodName, nil},
	{"", nil},
	{`C:\compta\900000001fec20261231.TXT`, nil},
	{"/tmp/900000001FEC20261231.txt", nil},
	{"900000011FEC20261231.txt", []string{"SIREN_INVALID 0:0"}},
	{"fec.txt", []string{"NAME_INVALID 0:0"}},
	{"900000001FEC20261331.txt", []string{"NAME_FORM 0:0"}},
	{"900000001FEC20260230.txt", []string{"NAME_FORM 0:0"}},
	{"900000001FEC20261231_v2.txt", []string{"NAME_FORM 0:0"}},
	{"9000000011FEC20261231.txt", []string{"NAME_FORM 0:0"}},
	{"900000001FEC202612.txt", []string{"NAME_INVALID 0:0"}},
	{"FEC20261231.txt", []string{"NAME_INVALID 0:0"}},
	{"900000001FEC20261231.csv", nil},
	{"900000001FEC20261231.xml", nil},
	{"900000001FEC20261231", nil},
	{"90000000AFEC20261231.txt", []string{"NAME_FORM 0:0"}},
	{"900000001FEC19991231.txt", []string{"DATE_AFTER_CLOSING 2:4 EcritureDate x5", "NAME_YEAR 0:0"}},
	{"900000001FEC20260319.txt", []string{"DATE_AFTER_CLOSING 5:4 EcritureDate x2"}},
}

func short(f Finding) string {
	s := fmt.Sprintf("%s %d:%d", f.Code, f.Line, f.Column)
	if f.Field != "" {
		s += " " + f.Field
	}
	if f.Count > 1 {
		s += " x" + strconv.Itoa(f.Count)
	}
	return s
}

func shorts(findings []Finding) (out []string) {
	for _, f := range findings {
		out = append(out, short(f))
	}
	return out
}

func validate(s string, o Options) Report {
	v := NewValidator(o)
	_, _ = v.Write([]byte(s))
	return v.Close()
}

func TestEachVariantAndEachFaultHasItsFindings(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			grid, write := c.change(good()), c.text
			if write == nil {
				write = written
			}
			r := validate(write(grid), Options{Name: goodName})
			got, want := shorts(r.Findings), slices.Clone(c.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			sane(t, r)
		})
	}
}

func TestTheNameOfTheFileIsChecked(t *testing.T) {
	for _, c := range named {
		r := validate(written(good()), Options{Name: c.name})
		if got := shorts(r.Findings); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		sane(t, r)
	}
}

// sane checks what holds of any report.
func sane(t interface{ Fatalf(string, ...any) }, r Report) {
	failed := false
	for _, f := range r.Findings {
		i := slices.IndexFunc(rules[:], func(r Rule) bool { return r.Code == f.Code })
		if i < 0 || rules[i].Severity != f.Severity && !rules[i].Strict || rules[i].Grounds != f.Grounds {
			t.Fatalf("not in the list: %+v", f)
		}
		failed = failed || f.Severity == check.Error
		for _, s := range []string{f.Message, f.French} {
			if !utf8.ValidString(s) || len(s) > 1500 || strings.ContainsAny(s, "\r\n\t") {
				t.Fatalf("%q", s)
			}
		}
		if f.Line < 0 || f.Column < 0 || f.Count < 1 || len(f.Lines) > min(f.Count, maxPlaces) || !slices.IsSorted(f.Lines) || f.Line > 0 && (len(f.Lines) == 0 || f.Lines[0] != f.Line) {
			t.Fatalf("place: %+v", f)
		}
	}
	if failed != r.HasErrors() {
		t.Fatalf("HasErrors is %t: %+v", r.HasErrors(), r.Findings)
	}
}

func TestEachCodeIsReachedAndHasBothSentences(t *testing.T) {
	reached := map[string]bool{}
	for _, c := range cases {
		for _, w := range c.want {
			reached[strings.Fields(w)[0]] = true
		}
	}
	for _, c := range named {
		for _, w := range c.want {
			reached[strings.Fields(w)[0]] = true
		}
	}
	for _, c := range limits { // in limits_test.go
		for _, w := range c.want {
			reached[w] = true
		}
	}
	for _, m := range mutations { // in mutation_test.go
		reached[m.code] = true
	}
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	seen := map[string]bool{}
	for _, r := range Codes() {
		if !reached[r.Code] {
			t.Errorf("no test reaches %s", r.Code)
		}
		if seen[r.Code] || !regexp.MustCompile(`^[A-Z0-9]+(_[A-Z0-9]+)*$`).MatchString(r.Code) {
			t.Errorf("%q is twice there, or no code", r.Code)
		}
		seen[r.Code] = true
		en, fr := placeholder.FindAllString(r.Message, -1), placeholder.FindAllString(r.French, -1)
		slices.Sort(en)
		slices.Sort(fr)
		if !slices.Equal(slices.Compact(en), slices.Compact(fr)) {
			t.Errorf("%s: the sentences hold %q and %q", r.Code, en, fr)
		}
		if !strings.HasSuffix(r.Message, ".") || !strings.HasSuffix(r.French, ".") || r.Message == r.French || r.Severity < check.Notice || r.Severity > check.Error {
			t.Errorf("%+v", r)
		}
	}
}

// TestEverySentenceIsFilledIn: no value of the cases holds what looks like a placeholder.
func TestEverySentenceIsFilledIn(t *testing.T) {
	for _, c := range cases {
		write := c.text
		if write == nil {
			write = written
		}
		for _, f := range validate(write(c.change(good())), Options{Name: goodName}).Findings {
			for _, s := range []string{f.Message, f.French} {
				if strings.ContainsAny(s, "{}") {
					t.Errorf("%s: %s", c.name, s)
				}
			}
		}
	}
}

func TestWhoObjectsIsToldApart(t *testing.T) {
	for _, c := range []struct {
		code code
		want string
	}{
		{amountPoint, "law, tax tool"},
		{encodingUTF8, "loop"},
		{dateNotReal, "law"}, // the tool compares with 12 months and 31 days
		{lineEmpty, "tax tool"},
		{entryUnbalanced, "books"},
		{thirdPartyTooLong, "loop"},
		{headerExtra, "odd"},
	} {
		if got := rules[c.code].Grounds.String(); got != c.want {
			t.Errorf("%s: %s, want %s", rules[c.code].Code, got, c.want)
		}
	}
	r := validate(written(set(2, Debit, "100.00")(good())), Options{})
	if r.HasErrors() || !r.ObjectedBy(Law) || !r.ObjectedBy(TaxTool|Loop) || r.ObjectedBy(Books|Loop) {
		t.Errorf("%+v", r.Findings)
	}
}

func TestFindingsAreSummedUp(t *testing.T) {
	grid := good()
	for i := range 10_000 {
		grid = booked("OD", "Divers", strconv.Itoa(i+3), "20260321", "62700000", "47100000")(grid)
		grid[len(grid)-1][PieceDate] = "bientôt"
	}
	r := validate(strings.ReplaceAll(written(grid), "ô", "\xf4"), Options{})
	if len(r.Findings) != 1 || short(r.Findings[0]) != "DATE_INVALID 8:10 PieceDate x10000" || !slices.Equal(r.Findings[0].Lines, []int{8, 10, 12, 14, 16, 18, 20, 22, 24, 26}) {
		t.Fatalf("%+v", r.Findings)
	}
	if want := "« bientôt » dans PieceDate (date de la pièce) n'est pas une date. Écrivez huit chiffres, année, mois et jour, par exemple 20260331. 10\u202f000 fois : lignes 8, 10, 12, 14, 16, 18, 20, 22, 24, 26…"; r.Findings[0].French != want {
		t.Error(r.Findings[0].French)
	}
}

func TestAnEntryOutOfBalanceIsNamed(t *testing.T) {
	r := validate(written(set(3, Debit, "1019,99")(good())), Options{})
	if want := "L'écriture 1 du journal ACH, qui commence ici, n'est pas équilibrée : débit 1119,99, crédit 120,00, écart 999,99. Corrigez un montant, ou ajoutez la ligne manquante."; r.Findings[0].French != want {
		t.Error(r.Findings[0].French)
	}
	if want := []EntryTotal{{Journal: "ACH", Number: "1", Date: "2026-03-15", Line: 2, Debit: 1119_99, Credit: 120_00, Exact: true}}; !slices.Equal(r.Unbalanced, want) {
		t.Errorf("%+v", r.Unbalanced)
	}
}

func TestTheFirstReferencesAreKept(t *testing.T) {
	v := NewValidator(Options{})
	lines := strings.SplitAfter(written(good()), "\r\n")
	cells := strings.Split(lines[1], "|")
	_, _ = v.Write([]byte(lines[0]))
	for i := range 2 * (textfile.MaxReferences + 10) {
		cells[PieceRef] = fmt.Sprint("Pi\xe8ce ", i/2)
		if i < 4 {
			cells[PieceRef] = strings.Repeat("x", textfile.MaxReference-1+i) // of which two are kept
		}
		_, _ = v.Write([]byte(strings.Join(cells, "|")))
	}
	got := v.Close().References
	if len(got) != textfile.MaxReferences || len(got[0]) != textfile.MaxReference-1 || len(got[1]) != textfile.MaxReference || got[2] != "Pièce 2" || got[textfile.MaxReferences-1] != "Pièce 99" {
		t.Errorf("%q", got)
	}
}

func TestAFileThatCannotBeReadIsRefusedAtOnce(t *testing.T) {
	for content, refused := range map[string]bool{"PK\x03\x04" + strings.Repeat("x", 100) + "\n": true, written(good()): false, "": false} {
		v := NewValidator(Options{})
		_, _ = v.Write([]byte(content))
		if v.Refused() != refused {
			t.Errorf("%.10q is refused: %t", content, v.Refused())
		}
	}
}

func TestTheReportCounts(t *testing.T) {
	r := validate(written(good()), Options{Name: goodName})
	want := Report{Separator: '|'}
	want.Report = filecheck.Report{
		Lines: 5, Entries: 2, Debit: 240_00, Credit: 240_00, FirstDate: "2026-03-15", LastDate: "2026-03-20",
		Journals: []Total{{Code: "ACH", Label: "Achats", Lines: 3, Debit: 120_00, Credit: 120_00}, {Code: "BQ1", Label: "Banque", Lines: 2, Debit: 120_00, Credit: 120_00}},
		Accounts: []Total{
			{Code: "40100000", Label: "Fournisseurs", Lines: 2, Debit: 120_00, Credit: 120_00},
			{Code: "44566000", Label: "TVA", Lines: 1, Debit: 20_00, Credit: 0},
			{Code: "51200000", Label: "Banque", Lines: 1, Debit: 0, Credit: 120_00},
			{Code: "60700000", Label: "Achats de marchandises", Lines: 1, Debit: 100_00, Credit: 0},
		},
		Months: []filecheck.MonthTotal{
			{Journal: "ACH", Month: "2026-03", Lines: 3, Debit: 120_00, Credit: 120_00},
			{Journal: "BQ1", Month: "2026-03", Lines: 2, Debit: 120_00, Credit: 120_00},
		},
		References: []string{"FA-1", "VIR-7"}, Encoding: ASCII,
	}
	if got, want := fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	grid := all(signed("D", "C"), cash(22), set(2, EcritureLib, "Caf\xe9"), set(3, Montant, "?"))(good())
	r = validate(strings.ReplaceAll(written(grid), "|", "\t"), Options{})
	if !r.Partial || !r.Signed || !r.CashBasis || r.Separator != '\t' || r.Encoding != ISO885915 || r.Lines != 5 || r.Debit != 220_00 || r.Credit != 240_00 {
		t.Errorf("%+v", r)
	}
	for s, want := range map[string]Encoding{"\x80": Windows1252, "é": UTF8, "\xe9": ISO885915, "e": ASCII, "é|\xe9": Mixed} {
		grid := good()
		one, two, _ := strings.Cut(s, "|")
		grid[1][EcritureLib], grid[2][EcritureLib] = one, two+"x"
		if got := validate(written(grid), Options{}).Encoding; got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func TestALineThatCannotBeReadHidesNoBalanceElsewhere(t *testing.T) {
	// Line 4 is of entry 1, whose balance then says nothing; entry 2 is out of balance all the same.
	grid := all(set(6, Credit, "121,00"), booked("OD", "Divers", "3", "20260321", "62700000", "47100000"))(good())
	grid[2] = grid[2][:4]
	if got, want := shorts(validate(written(grid), Options{}).Findings), []string{"COLUMNS_MISSING 3:0", "ENTRY_UNBALANCED 5:0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Between two entries it may belong to either.
	grid = good()
	grid = slices.Insert(grid, 4, grid[3][:4])
	grid[5][Debit] = "1,00"
	if got, want := shorts(validate(written(grid), Options{}).Findings), []string{"COLUMNS_MISSING 5:0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingIsWrittenAfterTheEnd(t *testing.T) {
	v := NewValidator(Options{})
	_, _ = v.Write([]byte(written(good())))
	if v.Failed() {
		t.Error("failed")
	}
	first := v.Close()
	if n, err := v.Write([]byte("x")); n != 0 || err == nil {
		t.Error(n, err)
	}
	if second := v.Close(); fmt.Sprint(first) != fmt.Sprint(second) {
		t.Error("the report changed")
	}
}

func TestAStreamGoesOnBehindARefusal(t *testing.T) {
	v := NewValidator(Options{})
	for _, s := range []string{"PK\x03\x04\n", strings.Repeat("x", 1<<20), "\n", ""} {
		if n, err := v.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
		if !v.Failed() {
			t.Error("not failed")
		}
	}
	r := v.Close()
	if len(r.Findings) != 1 || !r.HasErrors() || r.Lines != 0 {
		t.Errorf("%+v", r)
	}
	if want := "The file is a compressed archive or a spreadsheet (zip, xlsx). Unpack it, or save it as text, and send the text file."; r.Findings[0].Message != want {
		t.Error(r.Findings[0].Message)
	}
}

func TestALongValueIsCutWhole(t *testing.T) {
	r := validate(written(set(2, PieceDate, strings.Repeat("é", 4000))(good())), Options{})
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == "DATE_INVALID" })
	if want := strings.Repeat("é", 60) + "…"; i < 0 || !strings.Contains(r.Findings[i].Message, `"`+want+`"`) {
		t.Errorf("%+v", r.Findings)
	}
	if got := textfile.Cut(bytes.Repeat([]byte("é"), 40), 64); len(got) != 64 || !utf8.Valid(got) {
		t.Error(len(got))
	}
	if got := textfile.Cut(bytes.Repeat([]byte("é"), 40), 63); len(got) != 62 || !utf8.Valid(got) {
		t.Error(len(got))
	}
}
