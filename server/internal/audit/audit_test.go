package audit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/config"
)

// opened is a sink with a file, what it tells the log, and how often it says that it failed.
func opened(t *testing.T, path string) (sink *Sink, log *strings.Builder, failures func() float64) {
	t.Helper()
	log = &strings.Builder{}
	registry := prometheus.NewRegistry()
	sink, err := Open(config.Audit{File: path}, slog.New(slog.NewJSONHandler(log, nil)), registry)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = sink.Close() })
	return sink, log, func() float64 {
		families, err := registry.Gather()
		if err != nil || len(families) != 1 {
			t.Fatal(families, err)
		}
		return families[0].GetMetric()[0].GetCounter().GetValue()
	}
}

// records are the numbers of the records in a file, each of which is a line of JSON.
func records(t *testing.T, path string) (numbers string) {
	t.Helper()
	text, err := os.ReadFile(path)
	testkit.OK(t, err)
	for line := range strings.Lines(string(text)) {
		var record struct {
			Msg string
			N   int
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Msg != "audit" {
			t.Fatalf("not a record: %q", line)
		}
		numbers += fmt.Sprint(record.N)
	}
	return numbers
}

func TestRecordsAreAddedToTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	for n := range 3 { // as by three processes, one after another
		sink, log, failures := opened(t, path)
		sink.Logger.Info("audit", "n", n)
		if log.Len() > 0 || failures() != 0 {
			t.Errorf("it failed: %s", log)
		}
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := records(t, path); got != "012" {
		t.Errorf("the records are %s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAFileThatIsMovedIsBegunAnew(t *testing.T) { synctest.Test(t, testAFileThatIsMoved) }

func testAFileThatIsMoved(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "audit.log")
	sink, log, failures := opened(t, path)
	write := func(n int) { sink.Logger.Info("audit", "n", n) }
	write(0)
	testkit.OK(t, os.Rename(path, path+".1"))
	write(1) // within the second in which nobody looks: into the one that was moved, and not lost
	time.Sleep(lookEvery)
	write(2)
	if old, now := records(t, path+".1"), records(t, path); old != "01" || now != "2" {
		t.Errorf("the records are %s and %s", old, now)
	}
	testkit.OK(t, os.Remove(path))
	time.Sleep(lookEvery)
	write(3)
	if now := records(t, path); now != "3" {
		t.Errorf("after it was removed, the records are %s", now)
	}
	if log.Len() > 0 || failures() != 0 {
		t.Errorf("it failed: %s", log)
	}
}

// TestWhatCannotBeWrittenIsInTheLog: with the whole record, and counted.
func TestWhatCannotBeWrittenIsInTheLog(t *testing.T) { synctest.Test(t, testWhatCannotBeWritten) }

func testWhatCannotBeWritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "audit")
	testkit.OK(t, os.Mkdir(folder, 0o700))
	path := filepath.Join(folder, "audit.log")
	sink, log, failures := opened(t, path)
	testkit.OK(t, os.RemoveAll(folder))
	time.Sleep(lookEvery)
	sink.Logger.Info("audit", "n", 7)
	if failures() != 1 || !strings.Contains(log.String(), "could not be written") || !strings.Contains(log.String(), `\"n\":7}`) {
		t.Errorf("%v failures: %s", failures(), log)
	}
	for name, path := range map[string]string{"in a folder that is not there": path, "as a folder": t.TempDir(), "as a device": "/dev/full"} {
		if _, err := Open(config.Audit{File: path}, nil, prometheus.NewRegistry()); err == nil || !strings.HasPrefix(err.Error(), "audit.file: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	testkit.OK(t, err)
	defer func() { _ = full.Close() }()
	f := &file{path: path, f: full, looked: time.Now()}
	if n, err := f.Write([]byte("record\n")); err == nil || n != 0 || f.torn {
		t.Errorf("on a full disk: %d, %v, torn %t", n, err, f.torn)
	}
}

func TestARecordAfterHalfOfOneBeginsALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	testkit.OK(t, os.WriteFile(path, []byte(`{"msg":"au`), 0o600))
	f := &file{path: path}
	testkit.OK(t, f.open())
	defer func() { _ = f.close() }()
	for _, record := range []string{"one\n", "two\n"} {
		if _, err := f.Write([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != "{\"msg\":\"au\none\ntwo\n" {
		t.Errorf("the file holds %q", text)
	}
}
