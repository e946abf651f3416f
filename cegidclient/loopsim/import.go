package loopsim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// An ImportOutcome is what became of an import.
type ImportOutcome string

// Outcomes.
const (
	ImportNotProcessed ImportOutcome = "not-processed" // turned away unread, or struck by a fault before; nothing is booked
	ImportRefused      ImportOutcome = "refused"       // 200 with error; nothing is booked
	ImportPending      ImportOutcome = "pending"       // accepted, not over yet
	ImportBooked       ImportOutcome = "booked"
	ImportFailed       ImportOutcome = "failed" // accepted, then failed; nothing is booked
)

// An ImportRecord is what is remembered of an import, accepted or not: no links, and of amounts only the totals of a file. Long
// references are cut as in a Request. Lines and references of a file are known once the import runs, the first hundred of the
// latter.
type ImportRecord struct {
	Seq        uint64        `json:"seq"` // from 1, in order of arrival
	Time       time.Time     `json:"time"`
	Practice   string        `json:"practice"` // "" when the API key was refused
	Dossier    string        `json:"dossier"`  // as codeIbs says
	Format     string        `json:"format"`
	References []string      `json:"references"`
	RefPieces  []string      `json:"refPieces"`
	Lines      int           `json:"lines"`
	Bytes      int           `json:"bytes"`
	Digest     string        `json:"digest"`            // SHA-256 of the body, hexadecimal
	Unknown    []string      `json:"unknown,omitempty"` // members of the body that no page shows
	Outcome    ImportOutcome `json:"outcome"`
	Message    string        `json:"message,omitempty"` // why it was refused or failed
	ID         string        `json:"id,omitempty"`      // accountingImportRequestId
	Entries    []string      `json:"entries,omitempty"` // identifiers of what it booked
	Fault      string        `json:"fault,omitempty"`   // identifier of the fault that struck, or the magic reference: SIM-LOST-ANSWER
	Status     int           `json:"status"`            // HTTP; 0 when no answer was sent
	Over       time.Time     `json:"over,omitzero"`     // when it was booked or failed
	File       *FileRecord   `json:"file,omitempty"`    // of an import of a file, once it was read
}

// An ImportMode bends imports where the documentation leaves room. The zero mode is the likeliest one.
type ImportMode struct {
	// LateAccess accepts an import into a dossier that the key may not touch; it fails later (loop-api: A 10.11, C 3.4).
	// Otherwise it is turned away with 403, as on the lists [I].
	LateAccess bool
	// StatusAsText answers {"status":"3"} for {"status":3} (loop-api: A 3.6).
	StatusAsText bool
}

const (
	defaultImportDelay = 150 * time.Millisecond
	maxImportDelay     = 30 * 24 * time.Hour
)

// Values of the status of an import (loop-api: A 3.6).
const (
	statusWaiting   = 1
	statusRunning   = 2
	statusSucceeded = 3
	statusFailed    = 4
)

// imports are those since the last reset. Nothing runs in the background: the first request that looks carries out what is due.
type imports struct {
	mu               sync.Mutex
	list             []*imported
	byID             map[string]*imported
	due              []*imported // those to be carried out, the earliest first
	booked           uint64      // entries, since the start
	mode             ImportMode
	waiting, running time.Duration // of those to come
}

// An imported is one import on its way.
type imported struct {
	ImportRecord
	sub              *submission // while it is under way
	dossier          *dossier    // likewise; nil when the key may not touch it
	magic            magic
	at               time.Time // accepted
	waiting, running time.Duration
}

func (im *imports) reset(waiting, running time.Duration) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.list, im.due, im.byID = nil, nil, make(map[string]*imported)
	im.mode, im.waiting, im.running = ImportMode{}, waiting, running
}

// know says whether a reference has come before.
func (im *imports) know(reference string) bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	return reference != "" && slices.ContainsFunc(im.list, func(i *imported) bool {
		return slices.Contains(i.References, reference) || slices.Contains(i.RefPieces, reference)
	})
}

// receive records an import when it comes in, whatever becomes of it.
func (s *Simulator) receive(format string, sub *submission, body []byte, who caller, fault string) *imported {
	sum := sha256.Sum256(body)
	s.mu.RLock()
	clean := s.redact.clean
	job := &imported{magic: sub.magic, ImportRecord: ImportRecord{
		Time: s.now(), Practice: who.practice, Dossier: clean(sub.dossier), Format: format, Lines: len(sub.lines), Bytes: len(body),
		Fault:  fault,
		Digest: hex.EncodeToString(sum[:]), Outcome: ImportNotProcessed, References: []string{}, RefPieces: []string{},
	}}
	s.mu.RUnlock()
	s.name(job, sub)
	im := &s.imports
	im.mu.Lock()
	defer im.mu.Unlock()
	job.Seq = uint64(len(im.list)) + 1
	im.list = append(im.list, job)
	return job
}

// name notes the references of an import.
func (s *Simulator) name(job *imported, sub *submission) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, list := range []struct {
		into *[]string
		from []string
	}{{&job.References, sub.references}, {&job.RefPieces, sub.refPieces}, {&job.Unknown, sub.unknown}} {
		for _, text := range list.from {
			*list.into = append(*list.into, s.redact.clean(text))
		}
	}
}

func importOperation() operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: "/importJson"}, unbound: true, submits: true, format: FormatJSON,
		list:  fiscalYears(),
		serve: (*exchange).serveImport,
	}
}

// serveImport answers an import: what A 2.9 and A 3.4 list is refused at once, in a 200; the rest is left to the import itself.
func (x *exchange) serveImport() answer {
	s, job, sub := x.sim, x.imported, x.submission
	if sub.malformed { // [I]
		return s.serviceAnswer(http.StatusBadRequest, codeBodyRefused, "Le corps de la requête n'est pas du JSON.")
	}
	if sub.noPayload != "" {
		return x.refuseImport(sub.noPayload)
	}
	d := s.reach(x.who, sub.dossier)
	if d == nil {
		if sub.file != nil && !s.holds(x.practice, sub.dossier) { // A 3.4; of importJson no page says so
			return x.refuseImport("Le dossier est inconnu sur ce domaine.")
		}
		if !s.ImportMode().LateAccess {
			return s.dossierRefused()
		}
		sub.late = "Le collaborateur technique de la clé n'a pas accès au dossier." // C 3.4
	}
	if job.magic.refuse {
		sub.refusal = "Import refusé à la demande (SIM-REFUSE)."
	}
	if d != nil {
		known := Rows[Establishment](d.initial())
		for i, siret := range sub.sirets {
			if !slices.Contains(known, Establishment(siret)) {
				sub.refuse("Le SIRET %s n'est pas celui d'un établissement du dossier (ligne %d).", siret, sub.siretLines[i])
			}
		}
	}
	if sub.refusal != "" {
		return x.refuseImport(sub.refusal)
	}
	if job.magic.fail && sub.late == "" {
		sub.late = "Import en échec à la demande (SIM-FAIL-LATE)."
	}
	id := s.nextUUID("import")
	s.imports.accept(job, sub, d, id, s.now())
	return jsonAnswer(http.StatusOK, encode(struct {
		ID string `json:"accountingImportRequestId"`
	}{id}))
}

func (x *exchange) refuseImport(message string) answer {
	im := &x.sim.imports
	im.mu.Lock()
	defer im.mu.Unlock()
	x.imported.Outcome, x.imported.Message = ImportRefused, message
	return x.sim.refusalAnswer(message)
}

func (im *imports) accept(job *imported, sub *submission, d *dossier, id string, now time.Time) {
	im.mu.Lock()
	defer im.mu.Unlock()
	job.ID, job.Outcome, job.at, job.sub, job.dossier = id, ImportPending, now, sub, d
	job.waiting, job.running = im.waiting, im.running
	im.byID[id] = job
	if job.magic.stuck {
		return
	}
	i := len(im.due)
	for i > 0 && im.due[i-1].dueAt().After(job.dueAt()) {
		i--
	}
	im.due = slices.Insert(im.due, i, job)
}

func (job *imported) dueAt() time.Time { return job.at.Add(job.waiting + job.running) }

// carryOutDue carries out the imports whose time has come, in order.
func (s *Simulator) carryOutDue() {
	now := s.now()
	s.readFiles(func(job *imported) bool { return !job.dueAt().After(now) })
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	s.carryOutUntil(s.now())
}

func (s *Simulator) carryOutUntil(now time.Time) {
	im := &s.imports
	for len(im.due) > 0 && !im.due[0].dueAt().After(now) {
		job := im.due[0]
		im.due[0], im.due = nil, im.due[1:]
		s.carryOut(job)
	}
}

// carryOut ends an import; imports.mu is held.
func (s *Simulator) carryOut(job *imported) {
	sub, d := job.sub, job.dossier
	job.sub, job.dossier = nil, nil
	job.Over = job.dueAt()
	job.Outcome, job.Message = ImportFailed, sub.late
	if d == nil {
		return
	}
	if sub.file != nil {
		read := s.readIn(sub.file, job.Practice)
		sub.unknown = nil // named when it came in
		sub.fill(read)
		s.name(job, sub)
		job.File, job.Lines = &read.FileRecord, read.Lines
	}
	entries, failure := d.book(sub, job.ID, s.nextUUID, func() uint64 { s.imports.booked++; return s.imports.booked })
	if job.Message = failure; failure != "" {
		return
	}
	job.Outcome = ImportBooked
	for _, e := range entries {
		job.Entries = append(job.Entries, e.ID)
	}
}

func importStatusOperation() operation {
	return operation{Route: Route{Method: http.MethodGet, Path: "/getImportStatus"}, unbound: true, serve: (*exchange).serveImportStatus}
}

// serveImportStatus answers GET /getImportStatus (loop-api: A 3.6). An id of another practice is unknown, like one that was
// never given; the answer to it is [I]. That a failed import says no more than 4 is all that is known.
func (x *exchange) serveImportStatus() answer {
	ids := x.query["accountingImportRequestId"]
	if len(ids) != 1 || ids[0] == "" {
		return x.queryRefused("Le paramètre « accountingImportRequestId » est attendu une fois.")
	}
	x.sim.carryOutDue()
	im := &x.sim.imports
	im.mu.Lock()
	job, asText := im.byID[ids[0]], im.mode.StatusAsText
	if job == nil || job.Practice != x.practice {
		im.mu.Unlock()
		return x.sim.serviceAnswer(http.StatusNotFound, codeImportUnknown, "Cette demande d'import est inconnue.")
	}
	status := job.status(x.sim.now())
	im.mu.Unlock()
	if asText {
		return jsonAnswer(http.StatusOK, []byte(`{"status":"`+strconv.Itoa(status)+`"}`))
	}
	return jsonAnswer(http.StatusOK, []byte(`{"status":`+strconv.Itoa(status)+`}`))
}

func (job *imported) status(now time.Time) int {
	switch {
	case job.magic.hasStatus:
		return job.magic.status
	case job.Outcome == ImportBooked:
		return statusSucceeded
	case job.Outcome == ImportFailed:
		return statusFailed
	case job.magic.stuck, now.Before(job.at.Add(job.waiting)):
		return statusWaiting
	default:
		return statusRunning
	}
}

// answered records the HTTP status of an import before its first byte leaves.
func (im *imports) answered(job *imported, status int) {
	im.mu.Lock()
	defer im.mu.Unlock()
	job.Status = status
}

// Imports returns every import since the last reset, oldest first; imports whose delay is over are carried out
// first. The caller leaves what is inside the records as it is.
func (s *Simulator) Imports() []ImportRecord {
	s.carryOutDue()
	im := &s.imports
	im.mu.Lock()
	defer im.mu.Unlock()
	records := make([]ImportRecord, len(im.list))
	for i, job := range im.list {
		records[i] = job.ImportRecord
	}
	return records
}

// FinishImports carries out at once what is accepted and not over, except for SIM-STUCK: a test that wants to know what is
// booked need not wait.
func (s *Simulator) FinishImports() {
	s.readFiles(func(*imported) bool { return true })
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	for _, job := range s.imports.due {
		if now := s.now(); job.dueAt().After(now) {
			job.waiting, job.running = now.Sub(job.at), 0
		}
		s.carryOut(job)
	}
	s.imports.due = nil
}

// SetImportMode bends the imports to come and the answers about all; the zero mode is that of the start.
func (s *Simulator) SetImportMode(mode ImportMode) {
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	s.imports.mode = mode
}

// ImportMode returns the mode that is set.
func (s *Simulator) ImportMode() ImportMode {
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	return s.imports.mode
}

// SetImportDelays changes how long the imports to come wait, and then run.
func (s *Simulator) SetImportDelays(waiting, running time.Duration) {
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	s.imports.waiting, s.imports.running = importDelay(waiting), importDelay(running)
}

func importDelay(d time.Duration) time.Duration { return min(max(0, d), maxImportDelay) }

// holds reports whether a practice has the dossier, whatever its key may touch.
func (s *Simulator) holds(practice, code string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.world.practices[practice]
	return p != nil && p.dossiers[code] != nil
}
