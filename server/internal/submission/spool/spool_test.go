package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

func opened(t *testing.T, folder string) *Spool {
	t.Helper()
	s, err := Open(folder, 1<<30)
	testkit.OK(t, err)
	return s
}

func names(t *testing.T, folder string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	testkit.OK(t, err)
	for _, each := range entries {
		out = append(out, each.Name())
	}
	return out
}

func TestAFileIsReadAsItWasWrittenAndLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	f, err := opened(t, folder).Create("billing")
	testkit.OK(t, err)
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	for chunk := content; len(chunk) > 0; {
		n := min(len(chunk), 70_001)
		if _, err := f.Write(chunk[:n]); err != nil {
			t.Fatal(err)
		}
		chunk = chunk[n:]
	}
	if f.Size() != int64(len(content)) {
		t.Errorf("%d bytes", f.Size())
	}
	for range 2 { // a reader begins anew
		if got, err := io.ReadAll(f.Reader()); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if left := names(t, folder); len(left) > 0 {
		t.Errorf("a kill would leave %v", left)
	}
	reader := f.Reader()
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(reader); err == nil {
		t.Error("it can still be read")
	}
}

func TestOrphansAreRemovedAtStart(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool [1]*")
	testkit.OK(t, os.Mkdir(folder, 0o700))
	for _, name := range []string{prefix + "123", prefix, "ledger.db", "x-" + prefix} {
		testkit.OK(t, os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600))
	}
	opened(t, folder)
	if left := names(t, folder); len(left) != 2 || left[0] != "ledger.db" || left[1] != "x-"+prefix {
		t.Errorf("left are %v", left)
	}
}

func TestNoCallerTakesAllOfTheSpool(t *testing.T) {
	s := opened(t, t.TempDir())
	var files []*File
	take := func(caller string, n int, then error) {
		t.Helper()
		for range n {
			f, err := s.Create(caller)
			testkit.OK(t, err)
			files = append(files, f)
		}
		if _, err := s.Create(caller); !errors.Is(err, then) {
			t.Errorf("one more of %s: %v; want %v", caller, err, then)
		}
	}
	take("a", perCaller, ErrCallerFull)
	take("b", perCaller, ErrCallerFull)
	take("c", perCaller, ErrCallerFull)
	take("d", atOnce-3*perCaller, ErrCallerFull)
	if _, err := s.Create("e"); !errors.Is(err, ErrFull) {
		t.Errorf("one more in all: %v", err)
	}
	for _, f := range files {
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	}
	if s.total != 0 || len(s.byCaller) != 0 {
		t.Errorf("%d, %v are still counted", s.total, s.byCaller)
	}
}

func TestFilesTakeNoMoreBytesThanTheyMay(t *testing.T) {
	folder := t.TempDir()
	s, err := Open(folder, 100)
	testkit.OK(t, err)
	a, errA := s.Create("a")
	b, errB := s.Create("b")
	testkit.OK(t, errors.Join(errA, errB))
	if _, err := a.Write(make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Write(make([]byte, 41)); !errors.Is(err, ErrNoRoom) || n != 0 || b.Size() != 0 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := b.Write(make([]byte, 40)); err != nil {
		t.Error("what fits is refused:", err)
	}
	testkit.OK(t, a.Close())
	if _, err := b.Write(make([]byte, 60)); err != nil {
		t.Error("the room of a file that has gone is not given back:", err)
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil || s.bytes != 0 {
		t.Errorf("%v, %d bytes are still counted", err, s.bytes)
	}
}

func TestAFolderThatCannotBeUsedStopsTheStart(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Open(missing, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	testkit.OK(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(file, 1); err == nil {
		t.Error("a file is taken for a folder")
	}
	s := opened(t, t.TempDir())
	s.folder = missing
	if _, err := s.Create("a"); err == nil || s.total != 0 {
		t.Errorf("%v, %d counted", err, s.total)
	}
}
