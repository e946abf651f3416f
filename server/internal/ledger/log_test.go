package ledger

import (
	"fmt"
	"testing"
	"time"
)

// watchers subscribes to many rows, each of which exists, and returns their channels.
func watchers(t testing.TB, l *Ledger, n int) []<-chan struct{} {
	t.Helper()
	many(t, l, n)
	out := make([]<-chan struct{}, n)
	for i := range out {
		changed, cancel := l.Subscribe(key(fmt.Sprint("r", i)))
		t.Cleanup(cancel)
		out[i] = changed
	}
	return out
}

func told(all []<-chan struct{}) (who []int) {
	for i, each := range all {
		select {
		case <-each:
			who = append(who, i)
		default:
		}
	}
	return who
}

// TestAThousandWatchersAreOneQuery: a caller who waits learns of its own row, and of nothing else; a thousand of them are read for by
// one step along the log.
func TestAThousandWatchersAreOneQuery(t *testing.T) {
	dsn := database(t)
	l, other := openedPostgres(t, dsn), openedPostgres(t, dsn)
	all := watchers(t, l, 1000)
	begin(t, other, submission("told", "told"))
	changed, cancel := l.Subscribe(key("told"))
	defer cancel()
	submitted, err := other.Get(t.Context(), key("told"))
	if err != nil {
		t.Fatal(err)
	}
	submitting(t, other, Begun{Record: submitted})
	select {
	case <-changed: // the log was read up to here
	case <-time.After(20 * time.Second):
		t.Fatal("nobody is told")
	}
	told(all) // of what was written before they came
	time.Sleep(2 * refreshEvery)
	if who := told(all); len(who) > 0 {
		t.Fatalf("%d are told although nothing has changed", len(who))
	}
	r := get(t, other, key("r7"))
	if err := other.write(t.Context(), func(w *writing) error {
		from := r.status()
		r.FollowError = "x"
		return w.update(from, &r)
	}); err != nil {
		t.Fatal(err)
	}
	var who []int
	for deadline := time.Now().Add(20 * time.Second); len(who) == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		who = told(all)
	}
	if len(who) != 1 || who[0] != 7 {
		t.Errorf("told are %v; want 7 alone", who)
	}
}
