package conformance

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestABlindLookNeverLeadsToASecondBooking: of an import whose answer was lost, and which is booked.
func TestABlindLookNeverLeadsToASecondBooking(t *testing.T) {
	for name, test := range map[string]struct {
		without bool // anything booked before
		body    string
		doubt   looppb.ImportDoubt
		control looppb.ImportControl
		says    string
	}{
		"a list that is empty": {
			body: `[]`, doubt: looppb.ImportDoubt_IMPORT_DOUBT_SEARCH_BLIND, control: looppb.ImportControl_IMPORT_CONTROL_MISSED, says: "Loop does not find what it has booked",
		},
		"a filter that is ignored": {
			body:  `[{"objectId":"1","revisionId":"1","journalCode":"BQ1","datePiece":"2026-01-28","refPiece":"VIR"}]`,
			doubt: looppb.ImportDoubt_IMPORT_DOUBT_SEARCH_BLIND, control: looppb.ImportControl_IMPORT_CONTROL_MISSED, says: "Loop does not find what it has booked",
		},
		"a filter that is ignored, and no reference is said": {
			body: `[{"objectId":"1","revisionId":"1"}]`, doubt: looppb.ImportDoubt_IMPORT_DOUBT_SEARCH_BLIND, control: looppb.ImportControl_IMPORT_CONTROL_MISSED, says: "Loop does not find what it has booked",
		},
		"a list that is empty, in a dossier without anything": {
			without: true, body: `[]`, control: looppb.ImportControl_IMPORT_CONTROL_NONE, says: "knows of nothing booked in the dossier",
		},
	} {
		t.Run(name, func(t *testing.T) {
			newOne := newResolver
			if test.without {
				newOne = newBlindResolver
			}
			r := newOne(t)
			lost := r.lose(importOf("FA-1", invoice("SIM-LOST-ANSWER-1", "120")))
			r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusOK, Body: test.body, Route: "/EcritureComptable"})
			found, err := r.check("clerk", "FA-1")
			evidence := found.GetResolution().GetEvidence()
			if err != nil || evidence.GetDoubt() != test.doubt || evidence.GetControl() != test.control || !strings.Contains(evidence.GetMessage(), test.says) {
				t.Errorf("%v, %v", found, err)
			}
			for what, call := range map[string]func() (*looppb.Import, error){
				"sent again":                   func() (*looppb.Import, error) { return r.resubmit("everything", lost) },
				"said not to be, without more": func() (*looppb.Import, error) { return r.confirm("everything", "FA-1", notBooked) },
			} {
				if _, err := call(); reasonOf(err) != "MAY_BE_BOOKED" || failureOf(status.Convert(err)).Metadata["control"] != strings.TrimPrefix(test.control.String(), "IMPORT_CONTROL_") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if n := r.importJSONs(); n != 1 {
				t.Errorf("Loop was called %d times", n)
			}
			// A person who has looked says so, and stands for it.
			word := confirmOf("FA-1", notBooked)
			word.GetConfirm().Note = "nothing of it in ACH"
			settled, err := r.resolve("everything", word)
			if err != nil || settled.GetState() != looppb.ImportState_IMPORT_STATE_NOT_SENT || !settled.GetResolution().GetStatement().GetUnproven() {
				t.Errorf("%v, %v", settled, err)
			}
			if audit := r.log.String(); !strings.Contains(audit, `"unproven":true`) {
				t.Error("the audit does not tell that it was said against the doubt")
			}
		})
	}
}

// TestALookAsksLittleMore: one control is enough where it is found, three at most where none is.
func TestALookAsksLittleMore(t *testing.T) {
	r := newResolver(t)
	for _, id := range []string{"B-1", "B-2", "B-3"} {
		if _, err := r.client.ImportEntries(as(t.Context(), "clerk"), importOf(id, invoice(id, "5"))); err != nil {
			t.Fatal(err)
		}
		r.Simulator.FinishImports()
		r.lastState(id)
	}
	r.lose(importOf("FA-1", invoice("SIM-CUT-BEFORE-1", "120")))
	questions := func() int {
		t.Helper()
		r.Simulator.ResetCounters()
		if _, err := r.check("clerk", "FA-1"); err != nil {
			t.Fatal(err)
		}
		return r.Simulator.Count("/EcritureComptable")
	}
	if n := questions(); n != 3+2+2 {
		t.Errorf("%d questions", n)
	}
	r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusOK, Body: `[]`, Route: "/EcritureComptable"})
	if n := questions(); n != 3+6+2 {
		t.Errorf("%d questions where it is blind", n)
	}
}

// TestWhateverALookSeesNothingIsBookedTwice: imports that are booked, lost, cut off or failed are sent again in every way while
// lists come and go blind. Nobody overrides anything.
func TestWhateverALookSeesNothingIsBookedTwice(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r, chance := newResolver(t), rand.New(rand.NewPCG(seed, 14))
			var passed, refused, blind int
			const documents = 40
			for i := range documents {
				document := fmt.Sprint("D-", i)
				under := func(id, reference string) *looppb.ImportEntriesRequest {
					e := invoice(document, fmt.Sprint(100+i))
					e.Reference = reference
					return importOf(id, e)
				}
				magic := []string{"PLAIN", "SIM-LOST-ANSWER", "SIM-CUT-BEFORE", "SIM-CUT-ONCE", "SIM-FAIL-LATE"}[chance.IntN(5)]
				first := under(document, fmt.Sprint(magic, "-", i))
				_, _ = r.client.ImportEntries(as(t.Context(), "clerk"), first) // what became of it is judged in the end
				r.Simulator.FinishImports()
				r.lastState(document)
				for again := range 1 + chance.IntN(4) {
					if body := []string{"", `[]`, `[{"objectId":"1","revisionId":"1","journalCode":"BQ1","refPiece":"VIR"}]`, `[{}]`}[chance.IntN(4)]; body != "" {
						blind++
						r.Simulator.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: http.StatusOK, Body: body, Route: "/EcritureComptable"})
					}
					var err error
					switch chance.IntN(4) {
					case 0:
						_, err = r.resubmit("everything", first)
					case 1:
						if _, err = r.confirm("everything", document, notBooked); err == nil {
							_, err = r.client.ImportEntries(as(t.Context(), "clerk"), first)
						}
					default:
						_, err = r.client.ImportEntries(as(t.Context(), "everything"), under(fmt.Sprint(document, "-", again), fmt.Sprint("R-", i)))
					}
					if err == nil {
						passed++
					} else {
						refused++
					}
					r.Simulator.ClearFaults()
					r.Simulator.FinishImports()
				}
			}
			t.Logf("%d passed, %d refused, %d of them blind", passed, refused, blind)
			if passed < documents/10 || refused < documents/2 || blind < documents/2 {
				t.Error("too little has happened")
			}
			for i := range documents {
				if n := r.booked(fmt.Sprint("D-", i)); n > 1 {
					t.Errorf("D-%d is booked %d times", i, n)
				}
			}
		})
	}
}
