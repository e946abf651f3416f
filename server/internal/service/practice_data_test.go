package service

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/tenant"
)

// TestEveryDocumentedFieldOfAPracticeArrives: no field of the contract is left empty when Loop sends all that it
// documents.
func TestEveryDocumentedFieldOfAPracticeArrives(t *testing.T) {
	const identity = `"objectId":"a0a567a9-da33-46a5-a63e-d4572179229a","revisionId":"0x00000000000A1B2C","champInconnu":1,`
	for _, tc := range []struct {
		name, object string
		read         func(*PracticeData) (proto.Message, error)
	}{
		{"office", identity + `"code":"LYON","libelle":"Bureau de Lyon","siret":"12345678200028","numvoie":"12","email":"lyon@cabinet.example"`, func(s *PracticeData) (proto.Message, error) {
			got, err := s.ListOffices(t.Context(), &looppb.ListOfficesRequest{Practice: "demo", PageSize: 1, IncludeUnmapped: true})
			return got.GetOffices()[0], err
		}},
		{"work group", identity + `"code":"SOCIAL","description":"Pôle social","agence":"LYON"`, func(s *PracticeData) (proto.Message, error) {
			got, err := s.ListWorkGroups(t.Context(), &looppb.ListWorkGroupsRequest{Practice: "demo", PageSize: 1, IncludeUnmapped: true})
			return got.GetWorkGroups()[0], err
		}},
		{"staff member", identity + `"identifiant":"COLLAB01","prenom":"PRENOM"`, func(s *PracticeData) (proto.Message, error) {
			got, err := s.ListStaff(t.Context(), &looppb.ListStaffRequest{Practice: "demo", PageSize: 1, IncludeUnmapped: true})
			return got.GetStaff()[0], err
		}},
		{"engagement", identity + `"codeIBS":"E","description":"D","profitCenter":"P","maitreDossier":"M","entite":"B","entiteIbsId":"D1","dateDebut":"2026-01-01T00:00:00.000Z","dateFin":"2026-12-31T00:00:00.000Z"`, func(s *PracticeData) (proto.Message, error) {
			got, err := s.ListEngagements(t.Context(), &looppb.ListEngagementsRequest{Practice: "demo", PageSize: 1, IncludeUnmapped: true})
			return got.GetEngagements()[0], err
		}},
		{"activity", `"champInconnu":1,"lettreMissionId":"l","Libelle":"TVA","activiteCabinet":true,"activiteClient":false,"unite":1.5,"frequence":"1","dateFreq":"2026-01-01T00:00:00.000Z","calage":"2","decalage":"1","quantite":12,"datePrevObligation":"19"`, func(s *PracticeData) (proto.Message, error) {
			got, err := s.ListMissionActivities(t.Context(), &looppb.ListMissionActivitiesRequest{Practice: "demo", EngagementLetterId: "l", PageSize: 1, IncludeUnmapped: true})
			return got.GetMissionActivities()[0], err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			message, err := tc.read(NewPracticeData(tenant.NewPractices(answering(t, "[{"+tc.object+"}]"))))
			if err != nil {
				t.Fatal(err)
			}
			m := message.ProtoReflect()
			for i := range m.Descriptor().Fields().Len() {
				if field := m.Descriptor().Fields().Get(i); !m.Has(field) {
					t.Errorf("%s is empty", field.Name())
				}
			}
		})
	}
}

// TestThePracticesDomainMustBeConfigured: and the error tells the operator where.
func TestThePracticesDomainMustBeConfigured(t *testing.T) {
	practice := answering(t, `{"accessAllowed":true}`)
	s := NewPracticeData(tenant.NewPractices(practice))
	ask := &looppb.CheckStaffAccessRequest{Practice: "demo", Dossier: "D", Login: "l"}
	_, err := s.CheckStaffAccess(t.Context(), ask)
	if status.Code(err) != codes.FailedPrecondition || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_DOMAIN_REQUIRED ||
		!strings.Contains(status.Convert(err).Proto().String(), "practices[].domain") {
		t.Error(err)
	}
	practice.Domain = "CABINETEXEMPLE"
	if got, err := s.CheckStaffAccess(t.Context(), ask); err != nil || !got.GetAccessAllowed() {
		t.Error(got, err)
	}
}
