package cegidclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

const aUUID, otherUUID = "7f0b2f6e-0d6c-4c11-9a55-0f5b8a7e2d10", "91AA2F6E-0d6c-4c11-9a55-0f5b8a7e2d11"

func aDocument(content string) Document {
	return Document{FileName: "facture.pdf", ContentType: DocumentPDF, Content: strings.NewReader(content), Size: int64(len(content))}
}

func TestADocumentIsTheBareBody(t *testing.T) {
	var got *http.Request
	var body []byte
	client, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		reply(200, `{"objectId":"`+aUUID+`"}`)(w, r)
	})
	in := aDocument("%PDF-1.7")
	in.FileName, in.Transaction, in.UploadMode, in.UploadAuthor = "été & hiver #1.pdf", DocumentPurchase, UploadEmail, "a+b@example.test"
	stored, err := client.Documents.Store(t.Context(), "CEGID003", in)
	if err != nil || stored.IDs["objectId"] != aUUID || stored.Unmapped["objectId"] != `"`+aUUID+`"` {
		t.Fatalf("%+v, %v", stored, err)
	}
	if string(body) != "%PDF-1.7" || got.ContentLength != 8 || got.Header.Get("Content-Type") != DocumentPDF || got.GetBody != nil || len(got.TransferEncoding) > 0 {
		t.Errorf("%q of %d bytes, %v", body, got.ContentLength, got.Header)
	}
	if want := "context=CEGID003&filename=%C3%A9t%C3%A9%20%26%20hiver%20%231.pdf&transaction=PURCHASE&uploadAuthor=a%2Bb%40example.test&uploadMode=E-mail"; got.URL.RawQuery != want {
		t.Errorf("%s", got.URL.RawQuery)
	}
	if _, err := client.Documents.Store(t.Context(), "CEGID003", aDocument("%PDF-")); err != nil || got.URL.RawQuery != "context=CEGID003&filename=facture.pdf&uploadMode=API" {
		t.Errorf("%s, %v", got.URL.RawQuery, err)
	}
}

func TestWhatBecameOfADocument(t *testing.T) {
	const refusal = `{"error":{"instanceId":"inst-2","message":"document refusé"}}`
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		outcome WriteOutcome
		ids     map[string]string
	}{
		{"an object with an id", 200, `{"objectId":"` + aUUID + `"}`, WriteAccepted, map[string]string{"objectId": aUUID}},
		{"an object created", 201, `{"id":"` + aUUID + `","nom":"x"}`, WriteAccepted, map[string]string{"id": aUUID}},
		{"ids at every depth", 200, `{"a":{"b":[{"c":"` + aUUID + `"}]},"` + otherUUID + `":"x","d":"` + otherUUID + `"}`, WriteAccepted, map[string]string{"a.b.0.c": aUUID, "d": otherUUID}},
		{"an object without an id", 200, `{"nom":"x"}`, WriteAccepted, nil},
		{"an object alone in a list", 200, `[{"objectId":"` + aUUID + `"}]`, WriteAccepted, map[string]string{"objectId": aUUID}},
		{"an object beside a null error", 200, `{"error":null,"objectId":"` + aUUID + `"}`, WriteAccepted, map[string]string{"objectId": aUUID}},
		{"an object beside an error that is none", 200, `{"error":"","errors":[],"nom":"x"}`, WriteAccepted, nil},
		{"a refusal", 200, refusal, WriteRefused, nil},
		{"a refusal in words", 200, `{"error":"document refusé","objectId":null}`, WriteRefused, nil},
		{"a refusal without words", 200, `{"error":{}}`, WriteUncertain, nil},
		{"a refusal and an id", 200, `{"error":{"message":"non"},"objectId":"` + aUUID + `"}`, WriteUncertain, nil},
		{"the error object of a service", 200, `{"statusCode":400,"code":"X","message":"non","error":null}`, WriteUncertain, nil},
		{"an object that says nothing", 200, `{}`, WriteUncertain, nil},
		{"an object of nulls", 200, `{"objectId":null}`, WriteUncertain, nil},
		{"two objects", 200, `[{"a":1},{"b":2}]`, WriteUncertain, nil},
		{"an empty list", 200, `[]`, WriteUncertain, nil},
		{"a text", 200, `"` + aUUID + `"`, WriteUncertain, nil},
		{"an object and something behind it", 200, `{"a":1}{}`, WriteUncertain, nil},
		{"half an object", 200, `{"objectId":"` + aUUID, WriteUncertain, nil},
		{"nothing", 204, ``, WriteUncertain, nil},
		{"a web page", 200, `<html></html>`, WriteUncertain, nil},
		{"400", 400, refusal, WriteUncertain, nil},
		{"500", 500, ``, WriteUncertain, nil},
		{"401", 401, ``, WriteNotSent, nil},
		{"403", 403, ``, WriteNotSent, nil},
		{"413", 413, ``, WriteNotSent, nil},
		{"429", 429, ``, WriteNotSent, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, wire := testClient(t, reply(tc.status, tc.body))
			stored, err := client.Documents.Store(t.Context(), "CEGID003", aDocument("%PDF-"))
			if got := OutcomeOf(err); got != tc.outcome || (stored != nil) != (err == nil) {
				t.Fatalf("%s: %+v, %v", got, stored, err)
			}
			if stored != nil && !reflect.DeepEqual(stored.IDs, tc.ids) {
				t.Errorf("%v", stored.IDs)
			}
			if n := wire.requests.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestDocumentsThatAreNotSent(t *testing.T) {
	client, wire := testClient(t, reply(200, `{"a":1}`))
	for field, change := range map[string]func(*Document){
		"file_name":    func(d *Document) { d.FileName = "a\nb.pdf" },
		"content_type": func(d *Document) { d.ContentType = "text/html" },
		"content":      func(d *Document) { d.Size = 0 },
	} {
		in := aDocument("%PDF-")
		change(&in)
		_, err := client.Documents.Store(t.Context(), "CEGID003", in)
		if e, ok := asError(err); !ok || e.Kind != KindInvalidArgument || e.Field != field || OutcomeOf(err) != WriteNotSent {
			t.Errorf("%s: %v", field, err)
		}
	}
	large := aDocument("%PDF-")
	large.Size = MaxDocument + 1
	for dossier, in := range map[string]Document{"CEGID003": large, "": aDocument("%PDF-"), "Cabinet": aDocument("%PDF-")} {
		if _, err := client.Documents.Store(t.Context(), dossier, in); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%q: %v", dossier, err)
		}
	}
	if n := wire.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The body goes over a connection of its own, is sent as it is read, and not sent again when the connection ends.
func TestADocumentIsStreamedOnce(t *testing.T) {
	var requests atomic.Int32
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		if requests.Add(1) == 1 {
			n, _ := io.Copy(io.Discard, r.Body)
			if n != 3<<20 {
				t.Errorf("%d bytes", n)
			}
			reply(200, `{"objectId":"`+aUUID+`"}`)(w, r)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	defer server.Close()
	client, err := New(Config{
		Practice: "demo", BaseURL: server.URL, AllowPlainHTTP: true,
		Credentials: StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub)),
	})
	testkit.OK(t, err)
	defer client.Close()
	in := aDocument("")
	in.Content, in.Size = io.LimitReader(bytes.NewReader(make([]byte, 4<<20)), 3<<20), 3<<20
	if _, err := client.Documents.Store(t.Context(), "CEGID003", in); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := client.Documents.Store(t.Context(), "CEGID003", aDocument(strings.Repeat("x", 1<<20)))
		if OutcomeOf(err) != WriteUncertain {
			t.Errorf("%v", err)
		}
	}
	if n := requests.Load(); n != 4 || len(connections) != 4 {
		t.Errorf("%d requests over %d connections", n, len(connections))
	}
}

func TestADocumentWhoseFileEndsEarlyIsUncertain(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	client, err := New(Config{
		Practice: "demo", BaseURL: server.URL, AllowPlainHTTP: true, Retry: RetryPolicy{SubmissionTimeout: 5 * time.Second},
		Credentials: StaticCredentials(NewSecret(testAPIKey), Secret{}, NewSecret(testSub)),
	})
	testkit.OK(t, err)
	defer client.Close()
	in := aDocument("%PDF-")
	in.Size = 1000
	_, err = client.Documents.Store(context.WithoutCancel(t.Context()), "CEGID003", in)
	if OutcomeOf(err) != WriteUncertain {
		t.Errorf("%v", err)
	}
}

func TestTypesOfDocuments(t *testing.T) {
	for head, want := range map[string]string{
		"%PDF-1.7\n":                        DocumentPDF,
		"\xef\xbb\xbf%PDF-1.4":              DocumentPDF,
		strings.Repeat(" ", 1019) + "%PDF-": DocumentPDF,
		strings.Repeat(" ", 1020) + "%PDF-": "",
		"\x89PNG\r\n\x1a\n\x00":             DocumentPNG,
		"\x89PNG\r\n\x1a\n%PDF-1.7":         DocumentPNG,
		"\x89PNG\n":                         "",
		"\xff\xd8\xff\xe0\x00\x10JFIF":      DocumentJPEG,
		"\xff\xd8":                          "",
		"PK\x03\x04":                        "",
		"<html>":                            "",
		"":                                  "",
	} {
		if got := DocumentType([]byte(head)); got != want {
			t.Errorf("%.20q: %q", head, got)
		}
	}
}
