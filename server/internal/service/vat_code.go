package service

import (
	"context"

	"google.golang.org/grpc"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
)

var vatCodes = listing.List[cegidclient.VATCode, *looppb.VatCode]{
	Name: "VAT codes",
	Fields: listing.Fields{
		{Name: "code", Loop: cegidclient.VATCodeCode, Filterable: true, Sortable: true},
		{Name: "label", Loop: cegidclient.VATCodeLabel, Filterable: true, Sortable: true},
		{Name: "object_id", Loop: cegidclient.VATCodeObjectID, Filterable: true},
	},
	Source:  func(c *cegidclient.Client) *cegidclient.Lister[cegidclient.VATCode] { return &c.VATCodes.Lister },
	Convert: vatCode,
}

func vatCode(v *cegidclient.VATCode, all bool) *looppb.VatCode {
	return &looppb.VatCode{
		Code:       text(v.Code),
		Label:      v.Label,
		Regime:     vatRegime(v.Regime),
		RegimeCode: optional(v.Regime),
		ObjectId:   text(v.ObjectID),
		Revision:   text(v.RevisionID),
		Unmapped:   unmapped(v.Unmapped, all),
	}
}

// vatRegime reads Loop's value (loop-api: R 8.1); one that is not in the list stays in regime_code alone.
func vatRegime(code *cegidclient.Code) looppb.VatRegime {
	if code == nil {
		return 0
	}
	switch *code {
	case cegidclient.VATRegimeNormal:
		return looppb.VatRegime_VAT_REGIME_NORMAL
	case cegidclient.VATRegimeExempt:
		return looppb.VatRegime_VAT_REGIME_EXEMPT
	case cegidclient.VATRegimeReverseChargeEUGoods:
		return looppb.VatRegime_VAT_REGIME_REVERSE_CHARGE_EU_GOODS
	case cegidclient.VATRegimeExport:
		return looppb.VatRegime_VAT_REGIME_EXPORT
	case cegidclient.VATRegimeCorsica:
		return looppb.VatRegime_VAT_REGIME_CORSICA
	case cegidclient.VATRegimeOverseas:
		return looppb.VatRegime_VAT_REGIME_OVERSEAS
	case cegidclient.VATRegimeReverseChargeSubcontract:
		return looppb.VatRegime_VAT_REGIME_REVERSE_CHARGE_SUBCONTRACTING
	case cegidclient.VATRegimeReverseChargeEUServices:
		return looppb.VatRegime_VAT_REGIME_REVERSE_CHARGE_EU_SERVICES
	}
	return looppb.VatRegime_VAT_REGIME_UNSPECIFIED
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
