package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

const apiURL = "/docs/api/"

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// newAPI returns the page that shows the OpenAPI document and calls it. Its inline scripts are allowed by their hashes,
// computed from the page itself, and nothing is fetched from elsewhere. A token stays in the browser's storage of this origin.
func newAPI() (http.Handler, error) {
	page := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "Cegid Loop gateway", SwaggerJSON: "/openapi.json", BasePath: apiURL,
		SettingsUI: map[string]string{
			"persistAuthorization": "true", "tryItOutEnabled": "true", "displayRequestDuration": "true", "filter": "true",
			"deepLinking": "false", // it puts a link into each button
		},
		AppendHead: `<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" type="text/css" href="` +
			apiStyleURL + `"><script src="` + apiScriptURL + `"></script>`,
		PrependHTML: `<header class="site"><a href="/">Cegid Loop gateway</a> <a href="/docs/">Documents</a> <a href="` + protosURL +
			`">Protos</a></header>`,
	})
	request, err := http.NewRequest(http.MethodGet, apiURL, nil)
	if err != nil {
		return nil, err
	}
	var probe pageBuffer
	page.ServeHTTP(&probe, request)
	policy := "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; script-src 'self'"
	scripts := inlineScript.FindAllSubmatch(probe.Bytes(), -1)
	if len(scripts) == 0 {
		return nil, fmt.Errorf("the page of the OpenAPI document has no inline script: its content policy would be wrong")
	}
	for _, script := range scripts {
		sum := sha256.Sum256(script[1])
		policy += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	index, assets := newPage("text/html; charset=utf-8", probe.Bytes()), tagged(page)
	return policed(policy, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apiURL {
			index.ServeHTTP(w, r)
			return
		}
		assets.ServeHTTP(w, r)
	})), nil
}

// pageBuffer keeps a page's bytes.
type pageBuffer struct {
	bytes.Buffer
	header http.Header
}

func (p *pageBuffer) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (*pageBuffer) WriteHeader(int) {}
