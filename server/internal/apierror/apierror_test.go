package apierror_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

// TestTheTableOfLoopsErrors is the table of docs/architecture.md, "Errors", for reads, written down a second time.
func TestTheTableOfLoopsErrors(t *testing.T) {
	table := map[cegidclient.Kind]struct {
		code   codes.Code
		reason string
	}{
		cegidclient.KindRefused:             {codes.InvalidArgument, "LOOP_REFUSED"},
		cegidclient.KindCredentialRejected:  {codes.FailedPrecondition, "LOOP_CREDENTIAL_REJECTED"},
		cegidclient.KindDossierNotShared:    {codes.PermissionDenied, "DOSSIER_NOT_SHARED"},
		cegidclient.KindThrottled:           {codes.ResourceExhausted, "LOOP_QUOTA"},
		cegidclient.KindUnavailable:         {codes.Unavailable, "LOOP_UNAVAILABLE"},
		cegidclient.KindBadResponse:         {codes.Internal, "LOOP_BAD_RESPONSE"},
		cegidclient.KindRouteUnknown:        {codes.Internal, "LOOP_BAD_RESPONSE"},
		cegidclient.KindNotFound:            {codes.NotFound, "OBJECT_UNKNOWN"},
		cegidclient.KindAdvancedKeyRequired: {codes.FailedPrecondition, "ADVANCED_KEY_REQUIRED"},
		cegidclient.KindInvalidArgument:     {codes.InvalidArgument, "FIELD_INVALID"},
		cegidclient.KindConfiguration:       {codes.FailedPrecondition, "LOOP_CREDENTIAL_REJECTED"},
		cegidclient.KindUnverified:          {codes.FailedPrecondition, "OPERATION_UNVERIFIED"},
		cegidclient.KindOutcomeUnknown:      {codes.Unknown, "OUTCOME_UNKNOWN"},
		cegidclient.KindInterrupted:         {codes.Canceled, "CANCELLED"},
		cegidclient.KindExists:              {codes.AlreadyExists, "OBJECT_EXISTS"},
		cegidclient.KindStale:               {codes.Aborted, "REVISION_STALE"},
		cegidclient.KindLinkRefused:         {codes.Unavailable, "LOOP_UNAVAILABLE"},
		cegidclient.KindBusy:                {codes.ResourceExhausted, "LOOP_BUSY"},
	}
	for kind := cegidclient.KindRefused; kind.String() != "unknown"; kind++ {
		want, listed := table[kind]
		if !listed {
			t.Errorf("%s has no place in the table", kind)
			continue
		}
		err := apierror.FromLoop(&cegidclient.Error{
			Kind: kind, Operation: "list_accounts", HTTPStatus: 418, Code: "Code", Message: "Une phrase.",
			RequestID: "r", InstanceID: "i", RetryAfter: 90 * time.Second, Field: "filter",
		})
		got := status.Convert(err)
		if got.Code() != want.code || apierror.ReasonName(apierror.ReasonOf(err)) != want.reason {
			t.Errorf("%s became %s %s; want %s %s", kind, got.Code(), apierror.ReasonOf(err), want.code, want.reason)
		}
		if kind == cegidclient.KindInvalidArgument || kind == cegidclient.KindInterrupted {
			continue
		}
		if apierror.RetryAfterOf(err) != 90*time.Second {
			t.Errorf("%s lost the delay", kind)
		}
		for _, detail := range got.Details() {
			switch d := detail.(type) {
			case *errdetails.ErrorInfo:
				if d.GetDomain() != "loop.cegid.internal" || d.GetMetadata()["operation"] != "list_accounts" || d.GetMetadata()["requestId"] != "r" || d.GetMetadata()["instanceId"] != "i" || d.GetMetadata()["code"] != "Code" {
					t.Errorf("%s: %v", kind, d)
				}
			case *errdetails.LocalizedMessage:
				want := "Une phrase."
				switch kind {
				case cegidclient.KindBusy: // Loop has said nothing
					want = "Trop d'appels attendent Loop pour ce cabinet, et le vôtre n'a pas été envoyé. Réessayez dans 90 secondes."
				case cegidclient.KindOutcomeUnknown: // Loop's words alone would have one send it anew
					want = "La demande a été envoyée à Loop, et personne ne sait ce qu'elle est devenue. Regardez dans Loop avant de la refaire autrement. Réponse de Loop : « Une phrase. »"
				}
				if d.GetLocale() != "fr" || d.GetMessage() != want {
					t.Errorf("%s: %v", kind, d)
				}
			}
		}
		if strings.Contains(got.Message(), "Une phrase") {
			t.Errorf("%s: Loop's sentence is part of the contract's message", kind)
		}
	}
}

func TestTheEndOfACallIsToldApart(t *testing.T) {
	if got := apierror.ReasonOf(apierror.FromContext(fmt.Errorf("w: %w", context.DeadlineExceeded))); got != looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
		t.Error(got)
	}
	if got := apierror.ReasonOf(apierror.FromContext(context.Canceled)); got != looppb.ErrorReason_ERROR_REASON_CANCELLED {
		t.Error(got)
	}
	if got := apierror.ReasonOf(errors.New("foreign")); got != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		t.Error(got)
	}
}

func TestDetailsStaySmall(t *testing.T) {
	var violations []apierror.Violation
	for i := range 1000 {
		violations = append(violations, apierror.Violation{Field: fmt.Sprintf("entries[%d].lines[0].label", i), Description: strings.Repeat("é", 500)})
	}
	err := apierror.Error{
		Code: codes.InvalidArgument, Reason: looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, Message: strings.Repeat("à", 5000),
		Metadata: map[string]string{"operation": strings.Repeat("ü", 5000)}, Violations: violations, RetryAfter: time.Second,
		LoopSaid: strings.Repeat("ç", 5000), Help: []string{strings.Repeat("ô", 5000), "b", "c"},
	}.Err()
	got := status.Convert(err)
	if size := proto.Size(got.Proto()); size > 3<<10 {
		t.Errorf("the status takes %d bytes", size)
	}
	if !utf8.ValidString(got.Message()) {
		t.Error("the message was cut inside a character")
	}
	if len(got.Details()) < 3 {
		t.Errorf("only %d details were kept", len(got.Details()))
	}
}

func TestAnErrorIsNeverASuccess(t *testing.T) {
	if err := (apierror.Error{}).Err(); status.Code(err) != codes.Internal || apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_INTERNAL {
		t.Errorf("an error without a code is %v", err)
	}
}

// TestALongDetailLeavesRoomForTheFrench: what Loop names of itself may be long, and the sentence is still told.
func TestALongDetailLeavesRoomForTheFrench(t *testing.T) {
	long := strings.Repeat("x", 300)
	err := apierror.Error{
		Code: codes.PermissionDenied, Reason: looppb.ErrorReason_ERROR_REASON_DOSSIER_NOT_SHARED, Message: "no", French: "Non.",
		Metadata: map[string]string{"code": long, "requestId": long, "instanceId": long}, Help: []string{long, long, long, long, long, long},
	}.Err()
	for _, detail := range status.Convert(err).Details() {
		if said, is := detail.(*errdetails.LocalizedMessage); is && said.GetMessage() == "Non." {
			return
		}
	}
	t.Error("the sentence for the accountant is gone")
}

func TestTextThatIsNotUTF8CanStillBeSent(t *testing.T) {
	err := apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "a\xff", "b\xff")
	if _, failed := proto.Marshal(status.Convert(err).Proto()); failed != nil || len(status.Convert(err).Details()) != 2 {
		t.Errorf("%v, %v", err, failed)
	}
}

// TestTheAccountantIsToldInFrench: by Loop where it wrote French, and else by the table, with what Loop's gateway said.
func TestTheAccountantIsToldInFrench(t *testing.T) {
	for want, err := range map[string]*cegidclient.Error{
		"Service en maintenance": {Kind: cegidclient.KindUnavailable, HTTPStatus: 503, Message: "Service en maintenance", Attempts: 3},
		"Loop est en panne ou trop lent. Refaites l'appel plus tard. Loop a été interrogé 3 fois, puis plus, car il reste trop peu de temps. Réessayez dans 3 minutes. Réponse de Loop : « Service Unavailable »": {
			Kind: cegidclient.KindUnavailable, HTTPStatus: 503, Message: "Service Unavailable", Attempts: 3, NoMore: cegidclient.StoppedByDeadline, RetryAfter: 121 * time.Second,
		},
		"Loop est en panne ou trop lent. Refaites l'appel plus tard. Loop a été interrogé une fois. Réessayez dans 1 seconde.": {Kind: cegidclient.KindUnavailable, Attempts: 1, RetryAfter: time.Millisecond},
		"Loop a échoué plusieurs fois de suite : il n'est plus appelé pour un moment. Refaites l'appel plus tard.":             {Kind: cegidclient.KindUnavailable, Local: true},
		"La clé du cabinet n'a pas accès à ce dossier, ou le dossier n'existe pas. L'administrateur du cabinet rattache le dossier à la clé de l'application dans LoopHub. Vérifiez le code du dossier, lettre par lettre.": {
			Kind: cegidclient.KindDossierNotShared, HTTPStatus: 403,
		},
		"Loop n'a pas cet objet. Vérifiez son numéro ou son code, et le dossier. Réponse de Loop : « Resource not found »": {
			Kind: cegidclient.KindNotFound, Field: "account_number", HTTPStatus: 404, Message: "Resource not found",
		},
	} {
		got := ""
		for _, detail := range status.Convert(apierror.FromLoop(err)).Details() {
			if local, is := detail.(*errdetails.LocalizedMessage); is && local.GetLocale() == "fr" {
				got = local.GetMessage()
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", err, got, want)
		}
	}
	blamed := status.Convert(apierror.FromLoop(&cegidclient.Error{Kind: cegidclient.KindInvalidArgument, Field: "filter"})).Details()
	if violation := blamed[1].(*errdetails.BadRequest).GetFieldViolations()[0]; len(blamed) != 2 || violation.GetLocalizedMessage().GetLocale() != "fr" || violation.GetLocalizedMessage().GetMessage() == "" {
		t.Error(blamed)
	}
}
