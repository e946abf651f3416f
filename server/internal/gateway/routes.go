package gateway

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
)

// route is one HTTP binding of a method, as the contract declares it.
type route struct {
	httpMethod string
	path       *regexp.Regexp
	request    protoreflect.MessageDescriptor
	variables  []string // in the order of the path's groups
	hasBody    bool
	upload     *upload                      // the body is a file
	headers    map[protoreflect.Name]string // fields that a header says, instead of the query
}

// routes knows every binding, because grpc-gateway answers 501 without Allow for a wrong method, and drops query
// parameters that it does not know (pitfalls 5, 14).
type routes []route

var variable = regexp.MustCompile(`\\\{([a-z_.]+)(=[^}]*)?\\\}`)

func newRoutes(uploads []*upload, services ...protoreflect.ServiceDescriptor) routes {
	var out routes
	for _, service := range services {
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
			if rule == nil {
				continue
			}
			for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
				out = append(out, newRoute(binding, method.Input()))
			}
		}
	}
	for _, each := range uploads {
		out = append(out, each.route())
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
	quoted := regexp.QuoteMeta(template)
	var variables []string
	for _, match := range variable.FindAllStringSubmatch(quoted, -1) {
		variables = append(variables, strings.ReplaceAll(match[1], `\`, ""))
	}
	return route{
		httpMethod: httpMethod,
		path:       regexp.MustCompile("^" + variable.ReplaceAllString(quoted, "([^/]*)") + "$"),
		request:    request,
		variables:  variables,
	}
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
	for _, each := range r {
		if each.request.FullName() == request {
			out = append(out, each.variables...)
		}
	}
	return out
}

// find returns the route of a request, or the methods that its path does allow. A path with a verb is that of its binding
// alone, not also one whose last variable would swallow the verb.
func (r routes) find(httpMethod, path string) (found *route, allowed []string) {
	longest := 0
	for i := range r {
		each := &r[i]
		size := len(each.path.String())
		if size < longest || !each.path.MatchString(path) {
			continue
		}
		if size > longest {
			longest, found, allowed = size, nil, nil
		}
		allowed = append(allowed, each.httpMethod)
		if each.httpMethod == httpMethod {
			found = each
		}
	}
	slices.Sort(allowed)
	return found, slices.Compact(allowed)
}

// checkPath lets the contract's own rules speak of an empty variable: grpc-gateway takes some such paths for unknown
// ones.
func (r *route) checkPath(path string, check func(proto.Message) error) error {
	values := r.path.FindStringSubmatch(path)[1:]
	request := dynamicpb.NewMessage(r.request)
	for i, name := range r.variables {
		value, err := url.PathUnescape(values[i])
		if err != nil || !utf8.ValidString(value) {
			return apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, name, "is not UTF-8, percent-encoded")
		}
		if field := r.request.Fields().ByName(protoreflect.Name(name)); field != nil && field.Kind() == protoreflect.StringKind {
			request.Set(field, protoreflect.ValueOfString(value))
		}
	}
	if !slices.Contains(values, "") {
		return nil
	}
	return check(request)
}

// checkQuery refuses query parameters that the method would not read.
func (r *route) checkQuery(rawQuery string) error {
	if rawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return apierror.Field(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, "", "the query string cannot be read: percent-encode its values")
	}
	var violations []apierror.Violation
	times := map[protoreflect.Name]int{} // a field has two spellings
	for name, given := range values {
		if field := r.field(name); field != nil {
			times[field.Name()] += len(given)
		}
	}
	for name, given := range values {
		problem := r.parameterProblem(name, times)
		if problem == "" && !utf8.ValidString(strings.Join(given, "")) {
			problem = "is not UTF-8, percent-encoded"
		}
		if problem != "" {
			violations = append(violations, apierror.Violation{Field: name, Description: problem})
		}
	}
	if len(violations) == 0 {
		return nil
	}
	slices.SortFunc(violations, func(a, b apierror.Violation) int { return strings.Compare(a.Field, b.Field) })
	return apierror.Invalid(looppb.ErrorReason_ERROR_REASON_REQUEST_MALFORMED, violations...)
}

func (r *route) parameterProblem(name string, times map[protoreflect.Name]int) string {
	if r.hasBody {
		return "this method reads its JSON body alone: move the parameter there"
	}
	field := r.field(name)
	switch {
	case field == nil:
		return r.unknownParameter()
	case slices.Contains(r.variables, string(field.Name())):
		return "is part of the path already: leave it out of the query"
	case r.headers[field.Name()] != "":
		return "is what the header " + r.headers[field.Name()] + " says: leave it out of the query"
	case times[field.Name()] > 1 && !field.IsList():
		return "is given more than once: give it once"
	}
	return ""
}

// field finds what a query parameter means, by its JSON name or its proto name, with dots into messages.
func (r *route) field(name string) (field protoreflect.FieldDescriptor) {
	message := r.request
	for part := range strings.SplitSeq(name, ".") {
		if message == nil {
			return nil
		}
		if field = message.Fields().ByJSONName(part); field == nil {
			field = message.Fields().ByName(protoreflect.Name(part))
		}
		if field == nil {
			return nil
		}
		message = field.Message()
	}
	return field
}

func (r *route) unknownParameter() string {
	var known []string
	for i := range r.request.Fields().Len() {
		if field := r.request.Fields().Get(i); !slices.Contains(r.variables, string(field.Name())) && r.headers[field.Name()] == "" {
			known = append(known, field.JSONName())
		}
	}
	if len(known) == 0 {
		return "is no parameter of this method, which takes none"
	}
	return "is no parameter of this method: use " + strings.Join(known, ", ")
}
