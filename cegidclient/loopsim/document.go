package loopsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A DocumentOutcome is what became of a storeDocument.
type DocumentOutcome string

// Outcomes.
const (
	DocumentNotProcessed DocumentOutcome = "not-processed" // turned away unread, or struck by a fault before; nothing is stored
	DocumentRefused      DocumentOutcome = "refused"       // nothing is stored
	DocumentStored       DocumentOutcome = "stored"
	// DocumentLost is accepted without a word, and shows up in no dossier: its dossier is not one of the key's (loop-api: A 5).
	DocumentLost DocumentOutcome = "lost"
)

// A DocumentRecord is what is remembered of a POST /storeDocument, accepted or not: not the document itself.
type DocumentRecord struct {
	Seq          uint64          `json:"seq"` // from 1, in order of arrival
	Time         time.Time       `json:"time"`
	Practice     string          `json:"practice"` // "" when the API key was refused
	Dossier      string          `json:"dossier"`  // as context says
	FileName     string          `json:"fileName"`
	ContentType  string          `json:"contentType"`
	Transaction  string          `json:"transaction,omitempty"`
	UploadMode   string          `json:"uploadMode,omitempty"`
	UploadAuthor string          `json:"uploadAuthor,omitempty"`
	Bytes        int             `json:"bytes"`
	Digest       string          `json:"digest"` // SHA-256 of the body, hexadecimal
	Outcome      DocumentOutcome `json:"outcome"`
	Message      string          `json:"message,omitempty"` // why it was refused
	ID           string          `json:"id,omitempty"`      // objectId of the answer
	Robot        bool            `json:"robot"`             // of a type that the robot reads
	Fault        string          `json:"fault,omitempty"`   // identifier of the fault that struck, or the magic name: SIM-LOST-ANSWER
	Status       int             `json:"status"`            // HTTP; 0 when no answer was sent
}

// documentLimit is the stated 50 MB, read generously; what is answered beyond is [I] (loop-api: A 5).
const documentLimit = 50 << 20

// documents are those since the last reset.
type documents struct {
	mu   sync.Mutex
	list []*DocumentRecord
}

func (ds *documents) reset() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.list = nil
}

// deposit is a document on its way.
type deposit struct {
	*DocumentRecord
	magic magic
}

// readDeposit reads what the query and the headers say of a document.
func readDeposit(r *http.Request, query url.Values) *deposit {
	d := &deposit{DocumentRecord: &DocumentRecord{
		Dossier: query.Get("context"), FileName: query.Get("filename"), ContentType: r.Header.Get("Content-Type"),
		Transaction: query.Get("transaction"), UploadMode: query.Get("uploadMode"), UploadAuthor: query.Get("uploadAuthor"),
	}}
	d.magic.add(d.FileName)
	return d
}

// take records a document when it comes in, whatever becomes of it.
func (s *Simulator) take(d *deposit, body []byte, who caller, fault string) {
	sum := sha256.Sum256(body)
	s.mu.RLock()
	clean := s.redact.clean
	for _, text := range []*string{&d.Dossier, &d.FileName, &d.ContentType, &d.Transaction, &d.UploadMode, &d.UploadAuthor} {
		*text = clean(*text)
	}
	s.mu.RUnlock()
	d.Time, d.Practice, d.Fault = s.now(), who.practice, fault
	d.Bytes, d.Digest, d.Outcome = len(body), hex.EncodeToString(sum[:]), DocumentNotProcessed
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	d.Seq = uint64(len(s.documents.list)) + 1
	s.documents.list = append(s.documents.list, d.DocumentRecord)
}

func (ds *documents) set(change func()) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	change()
}

func documentOperation() operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: "/storeDocument"}, unbound: true, stores: true,
		serve: (*exchange).serveDocument,
	}
}

var (
	documentTypes = []string{"application/pdf", "image/jpeg", "image/png"}
	uploadModes   = []string{"", "API", "E-mail", "Libeo", "Mobile", "Regate", "Sharepoint", "Transformed"}
	transactions  = []string{"", "PURCHASE", "SALE"}
)

// serveDocument answers POST /storeDocument (loop-api: A 5). That the body is the bare file, that values outside of the
// enumerations are refused, and all that an answer or a refusal holds, is [I]: "simulated" in the answer says so.
func (x *exchange) serveDocument() answer {
	s, d := x.sim, x.deposit
	refuse := func(message string, with func(string) answer) answer {
		s.documents.set(func() { d.Outcome, d.Message = DocumentRefused, message })
		return with(message)
	}
	badRequest := func(message string) answer { return refuse(message, x.queryRefused) }
	for name, values := range x.query {
		if len(values) > 1 {
			return badRequest(fmt.Sprintf("Le paramètre « %s » est donné plusieurs fois.", clip(name, 40)))
		}
	}
	switch {
	case x.query.Get("context") == "" || x.query.Get("filename") == "":
		return badRequest("Les paramètres « context » et « filename » sont obligatoires.")
	case !slices.Contains(uploadModes, d.UploadMode):
		return badRequest("Le paramètre « uploadMode » n'est pas une valeur connue.")
	case !slices.Contains(transactions, d.Transaction):
		return badRequest("Le paramètre « transaction » n'est pas une valeur connue.")
	case len(x.body) == 0:
		return badRequest("Le document est vide.")
	case len(x.body) > documentLimit:
		return gatewayAnswer(http.StatusRequestEntityTooLarge, gatewayMessage(http.StatusRequestEntityTooLarge))
	case d.magic.refuse:
		return refuse("Document refusé à la demande (SIM-REFUSE).", s.refusalAnswer)
	}
	outcome := DocumentStored
	if s.reach(x.who, x.query.Get("context")) == nil {
		outcome = DocumentLost
	}
	id, media := s.nextUUID("document"), strings.ToLower(d.ContentType)
	s.documents.set(func() {
		d.Outcome, d.ID, d.Robot = outcome, id, slices.Contains(documentTypes, media)
	})
	return jsonAnswer(http.StatusOK, encode(struct {
		ID        string `json:"objectId"`
		FileName  string `json:"filename"`
		Simulated bool   `json:"simulated"`
	}{id, x.query.Get("filename"), true}))
}

// Documents returns every POST /storeDocument since the last reset, oldest first.
func (s *Simulator) Documents() []DocumentRecord {
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	records := make([]DocumentRecord, len(s.documents.list))
	for i, d := range s.documents.list {
		records[i] = *d
	}
	return records
}

// documentAdmin serves the record of documents below /_sim/, as JSON lines.
func (s *Simulator) documentAdmin(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/documents", func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r, "practice", "dossier", "fileName", "outcome", "digest", "after", "limit")
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
		for _, d := range s.Documents() {
			if d.Seq <= after || !q.is("practice", d.Practice) || !q.is("dossier", d.Dossier) || !q.is("fileName", d.FileName) ||
				!q.is("outcome", string(d.Outcome)) || !q.is("digest", d.Digest) {
				continue
			}
			if limit > 0 && written == limit || lines.Encode(d) != nil {
				return
			}
			written++
		}
	})
}

type documentsState struct {
	Total  int              `json:"total"`
	Stored int              `json:"stored"`
	Lost   int              `json:"lost"`
	Latest []DocumentRecord `json:"latest"` // newest first
}

func (s *Simulator) documentsState() documentsState {
	records := s.Documents()
	st := documentsState{Total: len(records)}
	for _, d := range records {
		switch d.Outcome {
		case DocumentStored:
			st.Stored++
		case DocumentLost:
			st.Lost++
		}
	}
	st.Latest = records[max(0, len(records)-shownRequests):]
	slices.Reverse(st.Latest)
	return st
}
