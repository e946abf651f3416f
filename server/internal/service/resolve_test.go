package service

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"cegid.internal/gateway/cegidclient"
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
			loop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				filters = append(filters, r.URL.Query().Get("filter"))
				if len(filters) <= len(test.answers) {
					_, _ = w.Write([]byte(test.answers[len(filters)-1]))
				}
			}))
			defer loop.Close()
			client, err := cegidclient.New(cegidclient.Config{
				BaseURL: loop.URL, AllowPlainHTTP: true, Practice: "demo",
				Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("k:s"), cegidclient.NewSecret("a:s"), cegidclient.NewSecret("sub")),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			r := &resolving{practice: &Practice{Client: client}, record: ledger.Record{
				Dossier: "D", Clues: map[string]ledger.Clue{"FA-1": {Journals: []string{"ACH"}, Dates: []string{"2026-03-15"}}},
			}}
			test.want.Reference = "FA-1"
			if got, err := r.sight(t.Context(), "FA-1"); err != nil || got != test.want {
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
