package service

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/listquery"
	"cegid.internal/gateway/server/internal/pagetoken"
)

const (
	defaultPageSize = 100
	// maxAnswer keeps a page below the 4 MiB that a gRPC client takes by default.
	maxAnswer = 3 << 20
	// streamPage bounds the items of a message, so that the first comes at once, whatever Loop's pages hold.
	streamPage = 100
	// pagesAhead is the "few pages" of the contract: a stream asks Loop for no more than these ahead of its reader,
	// besides what the connections' buffers hold, which are bounded too.
	pagesAhead = 4
)

// query is what the requests of list and stream methods share.
type query interface {
	GetPractice() string
	GetFilter() string
	GetOrderBy() string
	GetIncludeUnmapped() bool
}

// page is what list methods add.
type page interface {
	query
	GetPageSize() int32
	GetPageToken() string
}

// dossierOf is the dossier that a request names. One that has no such field speaks of the practice itself.
func dossierOf(request query) string {
	if named, of := request.(interface{ GetDossier() string }); of {
		return named.GetDossier()
	}
	return cegidclient.PracticeDossier
}

// list serves the list and stream methods of one resource: a handler names the resource and no more.
type list[T any, P proto.Message] struct {
	practices *Practices
	// name distinguishes the page tokens of one resource from another's.
	name   string
	fields listquery.Fields
	// within narrows the list, beyond the filter of the request; name then tells the one part from another.
	within  cegidclient.Filter
	source  func(*cegidclient.Client) *cegidclient.Lister[T]
	convert func(item *T, unmapped bool) P
}

func pageSize(request interface{ GetPageSize() int32 }) int {
	if size := int(request.GetPageSize()); size > 0 {
		return size
	}
	return defaultPageSize
}

// position reads a page token.
func position(digest pagetoken.Query, token string) (int, error) {
	at, err := pagetoken.Decode(digest, token)
	if err != nil {
		return 0, apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "page_token", err.Error())
	}
	return at, nil
}

// page answers one page.
func (l *list[T, P]) page(ctx context.Context, request page) (items []P, next string, err error) {
	source, options, err := l.open(request)
	if err != nil {
		return nil, "", err
	}
	digest := pagetoken.NewQuery(l.name, request.GetPractice(), dossierOf(request), request.GetFilter(), request.GetOrderBy())
	if options.Skip, err = position(digest, request.GetPageToken()); err != nil {
		return nil, "", err
	}
	options.Take = pageSize(request)
	items, at, end, err := l.fill(ctx, source, request, options)
	if err != nil || end {
		return items, "", err
	}
	return items, pagetoken.Encode(digest, at), nil
}

// fill reads up to options.Take items, and says where the next one stands unless that was the end. An answer that
// would grow too large stops short of it.
func (l *list[T, P]) fill(ctx context.Context, source *cegidclient.Lister[T], request query, options cegidclient.ListOptions) (items []P, next int, end bool, err error) {
	got, err := source.List(ctx, dossierOf(request), options)
	if err != nil {
		return nil, 0, false, err
	}
	size := 0
	for i := range got.Items {
		item := l.convert(&got.Items[i], request.GetIncludeUnmapped())
		if size += proto.Size(item); size > maxAnswer && i > 0 {
			// Only Loop's own pages say where an item stands: ask for what fits.
			options.Take = i
			return l.fill(ctx, source, request, options)
		}
		items = append(items, item)
	}
	return items, got.NextSkip, got.End, nil
}

// stream sends every item, a page of Loop's at a time.
func (l *list[T, P]) stream(ctx context.Context, request query, send func([]P) error) error {
	source, options, err := l.open(request)
	if err != nil {
		return err
	}
	options.Ahead = pagesAhead
	for items, err := range source.Pages(ctx, dossierOf(request), options) {
		if err != nil {
			return err
		}
		var out []P
		size := 0
		for i := range items {
			item := l.convert(&items[i], request.GetIncludeUnmapped())
			bytes := proto.Size(item)
			if len(out) == streamPage || len(out) > 0 && size+bytes > maxAnswer {
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
func (l *list[T, P]) open(request query) (*cegidclient.Lister[T], cegidclient.ListOptions, error) {
	var options cegidclient.ListOptions
	practice, err := l.practices.Get(request.GetPractice())
	if err != nil {
		return nil, options, err
	}
	if options.Filter, err = l.fields.Filter(request.GetFilter()); err != nil {
		return nil, options, queryError(looppb.ErrorReason_ERROR_REASON_FILTER_UNSUPPORTED, "filter", err)
	}
	options.Filter = cegidclient.And(l.within, options.Filter)
	if options.Order, err = l.fields.Order(request.GetOrderBy()); err != nil {
		return nil, options, queryError(looppb.ErrorReason_ERROR_REASON_ORDER_UNSUPPORTED, "order_by", err)
	}
	return l.source(practice.Client), options, nil
}

func queryError(reason looppb.ErrorReason, field string, err error) error {
	var problem *listquery.Problem
	if errors.As(err, &problem) {
		return apierror.Field(reason, field, problem.Error())
	}
	return err
}
