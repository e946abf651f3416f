// Package preflight keeps what is compared with before anything is sent, the reference data of entries and the dossiers of
// documents: at most a minute old, read once for all who ask at the same time.
package preflight

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
)

const (
	// maxAge is how old an answer may be.
	maxAge = time.Minute
	// pageSize is how many items of a list are asked for at once: as many as Loop gives.
	pageSize = 1000
	// readLimit bounds the reading of one list, for whoever waits longest.
	readLimit = time.Minute
)

// Cache keeps what it has read, by practice, dossier and list.
type Cache struct {
	flights singleflight.Group
	now     func() time.Time
	count   func(context.Context) (done func())

	mu    sync.Mutex
	known store
	// changes counts the calls of Changed, so that what was being read at the time is not kept.
	changes uint64
}

type key struct{ practice, dossier, list string }

// New returns an empty cache. count lets a reading count for the caller of ctx until done; nil counts nothing.
func New(count func(ctx context.Context) (done func())) *Cache {
	if count == nil {
		count = func(context.Context) func() { return func() {} }
	}
	return &Cache{now: time.Now, count: count, known: newStore(maxBytes)}
}

// Within bounds what is kept of a process that has so many bytes of memory; 0 is any. It comes before the first use.
func (c *Cache) Within(memory int64) *Cache {
	if memory > 0 {
		c.known.most = int(min(maxBytes, memory/partOfMemory))
	}
	return c
}

// Reference returns what the entries refer to, as far as they refer to it: a dossier without third parties in its
// entries is not asked for any.
func (c *Cache) Reference(ctx context.Context, practice string, client *cegidclient.Client, dossier string,
	entries cegidclient.EntryImport,
) (out check.Reference, err error) {
	of := func(list string) key { return key{practice, dossier, list} }
	if out.Journals, err = get(ctx, c, of("journals"), check.IndexJournals, &client.Journals.Lister); err != nil {
		return out, err
	}
	if out.Accounts, err = get(ctx, c, of("accounts"), check.IndexAccounts, &client.Accounts.Lister); err != nil {
		return out, err
	}
	thirdParties, analytics := mentions(entries)
	if thirdParties {
		out.ThirdParties, err = get(ctx, c, of("third parties"), check.IndexThirdParties,
			&client.Customers.Lister, &client.Suppliers.Lister, &client.Employees.Lister, &client.OtherThirdParties.Lister)
		if err != nil {
			return out, err
		}
	}
	if analytics {
		out.Sections, err = get(ctx, c, of("sections"), check.IndexSections, &client.Sections.Lister)
	}
	return out, err
}

func mentions(entries cegidclient.EntryImport) (thirdParties, analytics bool) {
	for _, entry := range entries.Entries {
		for _, line := range entry.Lines {
			thirdParties = thirdParties || line.ThirdParty != ""
			analytics = analytics || len(line.Analytics) > 0
		}
	}
	return thirdParties, analytics
}

// Dossier makes sure that Loop lets the practice's key touch a dossier, by reading an account of it: Loop takes a document
// for a wrong one without a word, and loses it (loop-api: A 5).
func (c *Cache) Dossier(ctx context.Context, practice string, client *cegidclient.Client, dossier string) error {
	_, err := c.get(ctx, key{practice, dossier, "dossier"}, func(ctx context.Context) (any, int, error) {
		_, err := client.Accounts.List(ctx, dossier, cegidclient.ListOptions{Take: 1})
		return nil, 0, err
	})
	return err
}

// get returns an index that is young enough, or reads its lists.
func get[T any](ctx context.Context, c *Cache, k key, index func([]T) *check.Index[T],
	listers ...*cegidclient.Lister[T],
) (*check.Index[T], error) {
	value, err := c.get(ctx, k, func(ctx context.Context) (any, int, error) {
		var items []T
		for _, lister := range listers {
			for page, err := range lister.Pages(ctx, k.dossier, cegidclient.ListOptions{Take: pageSize}) {
				if err != nil {
					return nil, 0, err
				}
				items = append(items, page...)
			}
		}
		return index(items), weigh(items), nil
	})
	if err != nil {
		return nil, err
	}
	return value.(*check.Index[T]), nil
}

// get returns what is young enough, or reads it; errors are not kept. Whoever asks first may leave: the reading goes on for
// those who wait for it, and is found by the first when they come again. Until then it counts for them.
func (c *Cache) get(ctx context.Context, k key, read func(context.Context) (value any, bytes int, err error)) (any, error) {
	if value, ok := c.young(k); ok {
		return value, nil
	}
	flight := c.flights.DoChan(k.flight(), func() (value any, err error) {
		defer func() { // singleflight would end the process
			if p := recover(); p != nil {
				err = fmt.Errorf("preflight: panic %T", p)
			}
		}()
		if value, ok := c.young(k); ok {
			return value, nil
		}
		defer c.count(ctx)()
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
		defer cancel()
		changes := c.seen()
		began := c.now() // what changes while it is read is that much older
		value, bytes, err := read(detached)
		if err != nil {
			return nil, err
		}
		c.keep(kept{k, value, began, bytes}, changes)
		return value, nil
	})
	select {
	case result := <-flight:
		return result.Val, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Cache) young(k key) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.known.get(k)
	return found.value, ok && c.now().Sub(found.read) < maxAge
}

// Changed forgets the dossier's accounts and journals, one of which this service has just made: whoever creates an account
// and books on it at once must not be told that there is none.
func (c *Cache) Changed(practice, dossier string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for _, list := range []string{"accounts", "journals"} {
		k := key{practice, dossier, list}
		c.known.drop(k)
		c.flights.Forget(k.flight())
	}
}

func (k key) flight() string { return k.practice + "\x00" + k.dossier + "\x00" + k.list }

func (c *Cache) seen() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes
}

// keep keeps what was read, unless something changed meanwhile.
func (c *Cache) keep(each kept, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == changes {
		each.bytes += perEntry
		c.known.put(each, c.now().Add(-maxAge))
	}
}

// perEntry is what anything kept weighs, also where it holds nothing.
const perEntry = 500
