package contract

import (
	"slices"
	"strings"
	"testing"

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
