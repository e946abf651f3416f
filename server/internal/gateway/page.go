package gateway

import (
	"net/http"
	"strconv"
	"strings"
)

// wantsPage tells whether a caller asks for HTML before JSON. What accepts everything, as curl does, is no browser.
func wantsPage(r *http.Request) bool {
	html, _ := preferred(r.Header.Values("Accept"), "text/html")
	json, given := preferred(r.Header.Values("Accept"), "application/json")
	return html > 0 && (!given || html >= json)
}

// pageLanguage is that of Accept-Language, French unless English is preferred: accountants in France read it.
func pageLanguage(r *http.Request) string {
	of := func(language string) (most float64) {
		for _, name := range []string{language, language + "-*"} {
			weight, _ := preferred(r.Header.Values("Accept-Language"), name)
			most = max(most, weight)
		}
		return most
	}
	if of("en") > of("fr") {
		return "en"
	}
	return "fr"
}

// preferred is the weight of a value in the lists of a header, 0 if it is not there; a value that ends with -* means
// all that begin so.
func preferred(lists []string, value string) (weight float64, given bool) {
	for part := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if prefix, all := strings.CutSuffix(value, "*"); name != value && (!all || !strings.HasPrefix(name, prefix)) {
			continue
		}
		quality := 1.0
		for parameter := range strings.SplitSeq(parameters, ";") {
			if q, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
				if parsed, err := strconv.ParseFloat(q, 64); err == nil {
					quality = parsed
				}
			}
		}
		weight, given = max(weight, quality), true
	}
	return weight, given
}

// writePage answers with a page that may load nothing and run nothing.
func writePage(w http.ResponseWriter, page string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(page)) // the caller may have gone
}
