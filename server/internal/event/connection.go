package event

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// lookEvery is how often the circuit breakers are looked at, askEvery how often the ledger is asked which connections it has as
	// lost: the server that lost one may have ended.
	lookEvery = time.Second
	askEvery  = 5 * time.Minute
	// turnedAway is how many calls in a row Loop turns away for their keys until the connection is lost: one may meet the moment in
	// which a key is replaced.
	turnedAway = 3
)

// Brakes says what keeps each practice from Loop, by its name.
type Brakes func() map[string]cegidclient.Brakes

// Connections notes in the ledger when the connection of a practice is lost, which is when its circuit breaker opens or Loop rejects
// its keys, and when it is found. Each server notes what it sees, and the ledger what is new by it.
type Connections struct {
	ledger *ledger.Ledger
	brakes Brakes
	log    *slog.Logger
	end    context.CancelFunc
	done   sync.WaitGroup
	seen   map[string]connection
}

// connection is what a server has seen of one.
type connection struct {
	lost    bool
	noted   bool  // lost is in the ledger
	answers int64 // when the ledger was last asked
}

// Watch begins to note connections, until Close.
func Watch(l *ledger.Ledger, brakes Brakes, log *slog.Logger) *Connections {
	ctx, end := context.WithCancel(context.Background())
	c := &Connections{ledger: l, brakes: brakes, log: log, end: end, seen: map[string]connection{}}
	c.done.Go(func() { c.run(ctx) })
	return c
}

// Close ends it.
func (c *Connections) Close() {
	c.end()
	c.done.Wait()
}

func (c *Connections) run(ctx context.Context) {
	look, ask := time.NewTicker(lookEvery), time.NewTicker(askEvery)
	defer look.Stop()
	defer ask.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			c.look(ctx)
		case <-ask.C:
			c.ask(ctx)
		}
	}
}

// look notes what has changed since the last time. Nothing is known of a connection that was not used since the start.
func (c *Connections) look(ctx context.Context) {
	for practice, brakes := range c.brakes() {
		now, known := c.seen[practice]
		lost := brakes.Breaker != cegidclient.BreakerClosed || brakes.Rejections >= turnedAway
		if !lost && (brakes.Rejections > 0 || !known && brakes.Answers == 0) {
			continue // the next calls tell
		}
		if !known || now.lost != lost {
			now = connection{lost: lost, answers: brakes.Answers}
		}
		if !now.noted {
			if err := c.ledger.Connected(ctx, practice, !lost); err != nil {
				if ctx.Err() == nil {
					c.log.Debug("a connection that was lost or found could not be noted", "practice", practice, "error", err.Error())
				}
			} else {
				now.noted = true
			}
		}
		c.seen[practice] = now
	}
}

// ask notes as found what the ledger has as lost, and has answered here since the last time.
func (c *Connections) ask(ctx context.Context) {
	lost, err := c.ledger.LostConnections(ctx)
	if err != nil {
		return // it is asked again
	}
	for practice, brakes := range c.brakes() {
		now, known := c.seen[practice]
		if known && !now.lost && brakes.Answers > now.answers && brakes.Rejections == 0 && slices.Contains(lost, practice) {
			now.noted = false
		}
		if known {
			now.answers = brakes.Answers
			c.seen[practice] = now
		}
	}
}
