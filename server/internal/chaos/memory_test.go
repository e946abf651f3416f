//go:build weather

package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
	"cegid.internal/gateway/server/internal/apierror"
)

// TestMemoryFitsTheContainer: under a mixed load a server stays within the memory of a small container, whose limit it finds by
// itself: else it is killed, and calls fail. Where it has none left for a call it says so, and when to come back. Counted is the
// memory that nobody can take back from it: pages of files, its program's too, the system drops before it kills. Each caller is served,
// however busy the machine is.
// By name, and as root: .ci/run memory
func TestMemoryFitsTheContainer(t *testing.T) {
	const callers = 20
	for _, limit := range []int{128, 256, 512} {
		t.Run(fmt.Sprintf("%d MiB", limit), func(t *testing.T) {
			group := newGroup(t, limit<<20)
			f := newFixture(t, settings{before: []string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")}})
			idle := f.anonymous()
			most := f.watchMemory(t)
			did := f.mixed(t, callers, 10*time.Second)
			peak := most()
			t.Logf("%d calls of %d callers in %s, %.1f s of CPU, %d told to come back; the server had %d MiB when idle, and %d MiB at most, without pages of files; with them %d MiB",
				did.calls, callers, did.took.Round(time.Second), f.cpu(), did.later, idle>>20, peak>>20, f.memory()>>20)
			if peak > limit<<20*9/10 {
				t.Errorf("it had %d MiB: nothing is left of %d MiB for files and connections", peak>>20, limit)
			}
			text, err := os.ReadFile(f.log.Name())
			if found := regexp.MustCompile(`"msg":"memory is bounded","bytes":(\d+)`).FindSubmatch(text); err != nil || found == nil {
				t.Errorf("the server did not find its limit: %v", err)
			} else if bytes, _ := strconv.Atoi(string(found[1])); bytes>>20 != min(limit*9/10, limit-25) { // less some bytes
				t.Errorf("the server keeps to %d MiB", bytes>>20)
			}
		})
	}
}

// TestASmallContainerOutlivesItsCallers: whatever callers do that its limits allow, a server in 128 MiB refuses and is not killed.
// By name, and as root: .ci/run memory
func TestASmallContainerOutlivesItsCallers(t *testing.T) {
	const limit, ofEach, lasts = 128, 16, 15 * time.Second
	group := newGroup(t, limit<<20)
	f := newFixture(t, settings{before: []string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(group, "cgroup.procs")}})
	pid := f.process.Pid
	most := f.watchMemory(t)
	ctx, cancel := context.WithTimeout(t.Context(), lasts+2*time.Minute)
	defer cancel()
	until := time.Now().Add(lasts)
	var id atomic.Int64
	large := func() (out []*looppb.Entry) {
		for range 1000 {
			n := id.Add(1)
			each := entries(fmt.Sprintf("R-%d", n), fmt.Sprintf("D-%d", n), 120)
			for _, side := range []*looppb.EntryLine{{Side: &looppb.EntryLine_Debit{Debit: "7.00"}}, {Side: &looppb.EntryLine_Credit{Credit: "7.00"}}} {
				side.Account, side.Label = "60700000", "D"
				each[0].Lines = append(each[0].Lines, side) // 5,000 in all, the most
			}
			out = append(out, each...)
		}
		return out
	}
	authorized := f.caller.authorized(ctx)
	data := looppb.NewReferenceDataServiceClient(f.caller.conn)
	check := &looppb.ValidateEntriesRequest{Practice: practice, Dossier: "CEGID001", Entries: large()}
	body, err := protojson.Marshal(&looppb.ValidateEntriesRequest{Entries: check.Entries})
	testkit.OK(t, err)
	file, err := io.ReadAll(fecgen.New(fecgen.Options{Size: 20_000_000}))
	testkit.OK(t, err)
	rest := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	overREST := func(method, path string, body io.Reader) error {
		request, err := http.NewRequestWithContext(ctx, method, "http://"+f.http+"/v1/practices/"+path, body)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+tokenOf(expenses))
		request.Header.Set("Content-Type", "application/json")
		response, err := rest.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		_, err = io.Copy(io.Discard, response.Body)
		switch {
		case response.StatusCode == http.StatusTooManyRequests:
			return status.Error(codes.ResourceExhausted, response.Status)
		case response.StatusCode != http.StatusOK:
			return errors.New(response.Status)
		}
		return err
	}
	var ok, refused, others atomic.Int64
	var whys sync.Map
	var callers sync.WaitGroup
	for what, call := range map[string]func() error{
		"check": func() error {
			_, err := f.caller.imports.ValidateEntries(authorized, check)
			return err
		},
		"compressed check": func() error {
			_, err := f.caller.imports.ValidateEntries(authorized, check, grpc.UseCompressor(gzip.Name))
			return err
		},
		"import": func() error {
			_, err := f.caller.imports.ImportEntries(authorized, &looppb.ImportEntriesRequest{
				Practice: practice, Dossier: "CEGID001", RequestId: fmt.Sprintf("L-%d", id.Add(1)), Entries: large(), Options: &looppb.ImportOptions{SkipPreflight: true},
			})
			return err
		},
		"list": func() error {
			_, err := data.ListAccounts(authorized, &looppb.ListAccountsRequest{Practice: loopsim.SandboxPartner, Dossier: "BIG00001", PageSize: 1000})
			return err
		},
		"list over REST": func() error { return overREST(http.MethodGet, "partner/dossiers/BIG00001/accounts?pageSize=1000", nil) },
		"check over REST": func() error {
			return overREST(http.MethodPost, "demo/dossiers/CEGID001/imports:validate", bytes.NewReader(body))
		},
		"check of unknown length": func() error {
			return overREST(http.MethodPost, "demo/dossiers/CEGID001/imports:validate", io.MultiReader(bytes.NewReader(body)))
		},
		"file in large pieces": func() error {
			stream, err := f.open(ctx, practice, "CEGID003", "fec", nil)
			for at := 0; err == nil && at < len(file); at += 7_000_000 {
				err = stream.Send(&looppb.DepositFileRequest{Piece: &looppb.DepositFileRequest_Data{Data: file[at:min(len(file), at+7_000_000)]}})
			}
			if err == nil || errors.Is(err, io.EOF) {
				_, err = stream.CloseAndRecv()
			}
			return err
		},
		"half a message": func() error { return f.half(ctx, 8<<20-100, 2*time.Second) },
	} {
		for range ofEach {
			callers.Go(func() {
				for time.Now().Before(until) {
					switch err := call(); {
					case err == nil:
						ok.Add(1)
					case status.Code(err) == codes.ResourceExhausted:
						refused.Add(1)
						time.Sleep(100 * time.Millisecond) // sooner than it is told
					case status.Code(err) == codes.Canceled: // it arrived when others needed the memory
						refused.Add(1)
					default:
						others.Add(1)
						if _, told := whys.LoadOrStore(what+": "+status.Code(err).String(), true); !told {
							t.Logf("%s: %v", what, err)
						}
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
		}
	}
	callers.Wait()
	t.Logf("%d calls were served, %d refused, and %d ended otherwise; the server had %d MiB at most, without pages of files", ok.Load(), refused.Load(), others.Load(), most()>>20)
	if ok.Load() == 0 || refused.Load() == 0 {
		t.Error("nobody was served, or nobody refused: this was no load")
	}
	if _, err := f.size("RssAnon:"); err != nil || f.process.Pid != pid {
		t.Fatalf("the server has been killed: %v", err)
	}
	ctx, cancel = context.WithTimeout(f.caller.authorized(t.Context()), 2*time.Minute)
	defer cancel()
	for {
		_, err := f.caller.imports.ValidateEntries(ctx, check)
		if err == nil {
			return
		}
		if apierror.RetryAfterOf(err) == 0 {
			t.Fatalf("after the load: %v", err)
		}
		time.Sleep(apierror.RetryAfterOf(err))
	}
}

// half sends so much of the message of a call, and then nothing, for a while.
func (f *fixture) half(ctx context.Context, size int, while time.Duration) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	head := make([]byte, 5)
	binary.BigEndian.PutUint32(head[1:], uint32(size)+1)
	sent, message := io.Pipe()
	go func() {
		_, err := message.Write(append(head, make([]byte, size)...))
		select {
		case <-ctx.Done():
		case <-time.After(while):
		}
		_ = message.CloseWithError(cmp.Or(err, io.ErrUnexpectedEOF))
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+f.grpc+looppb.ImportService_ImportEntries_FullMethodName, sent)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+tokenOf(payroll))
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := transport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
	}
	return nil // it has no business to be answered
}

// watchMemory looks at the server's memory all the time, until what it returns is asked for the most.
func (f *fixture) watchMemory(t *testing.T) (most func() int) {
	t.Helper()
	peak, done, ended := f.anonymous(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(10 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-done:
				return
			case <-every.C:
				if size, err := f.size("RssAnon:"); err == nil { // else it has been killed
					peak = max(peak, size)
				}
			}
		}
	}()
	return func() int {
		close(done)
		<-ended
		return peak
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

// served is what came of a load.
type served struct {
	calls, later int64 // served, and told to come back
	took         time.Duration
}

// mixed is a load of so many callers of all kinds: lists, streams, checks and imports of many entries, and deposits of files.
func (f *fixture) mixed(t *testing.T, callersAtOnce int, lasts time.Duration) served {
	t.Helper()
	ctx, cancel := context.WithTimeout(f.caller.authorized(t.Context()), lasts+5*time.Minute)
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
	var done, later atomic.Int64
	var callers sync.WaitGroup
	begun := time.Now()
	for _, call := range kinds {
		for range callersAtOnce / len(kinds) {
			callers.Go(func() {
				for served := false; !served || time.Since(begun) < lasts; {
					err := call()
					switch {
					case err == nil:
						served = true
						done.Add(1)
					case status.Code(err) == codes.ResourceExhausted && apierror.RetryAfterOf(err) > 0:
						later.Add(1)
						time.Sleep(apierror.RetryAfterOf(err))
					default:
						t.Errorf("under the load: %v", err)
						return
					}
				}
			})
		}
	}
	callers.Wait()
	return served{done.Load(), later.Load(), time.Since(begun)}
}
