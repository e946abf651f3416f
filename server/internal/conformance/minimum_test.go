package conformance

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/contract"
)

// What the corpus must show of each RPC.
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

// minimum begins with what every RPC shows, whether it asks Loop or not.
func minimum() []string {
	return []string{
		showsAnswer, showsDenied, showsEmpty, showsWrongKey, showsRefused, showsDown, showsEnvelope, showsNumeric, showsEnum, showsExtra,
		showsReference, showsCase,
	}
}

// exemption says what of the minimum the RPCs of a file cannot show, and why.
type exemption struct {
	Why string `yaml:"why"`
	// What they cannot show, or But, what they can: all else they cannot.
	What []string `yaml:"what"`
	But  []string `yaml:"but"`
	// Of are the RPCs; by default all that the file has cases of.
	Of []string `yaml:"of"`
}

func (e exemption) ofFile(cases []corpusCase) exemption {
	if e.Of == nil {
		for _, c := range cases {
			e.Of = append(e.Of, c.Call)
		}
	}
	return e
}

func (e exemption) excuses(rpc, what string) bool {
	return slices.Contains(e.Of, rpc) && (slices.Contains(e.What, what) || e.But != nil && !slices.Contains(e.But, what))
}

// needs says what the corpus must show of a method. One that wraps an operation of Loop's passes on what Loop answers, and so does one
// whose cases show any of that.
func needs(method protoreflect.MethodDescriptor, shown map[string]bool) []string {
	wraps, loop, advanced := contract.Wraps(method), false, false
	for _, what := range minimum()[2:] {
		loop = loop || shown[what]
	}
	for _, id := range wraps {
		operation, _ := cegidclient.OperationByID(id)
		advanced = advanced || operation.Key == cegidclient.KeyAdvanced
	}
	switch {
	case len(wraps) == 0 && !loop:
		return minimum()[:2]
	case len(wraps) > 0 && !advanced: // any kind of key will do
		return slices.DeleteFunc(minimum(), func(what string) bool { return what == showsWrongKey })
	}
	return minimum()
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

// TestTheCorpusHoldsTheMinimumOfEachRPC: and excuses nothing that it shows, or that is not there.
func TestTheCorpusHoldsTheMinimumOfEachRPC(t *testing.T) {
	shown := map[string]map[string]bool{}
	cases, exemptions := corpusAndExemptions(t)
	for file, cases := range cases {
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
	for method := range contract.Methods() {
		rpc := contract.Name(method)
		known[rpc] = true
		for _, what := range needs(method, shown[rpc]) {
			why := ""
			for _, each := range exemptions {
				if each.excuses(rpc, what) {
					why = each.Why
				}
			}
			excused := why != ""
			switch {
			case shown[rpc][what] && excused:
				t.Errorf("%s: a case shows %q, which exempt excuses because %q: strike it there", rpc, what, why)
			case !shown[rpc][what] && !excused:
				t.Errorf("%s: no case shows %q: add one, or name it under exempt in the head of its file of cases, with the reason", rpc, what)
			}
		}
	}
	for _, each := range exemptions {
		if each.Why == "" || (each.What == nil) == (each.But == nil) {
			t.Errorf("%+v does not say why, or not either what or but", each)
		}
		for _, rpc := range each.Of {
			if rpc != "" && !known[rpc] {
				t.Errorf("%s is excused, and is no RPC", rpc)
			}
		}
		for _, what := range slices.Concat(each.What, each.But) {
			if !slices.Contains(minimum(), what) {
				t.Errorf("%q is excused, which is none of %q", what, minimum())
			}
		}
	}
}
