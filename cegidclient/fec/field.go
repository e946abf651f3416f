package fec

import "strings"

// Field is a field of the law, in its order; the two that may replace Debit and Credit come last.
type Field uint8

// The fields (loop-api: A 8).
const (
	JournalCode Field = iota
	JournalLib
	EcritureNum
	EcritureDate
	CompteNum
	CompteLib
	CompAuxNum
	CompAuxLib
	PieceRef
	PieceDate
	EcritureLib
	Debit
	Credit
	EcritureLet
	DateLet
	ValidDate
	Montantdevise
	Idevise
	DateRglt // the first of the cash basis
	ModeRglt
	NatOp
	IdClient
	Montant // instead of Debit
	Sens    // instead of Credit

	numFields
	noField = numFields
)

const (
	legalFields = 18 // of every file
	cashFields  = 22
)

var fieldNames = [numFields + 1]string{
	"JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib", "PieceRef",
	"PieceDate", "EcritureLib",
	"Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise", "DateRglt", "ModeRglt", "NatOp", "IdClient",
	"Montant", "Sens", "",
}

// String gives the name in the law.
func (f Field) String() string {
	if f > numFields {
		return ""
	}
	return fieldNames[f]
}

// position is the column that the law gives a field, from 0.
func (f Field) position() int {
	switch f {
	case Montant:
		return int(Debit)
	case Sens:
		return int(Credit)
	default:
		return int(f)
	}
}

// isText tells whether a field holds neither a date nor an amount.
func (f Field) isText() bool {
	switch f {
	case EcritureDate, PieceDate, DateLet, ValidDate, DateRglt, Debit, Credit, Montant, Montantdevise:
		return false
	}
	return true
}

// aliases are names that were met, normalised, and are too far from the law's to be taken for a typing error.
var aliases = map[string]Field{
	"codejournal": JournalCode, "journallibelle": JournalLib, "libellejournal": JournalLib,
	"numeroecriture": EcritureNum, "ecriturenumero": EcritureNum,
	"dateecriture": EcritureDate, "numerocompte": CompteNum, "comptenumero": CompteNum, "comptelibelle": CompteLib, "libellecompte": CompteLib,
	"compteauxnum": CompAuxNum, "compteauxiliairenum": CompAuxNum, "compauxnumero": CompAuxNum,
	"compteauxlib": CompAuxLib, "compteauxiliairelib": CompAuxLib, "compauxlibelle": CompAuxLib,
	"piecereference": PieceRef, "datepiece": PieceDate, "ecriturelibelle": EcritureLib, "libelleecriture": EcritureLib,
	"ecriturelettrage": EcritureLet, "lettrage": EcritureLet, "codelettrage": EcritureLet, "datelettrage": DateLet,
	"datevalidation": ValidDate, "validationdate": ValidDate, "montantendevise": Montantdevise,
	"devise": Idevise, "codedevise": Idevise, "identifiantdevise": Idevise,
	"datereglement": DateRglt, "modereglement": ModeRglt, "natureoperation": NatOp, "idduclient": IdClient,
}

// bare leaves the letters and digits of a name, small and without accents.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		switch r {
		case 'é', 'è', 'ê', 'É', 'È', 'Ê':
			return 'e'
		case 'à', 'â', 'À', 'Â':
			return 'a'
		}
		return -1
	}, name)
}

// near finds the field that a name was meant for; taken ones are left out. A typing error in four letters, two at most.
func near(name string, taken func(Field) bool) (Field, bool) {
	name = bare(name)
	if f, ok := aliases[name]; ok && !taken(f) {
		return f, true
	}
	best, least := noField, 3
	for f := range numFields {
		if want := bare(fieldNames[f]); !taken(f) {
			if d := typos(name, want); d < least && 4*d <= len(want) {
				best, least = f, d
			}
		}
	}
	return best, best != noField
}

// typos counts the letters to add, drop or change (Levenshtein).
func typos(a, b string) int {
	if len(a) > 2*len(b) {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
