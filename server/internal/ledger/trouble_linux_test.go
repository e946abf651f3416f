package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// small is a ledger on a disk of its own with little room.
func small(t *testing.T) (l *Ledger, folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("no disk of its own may be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	return openedFile(t, filepath.Join(folder, "ledger.db")), folder
}

func openedFile(t *testing.T, path string) *Ledger {
	t.Helper()
	testkit.OK(t, Init(t.Context(), path))
	l, err := Open(t.Context(), path)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// fill takes what room there is on a disk.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	testkit.OK(t, err)
	defer func() { _ = file.Close() }()
	for {
		if _, err := file.Write(bytes.Repeat([]byte{1}, 4096)); err != nil {
			return
		}
	}
}

// TestAFullDiskIsNoDoubt: nothing of what did not fit is there, every call says so at once, what was kept can be read, and
// with room again it goes on by itself.
func TestAFullDiskIsNoDoubt(t *testing.T) {
	l, folder := small(t)
	kept := reach(t, l, submission("kept", "kept"), Waiting)
	received := begin(t, l, submission("received", "received"))
	sent := begin(t, l, submission("sent", "sent"))
	submitting(t, l, sent)
	ballast := filepath.Join(folder, "ballast")
	fillDisk(t, ballast)

	for name, call := range map[string]func() error{
		"Begin": func() error {
			_, err := l.Begin(t.Context(), submission("new", "new"), owner)
			return err
		},
		"Submitting": func() error { return l.Submitting(t.Context(), received.Key, 1, owner, 0) },
		"Settle": func() error {
			_, err := l.Settle(t.Context(), sent.Key, 1, owner, Outcome{State: Waiting, LoopRequestID: "loop-sent"})
			return err
		},
		"Followed": func() error { return l.Followed(t.Context(), about(kept), Progress{State: Succeeded}) },
	} {
		if err := call(); !errors.Is(err, ErrFull) || errors.Is(err, ErrCommit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := l.Ping(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("asked whether it answers: %v", err)
	}
	if _, err := l.Get(t.Context(), key("new")); !errors.Is(err, ErrUnknown) {
		t.Errorf("what was refused is there: %v", err)
	}
	for id, want := range map[string]State{"kept": Waiting, "received": Received, "sent": Submitting} {
		if got := get(t, l, key(id)); got.State != want {
			t.Errorf("%s is %s", id, got.State)
		}
	}
	if failures := l.Trouble(); failures.Commits < 5 || failures.Reads > 0 || !errors.Is(failures.Last, ErrFull) {
		t.Errorf("%+v", failures)
	}

	testkit.OK(t, os.Remove(ballast))
	if err := l.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	settle(t, l, sent, Outcome{State: Waiting, LoopRequestID: "loop-sent"})
	begin(t, l, submission("new", "new"))
}

// TestARemovedFileTakesNothing: SQLite would go on writing to it, and the end of the process would end all of that.
func TestARemovedFileTakesNothing(t *testing.T) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		t.Run("ledger.db"+suffix, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l := openedFile(t, path)
			kept := begin(t, l, submission("kept", "kept"))
			testkit.OK(t, l.Ping(t.Context()))
			testkit.OK(t, os.Remove(path+suffix))
			for range 2 {
				_, err := l.Begin(t.Context(), submission("new", "new"), owner)
				if !errors.Is(err, ErrGone) || !strings.Contains(fmt.Sprint(l.Ping(t.Context())), ErrGone.Error()) {
					t.Errorf("%v", err)
				}
				if err := l.Submitting(t.Context(), kept.Key, 1, owner, 0); !errors.Is(err, ErrGone) {
					t.Errorf("%v", err)
				}
				if suffix == "" { // another in its place is not what it was
					_ = os.WriteFile(path, nil, 0o600)
				}
			}
			get(t, l, kept.Key) // what it knew it still tells
		})
	}
}

// TestWhatWasRemovedInTheMidstOfATransactionIsNotAcknowledged though SQLite has confirmed it.
func TestWhatWasRemovedInTheMidstOfATransactionIsNotAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openedFile(t, path)
	err := l.write(t.Context(), func(w *writing) error {
		_, _, err := w.begin(submission("r1", "one"), owner)
		return errors.Join(err, os.Remove(path))
	})
	if !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}
