package conformance

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"modernc.org/sqlite"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/sandbox"
)

// validatedPage is the report on a file as a page: over gRPC a field of the answer, over REST the answer itself.
func (h *harness) validatedPage(transport, language string, u *uploaded, ignored ...string) string {
	h.t.Helper()
	about := proto.CloneOf(u.Message.(*looppb.FileMetadata))
	about.IgnoredFindings = ignored
	if transport == "gRPC" {
		about.PageLanguage = language
		out := h.over(transport, "ImportService.ValidateFile", "everything", &uploaded{about, u.file})
		if out.Err != nil {
			h.t.Fatalf("%+v", out.Err)
		}
		return out.Messages[0].(map[string]any)["page"].(string)
	}
	query := url.Values{"fileName": {about.GetFileName()}, "format": {about.GetFormat().String()}, "ignoredFindings": ignored}
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost,
		h.rest+"/v1/practices/"+about.GetPractice()+"/dossiers/"+about.GetDossier()+"/files:validate?"+query.Encode(), bytes.NewReader(u.file))
	testkit.OK(h.t, err)
	request.Header.Set("Authorization", "Bearer everything")
	request.Header.Set("Accept", "text/html")
	request.Header.Set("Accept-Language", language)
	response, err := h.web.Do(request)
	testkit.OK(h.t, err)
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		h.t.Fatal(err, response.Status, string(page))
	}
	return string(page)
}

// TestTheReportOnAFileTellsOfOtherImports: as a message and as a page the same, in either language, with the way out that a file
// has. No entry of a file can be said to repeat another.
func TestTheReportOnAFileTellsOfOtherImports(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			h := start(t, nil)
			h.Simulator.SetImportDelays(time.Hour, time.Hour) // its state is named, and stays
			if err := h.importFile(transport, "FEC-T1", asFEC(monthly(1), false)); err != nil {
				t.Fatalf("%+v", err)
			}
			all := monthly(2)
			all[1].Lines[0].Side, all[1].Lines[1].Side = &looppb.EntryLine_Debit{Debit: "1.00"}, &looppb.EntryLine_Credit{Credit: "1.00"}
			u := asFEC(all, false)
			name := map[string]string{"gRPC": "allow_duplicate", "REST": "allowDuplicate"}[transport]

			refused := h.importFile(transport, "FEC-T2", u)
			if wrong := alreadyImported(refused, "line 2", name); wrong != "" {
				t.Error(wrong)
			} else {
				for _, said := range []string{refused.Message, refused.Violations[0].Description, refused.Violations[0].French} {
					if strings.Contains(said, "epeat") || !strings.Contains(said, name) || !strings.Contains(said, "FEC-T1") {
						t.Errorf("ImportFile: %s", said)
					}
				}
			}

			found := map[string]map[string]any{}
			out := h.over(transport, "ImportService.ValidateFile", "everything", u)
			if out.Err != nil {
				t.Fatalf("%+v", out.Err)
			}
			for _, each := range out.Messages[0].(map[string]any)["report"].(map[string]any)["findings"].([]any) {
				found[each.(map[string]any)["code"].(string)] = each.(map[string]any)
			}
			pages := map[string]string{"message": h.validatedPage(transport, "en", u), "messageFr": h.validatedPage(transport, "fr", u)}
			for _, code := range []string{"ENTRY_ALREADY_IMPORTED", "DOCUMENT_IMPORTED_OTHERWISE"} {
				if found[code] == nil {
					t.Errorf("%s is not in the message: %v", code, out.Messages)
					continue
				}
				for language, page := range pages {
					said := fmt.Sprint(found[code][language])
					if strings.Contains(said, "epeat") {
						t.Errorf("a file: %s", said)
					}
					// The harness reads both transports as REST has them; a page names things as the contract does.
					blanks := strings.NewReplacer("&nbsp;", " ", "\u00a0", " ") // before marks that French sets apart
					want := blanks.Replace(html.EscapeString(strings.ReplaceAll(said, "allowDuplicate", "allow_duplicate")))
					if !strings.Contains(blanks.Replace(page), want) {
						t.Errorf("%s: the page lacks %q", language, want)
					}
				}
			}
			// A warning that compares the file with other imports comes behind the errors in it.
			broken := h.over(transport, "ImportService.ValidateFile", "everything", &uploaded{u.Message, bytes.ReplaceAll(u.file, []byte("1,00"), []byte("1,0O"))})
			var severities []string
			for _, each := range broken.Messages[0].(map[string]any)["report"].(map[string]any)["findings"].([]any) {
				severities = append(severities, each.(map[string]any)["severity"].(string))
			}
			if said := strings.Join(severities, " "); !strings.Contains(said, "ERROR") || !strings.Contains(said, "WARNING") || strings.LastIndex(said, "ERROR") > strings.Index(said, "WARNING") {
				t.Errorf("errors come first: %s", said)
			}
			for language, page := range pages {
				at, line := strings.Index(page, "ENTRY_ALREADY_IMPORTED"), strings.Index(page, "FA-01-1")
				if at < 0 || line < at {
					t.Errorf("%s: the line is not shown", language)
				}
			}
			without := h.validatedPage(transport, "en", u, "DOCUMENT_IMPORTED_OTHERWISE")
			if strings.Contains(without, "DOCUMENT_IMPORTED_OTHERWISE") || !strings.Contains(without, "ENTRY_ALREADY_IMPORTED") {
				t.Error("a warning is left out where it is ignored, and that alone")
			}
		})
	}
}

// forgetful is a ledger that loses the digests of its first deposit when the row of that comes, as if that were from before there were any.
const forgetful = "forgetful-ledger.db"

func forgetDigests(conn sqlite.ExecQuerierContext, dsn string) error {
	if !strings.Contains(dsn, forgetful) {
		return nil
	}
	_, err := conn.ExecContext(context.Background(),
		`CREATE TEMP TRIGGER forget AFTER INSERT ON main.file_deposit WHEN (SELECT COUNT(*) FROM file_deposit) = 1 BEGIN DELETE FROM entry_part; DELETE FROM entry_set; DELETE FROM entry_chunk; END`, nil)
	return err
}

// TestADepositFromBeforeEntriesWereComparedIsMadeAgain: it is not imported, and the answer says what to do, which does it.
func TestADepositFromBeforeEntriesWereComparedIsMadeAgain(t *testing.T) {
	sqlite.RegisterConnectionHook(forgetDigests)
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			testkit.OK(t, ledger.Init(t.Context(), path))
			old := filepath.Join(filepath.Dir(path), forgetful)
			testkit.OK(t, os.Rename(path, old))
			l, err := ledger.Open(t.Context(), old)
			testkit.OK(t, err)
			t.Cleanup(func() { _ = l.Close() })
			h := start(t, func(c *sandbox.Config) { c.Ledger = l })
			u := asFEC(monthly(2), false)
			before := h.mustDeposit(u)
			request := importOfDeposit("OLD", before.GetDepositId())
			for range 2 {
				got := h.over(transport, "ImportService.ImportFile", "everything", request).Err
				if got == nil || got.Code != "NOT_FOUND" || got.Reason != "DEPOSIT_UNKNOWN" || !strings.Contains(got.Message, "older version") || !strings.Contains(got.Message, "deposit the file again") {
					t.Fatalf("%+v", got)
				}
			}
			if n := len(h.Simulator.Imports()); n != 0 {
				t.Errorf("Loop was sent %d imports", n)
			}
			if got := h.mustDeposit(u).GetDepositId(); got != before.GetDepositId() {
				t.Errorf("it is another deposit: %s, not %s", got, before.GetDepositId())
			}
			if err := h.over(transport, "ImportService.ImportFile", "everything", request).Err; err != nil {
				t.Errorf("deposited again: %+v", err)
			}
			if wrong := alreadyImported(h.importFile(transport, "AGAIN", asFEC(reversed(monthly(2)), false)), "OLD"); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}
