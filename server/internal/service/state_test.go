package service

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// covers checks that each value of a set has one of the contract's, which no other has, and that the contract has no other.
func covers[T comparable](t *testing.T, set []T, value func(T) protoreflect.Enum) {
	t.Helper()
	said := map[protoreflect.EnumNumber]T{}
	var enum protoreflect.EnumDescriptor
	for _, each := range set {
		got := value(each)
		enum = got.Descriptor()
		if other, twice := said[got.Number()]; got.Number() == 0 || twice {
			t.Errorf("%v is said as %v, as %v", each, got, other)
		}
		said[got.Number()] = each
	}
	if enum != nil && len(said) != enum.Values().Len()-1 {
		t.Errorf("%s has %d values, and %d are said", enum.Name(), enum.Values().Len()-1, len(said))
	}
}

func TestEveryValueOfTheLedgerHasOneOfTheContract(t *testing.T) {
	covers(t, ledger.States(), func(s ledger.State) protoreflect.Enum { return importStates[s] })
	for _, state := range ledger.States() {
		if stateOf(importStates[state]) != state {
			t.Errorf("%s is asked for as %s", importStates[state], stateOf(importStates[state]))
		}
		if _, known := writeStates[state]; known == state.Following() || state == ledger.Failed {
			if state != ledger.Failed || known { // what is carried out at once neither waits, nor fails later
				t.Errorf("%s of a document: %v", state, known)
			}
		}
	}
	var atOnce []ledger.State
	for state := range writeStates {
		atOnce = append(atOnce, state)
	}
	covers(t, atOnce, func(s ledger.State) protoreflect.Enum { return writeStates[s] })
	covers(t, ledger.Verdicts(), func(v ledger.Verdict) protoreflect.Enum { return verdicts[v] })
	covers(t, ledger.EveryControl(), func(c ledger.Control) protoreflect.Enum { return controls[c] })
	covers(t, ledger.Doubts(), func(d ledger.Doubt) protoreflect.Enum { return doubts[d] })
	covers(t, submission.Formats(), func(f submission.Format) protoreflect.Enum { return formatMessage(f) })
	var named []string
	for name := range encodings {
		named = append(named, name)
	}
	covers(t, named, func(name string) protoreflect.Enum { return encodings[name] })
}

// TestEveryRuleOfEntriesHasAReason: a finding that stops an import is told by its code.
func TestEveryRuleOfEntriesHasAReason(t *testing.T) {
	for _, rule := range check.Codes() {
		if rule.Severity == check.Error && apierror.ReasonNamed(rule.Code) == looppb.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("%s is no reason of the contract", rule.Code)
		}
	}
}
