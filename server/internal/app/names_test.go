package app

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"cegid.internal/gateway/server/internal/contract"
)

// reserved are the words that cannot be a name, by language. What is reserved in some contexts only counts.
var reserved = map[string]string{
	"Python": `False None True and as assert async await break class continue def del elif else except finally for from global if import in is
		lambda nonlocal not or pass raise return try while with yield`,
	"TypeScript": `break case catch class const continue debugger default delete do else enum export extends false finally for function if import
		in instanceof new null return super switch this throw true try typeof var void while with as implements interface let package private
		protected public static yield await`,
	"Java": `abstract assert boolean break byte case catch char class const continue default do double else enum extends final finally float for
		goto if implements import instanceof int interface long native new package private protected public return short static strictfp super
		switch synchronized this throw throws transient try void volatile while true false null _`,
	"Kotlin": `as break class continue do else false for fun if in interface is null object package return super this throw true try typealias
		typeof val var when while`,
	"C#": `abstract as base bool break byte case catch char checked class const continue decimal default delegate do double else enum event
		explicit extern false finally fixed float for foreach goto if implicit in int interface internal is lock long namespace new null object
		operator out override params private protected public readonly ref return sbyte sealed short sizeof stackalloc static string struct
		switch this throw true try typeof uint ulong unchecked unsafe ushort using virtual void volatile while`,
	"Rust": `as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return
		self Self static struct super trait true type unsafe use where while abstract become box do final macro override priv try typeof
		unsized virtual yield gen`,
	"Swift": `associatedtype class deinit enum extension fileprivate func import init inout internal let open operator private protocol public
		rethrows static struct subscript typealias var break case continue default defer do else fallthrough for guard if in repeat return
		switch where while as Any catch false is nil super self Self throw throws true try`,
	"PHP": `abstract and array as break callable case catch class clone const continue declare default do echo else elseif empty enddeclare
		endfor endforeach endif endswitch endwhile eval exit extends final finally fn for foreach function global goto if implements include
		instanceof insteadof interface isset list match namespace new or print private protected public readonly require return static switch
		throw trait try unset use var while xor yield`,
	"Ruby": `BEGIN END alias and begin break case class def defined? do else elsif end ensure false for if in module next nil not or redo rescue
		retry return self super then true undef unless until when while yield`,
	"Go": `break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select
		struct switch type var`,
}

// spelt are the names that are reserved somewhere all the same, and how the generators there write them.
var spelt = map[string]map[string]string{
	"internal": {"Swift": "`internal` in backticks (swift-protobuf, by its documentation: not run here)"},
	"type":     {"Rust": "r#type (prost)", "Go": "Type (protoc-gen-go)"},
	"loop":     {"Rust": "r#loop, in the path of the package (tonic: include_proto!(\"cegid.r#loop.v1\"))"},
}

// TestNamesCanBeWritten in the languages of callers: a field called import is a syntax error in Python.
func TestNamesCanBeWritten(t *testing.T) {
	used := map[string]bool{}
	// look holds spellings against the words of a language, or of all.
	look := func(where protoreflect.FullName, only string, spellings ...string) {
		for language, words := range reserved {
			if only != "" && language != only {
				continue
			}
			for _, name := range spellings {
				if slices.Contains(strings.Fields(words), name) {
					if spelt[name][language] == "" {
						t.Errorf("%s: %q is reserved in %s", where, name, language)
					}
					used[name+language] = true
				}
			}
		}
	}
	var messages func(protoreflect.MessageDescriptors)
	enums := func(all protoreflect.EnumDescriptors) {
		for i := range all.Len() {
			values := all.Get(i).Values()
			prefix := snake(string(all.Get(i).Name()))
			for j := range values.Len() {
				name := string(values.Get(j).Name())
				short := camel(strings.ToLower(strings.TrimPrefix(name, strings.ToUpper(prefix)+"_")))
				look(values.Get(j).FullName(), "", name)
				for _, language := range []string{"Rust", "C#"} { // which drop the prefix
					look(values.Get(j).FullName(), language, title(short))
				}
				look(values.Get(j).FullName(), "Swift", short)
			}
		}
	}
	messages = func(all protoreflect.MessageDescriptors) {
		for i := range all.Len() {
			message := all.Get(i)
			for j := range message.Fields().Len() {
				field := message.Fields().Get(j)
				look(field.FullName(), "", string(field.Name()), field.JSONName())
			}
			for j := range message.Oneofs().Len() {
				look(message.Oneofs().Get(j).FullName(), "", string(message.Oneofs().Get(j).Name()))
			}
			enums(message.Enums())
			messages(message.Messages())
		}
	}
	protoregistry.GlobalFiles.RangeFilesByPackage(contract.Package, func(file protoreflect.FileDescriptor) bool {
		for part := range strings.SplitSeq(string(file.Package()), ".") {
			look(protoreflect.FullName(file.Path()), "", part)
		}
		messages(file.Messages())
		enums(file.Enums())
		return true
	})
	for method := range contract.Methods() {
		name := string(method.Name())
		look(method.FullName(), "", name, strings.ToLower(name[:1])+name[1:], snake(name))
	}
	for name, languages := range spelt {
		for language := range languages {
			if !used[name+language] {
				t.Errorf("%s is not used any more, or not reserved in %s", name, language)
			}
		}
	}
}

func snake(name string) string {
	var out strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}

func camel(name string) string {
	var out strings.Builder
	for i, part := range strings.Split(name, "_") {
		if i > 0 {
			part = title(part)
		}
		out.WriteString(part)
	}
	return out.String()
}

func title(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

// TestWhatIsReadAsItsOppositeIsSaid: protobuf's JSON leaves out false and 0, which callers then read as nothing known. Each such
// field of an answer has presence, or is here with what its absence means.
func TestWhatIsReadAsItsOppositeIsSaid(t *testing.T) {
	absent := map[string]string{
		"http_status": "no answer of Loop's",
		"line":        "the whole file", "column": "the whole line",
	}
	seen := map[protoreflect.FullName]bool{}
	requests := map[protoreflect.FullName]bool{}
	gather := func(into map[protoreflect.FullName]bool, visit func(protoreflect.FieldDescriptor)) func(protoreflect.MessageDescriptor) {
		var walk func(protoreflect.MessageDescriptor)
		walk = func(message protoreflect.MessageDescriptor) {
			if into[message.FullName()] || message.ParentFile().Package() != contract.Package {
				return
			}
			into[message.FullName()] = true
			for i := range message.Fields().Len() {
				field := message.Fields().Get(i)
				visit(field)
				if inner := field.Message(); inner != nil {
					walk(inner)
				}
			}
		}
		return walk
	}
	ask := gather(requests, func(protoreflect.FieldDescriptor) {})
	for method := range contract.Methods() {
		ask(method.Input())
	}
	answer := gather(seen, func(field protoreflect.FieldDescriptor) {
		kind := field.Kind()
		if kind != protoreflect.BoolKind && kind != protoreflect.Int32Kind || field.IsList() || requests[field.ContainingMessage().FullName()] {
			return
		}
		if !field.HasPresence() && absent[string(field.Name())] == "" {
			t.Errorf("%s is left out when it is false or 0: make it optional and set it always, or say what its absence means", field.FullName())
		}
	})
	for method := range contract.Methods() {
		answer(method.Output())
	}
	if len(seen) < 20 {
		t.Errorf("%d messages looked at", len(seen))
	}
}
