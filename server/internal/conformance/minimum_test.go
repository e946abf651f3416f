package conformance

import (
	"maps"
	"slices"
	"testing"

	"cegid.internal/gateway/server/internal/app"
)

// What the corpus must show of each RPC that reads from Loop or writes to it.
const (
	showsAnswer    = "answer"
	showsEmpty     = "empty"
	showsDenied    = "not allowed"
	showsWrongKey  = "wrong key"
	showsRefused   = "refused by Loop"
	showsDown      = "Loop down"
	showsEnvelope  = "other envelope"
	showsNumeric   = "numeric strings"
	showsEnum      = "unknown enum value"
	showsExtra     = "extra field"
	showsReference = "empty reference"
	showsCase      = "letter case"
)

func minimum() []string {
	return []string{
		showsAnswer, showsEmpty, showsDenied, showsWrongKey, showsRefused, showsDown, showsEnvelope, showsNumeric, showsEnum, showsExtra,
		showsReference, showsCase,
	}
}

// exempt says what of the minimum an RPC, or every RPC of a service, cannot show, and why. Without a reason, an RPC shows what
// its service cannot.
var exempt = map[string]map[string]string{
	"ReferenceDataService": {showsWrongKey: "any kind of key will do (R 1.2)"},
	"EntryService":         {showsWrongKey: "any kind of key will do (A 4)", showsReference: "none was seen in an entry"},
	"ChangeFeedService": {
		showsWrongKey: "any kind of key will do (A 6)", showsEnum: "an answer without enum", showsReference: "an answer without reference",
	},

	"DocumentService": {
		showsWrongKey: "any kind of key will do (A 5)", showsNumeric: "no field of the answer is documented",
		showsEnum: "no field of the answer is documented", showsReference: "no field of the answer is documented",
	},
	"DocumentService.GetDocument": without("it answers from the ledger", showsAnswer, showsDenied),
	"RawService": {
		showsEnvelope: "the answer is passed on as it came", showsEnum: "the answer is passed on as it came", showsReference: "the answer is passed on as it came",
	},

	"ReferenceDataService.ListAnalyticSections":   {showsNumeric: "a section has no number", showsEnum: "a section has no enum"},
	"ReferenceDataService.StreamAnalyticSections": {showsNumeric: "a section has no number", showsEnum: "a section has no enum"},
	"ReferenceDataService.ListVatCodes":           {showsReference: "none was seen in a VAT code"},
	"ReferenceDataService.StreamVatCodes":         {showsReference: "none was seen in a VAT code"},
	"ReferenceDataService.ListEstablishments":     {showsReference: "none was seen in an establishment"},
	"ReferenceDataService.StreamEstablishments":   {showsReference: "none was seen in an establishment"},
	"ReferenceDataService.GetLegalIdentity":       {showsEnum: "the legal form is a text", showsReference: "a legal identity has none"},
	"ReferenceDataService.UpdateLegalIdentity":    {showsEnum: "the legal form is a text", showsReference: "a legal identity has none"},

	"PracticeService.CheckStaffAccess": {showsReference: "yes or no"},

	"ImportService":                  without("an id or an error is all that Loop answers", showsAnswer, showsDenied, showsRefused, showsDown),
	"ImportService.ValidateFile":     without("it does not call Loop", showsAnswer, showsDenied),
	"ImportService.StreamFileReport": without("it does not call Loop", showsAnswer, showsDenied),
	"ImportService.GetDeposit":       without("it answers from the ledger; an answer: TestADepositIsItsCallersOwn", showsDenied),
	"ImportService.GetImport":        without("it answers from the ledger", showsAnswer, showsDenied),
	"ImportService.ListImports":      without("it answers from the ledger", showsAnswer, showsDenied),
	"ImportService.ResolveImport": without("a fault has a service of its own, without an import to resolve: TestALookIntoLoopThatFailsLeavesWhatWasSeen",
		showsAnswer, showsDenied),
	"ImportService.WatchImport": without("it answers from the ledger; an answer: TestAnImportIsFollowedAndListed", showsDenied),

	"EventService.ListEvents":   without("it answers from the ledger", showsAnswer, showsDenied),
	"EventService.StreamEvents": without("it answers from the ledger", showsAnswer, showsDenied),

	"DiagnosticsService.ListOperations":  without("it does not call Loop", showsAnswer, showsDenied),
	"DiagnosticsService.ListDossiers":    without("it does not call Loop", showsAnswer, showsDenied),
	"DiagnosticsService.CheckConnection": without("all that Loop says, and that it says nothing, is the answer", showsAnswer, showsDenied),
}

// without exempts from all but what is shown.
func without(reason string, shown ...string) map[string]string {
	out := map[string]string{}
	for _, what := range minimum() {
		if !slices.Contains(shown, what) {
			out[what] = reason
		}
	}
	return out
}

// shows tells what a case shows of the minimum, by what it sets up and wants.
func (c *corpusCase) shows() []string {
	out := slices.Clone(c.Covers)
	add := func(what string, shown bool) {
		if shown {
			out = append(out, what)
		}
	}
	reason := ""
	if c.Error != nil {
		reason = c.Error.Reason
	}
	add(showsAnswer, c.Error == nil && c.Faults == nil && c.Shape == nil)
	add(showsEmpty, c.Sim != nil && c.Sim.EmptyDossier != nil)
	add(showsDenied, reason == "CALLER_NOT_ALLOWED")
	add(showsWrongKey, reason == "ADVANCED_KEY_REQUIRED")
	add(showsRefused, reason == "LOOP_REFUSED")
	add(showsDown, c.Faults != nil && (reason == "LOOP_UNAVAILABLE" || reason == "OUTCOME_UNKNOWN"))
	if s := c.Shape; s != nil && c.Error == nil {
		add(showsEnvelope, s.Envelope != "")
		add(showsNumeric, s.NumbersAsStrings)
		add(showsEnum, s.EnumValue != 0)
		add(showsExtra, s.ExtraField && c.Request["include_unmapped"] == true)
		add(showsReference, s.References != "")
		add(showsCase, s.MemberCase != "")
	}
	return out
}

// TestTheCorpusHoldsTheMinimumOfEachRPC: and exempts nothing that it shows, or that does not exist.
func TestTheCorpusHoldsTheMinimumOfEachRPC(t *testing.T) {
	shown := map[string]map[string]bool{}
	for file, cases := range corpus(t) {
		for _, c := range cases {
			for _, what := range c.shows() {
				if !slices.Contains(minimum(), what) {
					t.Errorf("%s: %s covers %q, which is none of %q", file, c.Name, what, minimum())
				}
				if shown[c.Call] == nil {
					shown[c.Call] = map[string]bool{}
				}
				shown[c.Call][what] = true
			}
		}
	}
	known := map[string]bool{}
	for _, service := range app.Services() {
		name := string(service.Name())
		known[name] = true
		for i := range service.Methods().Len() {
			rpc := name + "." + string(service.Methods().Get(i).Name())
			known[rpc] = true
			reasons := map[string]string{}
			maps.Copy(reasons, exempt[name])
			maps.Copy(reasons, exempt[rpc])
			for _, what := range minimum() {
				if shown[rpc][what] == (reasons[what] != "") {
					t.Errorf("%s: the corpus shows %q: %t; exempt because %q", rpc, what, shown[rpc][what], reasons[what])
				}
			}
		}
	}
	for name, reasons := range exempt {
		if !known[name] {
			t.Errorf("%s is exempt, and is neither a service nor an RPC", name)
		}
		for what := range reasons {
			if !slices.Contains(minimum(), what) {
				t.Errorf("%s is exempt from %q, which is none of %q", name, what, minimum())
			}
		}
	}
}
