package cegidclient

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// RawCall is a call of a route that this package has no method for.
type RawCall struct {
	// Method is GET for a read, which is retried; POST, PUT, PATCH and DELETE are sent once.
	Method string
	// Path is relative to the base URL, as [ValidRawPath] wants it.
	Path string
	// Key is the kind of key that the route needs.
	Key KeyKind
	// Dossier is sent as codeDossier; "cabinet" means the practice itself, empty sends none.
	Dossier string
	// Query holds all other parameters.
	Query map[string]string
	// Body is JSON, or nil. A read has none.
	Body []byte
}

// RawAnswer is Loop's answer as it came.
type RawAnswer struct {
	Status int
	// Body is JSON, the practice's secrets taken out; empty for an answer without content (204).
	Body string
}

// RawOperation is the operation that errors of raw calls name, in place of one of the inventory.
const RawOperation = "raw"

// RawService calls what has no method.
type RawService struct{ c *Client }

var rawPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)+$`)

// ValidRawPath reports whether a path is plain: segments of letters, digits, '_', '-' and single dots inside. No other
// spelling of another route passes.
func ValidRawPath(path string) bool { return len(path) <= 200 && rawPath.MatchString(path) }

// Call makes a call. [OutcomeOf] tells from the error of one that is no read whether it may be sent again: a success whose
// body is no JSON leaves that open, and a 200 is a refusal only if it holds an error object that says something and nothing
// else, because it is unknown what the route does.
func (s *RawService) Call(ctx context.Context, in RawCall) (*RawAnswer, error) {
	op := &Operation{ID: RawOperation, Method: in.Method, Path: in.Path, Key: in.Key, Resend: ResendNever}
	call := &Call{Operation: op, Dossier: in.Dossier, Query: url.Values{}, Body: in.Body}
	read := in.Method == http.MethodGet
	if read {
		op.Resend = ResendAlways
	}
	switch {
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, in.Method):
		return nil, s.c.annotate(call, invalid("method", "not a method of Loop's"), nil)
	case !ValidRawPath(in.Path):
		return nil, s.c.annotate(call, invalid("path", "not the plain path of a route"), nil)
	case read && in.Body != nil:
		return nil, s.c.annotate(call, invalid("body", "a read has none"), nil)
	}
	for name, value := range in.Query {
		if strings.EqualFold(name, dossierParameter) {
			return nil, s.c.annotate(call, invalid("query", "the dossier is a field of its own"), nil)
		}
		call.Query.Set(name, value)
	}
	if in.Dossier != "" {
		call.Query.Set(dossierParameter, in.Dossier)
	}
	call.read = func(body []byte) error { return readRaw(body, read) }
	call.empty = true
	resp, err := s.c.Do(ctx, call)
	if err != nil {
		return nil, err
	}
	return &RawAnswer{Status: resp.Status, Body: string(resp.Body)}, nil
}

const dossierParameter = "codeDossier"

// readRaw understands an answer as far as its being JSON, and no error.
func readRaw(body []byte, read bool) error {
	if looksLikeMarkup(body) {
		e := badResponse("a web page came where JSON was expected")
		e.Evidence.HTML = true
		return e
	}
	dec := newStrictDecoder(body)
	value, err := dec.ReadValue()
	if err != nil {
		return notJSON(err)
	}
	first := value[0]
	if err := ended(dec); err != nil {
		if e, ok := asError(err); ok {
			return e
		}
		return notJSON(err)
	}
	if first != '{' {
		return nil
	}
	_, members, err := oneObject(body)
	if err != nil {
		return err
	}
	if !read {
		return refusedWhole(members)
	}
	for name, raw := range members {
		if fold(name) == "error" {
			if e := refusalIn(raw); e != nil {
				return e
			}
		}
	}
	return nil
}
