package cegidclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	aLink = "https://account.blob.core.windows.net/container/142ae28e/mars.txt?sv=1&sig=canarySAS%2Bxyz"
	aURI  = "142ae28e-0000-4000-8000-000000000001/mars.txt"
	// anOwnLink is one that a caller gives.
	anOwnLink = "https://files.example.com/mars.txt?token=1&sig=canarySAS%2Bxyz"
)

type fileRoute struct {
	name, path, id, model string
	submit                func(*Client, context.Context, string, FileImport) (string, error)
}

var fileRoutes = []fileRoute{
	{"a FEC", "/importFEC", "import_fec", "", func(c *Client, ctx context.Context, dossier string, f FileImport) (string, error) {
		return c.Files.ImportFEC(ctx, dossier, f)
	}},
	{"a TRA", "/importTRA", "import_tra", "", func(c *Client, ctx context.Context, dossier string, f FileImport) (string, error) {
		return c.Files.ImportTRA(ctx, dossier, f)
	}},
	{"a custom file", "/importPerso", "import_custom", "MODEL", func(c *Client, ctx context.Context, dossier string, f FileImport) (string, error) {
		return c.Files.ImportCustom(ctx, dossier, f)
	}},
}

func withTRA(cfg *Config) { cfg.Unverified = []string{"import_tra"} }

func TestAFileImportIsSentAsDocumented(t *testing.T) {
	for _, tc := range []struct {
		name   string
		route  int
		in     FileImport
		want   string
		adjust func(*Config)
	}{
		{"a FEC by its URI", 0, FileImport{URI: aURI}, `{"codeIbs":"D1","URI":"` + aURI + `"}`, nil},
		{"a FEC by a URL", 0, FileImport{URL: NewSecret(anOwnLink)}, `{"codeIbs":"D1","URL":"` + anOwnLink + `"}`, nil},
		{"a FEC of an establishment", 0, FileImport{URI: aURI, SIRET: "12345678200010"}, `{"codeIbs":"D1","URI":"` + aURI + `","SIRET":"12345678200010"}`, nil},
		{"a custom file", 2, FileImport{URI: aURI, Model: "VENTES \"A\""}, `{"codeIbs":"D1","URI":"` + aURI + `","MODELE":"VENTES \"A\""}`, nil},
		{"a TRA", 1, FileImport{URI: aURI}, `{"codeIbs":"D1","URI":"` + aURI + `"}`, withTRA},
		{"a TRA by other names", 1, FileImport{URL: NewSecret(anOwnLink)}, `{"codeIbs":"D1","url":"` + anOwnLink + `"}`, func(cfg *Config) {
			withTRA(cfg)
			cfg.TRANames = TRANames{URI: "uri", URL: "url"}
		}},
		{"a FEC whatever the names of a TRA", 0, FileImport{URI: aURI}, `{"codeIbs":"D1","URI":"` + aURI + `"}`, func(cfg *Config) { cfg.TRANames = TRANames{URI: "uri"} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			route := fileRoutes[tc.route]
			var got, where string
			c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, where = string(body), r.Method+" "+strings.TrimPrefix(r.URL.Path, "/loop-api-publiques")+r.URL.RawQuery+r.Header.Get("Content-Type")
				reply(200, acceptedBody)(w, r)
			}, func(cfg *Config) {
				if tc.adjust != nil {
					tc.adjust(cfg)
				}
			})
			id, err := route.submit(c, t.Context(), "D1", tc.in)
			if err != nil || id == "" || got != tc.want || where != "POST "+route.path+"application/json" || w.requests.Load() != 1 {
				t.Errorf("%s %v\n%s %s\n%s", id, err, where, got, tc.want)
			}
		})
	}
}

// TestWhatBecameOfAFileImport: as of an import of entries, whose table is whole (TestWhatBecameOfAWrite).
func TestWhatBecameOfAFileImport(t *testing.T) {
	for _, route := range fileRoutes {
		for _, tc := range []struct {
			name    string
			status  int
			body    string
			outcome WriteOutcome
			kind    Kind
		}{
			{"an id", 200, acceptedBody, WriteAccepted, 0},
			{"a refusal", 200, `{"error":{"instanceId":"inst-2","message":"fichier ambigu"}}`, WriteRefused, KindRefused},
			{"neither id nor error", 200, `{}`, WriteUncertain, KindOutcomeUnknown},
			{"an id and an error", 200, `{"accountingImportRequestId":"a","error":{"message":"non"}}`, WriteUncertain, KindOutcomeUnknown},
			{"a web page", 200, `<html></html>`, WriteUncertain, KindOutcomeUnknown},
			{"400", 400, `{"statusCode":400,"code":"X","message":"non"}`, WriteUncertain, KindOutcomeUnknown},
			{"503", 503, ``, WriteUncertain, KindOutcomeUnknown},
			{"a redirect", 307, ``, WriteUncertain, KindOutcomeUnknown},
			{"403", 403, `{"statusCode":403,"code":"X","message":"non"}`, WriteNotSent, KindDossierNotShared},
			{"429", 429, ``, WriteNotSent, KindThrottled},
		} {
			t.Run(route.name+": "+tc.name, func(t *testing.T) {
				c, w := testClient(t, reply(tc.status, tc.body), withTRA)
				id, err := route.submit(c, t.Context(), "D1", FileImport{URI: aURI, Model: route.model})
				if got := OutcomeOf(err); got != tc.outcome || w.requests.Load() != 1 {
					t.Errorf("%s after %d requests: %v", got, w.requests.Load(), err)
				}
				if e, _ := asError(err); (id != "") != (tc.kind == 0) || tc.kind != 0 && (e == nil || e.Kind != tc.kind || e.Operation != route.id || e.Dossier != "D1") {
					t.Errorf("%q %#v", id, err)
				}
			})
		}
		t.Run(route.name+" without the hook that is required", func(t *testing.T) {
			c, w := testClient(t, reply(200, acceptedBody), withTRA, func(cfg *Config) { cfg.RequireHookForWrites = true })
			in := FileImport{URI: aURI, Model: route.model}
			if _, err := route.submit(c, t.Context(), "D1", in); !errors.Is(err, ErrConfiguration) || w.requests.Load() != 0 {
				t.Error(err)
			}
			ran := ""
			ctx := WithBeforeSend(t.Context(), func(_ context.Context, call *Call) error { ran = call.Operation.ID; return nil })
			if _, err := route.submit(c, ctx, "D1", in); err != nil || ran != route.id {
				t.Error(ran, err)
			}
		})
	}
}

func TestAFileImportThatCannotBeRightIsNotSent(t *testing.T) {
	own := NewSecret(anOwnLink)
	for _, tc := range []struct {
		name    string
		route   int
		dossier string
		in      FileImport
		field   string
	}{
		{"no dossier", 0, "", FileImport{URI: aURI}, "dossier"},
		{"the practice itself", 0, "Cabinet", FileImport{URI: aURI}, "dossier"},
		{"no file", 0, "D1", FileImport{}, "uri"},
		{"two files", 0, "D1", FileImport{URI: aURI, URL: own}, "url"},
		{"a URI with a line break", 0, "D1", FileImport{URI: "a/b\n"}, "uri"},
		{"a URI without end", 0, "D1", FileImport{URI: strings.Repeat("a", 1025)}, "uri"},
		{"a URI that is not UTF-8", 0, "D1", FileImport{URI: "a/\xff"}, "uri"},
		{"a link in the clear", 0, "D1", FileImport{URL: NewSecret("http://files.example.com/a?sig=canarySAS")}, "url"},
		{"a link with a user", 0, "D1", FileImport{URL: NewSecret("https://u:sig=canarySAS@files.example.com/a")}, "url"},
		{"a link without a host", 0, "D1", FileImport{URL: NewSecret("https:///a?sig=canarySAS")}, "url"},
		{"no link at all", 0, "D1", FileImport{URL: NewSecret("%zz?sig=canarySAS")}, "url"},
		{"another protocol", 0, "D1", FileImport{URL: NewSecret("file:///etc/passwd")}, "url"},
		{"a FEC with a model", 0, "D1", FileImport{URI: aURI, Model: "M"}, "model"},
		{"a TRA with a model", 1, "D1", FileImport{URI: aURI, Model: "M"}, "model"},
		{"a custom file without a model", 2, "D1", FileImport{URI: aURI}, "model"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, w := testClient(t, reply(200, acceptedBody), withTRA)
			_, err := fileRoutes[tc.route].submit(c, t.Context(), tc.dossier, tc.in)
			e, _ := asError(err)
			if e == nil || e.Kind != KindInvalidArgument || e.Field != tc.field || OutcomeOf(err) != WriteNotSent || w.requests.Load() != 0 {
				t.Errorf("%#v", err)
			}
			wantNoCanary(t, "the error", prints(t, err))
		})
	}
	t.Run("a TRA that the owner has not allowed", func(t *testing.T) {
		c, w := testClient(t, reply(200, acceptedBody))
		_, err := c.Files.ImportTRA(t.Context(), "D1", FileImport{URI: aURI})
		if e, _ := asError(err); e == nil || e.Kind != KindUnverified || e.Operation != "import_tra" || w.requests.Load() != 0 {
			t.Errorf("%#v", err)
		}
	})
	t.Run("a link in the clear, where that is allowed", func(t *testing.T) {
		c, _ := testClient(t, reply(200, acceptedBody), func(cfg *Config) { cfg.AllowPlainHTTP = true })
		if _, err := c.Files.ImportFEC(t.Context(), "D1", FileImport{URL: NewSecret("http://127.0.0.1/a")}); err != nil {
			t.Error(err)
		}
	})
}

func TestADepositIsReadInWhateverFormItComes(t *testing.T) {
	both := `"depositUrl":"` + aLink + `","uri":"` + aURI + `"`
	for _, tc := range []struct {
		name, body string
		plain      bool
		kind       Kind
		field      string
	}{
		{"one object", `{` + both + `}`, false, 0, ""},
		{"another letter case", `{"DepositURL":"` + aLink + `","URI":"` + aURI + `"}`, false, 0, ""},
		{"an envelope", `{"data":{` + both + `}}`, false, 0, ""},
		{"a list of one", `[{` + both + `}]`, false, 0, ""},
		{"each part in an object of its own", `[ {"depositUrl":"` + aLink + `"} , {"uri":"` + aURI + `"} ]`, false, 0, ""},
		{"something more", `{` + both + `,"expires":3600}`, false, 0, ""},
		{"a null error", `{` + both + `,"error":null}`, false, 0, ""},
		{"in the clear, where that is allowed", `{"depositUrl":"http://127.0.0.1:1/x","uri":"a/b"}`, true, 0, ""},
		{"in the clear", `{"depositUrl":"http://account.example/x?sig=canarySAS","uri":"a/b"}`, false, KindBadResponse, "depositUrl"},
		{"a link with a user", `{"depositUrl":"https://sig=canarySAS@account.example/x","uri":"a/b"}`, true, KindBadResponse, "depositUrl"},
		{"another protocol", `{"depositUrl":"ftp://account.example/x","uri":"a/b"}`, true, KindBadResponse, "depositUrl"},
		{"a path", `{"depositUrl":"/container/x?sig=canarySAS","uri":"a/b"}`, true, KindBadResponse, "depositUrl"},
		{"no link", `{"uri":"` + aURI + `"}`, false, KindBadResponse, "depositUrl"},
		{"an empty link", `{"depositUrl":"","uri":"` + aURI + `"}`, false, KindBadResponse, "depositUrl"},
		{"a link that is an object", `{"depositUrl":{},"uri":"` + aURI + `"}`, false, KindBadResponse, "depositUrl"},
		{"no uri", `{"depositUrl":"` + aLink + `"}`, false, KindBadResponse, "uri"},
		{"a uri with a line break", `{"depositUrl":"` + aLink + `","uri":"a\nb"}`, false, KindBadResponse, "uri"},
		{"nothing", `{}`, false, KindBadResponse, "depositUrl"},
		{"an empty list", `[]`, false, KindBadResponse, ""},
		{"a list of other things", `["` + aLink + `",1]`, false, KindBadResponse, ""},
		{"half an answer", `[{"depositUrl":"` + aLink, false, KindBadResponse, ""},
		{"a web page", `<html>`, false, KindBadResponse, ""},
		{"a refusal in a 200", `{"error":{"message":"non, sig=canarySAS ` + aLink + `"}}`, false, KindRefused, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			query := ""
			c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.Path + "?" + r.URL.RawQuery
				reply(200, strings.Replace(tc.body, "non, sig=canarySAS", "non", 1))(w, r)
			}, func(cfg *Config) { cfg.AllowPlainHTTP = tc.plain })
			d, err := c.Files.DepositURL(t.Context(), "mars été.txt")
			wantNoCanary(t, "the deposit", prints(t, d)+prints(t, &d))
			if query != "/loop-api-publiques/getFileUrlDeposit?filename=mars%20%C3%A9t%C3%A9.txt" {
				t.Error(query)
			}
			if tc.kind == 0 {
				if err != nil || d.URI == "" || d.URL.IsZero() || !tc.plain && (d.URL.Reveal() != aLink || d.URI != aURI) {
					t.Error(d, err)
				}
				return
			}
			if e, _ := asError(err); e == nil || e.Kind != tc.kind || e.Field != tc.field || !d.URL.IsZero() || d.URI != "" {
				t.Errorf("%#v", err)
			}
			wantNoCanary(t, "the error", prints(t, err))
		})
	}
	for _, name := range []string{"", ".", "..", "a/b.txt", `a\b.txt`, "a\x00.txt", "a\xff.txt", strings.Repeat("a", 256)} {
		c, w := testClient(t, reply(200, `{`+both+`}`))
		if _, err := c.Files.DepositURL(t.Context(), name); !errors.Is(err, ErrInvalidArgument) || w.requests.Load() != 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAskingForADepositIsTriedAgain(t *testing.T) {
	c, w := testClient(t, script(reply(503, ``), reply(200, `{"depositUrl":"`+aLink+`","uri":"`+aURI+`"}`)), func(cfg *Config) {
		cfg.Retry.BaseDelay = time.Millisecond
	})
	if d, err := c.Files.DepositURL(t.Context(), "mars.txt"); err != nil || d.URL.Reveal() != aLink || d.URI != aURI || w.requests.Load() != 2 {
		t.Error(d, err, w.requests.Load())
	}
}

// TestTheLinkOfAFileIsInNoError: Loop may repeat what it was sent.
func TestTheLinkOfAFileIsInNoError(t *testing.T) {
	for _, body := range []string{
		`{"error":{"message":"téléchargement impossible : ` + anOwnLink + ` (403)"}}`,
		`{"error":{"message":"token=1&sig=canarySAS%2Bxyz est refusé"}}`,
		`{"error":"` + anOwnLink + `"}`,
	} {
		c, _ := testClient(t, reply(200, body))
		_, err := c.Files.ImportFEC(t.Context(), "D1", FileImport{URL: NewSecret(anOwnLink)})
		if OutcomeOf(err) != WriteRefused {
			t.Error(err)
		}
		wantNoCanary(t, "the error", prints(t, err))
	}
	wantNoCanary(t, "a file", prints(t, FileImport{URL: NewSecret(anOwnLink)}))
}

func FuzzDeposit(f *testing.F) {
	for _, seed := range []string{
		`{"depositUrl":"` + aLink + `","uri":"` + aURI + `"}`, `[{"depositUrl":"` + aLink + `"},{"uri":"` + aURI + `"}]`, `{"error":{"message":"non"}}`, `[{},{}]`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := readDeposit(body, false)
		if err == nil && (!strings.HasPrefix(strings.ToLower(d.URL.Reveal()), "https://") || !isFileURI(d.URI)) || err != nil && (d.URI != "" || !d.URL.IsZero()) {
			t.Errorf("%q %q %v", d.URL.Reveal(), d.URI, err)
		}
	})
}
