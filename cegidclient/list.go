package cegidclient

import (
	"cmp"
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
	// Grow lets Pages and All ask for as many as [Limits.PageSize] at once, or as Loop is known to give, after the first full
	// page: that one comes soon, and the others in few calls.
	Grow bool
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
	// Bytes of Loop's answers that the items were read from.
	Bytes int
}

// Lister reads one list route. The service of a resource that has other calls embeds it.
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
	// Unmapped reads the first items, as many as take says at most, and names the members that are in their Unmapped.
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
		page.Bytes += c.bytes
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
	bytes int // of the answer
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
	answer     chan answerPage[T] // nil for one that is asked for when it is waited for
	cancel     context.CancelFunc
}

type answerPage[T any] struct {
	items []T
	ids   []string
	at    []int // position of each item within the page as received, where they are not all there; nil for all
	bytes int
	err   error
}

// prefetcher asks for pages ahead of the reader, in order.
type prefetcher[T any] struct {
	fetch func(ctx context.Context, skip, take int) answerPage[T]
	ctx   context.Context
	queue []request[T]
	asked int // items asked for and not yet there
	// window is how many pages may be under way: one at first and doubled with each full page, up to most, so that a short list costs
	// no requests beyond its end.
	window, most int
	// waits: the reader does nothing between two pages but to wait for the next one, so that a lone page needs nobody to run ahead.
	waits   bool
	running sync.WaitGroup
}

// ask asks for a page after those under way, which begin at from.
func (p *prefetcher[T]) ask(from, take int) {
	q := request[T]{skip: from + p.asked, take: take, cancel: func() {}}
	if !p.waits || p.window > 1 {
		var ctx context.Context
		ctx, q.cancel = context.WithCancel(p.ctx)
		q.answer = make(chan answerPage[T], 1)
		p.running.Go(func() {
			defer q.cancel()
			q.answer <- p.fetch(ctx, q.skip, q.take)
		})
	}
	p.queue = append(p.queue, q)
	p.asked += take
}

// next waits for the first page under way.
func (p *prefetcher[T]) next() (request[T], answerPage[T]) {
	q := p.queue[0]
	var page answerPage[T]
	if q.answer == nil {
		page = p.fetch(p.ctx, q.skip, q.take)
	} else {
		page = <-q.answer
	}
	p.queue, p.asked = p.queue[1:], p.asked-q.take
	return q, page
}

// drop gives up what is under way, and begins with one page again.
func (p *prefetcher[T]) drop() {
	for _, q := range p.queue {
		q.cancel()
	}
	p.queue, p.asked, p.window = nil, 0, 1
}

func (p *prefetcher[T]) widen() { p.window = min(p.window*2, p.most) }

func (p *prefetcher[T]) close() {
	p.drop()
	p.running.Wait()
}

// capLearner tells the last page from one that a hidden cap has cut: a page shorter than asked is the end only when Loop has lately
// returned a longer one. Else it looks the same as a cut one, so that one more is asked for, and an empty page is the end.
type capLearner struct {
	known   *pageKnowledge
	suspect int // length of a short page that may have met a hidden cap
}

// full notes a page as long as asked. A page after a suspect one, no shorter than it, shows that the suspect one was cut.
func (c *capLearner) full(received, fresh, take int) {
	if c.suspect > 0 && fresh > 0 && received >= min(c.suspect, take) {
		c.known.learn(c.suspect)
	}
	c.suspect = 0
	c.known.note(received)
}

// short notes a shorter page, and says whether it is the end, and whether it has shown the cap: two as short in a row do.
func (c *capLearner) short(received, fresh int) (end, learnt bool) {
	end = c.known.note(received)
	if c.suspect == received && fresh > 0 {
		c.known.learn(received)
		c.suspect = 0
		return end, true
	}
	c.suspect = received
	return end, false
}

// reading is one read of a list.
type reading[T any] struct {
	prefetcher[T]
	capLearner

	size   int      // items to ask for at once
	later  int      // and once a page came full
	wanted int      // 0 for all
	left   int      // of those wanted
	at     int      // position after the last item that came
	before []string // ids of the page before
	stalls int
}

func (l *Lister[T]) begin(
	ctx context.Context, opts ListOptions, wanted int, fetch func(ctx context.Context, skip, take int) answerPage[T],
) *reading[T] {
	r := &reading[T]{wanted: wanted, left: wanted, at: opts.Skip, size: cmp.Or(opts.Take, defaultTake)}
	if wanted > 0 { // one more than wanted tells whether anything follows
		r.size = wanted + 1
	}
	r.size = min(r.size, l.c.limits.PageSize)
	if r.later = r.size; opts.Grow && wanted == 0 {
		r.later = l.c.limits.PageSize
	}
	if opts.Ahead <= 0 {
		opts.Ahead = defaultAhead
	}
	r.ctx, r.known, r.fetch = ctx, l.known, fetch
	r.window, r.most, r.waits = 1, min(opts.Ahead, l.c.limits.Concurrency), wanted > 0
	return r
}

// fill asks for as many pages as may be under way.
func (r *reading[T]) fill() {
	for len(r.queue) < r.window {
		take := r.known.cap(r.size)
		if r.wanted > 0 {
			if r.left == 0 && r.suspect == 0 || r.asked > 0 && r.asked >= r.left {
				return
			}
			take = min(take, r.left-r.asked+1)
		}
		r.ask(r.at, take)
	}
}

// stalled: one page without anything new can be an insertion in Loop. Two in a row mean that skip has no effect.
func (r *reading[T]) stalled(received, fresh int) bool {
	if received == 0 || fresh > 0 {
		r.stalls = 0
		return false
	}
	r.stalls++
	return r.stalls > 1
}

// judge says whether a page is the last, and sets how far ahead to ask.
func (r *reading[T]) judge(received, fresh, take int) (end bool) {
	switch {
	case received == 0:
		return true
	case received == take:
		r.full(received, fresh, take)
		r.size = r.later
		r.widen()
		return false
	case received > take: // the route ignores take, and so says nothing of a cap
		r.suspect = 0
		r.drop()
		return false
	}
	r.drop()
	end, learnt := r.short(received, fresh)
	if learnt {
		r.widen()
	}
	return end
}

// chunk is what a page gives, and where the next one begins: of more than was wanted the rest belongs to the next call.
func (r *reading[T]) chunk(q request[T], page answerPage[T], end bool) chunk[T] {
	out := chunk[T]{items: page.items, next: r.at, end: end, bytes: page.bytes}
	if r.wanted == 0 {
		return out
	}
	if len(out.items) > r.left {
		used := r.left
		if r.left > 0 && page.at != nil {
			used = page.at[r.left-1] + 1
		}
		out.items, out.next, out.end = out.items[:r.left:r.left], q.skip+used, false
	}
	r.left -= len(out.items)
	return out
}

// read is the engine of List (wanted > 0) and Pages (wanted 0).
func (l *Lister[T]) read(ctx context.Context, dossier string, opts ListOptions, wanted int) iter.Seq2[chunk[T], error] {
	return func(yield func(chunk[T], error) bool) {
		query, err := l.query(dossier, opts)
		if err != nil {
			yield(chunk[T]{}, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, err, nil))
			return
		}
		r := l.begin(ctx, opts, wanted, func(ctx context.Context, skip, take int) answerPage[T] {
			return l.fetch(ctx, dossier, query, skip, take)
		})
		defer r.close()
		for r.fill(); ; {
			q, page := r.next()
			if page.err != nil {
				yield(chunk[T]{}, page.err)
				return
			}
			received := len(page.items)
			ids := page.ids
			fresh := dropSeen(&page, r.before)
			r.before = ids
			if r.stalled(received, fresh) {
				e := badResponse(fmt.Sprintf("Loop answered the page at %d with items it had already given; skip has no effect", q.skip))
				yield(chunk[T]{}, l.c.annotate(&Call{Operation: l.op, Dossier: dossier}, e, &callTally{attempts: 1, sent: MaybeSent}))
				return
			}
			end := r.judge(received, fresh, q.take)
			r.at = q.skip + received
			out := r.chunk(q, page, end)
			done := end || wanted > 0 && r.left == 0 && r.suspect == 0
			if !done {
				r.fill()
			}
			if !yield(out, nil) || done {
				return
			}
		}
	}
}

// dropSeen takes out the items of the page before, and counts what is left.
func dropSeen[T any](page *answerPage[T], before []string) int {
	if len(before) == 0 {
		return len(page.items)
	}
	seen := make(map[string]struct{}, len(before))
	for _, id := range before {
		seen[id] = struct{}{}
	}
	kept := page.items[:0]
	page.at = make([]int, 0, len(page.items))
	for i := range page.items {
		if _, again := seen[page.ids[i]]; !again {
			kept = append(kept, page.items[i])
			page.at = append(page.at, i)
		}
	}
	page.items = kept
	return len(kept)
}

// query checks the options and gives the parameters that all pages share.
func (l *Lister[T]) query(dossier string, opts ListOptions) (url.Values, error) {
	switch {
	case dossier == "":
		return nil, invalid("dossier", "no dossier")
	// What an Advanced key is for: the lists that are not of a dossier (loop-api: C 1.2).
	case l.op.Key == KeyAdvanced && dossier != PracticeDossier:
		return nil, invalid("dossier", "this list is the practice's own: give PracticeDossier")
	case l.needs != "" && !opts.Filter.leavesOne(l.needs):
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
	q := maps.Clone(shared)
	q.Set("skip", strconv.Itoa(skip))
	q.Set("take", strconv.Itoa(take))
	var got rows
	size := 0
	call := &Call{Operation: l.op, Dossier: dossier, Query: q, read: func(body []byte) (err error) {
		size = len(body)
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
	return answerPage[T]{items: items, ids: got.ids, bytes: size}
}
