package cegidclient

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

const canarySecret = "canary+Secret/=with:colon"

// spellings are all the ways in which an answer can hold a secret, once within a JSON text.
func spellings(secret string) map[string]string {
	hex := func(format string) string {
		var b strings.Builder
		for i := range len(secret) {
			fmt.Fprintf(&b, format, secret[i])
		}
		return b.String()
	}
	quoted := func(s string) string { q, _ := json.Marshal(s); return string(q[1 : len(q)-1]) }
	out := map[string]string{
		"as it stands":                    secret,
		"a slash escaped":                 strings.ReplaceAll(secret, "/", `\/`),
		"a plus escaped":                  strings.ReplaceAll(secret, "+", `\u002B`),
		"a plus escaped, small":           strings.ReplaceAll(secret, "+", `\u002b`),
		"all escaped":                     hex(`\u%04X`),
		"all escaped twice":               hex(`\\u%04x`),
		"percent":                         url.QueryEscape(secret),
		"percent, small":                  strings.ToLower(url.PathEscape(secret[:1])) + strings.ReplaceAll(strings.ReplaceAll(secret[1:], "+", "%2b"), "/", "%2f"),
		"percent everywhere":              hex("%%%02x"),
		"percent twice":                   url.QueryEscape(url.QueryEscape(secret)),
		"percent thrice":                  url.QueryEscape(url.QueryEscape(url.QueryEscape(secret))),
		"percent, its sign escaped":       strings.ReplaceAll(url.QueryEscape(secret), "%", `\u0025`),
		"escapes, percent-encoded":        url.QueryEscape(strings.ReplaceAll(secret, "+", `\u002B`)),
		"the last character escaped":      secret[:len(secret)-1] + hex(`\u%04x`)[6*len(secret)-6:],
		"the first character escaped":     hex(`\u%04x`)[:6] + secret[1:],
		"some percent, some escaped":      strings.Replace(strings.Replace(secret, "+", "%2B", 1), "/", `\/`, 1),
		"JSON in a JSON text":             quoted(quoted(strings.ReplaceAll(secret, "/", `\/`))),
		"basic authentication":            base64.StdEncoding.EncodeToString([]byte("id:" + secret)),
		"base64, its slashes escaped":     strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte("??>"+secret)), "/", `\/`),
		"base64, percent":                 url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(secret + "?>"))),
		"base64 of a JSON object":         base64.StdEncoding.EncodeToString([]byte(`{"k":"` + secret + `"}`)),
		"base64 for URLs":                 base64.URLEncoding.EncodeToString([]byte("k=" + secret)),
		"base64 for URLs without padding": base64.RawURLEncoding.EncodeToString([]byte("key=" + secret)),
	}
	return out
}

// readings decodes a text in every way until nothing changes, to look for what a reader could get out of it.
func readings(text string) []string {
	seen := map[string]bool{text: true}
	all := []string{text}
	for i := 0; i < len(all) && i < 400; i++ {
		var next []string
		var s string
		if json.Unmarshal([]byte(`"`+all[i]+`"`), &s) == nil {
			next = append(next, s)
		}
		if s, err := url.PathUnescape(all[i]); err == nil {
			next = append(next, s)
		}
		if s, err := url.QueryUnescape(all[i]); err == nil {
			next = append(next, s)
		}
		for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if s, err := alphabet.DecodeString(all[i]); err == nil {
				next = append(next, string(s))
			}
		}
		for _, s := range next {
			if !seen[s] {
				seen[s] = true
				all = append(all, s)
			}
		}
	}
	return all
}

func wantNoSecret(t *testing.T, text, secret string) {
	t.Helper()
	for _, reading := range readings(text) {
		if strings.Contains(reading, secret) {
			t.Errorf("%q is read as %q", text, reading)
			return
		}
	}
}

func TestASecretIsTakenOutInEverySpelling(t *testing.T) {
	r := newRedactor(canarySecret)
	for name, spelled := range spellings(canarySecret) {
		t.Run(name, func(t *testing.T) {
			found := false
			for _, reading := range readings(spelled) {
				found = found || strings.Contains(reading, canarySecret)
			}
			if !found {
				t.Fatalf("%q does not spell the secret", spelled)
			}
			for _, around := range []string{`{"a":"%s"}`, `{"%s":1}`, `["é",{"b":[1.50,"x %s y\n"]}]`, "\xef\xbb\xbf" + `{"k":"\\%s\\","n":12}`, `{"a":"\u00e9%s\u00e9"}`} {
				body := strings.Replace(around, "%s", spelled, 1)
				got := string(r.body([]byte(body)))
				if !json.Valid([]byte(strings.TrimPrefix(got, "\xef\xbb\xbf"))) || !strings.Contains(got, redacted) {
					t.Errorf("%s became %s", body, got)
				}
				inside, _, _ := strings.Cut(around, "%s")
				rest := strings.TrimPrefix(got, inside)
				wantNoSecret(t, got, canarySecret)
				if !strings.Contains(name, "base64") && name != "basic authentication" && len(rest) > len(around)+len(redacted) {
					t.Errorf("%s keeps something of it: %s", body, got)
				}
			}
			for _, around := range []string{"%s", "<html>%s</html>", `{"a":"%s`, "x%s"} {
				got := r.text(strings.Replace(around, "%s", spelled, 1))
				wantNoSecret(t, got, canarySecret)
				if !strings.Contains(got, redacted) {
					t.Errorf("%q", got)
				}
			}
		})
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	r := newRedactor("public-half", "secretOfTheKey+/", "123456789012", "")
	for _, body := range []string{
		``, `[]`, `{"a":"public-half"}`, `{"a":"secretOfTheKey+"}`, `{"a":"secretOfTheKey\u002c\/"}`, `{"a":"100 %","b":"\\ % \u00e9 %2"}`,
		`{"amount":12345678901.2}`, "\xff\xfe\x00%\\", strings.Repeat("a", 1000),
	} {
		in := []byte(body)
		if got := r.body(in); string(got) != body || len(in) > 0 && &got[0] != &in[0] {
			t.Errorf("%q became %q", body, got)
		}
	}
	var none *redactor
	if newRedactor("short", "elevenchars") != none || string(none.body([]byte("short"))) != "short" || none.text("x") != "x" || none.header(nil) != nil {
		t.Error("short secrets are taken out")
	}
}

func TestJSONStaysJSON(t *testing.T) {
	for _, tc := range []struct{ secret, body, want string }{
		{"123456789012", `{"n":123456789012,"m":-0.123456789012e5,"s":"123456789012"}`, `{"n":"[redacted]","m":"[redacted]","s":"[redacted]"}`},
		{"network-secret", `["\network-secret"]`, `["[redacted]"]`},         // a line break and the rest of the word: cut too, and whole
		{"u002Bcanary-secret", `["\u002Bcanary-secret"]`, `["[redacted]"]`}, // begins in an escape
		{"canary-secret\\", `["canary-secret\"x"]`, `["[redacted]x"]`},      // ends in an escape
		{"canary-secret\\u00", `["canary-secret\u00e9x"]`, `["[redacted]x"]`},
		{`"canary-secret"`, `["canary-secret",1]`, `["[redacted]",1]`}, // its quotes stay
		{`"canary-secret"`, `["\"canary-secret\"",1]`, `["[redacted]",1]`},
		{"canary secret 1", `["canary+secret+1","canary%20secret\u00201"]`, `["[redacted]","[redacted]"]`},
		{"canary-é-😀-secret", `["canary-\u00e9-\uD83D\uDE00-secret","canary-%C3%A9-%F0%9F%98%80-secret"]`, `["[redacted]","[redacted]"]`},
		{"abcabcabcabcabc", `["abcabcabcabcabcabc"]`, `["[redacted]"]`}, // occurrences that overlap
		{"canary-secret", `{"canary-secret":1} ["canary-secret"]`, `{"[redacted]":1} ["[redacted]"]`},
		{"canary-secret", `{"a":"canary-secret"`, `{"a":"[redacted]"`},
	} {
		if got := newRedactor(tc.secret).body([]byte(tc.body)); string(got) != tc.want {
			t.Errorf("%s without %q: %s; want %s", tc.body, tc.secret, got, tc.want)
		}
	}
}

// FuzzRedact: a secret spelled at random, within JSON and within anything, never comes out; JSON stays JSON; what holds none
// stays as it is.
func FuzzRedact(f *testing.F) {
	f.Add("canary+Secret/=with:colon", "avant ", " après", uint64(1))
	f.Add(`back\slash"quote%2B`, `\`, `\u00e9`, uint64(2))
	f.Add("nnnnnnnnnnnnnnnn", `\`, "n", uint64(3))
	f.Add("%25%25%25%25%25", "%", "25", uint64(4))
	f.Fuzz(func(t *testing.T, secret, before, after string, seed uint64) {
		if len(secret) < shortestSecret || len(secret) > 60 || !fitsHeader(secret) || !utf8.ValidString(secret) || len(before)+len(after) > 200 {
			return
		}
		r := newRedactor(secret)
		rng := rand.New(rand.NewPCG(seed, 0))
		spelled := secret
		for range 1 + rng.IntN(3) {
			spelled = spellAtRandom(rng, spelled)
		}
		got := r.text(before + spelled + after)
		if strings.Contains(got, spelled) || strings.Contains(got, secret) && !strings.Contains(redacted, secret) {
			t.Fatalf("%q, spelled %q, is left in %q", secret, spelled, got)
		}
		quoted, _ := json.Marshal(before + spelled + after)
		body := `{"a":` + string(quoted) + `,"b":[` + string(quoted) + `,12]}`
		out := r.body([]byte(body))
		var v struct {
			A string
			B []any
		}
		if err := json.Unmarshal(out, &v); err != nil || len(v.B) != 2 || v.B[1] != 12.0 {
			t.Fatalf("%s became %s: %v", body, out, err)
		}
		if strings.Contains(v.A, secret) {
			t.Fatalf("%q is left in %s", secret, out)
		}
		clean := []byte(strings.ToUpper(after) + before)
		if r.find(clean) == nil && !bytes.Equal(r.body(clean), clean) {
			t.Fatalf("%q was changed", clean)
		}
	})
}

// spellAtRandom encodes a text once: in JSON's escapes or with percent signs, what must be and some that need not.
func spellAtRandom(rng *rand.Rand, s string) string {
	var b strings.Builder
	if rng.IntN(2) == 0 {
		for i := range len(s) {
			if c := s[i]; c == '%' || rng.IntN(3) == 0 {
				fmt.Fprintf(&b, [...]string{"%%%02x", "%%%02X"}[rng.IntN(2)], c)
			} else {
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	for _, c := range s {
		switch {
		case c == '\\' || c == '"':
			b.WriteString(`\` + string(c))
		case c < 0x10000 && rng.IntN(3) == 0:
			fmt.Fprintf(&b, [...]string{`\u%04x`, `\u%04X`}[rng.IntN(2)], c)
		case c == '/' && rng.IntN(2) == 0:
			b.WriteString(`\/`)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// BenchmarkRedactClean: what looking costs on an answer that holds no secret, which is nearly every one.
func BenchmarkRedactClean(b *testing.B) {
	list := func(accents string) []byte {
		var body bytes.Buffer
		for n := range 1000 {
			fmt.Fprintf(&body, ",%s", strings.ReplaceAll(accountJSON(n), "n°", accents))
		}
		body.WriteByte(']')
		body.Bytes()[0] = '['
		return body.Bytes()
	}
	random := rand.New(rand.NewPCG(1, 2))
	token := func(n int) string {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(random.IntN(256))
		}
		return base64.StdEncoding.EncodeToString(raw)[:n]
	}
	for _, tc := range []struct {
		name    string
		secrets []string
		body    []byte
	}{
		{"keys of 32 and 44 characters", []string{token(44), token(32), token(32)}, list("n°")},
		{"keys of 12 characters", []string{token(12), token(12), token(12)}, list("n°")},
		{"one escape a row", []string{token(44), token(32), token(32)}, list(`n\u00b0`)},
	} {
		b.Run(tc.name, func(b *testing.B) {
			r := newRedactor(tc.secrets...)
			b.SetBytes(int64(len(tc.body)))
			b.ReportAllocs()
			before, n := processorTime(), 0
			for b.Loop() {
				n++
				if &r.body(tc.body)[0] != &tc.body[0] {
					b.Fatal("a clean body was copied")
				}
			}
			b.ReportMetric(float64(n*len(tc.body))/1e9/(processorTime()-before).Seconds(), "GB/cpu-s")
		})
	}
}

// processorTime is what this process has taken: on a busy machine the clock says nothing of a core.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestNothingThatLoopEchoesComesOut has Loop answer each kind of call with what it was sent, in each spelling, wherever an
// answer can hold a text.
func TestNothingThatLoopEchoesComesOut(t *testing.T) {
	const account = `{"objectId":"a","numero":"60100000","libelle":"%s","autre":{"%s":["%s"]},"%s":1}`
	exits := map[string]struct {
		status int
		body   string
		call   func(*testing.T, *Client) any
	}{
		"a list": {200, "[" + account + "]", func(t *testing.T, c *Client) any {
			page, err := c.Accounts.List(t.Context(), "D1", ListOptions{})
			if err != nil || len(page.Items) != 1 || len(page.Items[0].Unmapped) != 2 {
				t.Errorf("%v, %v", page, err)
				return err
			}
			return []string{*page.Items[0].Label, fmt.Sprint(page.Items[0].Unmapped), string(c.Accounts.AppendJSON(nil, &page.Items[0]))}
		}},
		"a raw read": {200, account, func(t *testing.T, c *Client) any {
			answer, err := c.Raw.Call(t.Context(), RawCall{Method: "GET", Path: "/x", Key: KeyStandard})
			if err != nil || !json.Valid([]byte(answer.Body)) {
				t.Errorf("%v, %v", answer, err)
			}
			return answer
		}},
		"a document": {200, account, func(t *testing.T, c *Client) any {
			stored, err := c.Documents.Store(t.Context(), "D1", aDocument("%PDF-"))
			if err != nil {
				t.Error(err)
			}
			return stored
		}},
		"a status": {200, `{"status":2,"detail":"%s","error":{"message":"%s","instanceId":"%s"}}`, func(t *testing.T, c *Client) any {
			status, err := c.Imports.Status(t.Context(), "id-1")
			if err != nil || !strings.Contains(status.Message, redacted) {
				t.Errorf("%v, %v", status, err)
			}
			return status
		}},
		"a refusal": {400, `{"code":"%s","message":"%s","requestId":"%s","id":"%s"}`, func(t *testing.T, c *Client) any {
			e, _ := asError(readOnce(t.Context(), c))
			if e == nil || e.Kind != KindRefused || !strings.Contains(e.Message, redacted) {
				t.Errorf("%v", e)
			}
			return e
		}},
		"a call without a method": {500, `["%s"]`, func(t *testing.T, c *Client) any {
			resp, err := c.Do(t.Context(), &Call{Operation: operation(t, "list_accounts"), Dossier: "D1"})
			if resp == nil || err == nil {
				t.Fatal(resp, err)
			}
			return []any{string(resp.Body), resp.Header, err}
		}},
	}
	for exit, tc := range exits {
		for name := range spellings(canarySecret) {
			secrets := []string{canarySecret, testSub, testSub2}
			c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
				said := "dit: "
				for _, secret := range secrets {
					said += " " + spellings(secret)[name]
				}
				body := strings.ReplaceAll(tc.body, "%s", said)
				if skip := r.URL.Query().Get("skip"); skip != "" && skip != "0" {
					body = "[]"
				}
				reply(tc.status, body, "X-Echo", said)(w, r)
			}, func(cfg *Config) {
				cfg.Retry.Attempts = 1
				cfg.Credentials = StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub), NewSecret(testSub2))
			})
			text := fmt.Sprintf("%+v", tc.call(t, c))
			for _, secret := range secrets {
				for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \"[]{}", r) }) {
					wantNoSecret(t, word, secret)
				}
			}
			if t.Failed() {
				t.Fatalf("%s, %s: %s", exit, name, text)
			}
		}
	}
}

// TestASecretThatArrivesInPiecesIsTakenOut: the bytes of an answer come as the network cuts them, a body cut off in the middle of
// a secret included.
func TestASecretThatArrivesInPiecesIsTakenOut(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `[{"objectId":"a","numero":"1","libelle":"` + r.Header.Get("X-Apikey") + `"}]`
		if r.URL.Query().Get("codeDossier") == "cut" {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(body[:60]))
			return
		}
		for i := range len(body) {
			_, _ = w.Write([]byte{body[i]})
			w.(http.Flusher).Flush()
		}
	}))
	defer server.Close()
	c, err := New(Config{
		BaseURL: server.URL, AllowPlainHTTP: true, Retry: RetryPolicy{Attempts: 1},
		Credentials: StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	page, err := c.Accounts.List(t.Context(), "D1", ListOptions{Take: 1})
	if err != nil || *page.Items[0].Label != "canaryKeyId:"+redacted {
		t.Errorf("%v, %v", page, err)
	}
	if _, err := c.Accounts.List(t.Context(), "cut", ListOptions{}); err == nil || strings.Contains(prints(t, err), "canary+") {
		t.Error(err)
	}
}

func TestALinkToImportFromIsNotRepeated(t *testing.T) {
	const link, signature = "https://files.example/f.tra?sv=1&sig=c4nary%2Bsignature", "c4nary+signature"
	for name, said := range map[string]string{
		"the link": link, "its slashes escaped": strings.ReplaceAll(link, "/", `\/`), "its query": "sv=1&sig=c4nary%2Bsignature",
		"percent-encoded": url.QueryEscape(link), "its signature": signature, "its signature, small": "c4nary%2bsignature",
	} {
		c, _ := testClient(t, reply(400, `{"code":"X","message":"`+said+` refusé"}`), func(cfg *Config) { cfg.Unverified = []string{"import_tra"} })
		_, err := c.Files.ImportTRA(t.Context(), "D1", FileImport{URL: NewSecret(link)})
		e, _ := asError(err)
		if e == nil || !strings.Contains(e.Message, redacted) || strings.Contains(prints(t, err), "c4nary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheSecretsOfANewKeyAreTakenOutToo, and the public half of a key is none, however long.
func TestTheSecretsOfANewKeyAreTakenOutToo(t *testing.T) {
	key := "the-public-half:canary-secret-1"
	c, _ := testClient(t, reply(200, `["canary-secret-1","canary-secret-2","the-public-half"]`), func(cfg *Config) {
		cfg.Credentials = sourceFunc(func() (Credentials, error) {
			return Credentials{Kind: KeyStandard, APIKey: NewSecret(key), SubscriptionKeys: []Secret{NewSecret(testSub)}}, nil
		})
	})
	for _, want := range []string{`["[redacted]","canary-secret-2","the-public-half"]`, `["canary-secret-1","[redacted]","the-public-half"]`} {
		answer, err := c.Raw.Call(t.Context(), RawCall{Method: "GET", Path: "/x", Key: KeyStandard})
		if err != nil || answer.Body != want {
			t.Errorf("%v, %v; want %s", answer, err, want)
		}
		key = "the-public-half:canary-secret-2"
	}
}

func TestAnyPartThatOpensALinkIsNotRepeated(t *testing.T) {
	for link, said := range map[string][]string{
		"https://files.example/f.tra?X-Amz-Expires=60&X-Amz-Signature=c4nary0123456789": {"X-Amz-Signature=c4nary0123456789", "la signature c4nary0123456789"},
		"https://files.example/f.tra?v=1&token=c4nary%2F0123456789":                     {"le jeton c4nary/0123456789", `le jeton c4nary\/0123456789`, "c4nary%2f0123456789"},
		"https://files.example/s/c4nary0123456789/f.tra":                                {"/s/c4nary0123456789/f.tra introuvable", `\/s\/c4nary0123456789\/f.tra`},
	} {
		for _, said := range said {
			c, _ := testClient(t, reply(400, `{"code":"X","message":"`+said+` refus"}`))
			_, err := c.Files.ImportFEC(t.Context(), "D1", FileImport{URL: NewSecret(link)})
			if e, _ := asError(err); e == nil || strings.Contains(prints(t, err), "c4nary") {
				t.Errorf("%s: %v", said, err)
			}
		}
	}
}

func TestAStatusRepeatsNoLink(t *testing.T) {
	const link = "https://files.example/f.tra?sv=1&sig=c4nary%2Bsignature"
	for _, said := range []string{link, strings.ReplaceAll(link, "/", `\/`), strings.ReplaceAll(link, "?", `\u003F`), url.QueryEscape(link), strings.ToLower(url.QueryEscape(link)), url.QueryEscape(url.QueryEscape(link))} {
		c, _ := testClient(t, reply(200, `{"status":4,"error":{"message":"téléchargement de `+said+` impossible"}}`))
		status, err := c.Imports.Status(t.Context(), "id-1")
		if err != nil || strings.Contains(status.Message, "c4nary") || !strings.HasSuffix(status.Message, " impossible") {
			t.Errorf("%s: %v, %v", said, status.Message, err)
		}
	}
}
