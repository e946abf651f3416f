package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	const pass = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"--- PASS: A\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	for name, c := range map[string]struct {
		in, skips string
		wantErr   string
		want      []string
		not       string
	}{
		"a test that passes": {in: pass, want: []string{"ok  \tp\t0.1s\n", "1 passed, 0 failed, 0 skipped\n"}, not: "--- PASS"},
		"a test that fails": {
			in: pass + `{"Action":"output","Package":"q","Test":"B","Output":"why\n"}
{"Action":"fail","Package":"q","Test":"B"}
{"Action":"fail","Package":"q"}
`,
			wantErr: "tests failed", want: []string{"why\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"a package that does not compile": {
			in: pass + `{"Action":"build-output","ImportPath":"q","Output":"syntax\n"}
{"Action":"fail","Package":"q","FailedBuild":"q"}
`,
			wantErr: "tests failed", want: []string{"syntax\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"a test that never ends": {
			in: pass + `{"Action":"output","Package":"q","Test":"B","Output":"panic: x\n"}
{"Action":"fail","Package":"q"}
`,
			wantErr: "tests failed", want: []string{"panic: x\n"},
		},
		"a skip": {
			in:      pass + `{"Action":"skip","Package":"q","Test":"B"}` + "\n",
			wantErr: "q.B", want: []string{"skipped q.B", "1 passed, 0 failed, 1 skipped\n"},
		},
		"a skip with leave": {in: pass + `{"Action":"skip","Package":"q","Test":"B"}` + "\n", skips: `^q\.B$`},
		"no test":           {in: "", wantErr: "no test ran", want: []string{"0 passed, 0 failed, 0 skipped\n"}},
		"a line that is no JSON": {
			in: pass + "go: cannot find module\n", want: []string{"go: cannot find module\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var allowed *regexp.Regexp
			if c.skips != "" {
				allowed = regexp.MustCompile(c.skips)
			}
			var out bytes.Buffer
			err := run(strings.NewReader(c.in), &out, allowed)
			if (err == nil) != (c.wantErr == "") || err != nil && !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("got error %v, want %q", err, c.wantErr)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing from\n%s", want, out.String())
				}
			}
			if c.not != "" && strings.Contains(out.String(), c.not) {
				t.Errorf("%q is in\n%s", c.not, out.String())
			}
		})
	}
}
