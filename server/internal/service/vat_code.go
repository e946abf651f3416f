package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var vatCodes = listing.List[cegidclient.VATCode, looppb.VatCode]{
	Name: "VAT codes",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.VATCodeCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.VATCodeLabel, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.VATCodeObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.VATCode] { return c.VATCodes },
	Convert: vatCode,
}

func vatCode(v *cegidclient.VATCode, all bool) looppb.VatCode {
	return looppb.VatCode{
		Code:       text(v.Code),
		Label:      v.Label,
		Regime:     listed(vatRegimes, v.Regime),
		RegimeCode: optional(v.Regime),
		ObjectId:   text(v.ObjectID),
		Revision:   text(v.RevisionID),
		Unmapped:   unmapped(v.Unmapped, all),
	}
}

// vatRegimes are Loop's values (loop-api: R 8.1); one that is not in the list stays in regime_code alone.
var vatRegimes = map[cegidclient.Code]looppb.VatRegime{
	cegidclient.VATRegimeNormal:                   looppb.VatRegime_VAT_REGIME_NORMAL,
	cegidclient.VATRegimeExempt:                   looppb.VatRegime_VAT_REGIME_EXEMPT,
	cegidclient.VATRegimeReverseChargeEUGoods:     looppb.VatRegime_VAT_REGIME_REVERSE_CHARGE_EU_GOODS,
	cegidclient.VATRegimeExport:                   looppb.VatRegime_VAT_REGIME_EXPORT,
	cegidclient.VATRegimeCorsica:                  looppb.VatRegime_VAT_REGIME_CORSICA,
	cegidclient.VATRegimeOverseas:                 looppb.VatRegime_VAT_REGIME_OVERSEAS,
	cegidclient.VATRegimeReverseChargeSubcontract: looppb.VatRegime_VAT_REGIME_REVERSE_CHARGE_SUBCONTRACTING,
	cegidclient.VATRegimeReverseChargeEUServices:  looppb.VatRegime_VAT_REGIME_REVERSE_CHARGE_EU_SERVICES,
}

// ListVatCodes implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) ListVatCodes(ctx context.Context, request *looppb.ListVatCodesRequest) (*looppb.ListVatCodesResponse, error) {
	items, next, err := vatCodes.Page(ctx, s.practices, request)
	return &looppb.ListVatCodesResponse{VatCodes: items, NextPageToken: next}, err
}

// StreamVatCodes implements looppb.ReferenceDataServiceServer.
func (s *ReferenceData) StreamVatCodes(request *looppb.StreamVatCodesRequest,
	stream grpc.ServerStreamingServer[looppb.StreamVatCodesResponse],
) error {
	return vatCodes.Stream(stream.Context(), s.practices, request, func(items []*looppb.VatCode) error {
		return stream.Send(&looppb.StreamVatCodesResponse{VatCodes: items})
	})
}
