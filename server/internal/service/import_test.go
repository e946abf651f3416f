package service

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/tenant"
)

// granted is a policy that can be replaced.
type granted []ledger.Grant

func (g granted) Readable(_, practice string) []ledger.Grant {
	var out []ledger.Grant
	for _, each := range g {
		if practice == allOf || each.Practices == nil || each.Practices[0] == practice {
			out = append(out, each)
		}
	}
	return out
}

func (granted) Operable(string, string) []ledger.Grant { return nil }

func (granted) MayRead(string, string, string) bool       { return true }
func (granted) MayWrite(string, string, string) bool      { return false }
func (granted) MayOperate(string, string, string) bool    { return false }
func (granted) MayAdminister(string, string, string) bool { return false }

func TestAListHoldsWhatTheGrantsCoverAndItsPagesEndWithThem(t *testing.T) {
	book, err := ledger.Temporary(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for i, place := range [][2]string{{"demo", "A1"}, {"demo", "B1"}, {"partner", "A1"}, {"gone", "A1"}} {
		for _, caller := range []string{"anna", "bert"} {
			_, err := book.Begin(t.Context(), ledger.Submission{
				Key:    ledger.Key{Practice: place[0], Dossier: place[1], Collection: ledger.Imports, RequestID: caller},
				Caller: caller, Kind: ledger.KindEntries, Fingerprints: []ledger.Fingerprint{ledger.NewHasher(1).Bytes([]byte(caller)).Bytes([]byte{byte(i)}).Sum()},
			}, "server")
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	everywhere, dossiers := granted{{Dossiers: []string{"*"}}}, granted{{Practices: []string{"demo"}, Dossiers: []string{"A*"}}, {Practices: []string{"partner"}}}
	list := func(grants granted, request *looppb.ListImportsRequest) (found []string, last string, err error) {
		s := NewImports(NewWrites(tenant.NewPractices(&tenant.Practice{Name: "demo"}, &tenant.Practice{Name: "partner"}), &submission.Writer{Ledger: book, Permissions: grants}, grants,
			func(context.Context) string { return "anna" }, nil, slog.New(slog.DiscardHandler)))
		response, err := s.ListImports(t.Context(), request)
		for _, each := range response.GetImports() {
			found = append(found, fmt.Sprintf("%s/%s/%s", each.GetPractice(), each.GetDossier(), each.GetRequestId()))
		}
		return found, response.GetNextPageToken(), err
	}
	for name, test := range map[string]struct {
		grants            granted
		practice, dossier string
		want              []string
	}{
		"all of all that are configured": {everywhere, "-", "-", []string{"partner/A1/bert", "partner/A1/anna", "demo/B1/bert", "demo/B1/anna", "demo/A1/bert", "demo/A1/anna"}},
		"all of one":                     {everywhere, "demo", "-", []string{"demo/B1/bert", "demo/B1/anna", "demo/A1/bert", "demo/A1/anna"}},
		"a dossier of all":               {everywhere, "-", "A1", []string{"partner/A1/bert", "partner/A1/anna", "demo/A1/bert", "demo/A1/anna"}},
		"what the grants cover, and the caller's own where it has one": {dossiers, "-", "-", []string{"partner/A1/anna", "demo/B1/anna", "demo/A1/bert", "demo/A1/anna"}},
		"no grant": {nil, "-", "-", nil},
	} {
		found, token, err := list(test.grants, &looppb.ListImportsRequest{Practice: test.practice, Dossier: test.dossier})
		if err != nil || token != "" || !reflect.DeepEqual(found, test.want) {
			t.Errorf("%s: %v, %q, %v; want %v", name, found, token, err, test.want)
		}
	}

	// The year 1 is a bound as others are: some languages have it where nothing was set.
	yearOne := timestamppb.New(time.Time{})
	changed := &looppb.ListImportsRequest{Practice: "demo", Dossier: "-", UpdatedFrom: yearOne}
	if found, _, err := list(everywhere, changed); err != nil || !reflect.DeepEqual(found, []string{"demo/A1/anna", "demo/A1/bert", "demo/B1/anna", "demo/B1/bert"}) {
		t.Errorf("in the order of changes: %v, %v", found, err)
	}
	if found, _, err := list(everywhere, &looppb.ListImportsRequest{Practice: "demo", Dossier: "-", ReceivedBefore: yearOne}); err != nil || found != nil {
		t.Errorf("received before the year 1: %v, %v", found, err)
	}

	first := &looppb.ListImportsRequest{Practice: "-", Dossier: "-", PageSize: 1}
	_, token, err := list(everywhere, first)
	if err != nil || token == "" {
		t.Fatal(token, err)
	}
	first.PageToken = token
	if found, _, err := list(everywhere, first); err != nil || !reflect.DeepEqual(found, []string{"partner/A1/anna"}) {
		t.Errorf("the second page: %v, %v", found, err)
	}
	if _, _, err := list(dossiers, first); apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID {
		t.Errorf("the second page under other grants: %v", err)
	}
	for name, change := range map[string]func(*looppb.ListImportsRequest){
		"practice": func(r *looppb.ListImportsRequest) { r.Practice = "demo" },
		"dossier":  func(r *looppb.ListImportsRequest) { r.Dossier = "A1" },
	} {
		other := &looppb.ListImportsRequest{Practice: "-", Dossier: "-", PageSize: 1, PageToken: token}
		change(other)
		if _, _, err := list(everywhere, other); apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestALateAnswerTellsItsReason: also one of a row that holds the reason in its message.
func TestALateAnswerTellsItsReason(t *testing.T) {
	for _, late := range []ledger.LateAnswer{
		{Cause: "refused", Message: "Le journal est clos."},
		{Message: "LOOP_REFUSED Le journal est clos."},
	} {
		late.Time = time.Unix(0, 0)
		got := resolutionMessage(ledger.Record{Resolution: &ledger.Resolution{Late: []ledger.LateAnswer{late}}}).GetLateAnswers()[0].GetMessage()
		if got != "LOOP_REFUSED Le journal est clos." {
			t.Errorf("%+v is told as %q", late, got)
		}
	}
}
