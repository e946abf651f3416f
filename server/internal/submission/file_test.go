package submission

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/identity"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

func inspected(t *testing.T, format Format, content string, pieces int) (ledger.Totals, ledger.FileReport) {
	t.Helper()
	key, err := identity.NewKey(make([]byte, identity.KeySize))
	testkit.OK(t, err)
	look := inspectors[format](FileAbout{Deposit: ledger.Deposit{FileName: "123456782FEC20261231.txt"}}, filecheck.Lenient, identity.NewFile(key, nil), nil)
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
				_, report := inspected(t, FormatCustom, c.content, pieces)
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

func TestReferencesThatNobodyHasTypedAreLeftOut(t *testing.T) {
	if got := printable([]string{"FA-1", "a\x00b", "c\td", "é"}); !slices.Equal(got, []string{"FA-1", "é"}) {
		t.Errorf("%q", got)
	}
}

// problemOf is the problem that a FieldError has.
func problemOf(err error) Problem {
	if e, is := errors.AsType[*FieldError](err); is {
		return e.Problem
	}
	return ""
}

func TestLinksToFiles(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for link, c := range map[string]struct {
		plain bool
		says  Problem
	}{
		"https://files.example.test/fec.txt?sig=CANARY":                                           {false, ""},
		"HTTPS://files.example.test/fec.txt":                                                      {false, ""},
		"http://127.0.0.1:1/fec.txt":                                                              {true, ""},
		"http://files.example.test/fec.txt?sig=CANARY":                                            {false, LinkPlain},
		"file:///etc/passwd":                                                                      {true, LinkRelative},
		"https:///fec.txt":                                                                        {false, LinkRelative},
		"https://CANARY@files.example.test/fec.txt":                                               {false, LinkUser},
		"https://files.example.test/fec.txt#CANARY":                                               {false, LinkFragment},
		"https://files.example.test/%ZZCANARY":                                                    {false, LinkRelative},
		"https://files.example.test/f?se=2026-03-02T12:00:00Z&sig=CANARY":                         {false, ""},
		"https://files.example.test/f?se=2026-03-02T11:59:59Z&sig=CANARY":                         {false, LinkExpires},
		"https://files.example.test/f?se=2026-03-02T11%3A59Z&sig=CANARY":                          {false, LinkExpires},
		"https://files.example.test/f?se=2026-03-02&sig=CANARY":                                   {false, LinkExpires},
		"https://files.example.test/f?se=2026-03-03&sig=CANARY":                                   {false, ""},
		"https://files.example.test/f?se=2099-01-01T00:00:00Z&se=2026-03-01T00:00:00Z&sig=CANARY": {false, LinkExpires},
		"https://files.example.test/f?se=sometime&sig=CANARY":                                     {false, ""},
	} {
		parsed, err := fileLink(link, c.plain)
		if err == nil {
			err = (&fileSource{format: FormatFEC, link: parsed}).check(now)
		}
		switch {
		case c.says == "" && err != nil, c.says != "" && problemOf(err) != c.says:
			t.Errorf("%s: %v; want %q", link, err, c.says)
		case err != nil && strings.Contains(err.Error(), "CANARY"):
			t.Errorf("%s: the error repeats it: %v", link, err)
		}
	}
}

func TestWhatAnImportOfAFileNeeds(t *testing.T) {
	custom, fec := FormatCustom, FormatFEC
	for name, c := range map[string]struct {
		source fileSource
		says   string
	}{
		"a FEC":                     {fileSource{format: fec}, ""},
		"a FEC with a model":        {fileSource{format: fec, file: cegidclient.FileImport{Model: "X"}}, "model: model given"},
		"a custom file":             {fileSource{format: custom, file: cegidclient.FileImport{Model: "X"}}, ""},
		"no model":                  {fileSource{format: custom}, "model: model missing"},
		"a mistyped SIRET":          {fileSource{format: fec, file: cegidclient.FileImport{SIRET: "90000000100018"}}, "have errors"},
		"a deposit that is no more": {fileSource{format: fec, expired: true}, "no such deposit"},
	} {
		if err := c.source.check(time.Now()); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
	practice := Practice{Client: &cegidclient.Client{}}
	for format, refused := range map[Format]bool{fec: false, custom: false, FormatTRA: true} {
		if err := consented(practice, format); (err != nil) != refused {
			t.Errorf("%s: %v", format, err)
		}
	}
	client, err := cegidclient.New(cegidclient.Config{
		Practice: "demo", Unverified: []string{importTRA},
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a:b"), cegidclient.Secret{}, cegidclient.NewSecret("c")),
	})
	testkit.OK(t, err)
	practice.Client = client
	if err := consented(practice, FormatTRA); err != nil {
		t.Error(err)
	}
}

func TestWhatIsKeptOfALink(t *testing.T) {
	for link, want := range map[string]string{
		"https://h/a/fec.txt?sig=x": "fec.txt", "https://h/a%2Ffec.txt": "fec.txt", "https://h/%C3%A9t%C3%A9%20%23.csv": "été #.csv",
		"https://h": "", "https://h/": "", "https://h/s/3f9a0c": "", "https://h/..": "", "https://h/a.": "", "https://h/a%00.txt": "",
		"https://h/%FF.txt": "", "https://h/" + strings.Repeat("a", 252) + ".txt": "",
	} {
		parsed, err := url.Parse(link)
		testkit.OK(t, err)
		if got := linkedName(parsed); got != want {
			t.Errorf("%s: %q; want %q", link, got, want)
		}
	}
}
