package cegidclient

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ListOptions narrows, orders and pages a list.
type ListOptions struct {
	Filter Filter
	// Order replaces the fixed default; the resource's unique key is appended as a tie-breaker.
	Order []Order
	// Skip is the position of the first item.
	Skip int
	// Take is, for List, the number of items wanted, and for Pages and All the page size asked of Loop. Default
	// 100, which is the size that Loop is known to serve elsewhere (loop-api: R 1.6).
	Take int
	// Ahead is the most pages in flight ahead of the reader, bounded by [Limits.Concurrency]. Default 4.
	Ahead int
}

const (
	defaultTake  = 100
	defaultAhead = 4
)

// Page is a part of a list. Paging by position is no snapshot: while a dossier changes, items can be missed.
type Page[T any] struct {
	Items []T
	// End reports that nothing follows. Without it the next page may still turn out empty, when there was no room for one item
	// more in the last of Loop's pages.
	End bool
	// Skip is the position of the first item, NextSkip the one to continue from.
	Skip, NextSkip int
}

// Lister reads one list route. A resource's service embeds it.
type Lister[T any] struct {
	c      *Client
	op     *Operation
	unique Field
	plan   *plan
	known  *pageKnowledge
	mark   func(*T) // what the route says of an item, nil for nothing
	// needs is a field that Loop wants an equality on, empty for none.
	needs Field
}

// List is a list that a client reads, whatever its items are.
type List interface {
	// Operation is the one that reads it, Item the struct of an item.
	Operation() Operation
	Item() reflect.Type
	// Unmapped reads the first items, as many as take says at most, and names the members that stand in their Unmapped.
	Unmapped(ctx context.Context, dossier string, take int) (items int, members []string, err error)
}

// Lists are the lists that the client reads, in the order of its fields.
func (c *Client) Lists() []List {
	var out []List
	for _, field := range reflect.ValueOf(c).Elem().Fields() {
		if field.CanInterface() {
			if list, is := field.Interface().(List); is {
				out = append(out, list)
			}
		}
	}
	return out
}

// Operation implements [List].
func (l *Lister[T]) Operation() Operation { return *l.op }

// Item implements [List].
func (l *Lister[T]) Item() reflect.Type { return l.plan.typ }

// Unmapped implements [List].
func (l *Lister[T]) Unmapped(ctx context.Context, dossier string, take int) (items int, members []string, err error) {
	page, err := l.List(ctx, dossier, ListOptions{Take: take})
	if err != nil {
		return 0, nil, err
	}
	found := map[string]bool{}
	for i := range page.Items {
		for name := range reflect.ValueOf(&page.Items[i]).Elem().Field(l.plan.unmapped).Interface().(Unmapped) {
			found[name] = true
		}
	}
	return len(page.Items), slices.Sorted(maps.Keys(found)), nil
}

// newLister panics on a resource whose tags are wrong: a fault of this package, which every test would hit.
func newLister[T any](c *Client, operation string, unique Field) Lister[T] {
	p, err := newPlan[T]()
	if err != nil {
		panic(err)
	}
	op, ok := OperationByID(operation)
	if !ok {
		panic("cegidclient: no operation " + operation)
	}
	return Lister[T]{c: c, op: &op, unique: unique, plan: p, known: c.pages(&op)}
}

// List gives up to opts.Take items, from as many of Loop's pages as that needs. Items seen on the page before are
// left out, so that an insertion in Loop does not double one.
func (l *Lister[T]) List(ctx context.Context, dossier string, opts ListOptions) (*Page[T], error) {
	take := opts.Take
	if take == 0 {
		take = defaultTake
	}
	page := &Page[T]{Skip: opts.Skip, NextSkip: opts.Skip}
	for c, err := range l.read(ctx, dossier, opts, take) {
		if err != nil {
			return nil, err
		}
		if page.Items == nil {
			page.Items = c.items
		} else {
			page.Items = append(page.Items, c.items...)
		}
		page.NextSkip, page.End = c.next, c.end
	}
	return page, nil
}

// Pages streams Loop's pages in order, with a few in flight ahead of the reader. Items seen on the page before are
// left out. It ends at the first error. When the reader stops, the requests under way are cancelled.
func (l *Lister[T]) Pages(ctx context.Context, dossier string, opts ListOptions) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for c, err := range l.read(ctx, dossier, opts, 0) {
			if err == nil && len(c.items) == 0 {
				continue
			}
			if !yield(c.items, err) {
				return
			}
		}
	}
}

// All streams the items one by one. An item may be kept; it shares memory with its page.
func (l *Lister[T]) All(ctx context.Context, dossier string, opts ListOptions) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for items, err := range l.Pages(ctx, dossier, opts) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range items {
				if !yield(&items[i], nil) {
					return
				}
			}
		}
	}
}

// AppendJSON writes an item as Loop would: what was read comes out with the same names and values.
func (l *Lister[T]) AppendJSON(dst []byte, item *T) []byte {
	return l.plan.append(dst, reflect.ValueOf(item).Elem())
}

// chunk is one of Loop's pages after cleaning.
type chunk[T any] struct {
	items []T
	next  int // position after the last item used
	end   bool
}

// pageKnowledge is what Loop has shown of the length of its pages, to all clients of a [Gate]. Loop documents neither a
// default nor a cap (loop-api: R 1.6), so nothing holds for ever: a cap that falls would cut lists short in silence, and one
// learnt of a list that grew while it was read would cost calls.
type pageKnowledge struct {
	mu      sync.Mutex
	longest int       // longest page received since then
	since   time.Time // half an hour ago at most
	earlier int       // longest page of the half hour before
	limit   int       // the server's cap, 0 while unknown
}

// pagesHold is how long what was seen is kept, and once as long.
const pagesHold = 30 * time.Minute

func (k *pageKnowledge) cap(take int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.age()
	if k.limit > 0 {
		return min(take, k.limit)
	}
	return take
}

// note records a page and reports whether a longer one had come before.
func (k *pageKnowledge) note(received int) (longerBefore bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.age()
	longerBefore = max(k.longest, k.earlier) > received
	k.longest = max(k.longest, received)
	if received > k.limit {
		k.limit = 0
	}
	return longerBefore
}

func (k *pageKnowledge) learn(limit int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if limit >= max(k.longest, k.earlier) {
		k.limit = limit
	}
}

func (k *pageKnowledge) age() {
	age := time.Since(k.since)
	if age < pagesHold {
		return
	}
	k.earlier = k.longest
	if age >= 2*pagesHold {
		k.earlier = 0
	}
	k.longest, k.since, k.limit = 0, time.Now(), 0
}

// request is one page asked for and perhaps not yet there.
type request[T any] struct {
	skip, take int
	answer     chan answerPage[T]
	cancel     context.CancelFunc
}

type answerPage[T any] struct {
	items []T
	ids   []string
	at    []int // position of each item that dropSeen kept, within the page as received
	err   error
}

// read is the engine of List (wanted > 0) and Pages (wanted 0).
//
// A page shorter than asked is the end only when Loop has lately returned a longer one: before that, a hidden
// cap would look the same, so it asks once more and an empty page is the end. Reading ahead starts with one page and
// doubles with each full one, so that a short list costs no requests beyond its end.
func (l *Lister[T]) read(ctx context.Context, dossier string, opts ListOptions, wanted int) iter.Seq2[chunk[T], error] {
	return func(yield func(chunk[T], error) bool) {
		query, err := l.query(dossier, opts)
		if err != nil {
			yield(chunk[T]{}, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, err, nil))
			return
		}
		size := opts.Take
		if size == 0 {
			size = defaultTake
		}
		if wanted > 0 { // one more than wanted tells whether anything follows
			size = wanted + 1
		}
		size = min(size, l.c.limits.PageSize)
		ahead := opts.Ahead
		if ahead <= 0 {
			ahead = defaultAhead
		}
		ahead = min(ahead, l.c.limits.Concurrency)

		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()

		var (
			queue   []request[T]
			asked   int // items asked for and not yet there
			next    = opts.Skip
			left    = wanted
			window  = 1
			before  = map[string]struct{}{} // ids of the page before
			suspect int                     // length of a short page that may have met a hidden cap
			stalls  int
		)
		drop := func() {
			for _, q := range queue {
				q.cancel()
			}
			queue, asked = nil, 0
		}
		fill := func(from int) {
			for len(queue) < window {
				take := l.known.cap(size)
				if wanted > 0 {
					if left == 0 && suspect == 0 || asked > 0 && asked >= left {
						return
					}
					take = min(take, left-asked+1)
				}
				pageCtx, cancel := context.WithCancel(ctx)
				q := request[T]{skip: from + asked, take: take, answer: make(chan answerPage[T], 1), cancel: cancel}
				running.Go(func() {
					defer cancel()
					q.answer <- l.fetch(pageCtx, dossier, query, q.skip, q.take)
				})
				queue = append(queue, q)
				asked += take
			}
		}
		for {
			fill(next)
			q := queue[0]
			page := <-q.answer
			queue, asked = queue[1:], asked-q.take
			if page.err != nil {
				yield(chunk[T]{}, page.err)
				return
			}
			received := len(page.items)
			fresh := dropSeen(&page, before)
			if received > 0 && fresh == 0 {
				// One such page can be an insertion in Loop. Two in a row mean that skip has no effect.
				if stalls++; stalls > 1 {
					e := badResponse(fmt.Sprintf("Loop answered the page at %d with items it had already given; skip has no effect", q.skip))
					yield(chunk[T]{}, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, e, &callTally{attempts: 1, sent: MaybeSent}))
					return
				}
			} else {
				stalls = 0
			}
			end := received == 0
			switch {
			case received == q.take:
				if suspect > 0 && fresh > 0 && received >= min(suspect, q.take) {
					l.known.learn(suspect)
				}
				suspect = 0
				l.known.note(received)
				window = min(window*2, ahead)
			case received > q.take: // the route ignores take, and so says nothing of a cap
				suspect, window = 0, 1
				drop()
			case received > 0:
				end = l.known.note(received)
				window = 1
				drop()
				if suspect == received && fresh > 0 {
					l.known.learn(received)
					suspect, window = 0, min(2, ahead)
				} else {
					suspect = received
				}
			}
			next = q.skip + received
			out := chunk[T]{items: page.items, next: next, end: end}
			if wanted > 0 {
				if len(out.items) > left { // more than asked: the rest belongs to the next call
					used := 0
					if left > 0 {
						used = page.at[left-1] + 1
					}
					out.items, out.next, out.end = out.items[:left:left], q.skip+used, false
				}
				left -= len(out.items)
			}
			done := end || wanted > 0 && left == 0 && suspect == 0
			if !done {
				fill(next)
			}
			if !yield(out, nil) || done {
				return
			}
		}
	}
}

// dropSeen takes out the items of the page before, makes this page the one before, and counts what is left.
func dropSeen[T any](page *answerPage[T], before map[string]struct{}) int {
	kept := page.items[:0]
	for i := range page.items {
		if _, seen := before[page.ids[i]]; !seen {
			kept = append(kept, page.items[i])
			page.at = append(page.at, i)
		}
	}
	page.items = kept
	clear(before)
	for _, id := range page.ids {
		before[id] = struct{}{}
	}
	return len(page.items)
}

// query checks the options and gives the parameters that all pages share.
func (l *Lister[T]) query(dossier string, opts ListOptions) (url.Values, error) {
	switch {
	case dossier == "":
		return nil, invalid("dossier", "no dossier")
	// What an Advanced key is for: the lists that are not of a dossier (loop-api: C 1.2).
	case l.op.Key == KeyAdvanced && dossier != PracticeDossier:
		return nil, invalid("dossier", "this list is the practice's own: give PracticeDossier")
	case l.needs != "" && !opts.Filter.settles(l.needs):
		return nil, invalid("filter", fmt.Sprintf("Loop lists these for one %s only: filter by it with Equal", l.needs))
	case opts.Skip < 0:
		return nil, invalid("skip", "negative")
	case opts.Take < 0:
		return nil, invalid("take", "negative")
	}
	for _, t := range opts.Filter.terms {
		i, exact := l.plan.field([]byte(t.field))
		if !exact || !t.literal.fits(l.plan.fields[i].form) {
			return nil, invalid("filter", fmt.Sprintf("Loop documents no such condition on %q here", t.field))
		}
	}
	for _, o := range opts.Order {
		if i, exact := l.plan.field([]byte(o.Field)); !exact || l.plan.fields[i].form == formRef {
			return nil, invalid("order", fmt.Sprintf("no sortable field %q here", o.Field))
		}
	}
	expression, err := opts.Filter.Expression()
	if err != nil {
		return nil, err
	}
	q := url.Values{"codeDossier": {dossier}, "sort": {sortExpression(opts.Order, l.unique)}}
	if expression != "" {
		q.Set("filter", expression)
	}
	return q, nil
}

// fetch reads one page. skip and take are always sent, as bare integers (loop-api: R 1.3).
func (l *Lister[T]) fetch(ctx context.Context, dossier string, shared url.Values, skip, take int) answerPage[T] {
	q := url.Values{"skip": {strconv.Itoa(skip)}, "take": {strconv.Itoa(take)}}
	for k, v := range shared {
		q[k] = slices.Clone(v)
	}
	var got rows
	call := &Call{Operation: l.op, Dossier: dossier, Query: q, read: func(body []byte) (err error) {
		got, err = l.plan.readList(body)
		return err
	}}
	if _, err := l.c.Do(ctx, call); err != nil {
		return answerPage[T]{err: err}
	}
	items := got.items.Interface().([]T)
	if l.mark != nil {
		for i := range items {
			l.mark(&items[i])
		}
	}
	return answerPage[T]{items: items, ids: got.ids}
}
