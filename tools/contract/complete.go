package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// completer gives methods the options that follow from what their service says of its lists.
type completer struct {
	lists, access, wraps, http protoreflect.ExtensionTypeDescriptor
}

// complete writes a set again with the options that a List and a Stream leave to the option lists of their service, whose message
// says which. So each reader of the contract finds them with the method: the server, the generators, clients.
func complete(raw []byte, out io.Writer) error {
	set, files, err := readSet(raw)
	if err != nil {
		return err
	}
	var c completer
	for name, extension := range map[protoreflect.FullName]*protoreflect.ExtensionTypeDescriptor{
		"cegid.loop.v1.lists": &c.lists, "cegid.loop.v1.access": &c.access, "cegid.loop.v1.wraps": &c.wraps, "google.api.http": &c.http,
	} {
		if *extension, err = extensionOf(files, name); err != nil {
			return err
		}
	}
	for _, file := range set.GetFile() {
		for _, service := range file.GetService() {
			if err := c.service(service); err != nil {
				return fmt.Errorf("%s: %w", service.GetName(), err)
			}
		}
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func extensionOf(files *protoregistry.Files, name protoreflect.FullName) (protoreflect.ExtensionTypeDescriptor, error) {
	found, err := files.FindDescriptorByName(name)
	if err != nil {
		return nil, fmt.Errorf("the option %s: %w", name, err)
	}
	extension, ok := found.(protoreflect.ExtensionDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is no option", name)
	}
	return dynamicpb.NewExtensionType(extension).TypeDescriptor(), nil
}

func (c *completer) service(service *descriptorpb.ServiceDescriptorProto) error {
	options := service.GetOptions().ProtoReflect()
	if !options.IsValid() || !options.Has(c.lists) {
		return nil
	}
	said := options.Get(c.lists).Message()
	path, access := get(said, "path").String(), get(said, "access")
	if path == "" || !access.Message().IsValid() {
		return errors.New("the option lists lacks path or access")
	}
	for _, method := range service.GetMethod() {
		things, isList := strings.CutPrefix(method.GetName(), "List")
		if !isList {
			var isStream bool
			if things, isStream = strings.CutPrefix(method.GetName(), "Stream"); !isStream {
				continue
			}
		}
		i := slices.IndexFunc(service.GetMethod(), func(m *descriptorpb.MethodDescriptorProto) bool { return m.GetName() == "List"+things })
		if things == "" || i < 0 || method.GetServerStreaming() == isList || method.GetClientStreaming() {
			return fmt.Errorf("%s is neither a List with one answer nor a Stream beside one", method.GetName())
		}
		at := path + strings.ToLower(things[:1]) + things[1:]
		if !isList {
			at += ":stream"
		}
		wrapped := []string{"list_" + snake(things)}
		if list := service.GetMethod()[i].GetOptions().ProtoReflect(); list.IsValid() && list.Has(c.wraps) {
			wrapped = wrapped[:0]
			for n := range list.Get(c.wraps).List().Len() {
				wrapped = append(wrapped, list.Get(c.wraps).List().Get(n).String())
			}
		}
		c.method(method, access, wrapped, at)
	}
	return nil
}

func (c *completer) method(method *descriptorpb.MethodDescriptorProto, access protoreflect.Value, wrapped []string, path string) {
	if method.Options == nil {
		method.Options = &descriptorpb.MethodOptions{}
	}
	if method.Options.IdempotencyLevel == nil {
		method.Options.IdempotencyLevel = descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()
	}
	options := method.Options.ProtoReflect()
	if !options.Has(c.access) {
		options.Set(c.access, access)
	}
	if !options.Has(c.wraps) {
		ids := options.Mutable(c.wraps).List()
		for _, id := range wrapped {
			ids.Append(protoreflect.ValueOfString(id))
		}
	}
	if !options.Has(c.http) {
		options.Mutable(c.http).Message().Set(c.http.Message().Fields().ByName("get"), protoreflect.ValueOfString(path))
	}
}

// snake writes VatCodes as vat_codes.
func snake(camel string) string {
	var out strings.Builder
	for i, r := range camel {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
