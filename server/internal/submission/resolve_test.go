package submission

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

func TestALookIsSpreadEvenly(t *testing.T) {
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprint(i))
	}
	got := spread(all, mostSearched)
	if len(got) != mostSearched || got[0] != "0" || got[mostSearched-1] != "99" || len(slices.Compact(slices.Clone(got))) != mostSearched || !reflect.DeepEqual(got, spread(all, mostSearched)) {
		t.Errorf("%v", got)
	}
	for _, n := range []int{0, 1, 19, 20} {
		if got := spread(all[:n], mostSearched); !reflect.DeepEqual(got, all[:n]) {
			t.Errorf("%d: %v", n, got)
		}
	}
	if got := searchable([]string{"FA-1", `FA "2"`, `FA\3`, "FA 4", "FA\n5"}); !reflect.DeepEqual(got, []string{"FA-1", "FA 4"}) {
		t.Errorf("searchable: %q", got)
	}
}

// lookingAt is a call of ResolveImport that looks at a Loop.
func lookingAt(t *testing.T, loop http.HandlerFunc) *resolving {
	server := httptest.NewServer(loop)
	t.Cleanup(server.Close)
	client, err := cegidclient.New(cegidclient.Config{
		BaseURL: server.URL, AllowPlainHTTP: true, Practice: "demo",
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("k:s"), cegidclient.NewSecret("a:s"), cegidclient.NewSecret("sub")),
	})
	testkit.OK(t, err)
	t.Cleanup(client.Close)
	return &resolving{practice: Practice{Client: client}}
}

// TestWhatALookSees of a Loop whose answers follow one another: not lettered, lettered, and not lettered again.
func TestWhatALookSees(t *testing.T) {
	const ours = `{"journalCode":"ACH","refPiece":"FA-1","datePiece":"2026-03-15T00:00:00.000Z"}`
	many := "[" + strings.TrimSuffix(strings.Repeat(ours+",", cegidclient.MaxEntries), ",") + "]"
	for name, test := range map[string]struct {
		answers []string
		want    ledger.Sighting
	}{
		"nothing": {[]string{"[]", "[]", "[]"}, ledger.Sighting{}},
		"entries of the import": {
			[]string{"[" + ours + "," + ours + "]", "[" + ours + "]"}, ledger.Sighting{Unlettered: 2, Lettered: 1},
		},
		"an entry that loses its lettering meanwhile": {[]string{"[]", "[]", "[" + ours + "]"}, ledger.Sighting{Unlettered: 1}},
		"as many as Loop gives":                       {[]string{"[]", many}, ledger.Sighting{Lettered: cegidclient.MaxEntries, Truncated: true}},
		"an entry of which nothing is said":           {[]string{"[{}]", "[]"}, ledger.Sighting{Unlettered: 1}},
		"an entry of another journal":                 {[]string{"[" + ours + `,{"journalCode":"OD"}]`, "[]"}, ledger.Sighting{Unlettered: 2, Different: true}},
		"an entry of another day":                     {[]string{`[{"datePiece":"2026-03-16"}]`, "[]"}, ledger.Sighting{Unlettered: 1, Different: true}},
		"an entry of another reference":               {[]string{`[{"refPiece":"fa-1"}]`, "[]"}, ledger.Sighting{Unlettered: 1, Different: true}},
		"a lettered one of another day":               {[]string{"[" + ours + "]", `[{"datePiece":"2025-03-15"}]`}, ledger.Sighting{Unlettered: 1, Lettered: 1, Different: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var filters []string
			r := lookingAt(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				filters = append(filters, r.URL.Query().Get("filter"))
				if len(filters) <= len(test.answers) {
					_, _ = w.Write([]byte(test.answers[len(filters)-1]))
				}
			})
			r.Record = ledger.Record{
				Key: ledger.Key{Dossier: "D"}, Clues: map[string]ledger.Clue{"FA-1": {Journals: []string{"ACH"}, Dates: []string{"2026-03-15"}}},
			}
			test.want.Reference = "FA-1"
			if got, err := (look{client: r.practice.Client, record: r.Record}).sight(t.Context(), "FA-1"); err != nil || got != test.want {
				t.Errorf("%+v, %v; want %+v", got, err, test.want)
			}
			mu.Lock()
			defer mu.Unlock()
			want := []string{`codeLettrage==null&&refPiece=="FA-1"`, `codeLettrage!=null&&refPiece=="FA-1"`, `codeLettrage==null&&refPiece=="FA-1"`}
			if !reflect.DeepEqual(filters, want[:len(test.answers)]) {
				t.Errorf("asked %q", filters)
			}
		})
	}
}

// TestWhatLoopHasAcceptedIsNotThereOnlyOnceItHasFailed: Loop did not end it within 7 days, and may still book it.
func TestWhatLoopHasAcceptedIsNotThereOnlyOnceItHasFailed(t *testing.T) {
	const none, some = `[]`, `[{"refPiece":"FA-1"}]`
	for name, test := range map[string]struct {
		status, entries string
		want            ledger.Verdict
		doubt           ledger.Doubt
		state           ledger.State
	}{
		"failed since":             {`{"status":4}`, none, ledger.NotFound, ledger.NoDoubt, ledger.Failed},
		"still in the queue":       {`{"status":1}`, none, ledger.Inconclusive, ledger.NotFailed, ledger.Uncertain},
		"still at work":            {`{"status":2}`, none, ledger.Inconclusive, ledger.NotFailed, ledger.Uncertain},
		"booked, by Loop's answer": {`{"status":3}`, none, "", ledger.NoDoubt, ledger.Succeeded},
		"of an unknown status":     {`{"status":9}`, none, ledger.Inconclusive, ledger.NotFailed, ledger.Uncertain},
		"forgotten by Loop":        {`{"error":{"message":"inconnu"}}`, none, ledger.Inconclusive, ledger.NotFailed, ledger.Uncertain},
		"booked and still at work": {`{"status":2}`, some, ledger.Found, ledger.NoDoubt, ledger.Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			r := lookingAt(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				answer := none
				switch {
				case r.URL.Path == "/getImportStatus":
					answer = test.status
				case strings.Contains(r.URL.Query().Get("filter"), `"FA-1"`):
					answer = test.entries
				}
				asked = append(asked, r.URL.Path)
				_, _ = w.Write([]byte(answer))
			})
			now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			book, err := ledger.Temporary(t.Context(), func() time.Time { return now })
			testkit.OK(t, err)
			defer book.Close()
			r.Writer, r.by = &Writer{Ledger: book}, "anna"
			key := ledger.Key{Practice: "demo", Dossier: "D", Collection: ledger.Imports, RequestID: "FA-1"}
			begun, err := book.Begin(t.Context(), ledger.Submission{
				Key: key, Caller: "anna", Kind: ledger.KindEntries, Fingerprints: []ledger.Fingerprint{{Scheme: 1}}, DocumentReferences: []string{"FA-1"},
			}, "server")
			if err == nil {
				err = book.Submitting(t.Context(), key, 1, begun.Owner, time.Minute)
			}
			if err == nil {
				_, err = book.Settle(t.Context(), key, 1, begun.Owner, ledger.Outcome{State: ledger.Waiting, LoopRequestID: "loop-1"})
			}
			for aged := time.Duration(0); err == nil && aged < ledger.FollowFor; aged += ledger.AskGap {
				now = now.Add(ledger.AskGap)
				err = book.Followed(t.Context(), ledger.Question{Key: key, Attempt: 1, State: ledger.Waiting, LoopRequestID: "loop-1"}, ledger.Progress{})
			}
			if err == nil {
				r.Record, err = book.Get(t.Context(), key)
			}
			if err != nil || r.Record.State != ledger.Uncertain {
				t.Fatal(r.Record.State, err)
			}
			var seen ledger.Evidence
			err = r.check(t.Context())
			if r.Record.Evidence != nil {
				seen = *r.Record.Evidence
			}
			if err != nil || seen.Verdict != test.want || seen.Doubt != test.doubt || r.Record.State != test.state {
				t.Errorf("%s: %+v, %v", r.Record.State, seen, err)
			}
			if kept, err := book.Get(t.Context(), key); err != nil || kept.State != test.state || (kept.Error != nil) != (test.state != ledger.Succeeded) {
				t.Errorf("%+v, %v", kept, err)
			}
			if asked[0] != "/getImportStatus" || slices.Contains(asked[1:], "/getImportStatus") {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

func TestWhatTheEntriesOfADocumentCanBeToldBy(t *testing.T) {
	got := clues(cegidclient.EntryImport{Entries: []cegidclient.Entry{
		{Journal: "ACH", Date: "2026-03-15", DocumentReference: "FA-1", DocumentDate: "2026-03-10"},
		{Journal: "OD", Date: "2026-03-15", DocumentReference: "FA-1"},
		{Journal: "VTE", Date: "2026-03-16", DocumentReference: "FA-2", DocumentDate: "2026-03-16"},
	}})
	want := map[string]ledger.Clue{
		"FA-1": {Journals: []string{"ACH", "OD"}, Dates: []string{"2026-03-15", "2026-03-10"}},
		"FA-2": {Journals: []string{"VTE"}, Dates: []string{"2026-03-16"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
