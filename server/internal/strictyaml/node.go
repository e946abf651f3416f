package strictyaml

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Node is a place in a file: a value, or the place where an optional one could be. Its readers report what they
// refuse; a key without a value counts as not given.
type Node struct {
	file   string
	path   string
	line   int // where to point when there is no value
	report *Report
	key    *Key
	v      *value
}

// Refusef reports a problem at this place. The arguments must not come from the file.
func (n Node) Refusef(format string, args ...any) {
	n.report.Add(Problem{File: n.file, Line: n.at(), Path: n.path, Sentence: fmt.Sprintf(format, args...)})
}

func (n Node) at() int {
	if n.v != nil && n.v.line > 0 {
		return n.v.line
	}
	return n.line
}

// Where returns the place as `file:line`.
func (n Node) Where() string { return n.file + ":" + strconv.Itoa(n.at()) }

// Given says whether there is a value.
func (n Node) Given() bool { return n.v != nil && n.v.kind != null }

// IsMapping says whether the value has keys.
func (n Node) IsMapping() bool { return n.v != nil && n.v.kind == mapping }

// IsFalse says whether YAML reads the value as the boolean false.
func (n Node) IsFalse() bool {
	return n.Given() && n.v.boolean && strings.EqualFold(n.v.text, "false")
}

// Fields are the values under a mapping's keys.
type Fields struct {
	parent Node
	byKey  map[string]Node
}

// Get returns the value of a key, or the place where it is missing.
func (f Fields) Get(key string) Node {
	if n, ok := f.byKey[key]; ok {
		return n
	}
	return Node{file: f.parent.file, path: join(f.parent.path, key), line: f.parent.at(), report: f.parent.report, key: f.parent.below(key)}
}

// below returns the declaration of a key of this mapping.
func (n Node) below(key string) *Key {
	if declared := n.key.key(key); declared != nil {
		return declared
	}
	panic("strictyaml: nobody declared " + join(n.path, key))
}

// Fields reads a mapping, and refuses keys that are repeated or not declared. A value that is not given reads as a
// mapping without keys; one that is no mapping is refused and reads the same way, with ok false.
func (n Node) Fields() (fields Fields, ok bool) {
	known := n.key.names()
	fields = Fields{parent: n, byKey: map[string]Node{}}
	if !n.Given() {
		return fields, true
	}
	if n.v.kind != mapping {
		n.Refusef("must be a mapping with the keys %s", strings.Join(known, ", "))
		return fields, false
	}
	for _, f := range n.v.fields {
		// The key is not quoted: it may be the half of a secret that lost its quotes.
		place := Node{file: n.file, path: n.path, line: f.line, report: n.report}
		if !f.named || !slices.Contains(known, f.key) {
			place.Refusef("the key at column %d is not known here; the keys are %s", f.column, strings.Join(known, ", "))
			continue
		}
		if first, repeated := fields.byKey[f.key]; repeated {
			place.path = first.path
			place.Refusef("the key is given twice, first on line %d; keep one", first.line)
			continue
		}
		fields.byKey[f.key] = Node{file: n.file, path: join(n.path, f.key), line: f.line, report: n.report, key: n.below(f.key), v: f.value}
	}
	return fields, true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Items reads a list; a value that is not given reads as an empty one. One that is no list is refused, with ok false.
func (n Node) Items() (items []Node, ok bool) {
	if !n.Given() {
		return nil, true
	}
	if n.v.kind != sequence {
		n.Refusef("must be a list, in brackets or with one item per line after a dash")
		return nil, false
	}
	items = make([]Node, 0, len(n.v.items))
	for i, v := range n.v.items {
		items = append(items, Node{
			file: n.file, path: n.path + "[" + strconv.Itoa(i) + "]", line: n.at(), report: n.report, key: n.key.item,
			v: v,
		})
	}
	return items, true
}

// Text reads a scalar as it is written, so that 007 stays 007. It returns false when there is none, and reports a
// problem only when the value is a mapping or a list.
func (n Node) Text() (string, bool) {
	if !n.Given() {
		return "", false
	}
	if n.v.kind != scalar {
		n.Refusef("must be a single value, not a mapping or a list; within { } or [ ], put quotes around a value with a " +
			"colon, brace or bracket in it")
		return "", false
	}
	return n.v.text, true
}

// TextOrDefault reads a scalar as Text does, and the declared default where there is none.
func (n Node) TextOrDefault() string {
	if text, ok := n.Text(); ok {
		return text
	}
	return declared[string](n.key.otherwise)
}

// declared reads a default or a bound. That it is of the reader's type is the declaration's part.
func declared[T any](v any) T {
	t, ok := v.(T)
	if !ok {
		panic(fmt.Sprintf("strictyaml: declared as %T, read as %T", v, t))
	}
	return t
}

func limits[T any](k *Key) (otherwise, lowest, highest T) {
	if k.otherwise != nil {
		otherwise = declared[T](k.otherwise)
	}
	return otherwise, declared[T](k.lowest), declared[T](k.highest)
}

// Duration reads a duration with its unit within the declared bounds.
func (n Node) Duration() time.Duration {
	otherwise, lowest, highest := limits[time.Duration](n.key)
	text, ok := n.Text()
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < lowest || d > highest {
		n.Refusef("must be a duration with its unit, such as 30s or 15m, from %s to %s", lowest, highest)
		return otherwise
	}
	return d
}

// Int reads a whole number within the declared bounds.
func (n Node) Int() int {
	otherwise, lowest, highest := limits[int](n.key)
	text, ok := n.Text()
	if !ok {
		return otherwise
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < lowest || i > highest {
		n.Refusef("must be a whole number from %d to %d", lowest, highest)
		return otherwise
	}
	return i
}

// Number reads a decimal number within the declared bounds.
func (n Node) Number() float64 {
	otherwise, lowest, highest := limits[float64](n.key)
	text, ok := n.Text()
	if !ok {
		return otherwise
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f < lowest || f > highest {
		n.Refusef("must be a number from %v to %v", lowest, highest)
		return otherwise
	}
	return f
}

// Bool reads true or false.
func (n Node) Bool() bool {
	otherwise := declared[bool](n.key.otherwise)
	text, ok := n.Text()
	if !ok {
		return otherwise
	}
	if !n.v.boolean {
		n.Refusef("must be true or false")
		return otherwise
	}
	return strings.EqualFold(text, "true")
}
