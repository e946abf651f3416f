package event

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/ledger"
)

// TestAConnectionIsLostAndFoundOncePerChange, whichever of several servers sees it, and however often.
func TestAConnectionIsLostAndFoundOncePerChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	testkit.OK(t, ledger.Init(t.Context(), path))
	l, err := ledger.Open(t.Context(), path)
	testkit.OK(t, err)
	defer func() { _ = l.Close() }()
	type brakes = cegidclient.Brakes
	down, tried := brakes{Breaker: cegidclient.BreakerOpen}, brakes{Breaker: cegidclient.BreakerHalfOpen}
	answers := func(n int64) brakes { return brakes{Answers: n} }
	rejects := func(answers, in int64) brakes { return brakes{Answers: answers, Rejections: in} }
	server := func() *Connections {
		return &Connections{ledger: l, log: slog.New(slog.DiscardHandler), seen: map[string]connection{}}
	}
	first, second := server(), server()

	for _, step := range []struct {
		name string
		at   *Connections
		sees brakes
		ask  bool // which connections are noted as lost, as each five minutes
		want string
	}{
		{name: "nobody has called", at: first},
		{name: "it answers, as ever", at: first, sees: answers(1)},
		{name: "calls are paused", at: first, sees: down, want: "CONNECTION_LOST"},
		{name: "another server sees it too", at: second, sees: down},
		{name: "the way is tried", at: first, sees: tried},
		{name: "and is not open", at: first, sees: down},
		{name: "it answers again", at: first, sees: answers(2), want: "CONNECTION_FOUND"},
		{name: "to the other server too", at: second, sees: answers(1)},
		{name: "a key is turned away", at: first, sees: rejects(3, 1)},
		{name: "and again", at: first, sees: rejects(4, 2)},
		{name: "and not any more", at: first, sees: answers(5)},
		{name: "keys are rejected", at: first, sees: rejects(8, turnedAway), want: "CONNECTION_LOST"},
		{name: "and still are", at: first, sees: rejects(9, turnedAway+1)},
		{name: "the other server meets it as well", at: second, sees: rejects(2, 1), ask: true},
		{name: "a key is accepted", at: first, sees: answers(10), want: "CONNECTION_FOUND"},
		{name: "a server that has just started knows nothing", at: server(), sees: rejects(1, 1)},
		{name: "one that loses it", at: second, sees: down, want: "CONNECTION_LOST"},
		{name: "and ends; another one asks, and has heard nothing of Loop's since", at: first, sees: answers(10), ask: true},
		{name: "and has, later", at: first, sees: answers(11), ask: true},
		{name: "which is noted with the next look", at: first, sees: answers(11), want: "CONNECTION_FOUND"},
	} {
		before := kinds(t, l)
		step.at.brakes = func() map[string]brakes { return map[string]brakes{"demo": step.sees} }
		step.at.look(t.Context())
		if step.ask {
			step.at.ask(t.Context())
		}
		var want []string
		if step.want != "" {
			want = []string{step.want + " demo"}
		}
		if got := kinds(t, l)[len(before):]; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", step.name, got, want)
		}
	}
}

func kinds(t *testing.T, l *ledger.Ledger) (out []string) {
	t.Helper()
	events, _, err := l.Events(t.Context(), ledger.EventQuery{Limit: 100}, 0)
	testkit.OK(t, err)
	for _, e := range events {
		out = append(out, fmt.Sprint(e.Kind, " ", e.Practice))
	}
	return out
}
