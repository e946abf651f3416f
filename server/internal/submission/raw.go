package submission

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/rawdoor"
)

// RawCall is a call of a route that the operator has listed.
type RawCall struct {
	Request
	Method, Path string
	Query        map[string]string
	Body         string
}

// RawResult is what became of a raw call.
type RawResult struct {
	// Result is that of a write; nil of a read.
	Result *Result
	// Answer is Loop's; nil of a write that was sent before.
	Answer *cegidclient.RawAnswer
}

// CallRaw makes a raw call; one that writes, once.
func (w *Writer) CallRaw(ctx context.Context, p Practice, r RawCall) (RawResult, error) {
	route, err := w.route(r.Method, r.Path)
	if err == nil {
		err = r.check(route)
	}
	if err != nil {
		return RawResult{}, err
	}
	call := cegidclient.RawCall{Method: route.Method, Path: route.Path, Key: route.Key, Dossier: route.CodeDossier(r.Dossier), Query: r.Query}
	if r.Body != "" {
		call.Body = []byte(r.Body)
	}
	if !route.Write() {
		answer, err := p.Client.Raw.Call(ctx, call)
		return RawResult{Answer: answer}, err
	}
	s := r.submission(ledger.KindRaw)
	s.Format, s.Fingerprints = call.Method+" "+call.Path, []ledger.Fingerprint{rawFingerprint(call)}
	var answer *cegidclient.RawAnswer // not to be looked at while it may still be under way
	sent, err := w.Sender.Do(ctx, s, func(ctx context.Context) (map[string]string, error) {
		var err error
		answer, err = p.Client.Raw.Call(ctx, call)
		return nil, err
	}, func() {})
	result, err := w.outcome(s, &sent, err)
	if err != nil {
		return RawResult{}, err
	}
	return RawResult{Result: &result, Answer: answer}, nil
}

// route finds what may be called.
func (w *Writer) route(method, path string) (rawdoor.Route, error) {
	operation, wrapped := rawdoor.Wrapped(method, path)
	route, listed := w.Door.Find(method, path)
	switch {
	case wrapped && operation.Wrapped:
		return rawdoor.Route{}, &RouteError{RPCs: w.RPCs(operation.ID)}
	case wrapped:
		return rawdoor.Route{}, &RouteError{Deprecated: true}
	case !listed:
		return rawdoor.Route{}, &RouteError{Closed: !w.Door.Open()}
	}
	return route, nil
}

// check refuses what does not fit the route, and what would reach another dossier than the policy was asked about.
func (r RawCall) check(route rawdoor.Route) error {
	scoped := route.Scope == rawdoor.Dossier
	switch {
	case scoped && r.Dossier == "":
		return &FieldError{Field: "dossier", Problem: RawDossierMissing}
	case !scoped && r.Dossier != "":
		return &FieldError{Field: "dossier", Problem: RawDossierGiven}
	case route.Write() && r.RequestID == "":
		return &FieldError{Field: "request_id", Problem: RawRequestID}
	case !route.Write() && r.Body != "":
		return &FieldError{Field: "body", Problem: RawBodyGiven}
	}
	parameter, err := route.CheckQuery(r.Query, r.Dossier)
	field := "query." + parameter
	switch {
	case errors.Is(err, rawdoor.ErrParameter) && len(route.Query) == 0:
		return &FieldError{Field: field, Problem: RawNoParameters}
	case errors.Is(err, rawdoor.ErrParameter):
		return &FieldError{field, RawOtherParameters, strings.Join(route.Query, ", ")}
	case err != nil:
		return &OtherDossierError{field}
	case r.Body == "":
		return nil
	}
	switch err := rawdoor.CheckBody(r.Body, r.Dossier); {
	case errors.Is(err, rawdoor.ErrOtherDossier):
		return &OtherDossierError{"body"}
	case err != nil:
		return &FieldError{Field: "body", Problem: RawBodyInvalid}
	}
	return nil
}

// CheckExtraFields refuses fields of a creation that name another dossier than its own: it is unknown which of its names Loop
// heeds in such a body, so they are guarded as raw calls are.
func CheckExtraFields(dossier string, fields map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		member, err := jsontext.AppendQuote([]byte("{"), name)
		if err != nil {
			continue // no name of a field, which the client says better
		}
		if errors.Is(rawdoor.CheckBody(string(member)+":"+fields[name]+"}", dossier), rawdoor.ErrOtherDossier) {
			return &FieldError{Field: fmt.Sprintf("extra_fields[%q]", name), Problem: ExtraField}
		}
	}
	return nil
}

// rawScheme is that of the fields below, in their order.
const rawScheme = 201

// rawFingerprint digests what would be sent. Blanks between the tokens of a body make no other call of it.
func rawFingerprint(call cegidclient.RawCall) ledger.Fingerprint {
	h := ledger.NewHasher(rawScheme).Text(call.Method).Text(call.Path).Text(call.Dossier).Int(len(call.Query))
	for _, name := range slices.Sorted(maps.Keys(call.Query)) {
		h.Text(name).Text(call.Query[name])
	}
	body := jsontext.Value(slices.Clone(call.Body))
	_ = body.Compact() // what passed is JSON, or empty
	return h.Bytes(body).Sum()
}
