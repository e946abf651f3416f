package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
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
