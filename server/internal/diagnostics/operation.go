package diagnostics

import (
	"context"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/tenant"
)

// ListOperations implements looppb.DiagnosticsServiceServer.
func (s *Service) ListOperations(_ context.Context, request *looppb.ListOperationsRequest) (*looppb.ListOperationsResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	response := &looppb.ListOperationsResponse{ServerVersion: s.build.Version, ServerRevision: s.build.Revision}
	for _, known := range cegidclient.Operations() {
		response.Operations = append(response.Operations, operation(known, practice))
	}
	return response, nil
}

func operation(o cegidclient.Operation, practice *tenant.Practice) *looppb.Operation {
	return &looppb.Operation{
		Id:            o.ID,
		HttpMethod:    o.Method,
		Path:          o.Path,
		Title:         o.Title,
		Rpcs:          contract.RPCs(o.ID),
		State:         operationState(o, practice),
		KeyKind:       keyKind(o.Key),
		KeyKindStated: new(o.KeyBasis == cegidclient.KeyStated),
		Confidence:    confidence(o.Confidence),
		Resend:        resend(o.Resend),
		Unknown:       o.Unknown,
		Note:          o.Note,
	}
}

func operationState(o cegidclient.Operation, practice *tenant.Practice) looppb.OperationState {
	switch {
	case o.Declined:
		return looppb.OperationState_OPERATION_STATE_DECLINED
	case !o.Wrapped:
		return looppb.OperationState_OPERATION_STATE_NOT_WRAPPED
	case !practice.Client.Enabled(&o):
		return looppb.OperationState_OPERATION_STATE_UNVERIFIED
	case o.Key == cegidclient.KeyAdvanced && !practice.HasAdvanced:
		return looppb.OperationState_OPERATION_STATE_ADVANCED_KEY_REQUIRED
	}
	return looppb.OperationState_OPERATION_STATE_AVAILABLE
}

func keyKind(kind cegidclient.KeyKind) looppb.KeyKind {
	switch kind {
	case cegidclient.KeyStandard:
		return looppb.KeyKind_KEY_KIND_STANDARD
	case cegidclient.KeyAdvanced:
		return looppb.KeyKind_KEY_KIND_ADVANCED
	}
	return looppb.KeyKind_KEY_KIND_UNSPECIFIED
}

func confidence(c cegidclient.Confidence) looppb.Confidence {
	switch c {
	case cegidclient.Documented:
		return looppb.Confidence_CONFIDENCE_DOCUMENTED
	case cegidclient.PartlyDocumented:
		return looppb.Confidence_CONFIDENCE_PARTLY_DOCUMENTED
	case cegidclient.Inferred:
		return looppb.Confidence_CONFIDENCE_INFERRED
	}
	return looppb.Confidence_CONFIDENCE_UNSPECIFIED
}

func resend(r cegidclient.Resend) looppb.Resend {
	switch r {
	case cegidclient.ResendAlways:
		return looppb.Resend_RESEND_ALWAYS
	case cegidclient.ResendNever:
		return looppb.Resend_RESEND_NEVER
	case cegidclient.ResendReadBack:
		return looppb.Resend_RESEND_READ_BACK
	}
	return looppb.Resend_RESEND_UNSPECIFIED
}
