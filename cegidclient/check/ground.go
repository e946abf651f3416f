package check

import (
	"encoding/json"
	"iter"
	"strings"
)

// Ground says who objects to what was found in a file, a set. The empty set: it is merely odd, or more than this service takes.
type Ground uint8

// The grounds.
const (
	// Law: article A47 A-1 of the Livre des procédures fiscales demands otherwise.
	Law Ground = 1 << iota
	// TaxTool: the tax office's Test Compta Demat calls the file not conforming.
	TaxTool
	// Format: the description of the format demands otherwise (loop-api: A 9).
	Format
	// Books: double entry demands otherwise.
	Books
	// Loop: Cegid Loop takes it amiss, or is said to by integrators or of another of its imports (loop-api: A 2.1, 2.3, 3.3).
	Loop
)

var groundNames = [...]string{"law", "tax tool", "format", "books", "loop"}

// All gives the grounds of the set, one by one.
func (g Ground) All() iter.Seq[Ground] {
	return func(yield func(Ground) bool) {
		for i := range groundNames {
			if one := Ground(1) << i; g.Has(one) && !yield(one) {
				return
			}
		}
	}
}

// String gives the stable names of the set, such as "law, tax tool"; "odd" for the empty one.
func (g Ground) String() string {
	if g == 0 {
		return "odd"
	}
	return strings.Join(g.names(), ", ")
}

func (g Ground) names() (names []string) {
	for i, name := range groundNames {
		if g.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether one of the others is in the set.
func (g Ground) Has(others Ground) bool { return g&others != 0 }

// MarshalJSON writes the names as ledgers hold them: ["LAW","TAX_TOOL"].
func (g Ground) MarshalJSON() ([]byte, error) {
	names := g.names()
	for i := range names {
		names[i] = constant(names[i])
	}
	return json.Marshal(names)
}

// UnmarshalJSON leaves out names that this version does not know.
func (g *Ground) UnmarshalJSON(text []byte) error {
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	*g = 0
	for i, name := range groundNames {
		for _, given := range names {
			if given == constant(name) {
				*g |= 1 << i
			}
		}
	}
	return nil
}

func constant(name string) string { return strings.ToUpper(strings.ReplaceAll(name, " ", "_")) }
