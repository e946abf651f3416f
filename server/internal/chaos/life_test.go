//go:build life

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/recall"
)

// perLife is how many imports a life has: more make its ledger slower, fewer leave less to go wrong at once.
const perLife = 1000

// TestASeedIsALife: each life of a server, its callers and Loop passes on virtual time and follows from a seed; whatever
// happens in it, each entry is booked once at most, its caller knows, and Loop is asked about what is not over.
//
//	LOOP_LIFE_IMPORTS  imports of all lives together, 10,000 unless given
//	LOOP_LIFE_SEED     the first seed, 1 unless given: a life that failed is lived again by its seed and LOOP_LIFE_IMPORTS=1
//	LOOP_LIFE_JOURNAL  folder to keep journals and logs in
func TestASeedIsALife(t *testing.T) {
	first, imports := number(t, "LOOP_LIFE_SEED", 1), number(t, "LOOP_LIFE_IMPORTS", 10_000)
	lives := (imports + perLife - 1) / perLife
	withDisks()
	var total Report
	var lived time.Duration
	var mu sync.Mutex
	began := time.Now()
	t.Cleanup(func() { // when all have ended
		for _, fault := range lifeFaults() {
			if total.Met[fault] == 0 && lives >= 10 {
				t.Errorf("a fault was never met: %s", fault)
			}
		}
		var table strings.Builder
		testkit.OK(t, total.Write(&table, fmt.Sprintf("%d lives from seed %d, %s of them, in %s", lives, first, lived.Round(time.Hour), time.Since(began).Round(time.Second))))
		t.Log("\n" + table.String())
	})
	for seed := first; seed < first+lives; seed++ {
		t.Run("seed "+strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel() // two cores have two bubbles
			folder := folderOfLife(t)
			synctest.Test(t, func(t *testing.T) {
				report, took := live(t, uint64(seed), folder)
				mu.Lock()
				defer mu.Unlock()
				total.Add(report)
				lived += took
			})
		})
	}
}

// folderOfLife is one in memory where there is such a place: no commit waits for a disk.
func folderOfLife(t *testing.T) string {
	folder, err := os.MkdirTemp("/dev/shm", "life")
	if err != nil {
		folder = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	testkit.OK(t, ledger.Init(t.Context(), filepath.Join(folder, "ledger.db")))
	return folder
}

// lifetime is a life under way.
type lifetime struct {
	t       *testing.T
	seed    uint64
	number  int
	folder  string
	loop    *loopsim.Simulator
	journal *Journal
	log     lockedLog

	process  atomic.Pointer[process]
	crashed  chan *process
	starts   int
	sky      atomic.Pointer[weather]
	leap     atomic.Int64
	underWay atomic.Int64

	ledgerFull, auditFull, unconfirmed, sighted atomic.Bool
	slowAudit                                   atomic.Int64 // how far the clock leaps at each record of the audit, which takes seconds
	commitsAsked                                atomic.Int64

	billing, expenses *caller
	crowds            []span // while so many import at once that Loop is slow
	dossiers          []string
	blinds            map[string]string // dossier to what blinds the lists of its entries
	calm              chan struct{}
	end               time.Time // of the storm

	mu         sync.Mutex
	bomb       bomb
	onTheWay   map[string]func() // what begins as soon as a submission is on its way
	posts      []posted
	processed  uint64
	recorded   map[string]bool // ids of imports, and the references of their entries, of which the audit tells
	questions  map[string]time.Time
	came       map[uint64]int
	meets      map[string]int
	forgotten  map[string]bool
	complaints []Complaint
	others     []other
}

func (l *lifetime) fail(format string, args ...any) { l.complain("harness", "", format, args...) }

func (l *lifetime) complain(rule, id, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complaints = append(l.complaints, Complaint{rule, id, fmt.Sprintf(format, args...)})
}

func (l *lifetime) clock() time.Time { return time.Now().Add(time.Duration(l.leap.Load())) }

// stormsOfLife is how long it is that things go wrong.
const stormsOfLife = 24 * time.Hour

// live lives a life, and compares.
func live(t *testing.T, seed uint64, folder string) (Report, time.Duration) {
	time.Sleep(26*365*24*time.Hour + 100*24*time.Hour) // a bubble begins in 2000, and the fiscal year is 2026
	began := time.Now()
	l := &lifetime{
		t: t, seed: seed, number: int(seed), folder: folder, loop: loopsim.NewSandbox(loopsim.WithRequestLog(0)), journal: NewJournalInMemory(),
		crashed: make(chan *process, 8), calm: make(chan struct{}), end: began.Add(stormsOfLife), blinds: map[string]string{}, recorded: map[string]bool{},
		questions: map[string]time.Time{}, came: map[uint64]int{}, meets: map[string]int{}, forgotten: map[string]bool{}, onTheWay: map[string]func(){},
	}
	defer l.loop.Close()
	l.dossiers = []string{"CEGID001", "CEGID003"}
	for _, code := range []string{"LIFE01", "LIFE02", "LIFE03"} {
		testkit.OK(t, l.loop.AddDossier(practice, code, loopsim.Template()))
		l.dossiers = append(l.dossiers, code)
	}
	chance := l.drawn("life")
	for i, what := range []string{listEmpty, filterIgnored} {
		at := l.dossiers[chance.Perm(len(l.dossiers))[i]]
		l.blinds[at] = what
		l.journal.Add(Event{Kind: Struck, Fault: what, What: what, Dossier: at})
	}
	l.sky.Store(&weather{})
	for _, fault := range lifeFaults() {
		if status, _ := statusOf(fault); fault != listEmpty && fault != filterIgnored {
			l.journal.Add(Event{Kind: Struck, Fault: fault, What: fault, Status: status})
		}
	}
	l.journal.Add(Event{Kind: Struck, Fault: "revoked", What: revokedKey, Status: http.StatusUnauthorized})
	l.billing = &caller{name: billing, journal: l.journal, imports: wire{lifetime: l}}
	l.expenses = &caller{name: expenses, journal: l.journal, imports: wire{lifetime: l}}
	if _, err := l.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	var stories sync.WaitGroup
	arrivals := l.drawn("arrivals")
	var burst, width time.Duration
	for i, left := 0, 0; i < perLife; i, left = i+1, left-1 {
		if left == 0 {
			burst = time.Duration(arrivals.Int64N(int64(stormsOfLife * 9 / 10)))
			if left, width = 1+arrivals.IntN(4), 2*time.Minute; arrivals.IntN(20) == 0 {
				left, width = 20+arrivals.IntN(30), time.Second+time.Duration(arrivals.Int64N(int64(time.Minute))) // more than have a place
				if arrivals.IntN(2) == 0 {
					l.crowds = append(l.crowds, span{began.Add(burst), began.Add(burst + 2*time.Minute)})
				}
			}
		}
		comes := burst + time.Duration(arrivals.Int64N(int64(width)))
		stories.Go(func() {
			time.Sleep(comes)
			l.tell(i)
		})
	}
	l.troubles()
	stories.Wait()
	l.reckon()
	l.process.Load().stop()
	events := l.journal.Events()
	report := Judge(events, l.books())
	for _, e := range events {
		if e.Kind == Told && e.State == "UNCERTAIN" && !l.recorded[e.ID] {
			report.complain(RuleUnexplained, e.ID, "told by %s, and the audit has no record that it was about to be sent", e.Method)
		}
	}
	report.Complaints = append(report.Complaints, l.complaints...)
	l.show(report, events)
	return report, time.Since(began)
}

// show tells what was found.
func (l *lifetime) show(report Report, events []Event) {
	for i, complaint := range report.Complaints {
		l.t.Errorf("%s: %s: %s", complaint.Rule, complaint.ID, complaint.Text)
		if i < 3 && complaint.ID != "" {
			l.t.Log(l.historyOf(complaint.ID, events))
		}
	}
	if len(report.Complaints) > 0 {
		l.t.Logf("live it again: LOOP_LIFE_SEED=%d LOOP_LIFE_IMPORTS=1 go test -tags life -count=1 -v -run '^TestASeedIsALife$' ./server/internal/chaos", l.seed)
	}
	if keep := os.Getenv("LOOP_LIFE_JOURNAL"); keep != "" {
		var text strings.Builder
		enc := json.NewEncoder(&text)
		for _, e := range events {
			_ = enc.Encode(e)
		}
		for _, sent := range l.books().Imports {
			_ = enc.Encode(sent)
		}
		_ = os.WriteFile(filepath.Join(keep, fmt.Sprintf("life-%d.jsonl", l.seed)), []byte(text.String()), 0o600)
		_ = os.WriteFile(filepath.Join(keep, fmt.Sprintf("life-%d.log", l.seed)), l.log.b.Bytes(), 0o600)
	}
}

// historyOf is what is known of an id, and what happened between its first and its last event.
func (l *lifetime) historyOf(id string, events []Event) string {
	var text strings.Builder
	first, last := -1, 0
	for i, e := range events {
		if e.ID == id {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	for i, e := range events {
		around := slices.Contains([]string{Killed, Leapt, Full, Freed, Restored}, e.Kind) && last-i < 400
		if e.ID == id || around && i > first && i < last {
			line, _ := json.Marshal(e)
			text.Write(append(line, '\n'))
		}
	}
	for _, sent := range l.books().Imports {
		if slices.ContainsFunc(sent.References, func(reference string) bool { return slices.Contains(referencesOf(id), reference) }) {
			line, _ := json.Marshal(sent)
			text.Write(append(line, '\n'))
		}
	}
	return text.String()
}

// books are what Loop has, and what it was sent.
func (l *lifetime) books() Books {
	out := Books{Questions: l.questions}
	known := l.loop.Imports()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, each := range l.posts {
		if each.seq > 0 {
			at := known[each.seq-1]
			each.Outcome, each.ID = string(at.Outcome), at.ID
		}
		out.Imports = append(out.Imports, each.BookImport)
	}
	for _, dossier := range l.dossiers {
		entries, err := l.loop.Entries(practice, dossier)
		testkit.OK(l.t, err)
		for _, each := range entries {
			text, _ := json.Marshal(each)
			var booked BookEntry
			testkit.OK(l.t, json.Unmarshal(text, &booked))
			out.Entries = append(out.Entries, booked)
		}
	}
	return out
}

// skies are the weathers that come round: of each thousand of requests, so many are struck.
func skies() []weather {
	return []weather{
		{},
		{posts: map[string]int{cutBefore: 60, cutAfter: 60, down: 40, downAfter: 30, faultAfter: 30, page: 30, throttled: 60, truncated: 40, nonsense: 20, hangs: 15, hangsAndBooks: 15, namedInNo: 30}, gets: map[string]int{listDown: 40, listCut: 30, listThrottled: 20, listTruncated: 30, statusUnknown: 40, statusStrange: 40}, slowest: time.Second},
		{},
		{posts: map[string]int{noWay: 1000}, gets: map[string]int{noWay: 1000}},
		{posts: map[string]int{throttled: 700}, gets: map[string]int{listThrottled: 300}},
		{posts: map[string]int{down: 1000}, gets: map[string]int{listDown: 1000}},
		{posts: map[string]int{page: 500}, gets: map[string]int{listTruncated: 200, listCut: 200}},
		{slowest: 48 * time.Second},
		{posts: map[string]int{cutAfter: 300, hangsAndBooks: 100}, gets: map[string]int{statusUnknown: 500, statusStrange: 300}, slowest: 5 * time.Second},
	}
}

// troubles lets things go wrong until the storm is over, and then puts all in order.
func (l *lifetime) troubles() {
	chance := l.drawn("fate") // the name it has had: another would make another life of each seed
	within := func(low, high time.Duration) time.Duration {
		return low + time.Duration(chance.Int64N(int64(high-low)))
	}
	ends := make(chan func(), 64) // what is to be taken back
	var timers []*time.Timer
	later := func(after time.Duration, end func()) {
		timers = append(timers, time.AfterFunc(after, func() { ends <- end }))
	}
	busy := map[string]bool{}
	lasting := func(what string, lasts time.Duration, begin, end func()) {
		if busy[what] {
			return
		}
		busy[what] = true
		begin()
		later(lasts, func() {
			l.mu.Lock()
			delete(l.onTheWay, what)
			l.mu.Unlock()
			busy[what] = false
			end()
		})
	}
	// soon is now, or while a submission is on its way.
	soon := func(what string, begin func()) {
		if chance.IntN(2) == 0 {
			begin()
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.onTheWay[what] = begin
	}
	var backup, volume string
	var backedUp, snapped time.Time
	setTrue := func(b *atomic.Bool) func() { return func() { b.Store(true) } }
	setFalse := func(b *atomic.Bool) func() { return func() { b.Store(false) } }
	full := setTrue(&l.ledgerFull)
	freed := func() {
		if l.ledgerFull.CompareAndSwap(true, false) {
			l.journal.Add(Event{Kind: Freed})
		}
	}
	back := func() {
		if l.leap.Swap(0) != 0 {
			l.journal.Add(Event{Kind: Leapt})
		}
	}
	years := func() bool { return time.Duration(l.leap.Load()).Abs() > 7*24*time.Hour }
	restart := func(meanwhile func()) {
		freed()                                             // or it would not start
		if years() && (l.leap.Load() > 0 || !l.hasSent()) { // which nobody can tell who begins with it
			back()
		}
		meanwhile()
		time.Sleep(within(time.Second, 3*time.Minute))
		if years() {
			l.met(startsBehind)
		}
		l.start()
	}
	stop := func(meanwhile func()) {
		p := l.process.Load()
		if p == nil {
			return
		}
		freed()
		l.met(stopsInPeace)
		p.stop()
		restart(meanwhile)
	}
	// putBack replaces the ledger, serves with it as if nobody knew, and restores it.
	putBack := func(what, from string, since time.Time) {
		if l.process.Load() == nil {
			return
		}
		stop(func() {
			testkit.OK(l.t, l.putBack(from))
			l.journal.Add(Event{Kind: PutBack, Since: since})
			l.met(what)
		})
		time.Sleep(within(time.Minute, 20*time.Minute))
		p := l.process.Load()
		if p == nil { // it has died meanwhile
			died := <-l.crashed
			died.reap()
			<-died.closed
		} else {
			if errors.Is(p.ledger.Held(l.t.Context()), ledger.ErrOlder) {
				l.met(heldBack)
			}
			p.stop()
		}
		l.restore()
		backup, volume = "", ""
		l.start()
	}
	over := time.NewTimer(time.Until(l.end))
	for done := false; !done; {
		select {
		case <-over.C:
			done = true
		case end := <-ends:
			end()
		case p := <-l.crashed:
			p.reap()
			<-p.closed
			restart(func() {
				if volume == "" && chance.IntN(4) == 0 {
					volume, snapped = filepath.Join(l.folder, "volume.db"), time.Now()
					testkit.OK(l.t, l.keepVolume(volume))
				}
			})
		case <-time.After(within(time.Minute, 50*time.Minute)):
			switch n := chance.IntN(100); {
			case n < 25:
				sky := skies()[chance.IntN(len(skies()))]
				l.sky.Store(&sky)
			case n < 56:
				points := []string{dieAtAnyTime, dieBeforeRecord, dieAfterRecord, dieBeforeBytes, dieBeforeProcessing, dieBeforeAnswer, dieBeforeCommit, dieAfterCommit}
				point := points[chance.IntN(len(points))]
				if p := l.process.Load(); point == dieAtAnyTime && p != nil {
					p.die(point)
					break
				}
				skip := chance.IntN(4)
				l.mu.Lock()
				l.bomb = bomb{point, skip}
				l.mu.Unlock()
			case n < 62:
				stop(func() {})
			case n < 67:
				lasting("full", within(time.Second, 30*time.Minute), func() {
					soon("full", func() { full(); l.journal.Add(Event{Kind: Full}) })
				}, freed)
			case n < 71:
				lasting("audit", within(time.Second, 30*time.Minute), setTrue(&l.auditFull), setFalse(&l.auditFull))
			case n < 75:
				lasting("unconfirmed", within(time.Minute, time.Hour), setTrue(&l.unconfirmed), setFalse(&l.unconfirmed))
			case n < 78:
				key := func(works bool) func() {
					return func() {
						testkit.OK(l.t, l.loop.SetActivated(practice, loopsim.Advanced, works))
						if p := l.process.Load(); works && p != nil {
							p.sender.Hasten(practice)
						}
					}
				}
				lasting("key", within(time.Hour, 40*time.Hour), key(false), key(true))
			case n < 88:
				kind := []string{clockAhead, clockBack, clockYears, startsBehind, startsBehind, clockAtSend, clockAtSend}[chance.IntN(7)]
				by := within(time.Minute, 3*time.Hour)
				switch kind {
				case clockBack:
					by = -by
				case clockYears:
					by = within(365*24*time.Hour, 4*365*24*time.Hour) * time.Duration(1-2*chance.IntN(2))
				case startsBehind:
					by = -within(365*24*time.Hour, 4*365*24*time.Hour)
				}
				leap := func() {
					l.leap.Store(int64(by))
					l.journal.Add(Event{Kind: Leapt, By: by.Seconds()})
				}
				if kind == startsBehind && (l.process.Load() == nil || !l.hasSent()) {
					break
				}
				lasting("clock", within(time.Minute, 2*time.Hour), func() {
					switch kind {
					case startsBehind:
						stop(leap)
					case clockAtSend:
						l.journal.Add(Event{Kind: Leapt, By: time.Minute.Seconds()})
						l.leap.Store(int64(time.Minute)) // and on
						l.slowAudit.Store(int64(ledger.Lease + time.Minute))
					default:
						soon("clock", func() { l.met(kind); leap() })
					}
				}, func() {
					l.slowAudit.Store(0)
					far := years()
					back()
					if p := l.process.Load(); p != nil && chance.IntN(2) == 0 && far {
						_ = p.ledger.TrustClock(l.t.Context())
					}
				})
			case n < 92:
				p := l.process.Load()
				if backup != "" || p == nil || l.ledgerFull.Load() {
					break
				}
				to := filepath.Join(l.folder, fmt.Sprintf("backup-%d.db", l.starts))
				_ = os.Remove(to)
				at := time.Now()
				if err := p.ledger.Copy(l.t.Context(), to); err != nil {
					if l.process.Load() == p && !l.unconfirmed.Load() {
						l.fail("no backup: %v", err)
					}
					break
				}
				backup, backedUp = to, at
			case n < 95:
				if backup != "" && time.Since(backedUp) > 2*time.Hour {
					putBack(backupPutBack, backup, backedUp)
				}
			case n < 98:
				if volume != "" && time.Since(snapped) > 2*time.Hour {
					putBack(volumePutBack, volume, snapped)
				}
			}
		}
	}
	// The calm: all that was wrong is repaired, and what was hidden can be seen.
	for _, each := range timers {
		each.Stop()
	}
	l.mu.Lock()
	l.bomb = bomb{}
	clear(l.onTheWay)
	l.mu.Unlock()
	l.sky.Store(&weather{})
	freed()
	back()
	l.auditFull.Store(false)
	l.unconfirmed.Store(false)
	l.slowAudit.Store(0)
	testkit.OK(l.t, l.loop.SetActivated(practice, loopsim.Advanced, true))
	if l.process.Load() == nil {
		select {
		case p := <-l.crashed:
			p.reap()
			<-p.closed
		default:
		}
		l.start()
	}
	p := l.process.Load()
	if err := p.ledger.TrustClock(l.t.Context()); err != nil {
		l.fail("the clock is right, and is not trusted: %v", err)
	}
	p.sender.Hasten(practice)
	time.Sleep(25 * time.Hour) // nothing is too early any more, and Loop has ended what it ends
	l.sighted.Store(true)
	l.journal.Add(Event{Kind: Sighted})
	close(l.calm)
}

// hasSent says whether the ledger has a row to tell the time by.
func (l *lifetime) hasSent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posts) > 0
}

// start starts the server, and again where something is still in its way.
func (l *lifetime) start() {
	var err error
	for range 20 {
		if _, err = l.begin(l.t.Context()); err == nil {
			return
		}
		l.ledgerFull.Store(false)
		time.Sleep(10 * time.Second)
	}
	l.t.Fatalf("the server does not start: %v", err)
}

// restore restores a ledger that was put back, as its command does.
func (l *lifetime) restore() {
	disks.Delete(l.ledgerFile()) // no process has it
	book, err := ledger.Simulated(l.t.Context(), l.ledgerFile(), l.clock, func() time.Duration { return time.Since(l.end.Add(-stormsOfLife)) })
	testkit.OK(l.t, err)
	sent, found, err := recall.Sent([]string{l.auditFile()})
	if err != nil || len(found.Problems) > 0 {
		l.t.Fatal(err, found.Problems)
	}
	var newest int64
	for _, each := range found.Chains {
		newest = max(newest, each.Last.Commit)
	}
	done, err := book.Restore(l.t.Context(), sent, newest)
	if err = errors.Join(err, book.Close()); err != nil {
		l.t.Fatal(err)
	}
	l.journal.Add(Event{Kind: Restored})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, each := range done.Forgotten {
		l.forgotten[each.RequestID] = true
		l.journal.Add(Event{Kind: Forgotten, ID: each.RequestID, State: string(each.State)})
	}
}

// isForgotten says whether a restored ledger cannot compare what an import brought: its callers are told so.
func (l *lifetime) isForgotten(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.forgotten[id]
}

// referencesOf are those that the entry of an id may bear.
func referencesOf(id string) []string {
	base := "FA-" + id[strings.IndexByte(id, '-')+1:]
	switch {
	case strings.HasPrefix(id, "FIX-"):
		return []string{"C" + base}
	case strings.HasPrefix(id, "MEANT-"):
		return []string{"M" + base}
	}
	return []string{"R" + base, "SIM-FAIL-LATE-" + base, "SIM-REFUSE-" + base, "SIM-STUCK-" + base}
}

// stuck is an import that Loop accepts and never ends.
const stuck = "never ends"

// A tale is one import of a life, and all who have to do with it.
type tale struct {
	*lifetime
	kind    string
	euros   int
	request *looppb.ImportEntriesRequest
	chance  *rand.Rand
	absent  bool // somebody has said that it is not booked
	// corrected: another import has brought what this one did not.
	corrected bool
}

func (l *lifetime) tell(i int) {
	id := idOf(i)
	s := &tale{lifetime: l, kind: storyOf(i + l.number*13), euros: 100 + i, chance: l.drawn("story", id)}
	if s.kind == plain && i%40 == 3 {
		s.kind = stuck
	}
	dossier := l.dossiers[s.chance.IntN(len(l.dossiers))]
	reference := "R" + id
	switch s.kind {
	case StoryFails:
		reference = "SIM-FAIL-LATE-" + id
	case stuck:
		reference = "SIM-STUCK-" + id
		l.met(loopNeverEnds)
	}
	s.request = &looppb.ImportEntriesRequest{Practice: practice, Dossier: dossier, RequestId: id, Entries: entries(reference, id, s.euros)}
	l.journal.Add(Event{Kind: Planned, ID: id, Story: s.kind, Amount: amountOf(s.euros), Document: id, Dossier: dossier, References: referencesOf(id)})
	s.tell()
	s.finish()
}

// finish sends in the calm what is not known any more, or was not sent: as an application does that has kept it.
func (s *tale) finish() {
	<-s.calm
	for range 5 {
		s.pause(time.Second, time.Hour)
		w := s.persist(func(ctx context.Context) word {
			return s.billing.get(ctx, practice, s.request.GetDossier(), s.request.GetRequestId(), false, false)
		})
		if s.absent || s.corrected && w.State == "NOT_SENT" || w.Reason != "IMPORT_UNKNOWN" && w.State != "NOT_SENT" && w.State != "REFUSED" {
			return
		}
		s.insist(s.billing, s.request, "")
	}
}

func (s *tale) over() bool {
	select {
	case <-s.calm:
		return true
	default:
		return false
	}
}

// tell tells it to its last word.
func (s *tale) tell() {
	if s.kind == mended {
		request := s.with("SIM-REFUSE-"+s.request.GetRequestId(), s.euros)
		if w := s.insist(s.billing, request, ""); w.Reason != "LOOP_REFUSED" {
			return // its outcome is open
		}
	}
	if s.kind == impatient { // who gives up, and comes again
		for range 1 + s.chance.IntN(3) {
			ctx, cancel := context.WithTimeout(s.t.Context(), time.Duration(5+s.chance.IntN(150))*time.Millisecond)
			s.billing.submit(ctx, s.request, false, "")
			cancel()
			s.pause(time.Millisecond, 10*time.Second)
		}
	}
	if s.kind == pair {
		var other sync.WaitGroup
		second := &tale{lifetime: s.lifetime, kind: plain, request: s.request, chance: s.drawn("second", s.request.GetRequestId())}
		other.Go(func() { second.insist(second.billing, second.request, "") })
		defer other.Wait()
	}
	state := s.settle()
	id := s.request.GetRequestId()
	if state == "UNCERTAIN" || state == "FAILED" {
		switch n := s.chance.IntN(10); {
		case n < 3:
			s.correct()
		case n < 8:
			s.decide()
		}
		return
	}
	switch s.kind {
	case eager:
		for range 1 + s.chance.IntN(2) {
			s.insist(s.billing, s.request, "")
			s.pause(time.Second, 10*time.Hour)
		}
	case twin:
		if state != "SUCCEEDED" && state != "WAITING" && state != "RUNNING" || s.isForgotten(id) {
			return
		}
		request := s.under("TWIN-", Event{Story: StoryTwin, Corrects: id})
		request.Entries[0].Lines[0].Label += "."
		s.insist(s.billing, request, "ENTRY_ALREADY_IMPORTED")
		if s.euros%2 == 0 && !s.isForgotten(id) {
			meant := s.under("MEANT-", Event{Story: plain, Repeats: id, References: []string{"M" + id}})
			meant.Entries[0].Reference, meant.Entries[0].RepeatOf = "M"+id, id
			s.insist(s.billing, meant, "")
		}
	case changed:
		request := s.with("R"+id, s.euros+5000)
		s.insist(s.billing, request, "REQUEST_ID_REUSED")
	case foreign:
		s.insist(s.expenses, s.request, "REQUEST_ID_REUSED")
	}
}

func (s *tale) pause(low, high time.Duration) {
	time.Sleep(low + time.Duration(s.chance.Int64N(int64(high-low))))
}

// with is the import with another reference or amount.
func (s *tale) with(reference string, euros int) *looppb.ImportEntriesRequest {
	return &looppb.ImportEntriesRequest{
		Practice: practice, Dossier: s.request.GetDossier(), RequestId: s.request.GetRequestId(), Entries: entries(reference, s.request.GetRequestId(), euros),
	}
}

// under is the same import under another id, which is planned as said.
func (s *tale) under(prefix string, plan Event) *looppb.ImportEntriesRequest {
	request := s.with(s.request.GetEntries()[0].GetReference(), s.euros)
	request.RequestId = idAs(prefix, s.request.GetRequestId())
	plan.Kind, plan.ID, plan.Dossier, plan.Amount, plan.Document = Planned, request.GetRequestId(), request.GetDossier(), amountOf(s.euros), s.request.GetRequestId()
	s.journal.Add(plan)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others = append(s.others, other{request.GetDossier(), request.GetRequestId()})
	return request
}

// correct sends the entry of an import whose outcome is open, or that failed, under another id: now, and again in the calm, when
// all can be seen.
func (s *tale) correct() {
	id := s.request.GetRequestId()
	if s.isForgotten(id) {
		return
	}
	request := s.under("FIX-", Event{Story: StoryCorrects, Corrects: id, References: []string{"C" + id}})
	request.Entries[0].Reference = "C" + id
	w := s.insist(s.billing, request, "")
	if w.Code == "ALREADY_EXISTS" {
		<-s.calm
		s.pause(time.Second, time.Hour)
		w = s.insist(s.billing, request, "")
	}
	s.corrected = w.State != "" && w.State != "NOT_SENT" && w.State != "REFUSED"
}

// decide lets a person look into Loop once its absence means something, and decide.
func (s *tale) decide() {
	s.pause(25*time.Hour, 40*time.Hour)
	id := s.request.GetRequestId()
	for range 4 {
		w := s.resolve("", &looppb.ResolveImportRequest{Action: &looppb.ResolveImportRequest_Check{Check: &looppb.CheckImport{}}})
		if w.State != "UNCERTAIN" && w.State != "FAILED" || s.isForgotten(id) {
			return
		}
		evidence := w.found.GetResolution().GetEvidence()
		switch {
		case w.Verdict == "FOUND":
			s.resolve("confirm booked", &looppb.ResolveImportRequest{Action: &looppb.ResolveImportRequest_Confirm{Confirm: &looppb.ConfirmImport{Outcome: looppb.StatedOutcome_STATED_OUTCOME_BOOKED}}})
			return
		case w.Verdict == "NOT_FOUND" && evidence.GetControl() == looppb.ImportControl_IMPORT_CONTROL_FOUND:
			if s.chance.IntN(2) == 0 {
				s.resolve("resubmit", &looppb.ResolveImportRequest{Action: &looppb.ResolveImportRequest_Resubmit{Resubmit: &looppb.ResubmitImport{
					Payload: &looppb.ResubmitImport_Entries{Entries: &looppb.ResubmittedEntries{Entries: s.request.GetEntries()}},
				}}})
				return
			}
			w := s.resolve("confirm absent", &looppb.ResolveImportRequest{Action: &looppb.ResolveImportRequest_Confirm{Confirm: &looppb.ConfirmImport{Outcome: looppb.StatedOutcome_STATED_OUTCOME_NOT_BOOKED}}})
			if s.absent = w.Code == ""; s.absent && s.kind != StoryFails && s.chance.IntN(3) > 0 {
				s.insist(s.billing, s.request, "")
			}
			return
		}
		s.pause(time.Hour, 24*time.Hour)
	}
}

// resolve calls ResolveImport until there is a word that is not passing.
func (s *tale) resolve(action string, request *looppb.ResolveImportRequest) word {
	request.Practice, request.Dossier, request.RequestId = practice, s.request.GetDossier(), s.request.GetRequestId()
	return s.persist(func(ctx context.Context) word {
		return s.billing.call(Event{ID: request.GetRequestId(), Method: "ResolveImport", Via: "grpc", Action: action}, func() (*looppb.Import, error) {
			got, err := s.billing.imports.ResolveImport(s.billing.authorized(ctx), request)
			return got.GetImportRecord(), err
		})
	})
}

// settle sends the import and follows it, and does so again while nothing was booked.
func (s *tale) settle() string {
	for {
		w := s.insist(s.billing, s.request, "")
		if w.Code != "" || s.kind == forgetful {
			return w.State
		}
		if state := s.follow(w.State); state != "NOT_SENT" && state != "IMPORT_UNKNOWN" {
			return state
		}
	}
}

// insist calls until there is a word that is not passing, with the same request_id, as an application should.
func (s *tale) insist(c *caller, request *looppb.ImportEntriesRequest, expect string) word {
	of := "FA-" + request.GetRequestId()[strings.IndexByte(request.GetRequestId(), '-')+1:]
	return s.persist(func(ctx context.Context) word {
		if expect == "ENTRY_ALREADY_IMPORTED" && s.isForgotten(of) || strings.HasPrefix(request.GetRequestId(), "FIX-") && s.isForgotten(of) {
			return word{Event: Event{Code: "ABORTED"}} // its caller was told not to send it under another id
		}
		return c.submit(ctx, request, false, expect)
	})
}

func (s *tale) persist(call func(context.Context) word) (w word) {
	patience := 40
	for pause := 2 * time.Second; ; pause = min(5*pause, 50*time.Minute) {
		ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second+time.Duration(s.chance.Int64N(int64(100*time.Second))))
		w = call(ctx)
		cancel()
		if !w.passing() && w.Reason != "LOOP_CREDENTIAL_REJECTED" {
			return w
		}
		if s.over() {
			if patience--; patience == 0 {
				return w
			}
		}
		time.Sleep(max(w.retry, pause/2+time.Duration(s.chance.Int64N(int64(pause)))))
	}
}

// follow asks until the import is over, and returns its state.
func (s *tale) follow(state string) string {
	ends := func(state string) bool {
		return slices.Contains([]string{"SUCCEEDED", "FAILED", "NOT_SENT", "REFUSED", "UNCERTAIN"}, state)
	}
	for pause := time.Minute; !ends(state); pause = min(4*pause, 6*time.Hour) {
		if s.over() && s.kind == stuck {
			return state
		}
		time.Sleep(pause/2 + time.Duration(s.chance.Int64N(int64(pause))))
		w := s.billing.get(s.t.Context(), practice, s.request.GetDossier(), s.request.GetRequestId(), false, false)
		state = w.State
		if w.Reason == "IMPORT_UNKNOWN" {
			return w.Reason // a restored ledger has forgotten that it was not sent
		}
	}
	return state
}

// forsaken complains of what Loop was not asked about by itself, or was in vain: a look would ask.
func (l *lifetime) forsaken(known []*looppb.Import) {
	outcomes := map[string]string{}
	for _, each := range l.loop.Imports() {
		outcomes[each.ID] = string(each.Outcome)
	}
	for _, each := range known {
		id, state := each.GetLoopRequestId(), stateName(each.GetState())
		if id == "" || !slices.Contains([]string{"WAITING", "RUNNING", "UNCERTAIN"}, state) {
			continue
		}
		l.mu.Lock()
		last := l.questions[id]
		l.mu.Unlock()
		if time.Since(last) > askedWithin {
			l.complain(RuleUnasked, each.GetRequestId(), "it is %s, and Loop was last asked at %s", state, last.Format(time.DateTime))
		} else if outcomes[id] != "pending" {
			l.complain(RuleNotOver, each.GetRequestId(), "it is %s, and %s at Loop", state, outcomes[id])
		}
	}
}

// reckon reads what became of everything.
func (l *lifetime) reckon() {
	ctx := l.t.Context()
	time.Sleep(27 * time.Hour) // Loop has ended what it ends, and was asked for it
	list := func(states ...looppb.ImportState) (found []*looppb.Import) {
		for token := ""; ; {
			response, err := l.billing.imports.ListImports(l.billing.authorized(ctx), &looppb.ListImportsRequest{Practice: practice, Dossier: "-", PageSize: 100, PageToken: token, States: states})
			if err != nil {
				l.fail("ListImports: %v", err)
				return found
			}
			found = append(found, response.GetImports()...)
			if token = response.GetNextPageToken(); token == "" {
				return found
			}
		}
	}
	known := list()
	for _, each := range known {
		l.journal.Add(Event{Kind: Listed, ID: each.GetRequestId()})
	}
	l.forsaken(known)
	for _, each := range list(looppb.ImportState_IMPORT_STATE_UNCERTAIN, looppb.ImportState_IMPORT_STATE_FAILED) {
		for range 20 { // the breaker may still be open
			if w := l.billing.look(ctx, practice, each.GetDossier(), each.GetRequestId(), false); !w.passing() {
				break
			}
			time.Sleep(time.Minute)
		}
	}
	for fault, times := range l.meets {
		l.journal.Add(Event{Kind: Met, Fault: fault, Times: times})
	}
	for _, each := range known {
		if one := (other{each.GetDossier(), each.GetRequestId()}); !slices.Contains(l.others, one) {
			l.others = append(l.others, one)
		}
	}
	for i := range perLife {
		if id := idOf(i); !slices.ContainsFunc(l.others, func(o other) bool { return o.id == id }) {
			l.others = append(l.others, other{l.dossiers[0], id}) // which the list lacks
		}
	}
	for _, each := range l.others {
		l.billing.get(ctx, practice, each.dossier, each.id, false, true)
	}
}
