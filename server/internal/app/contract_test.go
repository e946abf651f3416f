package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/emptypb" // made.up needs its file

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/contract"
)

func TestEveryMethodSaysWhichRightItNeeds(t *testing.T) {
	access, err := accessOf(contract.Services())
	testkit.OK(t, err)
	count := 0
	for method := range contract.Methods() {
		count++
		name := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
		if access[name].Right == 0 {
			t.Errorf("%s asks for no right", name)
		}
		if subject(method.Input()).Fields().ByName("practice") == nil {
			t.Errorf("%s names no practice: nobody could be allowed to call it", name)
		}
	}
	if count == 0 || len(access) != count {
		t.Errorf("%d methods, %d rights", count, len(access))
	}
}

// madeUp is a service with one method, which has the given options.
func madeUp(t *testing.T, options *descriptorpb.MethodOptions) protoreflect.ServiceDescriptor {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("made/up.proto"), Package: new("made.up"), Syntax: new("proto3"),
		Dependency: []string{"google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("MadeUpService"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: new("Do"), InputType: new(".google.protobuf.Empty"), OutputType: new(".google.protobuf.Empty"), Options: options,
			}},
		}},
	}, protoregistry.GlobalFiles)
	testkit.OK(t, err)
	return file.Services().Get(0)
}

// TestAMethodWithoutARightStopsTheStart: deny by default is not left to the policy alone.
func TestAMethodWithoutARightStopsTheStart(t *testing.T) {
	with := func(access *looppb.Access) *descriptorpb.MethodOptions {
		options := &descriptorpb.MethodOptions{}
		proto.SetExtension(options, looppb.E_Access, access)
		return options
	}
	for name, c := range map[string]struct {
		options *descriptorpb.MethodOptions
		fine    bool
	}{
		"no option":         {nil, false},
		"an empty option":   {with(&looppb.Access{}), false},
		"an unknown right":  {with(&looppb.Access{Right: 99}), false},
		"a right":           {with(&looppb.Access{Right: looppb.Right_RIGHT_READ}), true},
		"the highest right": {with(&looppb.Access{Right: looppb.Right_RIGHT_ADMINISTER}), true},
	} {
		_, err := accessOf(append(contract.Services(), madeUp(t, c.options)))
		if (err == nil) != c.fine || err != nil && (!strings.Contains(err.Error(), "made.up.MadeUpService.Do") || !strings.Contains(err.Error(), "access")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryRequestIsCompiledBeforeTheFirstCall: the validator compiles nothing later, so that a request which is not in
// its list would be an error.
func TestEveryRequestIsCompiledBeforeTheFirstCall(t *testing.T) {
	validator, err := newValidator(contract.Services())
	testkit.OK(t, err)
	var invalid *protovalidate.ValidationError
	for method := range contract.Methods() {
		found, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
		testkit.OK(t, err)
		if err := validator.Validate(found.New().Interface()); err != nil && !errors.As(err, &invalid) {
			t.Errorf("%s: %v", method.FullName(), err)
		}
	}
	if err := validator.Validate(&descriptorpb.FileOptions{}); err == nil || errors.As(err, &invalid) {
		t.Errorf("a message that is not in the list: %v; then this test proves nothing", err)
	}
}

// TestMethodsAreOfDossiersAsTheirRequestsAre: what check explains is what the service asks.
func TestMethodsAreOfDossiersAsTheirRequestsAre(t *testing.T) {
	all, err := Methods()
	testkit.OK(t, err)
	known := map[string]Method{}
	for _, each := range all {
		known[each.Name] = each
	}
	of := 0
	for method := range contract.Methods() {
		request, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
		testkit.OK(t, err)
		_, named := request.New().Interface().(interface{ GetDossier() string })
		opening := false
		switch request.New().Interface().(type) {
		case interface {
			GetMetadata() *looppb.DocumentMetadata
		}, interface{ GetMetadata() *looppb.FileMetadata }:
			opening = true
		}
		got, found := known[string(method.Parent().Name()+"."+method.Name())]
		if !found || got.OfDossier != (named || opening) {
			t.Errorf("%s: %+v", method.FullName(), got)
		}
		if got.OfDossier {
			of++
		}
	}
	if len(all) < 20 || of == 0 || of == len(all) {
		t.Errorf("%d of %d methods are of dossiers: the test proves nothing", of, len(all))
	}
}
