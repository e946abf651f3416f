// Package listing serves lists of Loop's, page by page or as a stream: a handler names the resource and no more.
package listing

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/encode"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/listquery"
	"cegid.internal/gateway/server/internal/pagetoken"
	"cegid.internal/gateway/server/internal/tenant"
)

const (
	// MaxAnswer keeps a page below the 4 MiB that a gRPC client takes by default.
	MaxAnswer = 3 << 20
	// mostPerByte is the most that a byte of Loop's becomes in a message. A byte that is no UTF-8 becomes three, twice where the
	// field is in unmapped too; what parts values is longer in JSON.
	mostPerByte = 8
	// StreamPage bounds the items of a message, so that the first comes at once, whatever Loop's pages hold.
	StreamPage = 100
	// pagesAhead is the "few pages" of the contract: a stream asks Loop for no more than these ahead of its reader,
	// besides what the connections' buffers hold, which are bounded too.
	pagesAhead = 4
)

// Query is what the requests of list and stream methods share.
type Query interface {
	GetPractice() string
	GetFilter() string
	GetOrderBy() string
	GetIncludeUnmapped() bool
}

// Page is what list methods add.
type Page interface {
	Query
	GetPageSize() int32
	GetPageToken() string
}

// dossierOf is the dossier that a request names. One that has no such field speaks of the practice itself.
func dossierOf(request Query) string {
	if named, of := request.(interface{ GetDossier() string }); of {
		return named.GetDossier()
	}
	return cegidclient.PracticeDossier
}

// Fields are those that a list filters and sorts by.
type Fields = listquery.Fields

// List serves the list and stream methods of one resource: T of Loop's, a message M for callers.
type List[T, M any] struct {
	// Name distinguishes the page tokens of one resource from another's.
	Name   string
	Fields Fields
	// Within narrows the list, beyond the filter of the request; Name then tells the one part from another.
	Within  cegidclient.Filter
	Source  func(*cegidclient.Client) *cegidclient.Lister[T]
	Convert func(item *T, unmapped bool) M
}

// chunks have messages lie side by side: to allocate each apart would take as long as to fill it.
type chunks[M any] struct{ free []M }

const mostInChunk = 64

// next is where the next message goes, of as many as are left to come.
func (c *chunks[M]) next(left int) *M {
	if len(c.free) == 0 {
		c.free = make([]M, min(left, mostInChunk))
	}
	message := &c.free[0]
	c.free = c.free[1:]
	return message
}

func sizeOf[M any](message *M) int { return any(message).(encode.Wirer).WireSize() }

// position reads a page token.
func position(digest pagetoken.Query, token string) (int, error) {
	at, err := pagetoken.Decode(digest, token)
	if err != nil {
		return 0, BadToken(err)
	}
	return at, nil
}

// BadToken is the error of a page token.
func BadToken(err error) error {
	return apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "page_token", err.Error())
}

// Page answers one page, and the token of the next.
func (l *List[T, M]) Page(ctx context.Context, practices *tenant.Practices, request Page) (items []*M, next string, err error) {
	source, options, err := l.open(practices, request)
	if err != nil {
		return nil, "", err
	}
	digest := pagetoken.NewQuery(l.Name, request.GetPractice(), dossierOf(request), request.GetFilter(), request.GetOrderBy())
	if options.Skip, err = position(digest, request.GetPageToken()); err != nil {
		return nil, "", err
	}
	options.Take = pagetoken.Size(request)
	items, at, end, err := l.fill(ctx, source, request, options)
	if err != nil || end {
		return items, "", err
	}
	return items, pagetoken.Encode(digest, at), nil
}

// fill reads up to options.Take items, and says where the next one is unless that was the end. An answer that
// would grow too large stops short of it.
func (l *List[T, M]) fill(ctx context.Context, source *cegidclient.Lister[T], request Query,
	options cegidclient.ListOptions,
) (items []*M, next int, end bool, err error) {
	got, err := source.List(ctx, dossierOf(request), options)
	if err != nil {
		return nil, 0, false, err
	}
	items = make([]*M, 0, len(got.Items))
	size, small := 0, mostPerByte*got.Bytes <= MaxAnswer
	var made chunks[M]
	for i := range got.Items {
		item := made.next(len(got.Items) - i)
		*item = l.Convert(&got.Items[i], request.GetIncludeUnmapped())
		if small {
			items = append(items, item)
			continue
		}
		if size += sizeOf(item); size > MaxAnswer && i > 0 {
			// Only Loop's own pages say where an item is: ask for what fits.
			options.Take = i
			return l.fill(ctx, source, request, options)
		}
		items = append(items, item)
	}
	return items, got.NextSkip, got.End, nil
}

// Stream sends every item, a page of Loop's at a time.
func (l *List[T, M]) Stream(ctx context.Context, practices *tenant.Practices, request Query, send func([]*M) error) error {
	source, options, err := l.open(practices, request)
	if err != nil {
		return err
	}
	options.Take, options.Grow, options.Ahead = StreamPage, true, pagesAhead
	for items, err := range source.Pages(ctx, dossierOf(request), options) {
		if err != nil {
			return err
		}
		var out []*M
		size := 0
		var made chunks[M]
		for i := range items {
			item := made.next(len(items) - i)
			*item = l.Convert(&items[i], request.GetIncludeUnmapped())
			bytes := sizeOf(item)
			if len(out) == StreamPage || len(out) > 0 && size+bytes > MaxAnswer {
				if err := send(out); err != nil {
					return err
				}
				out, size = nil, 0
			}
			out, size = append(out, item), size+bytes
		}
		if err := send(out); err != nil {
			return err
		}
	}
	return nil
}

// open finds where to ask and reads what to ask for.
func (l *List[T, M]) open(practices *tenant.Practices, request Query) (*cegidclient.Lister[T], cegidclient.ListOptions, error) {
	var options cegidclient.ListOptions
	practice, err := practices.Get(request.GetPractice())
	if err != nil {
		return nil, options, err
	}
	if options.Filter, err = l.Fields.Filter(request.GetFilter()); err != nil {
		return nil, options, queryError(looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED, "filter", err)
	}
	options.Filter = cegidclient.And(l.Within, options.Filter)
	if options.Order, err = l.Fields.Order(request.GetOrderBy()); err != nil {
		return nil, options, queryError(looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED, "order_by", err)
	}
	return l.Source(practice.Client), options, nil
}

func queryError(reason looppb.ErrorReason, field string, err error) error {
	var problem *listquery.Problem
	if errors.As(err, &problem) {
		return apierror.Field(reason, field, problem.Error())
	}
	return err
}

// Together serves several lists as one, one after the other: Loop lists what they hold apart.
type Together[T, M any] struct {
	// Name distinguishes its page tokens from another's.
	Name  string
	Lists []*List[T, M]
}

// step separates the lists in the position of a page token: list · step + position within the list.
const step = 1 << 28

// Page answers one page, and the token of the next.
func (t *Together[T, M]) Page(ctx context.Context, practices *tenant.Practices, request Page) (items []*M, next string, err error) {
	digest := pagetoken.NewQuery(t.Name, request.GetPractice(), dossierOf(request))
	at, err := position(digest, request.GetPageToken())
	if err != nil {
		return nil, "", err
	}
	most := pagetoken.Size(request)
	for which, skip := at/step, at%step; which < len(t.Lists); which, skip = which+1, 0 {
		of := t.Lists[which]
		source, options, err := of.open(practices, request)
		if err != nil {
			return nil, "", err
		}
		if len(items) == most { // nothing may follow: a look at the next list tells, which the next page would begin with
			options.Take = 1
			if more, _, _, err := of.fill(ctx, source, request, options); err != nil || len(more) > 0 {
				return items, pagetoken.Encode(digest, which*step), nil
			}
			continue
		}
		options.Skip, options.Take = skip, most-len(items)
		more, position, end, err := of.fill(ctx, source, request, options)
		if err != nil {
			return nil, "", err // a page with a list missing would look whole
		}
		if items = append(items, more...); !end {
			return items, pagetoken.Encode(digest, which*step+position), nil
		}
	}
	return items, "", nil
}

// Stream sends every item of each list.
func (t *Together[T, M]) Stream(ctx context.Context, practices *tenant.Practices, request Query, send func([]*M) error) error {
	for _, list := range t.Lists {
		if err := list.Stream(ctx, practices, request, send); err != nil {
			return err
		}
	}
	return nil
}

// Fitting returns as many items, from the first on, as fit the bytes: one at least.
func Fitting[P proto.Message](items []P, most int) []P {
	size := 0
	for i, item := range items {
		if size += proto.Size(item); size > most && i > 0 {
			return items[:i]
		}
	}
	return items
}
