package contract

import (
	"regexp"
	"slices"
	"strings"
)

// Seen is what an answer showed: names of this package to values that hold no data.
type Seen map[string]safe

// safe is implemented by the types below alone. A word is a constant of this package; what comes out of an answer becomes
// one through a classification, or as a name through vocabulary.
type safe interface{ safe() }

type (
	word  string
	words []word
	count int
	flag  bool
	// forms are JSON types by member.
	forms map[word]words
)

func (word) safe()  {}
func (words) safe() {}
func (count) safe() {}
func (flag) safe()  {}
func (forms) safe() {}

// vocabulary decides which names of members and headers may be told. A name is structure as a rule, but an object can be
// keyed by data: a breakdown by the code of its axis, for one (loop-api: A 2.4).
type vocabulary struct {
	values  map[string]bool // every text that an answer held, in lower case
	codes   []string        // those that look like codes: a name could hold one
	secrets []string        // of the configuration
	known   map[string]bool // documented names
}

func newVocabulary(secrets ...string) *vocabulary {
	v := &vocabulary{values: map[string]bool{}, known: map[string]bool{}}
	for _, secret := range secrets {
		if secret != "" {
			v.secrets = append(v.secrets, strings.ToLower(secret))
		}
	}
	return v
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,39}$`)
	codeLike   = regexp.MustCompile(`^[A-Z0-9@._-]{3,}$`)
)

// learn notes the texts of an answer.
func (v *vocabulary) learn(value any) {
	switch x := value.(type) {
	case string:
		v.values[strings.ToLower(strings.TrimSpace(x))] = true
		if codeLike.MatchString(x) && !slices.Contains(v.codes, x) && len(v.codes) < 100_000 {
			v.codes = append(v.codes, x)
		}
	case []any:
		for _, item := range x {
			v.learn(item)
		}
	case map[string]any:
		for _, item := range x {
			v.learn(item)
		}
	}
}

const withheld word = "(a name withheld)"

// name replaces a member's or header's name until resolve, when all values are known, decides whether it may be told.
func (v *vocabulary) name(name string) word { return word("\x00" + name + "\x01") }

var unresolved = regexp.MustCompile("\x00([^\x01]*)\x01")

// tellable: the name cannot be data.
func (v *vocabulary) tellable(name string) bool {
	if v.known[name] {
		return true
	}
	lower := strings.ToLower(name)
	return identifier.MatchString(name) && !v.values[lower] &&
		!slices.ContainsFunc(v.secrets, func(secret string) bool { return strings.Contains(lower, secret) }) &&
		!slices.ContainsFunc(v.codes, func(code string) bool { return strings.Contains(name, code) })
}

// resolve writes out the names that may be told.
func (v *vocabulary) resolve(seen Seen) Seen {
	out := Seen{}
	for name, value := range seen {
		name = string(v.word(word(name)))
		switch x := value.(type) {
		case word:
			out[name] = v.word(x)
		case words:
			out[name] = v.words(x)
		case forms:
			told := forms{}
			for member, seen := range x {
				member = v.word(member)
				told[member] = v.words(slices.Concat(told[member], seen))
			}
			out[name] = told
		default:
			out[name] = value
		}
	}
	return out
}

func (v *vocabulary) word(w word) word {
	return word(unresolved.ReplaceAllStringFunc(string(w), func(marked string) string {
		if name := marked[1 : len(marked)-1]; v.tellable(name) {
			return name
		}
		return string(withheld)
	}))
}

// words are told each once.
func (v *vocabulary) words(list words) words {
	out := words{}
	for _, known := range list {
		if w := v.word(known); !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

func (v *vocabulary) names(names []string) words {
	out := words{}
	for _, name := range names {
		out = append(out, v.name(name))
	}
	slices.Sort(out)
	return out
}
