package main

import (
	"fmt"
	"regexp"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"cegid.internal/gateway/tools/internal/descriptors"
)

// image is the contract.
type image struct {
	files   *protoregistry.Files
	methods map[string]protoreflect.MethodDescriptor // by operationId
}

func readImage(raw []byte) (*image, error) {
	_, files, err := descriptors.Read(raw)
	if err != nil {
		return nil, err
	}
	out := &image{files: files, methods: map[string]protoreflect.MethodDescriptor{}}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for i := range service.Methods().Len() {
				method := service.Methods().Get(i)
				id := fmt.Sprintf("%s_%s", service.Name(), method.Name())
				if out.methods[id] != nil {
					err = fmt.Errorf("two services are called %s", service.Name())
				}
				out.methods[id] = method
			}
		}
		return true
	})
	return out, err
}

// The generator numbers further HTTP bindings of a method.
var binding = regexp.MustCompile(`_\d+$`)

func (i *image) method(operationID string) (protoreflect.MethodDescriptor, error) {
	for _, id := range []string{operationID, binding.ReplaceAllString(operationID, "")} {
		if method := i.methods[id]; method != nil {
			return method, nil
		}
	}
	return nil, fmt.Errorf("operation %q has no method in the image", operationID)
}

func (i *image) message(name string) protoreflect.MessageDescriptor {
	found, err := i.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	message, _ := found.(protoreflect.MessageDescriptor)
	return message
}
