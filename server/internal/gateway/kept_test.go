package gateway

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestDirectives(t *testing.T) {
	const none = time.Duration(0)
	for line, want := range map[string]directives{
		"":                                         {},
		"max-age=30":                               {30 * time.Second, none, true},
		"max-age=0":                                {none, none, true},
		"stale-if-error=3600":                      {none, time.Hour, true},
		"max-age=30, stale-if-error=3600":          {30 * time.Second, time.Hour, true},
		" MAX-AGE = 30 ,,Stale-If-Error=\"3600\" ": {30 * time.Second, time.Hour, true},
		"max-age=30, no-cache":                     {none, none, true},
		"max-age=30, no-store":                     {},
		"no-store, stale-if-error=3600":            {},
		"no-cache":                                 {none, none, true},
		"max-age=31536000":                         {mostAccepted, none, true},
		"max-age=99999999999999999999999999":       {mostAccepted, none, true},
		"max-age=-1":                               {none, none, true},
		"max-age=30s":                              {none, none, true},
		"max-age=1.5":                              {none, none, true},
		"max-age":                                  {none, none, true},
		"max-age=30, max-age=10":                   {10 * time.Second, none, true},
		"max-age=10, max-age=x":                    {none, none, true},
		"max-stale=30, min-fresh=1, only-if-cached, x=\"max-age=30\"": {},
		`x="a, max-age=30", stale-if-error=1`:                         {none, time.Second, true},
		`x="a\", max-age=30`:                                          {},
		"public":                                                      {},
	} {
		if got := readDirectives([]string{line}); got != want {
			t.Errorf("%q: %+v; want %+v", line, got, want)
		}
	}
	if got := readDirectives([]string{"max-age=30", "no-cache"}); got != (directives{given: true}) {
		t.Errorf("on two lines: %+v", got)
	}
}

// FuzzDirectives: whatever is said, nothing older than a day is accepted, and nothing at all that no directive says.
func FuzzDirectives(f *testing.F) {
	for _, line := range []string{"max-age=30, stale-if-error=3600", `x="a\", max-age=30`, "no-cache, max-age=1", "max-age=\"", ",,=,", "max-age=9223372036854775808"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := readDirectives([]string{line})
		lower := strings.ToLower(line)
		switch {
		case got.maxAge < 0 || got.maxAge > mostAccepted || got.staleIfError < 0 || got.staleIfError > mostAccepted:
			t.Errorf("%q: %+v", line, got)
		case got.maxAge > 0 && !strings.Contains(lower, "max-age"), got.staleIfError > 0 && !strings.Contains(lower, "stale-if-error"):
			t.Errorf("%q accepts what it does not say: %+v", line, got)
		case got != readDirectives([]string{line}):
			t.Errorf("%q is read in two ways", line)
		}
		again := maps.Collect(splitDirectives(line))
		if _, refuses := again["no-store"]; refuses && got != (directives{}) {
			t.Errorf("%q: %+v", line, got)
		}
	})
}

func TestMatching(t *testing.T) {
	const tag = `"abc"`
	for known, want := range map[string]string{
		tag: tag, `W/"abc"`: `W/"abc"`, "*": tag, `"x", W/"abc"`: `W/"abc"`, `"x"`: "", "": "", "abc": "", `w/"abc"`: "",
	} {
		if got := matching([]string{known}, tag); got != want {
			t.Errorf("%s: %q; want %q", known, got, want)
		}
	}
	if got := matching([]string{`"x"`, tag}, tag); got != tag {
		t.Errorf("on two lines: %q", got)
	}
}
