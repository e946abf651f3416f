package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"
)

const (
	// logBatch is how many events are read at once, ringSize how many are kept in memory for those who follow the log, which
	// read what is older from the database.
	logBatch, ringSize = 2000, 1000
	// readPause keeps a log that is written to all the time from being read at each commit.
	readPause = 20 * time.Millisecond
	// silentFor is how long the log may not be readable before its followers are told.
	silentFor = 15 * time.Second
)

// log reads the events once for all of a process: for the followers, and, where other servers write to the ledger too, for
// those who wait for a row. Nobody's reading holds memory: a follower has a sequence, and takes what it may from the newest
// events, or from the database.
type log struct {
	once   sync.Once
	end    context.CancelFunc
	done   chan struct{}
	signal chan struct{}

	mu        sync.Mutex
	followers int
	// anew: the newest sequence is to be taken instead of all that was written since nobody followed.
	anew bool
	// head is up to where it was read, once known; ring are the events behind tail, in order.
	known      bool
	head, tail Sequence
	ring       []Event
	moved      chan struct{} // closed when head moves, or err changes
	failing    time.Time     // since when it cannot be read
	err        error
	due        time.Time // since when it is being read to its end; zero when it has been
	told       map[EventKind]int64
	askers     map[chan struct{}]struct{} // of Questions
}

// LogState is what goes on around the log of events, as this process sees it.
type LogState struct {
	// Told is how many events of each kind this process has committed since it started.
	Told map[EventKind]int64
	// Behind is how long it has been trying to read the log to its end; 0 when it has.
	Behind time.Duration
	// Followers are those who follow the log, Watchers those who wait for a change of one submission.
	Followers, Watchers int
}

// LogState says so now, from memory.
func (l *Ledger) LogState() LogState {
	out := LogState{Told: map[EventKind]int64{}}
	l.changes.mu.Lock()
	for _, watchers := range l.changes.waiting {
		out.Watchers += len(watchers)
	}
	l.changes.mu.Unlock()
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	for _, kind := range EventKinds() {
		out.Told[kind] = l.log.told[kind]
	}
	out.Followers = l.log.followers
	if !l.log.due.IsZero() {
		out.Behind = time.Since(l.log.due)
	}
	return out
}

// start begins to read. A ledger of one process does when somebody follows.
func (g *log) start(l *Ledger) {
	g.once.Do(func() {
		ctx, end := context.WithCancel(context.Background())
		g.mu.Lock()
		g.end, g.done, g.signal = end, make(chan struct{}), make(chan struct{}, 1)
		if g.moved == nil {
			g.moved = make(chan struct{})
		}
		g.mu.Unlock()
		go func() {
			defer close(g.done)
			g.run(ctx, l)
		}()
	})
}

func (g *log) stop() {
	g.once.Do(func() {}) // it does not begin any more
	g.mu.Lock()
	end, done := g.end, g.done
	g.mu.Unlock()
	if end != nil {
		end()
		<-done
	}
}

// wake has the log read at once what this process has committed, if anybody follows it.
func (g *log) wake(told []Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.told == nil {
		g.told = map[EventKind]int64{}
	}
	for i := range told {
		g.told[told[i].Kind]++
	}
	g.ask(told)
	if g.followers == 0 || g.signal == nil {
		return
	}
	select {
	case g.signal <- struct{}{}:
	default:
	}
}

func (g *log) run(ctx context.Context, l *Ledger) {
	var tick <-chan time.Time
	if l.dialect.shared {
		ticker := time.NewTicker(refreshEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		g.mu.Lock()
		if g.due.IsZero() {
			g.due = time.Now()
		}
		g.mu.Unlock()
		for more := true; more && ctx.Err() == nil; {
			more = g.read(ctx, l)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		case <-g.signal:
			pause := time.NewTimer(readPause)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
		}
	}
}

// read takes what is behind head, and says whether there may be more.
func (g *log) read(ctx context.Context, l *Ledger) (more bool) {
	g.mu.Lock()
	head, anew := g.head, !g.known || g.anew && !l.dialect.shared
	g.anew = false
	g.mu.Unlock()
	var events []Event
	err := l.reading(ctx, func(ctx context.Context, conn *sql.Conn) (err error) {
		if anew {
			head, err = newest(ctx, conn)
			return err
		}
		events, err = scanEvents(ctx, conn, `SELECT `+eventRow+` FROM event WHERE sequence > $1 ORDER BY sequence LIMIT CAST($2 AS BIGINT)`,
			int64(head), logBatch)
		return err
	})
	if err == nil && l.dialect.shared {
		if anew { // what happened in between was not seen
			l.changes.signal(l.changes.keys())
		}
		keys := make([]Key, len(events))
		for i := range events {
			keys[i] = events[i].Key
		}
		l.changes.signal(keys)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && l.dialect.shared {
		g.ask(events)
		if anew {
			g.askAll()
		}
	}
	g.take(err, anew, head, events)
	more = err == nil && len(events) == logBatch
	if err == nil && !more {
		g.due = time.Time{}
	}
	return more
}

func (g *log) take(err error, anew bool, head Sequence, events []Event) {
	moved := false
	switch {
	case err != nil:
		g.anew = g.anew || anew
		if g.failing.IsZero() {
			g.failing = time.Now()
		}
		if moved = g.err == nil && time.Since(g.failing) > silentFor; moved {
			g.err = err
		}
	case anew:
		moved = true
		g.known, g.head, g.tail, g.ring = true, head, head, nil
	case len(events) > 0:
		moved = true
		g.head = events[len(events)-1].Sequence
		for _, event := range events {
			if event.Kind != quiet {
				g.ring = append(g.ring, event)
			}
		}
		if over := len(g.ring) - ringSize; over > 0 {
			g.tail = g.ring[over-1].Sequence
			g.ring = append([]Event(nil), g.ring[over:]...)
		}
	}
	if err == nil {
		moved = moved || g.err != nil
		g.failing, g.err = time.Time{}, nil
	}
	if moved {
		close(g.moved)
		g.moved = make(chan struct{})
	}
}

// Questions returns a channel that is signalled once the log says, of whichever process, that there is something else to ask Loop
// about, until leave: what was accepted or is uncertain, and what was resolved. Signals that are not taken in time become one. A signal
// that is missed loses nothing: Due says what is due.
func (l *Ledger) Questions() (more <-chan struct{}, leave func()) {
	g, signal := &l.log, make(chan struct{}, 1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.askers == nil {
		g.askers = map[chan struct{}]struct{}{}
	}
	g.askers[signal] = struct{}{}
	return signal, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.askers, signal)
	}
}

// ask signals the askers if one of the events is for them. The lock is held.
func (g *log) ask(events []Event) {
	if slices.ContainsFunc(events, func(e Event) bool {
		return e.Kind == EventAccepted || e.Kind == EventUncertain || e.Kind == EventResolved
	}) {
		g.askAll()
	}
}

func (g *log) askAll() {
	for signal := range g.askers {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
}

// follow counts a follower, until leave.
func (g *log) follow(l *Ledger) (leave func()) {
	g.start(l)
	g.mu.Lock()
	if g.moved == nil { // of a ledger that was closed before
		g.moved = make(chan struct{})
	}
	if g.followers++; g.followers == 1 {
		g.anew = true
	}
	g.mu.Unlock()
	g.wake(nil)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.followers--
	}
}

// since returns the events of a query behind a sequence, as many as its limit, and up to where it has looked; not held: they
// are to be read from the database. moved is closed once there may be more.
func (g *log) since(q *EventQuery, after Sequence) (events []Event, upTo Sequence, held bool, moved <-chan struct{}, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.known || g.anew || after < g.tail {
		return nil, after, false, g.moved, g.err
	}
	from, there := slices.BinarySearchFunc(g.ring, after, func(e Event, s Sequence) int { return cmp.Compare(e.Sequence, s) })
	if there {
		from++
	}
	for i := from; i < len(g.ring); i++ {
		if event := &g.ring[i]; q.sees(event) {
			if events = append(events, *event); len(events) == q.Limit {
				return events, event.Sequence, true, g.moved, g.err
			}
		}
	}
	return events, max(after, g.head), true, g.moved, g.err
}

// Follow passes the events of a query behind a sequence to tell, as they are committed. It ends when tell fails or ctx ends, or,
// where it is not to wait, when all were passed on. tell is called at once, even if there are none, and then when there are
// some. query is asked before each look, since what a caller may see can change. Errors are also those of Events.
func (l *Ledger) Follow(ctx context.Context, after Sequence, wait bool,
	query func() (EventQuery, error), tell func(events []Event, cursor Sequence) error,
) error {
	leave := l.log.follow(l)
	defer leave()
	cursor, first := after, true
	for {
		q, err := query()
		if err != nil {
			return err
		}
		events, upTo, held, moved, err := l.log.since(&q, cursor)
		if err != nil {
			return err
		}
		if !held || first || !wait { // first: the database knows whether the cursor is one; and it alone what is the last
			if events, upTo, _, err = l.events(ctx, q, cursor); err != nil {
				return err
			}
		}
		if first || len(events) > 0 {
			if err := tell(events, upTo); err != nil {
				return err
			}
		}
		ahead := upTo > cursor
		cursor, first = upTo, false
		if ahead { // there may be more
			continue
		}
		if !wait {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// keys are the rows that somebody waits for.
func (c *changes) keys() []Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]Key, 0, len(c.waiting))
	for key := range c.waiting {
		keys = append(keys, key)
	}
	return keys
}
