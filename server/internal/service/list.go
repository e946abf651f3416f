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
	// firstStreamPage keeps the first answer of a stream quick.
	firstStreamPage = 100
)

// query is what the requests of list and stream methods share.
type query interface {
	GetPractice() string
	GetDossier() string
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

// list serves the list and stream methods of one resource: a handler names the resource and no more.
type list[T any, P proto.Message] struct {
	practices *Practices
	// name distinguishes the page tokens of one resource from another's.
	name    string
	fields  listquery.Fields
	source  func(*cegidclient.Client) *cegidclient.Lister[T]
	convert func(item *T, unmapped bool) P
}

// page answers one page.
func (l *list[T, P]) page(ctx context.Context, request page) (items []P, next string, err error) {
	source, options, err := l.open(request)
	if err != nil {
		return nil, "", err
	}
	digest := pagetoken.NewQuery(l.name, request.GetPractice(), request.GetDossier(), request.GetFilter(), request.GetOrderBy())
	if options.Skip, err = pagetoken.Decode(digest, request.GetPageToken()); err != nil {
		return nil, "", apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "page_token", err.Error())
	}
	if options.Take = int(request.GetPageSize()); options.Take == 0 {
		options.Take = defaultPageSize
	}
	got, err := source.List(ctx, request.GetDossier(), options)
	if err != nil {
		return nil, "", err
	}
	size := 0
	for i := range got.Items {
		item := l.convert(&got.Items[i], request.GetIncludeUnmapped())
		if size += proto.Size(item); size > maxAnswer && i > 0 {
			return items, pagetoken.Encode(digest, options.Skip+i), nil
		}
		items = append(items, item)
	}
	if !got.End {
		next = pagetoken.Encode(digest, got.NextSkip)
	}
	return items, next, nil
}

// stream sends every item, a page of Loop's at a time.
func (l *list[T, P]) stream(ctx context.Context, request query, send func([]P) error) error {
	source, options, err := l.open(request)
	if err != nil {
		return err
	}
	for items, err := range source.Pages(ctx, request.GetDossier(), options) {
		if err != nil {
			return err
		}
		for len(items) > 0 {
			n := min(len(items), firstStreamPage)
			out := make([]P, 0, n)
			for i := range items[:n] {
				out = append(out, l.convert(&items[i], request.GetIncludeUnmapped()))
			}
			if err := send(out); err != nil {
				return err
			}
			items = items[n:]
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
