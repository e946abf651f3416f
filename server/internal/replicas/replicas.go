// Package replicas lets the servers of one ledger know of each other: how many there are, and what Loop's 429s have asked of them.
// All of it goes on in the background, in durations: no call waits for it, and while the ledger does not answer each server goes by
// what it knows.
package replicas

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// shareEvery is how often it is looked what other servers were told by Loop. What this one was told is written at once.
	shareEvery = time.Second
	// beatEvery is how often a server shows that it is there; one that has not for lostAfter is gone.
	beatEvery = 2 * time.Second
	lostAfter = 10 * time.Second
	// patience is how long there may be more servers than there should be: a rolling update has them for a moment.
	patience = 15 * time.Second
	// forgetAfter is when somebody else removes what a server that was killed has left.
	forgetAfter = 10 * time.Minute
	// limit bounds the wait for the ledger's turn.
	limit = 5 * time.Second
)

// Ledger is what the servers share.
type Ledger interface {
	Beat(ctx context.Context, server string, replicas int) ([]ledger.Presence, error)
	Leave(ctx context.Context, gone ledger.Presence) error
	NoteThrottles(ctx context.Context, told []ledger.Throttle) error
	Throttles(ctx context.Context) ([]ledger.Throttle, error)
}

// Config of a server's part.
type Config struct {
	Ledger Ledger
	// Gate is the server's way to Loop.
	Gate *cegidclient.Gate
	// Server names the process; no other ever had the name.
	Server string
	// Replicas is how many servers there are to be.
	Replicas int
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Replicas is a server's knowledge of the others.
type Replicas struct {
	cfg      Config
	expected atomic.Int64
	present  atomic.Int64

	mu      sync.Mutex
	pending map[key]told
	number  int64
	signal  chan struct{}

	// Of the goroutine of Run alone.
	heeded map[key]event
	seen   map[string]sight
	own    ledger.Presence
	since  time.Time // when there came to be more than there should be; zero while there are not
	warned bool
}

// key is what a 429 holds for.
type key struct{ subscription, practice string }

// told is what Loop has told this server, and when.
type told struct {
	cegidclient.Throttle
	at     time.Time
	number int64
}

// event names what another server was told.
type event struct {
	server string
	number int64
}

// sight is what was seen of another server.
type sight struct {
	beats int64
	at    time.Time // when they last grew, or when it was seen first
	alive bool      // they have grown
}

// New returns the knowledge of a server that has just begun; it receives the gate's 429s from now on.
func New(cfg Config) *Replicas {
	r := &Replicas{cfg: cfg, pending: map[key]told{}, signal: make(chan struct{}, 1), heeded: map[key]event{}, seen: map[string]sight{}}
	r.own.Server = cfg.Server
	r.expected.Store(int64(cfg.Replicas))
	r.present.Store(1)
	cfg.Registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ledger_servers", Help: "Servers that use the ledger now, this one included, as far as this one has seen. Over servers: max.",
		}, func() float64 { return float64(r.present.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ledger_replicas", Help: "Servers that there are to be, by the configuration: among so many the limits of practices are " +
				"divided. Over servers: max.",
		}, func() float64 { return float64(r.expected.Load()) }),
	)
	cfg.Gate.Tell(r.tell)
	return r
}

// SetReplicas says how many servers there are to be from now on.
func (r *Replicas) SetReplicas(n int) { r.expected.Store(int64(n)) }

// tell notes what Loop has told this server. It is in the way of a call.
func (r *Replicas) tell(t cegidclient.Throttle) {
	r.mu.Lock()
	r.number++
	r.pending[key{t.Subscription, t.Practice}] = told{t, time.Now(), r.number}
	r.mu.Unlock()
	select {
	case r.signal <- struct{}{}:
	default: // it will look anyway
	}
}

// Run tells and listens until ctx ends, and then takes leave.
func (r *Replicas) Run(ctx context.Context) {
	share, beat := time.NewTicker(shareEvery), time.NewTicker(beatEvery)
	defer share.Stop()
	defer beat.Stop()
	r.beat(ctx)
	r.listen(ctx)
	for {
		select {
		case <-ctx.Done():
			r.leave()
			return
		case <-r.signal:
			r.write(ctx)
		case <-share.C:
			r.write(ctx)
			r.listen(ctx)
		case <-beat.C:
			r.beat(ctx)
		}
	}
}

// write notes in the ledger what Loop has told this server. What fails is tried again, as long as it is of use.
func (r *Replicas) write(ctx context.Context) {
	r.mu.Lock()
	sending := map[key]told{}
	var all []ledger.Throttle
	for at, note := range r.pending {
		left := note.Wait - time.Since(note.at)
		if note.Wait > 0 && left <= 0 {
			delete(r.pending, at)
			continue
		}
		sending[at] = note
		all = append(all, ledger.Throttle{
			Subscription: note.Subscription, Practice: note.Practice, Server: r.cfg.Server, Number: note.number, Wait: max(left, 0),
		})
	}
	r.mu.Unlock()
	if len(all) == 0 {
		return
	}
	if err := bounded(ctx, func(ctx context.Context) error { return r.cfg.Ledger.NoteThrottles(ctx, all) }); err != nil {
		r.failed(ctx, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, note := range sending {
		if r.pending[at].number == note.number {
			delete(r.pending, at)
		}
		r.heeded[at] = event{r.cfg.Server, note.number}
	}
}

// listen heeds what other servers were told, once each: what is left of it then is all that the database's clock decides.
func (r *Replicas) listen(ctx context.Context) {
	var all []ledger.Throttle
	if err := bounded(ctx, func(ctx context.Context) (err error) {
		all, err = r.cfg.Ledger.Throttles(ctx)
		return err
	}); err != nil {
		r.failed(ctx, err)
		return
	}
	known := map[key]event{}
	for _, throttle := range all {
		at, now := key{throttle.Subscription, throttle.Practice}, event{throttle.Server, throttle.Number}
		known[at] = now
		if throttle.Server == r.cfg.Server || r.heeded[at] == now || r.newer(at) {
			continue
		}
		r.cfg.Gate.Heed(cegidclient.Throttle{Subscription: throttle.Subscription, Practice: throttle.Practice, Wait: throttle.Wait})
	}
	r.heeded = known
}

// newer says whether this server was told something that the others do not know yet.
func (r *Replicas) newer(at key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, is := r.pending[at]
	return is
}

// beat shows that this server is there, and looks who else is.
func (r *Replicas) beat(ctx context.Context) {
	var all []ledger.Presence
	if err := bounded(ctx, func(ctx context.Context) (err error) {
		all, err = r.cfg.Ledger.Beat(ctx, r.cfg.Server, int(r.expected.Load()))
		return err
	}); err != nil {
		r.failed(ctx, err)
		return
	}
	now, seen, present := time.Now(), map[string]sight{}, 1
	for _, presence := range all {
		if presence.Server == r.cfg.Server {
			r.own = presence
			continue
		}
		was, known := r.seen[presence.Server]
		switch {
		case !known:
			was = sight{beats: presence.Beats, at: now}
		case presence.Beats != was.beats:
			was = sight{beats: presence.Beats, at: now, alive: true}
		case now.Sub(was.at) >= lostAfter:
			was.alive = false
		}
		if now.Sub(was.at) >= forgetAfter {
			if err := bounded(ctx, func(ctx context.Context) error { return r.cfg.Ledger.Leave(ctx, presence) }); err != nil {
				r.failed(ctx, err)
			}
		}
		seen[presence.Server] = was
		if was.alive {
			present++
		}
	}
	r.seen = seen
	r.present.Store(int64(present))
	r.compare(present, now)
}

// compare tells of servers that there should not be.
func (r *Replicas) compare(present int, now time.Time) {
	expected := int(r.expected.Load())
	if present <= expected {
		if r.warned {
			r.cfg.Log.Info("there are no more servers than replicas says", "servers", present, "replicas", expected)
		}
		r.since, r.warned = time.Time{}, false
		return
	}
	if r.since.IsZero() {
		r.since = now
	}
	if !r.warned && now.Sub(r.since) >= patience {
		r.warned = true
		r.cfg.Log.Error("more servers use the ledger than replicas says: together they call Loop more often than its limits allow", "servers",
			present, "replicas", expected)
	}
}

// leave lets the others know at once that this server has gone.
func (r *Replicas) leave() {
	if r.own.Beats == 0 {
		return // it was never there
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := r.cfg.Ledger.Leave(ctx, r.own); err != nil {
		r.cfg.Log.Debug("the other servers are not told that this one ends", "error", err.Error())
	}
}

func (r *Replicas) failed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		r.cfg.Log.Debug("the servers of the ledger cannot exchange their state", "error", err.Error())
	}
}

func bounded(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return do(ctx)
}
