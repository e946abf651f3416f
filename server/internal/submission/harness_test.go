package submission

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"modernc.org/sqlite"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/pgtest"
	"cegid.internal/gateway/server/internal/ledger"
)

// faulty makes commits to ledgers of faultyLedger fail while it is set.
var faulty atomic.Bool

const faultyName = "faulty-ledger.db"

func TestMain(m *testing.M) {
	sqlite.MustRegisterScalarFunction("ledger_is_faulty", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		return faulty.Load(), nil
	})
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		if !strings.Contains(dsn, faultyName) {
			return nil
		}
		_, err := conn.ExecContext(context.Background(),
			`CREATE TEMP TRIGGER faulty BEFORE UPDATE ON main.write_request WHEN ledger_is_faulty() BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`, nil)
		return err
	})
	goleak.VerifyTestMain(pgtest.Main{M: m})
}

// faultyLedger is a ledger whose updates fail while faulty is set.
func faultyLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, faultyName)
	testkit.OK(t, ledger.Init(t.Context(), filepath.Join(folder, "ledger.db")))
	testkit.OK(t, os.Rename(filepath.Join(folder, "ledger.db"), path))
	l, err := ledger.Open(t.Context(), path)
	testkit.OK(t, err)
	t.Cleanup(func() { faulty.Store(false); _ = l.Close() })
	return l
}

// temporary is a ledger on the clock of the test's bubble.
func temporary(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Temporary(t.Context(), time.Now)
	testkit.OK(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// open returns a sender of a practice that Loop serves.
func open(t *testing.T, l *ledger.Ledger, loop *loop, tune func(*Config)) *Sender {
	t.Helper()
	cfg := limited(Config{Ledger: l, Owner: fmt.Sprintf("owner-%d", time.Now().UnixNano()), Client: loop.client(t), Log: slog.New(slog.NewJSONHandler(&loop.log, nil))})
	if tune != nil {
		tune(&cfg)
	}
	i, err := New(t.Context(), cfg)
	testkit.OK(t, err)
	t.Cleanup(i.Close)
	return i
}

// limited is a configuration with the times that a server has by default.
func limited(cfg Config) Config {
	cfg.CallLimit, cfg.WaitLimit = time.Minute, 20*time.Second
	cfg.FirstPoll, cfg.LastPoll, cfg.StalledPoll = time.Second, 5*time.Minute, time.Hour
	return cfg
}

// loop answers questions about imports: each id has a script, whose last line repeats.
type loop struct {
	log testkit.Log
	// gone: the practice is not configured.
	gone atomic.Bool
	// panics: so does the caller of Loop.
	panics bool
	// slow: so long Loop takes for an answer.
	slow time.Duration

	mu      sync.Mutex
	scripts map[string][]string
	asked   map[string][]time.Time
}

// says gives an id its script: digits are a status, "404" and the like with an h in front an HTTP status.
func (l *loop) says(id string, lines ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.scripts == nil {
		l.scripts, l.asked = map[string][]string{}, map[string][]time.Time{}
	}
	l.scripts[id] = lines
}

func (l *loop) times(id string) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Time(nil), l.asked[id]...)
}

func (l *loop) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.panics {
		panic("odd")
	}
	defer time.Sleep(l.slow)
	l.mu.Lock()
	defer l.mu.Unlock()
	id := r.URL.Query().Get("accountingImportRequestId")
	l.asked[id] = append(l.asked[id], time.Now())
	script := l.scripts[id]
	if len(script) == 0 {
		return nil, fmt.Errorf("nobody expects %s", r.URL.Path)
	}
	line := script[0]
	if len(script) > 1 {
		l.scripts[id] = script[1:]
	}
	status, body := http.StatusOK, `{"status":`+line+`}`
	if code, ok := strings.CutPrefix(line, "h"); ok {
		body = `{"statusCode": ` + code + `, "message": "non"}`
		_, _ = fmt.Sscan(code, &status)
	}
	if line == "4" {
		body = `{"status":4,"error":{"code":"X","message":"Journal clos","instanceId":"i-1"}}`
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body)),
	}, nil
}

func (l *loop) client(t *testing.T) func(string) (*cegidclient.Client, bool) {
	t.Helper()
	client, err := cegidclient.New(cegidclient.Config{
		Practice: "demo", Transport: l,
		Credentials: cegidclient.StaticCredentials(cegidclient.NewSecret("a-test-key:a-test-secret"), cegidclient.NewSecret(""), cegidclient.NewSecret("a-subscription-key"), cegidclient.NewSecret("")),
		Breaker:     cegidclient.BreakerPolicy{Disabled: true},
	})
	testkit.OK(t, err)
	t.Cleanup(client.Close)
	return func(practice string) (*cegidclient.Client, bool) { return client, practice == "demo" && !l.gone.Load() }
}

func key(id string) ledger.Key {
	return ledger.Key{Practice: "demo", Dossier: "CEGID001", Collection: ledger.Imports, RequestID: id}
}

func submission(id string) ledger.Submission {
	return ledger.Submission{
		Key: key(id), Caller: "billing", Kind: ledger.KindEntries, Format: "ENTRIES",
		Fingerprints: []ledger.Fingerprint{ledger.NewHasher(1).Bytes([]byte(id)).Sum()}, DocumentReferences: []string{id},
	}
}

func get(t *testing.T, l *ledger.Ledger, id string) ledger.Record {
	t.Helper()
	record, err := l.Get(t.Context(), key(id))
	testkit.OK(t, err)
	return record
}

// accepted is a send that Loop accepts: it notes first that bytes leave, as the client's hook does.
func accepted(i *Sender, id string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		record, err := i.cfg.Ledger.Get(ctx, key(id))
		if err != nil {
			return "", err
		}
		if err := i.cfg.Ledger.Submitting(ctx, record.Key, record.Attempt, record.Owner, i.cfg.CallLimit); err != nil {
			return "", err
		}
		return "loop-" + id, nil
	}
}
