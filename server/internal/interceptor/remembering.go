package interceptor

import (
	"strings"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mostNames bounds the names that are remembered, of 64 characters each.
const mostNames = 4096

// remembering is a validator that looks at the name of a practice and the code of a dossier once. They are few, each request has
// them, and their rules take longer than all others of a small request together.
type remembering struct {
	protovalidate.Validator
	options []protovalidate.ValidationOption

	mu     sync.RWMutex
	passed map[name]struct{}
}

// name is a text in a field. Another field may have other rules.
type name struct {
	field protoreflect.FieldDescriptor
	text  string
}

// Remembering returns a validator that says what the given one does, whose verdict on a field must depend on its value alone.
func Remembering(validator protovalidate.Validator) protovalidate.Validator {
	r := &remembering{Validator: validator, passed: map[name]struct{}{}}
	r.options = []protovalidate.ValidationOption{protovalidate.WithFilter(r)}
	return r
}

// Validate implements protovalidate.Validator.
func (r *remembering) Validate(message proto.Message, options ...protovalidate.ValidationOption) error {
	err := r.Validator.Validate(message, append(r.options[:1:1], options...)...)
	if err == nil {
		of := message.ProtoReflect()
		for _, field := range []protoreflect.Name{"practice", "dossier"} {
			if field := of.Descriptor().Fields().ByName(field); field != nil && namesOne(field) && r.ShouldValidate(of, field) {
				r.remember(name{field, strings.Clone(of.Get(field).String())})
			}
		}
	}
	return err
}

// ShouldValidate implements protovalidate.Filter.
func (r *remembering) ShouldValidate(message protoreflect.Message, part protoreflect.Descriptor) bool {
	field, is := part.(protoreflect.FieldDescriptor)
	if !is || !namesOne(field) {
		return true
	}
	text := message.Get(field).String()
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, passed := r.passed[name{field, text}]
	return !passed
}

func namesOne(field protoreflect.FieldDescriptor) bool {
	named := field.Name() == "practice" || field.Name() == "dossier"
	return named && field.Kind() == protoreflect.StringKind && !field.IsList() && !field.HasPresence()
}

func (r *remembering) remember(of name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.passed) >= mostNames {
		clear(r.passed)
	}
	r.passed[of] = struct{}{}
}
