package submission

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestAnErrorOfLoopsIsKept: as wording's table reads it, which tests the answers of the same rows.
func TestAnErrorOfLoopsIsKept(t *testing.T) {
	text, err := os.ReadFile("../wording/testdata/failures.json")
	testkit.OK(t, err)
	var rows []struct {
		Name  string
		Now   ledger.Failure
		Error *struct {
			Kind          string
			Local         bool
			Operation     string
			HTTPStatus    int `json:"http_status"`
			Code, Message string
			RequestID     string        `json:"request_id"`
			InstanceID    string        `json:"instance_id"`
			RetryAfter    time.Duration `json:"retry_after"`
			Field         string
			LoopRequestID string `json:"loop_request_id"`
		}
	}
	testkit.OK(t, json.Unmarshal(text, &rows))
	kinds := map[string]cegidclient.Kind{}
	for _, kind := range cegidclient.Kinds() {
		kinds[kind.String()] = kind
	}
	seen := map[string]bool{}
	for _, row := range rows {
		e := row.Error
		if e == nil {
			continue
		}
		seen[e.Kind] = true
		got := failureOf(&cegidclient.Error{
			Kind: kinds[e.Kind], Local: e.Local, Operation: e.Operation, HTTPStatus: e.HTTPStatus, Code: e.Code, Message: e.Message,
			RequestID: e.RequestID, InstanceID: e.InstanceID, RetryAfter: e.RetryAfter, Field: e.Field, LoopRequestID: e.LoopRequestID,
		})
		if !reflect.DeepEqual(*got, row.Now) {
			t.Errorf("%s: %+v; want %+v", row.Name, *got, row.Now)
		}
	}
	for name := range kinds {
		if !seen[name] {
			t.Errorf("%s has no row", name)
		}
	}
}
