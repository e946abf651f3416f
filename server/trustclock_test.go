package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cegid.internal/gateway/server/internal/app"
)

func TestTrustClockTellsTheServer(t *testing.T) {
	status, asked := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.Path
		if status != http.StatusOK {
			http.Error(w, "the ledger does not take it", status)
		}
	}))
	defer server.Close()
	command := ledgerTrustClockCommand{operationsAddress{Address: strings.TrimPrefix(server.URL, "http://"), Timeout: 5e9}}
	if err := command.Run(t.Context()); err != nil || asked != "POST "+app.TrustClockPath {
		t.Errorf("%q: %v", asked, err)
	}
	status = http.StatusServiceUnavailable
	if err := command.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "does not take it") {
		t.Errorf("refused: %v", err)
	}
	server.Close()
	if err := command.Run(t.Context()); err == nil {
		t.Error("nobody is there")
	}
}
