package contract

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"cegid.internal/gateway/cegidclient"
)

func TestEveryServiceIsBound(t *testing.T) {
	var bound, services []string
	for _, each := range bindings() {
		bound = append(bound, each.grpc.ServiceName)
	}
	for _, each := range Services() {
		services = append(services, string(each.FullName()))
	}
	slices.Sort(bound)
	if !slices.Equal(bound, services) {
		t.Errorf("bound are %v; the contract has %v", bound, services)
	}
}

// TestNoRouteIsAnothersOfAnotherService: which service answers a request does not depend on the order in which they are registered.
func TestNoRouteIsAnothersOfAnotherService(t *testing.T) {
	order := bindings()
	reversed := slices.Clone(order)
	slices.Reverse(reversed)
	// alone answers as one service would by itself; a path that another service has, too, is answered by both.
	muxes := map[string]*recorder{"as they are": recording(t, order...), "reversed": recording(t, reversed...)}
	alone := make([]*recorder, len(order))
	for i, each := range order {
		alone[i] = recording(t, each)
	}
	asked := 0
	for method := range Methods() {
		want := "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
		for httpMethod, template := range routesOf(method) {
			path := variable.ReplaceAllString(template, "demo")
			for name, mux := range muxes {
				if got := mux.ask(httpMethod, path); got != want {
					t.Errorf("%s %s, registered %s, is %q; want %s", httpMethod, template, name, got, want)
				}
			}
			var takers []string
			for _, mux := range alone {
				if got := mux.ask(httpMethod, path); got != "" {
					takers = append(takers, got)
				}
			}
			if len(takers) != 1 {
				t.Errorf("%s %s is taken by %v", httpMethod, template, takers)
			}
			asked++
		}
	}
	if asked < 40 {
		t.Errorf("only %d routes were asked", asked)
	}
}

// variable is a part of a route's template that callers fill.
var variable = regexp.MustCompile(`\{[^}]*\}`)

// routesOf are the HTTP method and the template of each route of an RPC.
func routesOf(method protoreflect.MethodDescriptor) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
		if rule == nil {
			return
		}
		for _, each := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			for httpMethod, template := range map[string]string{
				http.MethodGet: each.GetGet(), http.MethodPut: each.GetPut(), http.MethodPost: each.GetPost(),
				http.MethodDelete: each.GetDelete(), http.MethodPatch: each.GetPatch(),
			} {
				if template != "" && !yield(httpMethod, template) {
					return
				}
			}
		}
	}
}

// recorder answers over REST, and notes which method was called.
type recorder struct {
	grpc.ClientConnInterface
	mux    *runtime.ServeMux
	called string
}

func recording(t *testing.T, of ...binding) *recorder {
	t.Helper()
	r := &recorder{mux: runtime.NewServeMux()}
	for _, each := range of {
		if err := each.rest(t.Context(), r.mux, r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

var errNoted = status.Error(codes.Aborted, "noted")

func (r *recorder) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	r.called = method
	return errNoted
}

func (r *recorder) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	r.called = method
	return nil, errNoted
}

// ask returns the method that a request is one of; empty for none.
func (r *recorder) ask(httpMethod, path string) string {
	r.called = ""
	r.mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(httpMethod, path, strings.NewReader("{}")))
	return r.called
}

// TestTheContractWrapsWhatTheClientDoes: each operation that the client has methods for has its RPCs, and no other has any.
func TestTheContractWrapsWhatTheClientDoes(t *testing.T) {
	for _, each := range cegidclient.Operations() {
		if each.Wrapped != (len(RPCs(each.ID)) > 0) {
			t.Errorf("%s: the client wraps it: %t; RPCs: %v", each.ID, each.Wrapped, RPCs(each.ID))
		}
	}
	for method := range Methods() {
		for _, id := range Wraps(method) {
			if _, known := cegidclient.OperationByID(id); !known {
				t.Errorf("%s wraps %s, which is no operation", Name(method), id)
			}
		}
	}
}

// TestATwinWrapsWhatItsListDoes: an RPC that forgets the option would lose its row in the inventory, and its cases.
func TestATwinWrapsWhatItsListDoes(t *testing.T) {
	twins := 0
	for _, service := range Services() {
		for method := range Methods(service) {
			of, list := strings.CutPrefix(string(method.Name()), "List")
			twin := service.Methods().ByName(protoreflect.Name("Stream" + of))
			if !list || twin == nil {
				continue
			}
			if twins++; !slices.Equal(Wraps(method), Wraps(twin)) {
				t.Errorf("%s wraps %v, and its stream %v", Name(method), Wraps(method), Wraps(twin))
			}
		}
	}
	if twins < 8 {
		t.Errorf("only %d lists have a stream", twins)
	}
}

// TestWhatMayBeRepeatedFollowsFromWhatIsWrapped: the published service config repeats what its level says. A method changes nothing
// only where repeating its operations changes nothing at Loop; one that wraps what must never be sent twice has the id that makes
// repeating it safe, or is not repeated.
func TestWhatMayBeRepeatedFollowsFromWhatIsWrapped(t *testing.T) {
	for method := range Methods() {
		request := method.Input()
		if opening := request.Fields().ByName("metadata"); method.IsStreamingClient() && opening != nil {
			request = opening.Message()
		}
		level := method.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
		for _, id := range Wraps(method) {
			operation, _ := cegidclient.OperationByID(id)
			switch {
			case operation.Resend == cegidclient.ResendAlways:
			case level == descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
				t.Errorf("%s is said to change nothing, and wraps %s", Name(method), id)
			case operation.Resend == cegidclient.ResendNever && level == descriptorpb.MethodOptions_IDEMPOTENT &&
				request.Fields().ByName("request_id") == nil:
				t.Errorf("%s may be repeated without an id, and wraps %s", Name(method), id)
			}
		}
	}
}
