//go:build life

package chaos

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"modernc.org/sqlite"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/audit"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/freshness"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/service"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/submission/preflight"
	"cegid.internal/gateway/server/internal/tenant"
)

// A process is one start of the server of a life: everything of it from the service down to the client of Loop, in the bubble
// of the life and without listeners. When it dies, nothing that it still does has an effect: no commit, no record of the
// audit, no request to Loop, no answer to a caller.
type process struct {
	*lifetime
	number  int
	began   time.Time
	died    chan struct{}
	dead    atomic.Bool
	closed  chan struct{} // nothing of it runs any more
	ledger  *ledger.Ledger
	sink    *audit.Sink
	sender  *submission.Sender
	client  *cegidclient.Client
	imports *service.Imports
	atAudit atomic.Int64 // how many wait for the audit
}

var (
	errDied  = errors.New("the process is dead")
	errNoAir = errors.New("write: no space left on device")
)

// begin starts the server, as serve and app do.
func (l *lifetime) begin(ctx context.Context) (_ *process, err error) {
	l.starts++
	p := &process{lifetime: l, number: l.starts, began: time.Now(), died: make(chan struct{}), closed: make(chan struct{})}
	defer func() {
		if err != nil && p.dead.Load() {
			<-l.crashed // it died as it began, and is reaped already
		}
	}()
	log := slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.sink, err = audit.Open(config.Audit{File: l.auditFile()}, log, prometheus.NewRegistry()); err != nil {
		return nil, err
	}
	p.sink.Logger = slog.New(dated{l, p.sink.Logger.Handler()})
	disks.Store(l.ledgerFile(), p)
	p.ledger, err = ledger.Simulated(ctx, l.ledgerFile(), l.clock, func() time.Duration { return time.Since(p.began) }, ledger.WithAudited(p.sink.Commit()))
	if err != nil {
		return nil, errors.Join(err, p.sink.Close())
	}
	p.sink.Number(p.ledger.Commit)
	p.client, err = cegidclient.New(cegidclient.Config{
		BaseURL: "http://loop.invalid" + l.loop.BasePath(), AllowPlainHTTP: true, Practice: practice, RequireHookForWrites: true,
		Credentials: cegidclient.StaticCredentials(
			cegidclient.NewSecret(""), cegidclient.NewSecret(loopsim.SandboxDemoAPIKey), cegidclient.NewSecret(loopsim.SandboxSubscriptionPrimary)),
		Limits: cegidclient.Limits{Concurrency: 12},
		// Jitter is drawn from elsewhere than the seed.
		Retry:     cegidclient.RetryPolicy{BaseDelay: time.Nanosecond, MaxDelay: time.Nanosecond, ThrottledDelay: time.Nanosecond},
		Transport: road{p},
	})
	if err != nil {
		return nil, errors.Join(err, p.ledger.Close(), p.sink.Close())
	}
	practices := tenant.NewPractices(&tenant.Practice{Name: practice, Client: p.client})
	limits := config.Default().Imports
	p.sender, err = submission.New(ctx, submission.Config{
		Ledger: p.ledger, Owner: "process-" + strconv.Itoa(p.number), Client: practices.Client, Log: log, Audit: slog.New(mortal{p, p.sink.Logger.Handler()}), Ahead: p.ahead,
		RPC: service.RPCName, CallLimit: limits.CallLimit, WaitLimit: limits.WaitLimit, RepeatAfter429: l.number%2 == 0,
		IdlePoll: 4 * time.Minute, FirstPoll: 4 * time.Minute, LastPoll: 4 * time.Hour, StalledPoll: 4 * time.Hour,
	})
	if err != nil {
		return nil, errors.Join(err, p.ledger.Close(), p.sink.Close())
	}
	p.sender.Hasten(practice)
	p.imports = service.NewImports(service.NewWrites(practices, &submission.Writer{
		Ledger: p.ledger, Sender: p.sender, Preflight: preflight.New(freshness.New(freshness.Config{}), nil), Permissions: everybody{},
	}, everybody{}, callerIn, func(context.Context, string) error {
		return status.Error(codes.PermissionDenied, "not for this caller")
	}, log))
	l.process.Store(p)
	l.journal.Add(Event{Kind: Started})
	return p, nil
}

// stop stops the server as a signal does.
func (p *process) stop() {
	p.sender.Stop()
	p.lifetime.process.CompareAndSwap(p, nil)
	p.sender.Close()
	if !p.dead.CompareAndSwap(false, true) { // it has died on the way
		died := <-p.crashed
		died.reap()
		<-died.closed
		return
	}
	close(p.died)
	p.client.Close()
	if err := errors.Join(p.ledger.Close(), p.sink.Close()); err != nil {
		p.fail("the ledger or the audit of a process could not be closed: %v", err)
	}
	close(p.closed)
	p.journal.Add(Event{Kind: Stopped})
}

// die ends the process at this very moment.
func (p *process) die(why string) {
	if !p.dead.CompareAndSwap(false, true) {
		return
	}
	p.met(why)
	p.journal.Add(Event{Kind: Killed, What: why, UnderWay: int(p.underWay.Load())})
	p.journal.Add(Event{Kind: Died, What: why})
	p.lifetime.process.CompareAndSwap(p, nil)
	close(p.died)
	p.crashed <- p
}

// reap lets what the dead process left run out.
func (p *process) reap() {
	p.sender.Stop()
	_ = p.ledger.Close()
	_ = p.sink.Close()
	go func() {
		p.sender.Close()
		p.client.Close()
		close(p.closed)
	}()
}

// The points at which a process dies.
const (
	dieAtAnyTime        = "killed at any time"
	dieBeforeRecord     = "killed before the record of the audit"
	dieAfterRecord      = "killed between the record of the audit and SUBMITTING"
	dieBeforeBytes      = "killed between SUBMITTING and the bytes"
	dieBeforeProcessing = "killed while the bytes are on their way"
	dieBeforeAnswer     = "killed between the bytes and the answer"
	dieBeforeCommit     = "killed before a commit"
	dieAfterCommit      = "killed after a commit"
)

// bomb is a point at which the process is to die, once it has been passed so often.
type bomb struct {
	point string
	skip  int
}

// at is called at each point, and says whether the process died there.
func (p *process) at(point string) bool {
	l := p.lifetime
	l.mu.Lock()
	hit := l.bomb.point == point && !p.dead.Load()
	if hit {
		if hit = l.bomb.skip == 0; hit {
			l.bomb = bomb{}
		} else {
			l.bomb.skip--
		}
	}
	l.mu.Unlock()
	if hit {
		p.die(point)
	}
	return hit
}

// ahead is the audit's, as far as its disk and the process are there.
func (p *process) ahead(ctx context.Context, attributes ...slog.Attr) error {
	if p.at(dieBeforeRecord) || p.dead.Load() {
		return errDied
	}
	if p.auditFull.Load() {
		p.met(fullAudit)
		return errNoAir
	}
	id := importOf(attributes)
	p.waitForAudit(id)
	if p.dead.Load() {
		return errDied
	}
	if err := p.sink.Ahead(ctx, attributes...); err != nil {
		return err
	}
	p.wrote(id)
	if p.at(dieAfterRecord) {
		return errDied
	}
	return nil
}

// importOf is the import that a record of the audit is about.
func importOf(attributes []slog.Attr) (id string) {
	for _, each := range attributes {
		if each.Key == "import" {
			id = each.Value.String()
		}
	}
	return id
}

// waitForAudit lets the leases of others who wait for it end, a few times, and their callers come again meanwhile.
func (p *process) waitForAudit(id string) {
	by := time.Duration(p.slowAudit.Load())
	if by == 0 {
		return
	}
	others := p.atAudit.Add(1) > 1
	defer p.atAudit.Add(-1)
	if others && p.leap.Load() > 0 && p.leap.Load() < int64(20*by) {
		p.met(clockAtSend)
		p.leap.Add(int64(by))
	}
	time.Sleep(p.sluggish("audit", id))
}

// sluggish is how long something takes while the machine is slow.
func (l *lifetime) sluggish(what, of string) time.Duration {
	return time.Duration(l.drawn(what, of, l.times(what+of)).Int64N(int64(9 * time.Second)))
}

// dated are the records of the audit with the time of a clock that leaps.
type dated struct {
	*lifetime
	slog.Handler
}

func (d dated) Handle(ctx context.Context, record slog.Record) error {
	record.Time = d.clock()
	return d.Handler.Handle(ctx, record)
}

// mortal are the records of the audit that nobody waits for.
type mortal struct {
	p *process
	slog.Handler
}

func (m mortal) Handle(ctx context.Context, record slog.Record) error {
	if m.p.dead.Load() {
		return errDied
	}
	if m.p.auditFull.Load() {
		m.p.met(fullAudit)
		return errNoAir
	}
	return m.Handler.Handle(ctx, record)
}

// disks are the processes by the path of their ledger.
var (
	disks     sync.Map
	withDisks = sync.OnceFunc(func() {
		sqlite.MustRegisterScalarFunction("life_disk_is_full", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			p := args[0].(string)
			at, known := disks.Load(p)
			if known && at.(*process).ledgerFull.Load() {
				at.(*process).met(fullLedger)
				return true, nil
			}
			return false, nil
		})
		sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
			path, parameters, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
			at, known := disks.Load(path)
			if !known || strings.Contains(parameters, "mode=ro") {
				return nil
			}
			p := at.(*process)
			for _, event := range []string{"INSERT", "UPDATE"} {
				_, err := conn.ExecContext(context.Background(), fmt.Sprintf(
					`CREATE TEMP TRIGGER full_%[1]s BEFORE %[1]s ON main.write_request WHEN life_disk_is_full('%[2]s') BEGIN SELECT RAISE(ABORT, 'no space left'); END`, event, path), nil)
				if err != nil && !strings.Contains(err.Error(), "no such table") { // before the migrations
					return err
				}
			}
			conn.(sqlite.HookRegisterer).RegisterCommitHook(p.commits)
			return nil
		})
	})
)

// commits is asked before each commit: another answer than 0 takes it back, and its process knows only that it was not
// confirmed.
func (p *process) commits() int32 {
	switch {
	case p.dead.Load():
		return 1
	case p.at(dieBeforeCommit):
		return 1
	case p.at(dieAfterCommit):
		return 0 // the last one
	case p.unconfirmed.Load():
		if p.drawn("commit", strconv.FormatInt(p.commitsAsked.Add(1), 10)).IntN(3) == 0 {
			p.met(unconfirmedCommit)
			return 1
		}
	}
	return 0
}

// everybody may read, and billing decides.
type everybody struct{}

func (everybody) MayRead(string, string, string) bool    { return true }
func (everybody) MayWrite(string, string, string) bool   { return true }
func (everybody) MayOperate(string, string, string) bool { return false }

func (everybody) MayAdminister(caller, _, _ string) bool {
	return caller == billing
}

func (everybody) Operable(string, string) []ledger.Grant { return nil }

func (everybody) Readable(string, string) []ledger.Grant {
	return []ledger.Grant{{Dossiers: []string{"*"}}}
}

// callerIn is who makes a call in this process.
func callerIn(ctx context.Context) string {
	md, _ := metadata.FromOutgoingContext(ctx)
	for _, name := range []string{billing, expenses} {
		if slices.Contains(md.Get("authorization"), "Bearer "+tokenOf(name)) {
			return name
		}
	}
	return ""
}

// wire is the way of a caller to whatever process lives.
type wire struct {
	looppb.ImportServiceClient
	*lifetime
}

func (w wire) ImportEntries(ctx context.Context, in *looppb.ImportEntriesRequest, _ ...grpc.CallOption) (*looppb.ImportEntriesResponse, error) {
	return over(ctx, w, func(ctx context.Context, s *service.Imports) (*looppb.ImportEntriesResponse, error) {
		return s.ImportEntries(ctx, in)
	})
}

func (w wire) GetImport(ctx context.Context, in *looppb.GetImportRequest, _ ...grpc.CallOption) (*looppb.GetImportResponse, error) {
	return over(ctx, w, func(ctx context.Context, s *service.Imports) (*looppb.GetImportResponse, error) {
		return s.GetImport(ctx, in)
	})
}

func (w wire) ListImports(ctx context.Context, in *looppb.ListImportsRequest, _ ...grpc.CallOption) (*looppb.ListImportsResponse, error) {
	return over(ctx, w, func(ctx context.Context, s *service.Imports) (*looppb.ListImportsResponse, error) {
		return s.ListImports(ctx, in)
	})
}

func (w wire) ResolveImport(ctx context.Context, in *looppb.ResolveImportRequest, _ ...grpc.CallOption) (*looppb.ResolveImportResponse, error) {
	return over(ctx, w, func(ctx context.Context, s *service.Imports) (*looppb.ResolveImportResponse, error) {
		return s.ResolveImport(ctx, in)
	})
}

// over carries a call to the process that lives, and its answer back as long as it does.
func over[T any](ctx context.Context, w wire, call func(context.Context, *service.Imports) (T, error)) (out T, err error) {
	p := w.process.Load()
	if p == nil {
		return out, status.Error(codes.Unavailable, "connection refused")
	}
	type answer struct {
		out T
		err error
	}
	told := make(chan answer, 1)
	go func() {
		out, err := call(ctx, p.imports)
		told <- answer{out, mapped(ctx, err)}
	}()
	select {
	case is := <-told:
		if !p.dead.Load() {
			return is.out, is.err
		}
	case <-p.died:
	case <-ctx.Done():
		return out, status.FromContextError(ctx.Err()).Err()
	}
	return out, status.Error(codes.Unavailable, "the connection was lost")
}

// mapped is an error as the server's interceptor makes it.
func mapped(ctx context.Context, err error) error {
	upstream, is := errors.AsType[*cegidclient.Error](err)
	switch {
	case err == nil, apierror.ReasonOf(err) != looppb.ErrorReason_ERROR_REASON_UNSPECIFIED:
		return err
	case is:
		return apierror.FromLoop(upstream)
	case ctx.Err() != nil:
		return apierror.FromContext(ctx.Err())
	}
	return err
}

func (l *lifetime) ledgerFile() string { return filepath.Join(l.folder, "ledger.db") }
func (l *lifetime) auditFile() string  { return filepath.Join(l.folder, "audit.log") }

// putBack replaces the ledger by a copy of it.
func (l *lifetime) putBack(copied string) error {
	for _, rest := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(l.ledgerFile() + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		content, err := os.ReadFile(copied + rest)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(l.ledgerFile()+rest, content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keepVolume copies the files of a ledger that nobody has open, as a snapshot of its volume does.
func (l *lifetime) keepVolume(to string) error {
	for _, rest := range []string{"", "-wal"} {
		if err := os.Remove(to + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		content, err := os.ReadFile(l.ledgerFile() + rest)
		if errors.Is(err, os.ErrNotExist) && rest != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+rest, content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lockedLog is a log that many write.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() > 1<<20 {
		l.b.Reset()
	}
	return l.b.Write(p)
}
