package main

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestMemoryIsFittedToTheContainer(t *testing.T) {
	for name, test := range map[string]struct {
		limit       memlimit.Provider
		environment map[string]string
		bytes       int64
		gogc        int
		says        string
	}{
		"a small pod":                     {limit: memlimit.Limit(128 << 20), bytes: 104<<20 - 1, gogc: 100, says: "memory is bounded"},
		"256 MiB":                         {limit: memlimit.Limit(256 << 20), bytes: 241591910, gogc: 200, says: "memory is bounded"},
		"512 MiB":                         {limit: memlimit.Limit(512 << 20), bytes: 483183820, gogc: 400, says: "memory is bounded"},
		"no limit":                        {limit: func() (uint64, error) { return 0, memlimit.ErrNoLimit }, bytes: math.MaxInt64, gogc: 100},
		"a limit that cannot be read":     {limit: func() (uint64, error) { return 0, errors.New("odd") }, bytes: math.MaxInt64, gogc: 100, says: "set GOMEMLIMIT"},
		"what the environment says stays": {limit: memlimit.Limit(256 << 20), environment: map[string]string{"GOMEMLIMIT": "77MiB", "GOGC": "33"}, bytes: math.MaxInt64 - 1, gogc: 33, says: "memory is bounded"},
	} {
		t.Run(name, func(t *testing.T) {
			limit, percent := debug.SetMemoryLimit(math.MaxInt64), debug.SetGCPercent(33) // as the runtime would have read it
			defer func() {
				debug.SetMemoryLimit(limit)
				debug.SetGCPercent(percent)
			}()
			if test.environment != nil {
				debug.SetMemoryLimit(math.MaxInt64 - 1)
			}
			for key, value := range test.environment {
				t.Setenv(key, value)
			}
			var said bytes.Buffer
			fitMemory(test.limit, slog.New(slog.NewTextHandler(&said, nil)))
			if bytes, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100); bytes != test.bytes || percent != test.gogc {
				t.Errorf("the heap is kept to %d bytes with GOGC=%d; want %d with %d", bytes, percent, test.bytes, test.gogc)
			}
			if !strings.Contains(said.String(), test.says) || test.says == "" && said.Len() > 0 {
				t.Errorf("the log says %q; want %q", said.String(), test.says)
			}
		})
	}
}

// A fixed limit of 1 GiB has a pod of 512 MiB killed.
func TestNothingDeployedFixesMemory(t *testing.T) {
	deployed := []string{filepath.Join("..", "Dockerfile")}
	if err := filepath.WalkDir(filepath.Join("..", "deploy"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".md" {
			deployed = append(deployed, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	fixed := regexp.MustCompile(`GOMEMLIMIT|GOGC`)
	for _, path := range deployed {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if found := fixed.Find(text); found != nil {
			t.Errorf("%s sets %s", path, found)
		}
	}
}
