package ledger

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
)

// TestADatabaseThatIsFoundUnfitLaterRefusesWritesUntilItIsFit: reads have begun, and go on. It says why, once for each reason.
func TestADatabaseThatIsFoundUnfitLaterRefusesWritesUntilItIsFit(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	dsn := at(server.Database(t))
	execute := func(statement string) {
		t.Helper()
		db := openPostgres(dsn, nil)
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		testkit.OK(t, db.Close())
	}
	execute(`CREATE TABLE goose_db_version (id INT)`) // another program's
	testkit.OK(t, server.Stop(syscall.SIGINT))
	var mu sync.Mutex
	var unfit []error
	opened := make(chan Recovered, 1)
	l, err := AwaitPostgres(t.Context(), dsn, func(found Recovered) { opened <- found }, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		unfit = append(unfit, err)
	})
	testkit.OK(t, err)
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	refused := func(why error) {
		t.Helper()
		if err := l.Awaited(); !errors.Is(err, ErrNotOpen) || why != nil && !errors.Is(err, why) {
			t.Errorf("it awaits %v", err)
		}
		if _, err := l.Begin(t.Context(), submission("r1", "one"), owner); !errors.Is(err, ErrNotOpen) {
			t.Errorf("a write: %v", err)
		}
		if err := l.Ping(t.Context()); !errors.Is(err, ErrNotOpen) {
			t.Errorf("a ping: %v", err)
		}
	}
	told := func(n int, last error) {
		t.Helper()
		deadline := time.Now().Add(30 * time.Second)
		for {
			mu.Lock()
			got := len(unfit)
			is := got >= n && errors.Is(unfit[n-1], last)
			mu.Unlock()
			if is && got == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("told %d times, of %v", got, unfit)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	refused(nil)
	testkit.OK(t, server.Start())
	told(1, ErrForeignTables)
	refused(ErrForeignTables)
	execute(`DROP TABLE goose_db_version`)
	told(2, ErrMissing)
	refused(ErrMissing)
	time.Sleep(2 * reachEvery) // which says nothing new
	told(2, ErrMissing)
	if err := InitPostgres(t.Context(), dsn); err != nil && !strings.Contains(err.Error(), "already") {
		t.Fatal(err)
	}
	select {
	case <-opened:
	case <-time.After(30 * time.Second):
		t.Fatal("it is not opened")
	}
	begin(t, l, submission("r1", "one"))
}
