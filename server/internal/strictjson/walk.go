// Package strictjson makes a request of its JSON, in one walk of the text against the message's descriptor. It fills the
// message, bounds what the message is made of, and says of what it refuses where that is, what is wrong with it and what
// is right.
//
// It takes what protojson takes, except what is probably a mistake or a schema refuses: null, the number of an enum's value, a
// number in quotation marks, a whole number that is not written in digits alone, and fields that the path decides. A fuzz test
// holds the two together.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Bounds are how much a request may be made of.
type Bounds struct {
	// Values of its text, and the objects among them.
	Values, Objects int
	// Parts of its message, of which a value of a field counts PartsOf.
	Parts   int
	PartsOf func(protoreflect.FieldDescriptor) int
	// ManyObjects are as many as only one request at a time may have: the walk of each other waits for Turn.
	ManyObjects int
	Turn        sync.Locker
}

// Problem is what is wrong with a value, and what would be right.
type Problem struct {
	// Field is the path of the value, by its names in JSON.
	Field string
	// Line and Column of the value count from 1, the column in characters.
	Line, Column int
	What         string
}

func (p Problem) String() string {
	return fmt.Sprintf("%s (line %d, column %d)", p.What, p.Line, p.Column)
}

// Problems are the first that the walk met.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, problem := range p {
		lines = append(lines, problem.Field+": "+problem.String())
	}
	return strings.Join(lines, "\n")
}

// ErrTooMany says that a request has more values than it may.
var ErrTooMany = errors.New("more values than a request may have")

// Body is the path of the text as a whole, which no field can have.
const Body = "(body)"

// maxProblems are as many as a caller is told.
const maxProblems = 10

// Read fills a message from a text. Fields whose names are among decided may not be in it. The error is Problems or
// ErrTooMany.
func Read(text []byte, into proto.Message, decided []string, bounds Bounds) error {
	w := &walk{
		text: text, decided: decided, bounds: bounds,
		// The walk finds names that are given twice itself: it knows both spellings of a field, and goes on.
		decoder: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)),
	}
	defer w.done()
	err := w.whole(into.ProtoReflect())
	switch {
	case errors.Is(err, ErrTooMany):
		return err
	case err != nil && !errors.Is(err, errEnough):
		return append(w.problems, w.unreadable(err))
	case len(w.problems) > 0:
		return w.problems
	}
	return nil
}

type walk struct {
	text     []byte
	decoder  *jsontext.Decoder
	decided  []string
	bounds   Bounds
	path     []step
	problems Problems

	values, objects, parts int
	turned                 bool
}

// step is one of a path: a field, a key of a map, or the place in a list.
type step struct {
	name  string
	key   bool
	index int
}

// errEnough ends a walk that has found as much as a caller is told.
var errEnough = errors.New("enough problems")

func (w *walk) done() {
	if w.turned {
		w.bounds.Turn.Unlock()
	}
}

func (w *walk) whole(message protoreflect.Message) error {
	if kind := w.decoder.PeekKind(); kind != jsontext.KindBeginObject {
		if err := w.refuse("is %s: send one JSON object, with the fields of the request", nameOf(kind)); err != nil {
			return err
		}
	} else if err := w.message(message, w.decided); err != nil {
		return err
	}
	end := w.decoder.InputOffset()
	if _, err := w.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return w.note(w.next(end), "goes on after its end: send one JSON object, and nothing after it")
	}
	return nil
}

// next is where the next name or value begins, after the end of what comes before it.
func (w *walk) next(end int64) int {
	at := int(end)
	for at < len(w.text) && strings.IndexByte(" \t\r\n,:", w.text[at]) >= 0 {
		at++
	}
	return at
}

// note notes what is wrong at a place with the value that the path leads to.
func (w *walk) note(at int, format string, arguments ...any) error {
	w.problems = append(w.problems, w.problem(at, format, arguments...))
	if len(w.problems) >= maxProblems {
		return errEnough
	}
	return nil
}

func (w *walk) problem(at int, format string, arguments ...any) Problem {
	before := w.text[:min(at, len(w.text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Problem{
		Field: w.field(), What: fmt.Sprintf(format, arguments...),
		Line: bytes.Count(before, []byte{'\n'}) + 1, Column: utf8.RuneCount(before[start:]) + 1,
	}
}

// refuse skips the next value and notes what is wrong with it.
func (w *walk) refuse(format string, arguments ...any) error {
	return w.skip(w.decoder.InputOffset(), format, arguments...)
}

// skip skips the next value and notes what is wrong with what comes after end, the value or its name.
func (w *walk) skip(end int64, format string, arguments ...any) error {
	if err := w.decoder.SkipValue(); err != nil {
		return err
	}
	return w.note(w.next(end), format, arguments...)
}

// field is the path as the contract writes paths: entries[0].lines[2].thirdParty.
func (w *walk) field() string {
	var out strings.Builder
	for _, step := range w.path {
		switch {
		case step.key:
			out.WriteString("[" + strconv.Quote(step.name) + "]")
		case step.name == "":
			out.WriteString("[" + strconv.Itoa(step.index) + "]")
		default:
			if out.Len() > 0 {
				out.WriteByte('.')
			}
			out.WriteString(step.name)
		}
	}
	if out.Len() == 0 {
		return Body
	}
	return out.String()
}

func (w *walk) enter(to step) { w.path = append(w.path, to) }

func (w *walk) leave() { w.path = w.path[:len(w.path)-1] }

// count takes a value of a field from what the request may have; field is nil for the request itself.
func (w *walk) count(field protoreflect.FieldDescriptor, object bool) error {
	w.values++
	if object {
		w.objects++
	}
	if field != nil && w.bounds.PartsOf != nil {
		w.parts += w.bounds.PartsOf(field)
	}
	if w.values > w.bounds.Values || w.objects > w.bounds.Objects || w.parts > w.bounds.Parts {
		return ErrTooMany
	}
	if w.objects >= w.bounds.ManyObjects && !w.turned {
		w.bounds.Turn.Lock()
		w.turned = true
	}
	return nil
}

// message fills a message from the object that comes next.
func (w *walk) message(message protoreflect.Message, decided []string) error {
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	if len(w.path) == 0 {
		if err := w.count(nil, true); err != nil {
			return err
		}
	}
	fields := message.Descriptor().Fields()
	given := make([]bool, fields.Len())
	for {
		end := w.decoder.InputOffset()
		name, err := w.decoder.ReadToken()
		if err != nil {
			return err
		}
		if name.Kind() == jsontext.KindEndObject {
			return nil
		}
		text := name.String()
		field := Field(message.Descriptor(), text)
		if field == nil {
			w.enter(step{name: clip(text)})
			err = w.skip(end, "%s", Unknown("field of this object", message.Descriptor(), decided, text))
		} else {
			w.enter(step{name: field.JSONName()})
			err = w.member(end, message, field, decided, given)
		}
		if err != nil {
			return err
		}
		w.leave()
	}
}

// Field finds a field by either of its names.
func Field(of protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if field := of.Fields().ByJSONName(name); field != nil {
		return field
	}
	return of.Fields().ByName(protoreflect.Name(name))
}

// member fills a field from the value that comes next; end is that of what comes before its name.
func (w *walk) member(end int64, message protoreflect.Message, field protoreflect.FieldDescriptor, decided []string, given []bool) error {
	if slices.Contains(decided, string(field.Name())) {
		return w.skip(end, "is part of the path already: leave it out of the body")
	}
	if given[field.Index()] {
		return w.skip(end, "is given twice: give it once")
	}
	given[field.Index()] = true
	if w.decoder.PeekKind() == jsontext.KindNull {
		return w.refuse("is null, which says nothing: leave the field out")
	}
	if choice := field.ContainingOneof(); choice != nil && !choice.IsSynthetic() {
		for i := range choice.Fields().Len() {
			if other := choice.Fields().Get(i); other != field && given[other.Index()] {
				return w.skip(end, "is given beside %s, and they exclude each other: give one of %s", other.JSONName(), OneOf(choice))
			}
		}
	}
	switch {
	case field.IsList():
		return w.list(message, field)
	case field.IsMap():
		return w.table(message, field)
	case IsObject(field):
		return w.object(message.NewField(field), field, func(value protoreflect.Value) { message.Set(field, value) })
	}
	if err := w.count(field, false); err != nil {
		return err
	}
	return w.scalar(field, func(value protoreflect.Value) { message.Set(field, value) })
}

// IsObject tells whether a message is written as an object.
func IsObject(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && !isText(field.Message())
}

func (w *walk) object(value protoreflect.Value, field protoreflect.FieldDescriptor, set func(protoreflect.Value)) error {
	if kind := w.decoder.PeekKind(); kind != jsontext.KindBeginObject {
		return w.refuse("is %s: write an object, in { }", nameOf(kind))
	}
	if err := w.count(field, true); err != nil {
		return err
	}
	set(value)
	return w.message(value.Message(), nil)
}

func (w *walk) list(message protoreflect.Message, field protoreflect.FieldDescriptor) error {
	if kind := w.decoder.PeekKind(); kind != jsontext.KindBeginArray {
		return w.refuse("is %s: write a list, in [ ], even of one", nameOf(kind))
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	w.values++
	list := message.Mutable(field).List()
	for i := 0; ; i++ {
		switch w.decoder.PeekKind() {
		case jsontext.KindInvalid, jsontext.KindEndArray:
			_, err := w.decoder.ReadToken()
			return err
		}
		w.enter(step{index: i})
		var err error
		switch {
		case w.decoder.PeekKind() == jsontext.KindNull:
			err = w.refuse("is null, which says nothing: leave it out of the list")
		case IsObject(field):
			err = w.object(list.NewElement(), field, list.Append)
		default:
			if err = w.count(field, false); err == nil {
				err = w.scalar(field, list.Append)
			}
		}
		if err != nil {
			return err
		}
		w.leave()
	}
}

// table fills a map, whose keys are texts in this contract.
func (w *walk) table(message protoreflect.Message, field protoreflect.FieldDescriptor) error {
	if kind := w.decoder.PeekKind(); kind != jsontext.KindBeginObject {
		return w.refuse("is %s: write an object of names and texts, in { }", nameOf(kind))
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	w.values++
	table := message.Mutable(field).Map()
	for {
		end := w.decoder.InputOffset()
		name, err := w.decoder.ReadToken()
		if err != nil {
			return err
		}
		if name.Kind() == jsontext.KindEndObject {
			return nil
		}
		text := name.String()
		key := protoreflect.ValueOfString(text).MapKey()
		w.enter(step{name: clip(text), key: true})
		switch {
		case table.Has(key):
			err = w.skip(end, "is given twice: give it once")
		case w.decoder.PeekKind() == jsontext.KindNull:
			err = w.refuse("is null, which says nothing: leave it out")
		default:
			if err = w.count(field, false); err == nil {
				err = w.scalar(field.MapValue(), func(value protoreflect.Value) { table.Set(key, value) })
			}
		}
		if err != nil {
			return err
		}
		w.leave()
	}
}

// scalar reads a value that is no object, and sets it.
func (w *walk) scalar(field protoreflect.FieldDescriptor, set func(protoreflect.Value)) error {
	switch kind := w.decoder.PeekKind(); kind {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		return w.refuse("is %s: %s", nameOf(kind), wanted(field))
	}
	end := w.decoder.InputOffset()
	token, err := w.decoder.ReadToken()
	if err != nil {
		return err
	}
	value, wrong := ofToken(field, token.Kind(), token)
	if wrong != "" {
		return w.note(w.next(end), "%s", wrong)
	}
	set(value)
	return nil
}
