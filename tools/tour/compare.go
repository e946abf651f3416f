package main

import (
	"fmt"
	"regexp"
	"strings"
)

const anyLines = "..."

// Both sides go through these, in this order.
var rules = []struct {
	what    string
	pattern *regexp.Regexp
	becomes string
}{
	{"UUIDs", regexp.MustCompile(`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`), "<uuid>"},
	{
		"RFC 3339 times",
		regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)`), "<time>",
	},
	{"HTTP dates", regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\b`), "<time>"},
	{"durations", regexp.MustCompile(`\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:ns|µs|us|ms|s)\b`), "<duration>"},
	{
		"request ids that a server made", // a caller's own request_id stays
		regexp.MustCompile(`(?i)(\b(?:grpc-(?:metadata|trailer)-)?x-request-id["']?\s*[:=]\s*["']?|"(?:loop)?requestId":\s*")[^\s"']+`),
		"${1}<id>",
	},
	{"trace ids", regexp.MustCompile(`\b[0-9a-f]{32}\b`), "<trace>"},
	{"revisions", regexp.MustCompile(`\b0x[0-9a-fA-F]+\b`), "<revision>"},
	{"cursors of events, which count what a server has committed", regexp.MustCompile(`("cursor":\s*)"\d+\.\d+"`), `$1"<cursor>"`},
	{"ports of this machine", regexp.MustCompile(`(\b127\.0\.0\.1|\blocalhost|\[::1?\]):\d+\b`), "$1:<port>"},
	{"Content-Length", regexp.MustCompile(`(?i)^(content-length:) \d+$`), "$1 <n>"},
	// protobuf's JSON has a space there or not, by chance of the build.
	{"spaces in JSON, after a key", regexp.MustCompile(`":\s*`), `": `},
	{"spaces in JSON, after a comma", regexp.MustCompile(`,\s*(["{\[\d-])`), ", $1"},
	{"spaces at the end", regexp.MustCompile(`\s+$`), ""},
}

func normalise(line string) string {
	for _, rule := range rules {
		line = rule.pattern.ReplaceAllString(line, rule.becomes)
	}
	return line
}

func same(expected, printed string) bool {
	return expected == printed || normalise(expected) == normalise(printed)
}

// match says whether the expected lines, in which anyLines means any number of them, describe the printed ones.
func match(expected, printed []string) bool {
	star, resume := -1, 0 // the last anyLines, and the printed line to go on with if what follows it does not fit
	e, p := 0, 0
	for p < len(printed) {
		switch {
		case e < len(expected) && isAny(expected[e]):
			star, resume = e, p
			e++
		case e < len(expected) && same(expected[e], printed[p]):
			e++
			p++
		case star >= 0:
			resume++
			e, p = star+1, resume
		default:
			return false
		}
	}
	for e < len(expected) && isAny(expected[e]) {
		e++
	}
	return e == len(expected)
}

func isAny(line string) bool { return strings.TrimSpace(line) == anyLines }

// diff shows the lines that differ, between those that are equal at the start and at the end, and says how many
// lines of the expected text come before.
func diff(expected, printed []string) (int, string) {
	head := 0
	for head < len(expected) && head < len(printed) && !isAny(expected[head]) && same(expected[head], printed[head]) {
		head++
	}
	tail := 0
	for tail < len(expected)-head && tail < len(printed)-head {
		e, p := expected[len(expected)-1-tail], printed[len(printed)-1-tail]
		if isAny(e) || !same(e, p) {
			break
		}
		tail++
	}
	var out strings.Builder
	show := func(mark string, lines []string) {
		for _, line := range lines {
			fmt.Fprintf(&out, "  %s %s\n", mark, line)
		}
	}
	const context = 3
	show(" ", expected[max(0, head-context):head])
	show("-", expected[head:len(expected)-tail])
	show("+", printed[head:len(printed)-tail])
	show(" ", expected[len(expected)-tail:min(len(expected), len(expected)-tail+context)])
	return head, out.String()
}
