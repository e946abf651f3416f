package loopsim

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Shape is the form in which a list route writes its answers. The zero Shape is the documented one; the others exist
// because the official texts disagree with their own samples, so that a client has to bear them
// (docs/loop-api/README.md, "Disagreements"; loop-api: R 0).
type Shape struct {
	Envelope          Envelope
	NumbersAsStrings  bool       // "6" for 6 (R 1.7: tables say string, samples integer), and 6 where "6" is documented (C 4.5)
	MemberCase        MemberCase // letter case of member names
	EnumValue         int        // when not 0, the value of every enum: an unknown one (R 3.1: 7 values, then 8)
	ExtraField        bool       // one member more, "champInconnu", holding an object
	References        References
	FlatDescription   bool     // "60700000" for ["60700000"] (R 1.7, R 4.1)
	ListedDescription bool     // ["CENTRE"] for "CENTRE", in a reference that has a plain one (R 4.1)
	Omit              []string // members left out, by Loop's name
}

// Envelope is what surrounds the rows of a list (loop-api: C 2).
type Envelope int

// Envelopes.
const (
	EnvelopeDocumented Envelope = iota // the one documented for the route
	EnvelopeArray                      // […]
	EnvelopeData                       // {"data":[…]}
)

// MemberCase is a letter case of member names.
type MemberCase int

// Letter cases.
const (
	MemberCasePrinted    MemberCase = iota // objectId
	MemberCaseLower                        // objectid
	MemberCaseUpperFirst                   // ObjectId
)

// References is a form of references to other objects (loop-api: R 1.7).
type References int

// Forms of references.
const (
	ReferencesDocumented References = iota // an empty one is {"objectId":null,"description":[""]}
	ReferencesNull                         // an empty one is null
	ReferencesEmpty                        // all are empty, in the documented form
	ReferencesOmitted                      // the members are left out
)

func (sh Shape) member(name string) string {
	switch sh.MemberCase {
	case MemberCaseLower:
		return strings.ToLower(name)
	case MemberCaseUpperFirst:
		r, n := utf8.DecodeRuneInString(name)
		return string(unicode.ToUpper(r)) + name[n:]
	default:
		return name
	}
}

// documented reports whether rows are written as they were encoded beforehand; the envelope is no part of a row.
func (sh Shape) documented() bool {
	return !sh.NumbersAsStrings && sh.MemberCase == MemberCasePrinted && sh.EnumValue == 0 && !sh.ExtraField &&
		sh.References == ReferencesDocumented && !sh.FlatDescription && !sh.ListedDescription && len(sh.Omit) == 0
}

// SetShape makes the list route at path ("/compte") write its answers in the shape; the zero Shape restores the documented
// one. It panics on a path that is no list route and on a member that the route does not have: mistakes in a test, which would
// otherwise pass for nothing.
func (s *Simulator) SetShape(path string, shape Shape) {
	resources := listResources()
	i := slices.IndexFunc(resources, func(r *resource) bool { return r.path == path })
	if i < 0 {
		panic(fmt.Sprintf("loopsim: SetShape: %q is not a list route", path))
	}
	for _, name := range shape.Omit {
		if columnIndex(resources[i].columns, name) < 0 {
			panic(fmt.Sprintf("loopsim: SetShape: %q is no member of %s", name, path))
		}
	}
	shape.Omit = slices.Clone(shape.Omit)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shapes[path] = shape
}

func (s *Simulator) shapeOf(path string) Shape {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.shapes[path]
}
