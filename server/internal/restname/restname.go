// Package restname is the one rule by which callers of REST read the names of the contract: as JSON writes them,
// thirdParty, where the contract and gRPC say third_party.
package restname

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// UploadPrefix is the field of an upload that REST has no word for: what it holds are parameters of the query.
const UploadPrefix = "metadata."

// Names are those that JSON writes otherwise.
type Names struct {
	ofJSON map[string]string
	// spoken are the messages that may hold a sentence of this service's.
	spoken map[protoreflect.FullName]bool
}

// sentences are the fields of answers in which this service speaks of what a caller wrote, by their messages. What Loop said
// is in others.
var sentences = map[protoreflect.Name][]protoreflect.Name{
	"Finding":                 {"field", "message", "message_fr"},
	"ImportError":             {"message"},
	"WriteError":              {"message"},
	"ImportEvidence":          {"message"},
	"CheckConnectionResponse": {"summary", "cures"},
	"ConnectionEvidence":      {"detail"},
}

// OfContract returns the names of the contract.
func OfContract() Names {
	out := Names{ofJSON: map[string]string{}, spoken: map[protoreflect.FullName]bool{}}
	protoregistry.GlobalFiles.RangeFilesByPackage(looppb.File_cegid_loop_v1_error_reason_proto.Package(),
		func(file protoreflect.FileDescriptor) bool {
			for i := range file.Messages().Len() {
				out.add(file.Messages().Get(i))
			}
			return true
		})
	return out
}

// add notes the names of a message and of those in it, and tells whether it may hold a sentence.
func (n Names) add(message protoreflect.MessageDescriptor) bool {
	if holds, known := n.spoken[message.FullName()]; known {
		return holds
	}
	n.spoken[message.FullName()] = len(sentences[message.Name()]) > 0
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if string(field.Name()) != field.JSONName() {
			n.ofJSON[string(field.Name())] = field.JSONName()
		}
		if field.Message() != nil && !field.IsMap() && n.add(field.Message()) {
			n.spoken[message.FullName()] = true
		}
	}
	return n.spoken[message.FullName()]
}

// word is a name that may be the contract's, or a quotation, which stays as its author wrote it.
var word = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|«[^»]*»|[a-z][a-z0-9]*(?:_[a-z0-9]+)+`)

// In rewrites the names in a path or a sentence.
func (n Names) In(text string) string {
	if !strings.Contains(text, "_") {
		return text
	}
	return word.ReplaceAllStringFunc(text, func(name string) string {
		if known, ok := n.ofJSON[name]; ok {
			return known
		}
		return name
	})
}

// Error rewrites the names in an error: its message, its violations, its help and its sentence in French. What Loop said stays
// as it is; where Loop has answered, which its HTTP status tells, that sentence may be Loop's.
func (n Names) Error(err error) error {
	said := status.Convert(err)
	out := said.Proto()
	out.Message = n.In(out.GetMessage())
	answered := slices.ContainsFunc(said.Details(), func(detail any) bool {
		info, is := detail.(*errdetails.ErrorInfo)
		return is && info.GetMetadata()["httpStatus"] != ""
	})
	for _, packed := range out.GetDetails() {
		var changed proto.Message
		switch detail, _ := packed.UnmarshalNew(); d := detail.(type) {
		case *errdetails.BadRequest:
			for _, violation := range d.GetFieldViolations() {
				violation.Field = n.In(violation.GetField())
				violation.Description = n.In(violation.GetDescription())
				if local := violation.GetLocalizedMessage(); local != nil {
					local.Message = n.In(local.GetMessage())
				}
			}
			changed = d
		case *errdetails.Help:
			for _, link := range d.GetLinks() {
				link.Description = n.In(link.GetDescription())
			}
			changed = d
		case *errdetails.LocalizedMessage:
			if answered {
				continue
			}
			d.Message = n.In(d.GetMessage())
			changed = d
		default:
			continue
		}
		if failed := packed.MarshalFrom(changed); failed != nil {
			return err
		}
	}
	return status.FromProto(out).Err()
}

// OfUpload takes what REST has no word for out of the error of an upload.
func OfUpload(err error) error {
	out := status.Convert(err).Proto()
	for _, packed := range out.GetDetails() {
		bad := &errdetails.BadRequest{}
		if packed.UnmarshalTo(bad) != nil {
			continue
		}
		for _, violation := range bad.GetFieldViolations() {
			violation.Field = strings.TrimPrefix(violation.GetField(), UploadPrefix)
		}
		if failed := packed.MarshalFrom(bad); failed != nil {
			return err
		}
	}
	out.Message = strings.TrimPrefix(out.GetMessage(), UploadPrefix)
	return status.FromProto(out).Err()
}

// Answer rewrites the names in the sentences of an answer. It returns the answer itself where that changes nothing.
func (n Names) Answer(answer proto.Message) proto.Message {
	if !n.rewrite(answer.ProtoReflect(), false) {
		return answer
	}
	answer = proto.Clone(answer)
	n.rewrite(answer.ProtoReflect(), true)
	return answer
}

// rewrite tells whether names of a message are to be rewritten, and rewrites them if it may.
func (n Names) rewrite(in protoreflect.Message, may bool) (differs bool) {
	if !n.spoken[in.Descriptor().FullName()] {
		return false
	}
	speaks := sentences[in.Descriptor().Name()]
	in.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		sentence := slices.Contains(speaks, field.Name())
		switch {
		case field.IsMap() || !sentence && field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				item := value.List().Get(i)
				if !sentence {
					differs = n.rewrite(item.Message(), may) || differs
				} else if text := n.In(item.String()); text != item.String() {
					if differs = true; may {
						value.List().Set(i, protoreflect.ValueOfString(text))
					}
				}
			}
		case !sentence:
			differs = n.rewrite(value.Message(), may) || differs
		default:
			if text := n.In(value.String()); text != value.String() {
				if differs = true; may {
					in.Set(field, protoreflect.ValueOfString(text))
				}
			}
		}
		return may || !differs
	})
	return differs
}
