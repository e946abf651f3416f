package service

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/fec/fecgen"
	"cegid.internal/gateway/cegidclient/tra"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/ledger"
)

func inspected(format looppb.ImportFormat, content string, pieces int) (ledger.Totals, ledger.FileReport) {
	look := inspectors[format]("123456782FEC20261231.txt")
	for len(content) > 0 {
		n := min(pieces, len(content))
		_, _ = io.WriteString(look, content[:n])
		content = content[n:]
	}
	return look.report()
}

// TestATextIsToldFromWhatIsNone: however the file is cut.
func TestATextIsToldFromWhatIsNone(t *testing.T) {
	const good = "journal;date\r\nACH;2026-03-15;Caf\xe9;10,00\r\n"
	for name, c := range map[string]struct {
		content      string
		code         string
		line, column int
	}{
		"a text":                   {good, "", 0, 0},
		"a long text":              {strings.Repeat(good, 1000), "", 0, 0},
		"in UTF-8, with its mark":  {"\xef\xbb\xbfjournal;Café\n", "", 0, 0},
		"one line without end":     {"journal", "", 0, 0},
		"nothing":                  {"", "FILE_EMPTY", 0, 0},
		"a NUL":                    {"ab\x00c", "NOT_TEXT", 1, 3},
		"a NUL at the end":         {strings.Repeat(good, 1000) + "x\x00", "NOT_TEXT", 2001, 2},
		"a NUL after a line's end": {"a\nb\n\x00", "NOT_TEXT", 3, 1},
		"UTF-16":                   {"\xff\xfea\x00\n\x00", "NOT_TEXT", 1, 4},
		"a PDF":                    {"%PDF-1.7\n", "NOT_TEXT", 0, 0},
		"an archive":               {"PK\x03\x04" + strings.Repeat("x", 600), "NOT_TEXT", 0, 0},
		"compressed":               {"\x1f\x8b\x08", "NOT_TEXT", 0, 0},
		"XML":                      {"<?xml version='1.0'?>", "NOT_TEXT", 0, 0},
		"a page":                   {"<html><body>" + strings.Repeat("x", 600), "NOT_TEXT", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pieces := range []int{1, 2, 511, 512, 513, 1 << 20} {
				_, report := inspected(looppb.ImportFormat_IMPORT_FORMAT_CUSTOM, c.content, pieces)
				var got string
				if len(report.Findings) == 1 {
					got = fmt.Sprint(report.Findings[0].Code, report.Findings[0].Line, report.Findings[0].Column)
				}
				if want := fmt.Sprint(c.code, c.line, c.column); c.code != "" && got != want || c.code == "" && report.Findings != nil {
					t.Errorf("in pieces of %d: %+v; want %s", pieces, report.Findings, want)
				}
			}
		})
	}
}

// TestAFECsReportIsToldInTheContractsWords: each encoding, ground and severity of package fec has one.
func TestAFECsReportIsToldInTheContractsWords(t *testing.T) {
	for _, encoding := range []string{
		string(fec.ASCII), string(fec.ISO885915), string(fec.UTF8), string(fec.Windows1252), string(fec.Mixed),
		string(tra.ASCII), string(tra.UTF8), string(tra.Windows1252), string(tra.Mixed),
	} {
		if looppb.TextEncoding_value["TEXT_ENCODING_"+encodingName(encoding)] == 0 {
			t.Errorf("%s has no name", encoding)
		}
	}
	content := strings.Replace(string(fecgen.Bytes(fecgen.Options{Size: 20_000})), "\t2026", "\t2O26", 1)
	totals, report := inspected(looppb.ImportFormat_IMPORT_FORMAT_FEC, content, 1000)
	message := reportMessage(ledger.Deposit{Totals: totals, Report: report, Size: int64(len(content))})
	if message.GetEncoding() != looppb.TextEncoding_TEXT_ENCODING_ISO_8859_15 || message.GetSeparator() != "\t" || len(message.GetJournals()) != 5 || int(message.GetSize()) != len(content) {
		t.Errorf("%v", message)
	}
	for _, grounds := range []fmt.Stringer{fec.Law | fec.TaxTool | fec.Books | fec.Loop, tra.Format | tra.Books | tra.Loop} {
		if got := fileFinding(check.Finding{}, grounds, 1, 1, 1, nil).Grounds; len(got) != strings.Count(grounds.String(), ",")+1 {
			t.Errorf("%s are %q", grounds, got)
		}
	}
	if got := fileFinding(check.Finding{}, fec.Ground(0), 1, 1, 1, nil).Grounds; got != nil {
		t.Errorf("none are %q", got)
	}
	i := slices.IndexFunc(message.GetFindings(), func(f *looppb.Finding) bool { return f.GetCode() == "DATE_INVALID" })
	if i < 0 {
		t.Fatalf("%v", message.GetFindings())
	}
	found := message.GetFindings()[i]
	if found.GetSeverity() != looppb.FindingSeverity_FINDING_SEVERITY_ERROR || len(found.GetGrounds()) == 0 || slices.Contains(found.GetGrounds(), 0) ||
		!slices.IsSorted(found.GetGrounds()) || found.GetLine() != 2 || found.GetColumn() != 4 || found.GetOccurrences() != 1 {
		t.Errorf("%v", found)
	}
}

func TestReferencesThatNobodyHasTypedAreLeftOut(t *testing.T) {
	if got := printable([]string{"FA-1", "a\x00b", "c\td", "é"}); !slices.Equal(got, []string{"FA-1", "é"}) {
		t.Errorf("%q", got)
	}
}

func TestTheReportOfAWildFileFitsAnAnswer(t *testing.T) {
	d := ledger.Deposit{Report: ledger.FileReport{OmittedFindings: 1, OmittedJournals: 1}}
	for i := range 5000 {
		d.Report.Findings = append(d.Report.Findings, ledger.Finding{Code: "X", Severity: "error", Message: strings.Repeat("x", 1000), Count: 1})
		d.Report.Journals = append(d.Report.Journals, ledger.JournalTotals{Code: fmt.Sprint(i)})
	}
	got := reportMessage(d)
	if n := len(got.GetFindings()); n < 1000 || n+int(got.GetOmittedFindings()) != 5001 || len(got.GetJournals()) != 100 || got.GetOmittedJournals() != 4901 {
		t.Errorf("%d findings and %d more, %d journals and %d more", n, got.GetOmittedFindings(), len(got.GetJournals()), got.GetOmittedJournals())
	}
	if err := fileRefusal(d.Report.Findings); !strings.Contains(err.Error(), "5000 errors") {
		t.Error(err)
	}
}

func TestLinksToFiles(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for link, c := range map[string]struct {
		plain bool
		says  string
	}{
		"https://files.example.test/fec.txt?sig=CANARY":                                           {false, ""},
		"HTTPS://files.example.test/fec.txt":                                                      {false, ""},
		"http://127.0.0.1:1/fec.txt":                                                              {true, ""},
		"http://files.example.test/fec.txt?sig=CANARY":                                            {false, "is not https"},
		"file:///etc/passwd":                                                                      {true, "no absolute link"},
		"https:///fec.txt":                                                                        {false, "no absolute link"},
		"https://CANARY@files.example.test/fec.txt":                                               {false, "user or a password"},
		"https://files.example.test/fec.txt#CANARY":                                               {false, "after #"},
		"https://files.example.test/%ZZCANARY":                                                    {false, "no absolute link"},
		"https://files.example.test/f?se=2026-03-02T12:00:00Z&sig=CANARY":                         {false, ""},
		"https://files.example.test/f?se=2026-03-02T11:59:59Z&sig=CANARY":                         {false, "within 24 hours"},
		"https://files.example.test/f?se=2026-03-02T11%3A59Z&sig=CANARY":                          {false, "within 24 hours"},
		"https://files.example.test/f?se=2026-03-02&sig=CANARY":                                   {false, "within 24 hours"},
		"https://files.example.test/f?se=2026-03-03&sig=CANARY":                                   {false, ""},
		"https://files.example.test/f?se=2099-01-01T00:00:00Z&se=2026-03-01T00:00:00Z&sig=CANARY": {false, "within 24 hours"},
		"https://files.example.test/f?se=sometime&sig=CANARY":                                     {false, ""},
	} {
		parsed, err := fileLink(link, c.plain)
		if err == nil {
			err = (&fileSource{format: looppb.ImportFormat_IMPORT_FORMAT_FEC, link: parsed}).check(now)
		}
		switch {
		case c.says == "" && err != nil, c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v; want %q", link, err, c.says)
		case err != nil && strings.Contains(err.Error(), "CANARY"):
			t.Errorf("%s: the error repeats it: %v", link, err)
		}
	}
}

func TestWhatAnImportOfAFileNeeds(t *testing.T) {
	custom, fec := looppb.ImportFormat_IMPORT_FORMAT_CUSTOM, looppb.ImportFormat_IMPORT_FORMAT_FEC
	for name, c := range map[string]struct {
		source fileSource
		says   string
	}{
		"a FEC":                     {fileSource{format: fec}, ""},
		"a FEC with a model":        {fileSource{format: fec, file: cegidclient.FileImport{Model: "X"}}, "model: is for custom files"},
		"a custom file":             {fileSource{format: custom, file: cegidclient.FileImport{Model: "X"}}, ""},
		"no model":                  {fileSource{format: custom}, "model: is missing"},
		"a mistyped SIRET":          {fileSource{format: fec, file: cegidclient.FileImport{SIRET: "90000000100018"}}, "siret:"},
		"a deposit that is no more": {fileSource{format: fec, expired: true}, "deposit_id:"},
	} {
		if err := c.source.check(time.Now()); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	practice := &Practice{}
	for format, refused := range map[looppb.ImportFormat]bool{fec: false, custom: false, looppb.ImportFormat_IMPORT_FORMAT_TRA: true} {
		if err := consented(practice, format); (err != nil) != refused {
			t.Errorf("%s: %v", format, err)
		}
	}
	practice.Unverified = []string{importTRA}
	if err := consented(practice, looppb.ImportFormat_IMPORT_FORMAT_TRA); err != nil {
		t.Error(err)
	}
}

// drip gives a piece of a file with a pause before each, for ever.
type drip struct {
	ctx   context.Context
	pause time.Duration
}

func (d *drip) Context() context.Context { return d.ctx }

func (d *drip) Recv() (*looppb.DepositFileRequest, error) {
	select {
	case <-time.After(d.pause):
		return &looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Data{Data: []byte("x")}}, nil
	case <-d.ctx.Done():
		return nil, d.ctx.Err()
	}
}

// TestAFileMayTakeItsTimeAndNoMore: as documents, but longer in all.
func TestAFileMayTakeItsTimeAndNoMore(t *testing.T) {
	about := &looppb.FileMetadata{Format: looppb.ImportFormat_IMPORT_FORMAT_FEC}
	for pause, most := range map[time.Duration]time.Duration{time.Hour: uploadStall, time.Second: fileLimit} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begun := time.Now()
			_, err := receiveFile(&drip{ctx, pause}, 1<<30, about, io.Discard)
			if apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED || time.Since(begun) != most {
				t.Errorf("%v after %s; want the end after %s", err, time.Since(begun), most)
			}
			cancel()
			synctest.Wait()
		})
	}
}

func TestWhatIsKeptOfALink(t *testing.T) {
	for link, want := range map[string]string{
		"https://h/a/fec.txt?sig=x": "fec.txt", "https://h/a%2Ffec.txt": "fec.txt", "https://h/%C3%A9t%C3%A9%20%23.csv": "été #.csv",
		"https://h": "", "https://h/": "", "https://h/s/3f9a0c": "", "https://h/..": "", "https://h/a.": "", "https://h/a%00.txt": "",
		"https://h/%FF.txt": "", "https://h/" + strings.Repeat("a", 252) + ".txt": "",
	} {
		parsed, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if got := linkedName(parsed); got != want {
			t.Errorf("%s: %q; want %q", link, got, want)
		}
	}
}
