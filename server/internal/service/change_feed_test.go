package service

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/tenant"
)

// TestALostReplayMayBeRepeated: its outcome is unknown, and the error says that this does no harm.
func TestALostReplayMayBeRepeated(t *testing.T) {
	s := NewChangeFeed(tenant.NewPractices(answering(t, `{}`)))
	_, err := s.ReplayChanges(t.Context(), &looppb.ReplayChangesRequest{Practice: "demo", EntityId: "e", SubscriptionId: "s"})
	if status.Code(err) != codes.Unknown || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN ||
		!strings.Contains(status.Convert(err).Proto().String(), "only sends the changes once more") {
		t.Error(err)
	}
	s = NewChangeFeed(tenant.NewPractices(answering(t, `{"message":"Démarré","domain":"LOOP","codeIbs":"D1","x":1}`)))
	got, err := s.ReplayChanges(t.Context(), &looppb.ReplayChangesRequest{Practice: "demo", EntityId: "e", SubscriptionId: "s", IncludeUnmapped: true})
	if err != nil || got.GetMessage() != "Démarré" || got.GetDomain() != "LOOP" || got.GetDossierCode() != "D1" || got.GetUnmapped()["x"] != "1" {
		t.Error(got, err)
	}
}
