package fec

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// administrationObjects tells whether Test Compta Demat of the tax administration calls a file not conforming. It follows
// what the program does, as its published source shows (DGFiP/Test-Compta-Demat, version of 2021: init.pl, trt_entete.pl,
// trt_txt.pl and the tables FECBIC, FECBAT and FECBNCT); what it only warns of does not count. It is written apart from the
// reader, which is compared with it.
func administrationObjects(name string, data []byte) bool {
	base := strings.ToUpper(name)
	if !regexp.MustCompile(`.FEC20[0-9]{2}[0-1][0-9][0-3][0-9]`).MatchString(base) {
		return true
	}
	year := base[strings.LastIndex(base, "FEC20")+3:][:4]

	head := data[:min(len(data), 4096)]
	end := ""
	for _, e := range []string{"\r\n", "\r", "\n"} {
		if bytes.Contains(head, []byte(e)) {
			end = e
			break
		}
	}
	var lines []string
	if end == "" {
		lines = []string{string(data)}
	} else {
		lines = strings.SplitAfter(string(data), end)
		if lines[len(lines)-1] == "" {
			lines = lines[:len(lines)-1]
		}
	}
	if len(lines) == 0 {
		return true
	}
	chomp := func(line string) string {
		if i := strings.Index(line, "\r\n"); i >= 0 { // the first one, wherever it is
			line = line[:i] + line[i+2:]
		} else {
			line = strings.TrimSuffix(line, "\r")
		}
		line = strings.ReplaceAll(line, "\x00", "")
		if end != "" {
			line = strings.TrimSuffix(line, end)
		}
		return line
	}
	first := chomp(lines[0])
	if strings.HasPrefix(strings.ToLower(strings.TrimPrefix(first, "\ufeff")), "<?xml") {
		return false // another program reads it
	}
	split := func(line, by string) []string {
		cells := strings.Split(line, by)
		for len(cells) > 0 && cells[len(cells)-1] == "" {
			cells = cells[:len(cells)-1]
		}
		return cells
	}
	separator := ""
	for _, s := range []string{"\t", "|"} {
		if separator == "" && len(split(first, s)) > 8 {
			separator = s
		}
	}
	if separator == "" {
		return true
	}
	first = strings.TrimPrefix(first, "\ufeff")
	blanks := regexp.MustCompile(` *` + regexp.QuoteMeta(separator) + ` *`)
	var names []string
	for _, cell := range split(blanks.ReplaceAllString(first, separator), separator) {
		names = append(names, strings.ToUpper(regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(strings.TrimRight(folded([]byte(cell)), " "), "_")))
	}
	if strings.HasSuffix(strings.TrimRight(first, " "), separator) {
		names = append(names, "ZFICTIFZ")
	}
	at := func(f Field) int { return slices.Index(names, strings.ToUpper(f.String())) }
	cash := at(DateRglt) >= 0 || at(ModeRglt) >= 0
	signed := at(Montant) > 0 && at(Sens) > 0
	for f := range IdClient {
		if at(f) < 0 && (f < legalFields || cash) && (f != Debit && f != Credit || !signed) {
			return true
		}
	}
	if len(lines) < 2 {
		return true
	}

	filled := []Field{EcritureNum, EcritureDate, CompteNum, CompteLib, EcritureLib}
	if year >= "2013" {
		filled = append(filled, PieceRef)
		if !cash {
			filled = append(filled, JournalCode, JournalLib)
		}
	}
	number := regexp.MustCompile(`^ *[+-]*[0-9.,]+ *[+-]* *$`)
	twoMinus := regexp.MustCompile(`-.*-`)
	scientific := regexp.MustCompile(`^ *[+-]*[0-9.,]+[Ee][0-9+-]+ *$`)
	grouped := regexp.MustCompile(`^ *[0-9]+ [0-9]+`)
	zeros := regexp.MustCompile(`^[0\-/.]+$|^ *$`)
	const sep, month, day, hour = `[/\-.]*`, `([0-1][0-9])`, `([0-3][0-9])`, `([T ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})?`
	known := [...]*regexp.Regexp{
		regexp.MustCompile(`^(?:20|19)[0-9]{2}` + sep + month + sep + day + hour + `$`),
		regexp.MustCompile(`^` + day + sep + month + sep + `(?:20|19)[0-9]{2}` + hour + `$`),
	}
	far := [...]*regexp.Regexp{
		regexp.MustCompile(`^[0-9]{4}` + sep + month + sep + day + hour + `$`),
		regexp.MustCompile(`^` + day + sep + month + sep + `[0-9]{4}` + hour + `$`),
	}
	badDate := func(value string) bool {
		for i, form := range known {
			if m := form.FindStringSubmatch(value); m != nil {
				month, day := m[1], m[2]
				if i == 1 {
					month, day = day, month
				}
				return month > "12" || day > "31"
			}
		}
		return !far[0].MatchString(value) && !far[1].MatchString(value)
	}
	badNumber := func(value string) bool {
		switch value = strings.Replace(value, ",", ".", 1); {
		case value == "":
			return false
		case grouped.MatchString(value) || strings.Count(value, " ")+strings.Count(value, ".")+strings.Count(value, ",") > 1:
			return true
		}
		return !(number.MatchString(value) && !twoMinus.MatchString(value) || scientific.MatchString(value))
	}
	for _, line := range lines[1:] {
		line = strings.ReplaceAll(strings.ReplaceAll(line, "\xc2\xa0", " "), "\xa0", " ")
		line = strings.TrimRight(blanks.ReplaceAllString(chomp(line), separator), " ")
		cells := strings.Split(line, separator)
		if len(cells) == 1 || len(cells) != len(names) {
			return true
		}
		value := func(f Field) string {
			if i := at(f); i >= 0 {
				return cells[i]
			}
			return ""
		}
		if signed {
			switch strings.ToUpper(strings.TrimSpace(value(Sens))) {
			case "D", "C", "+1", "-1":
			default:
				return true
			}
		}
		for _, f := range filled {
			if strings.Trim(value(f), " ") == "" {
				return true
			}
		}
		if year >= "2013" && (value(PieceDate) == "" || value(ValidDate) == "" && !cash) {
			return true
		}
		for _, f := range []Field{EcritureDate, PieceDate, DateLet, ValidDate, DateRglt} {
			switch {
			case zeros.MatchString(value(f)):
				if f == EcritureDate {
					return true
				}
			case badDate(value(f)):
				return true
			}
		}
		amounts := []Field{Debit, Credit, Montantdevise}
		if signed {
			amounts = []Field{Montant, Montantdevise}
		}
		for _, f := range amounts {
			if strings.Contains(value(f), ".") || badNumber(value(f)) {
				return true
			}
		}
	}
	return !utf8.ValidString(name)
}
