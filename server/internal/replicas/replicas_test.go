package replicas

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main{M: m}) }

// table is a ledger in memory, which may be away or slow.
type table struct {
	mu        sync.Mutex
	away      error
	slow      time.Duration
	presence  map[string]ledger.Presence
	throttles map[string]ledger.Throttle
	noted     map[string]time.Time
}

func newTable() *table {
	return &table{presence: map[string]ledger.Presence{}, throttles: map[string]ledger.Throttle{}, noted: map[string]time.Time{}}
}

func (d *table) reach(ctx context.Context) error {
	d.mu.Lock()
	slow, away := d.slow, d.away
	d.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(slow):
	}
	return away
}

func (d *table) set(slow time.Duration, away error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow, d.away = slow, away
}

func (d *table) Beat(ctx context.Context, server string, replicas int) ([]ledger.Presence, error) {
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.presence[server] = ledger.Presence{Server: server, Beats: d.presence[server].Beats + 1, Replicas: replicas}
	return slices.Collect(maps.Values(d.presence)), nil
}

func (d *table) Leave(ctx context.Context, gone ledger.Presence) error {
	if err := d.reach(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.presence[gone.Server].Beats <= gone.Beats {
		delete(d.presence, gone.Server)
	}
	return nil
}

func (d *table) NoteThrottles(ctx context.Context, told []ledger.Throttle) error {
	if err := d.reach(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, each := range told {
		d.throttles[each.Practice+each.Subscription], d.noted[each.Practice+each.Subscription] = each, time.Now()
	}
	return nil
}

func (d *table) Throttles(ctx context.Context) (all []ledger.Throttle, _ error) {
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for at, each := range d.throttles {
		each.Wait = max(0, each.Wait-time.Since(d.noted[at]))
		all = append(all, each)
	}
	return all, nil
}

func (d *table) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.presence)
}

func (d *table) throttle(at string) (ledger.Throttle, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, is := d.throttles[at]
	return found, is
}

// words are a log.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func (w *words) Len() int { return len(w.String()) }

// server is one with a gate of its own; what the gate was told by others is noted.
type server struct {
	*Replicas
	registry *prometheus.Registry
	log      *words
	stop     func()
}

func start(t *testing.T, of Ledger, name string, replicas int) *server {
	t.Helper()
	s := &server{registry: prometheus.NewRegistry(), log: &words{}}
	s.Replicas = New(Config{
		Ledger: of, Gate: cegidclient.NewGate(), Server: name, Replicas: replicas, Registry: s.registry,
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	s.stop = func() { cancel(); running.Wait() }
	return s
}

func (s *server) gauge(t *testing.T, name string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	testkit.OK(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

const tooMany = "more servers use the ledger than replicas says"

func TestASecondServerIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := newTable()
		first := start(t, of, "first", 1)
		pass(time.Minute + beatEvery/2) // so that the two never beat at one instant, in either order
		if n := first.gauge(t, "ledger_servers"); n != 1 || first.log.Len() > 0 {
			t.Errorf("alone: %v servers, %s", n, first.log)
		}
		second := start(t, of, "second", 1)
		pass(2*beatEvery + time.Second)
		if n := first.gauge(t, "ledger_servers"); n != 2 || first.log.Len() > 0 {
			t.Errorf("at once: %v servers, %s", n, first.log)
		}
		pass(patience + beatEvery)
		for name, each := range map[string]*server{"first": first, "second": second} {
			if n := each.gauge(t, "ledger_servers"); n != 2 || strings.Count(each.log.String(), tooMany) != 1 || !strings.Contains(each.log.String(), "level=ERROR") {
				t.Errorf("%s: %v servers, %s", name, n, each.log)
			}
		}
		// Two are meant.
		first.SetReplicas(2)
		pass(beatEvery)
		if first.gauge(t, "ledger_replicas") != 2 || !strings.Contains(first.log.String(), "no more servers than") {
			t.Errorf("%s", first.log)
		}
		first.SetReplicas(1)
		pass(patience + 2*beatEvery)
		// One that ends is missed at once, one that dies soon.
		second.stop()
		pass(beatEvery)
		if n := first.gauge(t, "ledger_servers"); n != 1 || of.count() != 1 {
			t.Errorf("one has ended: %v servers, %d rows", n, of.count())
		}
		of.mu.Lock()
		of.presence["dead"] = ledger.Presence{Server: "dead", Beats: 7, Replicas: 1}
		of.mu.Unlock()
		pass(lostAfter + 2*beatEvery)
		if n := first.gauge(t, "ledger_servers"); n != 1 {
			t.Errorf("what a dead one has left counts: %v", n)
		}
		pass(forgetAfter)
		if of.count() != 1 {
			t.Errorf("what a dead one has left stays: %d rows", of.count())
		}
		if strings.Count(first.log.String(), tooMany) != 2 {
			t.Errorf("%s", first.log)
		}
		first.stop()
	})
}

// TestARollingUpdateIsNoAlarm: for a moment there is one more.
func TestARollingUpdateIsNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := newTable()
		first, before := start(t, of, "first", 2), start(t, of, "before", 2)
		pass(time.Minute)
		after := start(t, of, "after", 2)
		pass(patience)
		before.stop()
		pass(time.Minute)
		if n := first.gauge(t, "ledger_servers"); n != 2 || first.log.Len()+after.log.Len() > 0 {
			t.Errorf("%v servers; %s%s", n, first.log, after.log)
		}
		// One that is killed is missed, too.
		after.cfg.Ledger.(*table).set(0, errors.New("away"))
		pass(time.Minute) // no server learns of another, and nothing is concluded from it
		if n := first.gauge(t, "ledger_servers"); n != 2 || first.log.Len() > 0 {
			t.Errorf("without the ledger: %v servers; %s", n, first.log)
		}
		of.set(0, nil)
		pass(2 * beatEvery)
		if n := first.gauge(t, "ledger_servers"); n != 2 {
			t.Errorf("with it again: %v servers", n)
		}
		first.stop()
		after.stop()
	})
}

const subscription = "0123456789abcdef"

// The practices of which a server that has stopped knows a 429.
func (s *server) heard() map[string]bool {
	out := map[string]bool{}
	for at := range s.heeded {
		out[at.practice] = true
	}
	return out
}

func TestNoCallWaitsForTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := newTable()
		first, second := start(t, of, "first", 2), start(t, of, "second", 2)
		synctest.Wait()
		of.set(time.Hour, nil)
		began := time.Now()
		for range 1000 {
			first.tell(cegidclient.Throttle{Subscription: subscription, Practice: "demo", Wait: 25 * time.Second})
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a call has waited for %s", took)
		}
		pass(10 * time.Second)
		of.set(0, nil)
		pass(limit + 2*shareEvery)
		if got, _ := of.throttle("demo" + subscription); got.Wait <= 0 || got.Wait > 15*time.Second || got.Number != 1000 || got.Server != "first" {
			t.Errorf("noted late, with what is left then: %+v", got)
		}
		// What is over by the time that it can be told, nobody is told.
		of.set(0, errors.New("away"))
		first.tell(cegidclient.Throttle{Subscription: subscription, Practice: "other", Wait: time.Second})
		pass(time.Minute)
		of.set(0, nil)
		pass(time.Minute)
		if _, noted := of.throttle("other" + subscription); noted {
			t.Error("what is over is told")
		}
		first.stop()
		second.stop()
		if !second.heard()["demo"] {
			t.Error("the second has not heard")
		}
	})
}

// TestServersOnPostgreSQLHearOfEachOther with a clock that leaps, on the real tables.
func TestServersOnPostgreSQLHearOfEachOther(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	testkit.OK(t, ledger.InitPostgres(t.Context(), func() string { return dsn }))
	l, err := ledger.OpenPostgres(t.Context(), func() string { return dsn })
	testkit.OK(t, err)
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx := t.Context()
	if all, err := l.Beat(ctx, "first", 2); err != nil || !slices.Equal(all, []ledger.Presence{{Server: "first", Beats: 1, Replicas: 2}}) {
		t.Errorf("%+v, %v", all, err)
	}
	_, _ = l.Beat(ctx, "second", 1)
	all, err := l.Beat(ctx, "first", 3)
	if err != nil || !slices.Equal(all, []ledger.Presence{{Server: "first", Beats: 2, Replicas: 3}, {Server: "second", Beats: 1, Replicas: 1}}) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := l.Leave(ctx, ledger.Presence{Server: "first", Beats: 1}); err != nil { // it has shown itself since
		t.Error(err)
	}
	if err := l.Leave(ctx, ledger.Presence{Server: "second", Beats: 1}); err != nil {
		t.Error(err)
	}
	if all, err := l.Beat(ctx, "first", 3); err != nil || !slices.Equal(all, []ledger.Presence{{Server: "first", Beats: 3, Replicas: 3}}) {
		t.Errorf("%+v, %v", all, err)
	}
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
