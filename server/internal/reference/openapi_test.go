package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/sandbox"
)

// TestTheExamplesOfTheDocumentAreNotRefused makes the request that the page of the document offers for each operation, in
// the order of the examples' own needs.
func TestTheExamplesOfTheDocumentAreNotRefused(t *testing.T) {
	examples, err := readExamples()
	testkit.OK(t, err)
	doc := openAPI(t)
	for _, service := range contract.Services() {
		t.Run(string(service.Name()), func(t *testing.T) {
			s, err := sandbox.New(sandbox.Config{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Grace: time.Second})
			testkit.OK(t, err)
			serving, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- s.Run(serving) }()
			listening, web, _ := s.Server.Addresses()
			c := &caller{web: &http.Client{Transport: &http.Transport{}}, origin: "http://" + web.String()}
			if c.conn, err = grpc.NewClient(listening.String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
				t.Fatal(err)
			}
			defer func() {
				c.web.CloseIdleConnections()
				_ = c.conn.Close()
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			}()
			for method := range contract.Methods(service) {
				name := contract.Name(method)
				if fails := examples[name].Fails; fails != nil {
					first := methodNamed(t, fails.RPC)
					requests, err := requestsOf(first, fails.Request)
					testkit.OK(t, err)
					if _, err := c.overGRPC(t.Context(), first, requests); err == nil {
						t.Fatalf("%s succeeded; want %s", fails.RPC, fails.Reason)
					}
				}
				for _, other := range append(slices.Clone(examples[name].After), name) {
					if status, body := doc.call(t, c, other); status != http.StatusOK {
						t.Errorf("the document's example of %s: %d %s", other, status, body)
					}
				}
			}
		})
	}
}

// call makes the request that the document shows for an RPC, and nothing but what it shows.
func (d *document) call(t *testing.T, c *caller, rpc string) (status int, answer string) {
	t.Helper()
	for path, verbs := range d.Paths {
		for verb, operation := range verbs {
			if operation.OperationID != strings.Replace(rpc, ".", "_", 1) {
				continue
			}
			query, header := url.Values{}, http.Header{"Authorization": {token}}
			for _, parameter := range operation.Parameters {
				if parameter.Example == nil {
					continue
				}
				value := fmt.Sprint(parameter.Example)
				switch parameter.In {
				case "path":
					path = strings.ReplaceAll(path, "{"+parameter.Name+"}", url.PathEscape(value))
				case "query":
					query.Set(parameter.Name, value)
				case "header":
					header.Set(parameter.Name, value)
				}
			}
			var body []byte
			for kind, content := range operation.RequestBody.Content {
				if content.Example == nil {
					continue
				}
				header.Set("Content-Type", kind)
				text, isText := content.Example.(string)
				if body = []byte(text); !isText {
					var err error
					if body, err = json.Marshal(content.Example); err != nil {
						t.Fatal(err)
					}
				}
			}
			if operation.RequestBody.Required && body == nil {
				return 0, "it has no example of its body"
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, strings.ToUpper(verb), c.origin+path+"?"+query.Encode(), bytes.NewReader(body))
			testkit.OK(t, err)
			request.Header = header
			response, err := c.web.Do(request)
			testkit.OK(t, err)
			defer func() { _ = response.Body.Close() }()
			text, err := io.ReadAll(response.Body)
			testkit.OK(t, err)
			return response.StatusCode, string(text)
		}
	}
	return 0, "the document does not have it"
}
