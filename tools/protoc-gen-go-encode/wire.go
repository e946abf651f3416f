package main

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wire gives a message the methods of encode.Wirer. Its fields have the order of their numbers, those of a oneof after all others, as
// proto.Marshal has them.
func (g generator) wire(message *protogen.Message) error {
	oneof := func(field *protogen.Field) int {
		if field.Oneof == nil || field.Oneof.Desc.IsSynthetic() {
			return -1
		}
		return field.Oneof.Desc.Index()
	}
	fields := slices.SortedFunc(slices.Values(message.Fields), func(a, b *protogen.Field) int {
		return cmp.Or(cmp.Compare(oneof(a), oneof(b)), cmp.Compare(a.Desc.Number(), b.Desc.Number()))
	})
	g.P()
	g.P("// WireSize is how many bytes the message takes as protobuf.")
	g.P("func (x *", message.GoIdent, ") WireSize() (n int) {")
	g.P("if x == nil { return 0 }")
	for _, field := range fields {
		if err := g.sizeField(field); err != nil {
			return err
		}
	}
	g.P("return n + len(x.unknownFields)")
	g.P("}")
	g.P()
	g.P("// PutWire writes the message as proto.Marshal does, so that it ends at end, and returns where it begins. The error says that a")
	g.P("// text is not UTF-8.")
	g.P("func (x *", message.GoIdent, ") PutWire(to []byte, end int) (_ int, err error) {")
	g.P("if x == nil { return end, nil }")
	g.P("end -= len(x.unknownFields)")
	g.P("copy(to[end:], x.unknownFields)")
	for _, field := range slices.Backward(fields) {
		g.putField(field)
	}
	g.P("return end, nil")
	g.P("}")
	return nil
}

// packed says whether the values of a list lie behind one another, with one tag.
func packed(field *protogen.Field) bool { return field.Desc.IsList() && field.Desc.IsPacked() }

func (g generator) sizeField(field *protogen.Field) error {
	tag, list := protowire.SizeTag(field.Desc.Number()), "x."+field.GoName
	if field.Desc.IsMap() {
		g.P("n += ", g.of("SizeTexts"), "(", tag, ", ", list, ")")
		return nil
	}
	value := "each"
	switch {
	case packed(field):
		g.P("if len(", list, ") > 0 {")
		g.P("size := 0")
		g.P("for _, each := range ", list, " {")
	case field.Desc.IsList():
		g.P("for _, each := range ", list, " {")
	default:
		value = g.ifSet(field)
	}
	size, err := g.sizeOf(field, value)
	if err != nil {
		return err
	}
	if packed(field) {
		g.P("size += ", size)
		g.P("}")
		size = g.of("SizeLength") + "(size)"
	}
	g.P("n += ", tag, " + ", size)
	g.P("}")
	return nil
}

// sizeOf is the expression of how many bytes one value takes.
func (g generator) sizeOf(field *protogen.Field, value string) (string, error) {
	switch field.Desc.Kind() {
	case protoreflect.BoolKind:
		return g.of("SizeBool") + "(" + value + ")", nil
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.EnumKind:
		return g.of("SizeVarint") + "(uint64(" + value + "))", nil
	case protoreflect.StringKind:
		return g.of("SizeText") + "(" + value + ")", nil
	case protoreflect.BytesKind:
		return g.of("SizeLength") + "(len(" + value + "))", nil
	case protoreflect.MessageKind:
		if g.ours(field) {
			return g.of("SizeLength") + "(" + value + ".WireSize())", nil
		}
		return g.of("SizeMessage") + "(" + value + ")", nil
	default:
		return "", fmt.Errorf("%s: no field of this contract was a %s so far: say how it is encoded", field.Desc.FullName(), field.Desc.Kind())
	}
}

// ours says whether a field is a message of the same package.
func (g generator) ours(field *protogen.Field) bool {
	return field.Message.GoIdent.GoImportPath == field.Parent.GoIdent.GoImportPath
}

func (g generator) putField(field *protogen.Field) {
	list := "x." + field.GoName
	tag := protowire.EncodeTag(field.Desc.Number(), wireType(field))
	putTag := func() { g.P("end = ", g.of("PutVarint"), "(to, end, ", tag, ")") }
	if field.Desc.IsMap() {
		g.P("if end, err = ", g.of("PutTexts"), "(to, end, ", tag, ", ", list, "); err != nil { return end, err }")
		return
	}
	value := list + "[i]"
	switch {
	case packed(field):
		g.P("if len(", list, ") > 0 {")
		g.P("after := end")
		g.P("for i := len(", list, ") - 1; i >= 0; i-- {")
	case field.Desc.IsList():
		g.P("for i := len(", list, ") - 1; i >= 0; i-- {")
	default:
		value = g.ifSet(field)
	}
	g.putValue(field, value)
	if packed(field) {
		g.P("}")
		g.P("end = ", g.of("PutVarint"), "(to, end, uint64(after-end))")
	}
	putTag()
	g.P("}")
}

func (g generator) putValue(field *protogen.Field, value string) {
	orElse := "; err != nil { return end, err }"
	switch field.Desc.Kind() {
	case protoreflect.BoolKind:
		g.P("end = ", g.of("PutBool"), "(to, end, ", value, ")")
	case protoreflect.StringKind:
		g.P("if end, err = ", g.of("PutText"), "(to, end, ", value, ")", orElse)
	case protoreflect.BytesKind:
		g.P("end = ", g.of("PutBytes"), "(to, end, ", value, ")")
	case protoreflect.MessageKind:
		if !g.ours(field) {
			g.P("if end, err = ", g.of("PutMessage"), "(to, end, ", value, ")", orElse)
			return
		}
		g.P("after := end")
		g.P("if end, err = ", value, ".PutWire(to, end)", orElse)
		g.P("end = ", g.of("PutVarint"), "(to, end, uint64(after-end))")
	default: // a number: sizeOf has refused all else
		g.P("end = ", g.of("PutVarint"), "(to, end, uint64(", value, "))")
	}
}

// wireType is how a field is encoded (https://protobuf.dev/programming-guides/encoding/#structure).
func wireType(field *protogen.Field) protowire.Type {
	switch field.Desc.Kind() {
	case protoreflect.BoolKind, protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.EnumKind:
		if !packed(field) {
			return protowire.VarintType
		}
	}
	return protowire.BytesType
}
