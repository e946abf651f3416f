package encode_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/encode"
	"cegid.internal/gateway/internal/testkit"
)

// messages are all types of the contract, by name.
func messages() (out []protoreflect.MessageType) {
	var add func(protoreflect.MessageDescriptors)
	add = func(in protoreflect.MessageDescriptors) {
		for i := range in.Len() {
			if in.Get(i).IsMapEntry() {
				continue
			}
			kind, err := protoregistry.GlobalTypes.FindMessageByName(in.Get(i).FullName())
			if err != nil {
				panic(err)
			}
			out = append(out, kind)
			add(in.Get(i).Messages())
		}
	}
	protoregistry.GlobalFiles.RangeFilesByPackage("cegid.loop.v1", func(file protoreflect.FileDescriptor) bool {
		add(file.Messages())
		return true
	})
	slices.SortFunc(out, func(a, b protoreflect.MessageType) int {
		return strings.Compare(string(a.Descriptor().FullName()), string(b.Descriptor().FullName()))
	})
	return out
}

// check compares with protojson, but for the blanks that it puts in or leaves out by chance.
func check(t *testing.T, m proto.Message) {
	t.Helper()
	own, ok := m.(encode.Appender)
	if !ok {
		t.Fatalf("%T writes no JSON of its own", m)
	}
	const before = "before"
	got, err := own.AppendJSON([]byte(before))
	text, wrong := protojson.Marshal(m)
	if (err != nil) != (wrong != nil) {
		t.Fatalf("%T: %v; protojson says %v", m, err, wrong)
	}
	if err != nil {
		return
	}
	var want bytes.Buffer
	testkit.OK(t, json.Compact(&want, text))
	if string(got) != before+want.String() {
		t.Errorf("%T:\n%s\nprotojson:\n%s", m, got, want.String())
	}
}

// texts that are written in various ways, the last one in none.
var texts = []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é€𝄞\u2028\ufffd<&>", "a\xffb"}

// fill sets all fields, by a number that chooses among the values.
func fill(m protoreflect.Message, n, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if one := field.ContainingOneof(); one != nil && !one.IsSynthetic() && n%one.Fields().Len() != field.Index()%one.Fields().Len() {
			continue
		}
		value := func(of protoreflect.FieldDescriptor, n int) protoreflect.Value {
			switch of.Kind() {
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(n%2 == 0)
			case protoreflect.EnumKind:
				return protoreflect.ValueOfEnum(protoreflect.EnumNumber([]int32{0, 1, 999, -1}[n%4]))
			case protoreflect.Int32Kind:
				return protoreflect.ValueOfInt32([]int32{0, 7, math.MaxInt32, math.MinInt32}[n%4])
			case protoreflect.Int64Kind:
				return protoreflect.ValueOfInt64([]int64{0, 7, math.MaxInt64, math.MinInt64}[n%4])
			case protoreflect.StringKind:
				return protoreflect.ValueOfString(texts[n%(len(texts)-1)])
			case protoreflect.BytesKind:
				return protoreflect.ValueOfBytes([]byte(texts[n%len(texts)]))
			}
			panic("no value of " + of.Kind().String())
		}
		switch {
		case field.IsMap():
			for j := range n % 4 {
				m.Mutable(field).Map().Set(value(field.MapKey(), j).MapKey(), value(field.MapValue(), j+n))
			}
		case field.IsList():
			for j := range n % 4 {
				if field.Message() == nil {
					m.Mutable(field).List().Append(value(field, n+j))
				} else if element := m.Mutable(field).List().AppendMutable(); depth > 0 {
					fill(element.Message(), n+j, depth-1)
				}
			}
		case field.Message() != nil:
			if inner := m.Mutable(field); depth > 0 {
				fill(inner.Message(), n, depth-1)
			}
		default:
			m.Set(field, value(field, n+i))
		}
	}
}

// TestAllMessagesAreWrittenAsProtojsonDoes: empty, and with all kinds of values in all fields.
func TestAllMessagesAreWrittenAsProtojsonDoes(t *testing.T) {
	all := messages()
	if len(all) < 150 {
		t.Errorf("only %d messages were found", len(all))
	}
	for _, kind := range all {
		check(t, kind.New().Interface())
		check(t, kind.Zero().Interface())
		for n := range 12 {
			m := kind.New()
			if kind.Descriptor().ParentFile().Package() == "cegid.loop.v1" {
				fill(m, n, 3)
			}
			check(t, m.Interface())
		}
	}
}

// notUTF8 are messages with a text that is none.
var notUTF8 = []encode.Appender{
	&looppb.Account{Number: "\xff"}, &looppb.Account{Label: proto.String("a\xc3")}, &looppb.Account{Unmapped: map[string]string{"\xff": ""}},
	&looppb.Account{Unmapped: map[string]string{"a": "\xed\xa0\x80"}},
	&looppb.ListAccountsResponse{Accounts: []*looppb.Account{{}, {ContraAccount: &looppb.Reference{ObjectId: "\xff"}}}},
	&looppb.Import{DocumentReferences: []string{"a", "\xff"}},
}

// TestWhatIsNotUTF8IsRefused wherever it is, as protojson refuses it.
func TestWhatIsNotUTF8IsRefused(t *testing.T) {
	for _, m := range notUTF8 {
		if _, err := m.AppendJSON(nil); err == nil {
			t.Errorf("%q was written", m)
		}
		check(t, m)
	}
}

// TestOtherMessages are those of other contracts, which have no encoder of their own.
func TestOtherMessages(t *testing.T) {
	packed, err := anypb.New(&looppb.Reference{ObjectId: "é"})
	testkit.OK(t, err)
	for want, m := range map[string]proto.Message{
		`"2026-11-29T00:00:00.500Z"`: &timestamppb.Timestamp{Seconds: 1795910400, Nanos: 500_000_000},
		`{"@type":"type.googleapis.com/cegid.loop.v1.Reference","objectId":"é"}`: packed,
	} {
		if got, err := encode.Message(nil, m); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	check(t, &looppb.Import{CreateTime: &timestamppb.Timestamp{Seconds: math.MaxInt64}}) // out of range: no JSON
}

// FuzzMessages: whatever a message holds, it is written as protojson does.
func FuzzMessages(f *testing.F) {
	all := messages()
	for i, kind := range all {
		m := kind.New()
		fill(m, i, 2)
		wire, err := proto.Marshal(m.Interface())
		testkit.OK(f, err)
		f.Add(uint16(i), wire)
	}
	f.Fuzz(func(t *testing.T, which uint16, wire []byte) {
		m := all[int(which)%len(all)].New().Interface()
		if proto.Unmarshal(wire, m) == nil {
			check(t, m)
		}
	})
}

// thousand is an answer as large as one may be.
func thousand() *looppb.ListAccountsResponse {
	answer := &looppb.ListAccountsResponse{}
	for range 1000 {
		answer.Accounts = append(answer.Accounts, &looppb.Account{
			Number: "60630000", Label: proto.String("Fournitures d'entretien et petit équipement"), TypeCode: proto.String("6"), Collective: proto.Bool(false),
			Letterable: proto.Bool(true), Closed: proto.Bool(false), ContraAccount: &looppb.Reference{}, ObjectId: "5b0f4a52-0d0e-4f0b-9a51-2f6c1f7c9e01", Revision: "0x0000000000012AB4",
		})
	}
	return answer
}

// TestWritingAllocatesNothing but the memory that the text is in.
func TestWritingAllocatesNothing(t *testing.T) {
	answer := thousand()
	text, err := answer.AppendJSON(nil)
	testkit.OK(t, err)
	if n := testing.AllocsPerRun(10, func() { text, _ = answer.AppendJSON(text[:0]) }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkThousandAccounts(b *testing.B) {
	answer := thousand()
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if text, err = answer.AppendJSON(text[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(text)))
}
