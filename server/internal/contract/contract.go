// Package contract reads the contract of the service: its methods, and which of Loop's operations each wraps.
package contract

import (
	"iter"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// Package holds the services of the contract.
const Package = protoreflect.FullName("cegid.loop.v1")

// Services returns the services of the contract, by name.
func Services() []protoreflect.ServiceDescriptor {
	var out []protoreflect.ServiceDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage(Package, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			out = append(out, file.Services().Get(i))
		}
		return true
	})
	slices.SortFunc(out, func(a, b protoreflect.ServiceDescriptor) int {
		return strings.Compare(string(a.Name()), string(b.Name()))
	})
	return out
}

// Methods goes through the methods of services, of all of the contract's without any.
func Methods(services ...protoreflect.ServiceDescriptor) iter.Seq[protoreflect.MethodDescriptor] {
	if len(services) == 0 {
		services = Services()
	}
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		for _, service := range services {
			for i := range service.Methods().Len() {
				if !yield(service.Methods().Get(i)) {
					return
				}
			}
		}
	}
}

// Name is how people name a method: Service.Method.
func Name(method protoreflect.MethodDescriptor) string {
	return string(method.Parent().Name()) + "." + string(method.Name())
}

// Wraps are the ids of the operations that a method wraps.
func Wraps(method protoreflect.MethodDescriptor) []string {
	ids, _ := proto.GetExtension(method.Options(), looppb.E_Wraps).([]string)
	return ids
}

// RPCs are the names of the methods that wrap an operation.
func RPCs(operation string) []string { return slices.Clone(rpcs()[operation]) }

var rpcs = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for method := range Methods() {
		for _, operation := range Wraps(method) {
			out[operation] = append(out[operation], Name(method))
		}
	}
	return out
})

// The fields by which a request says which older answers will do. A request that has them is for a read that is shared and kept.
const (
	MaxStaleness protoreflect.Name = "max_staleness"
	StaleIfError protoreflect.Name = "stale_if_error"
)
