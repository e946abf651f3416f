package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const document = `{"bomFormat": "CycloneDX", "components": [
	{"name": "example.com/a", "version": "v1.0.0", "purl": "pkg:golang/example.com/a@v1.0.0?x=<y>"},
	{"name": "example.com/b/v2", "version": "v2.1.0"},
	{"name": "std"}]}`

func TestLicences(t *testing.T) {
	for _, c := range []struct{ name, document, list, want, fails string }{
		{
			name: "each component gets its own", document: document,
			list: "# a comment\n\nexample.com/a v1.0.0 MIT\nexample.com/b/v2 v2.1.0 ISC\nstd (of Go) BSD-3-Clause\n",
			want: "example.com/a MIT; example.com/b/v2 ISC; std BSD-3-Clause",
		},
		{
			name: "folders count for their module, each licence once", document: document,
			list: "example.com/a v1.0.0 MIT\nexample.com/a/inner v1.0.0 MIT\nexample.com/a/other/one v1.0.0 ISC\nexample.com/b/v2/x v2.1.0 ISC\nstd MIT\n",
			want: "example.com/a MIT ISC; example.com/b/v2 ISC; std MIT",
		},
		{
			name: "a component is missing", document: document, list: "example.com/a v1.0.0 MIT\n",
			fails: "in the program and not in the list: example.com/b/v2, std",
		},
		{
			name: "a library is too much", document: document, list: "example.com/ab v1.0.0 MIT\n",
			fails: "example.com/ab is in the list and not in the program",
		},
		{name: "a name that only begins alike", document: document, list: "example.com/b v1.0.0 MIT\n", fails: "example.com/b is in the list"},
		{name: "no components", document: `{"components": []}`, list: "std MIT", fails: "no components"},
		{name: "no document", document: `components`, list: "std MIT", fails: "the document: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(strings.NewReader(c.document), &out, c.list)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || out.Len() > 0 {
					t.Fatalf("%v, printing %q; want %q and nothing", err, out.String(), c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				BOMFormat  string
				Components []struct {
					Name, Version, PURL string
					Licenses            []struct{ License struct{ ID string } }
				}
			}
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, each := range got.Components {
				text := each.Name
				for _, licence := range each.Licenses {
					text += " " + licence.License.ID
				}
				all = append(all, text)
			}
			if text := strings.Join(all, "; "); text != c.want {
				t.Errorf("%s; want %s", text, c.want)
			}
			if got.BOMFormat != "CycloneDX" || got.Components[0].Version != "v1.0.0" || !strings.Contains(out.String(), "x=<y>") {
				t.Errorf("the rest has changed: %s", out.String())
			}
		})
	}
}
