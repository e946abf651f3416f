package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
)

// walked is what came of a walk.
type walked struct {
	cursors         []string
	ids             []map[string]bool // up to each cursor
	all             map[string]bool
	gaps            []*looppb.EntryGap
	complete, ended bool
}

func (w *walked) take(t *testing.T, m *looppb.StreamEntriesResponse) {
	t.Helper()
	for _, entry := range m.GetEntries() {
		w.all[entry.GetUnmapped()["objectId"]] = true
	}
	walk := m.GetWalk()
	w.gaps = append(w.gaps, walk.GetGaps()...)
	if walk.GetCursor() != "" {
		w.cursors, w.ids = append(w.cursors, walk.GetCursor()), append(w.ids, maps.Clone(w.all))
	}
	if walk != nil && walk.Complete != nil {
		w.complete, w.ended = walk.GetComplete(), true
		if walk.GetCursor() != "" || m.GetTruncated() == w.complete || walk.GetQuestions() == 0 {
			t.Errorf("it ends with %v", m)
		}
	}
}

// TestAWalkNamesWhatItCannotRead and goes on at each of its cursors, over the other transport, to the same end.
func TestAWalkNamesWhatItCannotRead(t *testing.T) {
	h := start(t, nil)
	var entries []loopsim.Entry
	book := func(day, account string, lines int) {
		e := loopsim.Entry{Journal: "VTE", Date: day, Reference: day + account, RefPiece: day + account}
		for range lines - 1 {
			e.Lines = append(e.Lines, loopsim.EntryLine{Compte: account, Libelle: "Vente", Debit: 100})
		}
		e.Lines = append(e.Lines, loopsim.EntryLine{Compte: account, Libelle: "Vente", Credit: int64(lines-1) * 100})
		entries = append(entries, e)
	}
	book("2026-02-16", "41100000", 150) // which no criterion splits
	for month := 3; month <= 6; month++ {
		book(fmt.Sprintf("2026-%02d-10", month), "70600000", 80)
		book(fmt.Sprintf("2026-%02d-10", month), "41100000", 60)
	}
	testkit.OK(t, h.Simulator.AddDossier("partner", "CROWD", loopsim.With(loopsim.Template(), entries...)))
	overGRPC := func(cursor string) *walked {
		t.Helper()
		stream, err := looppb.NewEntryServiceClient(h.conn).StreamEntries(as(t.Context(), "everything"), &looppb.StreamEntriesRequest{
			Practice: "partner", Dossier: "CROWD", DocumentDateFrom: "2026-01-01", DocumentDateTo: "2026-12-31", IncludeUnmapped: true, Cursor: cursor,
		})
		testkit.OK(t, err)
		out := &walked{all: map[string]bool{}}
		for {
			m, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return out
			}
			testkit.OK(t, err)
			out.take(t, m)
		}
	}
	overREST := func(cursor string) *walked {
		t.Helper()
		query := url.Values{"documentDateFrom": {"2026-01-01"}, "documentDateTo": {"2026-12-31"}, "includeUnmapped": {"true"}, "cursor": {cursor}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.rest+"/v1/practices/partner/dossiers/CROWD/entries:stream?"+query.Encode(), http.NoBody)
		testkit.OK(t, err)
		request.Header.Set("Authorization", "Bearer everything")
		response, err := h.web.Do(request)
		testkit.OK(t, err)
		defer response.Body.Close()
		out := &walked{all: map[string]bool{}}
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			line := lines.Bytes()
			m := &looppb.StreamEntriesResponse{}
			if err := protojson.Unmarshal(line[len(`{"result":`):len(line)-1], m); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			out.take(t, m)
		}
		return out
	}

	whole := overGRPC("")
	if len(whole.all) != 100+4*140 || !whole.ended || whole.complete || len(whole.gaps) != 1 || len(whole.cursors) < 3 {
		t.Fatalf("%d entries, %t, %t, %v, %d cursors", len(whole.all), whole.ended, whole.complete, whole.gaps, len(whole.cursors))
	}
	if g := whole.gaps[0]; g.GetReason() != looppb.EntryGapReason_ENTRY_GAP_REASON_FULL || g.GetLettering() != looppb.LetteringState_LETTERING_STATE_UNLETTERED ||
		g.GetDocumentDate() != "2026-02-16" || g.GetJournal() != "VTE" || g.GetAccount() != "41100000" {
		t.Errorf("the gap is %v", g)
	}
	for _, i := range []int{0, len(whole.cursors) / 2, len(whole.cursors) - 1} {
		cursor := whole.cursors[i]
		rest := overREST(cursor)
		together := maps.Clone(whole.ids[i])
		maps.Copy(together, rest.all)
		if !rest.ended || rest.complete || !maps.Equal(together, whole.all) || len(rest.all) == len(whole.all) && i > 0 {
			t.Errorf("from cursor %d of %d: %d entries, %d with those before; %t, %t", i, len(whole.cursors), len(rest.all), len(together), rest.ended, rest.complete)
		}
	}
	if cursors := slices.Compact(slices.Sorted(slices.Values(whole.cursors))); len(cursors) != len(whole.cursors) {
		t.Errorf("of %d cursors %d differ", len(whole.cursors), len(cursors))
	}
	t.Logf("%d cursors", len(whole.cursors))
}
