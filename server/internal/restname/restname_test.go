package restname_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/restname"
)

// TestNamesInSentences: those of the contract, as long as nobody else wrote them.
func TestNamesInSentences(t *testing.T) {
	names := restname.OfContract()
	for text, want := range map[string]string{
		"entries[0].lines[2].third_party":                      "entries[0].lines[2].thirdParty",
		`extra_fields["due_date"]`:                             `extraFields["due_date"]`,
		"give lettering, lettering_id or origin_id: by one":    "give lettering, letteringId or originId: by one",
		`"object_id" cannot be filtered by: use object_id`:     `"object_id" cannot be filtered by: use objectId`,
		"« due_date » est inconnu, corrigez document_date":     "« due_date » est inconnu, corrigez documentDate",
		"have importTRA enabled under unverified_operations":   "have importTRA enabled under unverified_operations",
		"IMPORT_FORMAT_FEC of my_due_date, max_size, practice": "IMPORT_FORMAT_FEC of my_due_date, max_size, practice",
	} {
		if got := names.In(text); got != want {
			t.Errorf("%q became %q; want %q", text, got, want)
		}
	}
}

// TestAnErrorSpeaksAsJSONDoes: what Loop said stays as it was.
func TestAnErrorSpeaksAsJSONDoes(t *testing.T) {
	err := apierror.Error{
		Code: codes.InvalidArgument, Reason: looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, Message: "page_size: too large",
		Violations: []apierror.Violation{{Field: "metadata.file_name", Description: "see page_token", Reason: "DATE_INVALID", French: "voir page_token"}},
		Help:       []string{"set allow_duplicate"}, LoopSaid: "Le champ due_date est inconnu", Metadata: map[string]string{"operation": "page_size", "httpStatus": "400"},
	}.Err()
	got := status.Convert(restname.OfUpload(restname.OfContract().Error(err)))
	if got.Code() != codes.InvalidArgument || got.Message() != "pageSize: too large" || apierror.ReasonOf(got.Err()) != looppb.ErrorReason_ERROR_REASON_FIELD_INVALID {
		t.Error(got)
	}
	seen := 0
	for _, detail := range got.Details() {
		seen++
		switch d := detail.(type) {
		case *errdetails.BadRequest:
			if v := d.GetFieldViolations()[0]; v.GetField() != "fileName" || v.GetDescription() != "see pageToken" || v.GetLocalizedMessage().GetMessage() != "voir pageToken" || v.GetReason() != "DATE_INVALID" {
				t.Error(v)
			}
		case *errdetails.Help:
			if d.GetLinks()[0].GetDescription() != "set allowDuplicate" {
				t.Error(d)
			}
		case *errdetails.LocalizedMessage:
			if d.GetMessage() != "Le champ due_date est inconnu" {
				t.Error(d)
			}
		case *errdetails.ErrorInfo:
			if d.GetMetadata()["operation"] != "page_size" {
				t.Error(d)
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d details are left", seen)
	}
}

// TestOurOwnFrenchSpeaksAsJSONDoes: where Loop has said nothing, the sentence is this service's.
func TestOurOwnFrenchSpeaksAsJSONDoes(t *testing.T) {
	err := apierror.Error{Code: codes.InvalidArgument, Message: "set numbers_per_line", French: "Indiquez numbers_per_line, pas « page_size »."}.Err()
	got := status.Convert(restname.OfContract().Error(err))
	if local := got.Details()[1].(*errdetails.LocalizedMessage); local.GetMessage() != "Indiquez numbersPerLine, pas « page_size »." {
		t.Error(local)
	}
}

// TestAnAnswersSentences name what the reader would write, and the answer that others hold stays as it is.
func TestAnAnswersSentences(t *testing.T) {
	names := restname.OfContract()
	for _, c := range []struct{ answer, want proto.Message }{
		{
			&looppb.ValidateEntriesResponse{Findings: []*looppb.Finding{
				{Field: "entries[0].date", Message: "m", MessageFr: "f"}, {Field: "entries[0].lines[0].due_date", Message: "set due_date", MessageFr: "corrigez due_date"},
			}},
			&looppb.ValidateEntriesResponse{Findings: []*looppb.Finding{
				{Field: "entries[0].date", Message: "m", MessageFr: "f"}, {Field: "entries[0].lines[0].dueDate", Message: "set dueDate", MessageFr: "corrigez dueDate"},
			}},
		},
		{
			&looppb.GetImportResponse{ImportRecord: &looppb.Import{RequestId: "due_date", Error: &looppb.ImportError{Message: "set due_date", LoopMessage: "due_date manque"}}},
			&looppb.GetImportResponse{ImportRecord: &looppb.Import{RequestId: "due_date", Error: &looppb.ImportError{Message: "set dueDate", LoopMessage: "due_date manque"}}},
		},
		{
			&looppb.GetDocumentResponse{Document: &looppb.Document{Error: &looppb.WriteError{Message: "set allow_duplicate"}}},
			&looppb.GetDocumentResponse{Document: &looppb.Document{Error: &looppb.WriteError{Message: "set allowDuplicate"}}},
		},
		{
			&looppb.CheckConnectionResponse{Cures: []string{"a", "give key_kind"}, Evidence: &looppb.ConnectionEvidence{Detail: "no key_kind", LoopMessage: "key_kind"}},
			&looppb.CheckConnectionResponse{Cures: []string{"a", "give keyKind"}, Evidence: &looppb.ConnectionEvidence{Detail: "no keyKind", LoopMessage: "key_kind"}},
		},
	} {
		before := proto.Clone(c.answer)
		if got := names.Answer(c.answer); !proto.Equal(got, c.want) || !proto.Equal(c.answer, before) {
			t.Errorf("%v became %v; want %v", c.answer, got, c.want)
		}
	}
	for _, plain := range []proto.Message{
		&looppb.ValidateEntriesResponse{Findings: []*looppb.Finding{{Field: "entries[0]"}}},
		&looppb.ListAccountsResponse{Accounts: []*looppb.Account{{Number: "due_date"}}},
	} {
		if got := names.Answer(plain); got != plain {
			t.Errorf("%v was copied", plain)
		}
	}
}
