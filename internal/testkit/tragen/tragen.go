// Package tragen writes a TRA of any size for tests: correct, without a finding of package tra beyond what the options
// ask for, and the same for the same options.
package tragen

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Options say what to write. The zero value is a small journal in the extended format, with CR LF, Windows-1252 and
// trimmed lines.
type Options struct {
	// Size is about the number of bytes: the file ends with the entry that reaches it.
	Size int64
	Seed uint64
	// Standard writes the standard format, which ends at position 222.
	Standard bool
	// Padded keeps the blanks at the ends of lines.
	Padded bool
	// LineEnd is CR LF unless given.
	LineEnd string
	// UTF8 writes accents in UTF-8.
	UTF8 bool
	// ByLedger scatters the lines of entries: this many entries are open at once.
	ByLedger int
	// Edit may change a line, given without its end; the header is line 1. It returns the line to write, which may be the
	// one that it was given.
	Edit func(line int, text []byte) []byte
}

const parties = 200

// Reader gives the file.
type Reader struct {
	o       Options
	random  *rand.Rand
	buffer  []byte
	from    int // in buffer
	row     []rune
	written int64
	line    int
	entry   int
	late    [][]byte // lines that are held back
	done    bool
}

// New starts a file.
func New(o Options) *Reader {
	if o.LineEnd == "" {
		o.LineEnd = "\r\n"
	}
	r := &Reader{o: o, random: rand.New(rand.NewPCG(o.Seed, 0))}
	format := "ETE"
	if o.Standard {
		format = "STD"
	}
	r.parameter(150, "***S5CLIJRL"+format+"   0101190001011900011     150320261030EXEMPLE", at{89, "SOCIÉTÉ EXEMPLE"}, at{137, "01011900001--"})
	for _, j := range [...][4]string{{"ACH", "Achats", "ACH"}, {"VTE", "Ventes", "VTE"}, {"BQ1", "Banque", "BQE", "51200000"}, {"OD", "Opérations diverses", "OD"}} {
		r.parameter(495, "***JAL"+j[0], at{10, j[1]}, at{45, j[2]}, at{54, j[3]}, at{74, "-"})
	}
	for _, a := range [...][4]string{
		{"40100000", "Fournisseurs", "COF", "X"},
		{"41100000", "Clients", "COC", "X"},
		{"51200000", "Banque", "BQE", "-"},
		{"60700000", "Achats", "CHA", "-"},
		{"70700000", "Ventes", "PRO", "-"},
		{"44566000", "TVA déductible", "DIV", "-"},
	} {
		axis := "-"
		if a[2] == "CHA" || a[2] == "PRO" {
			axis = "X"
		}
		r.parameter(415, "***CGN"+a[0], at{24, a[1]}, at{59, a[2]}, at{62, "--" + axis + "----"}, at{349, "-" + a[3]})
	}
	for i := range parties {
		for _, p := range [...][4]string{{"F", "FOU", "40100000"}, {"C", "CLI", "41100000"}} {
			r.parameter(1041, "***CAE"+p[0]+pad(i, 5), at{24, "Société n° " + pad(i, 3)}, at{59, p[1] + "-" + p[2]})
		}
	}
	r.parameter(62, "***SATPROJ1", at{24, "Projet"}, at{59, "A1"})
	return r
}

// Bytes gives a whole file.
func Bytes(o Options) []byte {
	var b bytes.Buffer
	_, _ = b.ReadFrom(New(o)) // does not fail
	return b.Bytes()
}

// Lines is the number of lines written so far, that of the header included.
func (r *Reader) Lines() int { return r.line }

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	for r.from == len(r.buffer) {
		if r.done {
			return 0, io.EOF
		}
		r.buffer, r.from = r.buffer[:0], 0
		r.next()
	}
	n := copy(p, r.buffer[r.from:])
	r.from += n
	return n, nil
}

// at is a text at a position.
type at struct {
	position int
	text     string
}

func (r *Reader) parameter(width int, begin string, texts ...at) {
	r.write(r.encode(width, append(texts, at{1, begin})))
}

// next writes an entry.
func (r *Reader) next() {
	if r.written >= r.o.Size && r.entry > 0 {
		for _, line := range r.late {
			r.write(line)
		}
		r.late, r.done = nil, true
		return
	}
	r.entry++
	net := 100 + r.random.IntN(900_000)
	vat := net / 5
	party := pad(r.random.IntN(parties), 5)
	switch r.random.IntN(4) {
	case 0:
		r.lines("ACH", "FF", []side{
			{"60700000", "", "", "Achat de pièces", net},
			{"60700000", "A", "PROJ1", "Achat de pièces", net - net/3},
			{"60700000", "A", "PROJ1", "Achat de pièces", net / 3},
			{"44566000", "", "", "TVA", vat},
			{"40100000", "X", "F" + party, "Fournisseur", -net - vat},
		})
	case 1:
		r.lines("VTE", "FC", []side{
			{"41100000", "X", "C" + party, "Client", net + vat},
			{"70700000", "H", "PROJ1", "Vente été 2026", -net},
			{"44571000", "", "", "TVA", -vat},
		})
	case 2:
		r.lines("BQ1", "RF", []side{
			{"40100000", "X", "F" + party, "Virement", net},
			{"51200000", "", "", "Virement", -net},
		})
	default:
		r.lines("OD", "OD", []side{
			{"64110000", "", "", "Salaires", net},
			{"43100000", "", "", "Salaires", -vat},
			{"42100000", "", "", "Salaires", vat - net},
		})
	}
}

type side struct {
	account, kind, auxiliary, label string
	cents                           int // debit, or credit below zero
}

func (r *Reader) lines(journal, document string, sides []side) {
	day := date(min(363, int(r.written*364/max(r.o.Size, 1))))
	for i, s := range sides {
		sense, amount := "D", s.cents
		if s.cents < 0 {
			sense, amount = "C", -s.cents
		}
		number := strconv.Itoa(amount/100) + "," + pad(amount%100, 2)
		texts := []at{
			{1, journal},
			{4, day + document + s.account},
			{31, s.kind},
			{32, s.auxiliary},
			{49, journal + "-" + pad(r.entry, 7)},
			{84, s.label},
			{130, sense},
			{151 - len(number), number + "N"},
			{160, "EUR"},
			{173, "E--"},
		}
		if s.kind == "A" || s.kind == "H" {
			texts = append(texts, at{219, "A1"})
		}
		width := 222
		if !r.o.Standard {
			width = 1407
			if s.kind == "" || s.kind == "X" {
				state := "RI"
				if s.kind == "X" {
					state = "AL"
				}
				texts = append(texts, at{266, day}, at{302, "N"}, at{386, "-"}, at{387, "FRA"}, at{390, "TN"}, at{393, "TPF"}, at{1021, state})
			}
		}
		line := r.encode(width, texts)
		if r.o.ByLedger > 0 && i == len(sides)-1 {
			r.late = append(r.late, line)
			if len(r.late) > r.o.ByLedger {
				r.write(r.late[0])
				r.late = r.late[1:]
			}
			continue
		}
		r.write(line)
	}
}

// encode puts texts at their positions; all accents here are the same in ISO 8859-1 and Windows-1252.
func (r *Reader) encode(width int, texts []at) []byte {
	r.row = r.row[:0]
	for range width {
		r.row = append(r.row, ' ')
	}
	for _, t := range texts {
		copy(r.row[t.position-1:], []rune(t.text))
	}
	row := r.row
	for !r.o.Padded && row[len(row)-1] == ' ' {
		row = row[:len(row)-1]
	}
	if r.o.UTF8 {
		return []byte(string(row))
	}
	b := make([]byte, 0, len(row))
	for _, c := range row {
		b = append(b, byte(c))
	}
	return b
}

func (r *Reader) write(line []byte) {
	r.line++
	if r.o.Edit != nil {
		line = r.o.Edit(r.line, line)
	}
	before := len(r.buffer)
	r.buffer = append(append(r.buffer, line...), r.o.LineEnd...)
	r.written += int64(len(r.buffer) - before)
}

// date is a day of 2026, from 0.
func date(day int) string {
	month := 0
	for _, days := range [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30} {
		if day < days {
			break
		}
		day -= days
		month++
	}
	return pad(day+1, 2) + pad(month+1, 2) + "2026"
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}
