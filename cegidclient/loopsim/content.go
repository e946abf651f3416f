package loopsim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Content is what a dossier holds, or a practice of itself: rows of each resource, by their type. Its zero value holds none.
type Content struct{ lists map[reflect.Type]list }

// A list is a *listOf, whatever its rows are.
type list interface{ clone() list }

type listOf[R any] []R

func (l *listOf[R]) clone() list { return new(slices.Clone(*l)) }

// Rows returns the rows of a type, which belong to the content.
func Rows[R any](c Content) []R {
	if l, has := c.lists[reflect.TypeFor[R]()].(*listOf[R]); has {
		return *l
	}
	return nil
}

// With returns a copy of a content that has these rows of a type, in place of those that it had.
func With[R any](c Content, rows ...R) Content {
	c = c.clone()
	c.lists[reflect.TypeFor[R]()] = new(slices.Clone(listOf[R](rows)))
	return c
}

func (c Content) clone() Content {
	lists := make(map[reflect.Type]list, len(c.lists)+1)
	for of, l := range c.lists {
		lists[of] = l.clone()
	}
	return Content{lists}
}

// add appends rows of a type. A request that has read the ones before keeps them as they were.
func add[R any](c *Content, rows ...R) {
	if c.lists == nil {
		c.lists = make(map[reflect.Type]list)
	}
	of := reflect.TypeFor[R]()
	l, has := c.lists[of].(*listOf[R])
	if !has {
		l = new(listOf[R])
		c.lists[of] = l
	}
	*l = append(*l, rows...)
}

// sample is what the sandbox holds: an ordinary dossier, or the practice itself.
func sample(cabinet bool) Content {
	var c Content
	for _, res := range resources() {
		if res.sample != nil && res.cabinet == cabinet {
			res.sample(&c)
		}
	}
	return c
}

// check refuses rows that no Loop could hold, and such as no resource would show.
func (c Content) check() error {
	known := make(map[reflect.Type]bool)
	for _, res := range resources() {
		known[res.of] = true
		if res.check == nil {
			continue
		}
		if err := res.check(c); err != nil {
			return err
		}
	}
	for of := range maps.Keys(c.lists) {
		if !known[of] {
			return fmt.Errorf("rows of type %s belong to no resource: %w", of, ErrInvalid)
		}
	}
	return nil
}

// unique refuses rows whose code is empty or given twice.
func unique[R any](c Content, what string, code func(R) string) error {
	seen := make(map[string]bool)
	for _, row := range Rows[R](c) {
		if code(row) == "" || seen[code(row)] {
			return fmt.Errorf("%s %q is empty or given twice: %w", what, code(row), ErrInvalid)
		}
		seen[code(row)] = true
	}
	return nil
}

// codes are those of the rows of a type.
func codes[R any](c Content, code func(R) string) map[string]bool {
	out := make(map[string]bool)
	for _, row := range Rows[R](c) {
		out[code(row)] = true
	}
	return out
}

// contraAccounts refuses rows whose contra account, if they have one, is not there.
func contraAccounts[R any](c Content, contra func(R) (account, of string)) error {
	accounts := codes(c, Account.code)
	for _, row := range Rows[R](c) {
		if account, of := contra(row); account != "" && !accounts[account] {
			return fmt.Errorf("contra account %q of %s: %w", account, of, ErrUnknown)
		}
	}
	return nil
}
