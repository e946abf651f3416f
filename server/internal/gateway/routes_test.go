package gateway

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestPathsAreFound as the contract's templates say them: by segments, and a verb is no part of a variable where another route
// has it.
func TestPathsAreFound(t *testing.T) {
	all := newRoutes(uploadsUpTo(1))
	templates := make([]*regexp.Regexp, len(all))
	for i := range all {
		parts := make([]string, len(all[i].path))
		for j, each := range all[i].path {
			parts[j] = regexp.QuoteMeta(each.before)
			if each.variable {
				parts[j] += "([^/]*)" + regexp.QuoteMeta(each.after)
			}
		}
		templates[i] = regexp.MustCompile("^" + strings.Join(parts, "/") + "$")
	}
	if len(all) < 40 {
		t.Errorf("only %d routes were found", len(all))
	}
	values := []string{"demo", "", "a:b", "x:watch", ":watch", "%2F", "-", "accounts", "é"}
	looked := 0
	for i := range all {
		for _, value := range values {
			var parts []string
			for _, each := range all[i].path {
				if each.variable {
					parts = append(parts, each.before+value+each.after)
				} else {
					parts = append(parts, each.before)
				}
			}
			for _, path := range []string{strings.Join(parts, "/"), strings.Join(parts, "/") + "/", strings.Join(parts[1:], "/"), strings.Join(parts, "/") + ":else"} {
				looked++
				taken := false
				for j := range all {
					match := templates[j].FindStringSubmatch(path)
					if all[j].matches(path) != (match != nil) {
						t.Fatalf("%q of %s: matches %t", path, templates[j], match == nil)
					}
					if match != nil {
						taken = true
						if got := all[j].values(path); strings.Join(got, "|") != strings.Join(match[1:], "|") {
							t.Errorf("%q: %q; want %q", path, got, match[1:])
						}
					}
				}
				found, allowed := all.find(all[i].httpMethod, path)
				if (found != nil || len(allowed) > 0) != taken {
					t.Errorf("%q is found: %t", path, found != nil)
				}
			}
			if found, _ := all.find(all[i].httpMethod, strings.Join(parts, "/")); found == nil {
				t.Errorf("%s %q is not found", all[i].httpMethod, strings.Join(parts, "/"))
			} else if found != &all[i] && found.weight <= all[i].weight {
				t.Errorf("%q has found another route", strings.Join(parts, "/"))
			}
		}
	}
	if looked < 1000 {
		t.Errorf("only %d paths were looked at", looked)
	}
	if found, allowed := all.find(http.MethodPost, "/v1/practices/demo/dossiers/D1/accounts/1"); found != nil || strings.Join(allowed, " ") != "GET HEAD" {
		t.Errorf("another method: %v, %v", found, allowed)
	}
}

func TestEntriesOfMapsInAQuery(t *testing.T) {
	for parameter, want := range map[string][2]string{
		"a[b]": {"a", "b"}, "a": {"a", ""}, "a[": {"a[", ""}, "a[]": {"a[]", ""}, "[b]": {"[b]", ""}, "a]b[c]": {"a]b[c]", ""}, "a[b]c": {"a[b]c", ""}, "a[b[c]]": {"a[b[c]]", ""}, "": {"", ""},
	} {
		if name, key := entryOf(parameter); name != want[0] || key != want[1] {
			t.Errorf("%q: %q, %q", parameter, name, key)
		}
	}
}
