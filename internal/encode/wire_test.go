package encode_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/internal/encode"
	"cegid.internal/gateway/internal/testkit"
)

// checkWire compares with proto.Marshal, byte for byte but for the order of maps, which both leave to chance.
func checkWire(t *testing.T, m proto.Message) {
	t.Helper()
	own, ok := m.(encode.Wirer)
	if !ok {
		t.Fatalf("%T does not encode itself", m)
	}
	size := own.WireSize()
	if want := proto.Size(m); size != want {
		t.Fatalf("%T takes %d bytes; proto.Size says %d", m, size, want)
	}
	const before = "before"
	got := append([]byte(before), make([]byte, size)...)
	begin, err := own.PutWire(got, len(got))
	want, wrong := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if (err != nil) != (wrong != nil) {
		t.Fatalf("%T: %v; proto.Marshal says %v", m, err, wrong)
	}
	if err != nil {
		return
	}
	if begin != len(before) || string(got[:begin]) != before {
		t.Fatalf("%T begins at %d of %q", m, begin, got)
	}
	if got = got[begin:]; bytes.Equal(got, want) {
		return
	}
	again := m.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(got, again); err != nil || !proto.Equal(m, again) || !hasMap(m.ProtoReflect()) {
		t.Errorf("%T:\n%x\nproto.Marshal:\n%x", m, got, want)
	}
}

// hasMap says whether a map with more than one member is in it.
func hasMap(m protoreflect.Message) (found bool) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			found = found || value.Map().Len() > 1
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				found = found || hasMap(value.List().Get(i).Message())
			}
		default:
			found = found || hasMap(value.Message())
		}
		return !found
	})
	return found
}

// TestAllMessagesAreEncodedAsProtoMarshalDoes: empty, and with all kinds of values in all fields.
func TestAllMessagesAreEncodedAsProtoMarshalDoes(t *testing.T) {
	for _, kind := range messages() {
		checkWire(t, kind.New().Interface())
		checkWire(t, kind.Zero().Interface())
		for n := range 12 {
			m := kind.New()
			fill(m, n, 3)
			checkWire(t, m.Interface())
		}
	}
}

// TestNoTextButUTF8IsEncoded wherever it is, as proto.Marshal refuses it.
func TestNoTextButUTF8IsEncoded(t *testing.T) {
	for _, m := range notUTF8 {
		own := m.(encode.Wirer)
		if err := encode.Marshal(own, make([]byte, own.WireSize())); err == nil {
			t.Errorf("%q was encoded", m)
		}
		checkWire(t, m)
	}
}

// FuzzWire: whatever a message holds, fields that are unknown too, it is encoded as proto.Marshal does.
func FuzzWire(f *testing.F) {
	all := messages()
	for i, kind := range all {
		m := kind.New()
		fill(m, i, 2)
		wire, err := proto.Marshal(m.Interface())
		testkit.OK(f, err)
		f.Add(uint16(i), wire)
		f.Add(uint16(i), append(wire, 0xf8, 0xff, 0x01, 0x07)) // field 4095
	}
	f.Fuzz(func(t *testing.T, which uint16, wire []byte) {
		m := all[int(which)%len(all)].New().Interface()
		if proto.Unmarshal(wire, m) == nil {
			checkWire(t, m)
		}
	})
}

// TestEncodingAllocatesNothing but the memory that the message goes to.
func TestEncodingAllocatesNothing(t *testing.T) {
	answer := thousand()
	into := make([]byte, answer.WireSize())
	if n := testing.AllocsPerRun(10, func() { testkit.OK(t, encode.Marshal(answer, into)) }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	answer := thousand()
	into := make([]byte, answer.WireSize())
	for name, marshal := range map[string]func() error{
		"proto.Marshal": func() (err error) { into, err = proto.MarshalOptions{}.MarshalAppend(into[:0], answer); return err },
		"own":           func() error { return encode.Marshal(answer, into[:answer.WireSize()]) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(into)))
			for b.Loop() {
				testkit.OK(b, marshal())
			}
		})
	}
}
