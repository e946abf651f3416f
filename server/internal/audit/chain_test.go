package audit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

// read is what Read finds in files.
func read(t *testing.T, paths ...string) (events []Event, found *Audit) {
	t.Helper()
	found, err := Read(paths, func(r Record) error {
		events = append(events, r.Event)
		return nil
	})
	testkit.OK(t, err)
	return events, found
}

func note(s *Sink, event string) { s.Logger.Info(Message, "event", event) }

// TestAChainGoesOnThroughRestartsAndRotations: each file continues the one before, and halves of a record do no harm.
func TestAChainGoesOnThroughRestartsAndRotations(t *testing.T) { synctest.Test(t, testAChainGoesOn) }

func testAChainGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	sink, _, _ := opened(t, path)
	sink.Number(func() int64 { return 7 })
	note(sink, "one")
	note(sink, "two")
	testkit.OK(t, os.Rename(path, path+".1"))
	time.Sleep(lookEvery)
	note(sink, "three")
	testkit.OK(t, sink.Close())
	torn, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	testkit.OK(t, err)
	if _, err := torn.WriteString(`{"time":"2026-11-29`); err != nil {
		t.Fatal(err)
	}
	_ = torn.Close()
	sink, _, _ = opened(t, path)
	if sink.Commit() != 7 {
		t.Errorf("it knows of commit %d", sink.Commit())
	}
	sink.Number(func() int64 { return 3 }) // as a ledger that was put back says
	note(sink, "four")
	if sink.Commit() != 7 {
		t.Errorf("it forgets what it knew, and says %d", sink.Commit())
	}
	events, found := read(t, path+".1", path)
	if fmt.Sprint(events) != "[one two three four]" || len(found.Chains) != 1 || len(found.Problems) != 0 || found.Strange != 1 {
		t.Errorf("%v: %+v", events, found)
	}
	if _, found := read(t, path, path+".1"); len(found.Problems) == 0 {
		t.Error("files in another order pass")
	}
	if _, found := read(t, path); len(found.Problems) != 0 || found.Chains[0].First.Sequence != 3 {
		t.Errorf("the last file alone: %+v", found)
	}
}

// TestEachTamperingShows: whichever record is changed, taken out or moved, but for the end, which shows by Holds alone.
func TestEachTamperingShows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	sink, _, _ := opened(t, path)
	const records = 5
	for n := range records {
		note(sink, fmt.Sprint("event-", n))
	}
	text, err := os.ReadFile(path)
	testkit.OK(t, err)
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	lines[records-1] += "\n"
	tampered := func(what string, lines []string) {
		t.Helper()
		other := filepath.Join(t.TempDir(), "other.log")
		testkit.OK(t, os.WriteFile(other, []byte(strings.Join(lines, "")), 0o600))
		if _, found := read(t, other); len(found.Problems) == 0 {
			t.Errorf("%s: nothing shows", what)
		}
	}
	for n := range records {
		for _, change := range []string{"event-", `"level":"INFO`, `"sequence":`, `"commit":`, `"previous":"`, `"chain":"`, `"time":"2`} {
			changed := slices.Clone(lines)
			changed[n] = strings.Replace(lines[n], change, change+"9", 1)
			if changed[n] == lines[n] {
				t.Fatalf("%s is not in %s", change, lines[n])
			}
			tampered(fmt.Sprint("record ", n, " with another ", change), changed)
		}
		if n > 0 && n < records-1 {
			tampered(fmt.Sprint("without record ", n), slices.Delete(slices.Clone(lines), n, n+1))
			broken := slices.Clone(lines)
			broken[n] = "broken " + broken[n]
			tampered(fmt.Sprint("record ", n, " made no record"), broken)
		}
		if n > 0 {
			moved := slices.Clone(lines)
			moved[n-1], moved[n] = moved[n], moved[n-1]
			tampered(fmt.Sprint("records ", n-1, " and ", n, " in another order"), moved)
		}
		tampered(fmt.Sprint("record ", n, " twice"), slices.Insert(slices.Clone(lines), n, lines[n]))
	}
}

// TestTwoProcessesDoNotShareAFile: theirs would not be one chain.
func TestTwoProcessesDoNotShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	sink, _, _ := opened(t, path)
	other := &file{path: path} // another open file, as another process has
	if err := other.open(); err == nil {
		t.Error("a second one opens it")
	}
	testkit.OK(t, sink.Close())
	if err := other.open(); err != nil {
		t.Error(err)
	}
	_ = other.close()
}

// TestThoseWhoWaitShareASync: what is written ahead by many is on the disk when each is told so, in fewer syncs than records.
func TestThoseWhoWaitShareASync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	sink, _, _ := opened(t, path)
	const writers, each = 32, 20
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range each {
				if err := sink.Ahead(t.Context(), slog.String("event", "submitting")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if events, found := read(t, path); len(events) != writers*each || len(found.Problems) != 0 {
		t.Errorf("%d records: %v", len(events), found.Problems)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	hanging := &file{running: true} // a sync that does not end
	if err := hanging.synced(ended, 0); err == nil {
		t.Error("it waits for a disk that hangs")
	}
	testkit.OK(t, sink.Close())
	if err := sink.Ahead(t.Context(), slog.String("event", "submitting")); err == nil {
		t.Error("what cannot be written passes for written")
	}
}

// TestWhatIsWrittenAheadIsSynced: who is told that a record is on the disk has waited for a sync that was begun after it was
// written, and those who wait at once share it.
func TestWhatIsWrittenAheadIsSynced(t *testing.T) {
	reader, pipe, err := os.Pipe() // on which each sync fails, and is counted
	testkit.OK(t, err)
	defer func() { _, _ = reader.Close(), pipe.Close() }()
	sink, _, _ := opened(t, filepath.Join(t.TempDir(), "audit.log"))
	whole := sink.file.f
	sink.file.f, sink.file.looked = pipe, time.Now().Add(time.Hour)
	defer func() { sink.file.f = whole }()
	if err := sink.Ahead(t.Context(), slog.String("event", "submitting")); err == nil || sink.file.failures() != 1 {
		t.Errorf("it is told to be on the disk after %d syncs, all of which failed: %v", sink.file.failures(), err)
	}
	const waiters = 20
	var waiting sync.WaitGroup
	wait := func(n, queued int) {
		for range n {
			waiting.Go(func() {
				if err := sink.file.synced(t.Context(), 0); err == nil {
					t.Error("it is told to be on the disk")
				}
			})
		}
		for done := false; !done; time.Sleep(time.Millisecond) {
			sink.file.syncing.Lock()
			done = sink.file.running && len(sink.file.waiting) == queued
			sink.file.syncing.Unlock()
		}
	}
	sink.file.mu.Lock() // no sync begins
	wait(1, 0)          // its sync is about to
	wait(waiters-1, waiters-1)
	sink.file.mu.Unlock()
	waiting.Wait()
	if syncs := sink.file.failures() - 1; syncs != 2 {
		t.Errorf("%d who wait at once take %d syncs", waiters, syncs)
	}
}

// TestAHalfOfARecordIsNoTampering: wherever a crash or a full disk cuts it, in its hash as well.
func TestAHalfOfARecordIsNoTampering(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	sink, _, _ := opened(t, path)
	note(sink, "one")
	note(sink, "two")
	testkit.OK(t, sink.Close())
	text, err := os.ReadFile(path)
	testkit.OK(t, err)
	first := strings.Index(string(text), "\n") + 1
	for end := first + 1; end < len(text)-1; end++ {
		testkit.OK(t, os.WriteFile(path, text[:end], 0o600))
		sink, _, _ := opened(t, path)
		note(sink, "three")
		testkit.OK(t, sink.Close())
		if events, found := read(t, path); len(found.Problems) != 0 || fmt.Sprint(events) != "[one three]" {
			t.Fatalf("cut after %q: %v, %v", text[first:end], events, found.Problems)
		}
	}
}

// TestASyncThatFailsFailsAllWrittenBefore: the system tells of an error once, and may have dropped all that was written by then.
func TestASyncThatFailsFailsAllWrittenBefore(t *testing.T) {
	reader, pipe, err := os.Pipe() // which no sync succeeds on
	testkit.OK(t, err)
	defer func() { _, _ = reader.Close(), pipe.Close() }()
	path := filepath.Join(t.TempDir(), "audit.log")
	whole, err := os.Create(path)
	testkit.OK(t, err)
	defer func() { _ = whole.Close() }()
	f := &file{path: path, f: pipe, looked: time.Now().Add(time.Hour)}
	before := f.failures()
	if _, err := f.Write([]byte("one\ntwo\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.synced(t.Context(), before); err == nil {
		t.Error("a sync that fails passes")
	}
	f.mu.Lock()
	f.f = whole // the next sync succeeds
	f.mu.Unlock()
	if err := f.synced(t.Context(), before); err == nil {
		t.Error("what was written before a sync that failed passes for stored")
	}
	if err := f.synced(t.Context(), f.failures()); err != nil {
		t.Errorf("what was written after it: %v", err)
	}
}

// BenchmarkAhead is what a write waits for its record, alone and with others.
func BenchmarkAhead(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(writers, " at once"), func(b *testing.B) {
			f := &file{path: filepath.Join(b.TempDir(), "audit.log")}
			testkit.OK(b, f.open())
			defer func() { _ = f.close() }()
			c := newChain(f)
			record := []byte(`{"time":"2026-11-29T00:00:00Z","level":"INFO","msg":"audit","event":"submitting","padding":"` + strings.Repeat("x", 600) + "\"}\n")
			var left atomic.Int64
			left.Store(int64(b.N))
			var writing sync.WaitGroup
			for range writers {
				writing.Go(func() {
					for left.Add(-1) >= 0 {
						before := f.failures()
						if _, err := c.Write(record); err != nil {
							b.Error(err)
						}
						if err := f.synced(b.Context(), before); err != nil {
							b.Error(err)
						}
					}
				})
			}
			writing.Wait()
			b.ReportMetric(float64(b.Elapsed().Microseconds())*float64(writers)/float64(b.N)/1000, "ms/write")
		})
	}
}
