package main

import (
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/tra"
	"cegid.internal/gateway/server/internal/filereport"
)

// findingsPage is the name of the page of what the checks of files find.
const findingsPage = "file-findings.md"

// fileFindings is that page, made from the catalogues of rules.
func fileFindings() string {
	var t text
	t.WriteString(madeBy)
	t.line(`# Findings in files

What ValidateFile, DepositFile and ` + "`server file check`" + ` find in a file of entries. A file with an *error* is not sent to Loop; warnings and notices do not stop it. One cause gives one finding, with the number of its places and the first one. What only follows from that cause is not reported.

- **To check a file** on your own machine, without a service: ` + "`server file check FILE`" + `, with ` + "`--json` or `--csv`" + ` for the whole report.
- **To look up a code**: [FEC](#fec), [TRA](#tra). *Who objects* says whether it is the law, a tool, or Loop.
- **To leave one out**, where it does not fit your books: ` + "`ignored_findings`" + `, for warnings and notices.

## How to read one

- **Who objects**: the *law* is article A47 A-1 of the Livre des procédures fiscales, with the part that the rule is based on; the *tax tool* is the administration's Test Compta Demat, as its published source behaves; *books* is double entry; *loop* is Loop, as far as it is known or said, and where it is not known; *format* is the description of the TRA. Nobody: it is only unusual.
- **Strict**: with ` + "`files.loop_model: strict`" + ` it is an error, because it is unknown what Loop does with it.
- **Lines** count from 1, as editors count them: CR LF, LF and a CR by itself each end a line, and so does CR CR LF.

` + "```console" + `
$ sed 's/60,00/60,OO/' examples/123456782FEC20261231.txt | curl -s -H 'Authorization: Bearer me' --data-binary @- \
    'http://127.0.0.1:8080/v1/practices/demo/dossiers/CEGID003/files:validate?format=IMPORT_FORMAT_FEC&fileName=123456782FEC20261231.txt' | grep -o '"code":"[A-Z_]*"'
"code":"AMOUNT_INVALID"
"code":"AMOUNT_INVALID"
` + "```" + `

The whole report, with all places of each finding, is streamed by ` + "`files:report`" + `: lines of JSON, or a table.

` + "```console" + `
$ sed 's/60,00/60,OO/' examples/123456782FEC20261231.txt | curl -s -H 'Authorization: Bearer me' -H 'Accept: text/csv' --data-binary @- \
    'http://127.0.0.1:8080/v1/practices/demo/dossiers/CEGID003/files:report?format=IMPORT_FORMAT_FEC&fileName=123456782FEC20261231.txt' | grep '^place' | cut -d, -f2-6
AMOUNT_INVALID,,Debit,5,12
AMOUNT_INVALID,,Credit,6,13
` + "```" + `

The columns of the table are ` + "`" + strings.Join(filereport.Columns(), "`, `") + "`" + `. A text of the file that a spreadsheet would take for a formula has an apostrophe before it.`)
	for _, format := range []struct {
		title string
		rules []filecheck.Rule
	}{{"FEC", fec.Codes()}, {"TRA", tra.Codes()}} {
		t.line("\n## " + format.title + "\n")
		t.table("code", "severity", "who objects", "hides", "what it says")
		for _, r := range format.rules {
			severity := r.Severity.String()
			if r.Strict {
				severity += ", strict: error"
			}
			grounds := ""
			if r.Grounds != 0 {
				grounds = r.Grounds.String()
			}
			if r.Law != "" {
				grounds = strings.Replace(grounds, "law", "law ("+r.Law+")", 1)
			}
			var hides []string
			for _, codes := range [][]string{r.HidesOnLine, r.HidesInFile} {
				for _, code := range codes {
					hides = append(hides, "`"+code+"`")
				}
			}
			t.row("`"+r.Code+"`", severity, grounds, strings.Join(hides, ", "), r.Message)
		}
	}
	t.line(`
## Other imports

ValidateFile and ImportFile also report entries of the file that are like those of [another import](../writing-safely.md#the-same-entry-under-another-id) that is or may be booked.
`)
	t.table("code", "severity", "what it says")
	for _, r := range check.OverlapCodes() {
		t.row("`"+r.Code+"`", r.Severity.String(), r.Message)
	}
	return t.String()
}
