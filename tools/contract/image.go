package main

import (
	"fmt"
	"regexp"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// image is the contract.
type image struct {
	files     *protoregistry.Files
	methods   map[string]protoreflect.MethodDescriptor // by operationId
	comments  map[string]string                        // by full name
	jsonNames map[string]string                        // of fields whose names differ
}

func readImage(raw []byte, comments map[string]string) (*image, error) {
	_, files, err := readSet(raw)
	if err != nil {
		return nil, err
	}
	out := &image{files: files, methods: map[string]protoreflect.MethodDescriptor{}, comments: comments, jsonNames: map[string]string{}}
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
				out.nameFields(method.Input(), map[protoreflect.FullName]bool{})
				out.nameFields(method.Output(), map[protoreflect.FullName]bool{})
			}
		}
		return true
	})
	return out, err
}

// nameFields notes the JSON names of the fields of a message and of those in it.
func (i *image) nameFields(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) {
	if message == nil || seen[message.FullName()] {
		return
	}
	seen[message.FullName()] = true
	for n := range message.Fields().Len() {
		field := message.Fields().Get(n)
		if field.JSONName() != string(field.Name()) {
			i.jsonNames[string(field.Name())] = field.JSONName()
		}
		i.nameFields(field.Message(), seen)
	}
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
	message, _ := i.find(name).(protoreflect.MessageDescriptor)
	return message
}

func (i *image) enum(name string) protoreflect.EnumDescriptor {
	enum, _ := i.find(name).(protoreflect.EnumDescriptor)
	return enum
}

func (i *image) find(name string) protoreflect.Descriptor {
	found, err := i.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	return found
}
