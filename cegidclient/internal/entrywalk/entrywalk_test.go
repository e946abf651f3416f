package entrywalk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cegid.internal/gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type line struct {
	id, day, journal, account string
	half                      int
}

// books are a dossier whose lines can be asked for as Loop's, and what was asked.
type books struct {
	mu                 sync.Mutex
	lines              []line
	journals, accounts []string
	cap                int  // of an answer
	nameless           bool // lines come without an id
	asked              atomic.Int64
	log                []Question
	before             func(Question) // runs before a question is answered
}

func (b *books) meets(l line, q Question) bool {
	return l.half == q.Half && (q.Day == "" || l.day == q.Day) && (q.From == "" || l.day >= q.From) &&
		(q.Journal == "" || l.journal == q.Journal) && (q.Account == "" || l.account == q.Account)
}

func (b *books) ask(_ context.Context, q Question) (out []Line[line], _ error) {
	b.asked.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.before != nil {
		b.before(q)
	}
	b.log = append(b.log, q)
	for _, l := range b.lines {
		if len(out) == b.cap {
			break
		}
		if b.meets(l, q) {
			got := Line[line]{Item: l, ID: l.id, Key: l.id}
			if b.nameless {
				got.ID = ""
			}
			out = append(out, got)
		}
	}
	return out, nil
}

func (b *books) walk(from, to string) Walk[line] {
	return Walk[line]{
		From: from, To: to, Halves: 2, Ask: b.ask, Ahead: 4,
		Journals: func(context.Context) ([]string, error) { return b.journals, nil },
		Accounts: func(context.Context) ([]string, error) { return b.accounts, nil },
	}
}

// oracle is the number of questions of a program that knows beforehand which ones give as many as Loop gives at most.
func (b *books) oracle(from, to string) (questions int) {
	count := func(q Question) (n int) {
		for _, l := range b.lines {
			if b.meets(l, q) {
				n++
			}
		}
		return n
	}
	for half := range 2 {
		for day := from; day <= to; day = after(day) {
			if count(Question{Half: half, Day: day}) < Limit {
				questions++
				continue
			}
			for _, journal := range b.journals {
				if count(Question{Half: half, Day: day, Journal: journal}) < Limit {
					questions++
				} else {
					questions += len(b.accounts)
				}
			}
		}
	}
	return questions
}

// random is a dossier of a few days, some of them heavy.
func random(r *rand.Rand, cap int) *books {
	b := &books{cap: cap}
	for i := range 1 + r.IntN(5) {
		b.journals = append(b.journals, fmt.Sprintf("J%d", i))
	}
	for i := range 1 + r.IntN(12) {
		b.accounts = append(b.accounts, fmt.Sprintf("%d", 40+i))
	}
	days := 1 + r.IntN(60)
	for range r.IntN(6) {
		n, day, journal := r.IntN(200), r.IntN(days), r.IntN(len(b.journals))
		spread := r.IntN(4)
		for range n {
			l := line{id: fmt.Sprintf("%08x", r.Uint32()), half: min(r.IntN(3), 1)}
			at, of := day, journal
			if spread > 0 {
				at = r.IntN(days)
			}
			if spread > 1 {
				of = r.IntN(len(b.journals))
			}
			l.day = time.Date(2026, 1, 1+at, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			l.journal, l.account = b.journals[of], b.accounts[r.IntN(len(b.accounts))]
			if r.IntN(4) == 0 {
				l.account = b.accounts[0]
			}
			b.lines = append(b.lines, l)
		}
	}
	slices.SortFunc(b.lines, func(x, y line) int { return strings.Compare(x.id, y.id) })
	b.lines = slices.CompactFunc(b.lines, func(x, y line) bool { return x.id == y.id })
	return b
}

type read struct {
	times map[string]int
	gaps  []Gap
}

// all walks to the end. It resumes from a copy of the state after the steps that cut says, forgetting all else.
func all(t testing.TB, w Walk[line], cut func() bool) read {
	t.Helper()
	out := read{times: map[string]int{}}
	for state, ended := (State{}), false; !ended; {
		for step, err := range w.Steps(t.Context(), state) {
			testkit.OK(t, err)
			for _, l := range step.Items {
				out.times[l.id]++
			}
			out.gaps = append(out.gaps, step.Gaps...)
			text, err := json.Marshal(step.State)
			if err != nil || len(text) > 1500 {
				t.Fatalf("%d bytes of state, %v", len(text), err)
			}
			state = State{}
			if err := json.Unmarshal(text, &state); err != nil || !state.Valid(w.From, w.To, w.Halves) {
				t.Fatalf("%s: %v", text, err)
			}
			ended = step.End
			if !ended && cut() {
				break
			}
		}
	}
	return out
}

func never() bool { return false }

// check holds what a walk promises: each line once, none missing but in a part that is named, and none from elsewhere.
func check(t *testing.T, b *books, w Walk[line], got read, once bool) {
	t.Helper()
	wanted := map[string]bool{}
	for _, l := range b.lines {
		if l.day < w.From || l.day > w.To {
			continue
		}
		wanted[l.id] = true
		n := got.times[l.id]
		if n > 1 && once {
			t.Errorf("%+v came %d times", l, n)
		}
		named := slices.ContainsFunc(got.gaps, func(g Gap) bool {
			return g.Reason == Uncovered && g.Question.Day == l.day || g.Reason != Uncovered && b.meets(l, g.Question)
		})
		if n == 0 && !named {
			t.Errorf("%+v did not come, and no part of it is named: %+v", l, got.gaps)
		}
	}
	for id := range got.times {
		if !wanted[id] {
			t.Errorf("%s came from outside of the range", id)
		}
	}
}

// TestEachLineComesOnceWhateverTheDossier: whatever Loop's limit, too, from the shortest that is believed on.
func TestEachLineComesOnceWhateverTheDossier(t *testing.T) {
	complete := 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 17))
		cap := []int{Limit, Limit, Limit, 50, 10, 13, 250, 1000}[r.IntN(8)]
		b := random(r, cap)
		b.nameless = r.IntN(8) == 0
		from := 1 + r.IntN(20)
		w := b.walk(fmt.Sprintf("2026-01-%02d", from), time.Date(2026, 1, from+r.IntN(90), 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		got := all(t, w, never)
		check(t, b, w, got, true)
		if len(got.gaps) == 0 {
			complete++
		}
		if t.Failed() {
			t.Fatalf("seed %d, limit %d", seed, cap)
		}
	}
	if complete < 300 {
		t.Errorf("%d of 600 walks were whole: gaps are named too easily", complete)
	}
}

// TestAWalkGoesOnWhereItWasCut: after any step, with nothing but its state. Nothing is missing; without a change no line comes
// twice, either, as what was read is not asked for again.
func TestAWalkGoesOnWhereItWasCut(t *testing.T) {
	cuts := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 18))
		b := random(r, Limit)
		w := b.walk("2026-01-01", "2026-02-20")
		got := all(t, w, func() bool {
			cut := r.IntN(2) == 0
			if cut {
				cuts++
			}
			return cut
		})
		check(t, b, w, got, true)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if cuts < 200 {
		t.Errorf("%d cuts", cuts)
	}
}

// TestALineThatIsLetteredMeanwhileComesOnce: it goes over from the first half to the second, at any moment.
func TestALineThatIsLetteredMeanwhileComesOnce(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 19))
		b := random(r, Limit)
		b.before = func(Question) {
			if n := len(b.lines); n > 0 {
				b.lines[r.IntN(n)].half = 1
			}
		}
		w := b.walk("2026-01-01", "2026-03-20")
		got := all(t, w, never)
		for _, l := range b.lines {
			named := slices.ContainsFunc(got.gaps, func(g Gap) bool {
				g.Question.Half = l.half
				return g.Reason == Uncovered && g.Question.Day == l.day || b.meets(l, g.Question)
			})
			if n := got.times[l.id]; n > 1 || n == 0 && !named {
				t.Fatalf("seed %d: %+v came %d times; %+v", seed, l, n, got.gaps)
			}
		}
	}
}

// many are n lines of one day, half and journal, on as many accounts.
func many(n int, day string, accounts ...string) (out []line) {
	for i := range n {
		out = append(out, line{id: fmt.Sprintf("%s-%04d", day, i), day: day, journal: "J0", account: accounts[i%len(accounts)]})
	}
	return out
}

func TestWhatCannotBeSplitIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		books *books
		want  []Gap
		came  int
	}{
		"99 lines of one account, where a longer answer came": {
			&books{lines: slices.Concat(many(99, "2026-01-05", "40"), many(1, "2026-03-05", "40")), journals: []string{"J0"}, accounts: []string{"40"}}, nil, 99,
		},
		"99 lines of one account, and nothing else at all": {
			&books{lines: many(99, "2026-01-05", "40"), journals: []string{"J0"}, accounts: []string{"40"}},
			[]Gap{{Question{Day: "2026-01-05", Journal: "J0", Account: "40"}, Doubtful}},
			99,
		},
		"100 lines of one account": {
			&books{lines: many(100, "2026-01-05", "40"), journals: []string{"J0"}, accounts: []string{"40"}},
			[]Gap{{Question{Day: "2026-01-05", Journal: "J0", Account: "40"}, Full}},
			100,
		},
		"198 lines of two accounts": {&books{lines: many(198, "2026-01-05", "40", "41"), journals: []string{"J0"}, accounts: []string{"40", "41"}}, nil, 198},
		"a journal that the list lacks": {
			&books{lines: many(120, "2026-01-05", "40", "41"), journals: []string{"J1"}, accounts: []string{"40", "41"}},
			[]Gap{{Question{Day: "2026-01-05"}, Uncovered}},
			100, // those that were seen are given
		},
		"an account that the list lacks": {
			&books{lines: many(120, "2026-01-05", "40", "41"), journals: []string{"J0"}, accounts: []string{"40"}},
			[]Gap{{Question{Day: "2026-01-05"}, Uncovered}},
			110, // 60, and 50 of those seen
		},
		"no lists at all": {
			&books{lines: many(120, "2026-01-05", "40")},
			[]Gap{{Question{Day: "2026-01-05"}, Full}},
			100,
		},
		"a limit of 60 that nobody documents": {
			&books{lines: many(150, "2026-01-05", "40"), journals: []string{"J0"}, accounts: []string{"40"}, cap: 60},
			[]Gap{{Question{Day: "2026-01-05", Journal: "J0", Account: "40"}, Doubtful}},
			60,
		},
	} {
		b := tc.books
		if b.cap == 0 {
			b.cap = Limit
		}
		got := all(t, b.walk("2026-01-01", "2026-01-31"), never)
		if !slices.Equal(got.gaps, tc.want) || len(got.times) != tc.came {
			t.Errorf("%s: %d lines, %+v; want %d, %+v", name, len(got.times), got.gaps, tc.came, tc.want)
		}
	}
}

// TestASmallDossierCostsFewQuestions: a mature one shows Loop's limit at once, a young one by its parts.
func TestASmallDossierCostsFewQuestions(t *testing.T) {
	lists := books{cap: Limit, journals: []string{"J0", "J1"}, accounts: []string{"40", "41"}}
	for name, tc := range map[string]struct {
		lines []line
		most  int64
	}{
		"nothing":                              {nil, 2},
		"a few lines":                          {many(8, "2026-05-05", "40"), 3},
		"a young dossier":                      {slices.Concat(many(40, "2026-05-05", "40"), journal(many(30, "2026-05-06", "41"), "J1")), 7},
		"a mature one, little in the range":    {slices.Concat(many(150, "2026-12-31", "40", "41"), many(40, "2026-05-05", "41")), 400},
		"a mature one that ended before":       {many(150, "2025-12-31", "40"), 2},
		"one that ends early in the range":     {slices.Concat(many(90, "2026-01-02", "40", "41"), many(90, "2026-01-03", "40", "41")), 16},
		"one with a little beyond the range":   {slices.Concat(many(95, "2026-01-02", "40"), many(95, "2026-01-03", "41"), many(5, "2027-02-01", "41")), 16},
		"one of ten years with a single year ": {slices.Concat(many(150, "2019-03-02", "40", "41"), many(150, "2019-06-03", "40", "41")), 2},
	} {
		b := &books{cap: lists.cap, journals: lists.journals, accounts: lists.accounts, lines: tc.lines}
		w := b.walk("2026-01-01", "2026-12-31")
		got := all(t, w, never)
		check(t, b, w, got, true)
		if len(got.gaps) > 0 || b.asked.Load() > tc.most {
			t.Errorf("%s: %d questions of %d at most; %+v\n%+v", name, b.asked.Load(), tc.most, got.gaps, b.log)
		}
	}
}

func journal(lines []line, code string) []line {
	for i := range lines {
		lines[i].journal = code
	}
	return lines
}

// TestQuestionsStayNearTheFewest: over random dossiers, most of them of many days without lines.
func TestQuestionsStayNearTheFewest(t *testing.T) {
	worst := 0.0
	for seed := range uint64(300) {
		b := random(rand.New(rand.NewPCG(seed, 20)), Limit)
		oracle := b.oracle("2026-01-01", "2026-03-01")
		w := b.walk("2026-01-01", "2026-03-01")
		all(t, w, never)
		worst = max(worst, float64(b.asked.Load())/float64(oracle))
	}
	if worst > 1.3 {
		t.Errorf("%.2f times the fewest questions", worst)
	}
	t.Logf("at worst %.3f times the fewest questions", worst)
}

// TestNoMoreIsUnderWayThanAllowed: nor does anything go on when the reader has left, or after an error.
func TestNoMoreIsUnderWayThanAllowed(t *testing.T) {
	b := random(rand.New(rand.NewPCG(3, 3)), Limit)
	b.lines = append(b.lines, many(500, "2026-01-02", b.accounts...)...)
	var now, most atomic.Int64
	w := b.walk("2026-01-01", "2026-03-31")
	w.Ahead = 3
	w.Ask = func(ctx context.Context, q Question) ([]Line[line], error) {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(10 * time.Microsecond)
		return b.ask(ctx, q)
	}
	all(t, w, never)
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
	for range w.Steps(t.Context(), State{}) {
		break
	}
	if now.Load() != 0 {
		t.Errorf("%d go on behind the reader's back", now.Load())
	}
	lost := errors.New("lost")
	inner := w.Ask
	var n atomic.Int64
	w.Ask = func(ctx context.Context, q Question) ([]Line[line], error) {
		if n.Add(1) > 7 {
			return nil, lost
		}
		return inner(ctx, q)
	}
	var last error
	for step, err := range w.Steps(t.Context(), State{}) {
		if last = err; step.End {
			t.Error("it ended as if nothing had happened")
		}
	}
	if !errors.Is(last, lost) || now.Load() != 0 {
		t.Errorf("%v, %d go on", last, now.Load())
	}
}

func TestAStateThatNoWalkHasBeenInIsRefused(t *testing.T) {
	for name, s := range map[string]State{
		"before the range":    {Day: "2025-12-31"},
		"behind the range":    {Day: "2026-02-02"},
		"no day":              {Day: "soon"},
		"a third half":        {Day: "2026-01-02", Half: 3},
		"a half below zero":   {Day: "2026-01-02", Half: -1},
		"three halves done":   {Day: "2026-01-02", Done: 7},
		"a journal of no day": {Journal: "J0"},
		"half a digest":       {Day: "2026-01-02", Awaited: make([]byte, 6)},
		"too many digests":    {Day: "2026-01-02", Awaited: make([]byte, 4*mostAwaited+4)},
		"a look far away":     {Day: "2026-01-02", Look: 1 << 30},
	} {
		if s.Valid("2026-01-01", "2026-01-31", 2) {
			t.Error(name)
		}
	}
}

// FuzzAWalkFromAnyState ends, and gives nothing twice nor from outside of the range.
func FuzzAWalkFromAnyState(f *testing.F) {
	f.Add(uint64(1), `{}`)
	f.Add(uint64(2), `{"d":"2026-01-09","h":1,"j":"J1","a":"41","e":1,"l":3,"g":4,"m":100,"w":"AAAAAQ==","i":true}`)
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		var state State
		w := Walk[line]{From: "2026-01-01", To: "2026-02-20", Halves: 2}
		if json.Unmarshal([]byte(text), &state) != nil || !state.Valid(w.From, w.To, w.Halves) {
			return
		}
		b := random(rand.New(rand.NewPCG(seed, 21)), Limit)
		w = b.walk(w.From, w.To)
		seen := map[string]bool{}
		for step, err := range w.Steps(t.Context(), state) {
			testkit.OK(t, err)
			for _, l := range step.Items {
				if seen[l.id] || l.day < w.From || l.day > w.To {
					t.Errorf("%+v", l)
				}
				seen[l.id] = true
			}
		}
	})
}
