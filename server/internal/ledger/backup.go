package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// backupPages are copied at a time, 1 MiB: writes wait no longer.
const backupPages = 256

// ErrNoFile: a ledger on PostgreSQL is copied by its own tools.
var ErrNoFile = errors.New("the ledger is no file: back up its database with the tools of PostgreSQL")

// File is the path of a ledger in a file; empty for another.
func (l *Ledger) File() string { return l.path }

// Copy writes a copy of the ledger, as it is at the end of copying, to a file that does not exist. The ledger is used
// meanwhile: what is written while it is copied goes into the copy, too. Until Restore nothing is sent by a copy.
func (l *Ledger) Copy(ctx context.Context, to string) (err error) {
	if l.path == "" {
		return ErrNoFile
	}
	to, err = filepath.Abs(to)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	err = l.copyPages(ctx, to)
	if err == nil {
		err = markCopy(ctx, to)
	}
	if err == nil {
		err = sound(ctx, to)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("ledger: %w", err), os.Remove(to))
	}
	return nil
}

// copyPages lends the connection for a few pages at a time. SQLite brings what the same connection has written since into the
// copy (https://www.sqlite.org/backup.html).
func (l *Ledger) copyPages(ctx context.Context, to string) (err error) {
	var source any
	var copying *sqlite.Backup
	lend := func(do func() error) error {
		conn, err := l.db.Conn(ctx) // that which writes
		if err != nil {
			return err
		}
		defer conn.Close()
		return conn.Raw(func(driver any) (err error) {
			if source == nil {
				source = driver
				opened, is := driver.(interface {
					NewBackup(to string) (*sqlite.Backup, error)
				})
				if !is {
					return errors.New("the driver copies no databases")
				}
				destination := url.URL{Scheme: "file", OmitHost: true, Path: to, RawQuery: "mode=rw"}
				if copying, err = opened.NewBackup(destination.String()); err != nil {
					return err
				}
			}
			if source != driver { // of a connection that is gone
				copying = nil
				return errors.New("the connection was lost while the ledger was copied")
			}
			return do()
		})
	}
	for more := true; more; {
		if err = ctx.Err(); err != nil {
			break
		}
		if err = lend(func() (err error) {
			more, err = copying.Step(backupPages)
			return err
		}); err != nil {
			break
		}
	}
	if copying == nil {
		return err
	}
	// Also of a caller that has left.
	ctx = context.WithoutCancel(ctx)
	return errors.Join(err, lend(func() error { return copying.Finish() }))
}

// sound says whether a file can be read as a whole.
func sound(ctx context.Context, path string) (err error) {
	db, err := openSQLite(path, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return quickCheck(ctx, db)
}

func quickCheck(ctx context.Context, db *sql.DB) error {
	var found string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("the ledger is damaged, restore an earlier backup: %s", found)
	}
	return nil
}

// ErrOpen: like a key, a ledger is for this process alone: it holds what was booked, and who sent it.
var ErrOpen = errors.New("others than its owner may read or write it: set its mode to 0600 (chmod 600)")

// CheckMode says whether others may read or write a file. Errors: ErrOpen.
func CheckMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return private(info)
}
