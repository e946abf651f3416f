// Package freshness keeps what Loop has answered, for those who accept an older answer, and lets those who ask the same at the
// same time share one read (docs/understand/freshness.md). What it gives to several is for reading only.
package freshness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/maypok86/otter/v2"

	"cegid.internal/gateway/cegidclient"
)

const (
	// maxBytes bounds about how much is kept, partOfMemory what part of the memory that is at most.
	maxBytes     = 64 << 20
	partOfMemory = 16
	// perEntry is what anything kept weighs, also where it holds nothing.
	perEntry = 500
	// JoinWithin is how old a read under way may be that another joins: one whose call to Loop hangs holds up nobody who comes later.
	JoinWithin = 2 * time.Second
	// stripes is how many dossiers have changes of their own, before some have them in common.
	stripes = 1024
)

// Key tells one read from another. Reads with the same key have the same answer.
type Key struct {
	// Practice is the name of the tenant, Domain its code at Loop, and Credentials identify the secrets that are sent.
	Practice, Domain string
	Credentials      cegidclient.Identity
	// Dossier is empty for what is the practice's own.
	Dossier string
	// Operation and Query are what is asked.
	Operation, Query string
	// Reference: no entries and documents are in the answer, nor what comes of them.
	Reference bool
}

// Want is what somebody accepts.
type Want struct {
	// MaxAge is how old an answer may be, and StaleIfError how much older when Loop does not answer. Both 0: nothing is kept.
	MaxAge, StaleIfError time.Duration
	// Lasting: the read goes on when all who wait have left, and bounds itself. It is joined as long as it is young enough.
	Lasting bool
}

// lasts is how long it makes sense to keep an answer.
func (w Want) lasts() time.Duration { return w.MaxAge + w.StaleIfError }

// joins is how old a read under way may be: its answer is older still.
func (w Want) joins() time.Duration {
	if w.Lasting {
		return w.MaxAge
	}
	return min(w.MaxAge, JoinWithin)
}

// Value is an answer. Weight is its bytes in memory: it is asked for what is kept alone, and may grow.
type Value interface{ Weight() int }

// How an answer was found.
type How string

// The ways: read from Loop, which an older answer would have spared; waited for beside others; kept, and young enough; kept, since
// Loop does not answer.
const (
	Miss   How = "miss"
	Shared How = "shared"
	Hit    How = "hit"
	Stale  How = "stale"
)

// Found is what a read gave.
type Found struct {
	Value Value
	// Age is how long ago the reading of it began.
	Age time.Duration
	How How
	// Because is why Loop gave no answer, for Stale.
	Because error
}

// Store is safe for concurrent use.
type Store struct {
	now    func() time.Time
	books  func(practice string) string
	kept   *otter.Cache[place, *entry]
	counts map[How]*atomic.Uint64

	// changes count what has happened to books and dossiers. What was read before is not found after. Several may have one in
	// common: then more is forgotten than need be.
	changes [stripes]atomic.Uint64
	// makes says where something was sent of which Loop may make reference data later.
	makes [stripes]atomic.Bool

	mu      sync.Mutex
	flights map[place]*flight
}

// place is where an answer is kept, as long as nothing changes.
type place struct {
	Key
	changes uint64
}

// entry is an answer as it is kept. It does not change.
type entry struct {
	value Value
	read  time.Time
	until time.Time // no caller wants it for longer
}

// Config says what a store goes by. Zero values are the defaults.
type Config struct {
	// Books names what a practice books into: what changes for one practice has changed for all that book into the same.
	Books func(practice string) string
	// Now is the clock.
	Now func() time.Time
}

// New returns an empty store.
func New(cfg Config) *Store {
	s := &Store{
		now: cfg.Now, books: cfg.Books, flights: map[place]*flight{},
		counts: map[How]*atomic.Uint64{Miss: {}, Shared: {}, Hit: {}, Stale: {}},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.books == nil {
		s.books = func(practice string) string { return practice }
	}
	s.kept = otter.Must(&otter.Options[place, *entry]{
		MaximumWeight: maxBytes,
		Weigher: func(at place, e *entry) uint32 {
			return uint32(min(perEntry+len(at.Query)+e.value.Weight(), maxBytes+1))
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[place, *entry]) time.Duration {
			return max(e.Value.until.Sub(s.now()), 0) + 1 // it is still there then
		}),
		Clock: clock{s.now},
		// At once, so that the bound holds, and no goroutine outlives the store.
		Executor: func(task func()) { task() },
	})
	return s
}

// clock is the store's for otter: without ticks, whose goroutine would outlive the store. What is over goes with the next write, or
// when somebody counts.
type clock struct{ now func() time.Time }

func (c clock) NowNano() int64                    { return c.now().UnixNano() }
func (clock) Tick(time.Duration) <-chan time.Time { return nil }

// Within bounds what is kept in a process that has so many bytes of memory; 0 is any.
func (s *Store) Within(memory int64) {
	if memory > 0 {
		s.kept.SetMaximum(uint64(min(maxBytes, memory/partOfMemory)))
	}
}

// Read answers from what is kept, as far as that is wanted, or from Loop. Reads of one key that begin together are one: its context
// has the values of the call that came first, ends when the last who waits for it has left, and has the patience of all of them.
func (s *Store) Read(ctx context.Context, key Key, want Want, load func(context.Context) (Value, error)) (Found, error) {
	at := s.at(key)
	if found, ok := s.young(at, want); ok {
		return found, nil
	}
	f, first, found := s.board(ctx, at, want, load)
	if f == nil {
		return found, nil
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		s.leave(f)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) { // Loop has not answered in time
			if found, ok := s.stale(key, want, ctx.Err()); ok {
				return found, nil
			}
		}
		return Found{}, ctx.Err()
	}
	if f.err != nil {
		if cegidclient.Unanswered(f.err) {
			if found, ok := s.stale(key, want, f.err); ok {
				return found, nil
			}
		}
		return Found{}, f.err
	}
	out := Found{Value: f.value, Age: s.now().Sub(f.began), How: Miss}
	if !first {
		out.How = Shared
	}
	s.counts[out.How].Add(1)
	return out, nil
}

// at is the place of a key now.
func (s *Store) at(key Key) place {
	books, dossier := s.books(key.Practice), dossierOf(key.Dossier)
	// All only grow, and so does their sum.
	changes := s.changes[stripe(books, "", true)].Load() + s.changes[stripe(books, dossier, true)].Load()
	if !key.Reference {
		changes += s.changes[stripe(books, dossier, false)].Load()
	}
	return place{key, changes}
}

// stripe is that of a dossier, for changes of its reference data too or of other things alone, or, without one, of all that is in
// some books. It is the same in each process, so that what is forgotten with another is always the same.
func stripe(books, dossier string, reference bool) uint64 {
	const separator = "\x00"
	kind := ""
	if reference {
		kind = "reference"
	}
	return xxhash.Sum64String(books+separator+dossier+separator+kind) % stripes
}

// dossierOf is the dossier of a key or a call, also where it is the practice itself. Whether Loop minds the letter case is not
// known: to forget more than need be does no harm.
func dossierOf(dossier string) string {
	return strings.ToUpper(cmp.Or(dossier, cegidclient.PracticeDossier))
}

// young gives what is kept and young enough.
func (s *Store) young(at place, want Want) (Found, bool) {
	if want.MaxAge <= 0 {
		return Found{}, false
	}
	return s.found(at, want, want.MaxAge, Hit)
}

// stale gives what is kept when Loop does not answer: by where it is kept now, since what has changed meanwhile is no answer.
func (s *Store) stale(key Key, want Want, because error) (Found, bool) {
	if want.StaleIfError <= 0 {
		return Found{}, false
	}
	found, ok := s.found(s.at(key), want, want.lasts(), Stale)
	found.Because = because
	return found, ok
}

func (s *Store) found(at place, want Want, most time.Duration, how How) (Found, bool) {
	kept, ok := s.kept.GetIfPresent(at)
	if !ok {
		return Found{}, false
	}
	age := s.now().Sub(kept.read)
	if age > most {
		return Found{}, false
	}
	if until := kept.read.Add(want.lasts()); until.After(kept.until) {
		s.replace(at, kept, &entry{kept.value, kept.read, until})
	}
	s.counts[how].Add(1)
	return Found{Value: kept.value, Age: age, How: how}, true
}

// replace puts an answer where another is kept, unless that has gone.
func (s *Store) replace(at place, kept, by *entry) {
	s.kept.ComputeIfPresent(at, func(now *entry) (*entry, otter.ComputeOp) {
		if now != kept {
			return now, otter.CancelOp
		}
		return by, otter.WriteOp
	})
}

// Grown weighs again what is kept of a key, which has grown.
func (s *Store) Grown(key Key, value Value) {
	at := s.at(key)
	if kept, ok := s.kept.GetEntryQuietly(at); ok && kept.Value.value == value {
		s.replace(at, kept.Value, &entry{value, kept.Value.read, kept.Value.until})
	}
}

// Changed forgets what is kept of a dossier, and what is being read of it: something was written there. Without a dossier it is
// all of the practice, and of others with the same books.
func (s *Store) Changed(practice, dossier string) { s.forget(practice, dossier, true) }

// Booked is Changed for an import that Loop has ended: the reference data of its dossier stays, unless Loop was sent what it may make
// of.
func (s *Store) Booked(practice, dossier string) {
	s.forget(practice, dossier, dossier == "" || s.makes[stripe(s.books(practice), dossierOf(dossier), true)].Load())
}

func (s *Store) forget(practice, dossier string, reference bool) {
	books, all := s.books(practice), dossier == ""
	if !all {
		dossier = dossierOf(dossier)
	}
	s.changes[stripe(books, dossier, reference)].Add(1)
	for at := range s.kept.Keys() {
		if s.books(at.Practice) == books && (all || dossierOf(at.Dossier) == dossier) && (reference || !at.Reference) {
			s.kept.Invalidate(at)
		}
	}
}

// Refused forgets what a refusal of Loop's takes away: of a key that is rejected everything, and the dossier that is not shared, or
// not there.
func (s *Store) Refused(practice, dossier string, err error) {
	refusal, is := errors.AsType[*cegidclient.Error](err)
	if !is || refusal.Local {
		return
	}
	switch status := refusal.HTTPStatus; {
	case refusal.Kind == cegidclient.KindThrottled: // a quota, which is no word about what may be read
	case refusal.Kind == cegidclient.KindCredentialRejected, status == http.StatusUnauthorized:
		s.Changed(practice, "")
	case refusal.Kind == cegidclient.KindDossierNotShared, status == http.StatusForbidden, status == http.StatusNotFound:
		s.Changed(practice, dossierOf(dossier))
	}
}

// Follow has the calls of a client forget what they touch: a write when it leaves and when it has its answer, and any call that Loop
// refuses.
func (s *Store) Follow(cfg *cegidclient.Config) {
	practice := cfg.Practice
	written := func(call *cegidclient.Call) {
		op := call.Operation
		if op.Resend == cegidclient.ResendAlways || op.Harmless {
			return
		}
		if !call.RefersOnly && op.Resend == cegidclient.ResendNever { // an import, as a rule, which Loop ends later
			s.makes[stripe(s.books(practice), dossierOf(call.Dossier), true)].Store(true)
		}
		s.forget(practice, call.Dossier, !call.RefersOnly || call.Dossier == "")
	}
	cfg.BeforeSend = func(_ context.Context, call *cegidclient.Call) error {
		written(call)
		return nil
	}
	cfg.Ended = func(call *cegidclient.Call, err error) {
		written(call)
		s.Refused(practice, call.Dossier, err)
	}
}

// Counts says how often answers were found in each way.
func (s *Store) Counts() map[How]uint64 {
	out := map[How]uint64{}
	for how, count := range s.counts {
		out[how] = count.Load()
	}
	return out
}

// Kept is how many answers are kept, and about how many bytes they take. It clears away what is over.
func (s *Store) Kept() (answers int, bytes uint64) {
	s.kept.CleanUp()
	return s.kept.EstimatedSize(), s.kept.WeightedSize()
}

// flight is a read under way.
type flight struct {
	at    place
	end   context.CancelFunc
	began time.Time
	done  chan struct{} // closed when the rest is there

	// Of the store's lock until done.
	waiters int
	lasts   time.Duration // the longest that anybody wants it kept
	lasting bool
	until   time.Time // the latest deadline of those who have waited
	endless bool      // one had none

	value Value
	err   error
}

// board waits for a read with others, or begins it. Between a look and the lock it may have ended: then it is found.
func (s *Store) board(ctx context.Context, at place, want Want,
	load func(context.Context) (Value, error),
) (f *flight, first bool, found Found) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, under := s.flights[at]; under && s.now().Sub(f.began) <= want.joins() {
		f.take(ctx, want)
		return f, false, Found{}
	}
	if found, ok := s.young(at, want); ok {
		return nil, false, found
	}
	reading, end := context.WithCancel(context.WithoutCancel(ctx))
	f = &flight{at: at, end: end, began: s.now(), done: make(chan struct{})} // what changes while it is read is that much older
	f.take(ctx, want)
	if !want.Lasting {
		reading = cegidclient.WithPatience(reading, func() (time.Time, bool) { return s.patience(f) })
	}
	s.flights[at] = f // who waits for an older one still gets that
	go s.fly(reading, f, load)
	return f, true, Found{}
}

// take has a read last for one more.
func (f *flight) take(ctx context.Context, want Want) {
	f.waiters++
	f.lasts = max(f.lasts, want.lasts())
	f.lasting = f.lasting || want.Lasting
	until, ends := ctx.Deadline()
	f.endless = f.endless || !ends
	if until.After(f.until) {
		f.until = until
	}
}

// patience is how long anybody waits for a read. Who waits until then leaves by himself.
func (s *Store) patience(f *flight) (until time.Time, ends bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.until, !f.endless
}

func (s *Store) fly(ctx context.Context, f *flight, load func(context.Context) (Value, error)) {
	defer f.end()
	f.value, f.err = safely(ctx, load)
	s.Refused(f.at.Practice, f.at.Dossier, f.err)
	if errors.Is(f.err, cegidclient.ErrNotFound) { // also of one thing in a list, which no status tells
		s.kept.Invalidate(f.at)
	}
	s.mu.Lock()
	lasts := f.lasts
	s.mu.Unlock()
	s.keep(f, lasts) // before nobody can join any more, and without the lock: to weigh it may take a while
	s.mu.Lock()
	if s.flights[f.at] == f {
		delete(s.flights, f.at)
	}
	if f.lasts > lasts {
		s.keep(f, f.lasts)
	}
	s.mu.Unlock()
	close(f.done)
}

// keep keeps what was read, unless something has changed since it began. Beside what is kept, the answer of the later read counts, and
// as long as anybody wants one.
func (s *Store) keep(f *flight, lasts time.Duration) {
	if f.err != nil || lasts <= 0 || s.at(f.at.Key) != f.at {
		return
	}
	s.kept.Compute(f.at, func(now *entry, is bool) (*entry, otter.ComputeOp) {
		newest := &entry{f.value, f.began, f.began.Add(lasts)}
		if is && now.read.After(newest.read) {
			newest.value, newest.read = now.value, now.read
		}
		if is && now.until.After(newest.until) {
			newest.until = now.until
		}
		return newest, otter.WriteOp
	})
}

// safely outlives a panic, which in a goroutine of its own would end the process.
func safely(ctx context.Context, load func(context.Context) (Value, error)) (value Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a read panicked: %T", p)
		}
	}()
	return load(ctx)
}

// leave is for one who waits no more. When none is left, the read ends, and is not for others to join.
func (s *Store) leave(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.waiters--; f.waiters > 0 || f.lasting {
		return
	}
	f.end()
	if s.flights[f.at] == f {
		delete(s.flights, f.at)
	}
}
