package strictjson_test

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/interceptor"
	"cegid.internal/gateway/server/internal/strictjson"
)

func wide() strictjson.Bounds {
	return strictjson.Bounds{Values: 1 << 20, Objects: 1 << 20, Parts: 1 << 30, PartsOf: interceptor.PartsOf, ManyObjects: 1 << 20, Turn: &sync.Mutex{}}
}

// TestWhatIsWrongAndWhatIsRight: each problem has its place, by the names of JSON, and says what to write instead.
func TestWhatIsWrongAndWhatIsRight(t *testing.T) {
	for _, c := range []struct {
		name string
		into proto.Message
		body string
		want []string // as Problems says them; a part is enough
	}{
		{
			"a number for an amount", &looppb.ImportEntriesRequest{}, `{"entries": [{"lines": [{"debit": 1.50}]}]}`,
			[]string{`entries[0].lines[0].debit: is a number: write amounts, codes and dates as text, "1.50" (line 1, column 35)`},
		},
		{"a number for a date", &looppb.ImportEntriesRequest{}, `{"entries": [{"date": 20260131}]}`, []string{`entries[0].date: is a number: write amounts, codes and dates as text, "20260131"`}},
		{"an object for a text", &looppb.ImportEntriesRequest{}, `{"requestId": {"a": [1]}}`, []string{`requestId: is an object: write a text, in quotation marks (line 1, column 15)`}},
		{"true for a text", &looppb.ImportEntriesRequest{}, `{"requestId": true}`, []string{`requestId: is true: write a text`}},
		{"a text for a truth", &looppb.ImportEntriesRequest{}, `{"options": {"sortLines": "true"}}`, []string{`options.sortLines: is a text: write true or false, without quotation marks`}},
		{"a number for a truth", &looppb.ImportEntriesRequest{}, `{"options": {"sortLines": 1}}`, []string{`options.sortLines: is a number: write true or false`}},
		{"a text for a number", &looppb.ReplayChangesRequest{}, `{"numberOfDays": "3"}`, []string{`numberOfDays: is a text: write a whole number, without quotation marks`}},
		{"a fraction", &looppb.ReplayChangesRequest{}, `{"numberOfDays": 1.5}`, []string{`numberOfDays: is no whole number: write it in digits alone`}},
		{"an exponent", &looppb.ReplayChangesRequest{}, `{"numberOfDays": 1e1}`, []string{`numberOfDays: is no whole number`}},
		{"a number out of range", &looppb.ReplayChangesRequest{}, `{"numberOfDays": 2147483648}`, []string{`numberOfDays: is out of range, or has zeros before it: write a whole number from -2147483648 to 2147483647`}},
		{"an object for a list", &looppb.ImportEntriesRequest{}, `{"entries": {}}`, []string{`entries: is an object: write a list, in [ ], even of one (line 1, column 13)`}},
		{"a list for an object", &looppb.ImportEntriesRequest{}, `{"options": []}`, []string{`options: is a list: write an object, in { }`}},
		{"a text in a list of objects", &looppb.ImportEntriesRequest{}, `{"entries": [{}, "x"]}`, []string{`entries[1]: is a text: write an object`}},
		{
			"null", &looppb.ImportEntriesRequest{}, `{"requestId": null, "entries": [null], "options": null}`,
			[]string{`requestId: is null, which says nothing: leave the field out (line 1, column 15)`, `entries[0]: is null, which says nothing: leave it out of the list`, `options: is null`},
		},
		{"null alone", &looppb.ImportEntriesRequest{}, `null`, []string{`(body): is null: send one JSON object`}},
		{
			"a misspelt name", &looppb.ImportEntriesRequest{}, "{\n  \"entries\": [\n    {\"lines\": [{\"thirdPart\": \"é\"}]}]}",
			[]string{`entries[0].lines[0].thirdPart: is no field of this object: do you mean thirdParty? (line 3, column 17)`},
		},
		{"a misspelt proto name", &looppb.ImportEntriesRequest{}, `{"entries": [{"document_referense": "x"}]}`, []string{`entries[0].document_referense: is no field of this object: do you mean documentReference?`}},
		{"a name of nothing", &looppb.ResolveImportRequest{}, `{"zzz": 1}`, []string{`zzz: is no field of this object: use practice, dossier, requestId, check, confirm, resubmit`}},
		{"a name of nothing in an object without fields", &looppb.ResolveImportRequest{}, `{"check": {"x": 1}}`, []string{`check.x: is no field of this object, which takes none`}},
		{"an enum's value in short", &looppb.CheckConnectionRequest{}, `{"keyKind": "advanced"}`, []string{`keyKind: has no value "advanced": do you mean KEY_KIND_ADVANCED?`}},
		{"an enum's value that there is not", &looppb.CheckConnectionRequest{}, `{"keyKind": "GOLD"}`, []string{`keyKind: has no value "GOLD": use KEY_KIND_STANDARD, KEY_KIND_ADVANCED`}},
		{"an enum's number", &looppb.CheckConnectionRequest{}, `{"keyKind": 1}`, []string{`keyKind: is a number: write the name of one of its values: KEY_KIND_STANDARD, KEY_KIND_ADVANCED`}},
		{"a field twice", &looppb.ImportEntriesRequest{}, `{"requestId": "a", "requestId": "a"}`, []string{`requestId: is given twice: give it once (line 1, column 20)`}},
		{"a field in both spellings", &looppb.ImportEntriesRequest{}, `{"requestId": "a", "request_id": {"x": []}}`, []string{`requestId: is given twice`}},
		{"a key of a map twice", &looppb.CreateAccountRequest{}, `{"extraFields": {"a": "1", "a": "2"}}`, []string{`extraFields["a"]: is given twice`}},
		{"a number in a map", &looppb.CreateAccountRequest{}, `{"extraFields": {"due_date": 1}}`, []string{`extraFields["due_date"]: is a number: write amounts, codes and dates as text, "1"`}},
		{
			"two of which one is wanted", &looppb.ImportEntriesRequest{}, `{"entries": [{"lines": [{"debit": "1", "credit": "0"}]}]}`,
			[]string{`entries[0].lines[0].credit: is given beside debit, and they exclude each other: give one of debit, credit (line 1, column 40)`},
		},
		{"a mask by proto names", &looppb.UpdateLegalIdentityRequest{}, `{"updateMask": "siren,legal_form"}`, []string{`updateMask: names "legal_form": in JSON, a mask names fields as JSON does, "legalForm" and not "legal_form"`}},
		{"a mask with blanks", &looppb.UpdateLegalIdentityRequest{}, `{"updateMask": "siren, legalForm"}`, []string{`updateMask: names " legalForm", which is no field: name fields one by one, separated by commas without blanks`}},
		{"a mask that is a list", &looppb.UpdateLegalIdentityRequest{}, `{"updateMask": ["siren"]}`, []string{`updateMask: is a list: write the names of fields in one text, separated by commas`}},
		{"a day for an instant", &looppb.ListImportsRequest{}, `{"receivedFrom": "2026-01-31"}`, []string{`receivedFrom: is no instant: write it as RFC 3339 does, 2026-01-31T12:00:00Z or`}},
		{"an instant without a zone", &looppb.ListImportsRequest{}, `{"receivedFrom": "2026-01-31T12:00:00"}`, []string{`receivedFrom: is no instant`}},
		{"an instant that is too fine", &looppb.ListImportsRequest{}, `{"receivedFrom": "2026-01-31T12:00:00.0123456789+01:00"}`, []string{`receivedFrom: is finer than nanoseconds`}},
		{"an instant before all", &looppb.ListImportsRequest{}, `{"receivedFrom": "0000-01-31T12:00:00Z"}`, []string{`receivedFrom: is out of range`}},
		{
			"several at once", &looppb.ImportEntriesRequest{}, `{"requestID": "a", "entries": [{"journal": 1}, {"lines": [{"acount": "6"}]}], "options": 3}`,
			[]string{`requestID: is no field of this object: do you mean requestId?`, `entries[0].journal: is a number`, `entries[1].lines[0].acount: is no field of this object: do you mean account?`, `options: is a number: write an object`},
		},
		{"a problem, and then no JSON", &looppb.ImportEntriesRequest{}, `{"requestId": 1, "entries": [{]}`, []string{`requestId: is a number`, `entries[0]: is no JSON: unexpected ], which closes nothing, or too early`}},

		{"no JSON at all", &looppb.CheckConnectionRequest{}, `keyKind=KEY_KIND_ADVANCED`, []string{`(body): is no JSON: unexpected k: put names and texts in quotation marks; only true and false have none (line 1, column 1)`}},
		{"a comma too many", &looppb.ImportEntriesRequest{}, "{\n \"requestId\": \"é\",\n}", []string{`(body): is no JSON: unexpected , without a value or name on both sides: remove it (line 2, column 18)`}},
		{"a comma too many in a list", &looppb.ImportEntriesRequest{}, `{"entries": [{},]}`, []string{`entries: is no JSON: unexpected , without a value or name on both sides: remove it (line 1, column 16)`}},
		{"a comma too few", &looppb.ImportEntriesRequest{}, `{"requestId": "a" "entries": []}`, []string{`is no JSON: unexpected ": separate names from values with :, and values with a comma (line 1, column 19)`}},
		{"a name alone", &looppb.ImportEntriesRequest{}, `{"requestId"}`, []string{`is no JSON: unexpected }, which closes nothing, or too early: a name is followed by : and a value`}},
		{"single quotation marks", &looppb.ImportEntriesRequest{}, `{'requestId': 'a'}`, []string{`is no JSON: unexpected ': put names and texts in quotation marks like "this" (line 1, column 2)`}},
		{"typographic quotation marks", &looppb.ImportEntriesRequest{}, `{"requestId": «a»}`, []string{`requestId: is no JSON: unexpected «: put names and texts in quotation marks like "this"`}},
		{"a name without quotation marks", &looppb.ImportEntriesRequest{}, `{requestId: "a"}`, []string{`is no JSON: unexpected r: put names and texts in quotation marks`}},
		{"None, as Python says", &looppb.ImportEntriesRequest{}, `{"requestId": None}`, []string{`requestId: is no JSON: unexpected N`}},
		{"a comment", &looppb.ImportEntriesRequest{}, "{\n// x\n}", []string{`is no JSON: unexpected /: JSON has no comments (line 2, column 1)`}},
		{"a line break in a text", &looppb.ImportEntriesRequest{}, "{\"requestId\": \"a\nb\"}", []string{`requestId: is no JSON: unexpected character U+000A: in a text, write a line break as \n and a tab as \t (line 1, column 17)`}},
		{"a backslash in a text", &looppb.ImportEntriesRequest{}, `{"requestId": "C:\dir"}`, []string{`requestId: is no JSON: unexpected \: in a text, write \\ for a backslash`}},
		{"a decimal comma", &looppb.ReplayChangesRequest{}, `{"numberOfDays": 1,5}`, []string{`is no JSON: unexpected 5`}},
		{"a zero before a number", &looppb.ReplayChangesRequest{}, `{"numberOfDays": 07}`, []string{`is no JSON: unexpected 7: write numbers in digits`}},
		{"a text that is cut", &looppb.ImportEntriesRequest{}, `{"requestId": "a`, []string{`requestId: is cut: the JSON ends before its last } or quotation mark (line 1, column 17)`}},
		{"an object that is cut", &looppb.ImportEntriesRequest{}, "{\"entries\": [{}\n", []string{`is cut`}},
		{"too deep", &looppb.ImportEntriesRequest{}, `{"requestId": ` + strings.Repeat("[", 20_000), []string{`requestId: is no JSON: unexpected [, with nothing to separate it from the value before, or deeper than any`}},
		{"two bodies", &looppb.ImportEntriesRequest{}, "{}\n{}", []string{`(body): goes on after its end: send one JSON object, and nothing after it (line 2, column 1)`}},
		{"a byte order mark", &looppb.ImportEntriesRequest{}, "\xef\xbb\xbf{}", []string{`(body): begins with a byte order mark: send UTF-8, without the mark (line 1, column 1)`}},
		{"UTF-16", &looppb.ImportEntriesRequest{}, "\xff\xfe{\x00}\x00", []string{`(body): begins with a byte order mark`}},
		{"Latin-1", &looppb.ImportEntriesRequest{}, "{\"entries\": [\n{\"lines\": [{\"label\": \"D\xe9bit\"}]}]}", []string{`entries[0].lines[0].label: is not UTF-8: unexpected byte 0xe9: send UTF-8, and not Latin-1 or Windows-1252 (line 2, column 24)`}},
		{"half a surrogate", &looppb.ImportEntriesRequest{}, `{"requestId": "\ud800"}`, []string{`requestId: is no JSON: unexpected \`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := strictjson.Read([]byte(c.body), c.into, nil, wide())
			var got strictjson.Problems
			if !errors.As(err, &got) || len(got) != len(c.want) {
				t.Fatalf("it is told %v; want %q", err, c.want)
			}
			lines := strings.Split(got.Error(), "\n")
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], want) && !strings.Contains(lines[i], want) {
					t.Errorf("it is told %q; want %q", lines[i], want)
				}
			}
		})
	}
}

// TestFieldsThatThePathDecidesAreRefused: whatever they say, since nobody would be told.
func TestFieldsThatThePathDecidesAreRefused(t *testing.T) {
	for _, body := range []string{`{"practice": "demo"}`, `{"practice": ""}`, `{"practice": null}`, `{"practice": {}}`} {
		err := strictjson.Read([]byte(body), &looppb.ImportEntriesRequest{}, []string{"practice", "dossier"}, wide())
		if err == nil || err.Error() != "practice: is part of the path already: leave it out of the body (line 1, column 2)" {
			t.Errorf("%s: %v", body, err)
		}
	}
	err := strictjson.Read([]byte(`{"dosier": "x"}`), &looppb.ImportEntriesRequest{}, []string{"practice", "dossier"}, wide())
	if err == nil || strings.Contains(err.Error(), "dossier") {
		t.Errorf("a field that the path decides is suggested: %v", err)
	}
}

// TestTheFirstTenProblemsAreTold.
func TestTheFirstTenProblemsAreTold(t *testing.T) {
	err := strictjson.Read([]byte(`{"entries": [`+strings.Repeat(`{"journal": 1},`, 50)+`{}]}`), &looppb.ImportEntriesRequest{}, nil, wide())
	if problems, ok := errors.AsType[strictjson.Problems](err); !ok || len(problems) != 10 || problems[9].Field != "entries[9].journal" {
		t.Errorf("%v", err)
	}
}

// TestRequestsAreBounded, by each of the bounds, while they are walked.
func TestRequestsAreBounded(t *testing.T) {
	const body = `{"requestId": "a", "entries": [{"journal": "A", "lines": [{"account": "6"}, {}]}]}`
	fits := strictjson.Bounds{Values: 9, Objects: 4, Parts: 14 + 2*24, PartsOf: interceptor.PartsOf, ManyObjects: 5, Turn: &sync.Mutex{}}
	if err := strictjson.Read([]byte(body), &looppb.ImportEntriesRequest{}, nil, fits); err != nil {
		t.Error(err)
	}
	for name, shrink := range map[string]func(*strictjson.Bounds){
		"values": func(b *strictjson.Bounds) { b.Values-- }, "objects": func(b *strictjson.Bounds) { b.Objects-- }, "parts": func(b *strictjson.Bounds) { b.Parts-- },
	} {
		bounds := fits
		shrink(&bounds)
		if err := strictjson.Read([]byte(body), &looppb.ImportEntriesRequest{}, nil, bounds); !errors.Is(err, strictjson.ErrTooMany) {
			t.Errorf("one of its %s too many: %v", name, err)
		}
	}
}

// TestLargeRequestsTakeTurns: from ManyObjects on one waits for the other, and leaves its turn whatever comes of it.
func TestLargeRequestsTakeTurns(t *testing.T) {
	bounds := wide()
	turn := &counted{}
	bounds.ManyObjects, bounds.Turn = 3, turn
	for body, want := range map[string]int{`{"entries": [{}]}`: 0, `{"entries": [{}, {}]}`: 1, `{"entries": [{}, {}, {}, 1]}`: 1, `{"entries": [{}, {}`: 1} {
		*turn = counted{}
		_ = strictjson.Read([]byte(body), &looppb.ImportEntriesRequest{}, nil, bounds)
		if turn.taken != want || turn.left != want {
			t.Errorf("%s: %d turns taken, %d left; want %d", body, turn.taken, turn.left, want)
		}
	}
}

type counted struct{ taken, left int }

func (c *counted) Lock()   { c.taken++ }
func (c *counted) Unlock() { c.left++ }

// TestEveryFieldOfARequestCanBeRead: what has no place in a request yet is refused here, and not when somebody sends it.
func TestEveryFieldOfARequestCanBeRead(t *testing.T) {
	seen := map[protoreflect.FullName]bool{}
	var look func(protoreflect.MessageDescriptor)
	look = func(message protoreflect.MessageDescriptor) {
		if seen[message.FullName()] || !strings.HasPrefix(string(message.FullName()), "cegid.loop.v1.") {
			return
		}
		seen[message.FullName()] = true
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			if !strictjson.Supported(field) {
				t.Errorf("%s is a %s, which the walk cannot read", field.FullName(), field.Kind())
			}
			if field.Message() != nil && !field.IsMap() {
				look(field.Message())
			}
		}
	}
	for _, method := range methods() {
		if rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule); rule != nil {
			look(method.Input())
		}
	}
	look((&looppb.DocumentMetadata{}).ProtoReflect().Descriptor()) // of the uploads
	look((&looppb.FileMetadata{}).ProtoReflect().Descriptor())
	if len(seen) < 30 {
		t.Errorf("%d messages were looked at", len(seen))
	}
}

func methods() (out []protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage("cegid.loop.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				out = append(out, file.Services().Get(i).Methods().Get(j))
			}
		}
		return true
	})
	return out
}

// stricter are the problems for which protojson has no word, and why each is one here:
var stricter = regexp.MustCompile(strings.Join([]string{
	"is null",                     // a schema refuses it, and a caller may mean "clear it" as well as "leave it"
	"is a number: write the name", // of an enum's value: numbers are for the wire
	"is a text: write a whole number, without quotation marks", // a schema refuses it
	"is no whole number",                      // 1.0 and 1e2, which some libraries cannot read
	"is out of range, or has zeros before it", // a number that protojson reads by way of an exponent, rounded
}, "|"))

// FuzzTheWalkAgreesWithProtojson: what the walk takes, protojson takes, and makes the same of it; what the walk refuses,
// protojson refuses, too, unless the walk is stricter on purpose.
func FuzzTheWalkAgreesWithProtojson(f *testing.F) {
	for _, body := range []string{
		`{}`, `{"requestId": "é\u00e9\ud83d\ude00", "entries": [{"lines": [{"debit": "1.5"}, {}]}], "options": {"openingBalances": false}}`,
		`{"states": ["IMPORT_STATE_WAITING"], "receivedFrom": "2026-01-31T12:00:00.123456789+01:00", "pageSize": -0}`,
		`{"receivedFrom": "2026-01-31T12:00:00.5Z", "page_size": 1e2}`, `{"receivedFrom": "2026-01-31T24:00:00Z"}`, `{"receivedFrom": "2026-01-31T12:00:00,5Z"}`,
		`{"updateMask": " siren,legalForm "}`, `{"updateMask": "siren,,"}`, `{"updateMask": "a.b"}`, `{"updateMask": "Siren"}`, `{"updateMask": "*"}`,
		`{"extraFields": {"a": "1", "b": ""}, "collective": true}`, `{"extraFields": {"a": null}}`, `{"extraFields": {"a": "1", "\u0061": "2"}}`,
		`{"keyKind": "KEY_KIND_ADVANCED"}`, `{"keyKind": 1}`, `{"keyKind": "1"}`, `{"check": {}}`, `{"check": {}, "confirm": {}}`, `{"check": null, "confirm": {}}`,
		`{"numberOfDays": 1.0}`, `{"numberOfDays": "1"}`, `{"numberOfDays": 12345678901}`, `{"numberOfDays": 1e-1000}`, `{"numberOfDays": -1}`,
		`{"requestId": "a", "request_id": "b"}`, `{"requestId": 1, "x": [{"y": null}]}`, `{"entries": [{"lines": [{"debit": "1", "credit": "2"}]}]}`,
		`{"entries": [{},]}`, `{"requestId": "\ud800"}`, "{\"requestId\": \"\xff\"}", "\xef\xbb\xbf{}", `{} {}`, `{"requestId": "` + "\x01" + `"}`, `{"requestId": "\/\b\u0000"}`, `{"[x.y]": 1}`,
		`{"resubmit": {"file": {"depositId": "x"}}}`, `{"requestId": tru}`, `[]`, `null`, `"x"`, ` `, `{"entries": [[]]}`, `{"a`, `{"numberOfDays": 01}`, `{"query": {"take": "1"}, "body": "{}"}`,
	} {
		f.Add(body)
	}
	kinds := []proto.Message{
		&looppb.ImportEntriesRequest{}, &looppb.ListImportsRequest{}, &looppb.UpdateLegalIdentityRequest{}, &looppb.CreateAccountRequest{},
		&looppb.CheckConnectionRequest{}, &looppb.ResolveImportRequest{}, &looppb.ReplayChangesRequest{}, &looppb.CallRequest{},
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, kind := range kinds {
			mine, theirs := proto.Clone(kind), proto.Clone(kind)
			err := strictjson.Read([]byte(body), mine, nil, wide())
			other := protojson.Unmarshal([]byte(body), theirs)
			switch {
			case err == nil && other != nil:
				t.Errorf("%T: the walk takes %q, and protojson says: %v", kind, body, other)
			case err == nil && !proto.Equal(mine, theirs):
				t.Errorf("%T: of %q the walk makes %v, and protojson %v", kind, body, mine, theirs)
			case err != nil && other == nil && !stricter.MatchString(err.Error()):
				t.Errorf("%T: protojson takes %q, and the walk says: %v", kind, body, err)
			}
		}
	})
}

func FuzzProblemsHaveTheirPlace(f *testing.F) {
	f.Add("{\"entries\": [\n{\"lines\": [{\"label\": 1}]}]}")
	f.Add(`{"a": {"b": [`)
	f.Fuzz(func(t *testing.T, body string) {
		problems, _ := errors.AsType[strictjson.Problems](strictjson.Read([]byte(body), &looppb.ImportEntriesRequest{}, []string{"practice"}, wide()))
		for _, each := range problems {
			lines := strings.Split(body, "\n")
			if each.Field == "" || each.What == "" || each.Line < 1 || each.Line > len(lines) || each.Column < 1 || each.Column > len([]rune(lines[each.Line-1]))+1 {
				t.Errorf("%q: %+v", body, each)
			}
		}
	})
}

// BenchmarkTheLargestImport compares the walk with protojson, which counts nothing and places nothing.
func BenchmarkTheLargestImport(b *testing.B) {
	line := &looppb.EntryLine{Account: "60700000", Label: "ACHAT DE MARCHANDISES", Side: &looppb.EntryLine_Debit{Debit: "1234.56"}, DueDate: "2026-04-14"}
	entry := &looppb.Entry{Journal: "ACH", Date: "2026-03-15", Reference: "FA-2026-0001", DocumentReference: "FA-2026-0001"}
	request := &looppb.ImportEntriesRequest{RequestId: "largest"}
	for range 5 {
		entry.Lines = append(entry.Lines, line)
	}
	for range 1000 {
		request.Entries = append(request.Entries, entry)
	}
	text, err := protojson.Marshal(request)
	testkit.OK(b, err)
	for name, read := range map[string]func(proto.Message) error{
		"walk":      func(into proto.Message) error { return strictjson.Read(text, into, nil, wide()) },
		"protojson": func(into proto.Message) error { return protojson.Unmarshal(text, into) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				testkit.OK(b, read(&looppb.ImportEntriesRequest{}))
			}
		})
	}
}
