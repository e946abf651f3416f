package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// TestALiveBackupIsALedger: it is made while imports go on, holds at least what was answered before, and sends nothing before
// it was restored; then nothing twice.
func TestALiveBackupIsALedger(t *testing.T) {
	t.Parallel()
	w := audited(t)
	p := w.serve(t, "")
	r := w.rest(t, p)
	var next atomic.Int64
	push := func() {
		id := fmt.Sprint("FA-", next.Add(1))
		if code, text := r.push(id); code != http.StatusOK {
			t.Errorf("%s is answered %d %s", id, code, text)
		}
	}
	for range 20 {
		push()
	}
	stop := make(chan struct{})
	var pushing sync.WaitGroup
	for range 4 {
		pushing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					push()
				}
			}
		})
	}
	for n := range 3 {
		out, said, code := run(t, "ledger", "backup", "--ledger", w.path("ledger.db"), "--to", w.path(fmt.Sprint("kept-", n)))
		if code != 0 || !strings.Contains(out, "that a server uses") {
			t.Fatalf("%d %s %s", code, out, said)
		}
	}
	close(stop)
	pushing.Wait()
	for _, name := range []string{"ledger.db.socket", "kept-0"} {
		if info, err := os.Stat(w.path(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, said, code := run(t, "ledger", "backup", "--ledger", w.path("ledger.db"), "--to", w.path("kept-0")); code != 1 || !strings.Contains(said, "never replaced") {
		t.Errorf("over another one: %d %s", code, said)
	}
	p.stop(t)
	if left, _ := filepath.Glob(w.path("ledger.db.*")); len(left) != 0 {
		t.Errorf("it leaves %v", left)
	}

	w.copy(t, "kept-2", "ledger.db")
	out, said, code := run(t, "ledger", "restore", "--ledger", w.path("ledger.db"), "--audit", w.path("audit.log"))
	if code != 0 {
		t.Fatalf("%d %s %s", code, out, said)
	}
	p = w.serve(t, "")
	r = w.rest(t, p)
	for n := range next.Load() {
		id := fmt.Sprint("FA-", n+1)
		code, text := r.push(id)
		if code != http.StatusOK && !strings.Contains(text, `"OUTCOME_UNKNOWN"`) { // under way as the copy was made, or forgotten
			t.Errorf("%s is answered %d %s", id, code, text)
		}
		if n := w.sent(id); n != 1 {
			t.Errorf("Loop was sent %s %d times", id, n)
		}
	}
	p.stop(t)
	t.Logf("%d imports, of which the backup had forgotten %d", next.Load(), strings.Count(out, "\n")-2)
}

// TestALedgerThatOthersMayReadIsRefused like a key.
func TestALedgerThatOthersMayReadIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644, 0o666} {
		testkit.OK(t, os.Chmod(w.path("ledger.db"), mode))
		for _, arguments := range [][]string{{"serve", "--config", w.config(t)}, {"check", "--offline", "--config", w.config(t)}, {"ledger", "restore", "--ledger", w.path("ledger.db"), "--no-audit"}} {
			if _, said, code := run(t, arguments...); code != 1 || !strings.Contains(said, "chmod 600") {
				t.Errorf("%v with mode %v ends with %d %s", arguments[:2], mode, code, said)
			}
		}
	}
	testkit.OK(t, os.Chmod(w.path("ledger.db"), 0o600))
	w.serve(t, "").stop(t)
}
