package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	sqlite3 "modernc.org/sqlite/lib"
)

// Look says whether a file is a ledger, without opening it as one: it may be in use. Errors: ErrMissing, ErrNoLedger.
func Look(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrMissing
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return ErrNoLedger
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// The header of a database: https://www.sqlite.org/fileformat.html#the_database_header
	var header [100]byte
	if _, err := io.ReadFull(file, header[:]); err != nil || !strings.HasPrefix(string(header[:]), "SQLite format 3\x00") ||
		binary.BigEndian.Uint32(header[68:]) != applicationID {
		return ErrNoLedger
	}
	return nil
}

// CheckWritable says whether this process may write to a file. Not to a ledger that it has open: closing the file again
// would give up the lock, as POSIX has it. Errors: ErrReadOnly.
func CheckWritable(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case err == nil:
		return file.Close()
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	}
	return err
}

// Backup writes a copy of a ledger that no server has open to a file that does not exist, and returns how many
// submissions it holds. What a killed server left in the files beside the ledger is part of it. The schema stays as it
// is. Errors: ErrMissing, ErrNoLedger, ErrLocked, ErrExists.
func Backup(ctx context.Context, path, to string) (submissions int, err error) {
	from, err := filepath.Abs(path)
	if err == nil {
		to, err = filepath.Abs(to)
	}
	if err == nil {
		err = Look(from)
	}
	if err != nil {
		return 0, fmt.Errorf("ledger %s: %w", path, err)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("ledger %s: %w", to, ErrExists)
	}
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	lock, err := lockFile(from)
	if err == nil {
		submissions, err = copyInto(ctx, from, to)
		err = errors.Join(err, closed(lock))
	}
	if err == nil {
		err = markCopy(ctx, to)
	}
	if sqliteCode(err) == sqlite3.SQLITE_BUSY {
		err = ErrLocked
	}
	// Where it says that it is done, it is on the disk.
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = errors.Join(Look(to), SyncFolder(to))
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("ledger %s: %w", path, err), os.Remove(to))
	}
	return submissions, nil
}

func copyInto(ctx context.Context, from, to string) (submissions int, err error) {
	db, err := openSQLite(from, true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := quickCheck(ctx, db); err != nil {
		return 0, err
	}
	var table string // a ledger of an older server stays one
	if err := db.QueryRowContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('write_request', 'submission')`).
		Scan(&table); err != nil {
		return 0, err
	}
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+table).Scan(&submissions); err != nil {
		return 0, err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	return submissions, err
}
