package strictyaml_test

import (
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/server/internal/strictyaml"
)

// shape has a key of each kind.
var shape = strictyaml.Mapping("", "", strictyaml.Text("a", ""), strictyaml.List("b", "", strictyaml.Text("", "")), strictyaml.Mapping("c", "", strictyaml.Text("a", "")),
	strictyaml.Text("d", "").Default("x"), strictyaml.Duration("duration", time.Second, 0, time.Minute, ""), strictyaml.Int("int", 2, 1, 3, ""),
	strictyaml.Number("number", 2.5, 1, 3, ""), strictyaml.Bool("bool", true, ""))

func parse(t testing.TB, source string) (strictyaml.Node, *strictyaml.Report, bool) {
	t.Helper()
	report := &strictyaml.Report{}
	root, ok := strictyaml.Parse("f.yaml", shape, []byte(source), report)
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
		fields, _ := root.Fields()
		if got, ok := fields.Get("a").Text(); !ok || got != want || report.Err() != nil {
			t.Errorf("%s reads as %q, %v, %v", written, got, ok, report.Err())
		}
	}
}

func TestAKeyWithoutAValueCountsAsNotGiven(t *testing.T) {
	root, report, _ := parse(t, "a:\nb: ~\nc: null\nd: ''\nduration:\n")
	fields, _ := root.Fields()
	for key, given := range map[string]bool{"a": false, "b": false, "c": false, "d": true, "bool": false} {
		if fields.Get(key).Given() != given {
			t.Errorf("%s is given: %v", key, !given)
		}
	}
	if d, i, n, b := fields.Get("duration").Duration(), fields.Get("int").Int(), fields.Get("number").Number(), fields.Get("bool").Bool(); d != time.Second || i != 2 || n != 2.5 || !b {
		t.Errorf("the defaults are %s, %d, %v, %v", d, i, n, b)
	}
	empty, _, _ := parse(t, "")
	if fields, _ := empty.Fields(); fields.Get("d").TextOrDefault() != "x" || fields.Get("d").Given() {
		t.Error("a text has not its default")
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
		if root.Fields(); report.Err() == nil || !strings.Contains(report.Err().Error(), "is not known here; the keys are a, b, c, d, duration") {
			t.Errorf("%q: the error is %v", source, report.Err())
		}
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	for _, seed := range []string{"", "a: b", "- a", "? a", "{", "[", "&a", "*a", "!a", "|", ">-\n x", "%", "---", "a: &x\n  <<: *x", "\x00", "'", "\"\\", "- - ? :"} {
		f.Add(seed)
	}
	for _, key := range []string{"b", "c", "duration", "int", "number", "bool"} {
		f.Add(key + ": 1")
		f.Add(key + ": [1]")
		f.Add(key + ": {a: 1}")
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 1<<12 { // the parser's time grows with the square of the length
			return
		}
		root, report, ok := parse(t, source)
		if !ok {
			return
		}
		fields, _ := root.Fields()
		items, _ := fields.Get("b").Items()
		fields.Get("c").Fields()
		fields.Get("duration").Duration()
		fields.Get("int").Int()
		fields.Get("number").Number()
		fields.Get("bool").Bool()
		fields.Get("d").TextOrDefault()
		for _, n := range append(items, fields.Get("a"), fields.Get("d")) {
			n.Text()
			n.IsFalse()
			n.IsMapping()
			n.Where()
		}
		_ = report.Err()
	})
}
