package cegidclient

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDocument is the size of the largest document, in bytes. Loop says 50 MB (loop-api: A 5); of the two readings this is
// the one that fits both.
const MaxDocument = 50_000_000

// The types of documents that the robot reads. Loop stores others, and does nothing with them (loop-api: A 5).
const (
	DocumentPDF  = "application/pdf"
	DocumentJPEG = "image/jpeg"
	DocumentPNG  = "image/png"
)

// DocumentHead is how many bytes of a document [DocumentType] looks at.
const DocumentHead = 1024

// DocumentType tells the type of a document by its first [DocumentHead] bytes; empty when it is none that the robot reads.
// What comes before the mark of a PDF is junk that readers put up with.
func DocumentType(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return DocumentPNG
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return DocumentJPEG
	case bytes.Contains(head[:min(len(head), DocumentHead)], []byte("%PDF-")):
		return DocumentPDF
	}
	return ""
}

// DocumentTransaction says on which side of a sale the dossier is (Loop: transaction; loop-api: A 5). Empty is not
// said.
type DocumentTransaction string

// The transactions.
const (
	DocumentPurchase DocumentTransaction = "PURCHASE"
	DocumentSale     DocumentTransaction = "SALE"
)

// UploadMode says by which way a document came (Loop: uploadMode; loop-api: A 5).
type UploadMode string

// The upload modes.
const (
	UploadAPI         UploadMode = "API"
	UploadEmail       UploadMode = "E-mail"
	UploadLibeo       UploadMode = "Libeo"
	UploadMobile      UploadMode = "Mobile"
	UploadRegate      UploadMode = "Regate"
	UploadSharepoint  UploadMode = "Sharepoint"
	UploadTransformed UploadMode = "Transformed"
)

// Document is a file for the accounting robot (Loop: storeDocument; loop-api: A 5).
type Document struct {
	// FileName with its extension.
	FileName string
	// ContentType is one of DocumentPDF, DocumentJPEG and DocumentPNG.
	ContentType string
	Transaction DocumentTransaction
	// UploadMode; UploadAPI when empty, as at Loop.
	UploadMode UploadMode
	// UploadAuthor is the e-mail address of who hands it in; optional.
	UploadAuthor string
	// Content is read once, and not closed; Size is its exact length, MaxDocument at most. After Store has returned, one
	// more read may still be under way.
	Content io.Reader
	Size    int64
}

// StoredDocument is what Loop says of a document that it has stored. Its fields are not documented (loop-api: A 5).
type StoredDocument struct {
	// IDs are the UUIDs in the answer, by their path: "objectId", "depot.id". One of them is what the entries that the
	// robot makes name as their origin; which one is not documented.
	IDs map[string]string
	// Unmapped is the whole answer.
	Unmapped Unmapped
}

// DocumentService hands documents to the accounting robot.
type DocumentService struct {
	c  *Client
	op *Operation
}

func newDocumentService(c *Client) *DocumentService {
	op, ok := OperationByID("store_document")
	if !ok {
		panic("cegidclient: no operation store_document")
	}
	return &DocumentService{c: c, op: &op}
}

// Store sends a document, once (Loop: POST /storeDocument; loop-api: A 5). Loop does not check the dossier: a wrong one is
// accepted, and the document is lost; check it first, by reading from it.
//
// [OutcomeOf] tells from an error whether the document may be sent again. That the body is the bare file, and that a
// refusal is an error object in a 200, is inferred.
func (s *DocumentService) Store(ctx context.Context, dossier string, in Document) (*StoredDocument, error) {
	call := &Call{
		Operation: s.op, Dossier: dossier, RefersOnly: true, ContentType: in.ContentType, content: in.Content, size: in.Size,
		Query: url.Values{"context": {dossier}, "filename": {in.FileName}, "uploadMode": {string(UploadAPI)}},
	}
	if err := in.check(dossier); err != nil {
		return nil, s.c.annotate(call, err, nil)
	}
	for name, value := range map[string]string{
		"uploadMode": string(in.UploadMode), "uploadAuthor": in.UploadAuthor, "transaction": string(in.Transaction),
	} {
		if value != "" {
			call.Query.Set(name, value)
		}
	}
	var stored *StoredDocument
	call.read = func(body []byte) (err error) {
		stored, err = readStored(body)
		return err
	}
	if _, err := s.c.Do(ctx, call); err != nil {
		return nil, err
	}
	return stored, nil
}

func (d *Document) check(dossier string) error {
	switch {
	case dossier == "" || strings.EqualFold(dossier, PracticeDossier):
		return invalid("dossier", "no dossier")
	case d.FileName == "" || strings.ContainsFunc(d.FileName, unicode.IsControl):
		return invalid("file_name", "no name, or one that holds control characters")
	case !slices.Contains([]string{DocumentPDF, DocumentJPEG, DocumentPNG}, d.ContentType):
		return invalid("content_type", "the robot reads PDF, JPEG and PNG")
	case d.Content == nil || d.Size <= 0:
		return invalid("content", "the document is empty")
	case d.Size > MaxDocument:
		return invalid("content", fmt.Sprintf("the document has %d bytes, and Loop takes %d", d.Size, MaxDocument))
	}
	return nil
}

// readStored reads the answer to a document. All that is documented of it is that it informs on the document: an object
// that says something, and says nothing of an error, is a success.
func readStored(body []byte) (*StoredDocument, error) {
	object, members, err := oneObject(body)
	switch {
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(slices.Collect(maps.Values(members)), says):
		return nil, badResponse("the answer says nothing of the document")
	}
	if err := refusedWhole(members); err != nil {
		return nil, err
	}
	return &StoredDocument{IDs: uuidsIn(object), Unmapped: members}, nil
}

// oneObject reads an answer that is one object, bare or alone in an array.
func oneObject(body []byte) (object string, members Unmapped, err error) {
	dec := newDecoder(body)
	value, err := dec.ReadValue()
	if err != nil {
		return "", nil, notJSON(err)
	}
	object = strings.ToValidUTF8(string(value), "\uFFFD")
	if err := ended(dec); err != nil {
		if e, ok := asError(err); ok {
			return "", nil, e
		}
		return "", nil, notJSON(err)
	}
	if object[0] == '[' {
		inner := newDecoder([]byte(object))
		_, _ = inner.ReadToken() // the whole was read before: it is JSON
		if inner.PeekKind() == '{' {
			only, _ := inner.ReadValue()
			if text := string(only); inner.PeekKind() == ']' {
				object = text
			}
		}
	}
	if object[0] != '{' {
		return "", nil, badResponse("the answer is not one object")
	}
	members = Unmapped{}
	dec = newDecoder([]byte(object))
	_, _ = dec.ReadToken()
	for dec.PeekKind() != '}' {
		name, _ := dec.ReadToken()
		key := name.String()
		raw, _ := dec.ReadValue()
		if _, twice := members[key]; !twice {
			members[key] = string(raw)
		}
	}
	return object, members, nil
}

// refusedWhole finds in the answer to a write, given with a success for a status, that it is a refusal (loop-api: C 3.3; of
// {"success":[…],"errors":[…]} R 7.3). Only an error that says something and is alone is one: what else speaks of an
// error leaves the outcome open.
func refusedWhole(members Unmapped) error {
	var refused *Error
	other := false
	for name, raw := range members {
		switch key := fold(name); {
		case !says(raw), raw == `""`:
		case key == "error", key == "errors":
			if e := refusalOf(raw); refused == nil || key == "error" {
				refused = e
			}
		case key == "statuscode" && failed(raw): // of the micro-service object (loop-api: C 3.2)
			return badResponse("the answer speaks of an error, and its HTTP status of a success")
		default:
			other = true
		}
	}
	switch {
	case refused == nil:
		return nil
	case other:
		return badResponse("the answer holds an error, and something else")
	case refused.Message == "" && refused.InstanceID == "" && refused.Code == "":
		return badResponse("the answer holds an error that says nothing") // no proof that nothing is stored
	}
	return refused
}

func failed(statusCode string) bool {
	digits, _, _ := readText(statusCode)
	n, err := strconv.Atoi(digits)
	return err == nil && n >= 400
}

const (
	maxUUIDs    = 20
	maxUUIDPath = 100
)

var uuidShape = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// uuidsIn finds the UUIDs in an object, the first of them, by their path.
func uuidsIn(object string) map[string]string {
	var out map[string]string
	dec := newDecoder([]byte(object))
	for len(out) < maxUUIDs {
		token, err := dec.ReadToken()
		if err != nil {
			break
		}
		if token.Kind() != '"' || !uuidShape.MatchString(token.String()) {
			continue
		}
		if inside, length := dec.StackIndex(dec.StackDepth()); inside == jsontext.KindBeginObject && length%2 == 1 {
			continue // a name
		}
		path := strings.Join(slices.Collect(dec.StackPointer().Tokens()), ".")
		if _, twice := out[path]; twice || len(path) > maxUUIDPath || strings.ContainsFunc(path, unicode.IsControl) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[path] = token.String()
	}
	return out
}
