package strictyaml

import "time"

// Key declares a key of a file: how its value is read, and what the schema and the reference say of it. Names, defaults
// and bounds are here and nowhere else; a reader that asks for an undeclared key panics.
type Key struct {
	name, doc string
	form      form
	otherwise any // the default, of the Go type that is read; nil when there is none
	lowest    any
	highest   any
	is        string   // what a text is, for the reference
	words     []string // all that a text can be
	pattern   string   // met by every text that the file's owner accepts
	never     []string // texts that meet the pattern and are refused
	needed    bool
	filled    bool     // a list that has an item
	off       bool     // instead of a mapping
	orText    string   // what a text is that can replace a mapping
	orWord    string   // the only text that can
	keys      []Key    // of a mapping
	some      []string // keys of a mapping, at least one of which is needed
	either    []string // keys of a mapping, exactly one of which is needed
	item      *Key     // of a list
}

type form int

const (
	formText form = iota + 1
	formDuration
	formInt
	formNumber
	formBool
	formList
	formMapping
)

// Text declares a single value that is read as it is written.
func Text(name, doc string) Key { return Key{name: name, doc: doc, form: formText} }

// Duration declares a duration with its unit.
func Duration(name string, otherwise, lowest, highest time.Duration, doc string) Key {
	return Key{name: name, doc: doc, form: formDuration, otherwise: otherwise, lowest: lowest, highest: highest}
}

// Int declares a whole number.
func Int(name string, otherwise, lowest, highest int, doc string) Key {
	return Key{name: name, doc: doc, form: formInt, otherwise: otherwise, lowest: lowest, highest: highest}
}

// Number declares a decimal number.
func Number(name string, otherwise, lowest, highest float64, doc string) Key {
	return Key{name: name, doc: doc, form: formNumber, otherwise: otherwise, lowest: lowest, highest: highest}
}

// Bool declares true or false.
func Bool(name string, otherwise bool, doc string) Key {
	return Key{name: name, doc: doc, form: formBool, otherwise: otherwise}
}

// Mapping declares a value with keys of its own; without a name, a file or an item.
func Mapping(name, doc string, keys ...Key) Key {
	return Key{name: name, doc: doc, form: formMapping, keys: keys}
}

// List declares a list; the item needs no name.
func List(name, doc string, item Key) Key {
	return Key{name: name, doc: doc, form: formList, item: &item}
}

// Default gives a text its default.
func (k Key) Default(otherwise string) Key { k.otherwise = otherwise; return k }

// Inherited takes the default away: without the key, the value elsewhere counts, as its description says.
func (k Key) Inherited() Key { k.otherwise = nil; return k }

// Is says what a text is, such as a path.
func (k Key) Is(what string) Key { k.is = what; return k }

// Words are all that a text can be.
func (k Key) Words(words ...string) Key { k.words = words; return k }

// Pattern is a regular expression that every accepted text meets. What meets it can still be refused.
func (k Key) Pattern(expression string) Key { k.pattern = expression; return k }

// Never names texts that meet the pattern and are refused.
func (k Key) Never(texts ...string) Key { k.never = texts; return k }

// Needed marks a key that cannot be left out.
func (k Key) Needed() Key { k.needed = true; return k }

// Filled marks a list that cannot be empty.
func (k Key) Filled() Key { k.filled = true; return k }

// OrOff allows the word off instead of a mapping.
func (k Key) OrOff() Key { k.off = true; return k }

// OrText allows a text instead of a mapping, and says what it is.
func (k Key) OrText(is string) Key { k.orText = is; return k }

// OrWord allows one word instead of a mapping.
func (k Key) OrWord(word string) Key { k.orText, k.orWord = "`"+word+"`", word; return k }

// Some names keys of a mapping, at least one of which is needed.
func (k Key) Some(keys ...string) Key { k.some = keys; return k }

// Either names keys of a mapping, exactly one of which is needed.
func (k Key) Either(keys ...string) Key { k.either = keys; return k }

func (k Key) names() []string {
	names := make([]string, 0, len(k.keys))
	for _, key := range k.keys {
		names = append(names, key.name)
	}
	return names
}

// key returns the declaration of a key of a mapping; nil when there is none.
func (k Key) key(name string) *Key {
	for i := range k.keys {
		if k.keys[i].name == name {
			return &k.keys[i]
		}
	}
	return nil
}
