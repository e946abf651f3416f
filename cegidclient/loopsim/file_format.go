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
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/tra"
)

// readFEC reads a FEC; it gives the number of entries. What package fec calls an error fails the import: Loop's own checks are
// not documented (loop-api: A 3.2) [I]. So is that the number of an entry is its reference, and that lines with a number each are
// an entry by journal and day.
func readFEC(from io.Reader, t *tally) (entries int) {
	r := fec.NewReader(from, fec.Options{Name: t.Name, Model: t.model, NumbersPerLine: true})
	days := map[string]bool{} // of a journal; true for one with lines beyond those that are kept
	for {
		line, err := r.Read()
		if err != nil {
			break
		}
		if !line.Valid {
			t.Lines++
			continue
		}
		day := line.EcritureDate
		if t.model == filecheck.Lenient { // an entry of two dates is one
			day = ""
		}
		l := importLine{
			number: line.Number, entry: line.JournalCode + "\x00" + day + "\x00" + line.EcritureNum,
			journal: line.JournalCode, journalLabel: line.JournalLib, date: line.EcritureDate, documentDate: line.PieceDate,
			account: line.CompteNum, accountLabel: line.CompteLib, thirdParty: line.CompAuxNum, label: line.EcritureLib,
			reference: line.EcritureNum, refPiece: line.PieceRef, debit: amount{cents: int64(line.Debit)}, credit: amount{cents: int64(line.Credit)},
		}
		if line.EcritureLet != "" { // a code counts within its account, and third party
			l.lettering = line.EcritureLet + "\x00" + line.CompteNum + "\x00" + line.CompAuxNum
		}
		if of := l.ofDay(); len(days) < maxCodes {
			days[of] = days[of] || len(t.kept) == KeptLines
		}
		t.add(l)
	}
	report := r.Report()
	if report.LineNumbers {
		report.Entries, t.cut = len(days), map[string]bool{}
		for i := range t.kept {
			of := t.kept[i].ofDay()
			t.kept[i].entry, t.cut[of] = of, days[of]
		}
	}
	t.failFor(report.Findings)
	return report.Entries
}

// ofDay is an entry that is what a journal holds of a day.
func (l *importLine) ofDay() string { return l.journal + "\x00" + l.date }

// readTRA reads the movements of a TRA file; it gives the number of entries. What package tra calls an error fails the import,
// as does an amount that is in no euro: Loop's own checks are not documented (loop-api: A 3.3) [I].
func readTRA(from io.Reader, t *tally) (entries int) {
	r := tra.NewReader(from, tra.Options{Model: t.model})
	for {
		line, err := r.Read()
		if err != nil {
			break
		}
		m, is := line.Record.(*tra.Movement)
		switch {
		case !is || strings.ContainsAny(m.Kind, "AOGV"): // parameters; breakdowns, documents, variables: they book nothing
			continue
		case !line.Valid:
			t.Lines++
			continue
		case m.Debit == 0 && m.Credit == 0 && !strings.HasPrefix(m.AmountCode, "E"):
			t.fail("Ligne %d : le mouvement n'a pas de montant en euro.", line.Number)
		}
		l := importLine{
			number: line.Number, journal: m.Journal, date: string(m.Date), dueDate: string(m.Due), account: m.General, label: m.Label,
			reference: m.Reference, refPiece: m.Reference, debit: amount{cents: int64(m.Debit)}, credit: amount{cents: int64(m.Credit)},
		}
		if m.Kind == "X" {
			l.thirdParty = m.Auxiliary
		}
		number := strings.Trim(m.Number, "0")
		if number == "" {
			number = m.Reference
		}
		l.entry = strings.Join([]string{m.Journal, string(m.Date), m.DocumentType, number}, "\x00")
		t.add(l)
	}
	report := r.Report()
	t.failFor(report.Findings)
	return report.Entries
}

// failFor fails the import for what a format's package calls an error.
func (t *tally) failFor(found []check.Finding) {
	for _, f := range found {
		if f.Severity != check.Error {
			continue
		}
		if f.Line > 0 {
			t.fail("Ligne %d : %s", f.Line, f.French)
		}
		t.fail("%s", f.French)
	}
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
			point := "."
			if strings.Contains(cell, ",") {
				point = ","
			}
			cents, ok := decimal([]byte(`"`+strings.ReplaceAll(cell, `"`, "?")+`"`), point, 2)
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
			if format == FormatTRA && utf8.RuneCount(line[:i]) == 48 || format != FormatTRA &&
				(i == 0 || bytes.IndexByte([]byte("\t|;"), line[i-1]) >= 0) {
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
