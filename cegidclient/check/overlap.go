package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Likeness says how an entry is like one of another import.
type Likeness int

// The likenesses.
const (
	// AlreadyImported is the same entry, told by a reference or by a document reference: it would be booked twice.
	AlreadyImported Likeness = iota + 1
	// MaybeImported is the same but for the reference, or has nothing that tells it from another of the same amounts.
	MaybeImported
	// DocumentImported has the same journal, date and document reference, and is otherwise another entry.
	DocumentImported
	// NotInLoop is the same entry as one of an import that failed, or whose outcome is unknown, and a look into Loop has shown that
	// it is not there.
	NotInLoop
)

// Overlap is an entry that is like one of another import which is booked or may be.
type Overlap struct {
	// Entry is its index in the request; Line is where it begins in a file, and 0 in a request.
	Entry, Line int
	Likeness    Likeness
	// Import is the request id of the other one; empty where the caller may not see it. State is as the contract has it.
	Import, State string
	// Sought are the references that Loop was asked for, of one that is NotInLoop.
	Sought string
}

var likenesses = map[Likeness]string{
	AlreadyImported: entryAlreadyImported, MaybeImported: entryMaybeImported,
	DocumentImported: documentImported, NotInLoop: entryNotInLoop,
}

// statesInFrench are those of imports and documents, by their names in the contract.
var statesInFrench = map[string]string{
	"RECEIVED": "reçu", "SUBMITTING": "envoi en cours", "WAITING": "en attente", "RUNNING": "en traitement", "SUCCEEDED": "réussi",
	"FAILED": "échec", "NOT_SENT": "non envoyé", "REFUSED": "refusé", "UNCERTAIN": "incertain",
}

// StateInFrench is what a state of the contract's is called in French; its name where it is none.
func StateInFrench(state string) string { return cmp.Or(statesInFrench[state], state) }

// Code is that of the finding.
func (l Likeness) Code() string { return likenesses[l] }

// inFile are the sentences of rules that have others for a file, of which no single entry can be said to be meant.
var inFile = map[string]text{
	entryAlreadyImported: {
		"The same entry is in the import {import}, which is {state}: it would be booked twice. Send a file without it; if it is meant, " +
			"import the file with allow_duplicate.",
		"La même écriture figure dans l'import {import}, {state} : elle serait comptabilisée deux fois. Envoyez un fichier qui ne la contient " +
			"pas ; si c'est voulu, importez-le avec allow_duplicate.",
	},
}

// OverlapCodes lists what is found of entries that are in other imports, with the sentences of a file.
func OverlapCodes() (out []Rule) {
	for _, likeness := range slices.Sorted(maps.Keys(likenesses)) {
		r := ruleOf(likenesses[likeness])
		if own, other := inFile[r.Code]; other {
			r.Message, r.French = own.en, own.fr
		}
		out = append(out, r)
	}
	return out
}

// Overlaps returns findings on entries that are like those of other imports. There is one for each entry of a request that is
// imported already, one for all such entries of a file, and one for each other import whose entries are only similar.
func Overlaps(overlaps []Overlap) []Finding {
	var f found
	counted := map[Overlap]int{} // the finding's index
	for _, o := range overlaps {
		field := fmt.Sprintf("entries[%d]", o.Entry)
		of := Overlap{Likeness: o.Likeness, Import: o.Import, State: o.State, Sought: o.Sought}
		if o.Line > 0 {
			field = ""
		}
		if o.Likeness != AlreadyImported || o.Line > 0 {
			if at, told := counted[of]; told {
				finding := &f.list[at]
				if finding.Count++; o.Line > 0 && len(finding.Lines) < maxLines {
					finding.Lines = append(finding.Lines, o.Line)
				}
				continue
			}
			counted[of] = len(f.list)
		}
		other, state := quoted("import", o.Import), arg{"state", text{o.State, "à l'état « " + StateInFrench(o.State) + " »"}}
		if o.Import == "" {
			other, state = arg{"import", text{"another caller's", "d'un autre appelant"}},
				arg{"state", text{"booked or may be", "qui est comptabilisé ou peut l'être"}}
		}
		args := []arg{other, state, quoted("sought", o.Sought)}
		finding := f.add(likenesses[o.Likeness], field, args...)
		finding.Count = 1
		if o.Line > 0 {
			if own, other := inFile[finding.Code]; other {
				finding.say(own, args)
			}
			finding.Line, finding.Lines, finding.Grounds = o.Line, []int{o.Line}, Books
		}
	}
	slices.SortStableFunc(f.list, func(a, b Finding) int { return -cmp.Compare(a.Severity, b.Severity) })
	return f.list
}

// maxLines are listed in one finding.
const maxLines = 10
