package cegidclient

import (
	"context"
	"fmt"
	"reflect"
)

// get reads the one item with this value of the unique field. arg is the caller's name for it.
func (l *Lister[T]) get(ctx context.Context, dossier, arg, value string) (*T, error) {
	item, err := l.find(ctx, dossier, arg, value)
	if err == nil && item == nil {
		e := &Error{Kind: KindNotFound, Sent: MaybeSent, Field: arg, detail: "the dossier has none of this " + arg}
		return nil, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, e, nil)
	}
	return item, err
}

// find is get for who expects that there may be none: nil then.
//
// Loop has no route for one item, so the list is filtered. What comes is compared with what was asked for: should Loop
// ignore the filter, or compare loosely, the whole list is gone through. Two items of one number are no answer.
func (l *Lister[T]) find(ctx context.Context, dossier, arg, value string) (*T, error) {
	fail := func(e *Error) (*T, error) {
		return nil, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, e, nil)
	}
	switch {
	case value == "":
		return fail(invalid(arg, "is missing"))
	case !fitsLiteral(value):
		return fail(invalid(arg, "holds a quotation mark, a backslash or a control character, which Loop's filter cannot express"))
	}
	const take = 2 // one more than there should be
	options := ListOptions{Filter: Equal(l.unique, value), Take: take}
	query, err := l.query(dossier, options)
	if err != nil {
		return nil, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, err, nil)
	}
	unique, _ := l.plan.field([]byte(l.unique))
	var hits []T
	sift := func(items []T) {
		for i := range items {
			if p := reflect.ValueOf(&items[i]).Elem().Field(l.plan.fields[unique].index).Interface().(*string); p != nil && *p == value {
				hits = append(hits, items[i])
			}
		}
	}
	page := l.fetch(ctx, dossier, query, 0, take)
	if page.err != nil {
		return nil, page.err
	}
	if sift(page.items); len(page.items) >= take && len(hits) < take {
		hits, options.Take = nil, 0
		for items, err := range l.Pages(ctx, dossier, options) {
			if err != nil {
				return nil, err
			}
			if sift(items); len(hits) > 1 {
				break
			}
		}
	}
	switch len(hits) {
	case 0:
		return nil, nil
	case 1:
		return &hits[0], nil
	default:
		e := badResponse(fmt.Sprintf("Loop answered more than one item of this %s, which should be unique", arg))
		e.Sent = MaybeSent
		return fail(e)
	}
}
