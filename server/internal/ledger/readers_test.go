package ledger

import (
	"context"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestAReaderDoesNotWaitForAWriter, nor a writer for readers, and each sees what was committed before it began.
func TestAReaderDoesNotWaitForAWriter(t *testing.T) {
	for name, l := range map[string]*Ledger{"in a file": opened(t, initialised(t)), "temporary": temporary(t, nil)} {
		t.Run(name, func(t *testing.T) {
			first := reach(t, l, submission("r1", "one"), Waiting)
			reading, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := l.write(t.Context(), func(w *writing) error {
				row := first
				row.State, row.NextPoll, row.Finished = Succeeded, time.Time{}, instant(w.now)
				if err := w.update(first.status(), &row); err != nil {
					return err
				}
				r, err := l.Get(reading, first.Key) // in the midst of a transaction
				if err != nil || r.State != Waiting {
					t.Errorf("while another writes: %s, %v", r.State, err)
				}
				_, err = l.CountByState(reading)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if r := get(t, l, first.Key); r.State != Succeeded {
				t.Errorf("after its commit: %s", r.State)
			}
		})
	}
}

// TestWritersAndReadersAtOnce: each reader finds what was there when it began, however many there are.
func TestWritersAndReadersAtOnce(t *testing.T) {
	l := opened(t, initialised(t))
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 2 * readConnections {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, _, err := l.List(t.Context(), Query{Collection: Imports, Limit: 5}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 100 {
		s := submission("r"+string(rune('a'+i%26))+string(rune('a'+i/26)), string(rune('a'+i%26))+string(rune('a'+i/26)))
		reach(t, l, s, Succeeded)
		if r := get(t, l, s.Key); r.State != Succeeded {
			t.Fatalf("%s after its commit", r.State)
		}
	}
	close(stop)
	all.Wait()
}

// TestABackupIsOfALedgerThatNobodyHasOpen, and does not let go of the lock of who has.
func TestABackupIsOfALedgerThatNobodyHasOpen(t *testing.T) {
	path := initialised(t)
	l := opened(t, path)
	begin(t, l, submission("r1", "one"))
	for range 2 {
		if line := start(t, "open", path).line(t); line == "ready" {
			t.Fatal("another process opens it")
		}
		if _, err := Backup(t.Context(), path, filepath.Join(t.TempDir(), "copy.db")); err == nil {
			t.Fatal("it is copied while it is open")
		}
	}
	if sqlite, err := exec.LookPath("sqlite3"); err == nil { // people may look
		if out, err := exec.CommandContext(t.Context(), sqlite, "-readonly", path, "SELECT COUNT(*) FROM ledger").CombinedOutput(); err != nil || string(out) != "1\n" {
			t.Errorf("sqlite3: %s, %v", out, err)
		}
	}
	begin(t, l, submission("r2", "two"))
}
