package gateway

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cegid.internal/gateway/server/internal/contract"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/strictjson"
)

// route is one HTTP binding of a method, as the contract declares it.
type route struct {
	method     string // package.Service/Method
	httpMethod string
	path       []segment
	weight     int // of its path: the heaviest that matches counts
	request    protoreflect.MessageDescriptor
	variables  []string // in the order of the path
	hasBody    bool
	streams    bool                         // the answer is a stream
	upload     *upload                      // the body is a file
	headers    map[protoreflect.Name]string // fields that a header says, instead of the query
}

// routes knows every binding, because grpc-gateway answers 501 without Allow for a wrong method, and drops query
// parameters that it does not know.
type routes []route

// segment is a part of a path between slashes: a text as it is, or a variable between two of them.
type segment struct {
	before, after string
	variable      bool
}

// value is what the variable of a segment is in a part of a path.
func (s *segment) value(part string) (value string, ok bool) {
	if !s.variable {
		return "", part == s.before
	}
	if len(part) < len(s.before)+len(s.after) || !strings.HasPrefix(part, s.before) || !strings.HasSuffix(part, s.after) {
		return "", false
	}
	return part[len(s.before) : len(part)-len(s.after)], true
}

func newRoutes(uploads []*upload) routes {
	var out routes
	for method := range contract.Methods() {
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil {
			continue
		}
		for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			route := newRoute(binding, method.Input())
			route.streams = method.IsStreamingServer()
			route.method = string(method.Parent().FullName()) + "/" + string(method.Name())
			out = append(out, route)
		}
	}
	for _, upload := range uploads {
		out = append(out, upload.route())
	}
	return out
}

func newRoute(rule *annotations.HttpRule, request protoreflect.MessageDescriptor) route {
	httpMethod, template := binding(rule)
	out := newTemplate(httpMethod, template, request)
	out.hasBody = rule.GetBody() != ""
	return out
}

func newTemplate(httpMethod, template string, request protoreflect.MessageDescriptor) route {
	out := route{httpMethod: httpMethod, request: request}
	for part := range strings.SplitSeq(template, "/") {
		before, rest, variable := strings.Cut(part, "{")
		step := segment{before: before, variable: variable}
		if variable {
			var name string
			name, step.after, _ = strings.Cut(rest, "}")
			name, _, _ = strings.Cut(name, "=")
			out.variables = append(out.variables, name)
		}
		out.weight += 1 + len(step.before) + len(step.after)
		out.path = append(out.path, step)
	}
	return out
}

// matches tells whether a path is one of the route's.
func (r *route) matches(path string) bool {
	for i := range r.path {
		part, rest, more := strings.Cut(path, "/")
		if _, ok := r.path[i].value(part); !ok || more != (i+1 < len(r.path)) {
			return false
		}
		path = rest
	}
	return true
}

// practice is the one that a path of the route's names; empty for none.
func (r *route) practice(path string) string {
	at := slices.Index(r.variables, "practice")
	if at < 0 {
		return ""
	}
	name, _ := url.PathUnescape(r.values(path)[at]) // what cannot be read is no name
	return name
}

// values are those of the variables in a path of the route's, as they are.
func (r *route) values(path string) (out []string) {
	for i := range r.path {
		part, rest, _ := strings.Cut(path, "/")
		if value, _ := r.path[i].value(part); r.path[i].variable {
			out = append(out, value)
		}
		path = rest
	}
	return out
}

func binding(rule *annotations.HttpRule) (httpMethod, template string) {
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, pattern.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, pattern.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, pattern.Post
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, pattern.Delete
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, pattern.Patch
	}
	return "", ""
}

// decided are the fields of a request that its paths decide.
func (r routes) decided(request protoreflect.FullName) []string {
	var out []string
	for _, route := range r {
		if route.request.FullName() == request {
			out = append(out, route.variables...)
		}
	}
	return out
}

// find returns the route of a request, or the methods that its path does allow. A path with a verb is that of its binding
// alone, not also one whose last variable would swallow the verb.
func (r routes) find(httpMethod, path string) (found *route, allowed []string) {
	heaviest, parts := 0, 1+strings.Count(path, "/")
	for i := range r {
		route := &r[i]
		if len(route.path) != parts || route.weight < heaviest || !route.matches(path) {
			continue
		}
		if route.weight > heaviest {
			heaviest, found, allowed = route.weight, nil, nil
		}
		allowed = append(allowed, route.httpMethod)
		if route.httpMethod == httpMethod {
			found = route
		}
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	return found, slices.Compact(allowed)
}

// emptyParts are what a path has too many of: at its end, or one after another.
var emptyParts = regexp.MustCompile(`/(?:/+|$)`)

// withoutEmptyParts tells whether a request of a path that nothing answers would be one without its empty parts. It is not
// taken for that one: what builds a path from a value may lack the value.
func (r routes) withoutEmptyParts(request *http.Request) bool {
	path := request.URL.EscapedPath()
	full := strings.TrimSuffix(emptyParts.ReplaceAllString(path, "/"), "/")
	if full == path {
		return false
	}
	found, _ := r.find(request.Method, full)
	return found != nil
}

// checkPath lets the contract's own rules speak of an empty variable: grpc-gateway takes some such paths for unknown
// ones.
func (r *route) checkPath(path string, check func(proto.Message) error) error {
	values := r.values(path)
	texts := make([]string, len(values))
	for i, name := range r.variables {
		var err error
		if texts[i], err = url.PathUnescape(values[i]); err != nil || !utf8.ValidString(texts[i]) {
			return apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, name, "is not UTF-8, percent-encoded")
		}
	}
	if !slices.Contains(values, "") {
		return nil
	}
	request := dynamicpb.NewMessage(r.request)
	for i, name := range r.variables {
		if field := r.request.Fields().ByName(protoreflect.Name(name)); field != nil && field.Kind() == protoreflect.StringKind {
			request.Set(field, protoreflect.ValueOfString(texts[i]))
		}
	}
	err := check(request)
	if err == nil {
		return nil
	}
	if strings.HasSuffix(path, "/") {
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, r.variables[len(values)-1],
			"is empty in the path: give it, or leave out the slash at the end, without which this is another path")
	}
	return err
}

// checkQuery refuses query parameters that the method would not read, or not as they are meant.
func (r *route) checkQuery(rawQuery string) error {
	if rawQuery == "" {
		return nil
	}
	const reason = looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return apierror.Field(reason, "(query)", "cannot be read: percent-encode its values, and part them by &")
	}
	times := map[protoreflect.FullName]int{} // a field has two spellings
	choices := map[protoreflect.FullName]int{}
	for name, given := range values {
		if field, key := r.field(name); field != nil && key == "" {
			if times[field.FullName()] += len(given); field.ContainingOneof() != nil && times[field.FullName()] == len(given) {
				choices[field.ContainingOneof().FullName()]++
			}
		}
	}
	var violations []apierror.Violation
	for _, name := range slices.Sorted(maps.Keys(values)) {
		problem := r.parameterProblem(name, times, choices)
		if field, key := r.field(name); problem == "" && key != "" && len(values[name]) > 1 {
			problem = "is given more than once: give " + field.JSONName() + "[" + key + "] once"
		}
		for _, value := range values[name] {
			if problem == "" {
				field, _ := r.field(name)
				problem = strictjson.Parameter(field, value)
			}
		}
		if problem != "" {
			violations = append(violations, apierror.Violation{Field: name, Description: problem})
		}
	}
	if len(violations) == 0 {
		return nil
	}
	return apierror.Invalid(reason, violations...)
}

func (r *route) parameterProblem(name string, times, choices map[protoreflect.FullName]int) string {
	if r.hasBody {
		return "this method reads its JSON body alone: move the parameter there"
	}
	field, key := r.field(name)
	switch {
	case field == nil:
		return r.unknown(name)
	case slices.Contains(r.variables, string(field.Name())):
		return "is part of the path already: leave it out of the query"
	case r.headers[field.Name()] != "":
		return "is what the header " + r.headers[field.Name()] + " says: leave it out of the query"
	case field.IsMap() && key == "":
		return "holds texts by their names: write " + field.JSONName() + "[name]=text"
	case times[field.FullName()] > 1 && !field.IsList():
		times[field.FullName()] = 0 // said once, whatever its spellings
		return "is given more than once: give it once"
	case field.ContainingOneof() != nil && choices[field.ContainingOneof().FullName()] > 1:
		return "is given beside another that it excludes: give one of " + strictjson.OneOf(field.ContainingOneof())
	}
	return ""
}

// entryOf reads how a query names an entry of a map: name[key]. Of another name the key is empty.
func entryOf(parameter string) (name, key string) {
	name, key, found := strings.Cut(parameter, "[")
	key, closed := strings.CutSuffix(key, "]")
	if !found || !closed || name == "" || key == "" || strings.Contains(name, "]") || strings.ContainsAny(key, "[]") {
		return parameter, ""
	}
	return name, key
}

// field finds what a query parameter means, by its JSON name or its proto name, with dots into messages; of an entry of a
// map, its key, too.
func (r *route) field(name string) (field protoreflect.FieldDescriptor, key string) {
	name, key = entryOf(name)
	message := r.request
	for part := range strings.SplitSeq(name, ".") {
		if message == nil {
			return nil, ""
		}
		if field = strictjson.Field(message, part); field == nil {
			return nil, ""
		}
		if message = nil; strictjson.IsObject(field) && !field.IsList() && !field.IsMap() {
			message = field.Message()
		}
	}
	if (key != "" && !field.IsMap()) || (!field.IsMap() && strictjson.IsObject(field)) {
		return nil, ""
	}
	return field, key
}

// unknown says what the query may say, which is not what the path and headers do.
func (r *route) unknown(name string) string {
	elsewhere := slices.Clone(r.variables)
	for field := range r.headers {
		elsewhere = append(elsewhere, string(field))
	}
	return strictjson.Unknown("parameter of this method", r.request, elsewhere, name)
}
