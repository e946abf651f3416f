package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEachAlertHasItsPage: what a rule asks for stands in docs/operating.md, and what to do about it in docs/alerts.md; each is
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
	rules, tests, pages, handbook := read("../deploy/monitoring/alerts.yaml"), read("../deploy/monitoring/alerts.test.yaml"), read("../docs/alerts.md"), handbook(t)
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
		if !found || !strings.Contains(page, "**Means**") || !strings.Contains(page, "**Look**") || !strings.Contains(page, "**Do**") {
			t.Errorf("docs/alerts.md does not say what %s means, where to look and what to do", name)
		}
		if !strings.Contains(rules, "runbook: docs/alerts.md#"+strings.ToLower(name)+"}") {
			t.Errorf("%s does not lead to its page", name)
		}
		if !strings.Contains(tests, "alertname: "+name+"\n        exp_alerts:") {
			t.Errorf("%s is not tested", name)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(pages, -1) {
		if !named[heading[1]] {
			t.Errorf("docs/alerts.md has a page for %s, which is no alert", heading[1])
		}
	}
	metrics := regexp.MustCompile(`\b(loop|ledger|gateway|grpc|config|audit|spool)_[a-z_]+[a-z]\b`)
	for _, name := range metrics.FindAllString(rules, -1) {
		if !strings.Contains(handbook, "`"+name+"`") && name != "grpc_code" && name != "grpc_method" && name != "config_hash" {
			t.Errorf("docs/operating.md does not explain `%s`", name)
		}
	}
}
