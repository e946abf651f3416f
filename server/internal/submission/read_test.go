package submission

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestAWatchShowsThatItLives: it tells each 15 s although nothing has changed, at once what has, and ends after its time.
func TestAWatchShowsThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := ledger.Temporary(t.Context(), nil)
		testkit.OK(t, err)
		defer func() { _ = l.Close() }()
		begun := time.Now()
		var state atomic.Value
		state.Store(ledger.Waiting)
		var told []time.Duration
		var last ledger.State
		tell := func(record ledger.Record) error {
			told, last = append(told, time.Since(begun)), record.State
			return nil
		}
		get := func() (ledger.Record, error) { return ledger.Record{State: state.Load().(ledger.State)}, nil }
		w := &Writer{Ledger: l}
		testkit.OK(t, w.Watch(t.Context(), ledger.Key{Practice: "demo", Dossier: "CEGID001", RequestID: "W"}, get, tell))
		var want []time.Duration
		for at := time.Duration(0); at < watchLimit; at += 15 * time.Second {
			want = append(want, at)
		}
		if ends := told[len(told)-1]; ends != watchLimit || !slices.Equal(told[:len(want)], want) {
			t.Errorf("it told at %v", told)
		}

		begun, told = time.Now(), nil
		time.AfterFunc(47*time.Second, func() { state.Store(ledger.Succeeded) })
		testkit.OK(t, w.Watch(t.Context(), ledger.Key{Practice: "demo", Dossier: "CEGID001", RequestID: "W"}, get, tell))
		if last != ledger.Succeeded || told[len(told)-1] != time.Minute {
			t.Errorf("an end that nobody told of was seen as %v at %v", last, told)
		}

		state.Store(ledger.Waiting)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := w.Watch(ctx, ledger.Key{Practice: "demo", Dossier: "CEGID001", RequestID: "W"}, get, tell); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
