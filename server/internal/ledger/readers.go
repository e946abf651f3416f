package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// readConnections are those for reading beside the one that writes.
const readConnections = 4

// openReaders returns connections that read a ledger which this process has open for writing: none waits for a writer, nor a
// writer for them. They are made at once and kept: once the file is gone nobody could make another one.
func openReaders(ctx context.Context, path string, n int) (_ *sql.DB, err error) {
	parameters := url.Values{
		"mode": {"ro"}, "_pragma": {"cache_size(-512)"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
	}
	db, err := openFile(path, parameters)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	conns := make([]*sql.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			err = errors.Join(err, conn.Close())
		}
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	for range n {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
		var tables int
		if err := conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&tables); err != nil {
			return nil, err
		}
	}
	return db, nil
}

// reader waits for a connection to read by.
func (l *Ledger) reader(ctx context.Context) (*sql.Conn, error) {
	if l.reads == nil {
		return l.conn(ctx)
	}
	conn, err := l.reads.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return conn, nil
}
