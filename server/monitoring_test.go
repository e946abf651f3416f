package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// TestEachAlertHasItsPage: what a rule asks for is in docs/operate, and so does what to do about it; each is
// tested, and each page is of an alert.
func TestEachAlertHasItsPage(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	rules, tests, pages, handbook := read("../deploy/monitoring/alerts.yaml"), read("../deploy/monitoring/alerts.test.yaml"), pagesOfOperators(t, "alerts-*.md"), handbook(t)
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) < 20 {
		t.Fatalf("only %d alerts were found: the test looks in the wrong way", len(alerts))
	}
	named := map[string]bool{}
	for _, each := range alerts {
		name := each[1]
		named[name] = true
		_, page, found := strings.Cut(pages, "\n## "+name+"\n")
		page, _, _ = strings.Cut(page, "\n## ")
		for _, part := range []string{"**Means**", "**Look**", "**Do**", "**Cured**"} {
			if !found || !strings.Contains(page, part) {
				t.Errorf("docs/operate does not say what %s means, where to look, what to do, or how the cure shows: there is no %s", name, part)
			}
		}
		_, rule, _ := strings.Cut(rules, "- alert: "+name+"\n")
		to := regexp.MustCompile(`runbook: (docs/operate/alerts-[a-z]+\.md)#(\w+)\}`).FindStringSubmatch(rule)
		if to == nil || to[2] != strings.ToLower(name) || !strings.Contains(read("../"+to[1]), "\n## "+name+"\n") {
			t.Errorf("%s does not lead to its page", name)
		}
		if !strings.Contains(tests, "alertname: "+name+"\n        exp_alerts:") {
			t.Errorf("%s is not tested", name)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(pages, -1) {
		if !named[heading[1]] {
			t.Errorf("docs/operate has a section for %s, which is no alert", heading[1])
		}
	}
	first := read("../docs/operate/README.md")
	for _, reason := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)`(?:, `([A-Z_]+)`)?").FindAllStringSubmatch(first, -1) {
		for _, each := range reason[1:] {
			if each != "" && each != "UNCERTAIN" && looppb.ErrorReason_value["ERROR_REASON_"+each] == 0 {
				t.Errorf("docs/operate/README.md begins with %s, which callers are never told", each)
			}
		}
	}
	metrics := regexp.MustCompile(`\b(loop|ledger|gateway|grpc|config|audit|spool)_[a-z_]+[a-z]\b`)
	boards := read("../deploy/monitoring/overview.json") + read("../deploy/monitoring/loop-and-ledger.json")
	for _, name := range metrics.FindAllString(rules+boards, -1) {
		name = strings.TrimSuffix(name, "_bucket") // of a histogram
		if !strings.Contains(handbook, "`"+name+"`") && name != "grpc_code" && name != "grpc_method" && name != "config_hash" {
			t.Errorf("docs/operate does not explain `%s`", name)
		}
	}
}
