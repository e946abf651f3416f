package rawdoor

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// The keys of a practice open all of its dossiers, and a raw call may go to a route of which this service knows nothing. So what
// a caller sends must name no dossier but the one that the policy was asked about. This holds for each name that Loop has for it
// (loop-api: A 0; the sink's entite_id), in any letter case, at any depth, in JSON inside a text, and for a name that comes
// twice with two values. What cannot be understood is refused: a guard that errs must err to this side. A call for no dossier
// may name any: it takes a right to all of them.

// ErrOtherDossier says that something else than the request's own dossier is named.
var ErrOtherDossier = errors.New("another dossier is named")

// ErrNotJSON says that a body is not one JSON object or list.
var ErrNotJSON = errors.New("the body is no JSON object or list")

// squeezed is a name as a lenient reader may take it: without letter case, also that of odd letters such as the long s, and
// without what is neither letter nor digit.
func squeezed(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		least := r // of all that differ in case alone
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return unicode.ToLower(least)
	}, name)
}

// namesDossier tells whether a member or parameter of this name would say which dossier is meant.
func namesDossier(name string) bool {
	s := squeezed(name)
	return strings.Contains(s, "dossier") || strings.Contains(s, "codeibs") || strings.HasPrefix(s, "entite") ||
		slices.Contains([]string{"ibs", "context", "contexts", "folder", "foldercode", "companyfile"}, s)
}

// CheckBody refuses a body that is not JSON, or names another dossier than the given one, unless that is empty.
func CheckBody(body, dossier string) error { return checkJSON(body, dossier, 0) }

// maxNesting bounds JSON inside texts of JSON.
const maxNesting = 4

func checkJSON(text, dossier string, nesting int) error {
	// Names twice in an object are refused: who reads the first and who reads the last would see two dossiers.
	dec := jsontext.NewDecoder(strings.NewReader(text))
	if kind := dec.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
		return ErrNotJSON
	}
	r := jsonReader{dec: dec, dossier: dossier, nesting: nesting}
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return ErrNotJSON
		}
		if err := r.check(token); err != nil {
			return err
		}
		if dec.StackDepth() == 0 && nesting == 0 { // the value is over: nothing may follow
			if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return ErrNotJSON
			}
			return nil
		}
	}
}

// jsonReader holds what names a dossier against the one that is allowed.
type jsonReader struct {
	dec     *jsontext.Decoder
	dossier string
	nesting int
	named   int // depth of the value whose name says that it is a dossier; 0 for none
}

func (r *jsonReader) check(token jsontext.Token) error {
	depth := r.dec.StackDepth()
	switch token.Kind() {
	case jsontext.KindBeginObject:
		if r.named > 0 {
			return ErrOtherDossier // no shape of a dossier's code that is known
		}
	case jsontext.KindBeginArray:
		if r.named > 0 && (depth != r.named || r.dec.PeekKind() == jsontext.KindEndArray) {
			return ErrOtherDossier // of an empty list, "none" may mean "all"
		}
	case jsontext.KindEndObject, jsontext.KindEndArray:
		r.over(depth)
	case jsontext.KindString:
		return r.checkString(token.String(), depth)
	default:
		if r.named > 0 {
			return ErrOtherDossier
		}
	}
	return nil
}

// checkString reads a name or a value.
func (r *jsonReader) checkString(text string, depth int) error {
	if inside, length := r.dec.StackIndex(depth); inside == jsontext.KindBeginObject && length%2 == 1 {
		if r.dossier != "" && namesDossier(text) {
			r.named = depth + 1
		}
		return nil
	}
	if r.named > 0 && text != r.dossier {
		return ErrOtherDossier
	}
	if err := checkInside(text, r.dossier, r.nesting); err != nil {
		return err
	}
	r.over(depth)
	return nil
}

// over forgets the name of a value that has come to its end.
func (r *jsonReader) over(depth int) {
	if r.named > depth {
		r.named = 0
	}
}

// checkInside looks into a text that is itself JSON.
func checkInside(text, dossier string, nesting int) error {
	trimmed := strings.TrimLeft(text, " \t\r\n\ufeff")
	if trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil
	}
	if nesting == maxNesting {
		return ErrOtherDossier
	}
	if err := checkJSON(trimmed, dossier, nesting+1); errors.Is(err, ErrOtherDossier) {
		return err
	}
	return nil // no JSON, a text like any other
}

// CheckQuery refuses parameters that the route does not take, and expressions that speak of a dossier.
func (r Route) CheckQuery(query map[string]string, dossier string) (parameter string, err error) {
	for name, value := range query {
		if !slices.Contains(r.Query, name) {
			return name, ErrParameter
		}
		if dossier == "" {
			continue
		}
		// A filter is an expression of which little is known (loop-api: C 2); a dossier could be spelt out in it.
		if s := squeezed(value); strings.Contains(s, "codedossier") || strings.Contains(s, "codeibs") {
			return name, ErrOtherDossier
		}
		if err := checkInside(value, dossier, 0); err != nil {
			return name, err
		}
	}
	return "", nil
}

// ErrParameter says that the operator has not listed a parameter for the route.
var ErrParameter = errors.New("the route does not take this parameter")
