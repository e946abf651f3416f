package inforce

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

type reference struct{ written, hidden string }

func (r reference) String() string { return r.written }

type practice struct {
	Name     string
	Key      reference
	Dossiers []dossier
	Limits   struct{ RequestsPerSecond float64 }
}

type dossier struct{ Code, Name string }

type settings struct {
	BaseURL, TRANames string
	CallLimit         time.Duration
	Practices         []practice
	Origins           []string
	Log               struct{ Dossiers bool }
}

func example() settings {
	s := settings{BaseURL: "https://loop", CallLimit: time.Minute, Origins: []string{"a", "b"}, Practices: []practice{
		{Name: "demo", Key: reference{"${file:key}", "a secret"}, Dossiers: []dossier{{"CEGID001", "Dupont"}, {"CEGID002", "Martin"}}}, {Name: "partner"},
	}}
	s.Practices[0].Limits.RequestsPerSecond = 2.5
	return s
}

func TestSettingsAreNamedAsInYAML(t *testing.T) {
	entries := Of(example(), "Dossiers")
	shown := Shown(entries)
	for path, want := range map[string]string{
		"base_url": "https://loop", "tra_names": "", "call_limit": "1m0s", "origins": "a, b", "practices[demo].key": "${file:key}", "practices[demo].dossiers": "2 of them",
		"practices[demo].limits.requests_per_second": "2.5", "practices[partner].name": "partner", "log.dossiers": "false",
	} {
		if got, is := shown[path]; got != want || !is {
			t.Errorf("%s: %q; want %q", path, got, want)
		}
	}
	for _, secret := range []string{"a secret", "CEGID001", "Dupont"} {
		if strings.Contains(fmt.Sprint(shown), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
}

func TestChangesAreToldAndHidden(t *testing.T) {
	before, changed := example(), example()
	changed.CallLimit = time.Second
	changed.Practices[0].Dossiers[1].Code = "CEGID003"
	changed.Practices[1].Name = "other"
	got := Changes(Of(before, "Dossiers"), Of(changed, "Dossiers"))
	for _, want := range []string{"call_limit: 1m0s -> 1s", "practices[demo].dossiers: changed", "practices[partner].name: partner -> nothing", "practices[other].name: nothing -> other"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not told: %q", want, got)
		}
	}
	if more := Changes(Of(before), Of(before)); len(more) > 0 {
		t.Errorf("of the same: %q", more)
	}
	var one, other []Entry
	for i := range most + 20 {
		one, other = append(one, Plain(fmt.Sprint(i), "a")), append(other, Plain(fmt.Sprint(i), "b"))
	}
	if many := Changes(one, other); len(many) != most+1 || many[most] != "and 20 more" {
		t.Errorf("%d lines, %q", len(many), many[len(many)-1])
	}
}

// TestAHashStandsForWhatIsNotShownToo, in any order.
func TestAHashStandsForWhatIsNotShownToo(t *testing.T) {
	entries := Of(example(), "Dossiers")
	hash := Hash(entries)
	slices.Reverse(entries)
	if Hash(entries) != hash || len(hash) != 64 {
		t.Error("the order counts")
	}
	changed := example()
	changed.Practices[0].Dossiers[1].Code = "CEGID003"
	if Hash(Of(changed, "Dossiers")) == hash {
		t.Error("what is not shown does not count")
	}
}
