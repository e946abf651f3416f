package loopsim

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
)

// readFEC reads a FEC; it gives the number of entries. What package fec calls an error fails the import: Loop's own checks are
// not documented (loop-api: A 3.2) [I]. So is that the number of an entry is its reference.
func readFEC(from io.Reader, t *tally) (entries int) {
	r := fec.NewReader(from, fec.Options{Name: t.Name})
	for {
		line, err := r.Read()
		if err != nil {
			break
		}
		if !line.Valid {
			t.Lines++
			continue
		}
		l := importLine{
			number: line.Number, entry: line.JournalCode + "\x00" + line.EcritureDate + "\x00" + line.EcritureNum,
			journal: line.JournalCode, journalLabel: line.JournalLib, date: line.EcritureDate, documentDate: line.PieceDate,
			account: line.CompteNum, accountLabel: line.CompteLib, thirdParty: line.CompAuxNum, label: line.EcritureLib,
			reference: line.EcritureNum, refPiece: line.PieceRef, debit: amount{cents: int64(line.Debit)}, credit: amount{cents: int64(line.Credit)},
		}
		if line.EcritureLet != "" { // a code counts within its account, and third party
			l.lettering = line.EcritureLet + "\x00" + line.CompteNum + "\x00" + line.CompAuxNum
		}
		t.add(l)
	}
	report := r.Report()
	for _, f := range report.Findings {
		if f.Severity != check.Error {
			continue
		}
		if f.Line > 0 {
			t.fail("Ligne %d : %s", f.Line, f.French)
		}
		t.fail("%s", f.French)
	}
	return report.Entries
}

// readTRA reads the movements of a TRA file, their standard part (loop-api: A 9.2–9.4).
func readTRA(from io.Reader, t *tally) (entries int) {
	balances := balances{t: t, of: make(map[string]*balance)}
	eachLine(from, t, func(n int, line string) {
		r := []rune(line + strings.Repeat(" ", max(0, 222-utf8.RuneCountInString(line)))) // trailing blanks are often cut off
		at := func(position, length int) string { return strings.TrimSpace(string(r[position-1 : position-1+length])) }
		switch {
		case n == 1 && (at(1, 3) != "***" || at(9, 3) == "" || at(12, 3) == ""):
			t.fail("La première ligne n'est pas un en-tête TRA.")
			return
		case at(1, 3) == "***", strings.ContainsAny(at(31, 1), "AOGV"): // parameters; breakdowns, documents, variables: they book nothing
			return
		}
		day := at(4, 8)
		l := importLine{
			number: n, journal: at(1, 3), account: at(14, 17), label: at(84, 35), refPiece: at(49, 35), reference: at(49, 35),
		}
		if len(day) == 8 {
			l.date = day[4:] + "-" + day[2:4] + "-" + day[:2]
		}
		if at(31, 1) == "X" {
			l.thirdParty = at(32, 17)
		}
		number := strings.Trim(at(152, 8), "0")
		if number == "" {
			number = at(49, 35)
		}
		l.entry = strings.Join([]string{l.journal, l.date, at(12, 2), number}, "\x00")
		position, ok := 131, true // the first amount that is in euro
		if code := string(r[172:175]); code[0] == 'D' {
			position = map[bool]int{true: 176, false: 196}[code[1] == 'E']
			ok = code[1] == 'E' || code[2] == 'E'
		}
		cents, read := decimal([]byte(`"`+at(position, 20)+`"`), ",", 2)
		switch side := at(130, 1); {
		case !ok || !read || side != "D" && side != "C" || l.journal == "" || l.account == "" || !validDay(l.date):
			t.Lines++
			t.fail("Ligne %d : le mouvement est illisible.", n)
			return
		case side == "D":
			l.debit.cents = cents
		default:
			l.credit.cents = cents
		}
		balances.add(&l)
		t.add(l)
	})
	return balances.end()
}

// readDemo reads a file of [DemoModel].
func readDemo(from io.Reader, t *tally) (entries int) {
	balances := balances{t: t, of: make(map[string]*balance)}
	eachLine(from, t, func(n int, line string) {
		if n == 1 || strings.TrimSpace(line) == "" {
			return
		}
		cells := strings.Split(line, ";")
		if len(cells) != 7 {
			t.Lines++
			t.fail("Ligne %d : sept colonnes sont attendues.", n)
			return
		}
		amountOf := func(cell string) (amount, bool) {
			if cell == "" {
				return amount{}, true
			}
			cents, ok := decimal([]byte(`"`+strings.ReplaceAll(cell, `"`, "?")+`"`), map[bool]string{true: ",", false: "."}[strings.Contains(cell, ",")], 2)
			return amount{cents: cents}, ok
		}
		debit, debitOK := amountOf(cells[4])
		credit, creditOK := amountOf(cells[5])
		l := importLine{
			number: n, journal: cells[0], date: cells[1], account: cells[2], label: cells[3], debit: debit, credit: credit,
			reference: cells[6], refPiece: cells[6], entry: cells[0] + "\x00" + cells[1] + "\x00" + cells[6],
		}
		if !debitOK || !creditOK || debit.cents != 0 && credit.cents != 0 || !validDay(l.date) || l.journal == "" || l.account == "" {
			t.Lines++
			t.fail("Ligne %d : la ligne est illisible.", n)
			return
		}
		balances.add(&l)
		t.add(l)
	})
	return balances.end()
}

// balances finds the entries of a file that do not balance.
type balances struct {
	t  *tally
	of map[string]*balance
}

type balance struct {
	cents int64
	line  int
}

func (b *balances) add(l *importLine) {
	e := b.of[l.entry]
	if e == nil {
		if len(b.of) == maxCodes {
			b.t.fail("Le fichier a trop d'écritures.")
			return
		}
		e = &balance{line: l.number}
		b.of[l.entry] = e
	}
	e.cents += l.debit.cents - l.credit.cents
}

func (b *balances) end() (entries int) {
	first := 0
	for _, e := range b.of {
		if e.cents != 0 && (first == 0 || e.line < first) {
			first = e.line
		}
	}
	if first != 0 {
		b.t.fail("Ligne %d : l'écriture qui commence ici est déséquilibrée.", first)
	}
	return len(b.of)
}

const maxFileLine = 64 << 10

// eachLine gives the lines of a text, without their ends. What is not UTF-8 is read as Latin-1 (loop-api: A 9.1).
func eachLine(from io.Reader, t *tally, do func(n int, line string)) {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 4<<10), maxFileLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if utf8.Valid(line) {
			do(n, string(line))
			continue
		}
		runes := make([]rune, len(line))
		for i, c := range line {
			runes[i] = rune(c)
		}
		do(n, string(runes))
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		t.fail("Ligne %d : la ligne est trop longue.", n+1)
	}
}

// findMagic looks for cells that begin with SIM-; in a TRA file for the reference, at its position.
func findMagic(from io.Reader, format string, m *magic) {
	lines := bufio.NewReaderSize(from, maxFileLine)
	for {
		line, err := lines.ReadSlice('\n')
		for i, rest := 0, line; ; {
			at := bytes.Index(rest, []byte("SIM-"))
			if at < 0 {
				break
			}
			i += at
			if format == FormatTRA && utf8.RuneCount(line[:i]) == 48 || format != FormatTRA && (i == 0 || bytes.IndexByte([]byte("\t|;"), line[i-1]) >= 0) {
				m.add(wholeCell(line[i:]))
			}
			i += len("SIM-")
			rest = line[i:]
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// wholeCell is the text up to the next cell.
func wholeCell(text []byte) string {
	if end := bytes.IndexAny(text, "\t|; \r\n"); end >= 0 {
		text = text[:end]
	}
	return string(text)
}
