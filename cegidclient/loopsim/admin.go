package loopsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const adminPrefix = "/_sim/"

const maxAdminBody = 1 << 20

// adminHandler serves the simulator's own interface. It asks for no key, since it is meant for loopback, and so has to keep
// web pages out that a browser on the same machine shows.
func (s *Simulator) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /_sim", http.RedirectHandler(adminPrefix, http.StatusSeeOther))
	mux.HandleFunc("GET /_sim/{$}", func(w http.ResponseWriter, r *http.Request) { s.showPage(w, r, http.StatusOK, "") })
	mux.HandleFunc("GET "+styleRoute, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(styleCSS) // the client may have gone
	})
	mux.HandleFunc("GET /_sim/state", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.state())
	})
	mux.HandleFunc("GET /_sim/magic", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, Magic()) })
	done := func(err error) (int, any, error) { return http.StatusNoContent, nil, err }
	mux.HandleFunc("POST /_sim/faults", s.action("faults", func(r *http.Request) (int, any, error) {
		var in faultJSON
		if err := readInput(r, &in); err != nil {
			return 0, nil, err
		}
		id, err := s.faults.add(in.fault())
		return http.StatusCreated, map[string]string{"id": id}, err
	}))
	clearFaults := s.action("faults", func(*http.Request) (int, any, error) {
		s.ClearFaults()
		return done(nil)
	})
	mux.HandleFunc("DELETE /_sim/faults", clearFaults)
	removeFault := s.action("faults", func(r *http.Request) (int, any, error) {
		if !s.RemoveFault(r.PathValue("id")) {
			return done(fmt.Errorf("fault %q: %w", r.PathValue("id"), ErrUnknown))
		}
		return done(nil)
	})
	mux.HandleFunc("DELETE /_sim/faults/{id}", removeFault)
	// Forms know GET and POST alone.
	mux.HandleFunc("POST /_sim/faults/clear", clearFaults)
	mux.HandleFunc("POST /_sim/faults/{id}/remove", removeFault)
	mux.HandleFunc("POST /_sim/reset", s.action("", func(*http.Request) (int, any, error) {
		s.Reset()
		return done(nil)
	}))

	s.practiceAdmin(mux)
	s.clockAdmin(mux)
	s.importAdmin(mux)
	s.documentAdmin(mux)

	unsafe := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !sameOrigin(r) || unsafe.Check(r) != nil {
			writeErrorStatus(w, http.StatusForbidden, "requests from pages of another origin are refused")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// practiceAdmin changes the dossiers and keys of practices.
func (s *Simulator) practiceAdmin(mux *http.ServeMux) {
	done := func(err error) (int, any, error) { return http.StatusNoContent, nil, err }
	mux.HandleFunc("POST /_sim/dossiers", s.action("dossiers", func(r *http.Request) (int, any, error) {
		var in dossierJSON
		if err := readInput(r, &in); err != nil {
			return 0, nil, err
		}
		return http.StatusCreated, in, s.AddDossier(in.Practice, in.Code, Template())
	}))
	mux.HandleFunc("DELETE /_sim/dossiers/{practice}/{code}", s.action("dossiers", func(r *http.Request) (int, any, error) {
		return done(s.RemoveDossier(r.PathValue("practice"), r.PathValue("code")))
	}))
	mux.HandleFunc("POST /_sim/dossiers/{practice}/{code}/reset", s.action("dossiers", func(r *http.Request) (int, any, error) {
		return done(s.ResetDossier(r.PathValue("practice"), r.PathValue("code")))
	}))
	mux.HandleFunc("POST /_sim/dossiers/{practice}/{code}/year", s.action("dossiers", func(r *http.Request) (int, any, error) {
		in := struct{ Year int }{openYear}
		if r.ContentLength != 0 {
			if err := readInput(r, &in); err != nil {
				return 0, nil, err
			}
		}
		booked, err := s.BookYear(r.PathValue("practice"), r.PathValue("code"), in.Year)
		return http.StatusCreated, booked, err
	}))
	mux.HandleFunc("PUT /_sim/subscription-keys", s.action("", func(r *http.Request) (int, any, error) {
		var in struct{ Primary, Secondary string }
		if err := readInput(r, &in); err != nil {
			return 0, nil, err
		}
		s.SetSubscriptionKeys(in.Primary, in.Secondary)
		return done(nil)
	}))
	// POST issues a key besides the one that there is, PUT leaves this one alone.
	for method, change := range map[string]func(practice string, kind KeyKind, apiKey string) error{
		"POST": s.IssueAPIKey, "PUT": s.RotateAPIKey,
	} {
		mux.HandleFunc(method+" /_sim/practices/{practice}/keys/{kind}", s.action("dossiers", func(r *http.Request) (int, any, error) {
			var in struct{ APIKey string }
			if err := readInput(r, &in); err != nil {
				return 0, nil, err
			}
			return done(change(r.PathValue("practice"), KeyKind(r.PathValue("kind")), in.APIKey))
		}))
	}
}

// sameOrigin refuses a foreign Origin on safe methods too, which http.CrossOriginProtection lets through.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && u.Host == r.Host
}

// faultJSON is Fault as the interface takes it. A route may come with its method, as in "POST /importJson"; durations are texts such
// as "250ms", or numbers of seconds.
type faultJSON struct {
	Method         string            `json:"method,omitempty"`
	Route          string            `json:"route,omitempty"`
	Practice       string            `json:"practice,omitempty"`
	Dossier        string            `json:"dossier,omitempty"`
	Skip           int               `json:"skip,omitempty"`
	Times          int               `json:"times,omitempty"`
	Probability    float64           `json:"probability,omitempty"`
	Seed           uint64            `json:"seed,omitempty"`
	After          bool              `json:"after,omitempty"`
	Kind           FaultKind         `json:"kind"`
	Latency        duration          `json:"latency,omitempty"`
	Status         int               `json:"status,omitempty"`
	RetryAfter     duration          `json:"retryAfter,omitempty"`
	RetryAfterDate bool              `json:"retryAfterDate,omitempty"`
	Location       string            `json:"location,omitempty"`
	Header         map[string]string `json:"header,omitempty"`
	Form           FaultForm         `json:"form,omitempty"`
	Code           string            `json:"code,omitempty"`
	Message        string            `json:"message,omitempty"`
	Body           string            `json:"body,omitempty"`
	Pieces         int               `json:"pieces,omitempty"`
}

func (f faultJSON) fault() Fault {
	// A route as the page shows it: POST /importJson.
	if method, route, both := strings.Cut(f.Route, " "); both && (f.Method == "" || f.Method == method) {
		f.Method, f.Route = method, route
	}
	return Fault{
		Method: f.Method, Route: f.Route, Practice: f.Practice, Dossier: f.Dossier, Skip: f.Skip, Times: f.Times,
		Probability: f.Probability, Seed: f.Seed, After: f.After,
		Kind: f.Kind, Latency: time.Duration(f.Latency), Status: f.Status,
		RetryAfter: time.Duration(f.RetryAfter), RetryAfterDate: f.RetryAfterDate, Location: f.Location, Header: f.Header,
		Form: f.Form, Code: f.Code, Message: f.Message, Body: f.Body, Pieces: f.Pieces,
	}
}

func faultToJSON(f Fault) faultJSON {
	return faultJSON{
		Method: f.Method, Route: f.Route, Practice: f.Practice, Dossier: f.Dossier, Skip: f.Skip, Times: f.Times,
		Probability: f.Probability, Seed: f.Seed, After: f.After,
		Kind: f.Kind, Latency: duration(f.Latency), Status: f.Status,
		RetryAfter: duration(f.RetryAfter), RetryAfterDate: f.RetryAfterDate, Location: f.Location, Header: f.Header,
		Form: f.Form, Code: f.Code, Message: f.Message, Body: f.Body, Pieces: f.Pieces,
	}
}

// duration is read from a text such as "250ms", or from a number of seconds.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
	}
	if text == "null" {
		return nil
	}
	v, err := parseDuration(text)
	*d = duration(v)
	return err
}

type dossierJSON struct {
	Practice string `json:"practice"`
	Code     string `json:"code"`
}

// state is what the interface shows. It holds no secret.
type state struct {
	BasePath  string          `json:"basePath"`
	Clock     clockState      `json:"clock"`
	PageCap   int             `json:"pageCap"`
	Routes    []routeState    `json:"routes"`
	Practices []practiceState `json:"practices"`
	Faults    []faultState    `json:"faults"`
	Imports   importsState    `json:"imports"`
	Documents documentsState  `json:"documents"`
	Total     int             `json:"totalRequests"`
	Unknown   int             `json:"unknownRouteRequests"`
	Requests  []requestState  `json:"latestRequests"` // newest first
}

type routeState struct {
	Method       string `json:"method"`
	Path         string `json:"path"`
	Requests     int    `json:"requests"`
	Struck       int    `json:"struck"` // by a fault, those of magic references included
	InFlightPeak int    `json:"inFlightPeak"`
}

type practiceState struct {
	Name     string         `json:"name"`
	Keys     []keyState     `json:"keys"`
	Dossiers []dossierState `json:"dossiers"`
}

type keyState struct {
	Kind      KeyKind  `json:"kind"`
	Activated bool     `json:"activated"`
	Dossiers  []string `json:"dossiers"`
}

type dossierState struct {
	Code         string `json:"code"`
	Entity       string `json:"entity"` // its uuid in the change feed
	Accounts     int    `json:"accounts"`
	Journals     int    `json:"journals"`
	Sections     int    `json:"sections"`
	ThirdParties int    `json:"thirdParties"`
	Entries      int    `json:"entries"`
	Lines        int    `json:"lines"`
}

type faultState struct {
	ID    string    `json:"id"`
	Seen  int       `json:"seen"`
	Hits  int       `json:"hits"`
	Done  bool      `json:"done"`
	Fault faultJSON `json:"fault"`
}

type requestState struct {
	Seq          uint64  `json:"seq"`
	Time         string  `json:"time"`
	Method       string  `json:"method"`
	Route        string  `json:"route"`
	Path         string  `json:"path"`
	Dossier      string  `json:"dossier,omitempty"`
	Skip         string  `json:"skip,omitempty"`
	Take         string  `json:"take,omitempty"`
	Filter       string  `json:"filter,omitempty"`
	Sort         string  `json:"sort,omitempty"`
	Select       string  `json:"select,omitempty"`
	Practice     string  `json:"practice,omitempty"`
	Key          KeyKind `json:"key,omitempty"`
	Subscription Slot    `json:"subscription,omitempty"`
	Fault        string  `json:"fault,omitempty"`
	Status       int     `json:"status"` // 0: no answer sent
	RemoteAddr   string  `json:"remoteAddr"`
}

const shownRequests = 100

func (s *Simulator) state() state {
	st := state{
		BasePath: s.BasePath(), Clock: s.clockState(), PageCap: s.pageCap(), Total: s.Count(""), Unknown: s.Count(UnknownRoute),
		Practices: []practiceState{}, Faults: []faultState{}, Requests: []requestState{}, Imports: s.importsState(),
		Documents: s.documentsState(),
	}
	for _, r := range Routes() {
		name := r.Method + " " + r.Path
		st.Routes = append(st.Routes, routeState{r.Method, r.Path, s.Count(name), s.struck(name), s.InFlightPeak(name)})
	}
	for _, f := range s.Faults() {
		st.Faults = append(st.Faults, faultState{f.ID, f.Seen, f.Hits, f.Done(), faultToJSON(f.Fault)})
	}
	requests := s.Requests()
	slices.Reverse(requests)
	for _, r := range requests[:min(len(requests), shownRequests)] {
		st.Requests = append(st.Requests, requestState{
			r.Seq, r.Time.Format("2006-01-02T15:04:05.000Z07:00"), r.Method, r.Route, r.Path, r.Dossier, r.Skip, r.Take, r.Filter, r.Sort, r.Select,
			r.Practice, r.Key, r.Subscription, r.Fault, r.Status, r.RemoteAddr,
		})
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(s.world.practices)) {
		p := s.world.practices[name]
		ps := practiceState{Name: name, Keys: []keyState{}, Dossiers: []dossierState{}}
		for _, kind := range slices.Sorted(maps.Keys(p.keys)) {
			k := p.keys[kind]
			ps.Keys = append(ps.Keys, keyState{kind, k.activated, append([]string{}, slices.Sorted(maps.Keys(k.attached))...)})
		}
		for _, code := range slices.Sorted(maps.Keys(p.dossiers)) {
			ps.Dossiers = append(ps.Dossiers, p.dossiers[code].state())
		}
		st.Practices = append(st.Practices, ps)
	}
	return st
}

func (d *dossier) state() dossierState {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.contentLocked()
	return dossierState{
		d.code, EntityID(d.practice, d.code),
		len(Rows[Account](*c)), len(Rows[Journal](*c)), len(Rows[Section](*c)), len(Rows[ThirdParty](*c)),
		len(d.books.entries), len(d.books.lines),
	}
}

// readJSON reads exactly one object.
func readJSON(r *http.Request, into any) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return fmt.Errorf("Content-Type must be application/json, or "+formType+" for a form: %w", ErrInvalid)
	}
	return decodeObject(http.MaxBytesReader(nil, r.Body, maxAdminBody), into)
}

// decodeObject is strict: a name that is passed over would be a fault that never strikes.
func decodeObject(from io.Reader, into any) error {
	dec := json.NewDecoder(from)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("body: %w: %w", err, ErrInvalid)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("body: one JSON object is expected: %w", ErrInvalid)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client may have gone
}

func writeError(w http.ResponseWriter, err error) { writeErrorStatus(w, statusOf(err), err.Error()) }

func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrExists), errors.Is(err, errTooManyFaults):
		return http.StatusConflict
	}
	return http.StatusBadRequest
}

func writeErrorStatus(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}
