package cegidclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// rows are the items of one answer.
type rows struct {
	items reflect.Value // slice of the resource
	ids   []string      // identity of each: objectId, or the raw text of an item without one
}

// readList reads the answer of a list route. All three documented envelopes are accepted everywhere (loop-api:
// R 1.8): a bare array, {"data":[…]}, and a single object. A top-level error object is a refusal although the status
// was 200.
func (p *plan) readList(body []byte) (rows, error) {
	out := rows{items: reflect.New(reflect.SliceOf(p.typ)).Elem()}
	if looksLikeMarkup(body) {
		e := badResponse("a web page came where JSON was expected")
		e.Evidence.HTML = true
		return out, e
	}
	r := p.reader(body)
	var err error
	switch r.peek() {
	case '[':
		err = r.array(&out)
	case '{':
		err = r.object(&out)
	default:
		err = badResponse("the answer is neither a list nor an object")
	}
	if err == nil {
		err = r.end()
	}
	if err == nil {
		return out, nil
	}
	if e, ok := asError(err); ok {
		return rows{}, e
	}
	if errors.Is(err, errSyntax) {
		err = syntaxError(body)
	}
	return rows{}, notJSON(err)
}

// readOne reads an answer that is one resource, in whatever envelope of a list.
func readOne[T any](p *plan, body []byte) (*T, error) {
	got, err := p.readList(body)
	if err != nil {
		return nil, err
	}
	items := got.items.Interface().([]T)
	if len(items) != 1 {
		return nil, badResponse(fmt.Sprintf("the answer holds %d items where one was expected", len(items)))
	}
	return &items[0], nil
}

// syntaxError is what is wrong with a text that the scanner has refused.
func syntaxError(body []byte) error {
	dec := newDecoder(body)
	if _, err := dec.ReadValue(); err != nil {
		return err
	}
	_, err := dec.ReadToken()
	return err
}

// notJSON says where the JSON stopped making sense, without repeating the content.
func notJSON(err error) *Error {
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return badResponse(fmt.Sprintf("the answer is not JSON from byte %d on", s.ByteOffset))
	}
	return badResponse("the answer is not JSON")
}

// end refuses anything behind the first value.
func (r *reader) end() error {
	if r.peek() == 0 && r.at == len(r.text) {
		return nil
	}
	dec := newDecoder([]byte(r.text))
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return ended(dec)
}

// ended refuses anything behind what a decoder has read.
func ended(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		return err
	}
	return badResponse("something follows the JSON answer")
}

func (r *reader) array(out *rows) error {
	more, err := r.enter(']')
	for n := 0; more && err == nil; n++ {
		if err := r.add(out, n); err != nil {
			return err
		}
		more, err = r.next(']')
	}
	return err
}

// add reads one item and appends it.
func (r *reader) add(out *rows, n int) error {
	r.peek()
	from := r.at
	if out.items.Len() == out.items.Cap() {
		out.grow(from, len(r.text))
	}
	out.items.SetLen(n + 1)
	dst := out.items.Index(n)
	missing, err := r.item(dst)
	switch {
	case err != nil:
		return err
	case missing == "{":
		return badResponse(fmt.Sprintf("item %d of the list is not an object", n))
	case missing != "":
		e := badResponse(fmt.Sprintf("item %d of the list lacks %q", n, missing))
		e.Field = missing
		return e
	}
	id := ""
	if r.plan.id >= 0 {
		if p := dst.Field(r.plan.fields[r.plan.id].index).Interface().(*string); p != nil {
			id = *p
		}
	}
	if id == "" {
		id = r.text[from:r.at]
	}
	out.ids = append(out.ids, id)
	return nil
}

// mostGuessed bounds a guess how many items there are, and leastItem is as short as one may be, in bytes, for the first guess.
const mostGuessed, leastItem = 2048, 100

// grow makes room for items: as many as there are when the rest is like what has come, up to a bound.
func (o *rows) grow(at, size int) {
	more := min(size/leastItem+1, 16)
	if n := o.items.Len(); n > 0 {
		more = min(max(n, (size-at)*n/at+1), mostGuessed)
		more = max(more, n/2)
	}
	o.items.Grow(more)
	o.ids = slices.Grow(o.ids, more)
}

// object reads an answer that is an object: an envelope, a refusal, or one resource.
func (r *reader) object(out *rows) error {
	var refused *Error
	enveloped := false
	more, err := r.enter('}')
	for more && err == nil {
		rawName, err := r.name()
		if err != nil {
			return err
		}
		name := unquote(rawName)
		if !enveloped && strings.EqualFold(name, "data") && r.peek() == '[' {
			enveloped = true
			if err := r.array(out); err != nil {
				return err
			}
		} else {
			raw, err := r.value()
			if err != nil {
				return err
			}
			if strings.EqualFold(name, "error") && refused == nil {
				refused = refusalIn(raw)
			}
		}
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	switch {
	case refused != nil:
		return refused
	case enveloped:
		return nil
	}
	return r.single(out)
}

// single reads the whole answer once more, as one resource.
func (r *reader) single(out *rows) error {
	const neither = "the answer is an object, but neither a list nor a resource of this route"
	if len(r.plan.required) == 0 {
		return badResponse(neither)
	}
	rest := r.at
	r.at = 0
	err := r.add(out, 0)
	r.at = rest
	if err != nil {
		e := badResponse(neither)
		if inner, ok := asError(err); ok {
			e.Field = inner.Field
		}
		return e
	}
	return nil
}

// refusalIn reads the value of a top-level "error" member (loop-api: C 3.3): an object, or at least a text. null
// and false are no refusal.
func refusalIn(raw string) *Error {
	e := &Error{Kind: KindRefused}
	switch raw[0] {
	case '{':
		readRefusal([]byte(raw), e)
		return e
	case '"':
		if e.Message = unquote(raw); e.Message != "" {
			return e
		}
	}
	return nil
}

// readRefusal reads an error object of any known layer into e: the gateway's {statusCode, message}, the
// micro-service object, the import's {error: {instanceId, message}} (loop-api: C 3.1–3.3). What is outside wins
// over what is nested. The texts still need tidy. "stack" is server internals and is not read. It reports whether the body is a
// JSON object.
func readRefusal(body []byte, e *Error) bool {
	dec := newDecoder(body)
	if dec.PeekKind() != '{' {
		return false
	}
	if _, err := dec.ReadToken(); err != nil {
		return false
	}
	nested := ""
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return false
		}
		key := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return false
		}
		raw := string(v)
		text := ""
		if raw[0] == '"' {
			text = unquote(raw)
		}
		switch strings.ToLower(key) {
		case "code":
			keepFirst(&e.Code, text)
		case "message":
			keepFirst(&e.Message, text)
		case "requestid":
			keepFirst(&e.RequestID, text)
		case "id", "instanceid":
			keepFirst(&e.InstanceID, text)
		case "error":
			nested = raw
		}
	}
	switch {
	case nested == "":
	case nested[0] == '{':
		inner := new(Error)
		readRefusal([]byte(nested), inner)
		keepFirst(&e.Code, inner.Code)
		keepFirst(&e.Message, inner.Message)
		keepFirst(&e.RequestID, inner.RequestID)
		keepFirst(&e.InstanceID, inner.InstanceID)
	case nested[0] == '"':
		keepFirst(&e.Message, unquote(nested))
	}
	return true
}

func keepFirst(dst *string, v string) {
	if *dst == "" {
		*dst = v
	}
}

// looksLikeMarkup: no JSON value starts with '<'.
func looksLikeMarkup(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(body) > 0 && body[0] == '<'
}
