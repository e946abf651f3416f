// Package rawdoor decides which raw calls pass: the routes that the operator listed, with the parameters that he listed,
// for the dossier that the caller may use and no other. Everything else stays outside.
package rawdoor

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// Scope says what the calls of a route are for.
type Scope int

// The scopes.
const (
	// Dossier: each call names a dossier, which travels as codeDossier.
	Dossier Scope = iota
	// Practice: for the practice itself, codeDossier=cabinet (loop-api: C 1.5).
	Practice
	// Unscoped: codeDossier is not sent.
	Unscoped
)

// Route is a route that the operator listed.
type Route struct {
	Method, Path string
	Scope        Scope
	Key          cegidclient.KeyKind
	// Query are the parameters that a caller may give.
	Query []string
}

// Write tells whether calls of the route go under the ledger.
func (r Route) Write() bool { return r.Method != http.MethodGet }

// CodeDossier is what travels as codeDossier.
func (r Route) CodeDossier(dossier string) string {
	if r.Scope == Practice {
		return practiceItself
	}
	return dossier
}

const practiceItself = "cabinet"

// Methods are those that a route can have.
func Methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// deprecated is in the inventory only so that nobody looks for it (loop-api: C 4.8).
const deprecated = "add_offer"

// Wrapped finds the operation of the inventory that keeps a route out of the door, whatever the letter case: Loop's gateway
// may ignore it (loop-api: C 2).
func Wrapped(method, path string) (cegidclient.Operation, bool) {
	for _, operation := range cegidclient.Operations() {
		if (operation.Wrapped || operation.ID == deprecated) && operation.Method == method && strings.EqualFold(operation.Path, path) {
			return operation, true
		}
	}
	return cegidclient.Operation{}, false
}

var parameterShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// CheckParameter refuses the name of a parameter that no caller may give, in a sentence for the operator.
func CheckParameter(name string) error {
	switch {
	case !parameterShape.MatchString(name):
		return errors.New("must be the name of a query parameter: a letter, then letters, digits and '_', 64 at most")
	case namesDossier(name), strings.Contains(squeezed(name), "subscription"), strings.Contains(squeezed(name), "apikey"):
		return errors.New("names a dossier or a key, which this service sets and no caller may; remove it")
	}
	return nil
}

// WrappedError says that a route belongs to an operation with RPCs of its own.
type WrappedError struct{ Operation string }

func (e *WrappedError) Error() string { return "is wrapped: it belongs to " + e.Operation }

// CheckRoute refuses a route that cannot be listed, in a sentence for the operator.
func CheckRoute(method, path string) error {
	if !cegidclient.ValidRawPath(path) {
		return errors.New("must be the path of a route below Loop's base URL, such as /someRoute: segments of letters, digits, " +
			"'_', '-' and dots inside")
	}
	if operation, wrapped := Wrapped(method, path); wrapped {
		if operation.ID == deprecated {
			return errors.New("is deprecated by Loop and must not be called; remove it")
		}
		return &WrappedError{operation.ID}
	}
	return nil
}

// Door is the list.
type Door struct{ routes []Route }

// New returns a door of routes that CheckRoute and CheckParameter let pass.
func New(routes ...Route) *Door { return &Door{routes: slices.Clone(routes)} }

// Open tells whether there is any route.
func (d *Door) Open() bool { return len(d.routes) > 0 }

// RouteOf names the route of a request for the audit, once it is known to be one of those listed; empty for others.
func (d *Door) RouteOf(request any) string {
	call, is := request.(interface {
		GetMethod() string
		GetPath() string
	})
	if !is {
		return ""
	}
	route, listed := d.Find(call.GetMethod(), call.GetPath())
	if !listed {
		return ""
	}
	return route.Method + " " + route.Path
}

// Find returns a route, spelt exactly as it was listed.
func (d *Door) Find(method, path string) (Route, bool) {
	for _, route := range d.routes {
		if route.Method == method && route.Path == path {
			return route, true
		}
	}
	return Route{}, false
}
