// Package site is what people read at the HTTP port: what this is, guides and reference with a search, the page of the OpenAPI
// document, and the protos. All of it is in the program. Nothing is fetched from elsewhere, and only the page of the OpenAPI
// document runs a script.
package site

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Config is what there is to show.
type Config struct {
	// Documents are the guides and the reference in Markdown, by their paths in the repository; without them there are none.
	Documents fs.FS
	// OpenAPI is the document that /openapi.json answers.
	OpenAPI []byte
	// Protos are the files below /protos/, those of a proto file's imports among them.
	Protos fs.FS
	// Descriptors are the same as a FileDescriptorSet.
	Descriptors []byte
	// Contact is the person or team to ask for a token; empty leaves it at a general word.
	Contact string
	// Sandbox tells what a sandbox has to offer; nil in production, where a stranger learns of no practice.
	Sandbox func() Sandbox
}

// Sandbox is what the page at / says of one.
type Sandbox struct {
	// GRPC and Simulator are where they listen, host:port.
	GRPC, Simulator string
	// Token says that callers must send the one that it was started with; else any passes.
	Token bool
	// Folder has the authority's certificate and the token, when the sandbox serves with TLS.
	Folder    string
	Practices []Practice
}

// Practice is one of a sandbox.
type Practice struct {
	Name, Key string
	Dossiers  []Dossier
}

// Dossier is one of a practice; Note says what it is good for.
type Dossier struct{ Code, Name, Note string }

var (
	//go:embed page.html
	layoutHTML string
	//go:embed style.css
	styleCSS []byte
	//go:embed api.css
	apiCSS []byte
	//go:embed api.js
	apiJS []byte
)

var layout = template.Must(template.New("page").Parse(layoutHTML))

// site makes each page when it is first asked for, and keeps it.
type site struct {
	cfg     Config
	library *library
	groups  []group
	index   func() (index, error)
}

// view is what the layout shows.
type view struct {
	Title, URL string
	Groups     []group
	// Scheme and Host are as the reader has called this server.
	Scheme, Host string
	// A document:
	Body     template.HTML
	Contents []section
	// A search:
	Searched bool
	Query    string
	Results  []result
	// What is at /:
	Landing         bool
	Home            *Sandbox
	Contact, Bearer string
	// Protos:
	Protos []protoFile
}

// Language is that of the text.
func (v view) Language() string {
	if strings.HasPrefix(v.URL, "/docs/fr/") {
		return "fr"
	}
	return "en"
}

// Register adds the pages to a mux. Every address has a pattern of its own, so that the mux knows what is not there.
func Register(mux *http.ServeMux, cfg Config) error {
	s := &site{cfg: cfg}
	api, err := newAPI()
	if err != nil {
		return err
	}
	mux.Handle("GET /openapi.json", newPage("application/json", cfg.OpenAPI))
	mux.Handle("GET "+apiURL, api)
	mux.Handle("GET /docs/api", http.RedirectHandler(apiURL, http.StatusMovedPermanently))
	mux.Handle("GET /docs", http.RedirectHandler("/docs/", http.StatusMovedPermanently))
	mux.Handle("GET "+styleURL, newPage("text/css; charset=utf-8", styleCSS))
	mux.Handle("GET "+apiStyleURL, newPage("text/css; charset=utf-8", apiCSS))
	mux.Handle("GET "+apiScriptURL, newPage("text/javascript; charset=utf-8", apiJS))
	mux.Handle("GET /{$}", policed(pagePolicy, http.HandlerFunc(s.landing)))
	if err := s.addProtos(mux); err != nil {
		return err
	}
	if cfg.Documents == nil {
		mux.Handle("GET /docs/{$}", http.RedirectHandler(apiURL, http.StatusFound))
		return nil
	}
	return s.addDocuments(mux)
}

const (
	styleURL     = "/docs/style.css"
	apiStyleURL  = "/docs/api.css"
	apiScriptURL = "/docs/api.js"
	searchURL    = "/docs/search"
)

func (s *site) addDocuments(mux *http.ServeMux) (err error) {
	if s.library, err = newLibrary(s.cfg.Documents); err != nil {
		return err
	}
	if s.groups, err = s.library.groups(); err != nil {
		return err
	}
	s.index = sync.OnceValues(func() (index, error) { return newIndex(s.library) })
	for name, url := range s.library.pages {
		pattern := url
		if strings.HasSuffix(url, "/") {
			pattern += "{$}"
			if url != "/docs/" {
				mux.Handle("GET "+strings.TrimSuffix(url, "/"), http.RedirectHandler(url, http.StatusMovedPermanently))
			}
		}
		mux.Handle("GET "+pattern, policed(pagePolicy, s.once(func() (http.Handler, error) { return s.page(name) })))
	}
	for name, url := range s.library.plain {
		content, err := fs.ReadFile(s.cfg.Documents, name)
		if err != nil {
			return err
		}
		mux.Handle("GET "+url, policed(pagePolicy, newPage(typeOf(name), content)))
	}
	mux.Handle("GET "+searchURL, policed(pagePolicy, http.HandlerFunc(s.search)))
	return nil
}

// once makes a page when it is first asked for.
func (*site) once(make func() (http.Handler, error)) http.Handler {
	made := sync.OnceValues(make)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, err := made()
		if err != nil {
			http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// typeOf is the media type of a file that people look at.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".json":
		return "application/json"
	case ".pdf":
		return "application/pdf"
	default:
		return "text/plain; charset=utf-8"
	}
}

// page makes the page of a document.
func (s *site) page(name string) (http.Handler, error) {
	d, err := s.library.read(name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := layout.Execute(&out, view{Title: d.title, URL: d.url, Groups: s.groups, Body: d.body, Contents: d.contents}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return newPage("text/html; charset=utf-8", out.Bytes()), nil
}

// search answers what the documents say of some words.
func (s *site) search(w http.ResponseWriter, r *http.Request) {
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	if letters := []rune(query); len(letters) > mostQuery {
		query = string(letters[:mostQuery])
	}
	x, err := s.index()
	if err != nil {
		http.Error(w, "the documents cannot be searched", http.StatusInternalServerError)
		return
	}
	s.show(w, r, view{Title: "Search", URL: searchURL, Query: query, Groups: s.groups, Searched: true, Results: x.search(query)})
}

// landing says what this is, and where to go on.
func (s *site) landing(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Cegid Loop gateway", URL: "/", Groups: s.groups, Landing: true, Contact: s.cfg.Contact}
	if s.cfg.Sandbox != nil {
		told := s.cfg.Sandbox()
		told.GRPC, told.Simulator = reached(told.GRPC, r.Host), reached(told.Simulator, r.Host)
		v.Home, v.Bearer = &told, "me"
		if told.Token {
			v.Bearer = "$TOKEN"
		}
		if told.Folder != "" {
			v.Bearer = "$(cat " + told.Folder + "/token)"
		}
	}
	s.show(w, r, v)
}

// reached is an address as a reader reaches it who has called this server by host: what listens everywhere, by the same name.
func reached(address, host string) string {
	ip, port, err := net.SplitHostPort(address)
	if err != nil || ip != "" && !net.ParseIP(ip).IsUnspecified() {
		return address
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// show answers a page that is made for one request.
func (*site) show(w http.ResponseWriter, r *http.Request, v view) {
	v.Scheme, v.Host = "http", r.Host
	if r.TLS != nil {
		v.Scheme = "https"
	}
	var out bytes.Buffer
	if err := layout.Execute(&out, v); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	newPage("text/html; charset=utf-8", out.Bytes()).ServeHTTP(w, r)
}
