package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/sandbox"
)

// TestTheCollectionRunsFromTopToBottom sends each request of the committed file to a fresh sandbox, in its order.
func TestTheCollectionRunsFromTopToBottom(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, Collection))
	testkit.OK(t, err)
	all, err := parsed(string(text))
	testkit.OK(t, err)
	s, err := sandbox.New(sandbox.Config{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Grace: time.Second})
	testkit.OK(t, err)
	serving, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Run(serving) }()
	web := &http.Client{Transport: &http.Transport{}}
	defer func() {
		web.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	_, address, _ := s.Server.Addresses()
	sent, given := map[string]bool{}, deposit
	for _, each := range all {
		mine := strings.NewReplacer(deposit, given)
		verb, _, _ := strings.Cut(each.http.Route, " ")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		request, err := http.NewRequestWithContext(ctx, verb, "http://"+address.String()+mine.Replace(each.http.Path), strings.NewReader(mine.Replace(each.http.Body)))
		testkit.OK(t, err)
		for name, value := range each.http.Headers {
			request.Header.Set(name, value)
		}
		response, err := web.Do(request)
		testkit.OK(t, err)
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		cancel()
		testkit.OK(t, err)
		if each.name == "ImportService.DepositFile" {
			var deposited struct{ Deposit struct{ DepositID string } }
			testkit.OK(t, json.Unmarshal(answer, &deposited))
			given = deposited.Deposit.DepositID
		}
		switch {
		case each.fails == "" && response.StatusCode != http.StatusOK:
			t.Errorf("%s: HTTP %d %s", each.name, response.StatusCode, answer)
		case each.fails != "" && !strings.Contains(string(answer), `"reason":"`+each.fails+`"`):
			t.Errorf("%s: HTTP %d %s", each.name, response.StatusCode, answer)
		}
		sent[each.name] = true
	}
	for method := range contract.Methods() {
		if !sent[contract.Name(method)] {
			t.Errorf("%s lacks %s", Collection, contract.Name(method))
		}
	}
}

// parsed reads a collection again, as clients of such files do.
func parsed(text string) ([]request, error) {
	variables := map[string]string{}
	var out []request
	for i, part := range strings.Split(text, "\n### ") {
		if i == 0 {
			for line := range strings.Lines(part) {
				if name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "@"), " = "); ok && strings.HasPrefix(line, "@") {
					variables["{{"+name+"}}"] = value
				}
			}
			continue
		}
		for name, value := range variables {
			part = strings.ReplaceAll(part, name, value)
		}
		head, body, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n\n")
		lines := strings.Split(head, "\n")
		if len(lines) < 2 {
			return nil, fmt.Errorf("%q is no request", part)
		}
		verb, target, _ := strings.Cut(lines[1], " ")
		at, err := url.Parse(target)
		if err != nil {
			return nil, err
		}
		_, fails, _ := strings.Cut(lines[0], ", ends with ")
		call := &rawHTTP{Route: verb + " " + at.Path, Path: at.RequestURI(), Headers: map[string]string{}, Body: body}
		for _, line := range lines[2:] {
			name, value, _ := strings.Cut(line, ": ")
			call.Headers[name] = value
		}
		out = append(out, request{name: lines[0], http: call, fails: fails})
	}
	return out, nil
}
