package conformance

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// TestABrowserIsAnsweredWithAPage: in the language that it asks for, and all others with JSON.
func TestABrowserIsAnsweredWithAPage(t *testing.T) {
	h := start(t, nil)
	file := string(fecgen.Bytes(fecgen.Options{Size: 3000, Edit: func(line int, text []byte) []byte {
		if line == 5 {
			return []byte(strings.Replace(string(text), "\t2026", "\t2O26<script>", 1))
		}
		return text
	}}))
	for _, c := range []struct{ accept, language, format, want, says string }{
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", "FEC", "text/html; charset=utf-8", `<html lang="fr">`},
		{"text/html", "en-GB,en;q=0.9,fr;q=0.8", "FEC", "text/html; charset=utf-8", `<html lang="en">`},
		{"text/html", "de", "FEC", "text/html; charset=utf-8", "2O26&lt;script&gt;"},
		{"*/*", "", "FEC", "application/json", `"valid":false`},
		{"application/json", "fr", "FEC", "application/json", `"valid":false`},
		{"application/json, text/html;q=0.5", "fr", "FEC", "application/json", `"valid":false`},
		{"text/html", "fr", "CUSTOM", "application/json", `"valid":true`}, // of which there is nothing to show
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			h.rest+"/v1/practices/demo/dossiers/CEGID001/files:validate?fileName=900000001FEC20261231.txt&format=IMPORT_FORMAT_"+c.format, strings.NewReader(file))
		testkit.OK(t, err)
		request.Header.Set("Authorization", "Bearer everything")
		request.Header.Set("Accept", c.accept)
		request.Header.Set("Accept-Language", c.language)
		response, err := h.web.Do(request)
		testkit.OK(t, err)
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if got := response.Header.Get("Content-Type"); err != nil || got != c.want || !strings.Contains(strings.ReplaceAll(string(body), `": `, `":`), c.says) || strings.Contains(string(body), "<script>") && c.want != "application/json" {
			t.Errorf("%q, %q: %s, %v: %.600s", c.accept, c.language, got, err, body)
		}
		if policy := response.Header.Get("Content-Security-Policy"); c.want != "application/json" && !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("the page may load things: %q", policy)
		}
	}
}
