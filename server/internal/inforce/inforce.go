// Package inforce says what settings are in force: line by line, with a hash and what has changed, and without what must not be
// shown.
package inforce

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Entry is one setting.
type Entry struct {
	// Path names the setting, such as practices[demo].limits.concurrency.
	Path string
	// Value is compared and hashed. It may be what is not shown.
	Value string
	// Shown is what people see of it.
	Shown string
}

// Plain is a setting that may be seen.
func Plain(path, value string) Entry { return Entry{path, value, value} }

// Hash is a digest of settings: equal ones have the same, whatever the order of their entries. It gives away nothing of them.
func Hash(entries []Entry) string {
	sum := sha256.New()
	for _, entry := range sorted(entries) {
		fmt.Fprintf(sum, "%q=%q\n", entry.Path, entry.Value)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func sorted(entries []Entry) []Entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
}

// Shown are settings by their path.
func Shown(entries []Entry) map[string]string {
	out := make(map[string]string, len(entries))
	for _, entry := range entries {
		out[entry.Path] = entry.Shown
	}
	return out
}

// most bounds how many changes are told.
const most = 100

// Changes tells what differs, in the order of the paths.
func Changes(before, after []Entry) (changes []string) {
	was, is := map[string]Entry{}, map[string]Entry{}
	for _, entry := range before {
		was[entry.Path] = entry
	}
	for _, entry := range after {
		is[entry.Path] = entry
	}
	for _, entry := range sorted(before) {
		now, still := is[entry.Path]
		switch {
		case !still:
			changes = append(changes, entry.Path+": "+entry.Shown+" -> nothing")
		case now.Value == entry.Value:
		case now.Shown == entry.Shown:
			changes = append(changes, entry.Path+": changed")
		default:
			changes = append(changes, entry.Path+": "+entry.Shown+" -> "+now.Shown)
		}
	}
	for _, entry := range sorted(after) {
		if _, known := was[entry.Path]; !known {
			changes = append(changes, entry.Path+": nothing -> "+entry.Shown)
		}
	}
	slices.Sort(changes)
	if more := len(changes) - most; more > 0 {
		changes = append(changes[:most], fmt.Sprintf("and %d more", more))
	}
	return changes
}

// Of are the settings of a struct: its fields under the names that they have in YAML, what prints itself as it does. Items of a list
// that have a name are under it. hidden are names of lists of which only how many there are is shown.
func Of(settings any, hidden ...string) []Entry {
	w := walk{hidden: hidden}
	w.value("", reflect.ValueOf(settings), false)
	return w.entries
}

type walk struct {
	hidden  []string
	entries []Entry
}

func (w *walk) value(path string, v reflect.Value, hide bool) {
	if text, ok := v.Interface().(fmt.Stringer); ok {
		w.entries = append(w.entries, Plain(path, text.String()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			w.value(join(path, Key(field.Name)), v.Field(i), v.Field(i).Kind() == reflect.Slice && slices.Contains(w.hidden, field.Name))
		}
	case reflect.Slice:
		if hide {
			w.entries = append(w.entries, Entry{path, fmt.Sprintf("%q", v.Interface()), fmt.Sprintf("%d of them", v.Len())})
			return
		}
		if v.Type().Elem().Kind() == reflect.String {
			var items []string
			for i := range v.Len() {
				items = append(items, v.Index(i).String())
			}
			w.entries = append(w.entries, Plain(path, strings.Join(items, ", ")))
			return
		}
		for i := range v.Len() {
			w.value(path+"["+name(v.Index(i), i)+"]", v.Index(i), false)
		}
	default:
		w.entries = append(w.entries, Plain(path, fmt.Sprint(v.Interface())))
	}
}

// name is the Name of an item, or its place.
func name(item reflect.Value, place int) string {
	if item.Kind() == reflect.Struct {
		if field := item.FieldByName("Name"); field.IsValid() && field.Kind() == reflect.String && field.String() != "" {
			return field.String()
		}
	}
	return fmt.Sprint(place)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Key is the YAML key of a field: CallerLimits is caller_limits, TRANames is tra_names.
func Key(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, c := range runes {
		if i > 0 && unicode.IsUpper(c) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
