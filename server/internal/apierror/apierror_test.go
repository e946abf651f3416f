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
				if kind == cegidclient.KindBusy { // Loop has said nothing
					want = "Trop d'appels attendent Loop pour ce cabinet, et le vôtre n'a pas été envoyé. Réessayez dans 90 secondes."
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

func TestTextThatIsNotUTF8CanStillBeSent(t *testing.T) {
	err := apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, "a\xff", "b\xff")
	if _, failed := proto.Marshal(status.Convert(err).Proto()); failed != nil || len(status.Convert(err).Details()) != 2 {
		t.Errorf("%v, %v", err, failed)
	}
}
