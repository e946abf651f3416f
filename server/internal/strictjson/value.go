package strictjson

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cegid.internal/gateway/cegidclient/check"
)

const (
	timestampName = "google.protobuf.Timestamp"
	fieldMaskName = "google.protobuf.FieldMask"
	durationName  = "google.protobuf.Duration"
)

// isText tells whether a message is written as a text.
func isText(message protoreflect.MessageDescriptor) bool {
	return message.FullName() == timestampName || message.FullName() == fieldMaskName || message.FullName() == durationName
}

// ofToken reads a value, or says what is wrong with it.
func ofToken(field protoreflect.FieldDescriptor, kind jsontext.Kind, token jsontext.Token) (value protoreflect.Value, wrong string) {
	switch want := kindOf(field); {
	case kind == want || want == jsontext.KindTrue && kind == jsontext.KindFalse:
		if kind != jsontext.KindString && kind != jsontext.KindNumber {
			return protoreflect.ValueOfBool(token.Bool()), ""
		}
		return ofText(field, token.String())
	case kind == jsontext.KindNumber && field.Kind() == protoreflect.StringKind:
		return value, fmt.Sprintf("is a number: write amounts, codes and dates as text, %q", clip(token.String()))
	}
	return value, "is " + nameOf(kind) + ": " + wanted(field)
}

// kindOf is how values of a field are written; KindTrue means both.
func kindOf(field protoreflect.FieldDescriptor) jsontext.Kind {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return jsontext.KindTrue
	case protoreflect.Int32Kind:
		return jsontext.KindNumber
	}
	return jsontext.KindString
}

// wanted says how values of a field are written.
func wanted(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Kind() == protoreflect.BoolKind:
		return "write true or false, without quotation marks"
	case field.Kind() == protoreflect.Int32Kind:
		return "write a whole number, without quotation marks"
	case field.Kind() == protoreflect.EnumKind:
		return "write the name of one of its values: " + valuesOf(field.Enum())
	case field.Message() != nil && field.Message().FullName() == timestampName:
		return writeTime
	case field.Message() != nil && field.Message().FullName() == durationName:
		return writeDuration
	case field.Message() != nil:
		return "write the names of fields in one text, separated by commas"
	}
	return "write a text, in quotation marks"
}

const writeTime = "write it as RFC 3339 does, 2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00"

// ofText reads a value as it is written inside of quotation marks, in a body, or by itself, in a query.
func ofText(field protoreflect.FieldDescriptor, text string) (value protoreflect.Value, wrong string) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), ""
	case protoreflect.BoolKind:
		if text != "true" && text != "false" {
			return value, "is neither true nor false: write one of them"
		}
		return protoreflect.ValueOfBool(text == "true"), ""
	case protoreflect.Int32Kind:
		return wholeNumber(text)
	case protoreflect.EnumKind:
		if found := field.Enum().Values().ByName(protoreflect.Name(text)); found != nil {
			return protoreflect.ValueOfEnum(found.Number()), ""
		}
		return value, "has no value " + strconv.Quote(clip(text)) + ": " + meant(field.Enum(), text)
	}
	var message proto.Message
	switch field.Message().FullName() {
	case timestampName:
		message, wrong = instant(text)
	case durationName:
		message, wrong = duration(text)
	default:
		message, wrong = mask(text)
	}
	if wrong != "" {
		return value, wrong
	}
	return protoreflect.ValueOfMessage(message.ProtoReflect()), ""
}

func wholeNumber(text string) (value protoreflect.Value, wrong string) {
	number, err := strconv.ParseInt(text, 10, 32)
	switch {
	case err == nil && (strconv.FormatInt(number, 10) == text || text == "-0"):
		return protoreflect.ValueOfInt32(int32(number)), ""
	case strings.Trim(text, "0123456789-") == "" && text != "":
		return value, fmt.Sprintf("is out of range, or has zeros before it: write a whole number from %d to %d", math.MinInt32, math.MaxInt32)
	}
	return value, "is no whole number: write it in digits alone"
}

func instant(text string) (_ *timestamppb.Timestamp, wrong string) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		if _, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "+", 1)); err == nil {
			return nil, "has a blank where its offset begins: in a query, write + as %2B"
		}
		return nil, "is no instant: " + writeTime
	}
	out := timestamppb.New(t)
	if out.CheckValid() != nil {
		return nil, "is out of range: the years are 0001 to 9999"
	}
	if _, fraction, found := strings.Cut(text, "."); found && strings.IndexAny(fraction, "Z+-") > len("999999999") {
		return nil, "is finer than nanoseconds: write nine digits of a second at most"
	}
	return out, ""
}

const writeDuration = "write seconds and the letter s, such as 30s"

func duration(text string) (_ *durationpb.Duration, wrong string) {
	out := &durationpb.Duration{}
	if err := protojson.Unmarshal([]byte(strconv.Quote(text)), out); err != nil {
		return nil, "is no duration: " + writeDuration
	}
	return out, ""
}

// mask reads the paths of a field mask, which JSON names as it names fields.
func mask(text string) (_ *fieldmaskpb.FieldMask, wrong string) {
	out := &fieldmaskpb.FieldMask{}
	text = strings.TrimSpace(text)
	if text == "" {
		return out, ""
	}
	for path := range strings.SplitSeq(text, ",") {
		name := protoName(path)
		if strings.Contains(path, "_") {
			return nil, fmt.Sprintf(`names %q: in JSON, a mask names fields as JSON does, "legalForm" and not "legal_form"`, clip(path))
		}
		if !protoreflect.FullName(name).IsValid() {
			return nil, fmt.Sprintf("names %q, which is no field: name fields one by one, separated by commas without blanks", clip(path))
		}
		out.Paths = append(out.Paths, name)
	}
	return out, ""
}

// protoName is the name of a field whose name in JSON is this.
func protoName(name string) string {
	var out strings.Builder
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			out.WriteByte('_')
			out.WriteByte(c + 'a' - 'A')
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// Parameter says what is wrong with the value of a query parameter; nothing when all is right.
func Parameter(field protoreflect.FieldDescriptor, text string) (wrong string) {
	if !utf8.ValidString(text) {
		return "is not UTF-8, percent-encoded"
	}
	if field.IsMap() {
		field = field.MapValue()
	}
	if text == "" && field.Kind() != protoreflect.StringKind {
		return "is empty: give it a value, or leave it out"
	}
	_, wrong = ofText(field, text)
	if wrong != "" && field.IsList() && strings.Contains(text, ",") {
		wrong = "is several values in one: give the parameter once for each"
	}
	return wrong
}

// Unknown says of the name of what is no field, nor a parameter, which there are: the nearest, else all but some.
func Unknown(what string, of protoreflect.MessageDescriptor, but []string, name string) string {
	var names []string
	for i := range of.Fields().Len() {
		if field := of.Fields().Get(i); !slices.Contains(but, string(field.Name())) {
			names = append(names, field.JSONName())
		}
	}
	if len(names) == 0 {
		return "is no " + what + ", which takes none"
	}
	if near := check.Nearest(strings.ReplaceAll(name, "_", ""), names); len(near) > 0 {
		return "is no " + what + ": do you mean " + strings.Join(near, " or ") + "?"
	}
	return "is no " + what + ": use " + listed(names)
}

// meant says which values an enum has: the nearest, else those that there are.
func meant(enum protoreflect.EnumDescriptor, text string) string {
	prefix := strings.TrimSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
	var short []string
	for i := range enum.Values().Len() {
		if value := enum.Values().Get(i); value.Number() != 0 {
			short = append(short, strings.TrimPrefix(string(value.Name()), prefix))
		}
	}
	wanted := strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(text, "-", "_")), prefix)
	near := check.Nearest(wanted, short)
	if len(near) == 0 {
		return "use " + valuesOf(enum)
	}
	for i := range near {
		near[i] = prefix + near[i]
	}
	return "do you mean " + strings.Join(near, " or ") + "?"
}

// valuesOf are the values of an enum that say something.
func valuesOf(enum protoreflect.EnumDescriptor) string {
	var names []string
	for i := range enum.Values().Len() {
		if value := enum.Values().Get(i); value.Number() != 0 {
			names = append(names, string(value.Name()))
		}
	}
	return listed(names)
}

// OneOf are the fields of which one is to be given.
func OneOf(choice protoreflect.OneofDescriptor) string {
	var names []string
	for i := range choice.Fields().Len() {
		names = append(names, choice.Fields().Get(i).JSONName())
	}
	return listed(names)
}

// listed joins names, as many as a sentence takes.
func listed(names []string) string {
	const most = 200
	out := ""
	for i, name := range names {
		if i > 0 && len(out)+len(name) > most {
			return fmt.Sprintf("%s and %d more", out, len(names)-i)
		}
		if i > 0 {
			out += ", "
		}
		out += name
	}
	return out
}

// nameOf says what a value is.
func nameOf(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue:
		return "true"
	case jsontext.KindFalse:
		return "false"
	case jsontext.KindString:
		return "a text"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "a list"
	}
	return "no JSON"
}

// clip shortens what a caller wrote, and takes what cannot be shown out of it.
func clip(text string) string {
	const most = 60
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
