package cegidclient

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Written is what a write left at Loop.
type Written[T any] struct {
	Item *T
	// ReadBack: Loop's answer was lost, or did not show the object, which was found by reading.
	ReadBack bool
}

// sight is what a look at Loop shows after a write.
type sight int

const (
	// sightBefore: as if the write had never been. It may still take effect.
	sightBefore sight = iota
	// sightSent: Loop holds what was sent.
	sightSent
	// sightOther: Loop has moved on, to something else.
	sightOther
)

// writing is a write of an object that can be found again (Resend "read back"), at most once.
type writing[T any] struct {
	c    *Client
	plan *plan
	call *Call
	// ours tells whether an object of the answer is the one that was written, and shown whole.
	ours func(*T) bool
	// look reads the object from Loop.
	look func(context.Context) (*T, sight, error)
	// other is the error of sightOther.
	other func() *Error
}

// do sends the write. Unless Loop turned it away, refused it, or shows the object in its answer, what became of it is read
// from Loop, never by sending it again. A [KindOutcomeUnknown] is left where that does not tell either: with a look before each write,
// the whole may be repeated then.
func (w *writing[T]) do(ctx context.Context) (*Written[T], error) {
	var item *T
	w.call.read = func(body []byte) (err error) {
		item, err = readWritten(w.plan, body, w.ours)
		return err
	}
	w.call.outlives = true // a caller who leaves would leave it half done, and nobody to look
	_, err := w.c.Do(ctx, w.call)
	switch outcome := OutcomeOf(err); {
	case outcome == WriteAccepted && item != nil:
		return &Written[T]{Item: item}, nil
	case outcome == WriteNotSent, outcome == WriteRefused:
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxLook)
	defer cancel()
	found, seen, lookErr := w.look(ctx)
	e, _ := asError(err)
	switch {
	case lookErr != nil:
		return nil, w.unknown(e, "and Loop could not be asked what became of it")
	case seen == sightSent:
		return &Written[T]{Item: found, ReadBack: true}, nil
	case seen == sightOther:
		return nil, w.c.annotate(w.call, w.other(), nil)
	case e != nil && e.Kind == KindRefused: // with a status that is no proof by itself; what Loop holds bears it out
		return nil, err
	default:
		return nil, w.unknown(e, "and Loop does not show it")
	}
}

// maxLook bounds the look after a write.
const maxLook = 10 * time.Second

// unknown is the error of a write whose outcome the look did not find, either.
func (w *writing[T]) unknown(e *Error, detail string) error {
	out := Error{Sent: MaybeSent}
	if e != nil {
		out = *e
	}
	out.Kind, out.RetryAfter, out.err, out.Last = KindOutcomeUnknown, 0, nil, nil
	out.detail = "the answer to the write does not tell what became of it, " + detail
	return w.c.annotate(w.call, &out, nil)
}

// readWritten reads the answer to the write of one object. {"success":[…],"errors":[…]} is known of one route (loop-api:
// R 7.3) and inferred of the others (R 2.2); the envelopes of reads are understood as well. The item is nil where Loop says
// that it succeeded and does not show the object whole.
func readWritten[T any](p *plan, body []byte, ours func(*T) bool) (*T, error) {
	wanted := []string{"success", "errors", "error", "objectId"}
	for i := range p.fields {
		if p.fields[i].required {
			wanted = append(wanted, p.fields[i].name)
		}
	}
	object, members, err := unwrap(body, wanted...)
	if err != nil {
		return nil, err
	}
	success, enveloped := members["success"]
	_, listed := members["errors"]
	enveloped = enveloped || listed
	succeeded := enveloped && says(success)
	var refused *Error
	for _, raw := range []string{members["error"], members["errors"]} {
		if refused == nil && says(raw) {
			refused = refusalOf(raw)
		}
	}
	switch {
	case refused != nil && (succeeded || !enveloped && members["objectid"] != ""):
		return nil, badResponse("the answer names a success and an error")
	case refused != nil && refused.Message == "" && refused.Code == "" && refused.InstanceID == "":
		return nil, badResponse("the answer holds an error that says nothing") // no proof that nothing was written
	case refused != nil:
		return nil, refused
	case enveloped && !succeeded:
		return nil, badResponse("the answer names neither a success nor an error")
	case enveloped:
		object = success
	}
	got, err := p.readList([]byte(object))
	if err != nil {
		if enveloped { // whatever it is that succeeded, it succeeded
			return nil, nil
		}
		return nil, err
	}
	items := got.items.Interface().([]T)
	for i := range items {
		if ours(&items[i]) {
			return &items[i], nil
		}
	}
	return nil, nil
}

// says tells whether a member of an answer says something: it is neither absent, null, false, nor an empty list.
func says(raw string) bool {
	return raw != "" && raw != "null" && raw != "false" && !(raw[0] == '[' && strings.Trim(raw[1:len(raw)-1], " \t\r\n") == "")
}

// refusalOf reads the entries of an "errors" list, of which Loop shows no example (loop-api: R 1.9), or an "error". The first
// one counts. One of an unknown form is taken as Loop wrote it.
func refusalOf(raw string) *Error {
	if raw[0] == '[' {
		dec := newDecoder([]byte(raw))
		_, _ = dec.ReadToken()
		v, err := dec.ReadValue()
		if err != nil {
			return &Error{Kind: KindRefused}
		}
		raw = string(v)
	}
	e := refusalIn(raw)
	if e == nil {
		return &Error{Kind: KindRefused}
	}
	if empty := strings.Trim(raw[1:len(raw)-1], " \t\r\n") == ""; e.Message == "" && !empty {
		e.Message = raw
	}
	return e
}

// creator makes objects that have a number or code of their own.
type creator[T any] struct {
	l   *Lister[T]
	op  *Operation
	arg string // the caller's name for the number or code

	turns turns
}

func newCreator[T any](l *Lister[T], operation, arg string) creator[T] {
	op, ok := OperationByID(operation)
	if !ok {
		panic("cegidclient: no operation " + operation)
	}
	return creator[T]{l: l, op: &op, arg: arg}
}

func (c *creator[T]) create(ctx context.Context, dossier string, item *T) (*Written[T], error) {
	l := c.l
	call := &Call{Operation: c.op, Dossier: dossier, Query: map[string][]string{"codeDossier": {dossier}}}
	fail := func(e *Error) (*Written[T], error) { return nil, l.c.annotate(call, e, nil) }
	if !l.c.Enabled(c.op) {
		return fail(notEnabled(""))
	}
	if isNoDossier(dossier) {
		return fail(invalid("dossier", "no dossier"))
	}
	if e := l.plan.creatable(item); e != nil {
		return fail(e)
	}
	value := reflect.ValueOf(item).Elem()
	unique, _ := l.plan.field([]byte(l.unique))
	number, _ := value.Field(l.plan.fields[unique].index).Interface().(*string)
	if number == nil {
		return fail(invalid(c.arg, "is missing"))
	}
	// Two that look at once would both find nothing.
	release, err := c.turns.take(ctx, dossier+"\x00"+*number)
	if err != nil {
		return fail(interrupted(ctx, NotSent, nil))
	}
	defer release()
	there, err := l.find(ctx, dossier, c.arg, *number)
	if err != nil {
		return nil, err
	}
	exists := func(detail string) *Error {
		return &Error{Kind: KindExists, Sent: MaybeSent, Field: c.arg, detail: detail}
	}
	if there != nil {
		e := exists("the dossier has one of this " + c.arg + " already")
		e.Sent = NotSent
		return fail(e)
	}
	object := l.plan.append(nil, value)
	call.Body = slices.Concat([]byte{'['}, object, []byte{']'})
	sent, err := l.plan.readList(object)
	if err != nil {
		return fail(invalid(c.arg, "cannot be written"))
	}
	w := writing[T]{
		c: l.c, plan: l.plan, call: call,
		ours: func(got *T) bool {
			v := reflect.ValueOf(got).Elem()
			key, _ := v.Field(l.plan.fields[unique].index).Interface().(*string)
			return key != nil && *key == *number && l.plan.identified(v)
		},
		look: func(ctx context.Context) (*T, sight, error) {
			found, err := l.find(ctx, dossier, c.arg, *number)
			switch {
			case err != nil || found == nil:
				return nil, sightBefore, err
			case l.plan.contradicts(reflect.ValueOf(found).Elem(), sent.items.Index(0)):
				return nil, sightOther, nil
			}
			return found, sightSent, nil
		},
		other: func() *Error {
			return exists("the dossier has one of this " + c.arg + " now, and not with what was sent")
		},
	}
	return w.do(ctx)
}

// creatable refuses what a creation may not hold. What Unmapped holds goes to Loop as it is, so it may replace no
// typed field: which of the two Loop would take is unknown.
func (p *plan) creatable(item any) *Error {
	value := reflect.ValueOf(item).Elem()
	for i := range p.fields {
		f := &p.fields[i]
		if isIdentity(f.name) && !value.Field(f.index).IsNil() {
			return invalid(f.name, "is Loop's to give")
		}
	}
	extra := value.Field(p.unmapped).Interface().(Unmapped)
	given := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		path := fmt.Sprintf("extra_fields[%q]", name)
		i, _ := p.field([]byte(name))
		switch key := fold(name); {
		case !isFieldName(Field(name)):
			return invalid(path, "is no name of a field: letters, digits and '_', a letter first")
		case isIdentity(name), slices.Contains([]string{"codedossier", "codeibs", "context"}, key):
			return invalid(path, "a caller may not give it: it decides which object or dossier is written")
		case i >= 0 && p.fields[i].form != formRef && p.fields[i].form != formList:
			return invalid(path, "has a field of its own in the request: set that one")
		case i >= 0 && !value.Field(p.fields[i].index).IsNil():
			return invalid(path, "is given twice")
		case given[key]:
			return invalid(path, "is given twice, in two letter cases")
		case !jsontext.Value(extra[name]).IsValid():
			return invalid(path, `is not JSON: a text wants quotation marks, such as "\"A\""`)
		}
		given[fold(name)] = true
	}
	return nil
}

// isIdentity: the members by which Loop knows an object and its version.
func isIdentity(name string) bool {
	key := fold(name)
	return key == "objectid" || key == "revisionid"
}

// identified tells whether an item has its objectId.
func (p *plan) identified(item reflect.Value) bool {
	id, _ := item.Field(p.fields[p.id].index).Interface().(*string)
	return id != nil && *id != ""
}

// contradicts tells whether a field that both items have differs: Loop may add to what was sent, and need not show all
// of it.
func (p *plan) contradicts(found, sent reflect.Value) bool {
	for i := range p.fields {
		f := &p.fields[i]
		a, b := found.Field(f.index), sent.Field(f.index)
		if a.IsNil() || b.IsNil() {
			continue
		}
		if f.form == formRef {
			if a.Interface().(*Ref).ObjectID != b.Interface().(*Ref).ObjectID {
				return true
			}
		} else if !a.Elem().Equal(b.Elem()) {
			return true
		}
	}
	kept := map[string]string{}
	for name, raw := range found.Field(p.unmapped).Interface().(Unmapped) {
		kept[fold(name)] = raw
	}
	for name, raw := range sent.Field(p.unmapped).Interface().(Unmapped) {
		i, _ := p.field([]byte(name))
		if got, ok := kept[fold(name)]; ok && i < 0 && isScalar(raw) && isScalar(got) && !sameScalar(raw, got) {
			return true
		}
	}
	return false
}

func isScalar(raw string) bool { return raw[0] != '{' && raw[0] != '[' }

// sameScalar compares by value, a number with its text too: Loop's tables and samples disagree on which it is (loop-api:
// R 1.7).
func sameScalar(a, b string) bool {
	plain := func(raw string) []byte {
		v := jsontext.Value(raw)
		if v.Canonicalize() != nil {
			return []byte(raw)
		}
		return bytes.Trim(v, `"`)
	}
	return bytes.Equal(plain(a), plain(b))
}

// turns lets the writes of one object follow one another.
type turns struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed at the end of a turn
}

func (t *turns) take(ctx context.Context, key string) (release func(), err error) {
	for {
		t.mu.Lock()
		before, taken := t.busy[key]
		if !taken {
			mine := make(chan struct{})
			if t.busy == nil {
				t.busy = map[string]chan struct{}{}
			}
			t.busy[key] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.busy, key)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
