package loopsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// importAdmin serves what concerns imports below /_sim/. Records and entries come as JSON lines, since there may be many.
func (s *Simulator) importAdmin(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/imports", func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r, "practice", "dossier", "reference", "refPiece", "outcome", "id", "after", "limit")
		if err != nil {
			writeError(w, err)
			return
		}
		after, limit := uint64(q.count("after")), q.count("limit")
		if q.err != nil {
			writeError(w, q.err)
			return
		}
		lines := jsonLines(w)
		written := 0
		for _, i := range s.Imports() {
			if i.Seq <= after || !q.is("practice", i.Practice) || !q.is("dossier", i.Dossier) || !q.is("outcome", string(i.Outcome)) ||
				!q.is("id", i.ID) ||
				!q.among("reference", i.References) || !q.among("refPiece", i.RefPieces) {
				continue
			}
			if limit > 0 && written == limit || lines.Encode(i) != nil {
				return
			}
			written++
		}
	})
	mux.HandleFunc("GET /_sim/entries", func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r, "practice", "dossier", "reference", "refPiece", "import")
		if err == nil && q.Get("dossier") == "" {
			err = fmt.Errorf("parameter dossier is missing: %w", ErrInvalid)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		s.carryOutDue()
		lines := jsonLines(w)
		for _, d := range s.dossiers() {
			if !q.is("practice", d.practice) || !q.is("dossier", d.code) {
				continue
			}
			for _, e := range d.entries() {
				if q.is("reference", e.Reference) && q.is("refPiece", e.RefPiece) && q.is("import", e.Import) && lines.Encode(e) != nil {
					return
				}
			}
		}
	})
	mux.HandleFunc("POST /_sim/imports/finish", s.action("imports", func(*http.Request) (int, any, error) {
		s.FinishImports()
		s.config.whenDue()
		return http.StatusNoContent, nil, nil
	}))
	mux.HandleFunc("POST /_sim/imports/mode", s.action("clock", func(r *http.Request) (int, any, error) {
		in := s.importSettings()
		if err := readInput(r, &in); err != nil {
			return 0, nil, err
		}
		s.SetImportMode(ImportMode{LateAccess: in.LateAccess, StatusAsText: in.StatusAsText})
		s.SetImportDelays(time.Duration(in.Waiting), time.Duration(in.Running))
		return http.StatusOK, s.importSettings(), nil
	}))
}

func jsonLines(w http.ResponseWriter) *json.Encoder {
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	return json.NewEncoder(w)
}

// importSettings is what can be set of imports; what a request leaves out stays as it is.
type importSettings struct {
	LateAccess   bool     `json:"lateAccess"`
	StatusAsText bool     `json:"statusAsText"`
	Waiting      duration `json:"waiting"`
	Running      duration `json:"running"`
}

func (s *Simulator) importSettings() importSettings {
	im := &s.imports
	im.mu.Lock()
	defer im.mu.Unlock()
	return importSettings{im.mode.LateAccess, im.mode.StatusAsText, duration(im.waiting), duration(im.running)}
}

type importsState struct {
	Total        int `json:"total"`
	NotProcessed int `json:"notProcessed"`
	Refused      int `json:"refused"`
	Pending      int `json:"pending"`
	Booked       int `json:"booked"`
	Failed       int `json:"failed"`
	Entries      int `json:"entries"` // in the dossiers that there are
	importSettings
	Latest        []ImportRecord `json:"latest"`        // newest first
	LatestFiles   []ImportRecord `json:"latestFiles"`   // those whose file was read, newest first
	LatestEntries []BookedEntry  `json:"latestEntries"` // newest first
}

const shownEntries = 50

func (s *Simulator) importsState() importsState {
	records := s.Imports()
	st := importsState{Total: len(records), importSettings: s.importSettings(), LatestFiles: []ImportRecord{}, LatestEntries: []BookedEntry{}}
	for _, r := range records {
		if r.File != nil {
			st.LatestFiles = append(st.LatestFiles, r)
		}
		switch r.Outcome {
		case ImportRefused:
			st.Refused++
		case ImportPending:
			st.Pending++
		case ImportBooked:
			st.Booked++
		case ImportFailed:
			st.Failed++
		default:
			st.NotProcessed++
		}
	}
	st.Latest = records[max(0, len(records)-shownRequests):]
	slices.Reverse(st.Latest)
	st.LatestFiles = st.LatestFiles[max(0, len(st.LatestFiles)-shownEntries):]
	slices.Reverse(st.LatestFiles)
	for _, d := range s.dossiers() {
		entries := d.entries()
		st.Entries += len(entries)
		st.LatestEntries = append(st.LatestEntries, entries[max(0, len(entries)-shownEntries):]...)
	}
	slices.SortFunc(st.LatestEntries, func(a, b BookedEntry) int { return int(b.Seq) - int(a.Seq) })
	st.LatestEntries = st.LatestEntries[:min(shownEntries, len(st.LatestEntries))]
	return st
}

// dossiers are those that there are now, by practice and code.
func (s *Simulator) dossiers() []*dossier {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*dossier
	for _, name := range slices.Sorted(maps.Keys(s.world.practices)) {
		p := s.world.practices[name]
		for _, code := range slices.Sorted(maps.Keys(p.dossiers)) {
			all = append(all, p.dossiers[code])
		}
	}
	return all
}

// A query is strict: a misspelt filter that is passed over would make a checker count too much.
type query struct {
	url.Values
	err error
}

func readQuery(r *http.Request, known ...string) (*query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", ErrInvalid)
	}
	for name, given := range values {
		if !slices.Contains(known, name) || len(given) != 1 {
			return nil, fmt.Errorf("parameter %q is unknown or given twice; there are %s: %w", name, strings.Join(known, ", "), ErrInvalid)
		}
	}
	return &query{Values: values}, nil
}

func (q *query) is(name, value string) bool { return !q.Has(name) || q.Get(name) == value }

func (q *query) among(name string, values []string) bool {
	return !q.Has(name) || slices.Contains(values, q.Get(name))
}

func (q *query) count(name string) int {
	if !q.Has(name) {
		return 0
	}
	n, err := strconv.ParseUint(q.Get(name), 10, 31)
	if err != nil {
		q.err = fmt.Errorf("parameter %s must be a number: %w", name, ErrInvalid)
	}
	return int(n)
}
