package service

import (
	"testing"

	"cegid.internal/gateway/cegidclient/check"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestEverySeverityAndGroundHasAValueOfTheContract, and none has that of another.
func TestEverySeverityAndGroundHasAValueOfTheContract(t *testing.T) {
	said := map[looppb.FindingSeverity]bool{looppb.FindingSeverity_FINDING_SEVERITY_UNSPECIFIED: true}
	for s := check.Notice; s <= check.Error; s++ {
		got := findingMessage(check.Finding{Severity: s}).GetSeverity()
		if said[got] {
			t.Errorf("%s is %s", s, got)
		}
		said[got] = true
	}
	if len(said) != len(looppb.FindingSeverity_name) {
		t.Errorf("the contract has %v", looppb.FindingSeverity_name)
	}
	every := ^check.Ground(0)
	objecting := map[looppb.FindingGround]bool{looppb.FindingGround_FINDING_GROUND_UNSPECIFIED: true}
	for _, each := range findingMessage(check.Finding{Grounds: every}).GetGrounds() {
		if objecting[each] {
			t.Errorf("%s is said of two", each)
		}
		objecting[each] = true
	}
	if len(objecting) != len(looppb.FindingGround_name) {
		t.Errorf("of %s the contract says %v", every, objecting)
	}
	if got := findingMessage(check.Finding{}); got.GetGrounds() != nil || got.Occurrences != nil {
		t.Errorf("what is merely odd: %v", got)
	}
}
