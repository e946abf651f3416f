package app

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/diagnostics"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/policy"
)

// accessOf returns what each method asks of its caller; a method that does not say it stops the start.
func accessOf(services []protoreflect.ServiceDescriptor) (map[string]policy.Access, error) {
	out := map[string]policy.Access{}
	for method := range contract.Methods(services...) {
		access, _ := proto.GetExtension(method.Options(), looppb.E_Access).(*looppb.Access)
		right := rightOf(access.GetRight())
		if right == 0 {
			return nil, fmt.Errorf("%s does not say which right it needs: give it the option (cegid.loop.v1.access)", method.FullName())
		}
		out[fullName(method)] = policy.Access{Right: right, Own: access.GetOwn(), Operated: access.GetOperated()}
	}
	return out, nil
}

// Method is what a method of the contract asks of its caller.
type Method struct {
	// Name as Service.Method.
	Name string
	policy.Access
	// OfDossier says that its request names a dossier.
	OfDossier bool
}

// Methods returns those of the contract, by name.
func Methods() ([]Method, error) {
	access, err := accessOf(contract.Services())
	if err != nil {
		return nil, err
	}
	var all []Method
	for method := range contract.Methods() {
		all = append(all, Method{
			Name:      contract.Name(method),
			Access:    access[fullName(method)],
			OfDossier: subject(method.Input()).Fields().ByName("dossier") != nil,
		})
	}
	slices.SortFunc(all, func(a, b Method) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// subject is what names practice and dossier: the request, or what an upload says of itself before its bytes.
func subject(request protoreflect.MessageDescriptor) protoreflect.MessageDescriptor {
	if opening := request.Fields().ByName("metadata"); opening != nil && opening.Message() != nil && !opening.IsMap() {
		return opening.Message()
	}
	return request
}

func fullName(method protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
}

func rightOf(wanted looppb.Right) policy.Right {
	for _, right := range policy.Rights() {
		if diagnostics.Right(right) == wanted {
			return right
		}
	}
	return 0
}

// contractValidator compiles the contract's rules once for all servers of a process, of which tests have many: it is most
// of what a start costs.
var contractValidator = sync.OnceValues(func() (protovalidate.Validator, error) {
	validator, err := newValidator(contract.Services())
	return interceptor.Remembering(validator), err
})

// newValidator compiles the rules of every request before the first call: protovalidate compiles lazily, and the first call
// with rules in CEL would pay for it, 5 ms or tens under load.
func newValidator(services []protoreflect.ServiceDescriptor) (protovalidate.Validator, error) {
	var requests []proto.Message
	for method := range contract.Methods(services...) {
		found, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
		if err != nil {
			return nil, err
		}
		requests = append(requests, found.New().Interface())
	}
	return protovalidate.New(protovalidate.WithMessages(requests...), protovalidate.WithDisableLazy())
}
