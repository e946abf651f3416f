package strictjson

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Supported tells whether values of a field can be read. Others have no place in a request until they can.
func Supported(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() {
		return field.MapKey().Kind() == protoreflect.StringKind && Supported(field.MapValue()) && !IsObject(field.MapValue())
	}
	switch field.Kind() {
	case protoreflect.StringKind, protoreflect.BoolKind, protoreflect.Int32Kind, protoreflect.EnumKind:
		return true
	case protoreflect.MessageKind:
		return isText(field.Message()) || !strings.HasPrefix(string(field.Message().FullName()), "google.protobuf.")
	}
	return false
}
