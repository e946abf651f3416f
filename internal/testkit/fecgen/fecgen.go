// Package fecgen writes a FEC of any size for tests: correct, without a finding of package fec beyond what the options
// ask for, and the same for the same options.
package fecgen

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Name is a name that suits the files: a SIREN with the right key, and the closing day.
const Name = "900000001FEC20261231.txt"

// Options say what to write. The zero value is a small file with tabs, CR LF and ISO 8859-15.
type Options struct {
	// Size is about the number of bytes: the file ends with the entry that reaches it.
	Size int64
	Seed uint64
	// Separator is a tab unless given.
	Separator byte
	// LineEnd is CR LF unless given.
	LineEnd string
	// UTF8 writes accents in UTF-8.
	UTF8 bool
	// Signed writes Montant and Sens instead of Debit and Credit.
	Signed bool
	// CashBasis adds the columns of payments.
	CashBasis bool
	// ByLedger scatters the lines of entries, as in a file that is sorted by account: this many entries are open at once.
	ByLedger int
	// Edit may change a line, given without its end; the line of names is line 1. It returns the line to write, which may
	// be the one that it was given.
	Edit func(line int, text []byte) []byte
}

// Reader gives the file.
type Reader struct {
	o       Options
	random  *rand.Rand
	buffer  []byte
	from    int // in buffer
	written int64
	line    int
	entry   int
	day     int
	late    [][]byte // lines that are held back
	done    bool
}

// New starts a file.
func New(o Options) *Reader {
	if o.Separator == 0 {
		o.Separator = '\t'
	}
	if o.LineEnd == "" {
		o.LineEnd = "\r\n"
	}
	r := &Reader{o: o, random: rand.New(rand.NewPCG(o.Seed, 0))}
	sides := "Debit,Credit"
	if o.Signed {
		sides = "Montant,Sens"
	}
	names := "JournalCode,JournalLib,EcritureNum,EcritureDate,CompteNum,CompteLib,CompAuxNum,CompAuxLib,PieceRef,PieceDate,EcritureLib," +
		sides +
		",EcritureLet,DateLet,ValidDate,Montantdevise,Idevise"
	if o.CashBasis {
		names += ",DateRglt,ModeRglt,NatOp,IdClient"
	}
	r.write([]byte(strings.ReplaceAll(names, ",", string(rune(o.Separator)))))
	return r
}

// Bytes gives a whole file.
func Bytes(o Options) []byte {
	var b bytes.Buffer
	_, _ = b.ReadFrom(New(o)) // does not fail
	return b.Bytes()
}

// Lines is the number of lines written so far, that of the names included.
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

type account struct{ number, label string }

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
	if r.entry == 1 {
		r.lines("RAN", "À nouveaux", "Solde à nouveau", "", []side{
			{account{"21540000", "Matériel industriel"}, "", "", 1_500_000},
			{account{"51200000", "Banque"}, "", "", 250_000},
			{account{"10100000", "Capital"}, "", "", -1_750_000},
		})
		return
	}
	r.day = min(363, int(r.written*364/max(r.o.Size, 1)))
	net := 100 + r.random.IntN(900_000)
	vat := net / 5
	party := r.random.IntN(500)
	code, name := "F"+pad(party, 5), "Société n° "+pad(party, 3)
	switch kind := r.random.IntN(4); kind {
	case 0:
		r.lines("ACH", "Achats", "Achat de marchandises", "", []side{
			{account{"607" + pad(r.random.IntN(40)*100, 5), ""}, "", "", net},
			{account{"44566000", "TVA déductible"}, "", "", vat},
			{account{"40100000", "Fournisseurs"}, code, name, -net - vat},
		})
	case 1:
		r.lines("VTE", "Ventes", "Vente été 2026", "", []side{
			{account{"41100000", "Clients"}, "C" + code[1:], name, net + vat},
			{account{"707" + pad(r.random.IntN(40)*100, 5), ""}, "", "", -net},
			{account{"44571000", "TVA collectée"}, "", "", -vat},
		})
	case 2:
		r.lines("BQ1", "Banque", "Virement", letters(party), []side{
			{account{"40100000", "Fournisseurs"}, code, name, net},
			{account{"51200000", "Banque"}, "", "", -net},
		})
	default:
		r.lines("OD", "Opérations diverses", "Salaires", "", []side{
			{account{"64110000", "Rémunérations"}, "", "", net},
			{account{"43100000", "Sécurité sociale"}, "", "", -vat},
			{account{"42100000", "Personnel, rémunérations dues"}, "", "", vat - net},
		})
	}
}

type side struct {
	account
	party, name string
	cents       int // debit, or credit below zero
}

func (r *Reader) lines(journal, title, label, letter string, sides []side) {
	day := date(r.day)
	for i, s := range sides {
		if s.label == "" {
			s.label = "Compte n° " + s.number[3:6]
		}
		debit, credit := amount(max(s.cents, 0)), amount(max(-s.cents, 0))
		if r.o.Signed {
			debit, credit = amount(max(s.cents, -s.cents)), "D"
			if s.cents < 0 {
				credit = "C"
			}
		}
		code, on := "", ""
		if letter != "" && s.party != "" {
			code, on = letter, day
		}
		fields := []string{
			journal, title, strconv.Itoa(r.entry), day, s.number, s.label, s.party, s.name, journal + "-" + pad(r.entry, 6), day, label,
			debit, credit, code, on, day, "", "",
		}
		if r.o.CashBasis {
			fields = append(fields, day, "virement", "", s.party)
		}
		line := r.encode(strings.Join(fields, string(rune(r.o.Separator))))
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

// encode writes accents as asked; all of them are the same in ISO 8859-1 and 8859-15.
func (r *Reader) encode(s string) []byte {
	if r.o.UTF8 {
		return []byte(s)
	}
	b := make([]byte, 0, len(s))
	for _, c := range s {
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
	return "2026" + pad(month+1, 2) + pad(day+1, 2)
}

func amount(cents int) string { return strconv.Itoa(cents/100) + "," + pad(cents%100, 2) }

func pad(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// letters makes a lettering code.
func letters(n int) string { return string([]byte{byte('A' + n/26%26), byte('A' + n%26)}) }
