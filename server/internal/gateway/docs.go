package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"

	"github.com/swaggest/swgui/v5emb"
)

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// newDocs returns the page that shows the OpenAPI document. Its two inline scripts are allowed by their hashes,
// computed from the page itself, and nothing is fetched from elsewhere.
func newDocs() (http.Handler, error) {
	page := v5emb.New("Cegid Loop gateway", "/openapi.json", "/docs/")
	request, err := http.NewRequest(http.MethodGet, "/docs/", nil)
	if err != nil {
		return nil, err
	}
	var probe pageBuffer
	page.ServeHTTP(&probe, request)
	policy := "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; script-src 'self'"
	scripts := inlineScript.FindAllSubmatch(probe.Bytes(), -1)
	if len(scripts) == 0 {
		return nil, fmt.Errorf("the documentation page has no inline script: its content policy would be wrong")
	}
	for _, script := range scripts {
		sum := sha256.Sum256(script[1])
		policy += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	index, assets := newPage("text/html; charset=utf-8", probe.Bytes()), tagged(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		if r.URL.Path == "/docs/" {
			index.ServeHTTP(w, r)
			return
		}
		assets.ServeHTTP(w, r)
	}), nil
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
