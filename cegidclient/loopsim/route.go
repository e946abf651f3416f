package loopsim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Route is an operation that the simulator serves, spelled as Loop prints it.
type Route struct {
	Method string // "GET"
	Path   string // below the base path, with a leading slash: "/compte"
}

// Routes lists the operations served, in the order of the documentation; then those whose names begin with sim, which
// Loop has not.
func Routes() []Route {
	var routes []Route
	for _, o := range operations() {
		routes = append(routes, o.Route)
	}
	return routes
}

// operations is the one table of what is served.
func operations() []operation {
	return append([]operation{
		listOperation(accountResource()),
		accountCreation(),
		listOperation(journalResource()),
		journalCreation(),
		listOperation(sectionResource()),
		listOperation(thirdPartyResource("/tiersClient", ThirdPartyClient)),
		listOperation(thirdPartyResource("/tiersFournisseur", ThirdPartyFournisseur)),
		listOperation(thirdPartyResource("/tiersSalarie", ThirdPartySalarie)),
		listOperation(thirdPartyResource("/tiersDivers", ThirdPartyDivers)),
		listOperation(vatCodeResource()),
		listOperation(establishmentResource()),
		identityOperation(),
		identityUpdateOperation(),
		importOperation(),
		depositOperation(),
		fileOperation("/importFEC", FormatFEC),
		fileOperation("/importTRA", FormatTRA),
		fileOperation("/importPerso", FormatCustom),
		importStatusOperation(),
		entriesOperation(),
		listOperation(officeResource()),
		listOperation(workGroupResource()),
		listOperation(staffResource()),
		listOperation(engagementResource()),
		activitiesOperation(),
		staffAccessOperation(),
		replayOperation(),
		documentOperation(),
	}, noteOperations()...)
}

// listResources are the lists.
func listResources() []*resource {
	return slices.DeleteFunc(resources(), func(res *resource) bool { return res.path == "" })
}

// resources are all that a content can have rows of.
func resources() []*resource {
	var resources []*resource
	for _, o := range operations() {
		if o.list != nil {
			resources = append(resources, o.list)
		}
	}
	return resources
}

// An operation is a route with what it needs and how it answers.
type operation struct {
	Route
	cabinet bool // a cabinet operation: Advanced key, codeDossier=cabinet
	unbound bool // no codeDossier in the query: serve looks for the dossier, if any
	submits bool // an import, to be recorded
	format  string
	stores  bool      // a document, to be recorded
	list    *resource // what it lists; without a path, what it looks into
	serve   func(*exchange) answer
}

// An exchange is one request on its way through the simulator.
type exchange struct {
	sim        *Simulator
	op         *operation
	query      url.Values
	body       []byte
	shape      Shape
	who        caller
	practice   string
	dossier    *dossier    // that of the practice itself for a cabinet operation; nil for another unbound one
	submission *submission // of an operation that submits, as is the next
	imported   *imported
	deposit    *deposit // of an operation that stores
	origin     string   // of the simulator, as the client calls it
}

// An answer is complete before its first byte is sent, so that a fault can bend any answer in the same way.
type answer struct {
	status      int
	contentType string
	header      http.Header // beyond Content-Type; may be nil
	body        []byte
}

const jsonType = "application/json; charset=utf-8"

func jsonAnswer(status int, body []byte) answer {
	return answer{status: status, contentType: jsonType, body: body}
}

// A router finds operations by method and path.
type router struct {
	base       string // "" or "/loop-api-publiques"
	ignoreCase bool
	operations map[string]*operation
}

func newRouter(base string, ignoreCase bool, ops []operation) *router {
	r := &router{base: base, ignoreCase: ignoreCase, operations: make(map[string]*operation, len(ops))}
	for i := range ops {
		r.operations[ops[i].Method+" "+r.fold(ops[i].Path)] = &ops[i]
	}
	return r
}

// fold: Cegid prints one route in several letter cases, so the gateway may ignore case; that is not promised (C 2), hence
// an option that is off by default.
func (r *router) fold(path string) string {
	if r.ignoreCase {
		return strings.ToLower(path)
	}
	return path
}

func (r *router) find(method, path string) *operation {
	below, ok := strings.CutPrefix(r.fold(path), r.fold(r.base))
	if !ok {
		return nil
	}
	return r.operations[method+" "+below]
}
