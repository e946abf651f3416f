// Package preflight reads what a write is compared with before it is sent: the reference data of entries, and the dossiers of
// documents. The data is at most a minute old and may come from the store of what callers read. Callers who ask at the same time
// share one reading.
package preflight

import (
	"context"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/server/internal/freshness"
)

const (
	// maxAge is how old an answer may be.
	maxAge = time.Minute
	// pageSize is how many items of a list are asked for at once: as many as Loop gives.
	pageSize = 1000
	// readLimit bounds the reading of one list, for the caller who waits longest.
	readLimit = time.Minute
)

// Cache reads what is compared with, from what is kept of Loop's answers or from Loop.
type Cache struct {
	kept  *freshness.Store
	count func(context.Context) (done func())
}

// New returns one over a store. count lets a reading count for the caller of ctx until done; nil counts nothing.
func New(kept *freshness.Store, count func(ctx context.Context) (done func())) *Cache {
	if count == nil {
		count = func(context.Context) func() { return func() {} }
	}
	return &Cache{kept: kept, count: count}
}

// Reference returns what the entries refer to, as far as they refer to it: of the lists of third parties those without which a code
// that they mention is in doubt.
func (c *Cache) Reference(ctx context.Context, practice string, client *cegidclient.Client, dossier string,
	entries cegidclient.EntryImport,
) (out check.Reference, err error) {
	of := func(list string) question { return question{practice, dossier, list, client} }
	if out.Journals, err = get(ctx, c, of("journals"), check.IndexJournals, &client.Journals.Lister); err != nil {
		return out, err
	}
	if out.Accounts, err = get(ctx, c, of("accounts"), check.IndexAccounts, &client.Accounts.Lister); err != nil {
		return out, err
	}
	lists := map[cegidclient.ThirdPartyKind]*cegidclient.Lister[cegidclient.ThirdParty]{
		cegidclient.ThirdPartyCustomer: client.Customers, cegidclient.ThirdPartySupplier: client.Suppliers,
		cegidclient.ThirdPartyEmployee: client.Employees, cegidclient.ThirdPartyOther: client.OtherThirdParties,
	}
	out.ThirdParties = map[cegidclient.ThirdPartyKind]*check.Index[cegidclient.ThirdParty]{}
	for kind, lacks := out.Lacks(entries); lacks; kind, lacks = out.Lacks(entries) {
		out.ThirdParties[kind], err = get(ctx, c, of("third parties: "+string(kind)), check.IndexThirdParties, lists[kind])
		if err != nil {
			return out, err
		}
	}
	if entries.FirstAnalytics() != "" {
		out.Sections, err = get(ctx, c, of("sections"), check.IndexSections, client.Sections)
	}
	return out, err
}

// Dossier makes sure that Loop lets the practice's key touch a dossier, by reading an account of it: Loop takes a document
// for a wrong one without a word, and loses it (loop-api: A 5).
func (c *Cache) Dossier(ctx context.Context, practice string, client *cegidclient.Client, dossier string) error {
	_, err := c.get(ctx, question{practice, dossier, "dossier", client}, func(ctx context.Context) (read, error) {
		_, err := client.Accounts.List(ctx, dossier, cegidclient.ListOptions{Take: 1})
		return read{}, err
	})
	return err
}

// get returns an index that is young enough, or reads its list.
func get[T any](ctx context.Context, c *Cache, what question, index func([]T) *check.Index[T],
	lister *cegidclient.Lister[T],
) (*check.Index[T], error) {
	value, err := c.get(ctx, what, func(ctx context.Context) (read, error) {
		var items []T
		for page, err := range lister.Pages(ctx, what.dossier, cegidclient.ListOptions{Take: pageSize}) {
			if err != nil {
				return read{}, err
			}
			items = append(items, page...)
		}
		return read{index(items), weigh(items)}, nil
	})
	if err != nil {
		return nil, err
	}
	return value.(*check.Index[T]), nil
}

// question is what is read of a dossier.
type question struct {
	practice, dossier, list string
	client                  *cegidclient.Client
}

// read is what came of it. An index is for reading alone, by many at once.
type read struct {
	value any
	bytes int
}

// Weight implements freshness.Value.
func (r read) Weight() int { return r.bytes }

// get returns what is young enough, or reads it; errors are not kept. The first caller may leave: the reading goes on for
// those who wait for it, and is found by the first when they come again. Until then it counts for them.
func (c *Cache) get(ctx context.Context, what question, load func(context.Context) (read, error)) (any, error) {
	credentials, err := what.client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.kept.Read(ctx, freshness.Key{
		Practice: what.practice, Credentials: credentials, Dossier: what.dossier, Operation: "preflight", Query: what.list,
		Reference: true,
	}, freshness.Want{MaxAge: maxAge, Lasting: true}, func(ctx context.Context) (freshness.Value, error) {
		defer c.count(ctx)()
		ctx, cancel := context.WithTimeout(ctx, readLimit)
		defer cancel()
		return load(ctx)
	})
	if err != nil {
		return nil, err
	}
	return found.Value.(read).value, nil
}
