package strictyaml_test

import (
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/server/internal/config/strictyaml"
)

func parse(t testing.TB, source string) (strictyaml.Node, *strictyaml.Report, bool) {
	t.Helper()
	report := &strictyaml.Report{}
	root, ok := strictyaml.Parse("f.yaml", []byte(source), report)
	if ok != (report.Err() == nil) {
		t.Errorf("%q: ok is %v with %v", source, ok, report.Err())
	}
	return root, report, ok
}

func TestScalarsAreReadAsTheyAreWritten(t *testing.T) {
	for written, want := range map[string]string{
		"007": "007", "0x1F": "0x1F", "1.50": "1.50", "True": "True", "off": "off", "2026-01-01": "2026-01-01", ".inf": ".inf",
		`"a: b"`: "a: b", "'it''s'": "it's", "a b # c": "a b", "${file:/x}": "${file:/x}", "|\n  x\n": "x\n", "a#b": "a#b",
	} {
		root, report, _ := parse(t, "\ufeffa: "+written)
		fields, _ := root.Fields("a")
		if got, ok := fields.Get("a").Text(); !ok || got != want || report.Err() != nil {
			t.Errorf("%s reads as %q, %v, %v", written, got, ok, report.Err())
		}
	}
}

func TestAKeyWithoutAValueCountsAsNotGiven(t *testing.T) {
	root, report, _ := parse(t, "a:\nb: ~\nc: null\nd: ''\n")
	fields, _ := root.Fields("a", "b", "c", "d", "e")
	for key, given := range map[string]bool{"a": false, "b": false, "c": false, "d": true, "e": false} {
		if fields.Get(key).Given() != given {
			t.Errorf("%s is given: %v", key, !given)
		}
	}
	if d := fields.Get("a").Duration(time.Second, 0, time.Minute); d != time.Second {
		t.Errorf("the default of a duration is %s", d)
	}
	if report.Err() != nil {
		t.Error(report.Err())
	}
}

func TestWhatIsNotPlainYAMLIsRefusedWithItsLine(t *testing.T) {
	for source, want := range map[string]string{
		"a: 1\nb: &x 2\n":          "f.yaml:2: anchors, aliases",
		"a: 1\nb:\n  - *x\n":       "f.yaml:3: anchors, aliases",
		"a: 1\nb: {<<: {a: *x}}\n": "f.yaml:2: anchors, aliases",
		"a: !!binary x\n":          "f.yaml:1: anchors, aliases",
		"a: 1\n---\nb: 2\n":        "f.yaml:3: a directive or a second document",
		"%YAML 1.1\n---\na: 1\n":   "a directive or a second document",
		"a: 1\nb: c: d\n":          "f.yaml:2: this is not valid YAML",
		"a:\n\t- b\n":              "this is not valid YAML",
		"a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40): "f.yaml:1: this is nested too deeply",
	} {
		_, report, ok := parse(t, source)
		if ok || !strings.Contains(report.Err().Error(), want) {
			t.Errorf("%q: the error is %v and should contain %q", source, report.Err(), want)
		}
	}
}

func TestKeysThatAreNoWordsAreUnknown(t *testing.T) {
	for _, source := range []string{"1: a", "true: a", "<<: {a: 1}", "~: a", "A: a", "? a\n: b"} {
		root, report, ok := parse(t, source)
		if !ok {
			continue
		}
		if root.Fields("a"); report.Err() == nil || !strings.Contains(report.Err().Error(), "is not known here; the keys are a") {
			t.Errorf("%q: the error is %v", source, report.Err())
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	for _, seed := range []string{"", "a: b", "- a", "? a", "{", "[", "&a", "*a", "!a", "|", ">-\n x", "%", "---", "a: &x\n  <<: *x", "\x00", "'", "\"\\", "- - ? :"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 1<<12 {
			t.Skip("the parser's time grows with the square of the length")
		}
		root, report, ok := parse(t, source)
		if !ok {
			return
		}
		fields, _ := root.Fields("a", "b")
		for _, n := range []strictyaml.Node{root, fields.Get("a"), fields.Get("b")} {
			items, _ := n.Items()
			for _, n := range append(items, n) {
				n.Text()
				n.Bool(true)
				n.Int(0, 0, 1)
				n.Number(0, 0, 1)
				n.Duration(0, 0, 1)
				n.IsFalse()
				n.Where()
			}
		}
		_ = report.Err()
	})
}
