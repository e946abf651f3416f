package telemetry

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
)

// Counts what an observer is told.
type heard struct{ calls, turns, attempts int }

func (h *heard) CallDone(context.Context, cegidclient.CallEvent)       { h.calls++ }
func (h *heard) TurnDone(context.Context, cegidclient.TurnEvent)       { h.turns++ }
func (h *heard) AttemptDone(context.Context, cegidclient.AttemptEvent) { h.attempts++ }

// TestTheOthersHearTheSame: each event reaches all who observe beside the metrics.
func TestTheOthersHearTheSame(t *testing.T) {
	h := &heard{}
	loop := NewLoop(prometheus.NewRegistry(), h, h)
	loop.CallDone(t.Context(), cegidclient.CallEvent{Operation: "list_accounts", Outcome: "ok", Duration: time.Second})
	loop.TurnDone(t.Context(), cegidclient.TurnEvent{Operation: "list_accounts", Outcome: "ok"})
	loop.AttemptDone(t.Context(), cegidclient.AttemptEvent{Operation: "list_accounts", Outcome: "ok", Status: 200})
	if *h != (heard{2, 2, 2}) {
		t.Errorf("heard %+v", *h)
	}
}

// TestADeadSubscriptionKeyIsSeen: each key is counted apart, and an attempt without an answer says nothing of it.
func TestADeadSubscriptionKeyIsSeen(t *testing.T) {
	registry := prometheus.NewRegistry()
	loop := NewLoop(registry)
	for _, each := range []struct{ status, key int }{{401, 0}, {200, 1}, {0, 1}, {200, -1}, {403, 1}} {
		loop.AttemptDone(t.Context(), cegidclient.AttemptEvent{Practice: "demo", Status: each.status, SubscriptionKey: each.key})
	}
	got := values(t, registry)
	if got["loop_subscription_key_attempts_total accepted=no key=primary practice=demo"] != 1 ||
		got["loop_subscription_key_attempts_total accepted=yes key=secondary practice=demo"] != 2 {
		t.Errorf("%v", got)
	}
}
