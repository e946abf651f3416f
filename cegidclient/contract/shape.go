package contract

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// field is a member as the documentation has it.
type field struct {
	name  string
	forms []word // JSON types; none: not documented
}

const (
	formText    word = "string"
	formInteger word = "integer"
	formNumber  word = "number"
	formBool    word = "boolean"
	formNull    word = "null"
	formObject  word = "object"
	formTexts   word = "list of string"
	formEmpty   word = "empty list"
	formList    word = "list"
)

// formOf is a value's JSON type.
func formOf(value any) word {
	switch x := value.(type) {
	case nil:
		return formNull
	case string:
		return formText
	case bool:
		return formBool
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			return formNumber
		}
		return formInteger
	case []any:
		if len(x) == 0 {
			return formEmpty
		}
		for _, item := range x {
			if _, ok := item.(string); !ok {
				return formList
			}
		}
		return formTexts
	default:
		return formObject
	}
}

// fieldsOf are the members that a resource of the client reads.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("loop")
		if !ok || strings.HasPrefix(tag, "?") { // of a name that an operator gives
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		f := field{name: name}
		switch t.Field(i).Type {
		case reflect.TypeFor[*string]():
			f.forms = []word{formText}
			if strings.Contains(options, "list") {
				f.forms = []word{formTexts}
			}
		case reflect.TypeFor[*bool]():
			f.forms = []word{formBool}
		case reflect.TypeFor[*int32]():
			f.forms = []word{formInteger}
		case reflect.TypeFor[*cegidclient.Decimal]():
			f.forms = []word{formNumber, formInteger}
		case reflect.TypeFor[*cegidclient.Date]():
			f.forms = []word{formText, formNull}
		case reflect.TypeFor[*cegidclient.Code]():
			f.forms = []word{formInteger}
			if strings.Contains(options, "quoted") {
				f.forms = []word{formText}
			}
		case reflect.TypeFor[*cegidclient.Ref]():
			f.forms = []word{formObject}
		}
		out = append(out, f)
	}
	return out
}

// texts are members that are documented as texts.
func texts(names ...string) []field {
	var out []field
	for _, name := range names {
		out = append(out, field{name, []word{formText}})
	}
	return out
}

// shape is what the objects of a list have in common, without their values.
type shape struct {
	objects int
	forms   map[string][]word // by member
	present map[string]int
	inner   map[string]*shape // of members that are objects, or lists of objects
}

func shapeOf(objects []any) *shape {
	s := &shape{forms: map[string][]word{}, present: map[string]int{}, inner: map[string]*shape{}}
	nested := map[string][]any{}
	for _, object := range objects {
		members, ok := object.(map[string]any)
		if !ok {
			continue
		}
		s.objects++
		for name, value := range members {
			s.present[name]++
			if form := formOf(value); !slices.Contains(s.forms[name], form) {
				s.forms[name] = append(s.forms[name], form)
			}
			switch x := value.(type) {
			case map[string]any:
				nested[name] = append(nested[name], x)
			case []any:
				nested[name] = append(nested[name], x...)
			}
		}
	}
	for name, objects := range nested {
		if inner := shapeOf(objects); inner.objects > 0 {
			s.inner[name] = inner
		}
	}
	return s
}

// tell gives the members with their types. Below the top a name is told only if it is documented or is in every one
// of several objects: what varies may be a key made of data.
func (s *shape) tell(v *vocabulary) forms {
	out := forms{}
	s.tellInto(out, v, "", 0)
	return out
}

func (s *shape) tellInto(out forms, v *vocabulary, path word, depth int) {
	for name, seen := range s.forms {
		told := v.name(name)
		if depth > 0 && !v.known[name] && (s.objects < 2 || s.present[name] < s.objects) {
			told = withheld
		}
		full := path + told
		for _, form := range seen {
			if !slices.Contains(out[full], form) {
				out[full] = append(out[full], form)
			}
		}
		slices.Sort(out[full])
		if inner := s.inner[name]; inner != nil && depth < 2 && told != withheld {
			inner.tellInto(out, v, full+".", depth+1)
		}
	}
}

func (s *shape) names() []string {
	var out []string
	for name := range s.forms {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

var (
	uuidLike     = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	revisionLike = regexp.MustCompile(`^0x[0-9A-Fa-f]{16}$`)
	day          = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	midnightUTC  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT00:00:00(\.0+)?Z$`)
	instantUTC   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	instant      = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d)?$`)
	enumNumber   = regexp.MustCompile(`^-?\d{1,3}$`)
)

const otherText word = "another text"

// kindOfText says what a text looks like, in words of this package.
func kindOfText(text string) word {
	for _, kind := range []struct {
		like *regexp.Regexp
		word word
	}{
		{uuidLike, "UUID"},
		{revisionLike, "0x and 16 hexadecimal digits"},
		{day, "YYYY-MM-DD"},
		{midnightUTC, "an instant, midnight UTC"},
		{instantUTC, "an instant, UTC, not midnight"},
		{instant, "an instant with another offset, or none"},
	} {
		if kind.like.MatchString(text) {
			return kind.word
		}
	}
	if text == "" {
		return "an empty text"
	}
	return otherText
}

// kindsOf are the kinds of what a member holds over a list.
func kindsOf(objects []any, member string) words {
	var out words
	for _, object := range objects {
		members, _ := object.(map[string]any)
		value, ok := members[member]
		if !ok {
			continue
		}
		kind := formOf(value)
		if text, ok := value.(string); ok {
			kind = kindOfText(text)
		}
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}

// enumNumbers are the values of an enum over a list; what is no short number is only called so.
func enumNumbers(objects []any, member string) words {
	var out words
	for _, object := range objects {
		members, _ := object.(map[string]any)
		value, ok := members[member]
		if !ok || value == nil {
			continue
		}
		told := word("no number")
		switch x := value.(type) {
		case json.Number:
			if enumNumber.MatchString(x.String()) {
				told = word(x.String())
			}
		case string:
			if enumNumber.MatchString(x) {
				told = word(x) + " as a string"
			}
		}
		if !slices.Contains(out, told) {
			out = append(out, told)
		}
	}
	slices.SortFunc(out, func(a, b word) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(string(a), string(b))
	})
	return out
}
