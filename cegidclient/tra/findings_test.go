package tra

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// put writes a value into a field of a line: numbers to the right, the rest to the left.
func put(line string, f *field, value string) string {
	row := []rune(line)
	for len(row) < f.at+f.width-1 {
		row = append(row, ' ')
	}
	if blanks := strings.Repeat(" ", max(0, f.width-utf8.RuneCountInString(value))); f.kind == decimalKind {
		value = blanks + value
	} else {
		value += blanks
	}
	return strings.TrimRight(string(slices.Replace(row, f.at-1, f.at+f.width-1, []rune(value)...)), " ")
}

// record writes a line from its begin, and values by the names of fields.
func record(begin string, values ...string) string {
	for i := 0; i < len(values); i += 2 {
		begin = put(begin, named(values[i]), values[i+1])
	}
	return begin
}

// The lines of the good file.
const (
	headerLine = iota + 1
	purchases
	bank
	expense
	suppliers
	supplier
	section
	year
	premises
	unknown
	goods
	split1
	split2
	vat
	debt
	payment
	money
	both
	cash
)

// ledger writes a movement of the extended format.
func ledger(journal, kind, account, auxiliary, side, amount string, more ...string) string {
	line := record("", "JOURNAL", journal, "DATECOMPTABLE", "15032026", "TYPE PIECE", "OD", "GENERAL", account, "TYPE CPTE", kind, "AUXILIAIRE", auxiliary,
		"REFINTERNE", journal+"-1", "LIBELLE", "Essai", "SENS", side, "MONTANT1", amount, "TYPE ECRITURE", "N", "DEVISE", "EUR", "CODEMONTANT", "E--")
	if kind == "" || kind == "X" {
		state := "RI"
		if kind == "X" {
			state = "AL"
		}
		line = record(line, "DATECREATION", "16032026", "ECRANOUVEAU", "N", "TVAENCAISSEMENT", "-", "ETATLETTRAGE", state)
	} else {
		line = record(line, "AXE", "A1")
	}
	return record(line, more...)
}

// good is a file without findings: a purchase that is broken down, its payment in dollars, and cash on one section.
func good() []string {
	usd := []string{"DEVISE", "USD", "CODEMONTANT", "DE-"}
	return []string{
		"***S5CLIJRLETE   0101190001011900011     150320261030EXEMPLE                            SOCIETE EXEMPLE                                 01011900001--",
		record("***JAL", "JAL.code", "ACH", "JAL.label", "Achats", "JAL.nature", "ACH", "JAL.mode", "-", "JAL.forbidden", "51200000; 53000000"),
		record("***JAL", "JAL.code", "BQ1", "JAL.label", "Banque", "JAL.nature", "BQE", "JAL.counterpart", "51200000", "JAL.mode", "BOR"),
		record("***CGN", "CGN.code", "60700000", "CGN.label", "Achats de marchandises", "CGN.nature", "CHA", "CGN.axis_1", "X", "CGN.axis_2", "-", "CGN.collective", "-"),
		record("***CGN", "CGN.code", "40100000", "CGN.label", "Fournisseurs", "CGN.nature", "COF", "CGN.collective", "X"),
		record("***CAE", "CAE.code", "FEXEMPLE", "CAE.label", "Fournisseur exemple", "CAE.nature", "FOU", "CAE.collective", "40100000", "CAE.siret", "73282932000074"),
		record("***SAT", "section.code", "PROJ1", "section.axis", "A1"),
		record("***EXO", "EXO.code", "001", "EXO.start", "01012026", "EXO.end", "31122026", "EXO.state", "OUV"),
		record("***ETB", "ETB.code", "001", "ETB.siret", "73282932000074"),
		"***TLA  something",
		ledger("ACH", "", "60700000", "", "D", "100,00"),
		ledger("ACH", "A", "60700000", "PROJ1", "D", "60"),
		ledger("ACH", "A", "60700000", "PROJ2", "D", "40,0"),
		ledger("ACH", "", "44566000", "", "D", "20,00"),
		ledger("ACH", "X", "40100000", "FEXEMPLE", "C", "120,00", "ECHEANCE", "14042026", "MODEPAIE", "VIR", "NUMECHE", "1"),
		ledger("BQ1", "X", "40100000", "FEXEMPLE", "D", "130,4567", append(usd, "MONTANT2", "120,00")...),
		ledger("BQ1", "", "51200000", "", "C", "130,4567", append(usd, "MONTANT2", "120,00")...),
		ledger("OD", "H", "62700000", "PROJ1", "D", "5,00", "JOURNAL", "BQ1", "REFINTERNE", "CB-2"),
		ledger("OD", "", "53000000", "", "C", "5,00", "JOURNAL", "BQ1", "REFINTERNE", "CB-2"),
	}
}

// change spoils the good file.
type change func(lines []string) []string

func all(changes ...change) change {
	return func(lines []string) []string {
		for _, c := range changes {
			lines = c(lines)
		}
		return lines
	}
}

// set writes values into a line, by the names of fields.
func set(line int, values ...string) change {
	return func(lines []string) []string {
		lines[line-1] = record(lines[line-1], values...)
		return lines
	}
}

// on changes a line.
func on(line int, f func(string) string) change {
	return func(lines []string) []string {
		lines[line-1] = f(lines[line-1])
		return lines
	}
}

func on1(old, new string) change {
	return on(1, func(s string) string { return strings.Replace(s, old, new, 1) })
}

// replace changes all lines.
func replace(pairs ...string) change {
	return func(lines []string) []string {
		for i := range lines {
			lines[i] = strings.NewReplacer(pairs...).Replace(lines[i])
		}
		return lines
	}
}

func insert(at int, more ...string) change {
	return func(lines []string) []string { return slices.Insert(lines, at-1, more...) }
}

func remove(line int) change {
	return func(lines []string) []string { return slices.Delete(lines, line-1, line) }
}

func swap(a, b int) change {
	return func(lines []string) []string { lines[a-1], lines[b-1] = lines[b-1], lines[a-1]; return lines }
}

// swapped puts the amounts of the purchase on the other side.
func swapped(lines []string) []string {
	for _, line := range []int{goods, split1, split2, vat} {
		lines = set(line, "SENS", "C")(lines)
	}
	return set(debt, "SENS", "D")(lines)
}

// everyMovement writes values into all movements.
func everyMovement(values ...string) change {
	return func(lines []string) []string {
		for i := range lines {
			if !strings.HasPrefix(lines[i], "***") {
				lines[i] = record(lines[i], values...)
			}
		}
		return lines
	}
}

// standard cuts the movements.
func standard(lines []string) []string {
	lines[0] = strings.Replace(lines[0], "ETE", "STD", 1)
	for i := range lines[unknown:] {
		lines[unknown+i] = strings.TrimRight(lines[unknown+i][:min(len(lines[unknown+i]), lastStandard)], " ")
	}
	return lines
}

func is(text string) change { return func([]string) []string { return []string{text} } }

func unchanged(lines []string) []string { return lines }

// written ends the lines with CR LF, in Windows-1252.
func written(lines []string) string {
	return latin(strings.Join(lines, "\r\n") + "\r\n")
}

func latin(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r == '€' {
			r = 0x80
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// cases are named so that the name and the findings read as a sentence. A finding is its code, line, column, field and,
// above one, how many times.
var cases = []struct {
	name   string
	change change
	want   []string
}{
	{"nothing is wrong", unchanged, nil},
	{"accents", set(debt, "LIBELLE", "Réglé à 20 €"), nil},
	{"amounts without decimals", all(set(goods, "MONTANT1", "100"), set(vat, "MONTANT1", "20,0")), nil},
	{"lines that are padded", func(lines []string) []string {
		for i := range lines {
			lines[i] += strings.Repeat(" ", lastExtended-len(lines[i]))
		}
		return lines
	}, nil},
	{"a header cut short", on(1, func(s string) string { return s[:36] }), nil},
	{"the standard format", standard, []string{"HEADER_LOOP 1:0"}},
	{"a balance", all(standard, on1("JRL", "BAL"), remove(purchases), set(bank-1, "JAL.mode", "-")), []string{"HEADER_LOOP 1:0"}},
	{"numbers of documents on all lines", everyMovement("NUMEROPIECE", "00000012"), nil},
	{"a number of noughts, which is none", set(goods, "NUMEROPIECE", "00000000"), nil},
	{"references that differ under one number", all(everyMovement("NUMEROPIECE", "12"), set(vat, "REFINTERNE", "other")), nil},
	{"a document and a technical line", insert(both, ledger("BQ1", "G", "", "", "", "")[:48]+strings.Repeat(" ", 35)+`C:\scan\facture.pdf`, ledger("BQ1", "V", "", "", "", "")[:48]), nil},
	{"a line of an analytic journal", insert(both, ledger("BQ1", "O", "60700000", "PROJ1", "D", "7,00", "REFINTERNE", "x")), nil},
	{"several axes, each broken down whole", all(set(expense, "CGN.axis_2", "X"), insert(vat, ledger("ACH", "A", "60700000", "S2", "D", "100,00", "AXE", "A2"))), nil},
	{"a negative part of a breakdown", all(set(split1, "MONTANT1", "140"), set(split2, "SENS", "C")), nil},
	{"an entry in one currency, with a rate", all(set(payment, "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,92"), set(money, "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,92")), nil},
	{"an amount in a currency, behind a record of currencies", all(insert(goods, "***DEVUSD"), set(payment+1, "MONTANT1", "130,45", "MONTANT2", "", "CODEMONTANT", "D--"), set(money+1, "MONTANT1", "130,45", "MONTANT2", "", "CODEMONTANT", "D--")), nil},
	{"euro before currency", all(set(payment, "CODEMONTANT", "ED-", "MONTANT1", "120,00", "MONTANT2", "130,4567"), set(money, "CODEMONTANT", "ED-", "MONTANT1", "120,00", "MONTANT2", "130,4567")), nil},
	{"lettering in a whole dossier", all(on1("JRL", "DOS"), set(debt, "LETTRAGE", "AAAB", "ETATLETTRAGE", "TL"), set(payment, "LETTRAGE", "aaab", "ETATLETTRAGE", "PL")), []string{"HEADER_LOOP 1:0"}},
	{"codes that look like a header's", insert(section, "***CAEXPERT            Expert                             FOU", "***CAEXPDOSJRL         Dos                                FOU"), nil},
	{"new analytics", all(on(1, func(s string) string { return s[:147] + "X-" }), replace("***SAT", "***NSA")), nil},
	{"a dossier without movements", func(lines []string) []string { return all(on1("JRL", "DOS"))(lines)[:unknown] }, []string{"HEADER_LOOP 1:0"}},
	{"two open years", insert(premises, record("***EXO", "EXO.code", "002", "EXO.start", "01012027", "EXO.end", "31122027", "EXO.state", "OUV")), nil},
	{"a year without dates", all(insert(premises, record("***EXO", "EXO.code", "002", "EXO.state", "NON")), everyMovement("DATECOMPTABLE", "15032030", "ECHEANCE", "")), nil},
	{"cut-off dates", set(goods, "CUTOFFDEB", "01032026", "CUTOFFFIN", "31032026"), nil},

	{"an entry of another time", all(everyMovement("DATECOMPTABLE", "15031980", "ECHEANCE", ""), remove(premises-1)), []string{"ENTRY_DATE_IMPLAUSIBLE 10:4 DATECOMPTABLE x7"}},
	{"a reference in quotation marks", all(set(payment, "REFINTERNE", `B"1`), set(money, "REFINTERNE", `B"1`)), []string{"REFERENCE_UNSEARCHABLE 16:49 REFINTERNE x2"}},
	{"VAT of 25 %", all(set(vat, "MONTANT1", "25"), set(debt, "MONTANT1", "125")), []string{"VAT_RATE_UNKNOWN 14:0"}},
	{"a purchase swapped", swapped, []string{"SIDES_SWAPPED 11:0"}},
	{"a credit note", all(swapped, set(debt, "LIBELLE", "Avoir")), nil},
	{"suppliers without a third party", all(set(debt, "TYPE CPTE", "", "AUXILIAIRE", "", "ETATLETTRAGE", "RI"), remove(suppliers)), []string{"THIRD_PARTY_MISSING 14:32 AUXILIAIRE"}},
	{"a zip file", is("PK\x03\x04\n"), []string{"FILE_COMPRESSED 0:0"}},
	{"UTF-16", is("*\x00*\x00*\x00S\x005\x00C\x00"), []string{"ENCODING_UTF16 0:0"}},
	{"XML", is("<?xml version=\"1.0\"?>"), []string{"NOT_TEXT 0:0"}},
	{"PDF", is("%PDF-1.7"), []string{"NOT_TEXT 0:0"}},
	{"bytes", is("***S5\x00CLIJRL"), []string{"NOT_TEXT 0:0"}},
	{"a letter", is("Madame, Monsieur,"), []string{"NOT_A_TRA 0:0"}},
	{"a FEC", is("JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib"), []string{"NOT_A_TRA 0:0"}},
	{"nothing", is(""), []string{"NO_LINES 0:0"}},
	{"a header alone", func(lines []string) []string { return lines[:1] }, []string{"NO_LINES 0:0"}},
	{"no header before parameters", remove(1), []string{"HEADER_MISSING 1:0"}},
	{"no header before movements", func(lines []string) []string { return lines[goods-1:] }, []string{"HEADER_MISSING 1:0"}},
	{"two files in one", func(lines []string) []string { return append(lines, lines[0]) }, []string{"HEADER_REPEATED 20:0"}},
	{"two whole files in one", func(lines []string) []string { return append(lines, lines...) }, []string{"HEADER_REPEATED 20:0"}},
	{"two files in one, the second of which describes a journal twice, and late", func(lines []string) []string {
		return append(append(lines, lines...), lines[1])
	}, []string{"HEADER_REPEATED 20:0", "RECORD_LATE 39:0", "RECORD_REPEATED 39:7 JAL.code"}},
	{"another producer", on1("S5", "ZZ"), []string{"VALUE_UNKNOWN 1:4 header.producer"}},
	{"another origin", on1("CLI", "ZZZ"), []string{"VALUE_UNKNOWN 1:6 header.origin"}},
	{"another content", on1("JRL", "ZZZ"), []string{"VALUE_INVALID 1:9 header.content"}},
	{"another format", on1("ETE", "ZZZ"), []string{"VALUE_INVALID 1:12 header.format"}},
	{"a balance in the extended format", on1("JRL", "BAL"), []string{"BALANCE_EXTENDED 1:12 header.format"}},
	{"an older version", set(1, "header.version", "006"), []string{"VERSION_OTHER 1:34 header.version"}},
	{"no version", on(1, func(s string) string { return s[:14] }), []string{"VERSION_OTHER 1:34 header.version"}},
	{"a time that is none", set(1, "header.generated", "150320262530"), []string{"TIME_INVALID 1:42 header.generated"}},
	{"a date of the header that is none", set(1, "header.purge_date", "31022026"), []string{"DATE_NOT_REAL 1:137 header.purge_date"}},
	{"a flag of the header that is none", on(1, func(s string) string { return s[:148] + "1" }), []string{"FLAG_INVALID 1:149 header.guids"}},

	{"a byte order mark", on(1, func(s string) string { return "\u00ef\u00bb\u00bf" + s }), []string{"BYTE_ORDER_MARK 1:0"}},
	{"a control character", set(debt, "LIBELLE", "a\tb"), []string{"CONTROL_CHARACTER 15:0"}},
	{"a line without end", on(unknown, func(s string) string { return s + strings.Repeat("x", MaxLineLength) }), []string{"LINE_TOO_LONG 10:0"}},
	{"a blank line", insert(goods, "   "), []string{"LINE_EMPTY 11:0"}},
	{"line ends of two kinds", on(goods, func(s string) string { return s + "\n***TLA" }), []string{"LINE_ENDINGS_MIXED 11:0", "RECORD_LATE 12:0"}},
	{"line ends of two kinds among parameters", on(premises, func(s string) string { return s + "\n***TLA" }), []string{"LINE_ENDINGS_MIXED 9:0"}},
	{"a line of another format", insert(payment, strings.Repeat("x", 30)+" "+strings.Repeat("x", 180)), []string{"LINE_UNKNOWN 16:0"}},
	{"a movement of nothing known", insert(payment, strings.Repeat("x", 300)), []string{"VALUE_INVALID 16:31 TYPE CPTE"}},
	{"a line broken in two", on(vat, func(s string) string { return s[:90] + "\r\n" + s[90:] }), []string{"LINE_TOO_SHORT 14:0"}},
	{"an account too wide", on(vat, func(s string) string { return s[:14] + "00" + s[14:] }), []string{"LINE_SHIFTED 14:0"}},
	{"a reference too narrow", on(vat, func(s string) string { return s[:60] + s[63:] }), []string{"LINE_SHIFTED 14:0"}},
	{"text behind the end", on(goods, func(s string) string { return s + strings.Repeat(" ", 400) + "x" }), []string{"LINE_BEYOND 11:0"}},
	{"extended lines in the standard format", on1("ETE", "STD"), []string{"HEADER_LOOP 1:0", "EXTENDED_IN_STANDARD 11:0 x6"}},

	{"an unknown record", replace("***TLA", "***QQQ"), []string{"RECORD_UNKNOWN 10:0"}},
	{"stars alone", replace("***TLA  something", "***"), []string{"RECORD_UNKNOWN 10:0"}},
	{"a record behind movements", swap(unknown, goods), []string{"RECORD_LATE 11:0"}},
	{"a journal, an account and a third party twice", all(insert(section, good()[purchases-1], good()[suppliers-1], good()[supplier-1])), []string{
		"RECORD_REPEATED 7:7 JAL.code", "RECORD_REPEATED 8:7 CGN.code", "RECORD_REPEATED 9:7 CAE.code",
	}},
	{"a section of the new analytics", replace("***SAT", "***NSA"), []string{"RECORD_ANALYTICS 7:0"}},
	{"a section of the old analytics", on(1, func(s string) string { return s[:147] + "X-" }), []string{"RECORD_ANALYTICS 7:0"}},
	{"records without codes", all(set(purchases, "JAL.code", ""), set(expense, "CGN.code", ""), set(supplier, "CAE.code", "")), []string{
		"FIELD_REQUIRED 2:7 JAL.code", "FIELD_REQUIRED 4:7 CGN.code", "FIELD_REQUIRED 6:7 CAE.code", "JOURNAL_UNDESCRIBED 11:1 JOURNAL x5",
	}},
	{"unknown natures, modes, axes and states", all(set(purchases, "JAL.nature", "ZZZ", "JAL.mode", "ZZZ"), set(expense, "CGN.nature", "ZZZ"), set(supplier, "CAE.nature", "ZZZ"), set(section, "section.axis", "A9"), set(year, "EXO.state", "ZZZ")), []string{
		"VALUE_UNKNOWN 2:45 JAL.nature", "VALUE_UNKNOWN 2:74 JAL.mode", "VALUE_UNKNOWN 4:59 CGN.nature", "VALUE_UNKNOWN 6:59 CAE.nature", "VALUE_UNKNOWN 7:59 section.axis", "VALUE_UNKNOWN 8:26 EXO.state",
	}},
	{"a bank without counterpart", set(bank, "JAL.counterpart", ""), []string{"JOURNAL_COUNTERPART 3:54 JAL.counterpart"}},
	{"an analytic journal without axis", set(purchases, "JAL.nature", "ODA"), []string{"JOURNAL_AXIS 2:71 JAL.axis"}},
	{"an account of collective nature that is not marked", set(suppliers, "CGN.collective", "-"), []string{"COLLECTIVE_DIFFERS 5:350 CGN.collective"}},
	{"an account that is marked against its nature", set(expense, "CGN.collective", "X"), []string{"COLLECTIVE_DIFFERS 4:350 CGN.collective"}},
	{"an account that is matchable against its nature", set(expense, "CGN.matchable", "X"), []string{"MATCHABLE_NATURE 4:62 CGN.matchable"}},
	{"a year that ends before it begins", set(year, "EXO.end", "31122025"), []string{"YEAR_REVERSED 8:18 EXO.end"}},
	{"three open years", insert(premises, good()[year-1], good()[year-1]), []string{"YEARS_OPEN 0:26 EXO.state"}},
	{"wrong SIRETs", all(set(supplier, "CAE.siret", "73282932000075"), set(premises, "ETB.siret", "1234")), []string{"SIRET_INVALID 6:598 CAE.siret", "SIRET_INVALID 9:247 ETB.siret"}},

	{"required fields that are blank", all(set(vat, "GENERAL", "", "TYPE PIECE", ""), set(cash, "TYPE ECRITURE", ""), set(vat, "CODEMONTANT", "")), []string{
		"FIELD_REQUIRED 14:12 TYPE PIECE", "FIELD_REQUIRED 14:14 GENERAL", "FIELD_REQUIRED 14:173 CODEMONTANT", "FIELD_REQUIRED 19:151 TYPE ECRITURE",
	}},
	{"no journal", set(vat, "JOURNAL", ""), []string{"FIELD_REQUIRED 14:1 JOURNAL"}},
	{"no date", everyMovement("DATECOMPTABLE", "01011900", "ECHEANCE", ""), []string{"FIELD_REQUIRED 11:4 DATECOMPTABLE x9"}},
	{"no amount, and no side", all(set(vat, "MONTANT1", ""), set(cash, "SENS", "")), []string{"FIELD_REQUIRED 14:131 MONTANT1", "FIELD_REQUIRED 19:130 SENS"}},
	{"no third party", set(debt, "AUXILIAIRE", ""), []string{"FIELD_REQUIRED 15:32 AUXILIAIRE"}},
	{"no section and no axis", all(set(split1, "AUXILIAIRE", ""), set(both, "AXE", "")), []string{"FIELD_REQUIRED 12:32 AUXILIAIRE", "FIELD_REQUIRED 18:219 AXE"}},
	{"no analytic axis of that name", set(split1, "AXE", "B1"), []string{"VALUE_INVALID 12:219 AXE"}},
	{"a third party and an axis on a general line", set(vat, "AUXILIAIRE", "FEXEMPLE", "AXE", "A1"), []string{"FIELD_UNUSED 14:32 AUXILIAIRE", "FIELD_UNUSED 14:219 AXE"}},
	{"kinds, types and sides that are none", all(set(vat, "TYPE CPTE", "Z"), set(payment, "TYPE ECRITURE", "Z"), set(both, "TYPE PIECE", "ZZ"), set(cash, "TYPE PIECE", "ZZ", "SENS", "Z")), []string{
		"VALUE_INVALID 14:31 TYPE CPTE", "VALUE_INVALID 16:151 TYPE ECRITURE", "JOURNAL_MODE 16:151 TYPE ECRITURE", "VALUE_UNKNOWN 18:12 TYPE PIECE x2", "VALUE_INVALID 19:130 SENS",
	}},
	{"values of the extension that are none", set(debt, "ECRANOUVEAU", "Z", "ETATLETTRAGE", "Z", "TVAENCAISSEMENT", "Z", "MODEPAIE", "ZZZ"), []string{
		"VALUE_UNKNOWN 15:119 MODEPAIE", "VALUE_INVALID 15:302 ECRANOUVEAU", "FLAG_INVALID 15:386 TVAENCAISSEMENT", "VALUE_INVALID 15:1021 ETATLETTRAGE",
	}},
	{"texts away from their left", set(vat, "LIBELLE", " TVA", "GENERAL", " 44566000"), []string{"TEXT_MISALIGNED 14:14 GENERAL", "TEXT_MISALIGNED 14:84 LIBELLE"}},
	{"numbers away from their right", on(vat, func(s string) string { return s[:130] + "20,00               " + s[150:] }), []string{"NUMBER_MISALIGNED 14:131 MONTANT1"}},
	{"a label of 38 characters", on(vat, func(s string) string { return s[:83] + "Un libellé qui dépasse ses positions !!" + s[122:] }), []string{"LABEL_OVERFLOWS 14:84 LIBELLE"}},
	{"a label of 35 characters", set(vat, "LIBELLE", "Un libellé qui remplit ses position"), []string{"LABEL_FULL 14:84 LIBELLE"}},
	{"a due date that is none", set(debt, "ECHEANCE", "bientôt"), []string{"DATE_INVALID 15:122 ECHEANCE"}},
	{"a day that there is not", set(debt, "ECHEANCE", "30022026"), []string{"DATE_NOT_REAL 15:122 ECHEANCE"}},
	{"a date that begins with the year", set(debt, "ECHEANCE", "20260414"), []string{"DATE_FORMAT 15:122 ECHEANCE"}},
	{"a date of another time", set(debt, "ECHEANCE", "14042206"), []string{"DATE_IMPLAUSIBLE 15:122 ECHEANCE"}},
	{"dates of the extension that are none", set(goods, "DATEVALEUR", "0"), []string{"DATE_INVALID 11:463 DATEVALEUR"}},
	{"a date before the year", all(set(both, "DATECOMPTABLE", "31122025"), set(cash, "DATECOMPTABLE", "31122025")), []string{"DATE_OUTSIDE_YEARS 18:4 DATECOMPTABLE x2"}},
	{"a due date before its document", set(debt, "ECHEANCE", "14032026"), []string{"DUE_EARLY 15:122 ECHEANCE"}},
	{"one cut-off date", set(goods, "CUTOFFFIN", "31032026"), []string{"CUTOFF_INCOMPLETE 11:1178 CUTOFFDEB"}},
	{"cut-off dates the wrong way round", set(goods, "CUTOFFDEB", "02032026", "CUTOFFFIN", "01032026"), []string{"CUTOFF_INCOMPLETE 11:1178 CUTOFFDEB"}},
	{"a journal without record", remove(purchases), []string{"JOURNAL_UNDESCRIBED 10:1 JOURNAL x5"}},
	{"the journal of opening balances", replace("***JALACH", "***JALAN ", "ACH15", "AN 15"), []string{"JOURNAL_RESERVED 11:1 JOURNAL x5"}},
	{"a simulation in a journal of another mode", all(set(both, "TYPE ECRITURE", "S")), []string{"JOURNAL_MODE 18:151 TYPE ECRITURE"}},
	{"an account that the journal forbids", all(set(vat, "GENERAL", "53000000")), []string{"ACCOUNT_FORBIDDEN 14:14 GENERAL"}},
	{"what is closed", all(set(purchases, "JAL.closed_1", "X"), set(expense, "CGN.closed", "X"), set(supplier, "CAE.closed", "X")), []string{
		"CLOSED 11:1 JOURNAL x5", "CLOSED 11:14 GENERAL", "CLOSED 15:32 AUXILIAIRE x2",
	}},
	{"a third party on an account that is not collective", set(debt, "GENERAL", "60700000"), []string{"ACCOUNT_NOT_COLLECTIVE 15:14 GENERAL"}},
	{"a collective account without third party", set(debt, "TYPE CPTE", "", "AUXILIAIRE", ""), []string{"THIRD_PARTY_EXPECTED 15:14 GENERAL"}},
	{"a third party on another account", set(debt, "GENERAL", "40800000"), []string{"THIRD_PARTY_ACCOUNT 15:14 GENERAL"}},

	{"an analytic line before its general one", swap(goods, split1), []string{"ANALYTIC_ORPHAN 11:31 TYPE CPTE", "ANALYTIC_UNBALANCED 12:219 AXE"}},
	{"an analytic line of another account", set(split2, "GENERAL", "61100000"), []string{"ANALYTIC_ORPHAN 13:31 TYPE CPTE"}},
	{"an analytic line of another document", set(split2, "REFINTERNE", "x"), []string{"ANALYTIC_ORPHAN 13:31 TYPE CPTE"}},
	{"a breakdown that lacks a part", remove(split2), []string{"ANALYTIC_UNBALANCED 11:219 AXE"}},
	{"a breakdown on one of two axes that lacks a part", all(set(expense, "CGN.axis_2", "X"), set(split2, "AXE", "A2")), []string{"ANALYTIC_UNBALANCED 11:219 AXE x2"}},
	{"a part on the wrong side", set(split2, "SENS", "C"), []string{"ANALYTIC_UNBALANCED 11:219 AXE"}},
	{"a breakdown beside a line that is all on one section", insert(cash, ledger("BQ1", "A", "62700000", "PROJ2", "D", "1,00", "REFINTERNE", "CB-2")), []string{"ANALYTIC_UNBALANCED 18:219 AXE"}},
	{"a part that cannot be read", set(split2, "MONTANT1", "x"), []string{"AMOUNT_INVALID 13:131 MONTANT1"}},
	{"a breakdown that the account does not take", all(set(split1, "AXE", "A2"), set(split2, "AXE", "A2")), []string{"ANALYTIC_UNEXPECTED 12:219 AXE x2"}},

	{"no number", set(vat, "MONTANT1", "vingt"), []string{"AMOUNT_INVALID 14:131 MONTANT1"}},
	{"a point before three digits", set(vat, "MONTANT1", "1.234"), []string{"AMOUNT_AMBIGUOUS 14:131 MONTANT1"}},
	{"a decimal point", set(vat, "MONTANT1", "20.00"), []string{"AMOUNT_FORM 14:131 MONTANT1"}},
	{"a sign at the end, thousands, a plus, bare commas", all(set(goods, "MONTANT1", "+100"), set(vat, "MONTANT1", "20,"), set(both, "MONTANT1", "5,00+"), set(cash, "MONTANT1", "5.00")), []string{"AMOUNT_FORM 11:131 MONTANT1 x4"}},
	{"parts of a cent", set(vat, "MONTANT1", "20,001"), []string{"AMOUNT_PRECISION 14:131 MONTANT1"}},
	{"an amount too large", set(vat, "MONTANT1", "10000000000000,00"), []string{"AMOUNT_TOO_LARGE 14:131 MONTANT1"}},
	{"a negative amount", all(set(vat, "MONTANT1", "-20,00"), set(vat, "SENS", "C")), []string{"AMOUNT_NEGATIVE 14:131 MONTANT1"}},
	{"an amount of nought", insert(payment, ledger("ACH", "", "62800000", "", "D", "0,00")), []string{"AMOUNT_ZERO 16:0"}},
	{"a quantity and a covered amount that are none", set(goods, "QTE1", "x", "COUVERTURE", "1.5"), []string{"AMOUNT_INVALID 11:305 QTE1", "AMOUNT_FORM 11:938 COUVERTURE"}},
	{"a code of amounts that is none", all(set(payment, "CODEMONTANT", "XY-"), set(money, "CODEMONTANT", "EE-")), []string{"VALUE_INVALID 16:173 CODEMONTANT x2"}},
	{"a code that begins with nothing", set(vat, "CODEMONTANT", "-E-"), []string{"VALUE_INVALID 14:173 CODEMONTANT"}},
	{"a code for an amount that is not there", set(payment, "MONTANT2", ""), []string{"AMOUNT_MISSING 16:176 MONTANT2"}},
	{"an amount without its code", set(vat, "MONTANT2", "20,00"), []string{"AMOUNT_UNCODED 14:176 MONTANT2"}},
	{"a currency that is none", set(payment, "DEVISE", "us"), []string{"CURRENCY_INVALID 16:160 DEVISE"}},
	{"an amount in no currency", set(payment, "DEVISE", ""), []string{"CURRENCY_MISSING 16:160 DEVISE"}},
	{"a currency without amount", set(vat, "DEVISE", "USD"), []string{"CURRENCY_UNUSED 14:160 DEVISE"}},
	{"an amount in a currency without rate", all(set(payment, "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "1,000000"), set(money, "MONTANT2", "", "CODEMONTANT", "D--")), []string{"RATE_MISSING 16:163 TAUXDEV x2"}},
	{"a rate that is none", set(payment, "TAUXDEV", "x"), []string{"AMOUNT_INVALID 16:163 TAUXDEV"}},
	{"a rate with a point", set(payment, "TAUXDEV", "0.912345"), []string{"AMOUNT_FORM 16:163 TAUXDEV"}},
	{"an entry in euro and in a currency", all(set(payment, "MONTANT1", "130,45", "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,92")), []string{"UNITS_MIXED 16:0"}},
	{"an entry in one currency that does not balance", all(set(payment, "MONTANT1", "130,45", "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,92"), set(money, "MONTANT1", "130,44", "MONTANT2", "", "CODEMONTANT", "D--", "TAUXDEV", "0,92")), []string{"ENTRY_UNBALANCED 16:0"}},
	{"neither number nor reference", all(set(both, "REFINTERNE", ""), set(cash, "REFINTERNE", "")), []string{"REFERENCE_MISSING 18:49 REFINTERNE x2"}},
	{"a number on some lines only", all(set(both, "NUMEROPIECE", "7"), set(cash, "NUMEROPIECE", "7")), []string{"NUMBERS_MIXED 18:152 NUMEROPIECE x2"}},
	{"a number that is none", everyMovement("NUMEROPIECE", "F-7"), []string{"VALUE_INVALID 11:152 NUMEROPIECE x9"}},

	{"an extension without what it must have", set(vat, "ECRANOUVEAU", "", "TVAENCAISSEMENT", "", "ETATLETTRAGE", "", "REFEXTERNE", "F-7"), []string{
		"EXTENDED_MISSING 14:302 ECRANOUVEAU, TVAENCAISSEMENT, ETATLETTRAGE x3",
	}},
	{"an extension without a date of creation", set(vat, "DATECREATION", ""), []string{"LOOP_FIELD_MISSING 14:266 DATECREATION"}},
	{"lines without their extended part", func(lines []string) []string {
		for i := range lines[unknown:] {
			lines[unknown+i] = strings.TrimRight(lines[unknown+i][:min(len(lines[unknown+i]), lastStandard)], " ")
		}
		return lines
	}, []string{"EXTENSION_ABSENT 11:0 x6"}},
	{"the day before the first of spreadsheets, which is none", set(goods, "DATEVALEUR", "30121899"), nil},
	{"a date of an entry that begins with the year", set(vat, "DATECOMPTABLE", "20260315"), []string{"DATE_FORMAT 14:4 DATECOMPTABLE"}},
	{"a date of an entry that begins with the year, and would be another day", set(vat, "DATECOMPTABLE", "20260316"), []string{"DATE_FORMAT 14:4 DATECOMPTABLE"}},
	{"the first date of an entry begins with the year, and would be another day", set(goods, "DATECOMPTABLE", "20260316"), []string{"DATE_FORMAT 11:4 DATECOMPTABLE"}},
	{"all dates of an entry begin with the year", everyMovement("DATECOMPTABLE", "20260315"), []string{"DATE_FORMAT 11:4 DATECOMPTABLE x9"}},
	{"a format of the header that there is not, before lines without an extended part", all(on1("ETE", "EXT"), func(lines []string) []string {
		for i := range lines[unknown:] {
			lines[unknown+i] = strings.TrimRight(lines[unknown+i][:min(len(lines[unknown+i]), lastStandard)], " ")
		}
		return lines
	}), []string{"VALUE_INVALID 1:12 header.format"}},
	{"a format of the header that there is not", on1("ETE", "EXT"), []string{"VALUE_INVALID 1:12 header.format"}},
	{"CP850", all(set(vat, "LIBELLE", "R\u0082gl\u0082"), set(debt, "LIBELLE", "D\u0082j\u0085 r\u0082gl\u0082")), []string{"ENCODING_CP850 14:0 x2"}},
	{"quotation marks of Windows-1252", all(set(vat, "LIBELLE", "l\u0092achat \u0093x\u0094")), nil},
	{"an invoice without VAT regimes", all(set(both, "TYPE PIECE", "FF"), set(cash, "TYPE PIECE", "FF", "TVA", "TN")), []string{"VAT_FIELD_MISSING 19:387 REGIMETVA, TPF x2"}},
	{"lettered lines without code", all(set(debt, "ETATLETTRAGE", "TL"), set(payment, "ETATLETTRAGE", "PL")), []string{"LETTERING_CODE_MISSING 15:1014 LETTRAGE x2"}},
	{"a code on a line that is not lettered", all(on1("JRL", "DOS"), set(debt, "LETTRAGE", "AAAA")), []string{"HEADER_LOOP 1:0", "LETTERING_CODE_UNUSED 15:1014 LETTRAGE"}},
	{"lettering codes of the wrong letter case", all(on1("JRL", "SYN"), set(debt, "LETTRAGE", "aaaa", "ETATLETTRAGE", "TL"), set(payment, "LETTRAGE", "AAAA", "ETATLETTRAGE", "PL")), []string{"HEADER_LOOP 1:0", "LETTERING_CASE 15:1014 LETTRAGE x2"}},
	{"a lettering code of five letters", all(on1("JRL", "SYN"), set(debt, "LETTRAGE", "AAAAA", "ETATLETTRAGE", "TL")), []string{"HEADER_LOOP 1:0", "LETTERING_TOO_LONG 15:1014 LETTRAGE"}},
	{"lettering in a journal", set(debt, "LETTRAGE", "AAAA", "ETATLETTRAGE", "TL"), []string{"LETTERING_UNREAD 15:1014 LETTRAGE"}},
	{"a third party that is not to be matched", set(debt, "ETATLETTRAGE", "RI"), []string{"LETTERING_STATE 15:1021 ETATLETTRAGE"}},

	{"an entry that does not balance", set(vat, "MONTANT1", "19,99"), []string{"ENTRY_UNBALANCED 11:0"}},
	{"two documents of one date that balance together only", all(set(both, "REFINTERNE", "CB-3"), set(cash, "REFINTERNE", "CB-4")), []string{"ENTRY_UNBALANCED 18:0 x2"}},
	{"an entry of two dates", set(cash, "DATECOMPTABLE", "16032026"), []string{"ENTRY_UNBALANCED 18:0 x2"}},
	{"an entry of two types of document", set(cash, "TYPE PIECE", "RF"), []string{"ENTRY_UNBALANCED 18:0 x2"}},
	{"lines of an entry apart", swap(money, both), []string{"ENTRY_SCATTERED 18:0 x2"}},
}

func validate(text string) Report {
	v := NewValidator(Options{})
	_, _ = v.Write([]byte(text))
	return v.Close()
}

func short(f Finding) string {
	s := fmt.Sprintf("%s %d:%d", f.Code, f.Line, f.Column)
	if f.Field != "" {
		s += " " + f.Field
	}
	if f.Count > 1 {
		s += fmt.Sprintf(" x%d", f.Count)
	}
	return s
}

func shorts(findings []Finding) (out []string) {
	for _, f := range findings {
		out = append(out, short(f))
	}
	return out
}

func TestFindings(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := validate(written(c.change(good())))
			sane(t, r)
			got, want := shorts(r.Findings), slices.Clone(c.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		})
	}
}

// TestACauseHidesItsEffects: each rule has a fault that breaks it and no other.
func TestACauseHidesItsEffects(t *testing.T) {
	alone := map[string]bool{}
	note := func(want []string) {
		codes := map[string]bool{}
		for _, w := range want {
			codes[strings.Fields(w)[0]] = true
		}
		// What a file has before its fault: another header, and more open entries than can be followed, without which an entry tells more.
		for _, before := range []string{"HEADER_LOOP", "ENTRIES_UNFOLLOWED"} {
			if len(codes) > 1 {
				delete(codes, before)
			}
		}
		for code := range codes {
			alone[code] = alone[code] || len(codes) == 1
		}
	}
	for _, c := range cases {
		note(c.want)
	}
	for _, c := range texts {
		note(c.want)
	}
	for _, l := range limits {
		note(l.want)
	}
	for _, r := range Codes() {
		if !alone[r.Code] {
			t.Errorf("%s has no fault of its own", r.Code)
		}
	}
}

// TestAFaultIsTheSameInEachEncoding: what is found beside what a clean file in that encoding has.
func TestAFaultIsTheSameInEachEncoding(t *testing.T) {
	ascii := func(r rune) rune {
		if r > unicode.MaxASCII {
			return 'x'
		}
		return r
	}
	for name, encode := range map[string]func(string) string{
		"ASCII": func(s string) string { return strings.Map(ascii, s) }, "Windows-1252": latin, "UTF-8": func(s string) string { return s },
	} {
		text := func(lines []string) string { return encode(strings.Join(lines, "\r\n") + "\r\n") }
		codes := func(findings []string, but map[string]bool) map[string]bool {
			out := map[string]bool{}
			for _, f := range findings {
				if code := strings.Fields(f)[0]; !but[code] {
					out[code] = true
				}
			}
			return out
		}
		clean := codes(shorts(validate(text(good())).Findings), nil)
		clean["ENCODING_UTF8"] = name == "UTF-8" // wherever a fault brings a letter that shows it
		for _, c := range cases {
			if slices.ContainsFunc(c.want, func(w string) bool { return strings.HasPrefix(w, "ENCODING_") || strings.HasPrefix(w, "BYTE_") }) {
				continue // in an encoding of its own
			}
			got := codes(shorts(validate(text(c.change(good()))).Findings), clean)
			if want := codes(c.want, clean); !maps.Equal(got, want) {
				t.Errorf("%s in %s: %v; want %v", c.name, name, got, want)
			}
		}
	}
}

// sane holds for every report.
func sane(t *testing.T, r Report) {
	t.Helper()
	failed := false
	for _, f := range r.Findings {
		i := slices.IndexFunc(rules[:], func(r Rule) bool { return r.Code == f.Code })
		if i < 0 || rules[i].Severity != f.Severity || rules[i].Grounds != f.Grounds {
			t.Fatalf("not in the list: %+v", f)
		}
		failed = failed || f.Severity == check.Error
		for _, s := range []string{f.Message, f.French} {
			if !utf8.ValidString(s) || len(s) > 1500 || strings.ContainsAny(s, "\r\n\t") {
				t.Fatalf("%q", s)
			}
		}
		if f.Line < 0 || f.Column < 0 || f.Column > lastExtended || f.Count < 1 || len(f.Lines) > min(f.Count, textfile.MaxPlaces) || f.Line > 0 && len(f.Lines) == 0 {
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
	for _, c := range texts {
		for _, w := range c.want {
			reached[strings.Fields(w)[0]] = true
		}
	}
	for _, l := range limits { // in limits_test.go
		for _, w := range l.want {
			reached[w] = true
		}
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
		if !strings.HasSuffix(strings.TrimSuffix(r.Message, ": {better}."), ".") && !strings.HasSuffix(r.Message, ".") || r.Message == r.French || r.Severity < check.Notice || r.Severity > check.Error {
			t.Errorf("%+v", r)
		}
		if r.Grounds == Loop && r.Severity == check.Error {
			t.Errorf("%s: what Loop is only said to want stops an import", r.Code)
		}
	}
}

// TestEverySentenceIsFilledIn: no value of the cases holds what looks like a placeholder.
func TestEverySentenceIsFilledIn(t *testing.T) {
	for _, c := range cases {
		for _, f := range validate(written(c.change(good()))).Findings {
			if strings.ContainsAny(f.Message+f.French, "{}") {
				t.Errorf("%s: %s %s", c.name, f.Message, f.French)
			}
		}
	}
}

// texts are cases that are not in Windows-1252 with CR LF.
var texts = []struct {
	name string
	text func(lines []string) string
	want []string
}{
	{"line feeds", func(lines []string) string { return strings.Join(lines, "\n") }, nil},
	{"carriage returns", func(lines []string) string { return strings.Join(lines, "\r") }, nil},
	{"the end of a file under DOS", func(lines []string) string { return written(lines) + "\x1a" }, nil},
	{"UTF-8, by characters", func(lines []string) string {
		return strings.Join(set(debt, "LIBELLE", "Réglé été", "AUXILIAIRE", "FÉ")(lines), "\n")
	}, []string{"ENCODING_UTF8 15:0"}},
	{"UTF-8 with a mark", func(lines []string) string {
		return "\ufeff" + strings.Join(set(debt, "LIBELLE", "Réglé")(lines), "\n")
	}, []string{"BYTE_ORDER_MARK 1:0", "ENCODING_UTF8 15:0"}},
	{"two encodings", func(lines []string) string {
		set(debt, "LIBELLE", "Réglé")(lines)
		lines[goods-1] = latin(record(lines[goods-1], "LIBELLE", "Réglé"))
		lines[vat-1] = latin(record(lines[vat-1], "LIBELLE", "Réglé"))
		return strings.Join(lines, "\n")
	}, []string{"ENCODING_MIXED 15:0"}},
	{"a mark of UTF-8 before another encoding", func(lines []string) string {
		return "\xef\xbb\xbf" + written(set(debt, "LIBELLE", "Réglé")(lines))
	}, []string{"BYTE_ORDER_MARK 1:0", "ENCODING_MIXED 15:0"}},
	{"no ends of lines", func(lines []string) string { return strings.Join(lines, "") }, []string{"LINES_NOT_SEPARATED 0:0"}},
	{"nothing at all", func([]string) string { return "" }, []string{"NO_LINES 0:0"}},
	{"a spreadsheet without any line end", func([]string) string { return "PK\x03\x04" + strings.Repeat("\x00", 2*MaxLineLength) }, []string{"FILE_COMPRESSED 0:0"}},
}

func TestTextsOfOtherKinds(t *testing.T) {
	for _, c := range texts {
		t.Run(c.name, func(t *testing.T) {
			r := validate(c.text(good()))
			sane(t, r)
			if got := shorts(r.Findings); !slices.Equal(got, c.want) {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}

func TestWhoObjectsIsToldApart(t *testing.T) {
	for _, c := range []struct {
		code code
		want string
	}{
		{amountForm, "format"},
		{entryUnbalanced, "format, books"},
		{fileUnbalanced, "books"},
		{extendedMissing, "format, loop"},
		{headerLoop, "loop"},
		{dueEarly, "odd"},
	} {
		if got := rules[c.code].Grounds.String(); got != c.want {
			t.Errorf("%s: %s, want %s", rules[c.code].Code, got, c.want)
		}
	}
	r := validate(written(set(debt, "ETATLETTRAGE", "RI")(good())))
	if r.HasErrors() || !r.ObjectedBy(Loop) || r.ObjectedBy(Format|Books) {
		t.Errorf("%+v", r.Findings)
	}
}

func TestFindingsAreSummedUp(t *testing.T) {
	lines := good()
	for range 10_000 {
		lines = append(lines, lines[both-1], lines[cash-1]+"é")
	}
	r := validate(latin(strings.Join(replace("5,00N", "5.00N")(lines), "\n")))
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == "AMOUNT_FORM" })
	if i < 0 || short(r.Findings[i]) != "AMOUNT_FORM 18:131 MONTANT1 x20002" || !slices.Equal(r.Findings[i].Lines, []int{18, 19, 20, 21, 22, 23, 24, 25, 26, 27}) || len(r.Findings) > 3 {
		t.Fatalf("%q", shorts(r.Findings))
	}
	if want := "« 5.00 » dans MONTANT1 (montant) n'est pas écrit comme le format l'exige. Écrivez des chiffres, une virgule décimale entre eux et rien d'autre, un signe moins devant : 5,00. 20\u202f002 fois : lignes 18, 19, 20, 21, 22, 23, 24, 25, 26, 27…"; r.Findings[i].French != want {
		t.Error(r.Findings[i].French)
	}
}

func TestWhatToWriteInsteadKeepsAllDecimals(t *testing.T) {
	r := validate(written(all(set(payment, "TAUXDEV", "0.912345"), set(goods, "QTE1", "+2,50001"), set(vat, "QTE1", "1 234.5"))(good())))
	var got []string
	for _, f := range r.Findings {
		_, better, _ := strings.Cut(f.Message, "before them: ")
		got = append(got, f.Code+" "+better)
	}
	if want := []string{"AMOUNT_FORM 2,50001. 2 times: lines 11 and 14.", "AMOUNT_FORM 0,912345."}; !slices.Equal(got, want) || r.Findings[0].Count != 2 {
		t.Errorf("%q", got)
	}
}

func TestALineThatCannotBeReadHidesNoBalanceElsewhere(t *testing.T) {
	// Line 14 may be of the entry before it or after it; the last entry is out of balance all the same.
	text := all(set(vat, "TYPE CPTE", "Z"), set(cash, "MONTANT1", "6,00"))(good())
	if got, want := shorts(validate(written(text)).Findings), []string{"VALUE_INVALID 14:31 TYPE CPTE", "ENTRY_UNBALANCED 18:0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestACodePageIsShownByOneField: of the first line that has it, without what is beside it, in both sentences.
func TestACodePageIsShownByOneField(t *testing.T) {
	text := written(all(set(debt, "LIBELLE", "D\u0082j\u0085 r\u0082gl\u0082"), set(payment, "LIBELLE", "R\u0082gl\u0082"))(good()))
	r := validate(text)
	if got := shorts(r.Findings); !slices.Equal(got, []string{"ENCODING_CP850 15:0 x2"}) || r.Encoding != CP850 {
		t.Fatalf("%q, %s", got, r.Encoding)
	}
	f := r.Findings[0]
	if !strings.Contains(f.Message, `such as in "D‚j… r‚gl‚":`) || !strings.Contains(f.French, "dans « D‚j… r‚gl‚ » :") {
		t.Errorf("%s\n%s", f.Message, f.French)
	}
	shown, err := filecheck.Excerpts(strings.NewReader(text), r.Findings, 0)
	if err != nil || len(shown) != 1 || len(shown[0]) != 1 || shown[0][0].Line != 15 || !strings.Contains(shown[0][0].After, "  D‚j… r‚gl‚  ") {
		t.Errorf("%+v, %v", shown, err)
	}
}
