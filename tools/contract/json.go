package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// object is a JSON object that keeps the order of its keys: readers of the document see the generator's order, and
// fields in the order of the contract. A nil object reads as an empty one.
type object struct {
	keys   []string
	values map[string]any
}

// newObject takes keys and values in turn.
func newObject(pairs ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func (o *object) get(key string) any {
	if o == nil {
		return nil
	}
	return o.values[key]
}

func (o *object) has(key string) bool { return o.get(key) != nil }

// child returns the object at the end of a chain of keys, nil where there is none.
func (o *object) child(keys ...string) *object {
	for _, key := range keys {
		o, _ = o.get(key).(*object)
	}
	return o
}

// make returns the object under key, new when absent.
func (o *object) make(key string) *object {
	if found := o.child(key); found != nil {
		return found
	}
	added := newObject()
	o.set(key, added)
	return added
}

func (o *object) str(key string) string {
	text, _ := o.get(key).(string)
	return text
}

// integer is a number without fraction.
func (o *object) integer(key string) (int64, error) {
	n, _ := o.get(key).(json.Number)
	return n.Int64()
}

func (o *object) list(key string) []any {
	list, _ := o.get(key).([]any)
	return list
}

func (o *object) set(key string, value any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// setDefault leaves what is there.
func (o *object) setDefault(key string, value any) {
	if !o.has(key) {
		o.set(key, value)
	}
}

func (o *object) delete(key string) {
	delete(o.values, key)
	o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
}

// decode reads one JSON object and nothing after it.
func decode(r io.Reader) (*object, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	value, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	doc, ok := value.(*object)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return doc, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := newObject()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), value)
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// encode writes v indented, with < and > as they are: patterns stay readable.
func encode(w *bufio.Writer, v any, indent string) error {
	inner := indent + "  "
	switch v := v.(type) {
	case *object:
		w.WriteString("{")
		for i, key := range v.keys {
			w.WriteString(separator(i, inner))
			if err := encode(w, key, inner); err != nil {
				return err
			}
			w.WriteString(": ")
			if err := encode(w, v.values[key], inner); err != nil {
				return err
			}
		}
		w.WriteString(closing(len(v.keys), indent) + "}")
	case []any:
		w.WriteString("[")
		for i, value := range v {
			w.WriteString(separator(i, inner))
			if err := encode(w, value, inner); err != nil {
				return err
			}
		}
		w.WriteString(closing(len(v), indent) + "]")
	default:
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return fmt.Errorf("%v: %w", v, err)
		}
		w.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	}
	return nil // a bufio.Writer keeps its first error until Flush
}

func separator(i int, indent string) string {
	if i == 0 {
		return "\n" + indent
	}
	return ",\n" + indent
}

func closing(n int, indent string) string {
	if n == 0 {
		return ""
	}
	return "\n" + indent
}
