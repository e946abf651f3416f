package ledger

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNotOpen: the database has not been reached since the start of this process. Nothing is known, and nothing was stored.
var ErrNotOpen = errors.New("ledger: the database has not been reached yet")

// reachEvery is how often a database is tried that was not reached.
const reachEvery = time.Second

// awaited is a database that has not been reached yet.
type awaited struct {
	mu  sync.Mutex
	why error // nil once it was
}

func (a *awaited) set(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.why = why
}

// Awaited says why the ledger is not open yet; nil when it is. It wraps ErrNotOpen.
func (l *Ledger) Awaited() error {
	l.awaited.mu.Lock()
	defer l.awaited.mu.Unlock()
	if l.awaited.why == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotOpen, l.awaited.why)
}

// AwaitPostgres is OpenPostgres for a server that has something to do without its ledger: a database that cannot be reached is tried
// until it can, and until then each method fails with ErrNotOpen. Its schema is brought up to date, and what owners have left is
// settled, before anything else is done there; opened, which may be nil, is told then. A database that is reached and is not fit is
// an error at once, as of OpenPostgres. One that is so later, when the server has something else to do already, is tried on: unfit,
// which may be nil, is told why, once for each reason.
func AwaitPostgres(ctx context.Context, dsn DSN, opened func(Recovered), unfit func(error), options ...Option) (*Ledger, error) {
	commit, why := checkPostgres(ctx, dsn)
	if why != nil && !Unreachable(why) {
		return nil, why
	}
	l := inPostgres(dsn, options...)
	l.commits.learn(commit)
	if why == nil {
		return l, nil
	}
	l.awaited.set(why)
	trying, stop := context.WithCancel(context.Background())
	tried := make(chan struct{})
	go func() {
		defer close(tried)
		l.reach(trying, dsn, opened, unfit)
	}()
	closing := l.close
	l.close = func() error {
		stop()
		<-tried
		return closing()
	}
	return l, nil
}

// reach tries the database until it is there and fit.
func (l *Ledger) reach(ctx context.Context, dsn DSN, opened func(Recovered), unfit func(error)) {
	told := ""
	ticker := time.NewTicker(reachEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		recovered, err := l.take(ctx, dsn)
		if ctx.Err() != nil {
			return
		}
		l.awaited.set(err)
		switch {
		case err == nil:
			if opened != nil {
				opened(recovered)
			}
			return
		case Unreachable(err):
			told = ""
		case unfit != nil && told != err.Error():
			told = err.Error()
			unfit(err)
		}
	}
}

// take makes the ledger ready for use.
func (l *Ledger) take(ctx context.Context, dsn DSN) (Recovered, error) {
	commit, err := checkPostgres(ctx, dsn)
	if err != nil {
		return Recovered{}, err
	}
	l.commits.learn(commit)
	inner := &Ledger{db: l.db, dialect: l.dialect, rules: l.rules, clock: l.clock} // which is not awaited
	// what a restored ledger has as NOT_SENT stays
	inner.commits.learn(l.Commit())
	return inner.Expire(ctx)
}

// Unreachable says whether nobody has answered, or only that it starts, ends, or has no connection left. A database that answers otherwise
// has been reached.
func Unreachable(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code {
		case "53300", "57P01", "57P02", "57P03":
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	return transient(err) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded)
}
