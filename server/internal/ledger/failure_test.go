package ledger

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// toldBefore are errors as the servers stored them that stored their answer, and so are the columns rpc and resolution.
var toldBefore = []string{
	`{"reason":"LOOP_QUOTA","code":8,"message":"Loop asks to slow down, and has not taken it","loop_message":"Trop d'appels.","operation":"import_entries","http_status":429,"retry_after":5000000000}`,
	`{"reason":"LOOP_REFUSED","code":0,"message":"Loop ended the import with errors","loop_message":"Journal clos","loop_instance_id":"i-1","http_status":200}`,
	`{"reason":"SHUTTING_DOWN","code":14,"message":"The server ended, or took too long, before it was sent: nothing was booked."}`,
}

func TestRowsOfTheServersBeforeKeepTheirAnswer(t *testing.T) {
	onEach(t, rowsOfTheServersBeforeKeepTheirAnswer)
}

func rowsOfTheServersBeforeKeepTheirAnswer(t *testing.T, temporary opener) {
	l := temporary(t, nil)
	for i, text := range toldBefore {
		s := submission(string(rune('a'+i)), text)
		reach(t, l, s, Failed)
		const late = `{"late":[{"attempt":1,"state":"REFUSED","message":"LOOP_REFUSED Le journal est clos.","time":"2026-03-01T09:00:00Z"}]}`
		if _, err := l.db.ExecContext(t.Context(), `UPDATE write_request SET error = $1, rpc = 'ImportService.ImportEntries', resolution = $2 WHERE request_id = $3`, text, late, s.RequestID); err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		testkit.OK(t, json.Unmarshal([]byte(text), &want))
		r := get(t, l, s.Key)
		if r.Error == nil || r.Error.Answered == nil || string(r.Error.Cause) != want["reason"] || float64(*r.Error.Answered) != want["code"] || r.Error.Detail != want["message"] ||
			r.Kind != KindEntries || len(r.Resolution.Late) != 1 || r.Resolution.Late[0].Cause != "" || r.Resolution.Late[0].Message != "LOOP_REFUSED Le journal est clos." {
			t.Errorf("%+v, %+v", r, r.Error)
		}
		// What changes something else of the row writes both anew.
		checked(t, l, s.Key, Search{Attempt: 1})
		var rewritten, rpc string
		testkit.OK(t, l.db.QueryRowContext(t.Context(), `SELECT error, rpc FROM write_request WHERE request_id = $1`, s.RequestID).Scan(&rewritten, &rpc))
		var got map[string]any
		if err := json.Unmarshal([]byte(rewritten), &got); err != nil || !reflect.DeepEqual(got, want) || rpc != "ImportService.ImportEntries" {
			t.Errorf("%s of %s became %s, %v", text, rpc, rewritten, err)
		}
		if b := begin(t, l, s); !b.Existing {
			t.Errorf("a repeat is begun anew: %+v", b)
		}
		other := s
		other.Kind = KindFile
		if _, err := l.Begin(t.Context(), other, owner); !errors.Is(err, ErrReused) {
			t.Errorf("another kind of write under its id: %v", err)
		}
	}
}

func TestKindsAreStoredSoThatTheServersBeforeReadThem(t *testing.T) {
	for _, kind := range Kinds() {
		if column := kind.column(); column == string(kind) || kindOf(column) != kind || kindOf(string(kind)) != kind {
			t.Errorf("%s is stored as %s", kind, column)
		}
	}
	if kind := kindOf("PayrollService.Pay"); kind.column() != "PayrollService.Pay" {
		t.Errorf("of a server to come: %s", kind.column())
	}
}

// TestAServerBeforeReadsWhatIsStoredNow: with its own type; a cause is not one of its reasons, and it decides by the state.
func TestAServerBeforeReadsWhatIsStoredNow(t *testing.T) {
	for _, cause := range Causes() {
		text, err := json.Marshal(Failure{Cause: cause, Detail: "d", LoopMessage: "l", RetryAfter: 1})
		testkit.OK(t, err)
		var before struct {
			Reason      string `json:"reason"`
			Code        uint32 `json:"code"`
			Message     string `json:"message,omitempty"`
			LoopMessage string `json:"loop_message,omitempty"`
			RetryAfter  int64  `json:"retry_after,omitempty"`
		}
		if err := json.Unmarshal(text, &before); err != nil || before.Reason != string(cause) || before.Code != 0 || before.Message != "d" || before.LoopMessage != "l" || before.RetryAfter != 1 {
			t.Errorf("%s: %+v, %v", text, before, err)
		}
	}
}
