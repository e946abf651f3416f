package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

func TestACallAsACommandLine(t *testing.T) {
	for name, c := range map[string]struct{ method, request, grpc, rest string }{
		"a query is left to curl where it needs encoding": {
			"ReferenceDataService.ListAccounts", `{"practice": "demo", "dossier": "A/B", "filter": "label = \"l'eau & 5 %\""}`,
			`-d '{"practice": "demo", "dossier": "A/B", "filter": "label = \"l'\''eau & 5 %\""}' \`,
			`curl -sG -H 'Authorization: Bearer me' 'http://127.0.0.1:8080/v1/practices/demo/dossiers/A%2FB/accounts' \` + "\n" +
				`    --data-urlencode 'filter=label = "l'\''eau & 5 %"'`,
		},
		"a plain query stands in the URL, a list as often as it is long": {
			"ImportService.ListImports", `{"practice": "demo", "dossier": "-", "states": ["IMPORT_STATE_FAILED", "IMPORT_STATE_REFUSED"]}`,
			`"states": ["IMPORT_STATE_FAILED", "IMPORT_STATE_REFUSED"]`,
			`curl -s -H 'Authorization: Bearer me' 'http://127.0.0.1:8080/v1/practices/demo/dossiers/-/imports?states=IMPORT_STATE_FAILED&states=IMPORT_STATE_REFUSED'`,
		},
		"a body holds what the path does not": {
			"DiagnosticsService.CheckConnection", `{"practice": "demo", "dossier": "CEGID001", "key_kind": "KEY_KIND_ADVANCED"}`,
			`"key_kind": "KEY_KIND_ADVANCED"}' \`,
			`curl -s -H 'Authorization: Bearer me' -d '{"keyKind": "KEY_KIND_ADVANCED"}' \` + "\n" +
				`    'http://127.0.0.1:8080/v1/practices/demo/dossiers/CEGID001:checkConnection'`,
		},
		"grpcurl reads a mask as a message": {
			"ReferenceDataService.UpdateLegalIdentity", `{"practice": "demo", "dossier": "CEGID001", "revision": "0x1", "update_mask": "siren,legalForm"}`,
			`"update_mask": {"paths": ["siren", "legal_form"]}`,
			`curl -s -X PATCH -H 'Authorization: Bearer me' -d '{"revision": "0x1", "updateMask": "siren,legalForm"}' \` + "\n" +
				`    'http://127.0.0.1:8080/v1/practices/demo/dossiers/CEGID001/legalIdentity'`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			method := methodNamed(t, c.method)
			requests, err := requestsOf(method, []byte(c.request))
			testkit.OK(t, err)
			if got := grpcLine(method, requests); !strings.Contains(got, c.grpc) {
				t.Errorf("%s\nlacks %s", got, c.grpc)
			}
			rest, err := restOf(method, requests)
			testkit.OK(t, err)
			if got := rest.line(); got != c.rest {
				t.Errorf("got  %s\nwant %s", got, c.rest)
			}
		})
	}
	byHand := rawHTTP{Route: "PUT /v1/files", Path: "/v1/files", Headers: map[string]string{"Content-Type": "text/plain"}, Body: "it's"}
	if got, want := byHand.line(), `curl -s -X PUT -H 'Authorization: Bearer me' -H 'Content-Type: text/plain' -d 'it'\''s' \`+"\n"+
		`    'http://127.0.0.1:8080/v1/files'`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestOnlyWhatChangesFromRunToRunIsReplaced: instants, durations and ids that Loop draws; nothing that a caller said.
func TestOnlyWhatChangesFromRunToRunIsReplaced(t *testing.T) {
	const id = "9d1c5c5e-0000-4000-8000-000000000000"
	list := &looppb.ListImportsResponse{Imports: []*looppb.Import{{
		RequestId: id, LoopRequestId: id, CreateTime: timestamppb.Now(), Error: &looppb.ImportError{LoopInstanceId: id, Message: id},
	}, {LoopRequestId: "not drawn"}}}
	steady(list.ProtoReflect())
	want := &looppb.ListImportsResponse{Imports: []*looppb.Import{{
		RequestId: id, LoopRequestId: steadyUUID, CreateTime: &timestamppb.Timestamp{Seconds: steadySeconds},
		Error: &looppb.ImportError{LoopInstanceId: steadyUUID, Message: id},
	}, {LoopRequestId: "not drawn"}}}
	if !proto.Equal(list, want) {
		t.Error(list)
	}
	check := &looppb.CheckConnectionResponse{Evidence: &looppb.ConnectionEvidence{Duration: durationpb.New(5), LoopRequestId: ""}}
	steady(check.ProtoReflect())
	if check.GetEvidence().GetDuration().AsDuration() != steadyNanos || check.GetEvidence().GetLoopRequestId() != "" {
		t.Error(check)
	}
}

func TestRequestsAreLaidOutForPeople(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, c := range []struct{ compact, want string }{
		{`{}`, `{}`},
		{`{"a":[1,{"b":"c, d"}],"e":null}`, `{"a": [1, {"b": "c, d"}], "e": null}`},
		{`{"a":"` + long + `","b":["` + long + `"]}`, "{\n  \"a\": \"" + long + "\",\n  \"b\": [\"" + long + "\"]\n}"},
	} {
		if got := laidOut([]byte(c.compact)); got != c.want {
			t.Errorf("%s: got\n%s", c.compact, got)
		}
	}
}
