package cegidclient

import (
	"errors"
	"io"
	"testing"
)

func TestEnvelopes(t *testing.T) {
	p := planOf[Account](t)
	for _, tc := range []struct {
		name, body string
		items      int
		kind       Kind
	}{
		{"a bare list", `[{"numero":"1"},{"numero":"2"}]`, 2, 0},
		{"an empty list", ` [ ] `, 0, 0},
		{"a list in data", `{"data":[{"numero":"1"},{"numero":"2"}]}`, 2, 0},
		{"a list in data, with company", `{"count":1,"Data":[{"numero":"1"}],"error":null}`, 1, 0},
		{"a single object", `{"numero":"1","error":null}`, 1, 0},
		{"an error object", `{"error":{"instanceId":"i","message":"dossier inconnu"}}`, 0, KindRefused},
		{"an error object behind data", `{"data":[{"numero":"1"}],"error":{"message":"x"}}`, 0, KindRefused},
		{"an error object on a resource", `{"numero":"1","error":{}}`, 0, KindRefused},
		{"an error text", `{"error":"x"}`, 0, KindRefused},
		{"another object", `{"message":"hello"}`, 0, KindBadResponse},
		{"no data", `{"data":null}`, 0, KindBadResponse},
		{"an empty object", `{}`, 0, KindBadResponse},
		{"nothing", ``, 0, KindBadResponse},
		{"a text", `"x"`, 0, KindBadResponse},
		{"null", `null`, 0, KindBadResponse},
		{"a list of texts", `["x"]`, 0, KindBadResponse},
		{"a list with null", `[{"numero":"1"},null]`, 0, KindBadResponse},
		{"a web page", "\ufeff <html>", 0, KindBadResponse},
		{"a cut list", `[{"numero":"1"},`, 0, KindBadResponse},
		{"two lists", `[] []`, 0, KindBadResponse},
		{"a trailing comma", `[{"numero":"1"},]`, 0, KindBadResponse},
		{"a trailing comma inside", `[{"numero":"1",}]`, 0, KindBadResponse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := p.readList([]byte(tc.body))
			if e, _ := asError(err); (tc.kind == 0) != (err == nil) || e != nil && e.Kind != tc.kind {
				t.Fatal(err)
			}
			if err == nil && (got.items.Len() != tc.items || len(got.ids) != tc.items) {
				t.Errorf("%d items", got.items.Len())
			}
		})
	}
	_, err := p.readList([]byte(`{"error":{"instanceId":"i","message":"dossier inconnu"}}`))
	if e, _ := asError(err); e == nil || e.Message != "dossier inconnu" || e.InstanceID != "i" {
		t.Error(err)
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{
		`[]`, `[` + accountJSON(1) + `]`, `{"data":[` + accountJSON(1) + `]}`, accountJSON(1), `{"error":{"message":"x","instanceId":"i"}}`,
		`{"error":"x","numero":"1"}`, `<html>`, `[{"numero":"1","numero":2,"NUMERO":null}]`, `[{"numero":"\ud83d"}]`, "[{\"numero\":\"\xff\"}]", `[{"numero":"1"},]`,
		`[{"numero":["1"],"tva":{"objectId":1,"description":[[]]}}]`, `{"data":[],"data":[{"numero":"1"}]}`,
	} {
		f.Add([]byte(s))
	}
	p, err := newPlan[Account]()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := p.readList(body)
		if err != nil {
			if e, ok := asError(err); !ok || e.Kind != KindBadResponse && e.Kind != KindRefused {
				t.Fatalf("%v", err)
			}
			return
		}
		if !validJSON(body) {
			t.Fatal("accepted what is not JSON")
		}
		for i := range got.items.Len() {
			item := got.items.Index(i)
			if item.Interface().(Account).Number == nil || got.ids[i] == "" {
				t.Fatal("an item without identity")
			}
			if again := p.append(nil, item); !validJSON(again) {
				t.Fatalf("written back as %s", again)
			}
		}
	})
}

func validJSON(body []byte) bool {
	dec := newDecoder(body)
	if _, err := dec.ReadValue(); err != nil {
		return false
	}
	_, err := dec.ReadToken()
	return errors.Is(err, io.EOF)
}
