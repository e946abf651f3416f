package wording

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// answerOf writes an error down as a caller can see it.
func answerOf(err error) []string {
	said := status.Convert(err)
	out := []string{fmt.Sprintf("%d: %s", said.Code(), said.Message())}
	for _, detail := range said.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			line := d.GetReason()
			for _, name := range slices.Sorted(maps.Keys(d.GetMetadata())) {
				line += " " + name + "=" + d.GetMetadata()[name]
			}
			out = append(out, line)
		case *errdetails.RetryInfo:
			out = append(out, "again in "+d.GetRetryDelay().AsDuration().String())
		case *errdetails.Help:
			for _, link := range d.GetLinks() {
				out = append(out, "help: "+link.GetDescription())
			}
		case *errdetails.LocalizedMessage:
			out = append(out, d.GetLocale()+": "+d.GetMessage())
		}
	}
	return out
}

// TestAFailureIsAnsweredAsItWas: testdata holds each failure as the servers stored it that stored their answer (before), as it
// is stored now, and what a server of then answered.
func TestAFailureIsAnsweredAsItWas(t *testing.T) {
	text, err := os.ReadFile("testdata/failures.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Name        string
		Before, Now *ledger.Failure
		Answers     map[string][]string
		// FrenchBefore is the French sentence for a row of before, where that is another: such a row has stored English alone.
		FrenchBefore map[string]string `json:"french_before"`
	}
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) < 60 {
		t.Fatal(len(rows), err)
	}
	for _, row := range rows {
		for form, failure := range map[string]*ledger.Failure{"before": row.Before, "now": row.Now} {
			if (failure.Answered != nil) != (form == "before") {
				t.Errorf("%s, %s: %+v", row.Name, form, failure)
			}
			for what, want := range row.Answers {
				var got []string
				if french := row.FrenchBefore[what]; french != "" && form == "before" {
					want = append(slices.Clone(want[:len(want)-1]), french)
				}
				switch state, of, _ := strings.Cut(what, " "); of {
				case "entries":
					got = answerOf(outcome(submission.Result{Record: ledger.Record{State: ledger.State(state), Error: failure}, Replayed: true}, wordsOf(ledger.KindEntries)))
				case "document":
					got = answerOf(outcome(submission.Result{Record: ledger.Record{State: ledger.State(state), Error: failure}, Replayed: true}, wordsOf(ledger.KindDocument)))
				default:
					reason, message := Failure(failure)
					got = []string{reason, message, failure.LoopMessage, failure.LoopInstanceID, fmt.Sprint(failure.HTTPStatus)}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, %s, %s:\n%q\nwant\n%q", row.Name, form, what, got, want)
				}
			}
		}
	}
}

// TestEveryCauseHasAReason: those of the ledger's, and those of Loop's client, which no name is shared by.
func TestEveryCauseHasAReason(t *testing.T) {
	all := ledger.Causes()
	for _, kind := range cegidclient.Kinds() {
		all = append(all, kindCause(kind))
	}
	for i, cause := range all {
		told, reason := failed(&ledger.Failure{Cause: cause})
		if cause == kindCause(cegidclient.KindInterrupted) { // stored as CauseNoTurn
			continue
		}
		if told.Reason == looppb.ErrorReason_ERROR_REASON_UNSPECIFIED || told.Code == 0 && cause != ledger.CauseEndedWithErrors || told.Message == "" && cause != kindCause(cegidclient.KindInvalidArgument) || reason == "" {
			t.Errorf("%s: %+v", cause, told)
		}
		if slices.Contains(all[:i], cause) {
			t.Errorf("%s is there twice", cause)
		}
	}
}
