//go:build weather

package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// TestMemoryFitsTheContainer: under a mixed load a server stays within the memory of a small container, whose limit it finds by
// itself: else it is killed, and calls fail. What it has at most counts pages of its program, which need not be in the container.
// By name, and as root: .ci/run memory
func TestMemoryFitsTheContainer(t *testing.T) {
	for limit, callers := range map[int]int{128: 5, 256: 20, 512: 20} { // docs/operating.md says how many
		t.Run(fmt.Sprintf("%d MiB", limit), func(t *testing.T) {
			group := newGroup(t, limit<<20)
			f := newFixture(t, settings{before: []string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")}})
			idle := f.memory()
			calls, took := f.mixed(t, callers, 10*time.Second)
			t.Logf("%d calls of %d callers in %s, %.1f s of CPU; the server had %d MiB when idle, and %d MiB at most", calls, callers, took.Round(time.Second), f.cpu(), idle>>20, f.memory()>>20)
			if text, err := os.ReadFile(f.log.Name()); err != nil || !strings.Contains(string(text), fmt.Sprintf(`"msg":"memory is bounded","bytes":%d`, int64(float64(limit<<20)*.9))) {
				t.Errorf("the server did not find its limit: %v", err)
			}
		})
	}
}

// newGroup makes a control group with a limit of memory, in bytes: of the second version, or of the first.
func newGroup(t *testing.T, limit int) string {
	t.Helper()
	name := fmt.Sprintf("loop-gateway-%d", time.Now().UnixNano())
	for _, each := range []struct{ parent, file string }{
		{"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
	} {
		group := filepath.Join(each.parent, name)
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		file, err := os.OpenFile(filepath.Join(group, each.file), os.O_WRONLY, 0) // it is there, or this is no control group for memory
		if err == nil {
			_, err = file.WriteString(strconv.Itoa(limit))
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			_ = os.Remove(group)
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(group); err != nil {
				t.Log(err)
			}
		})
		return group
	}
	t.Fatal("no control group can be made here: run it as root")
	return ""
}

// mixed is a load of so many callers of all kinds: lists, streams, checks and imports of many entries, and deposits of files.
func (f *fixture) mixed(t *testing.T, callersAtOnce int, lasts time.Duration) (calls int64, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(f.caller.authorized(t.Context()), lasts+time.Minute)
	defer cancel()
	data := looppb.NewReferenceDataServiceClient(f.caller.conn)
	const large = "BIG00001"
	partner := loopsim.SandboxPartner
	var id atomic.Int64
	many := func(n int) (out []*looppb.Entry) {
		for range n {
			each := id.Add(1)
			out = append(out, entries(fmt.Sprintf("R-%d", each), fmt.Sprintf("D-%d", each), 120)...)
		}
		return out
	}
	kinds := []func() error{
		func() error {
			_, err := data.ListAccounts(ctx, &looppb.ListAccountsRequest{Practice: partner, Dossier: large, PageSize: 1000})
			return err
		},
		func() error {
			stream, err := data.StreamAccounts(ctx, &looppb.StreamAccountsRequest{Practice: partner, Dossier: large})
			for err == nil {
				_, err = stream.Recv()
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		},
		func() error {
			_, err := f.caller.imports.ValidateEntries(ctx, &looppb.ValidateEntriesRequest{Practice: practice, Dossier: "CEGID001", Entries: many(1000)})
			return err
		},
		func() error {
			_, err := f.caller.imports.ImportEntries(ctx, &looppb.ImportEntriesRequest{
				Practice: practice, Dossier: "CEGID001", RequestId: fmt.Sprintf("M-%d", id.Add(1)), Entries: many(500), Options: &looppb.ImportOptions{SkipPreflight: true},
			})
			return err
		},
		func() error {
			_, err := f.stream(t.Context(), practice, "CEGID003", fecgen.New(fecgen.Options{Size: 10_000_000}))
			return err
		},
	}
	var done atomic.Int64
	var callers sync.WaitGroup
	begun := time.Now()
	for _, call := range kinds {
		for range callersAtOnce / len(kinds) {
			callers.Go(func() {
				for time.Since(begun) < lasts {
					if err := call(); err != nil {
						t.Errorf("under the load: %v", err)
						return
					}
					done.Add(1)
				}
			})
		}
	}
	callers.Wait()
	return done.Load(), time.Since(begun)
}
