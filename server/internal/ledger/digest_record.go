package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"cegid.internal/gateway/cegidclient/identity"
)

// The sizes of a digest in a chunk and in a pack, see the migration.
const (
	recordSize = 32
	packedSize = 8 + recordSize
)

func appendRecord(to []byte, e identity.Entry) []byte {
	to = append(to, e.Body[:]...)
	to = binary.BigEndian.AppendUint64(to, e.Reference)
	return binary.BigEndian.AppendUint64(to, e.Document)
}

func recordOf(content []byte) (e identity.Entry) {
	copy(e.Body[:], content)
	e.Reference, e.Document = binary.BigEndian.Uint64(content[16:]), binary.BigEndian.Uint64(content[24:])
	return e
}

func appendPacked(to []byte, number int64, e identity.Entry) []byte {
	return appendRecord(binary.BigEndian.AppendUint64(to, uint64(number)), e)
}

func packedOf(content []byte) (number int64, e identity.Entry) {
	return int64(binary.BigEndian.Uint64(content)), recordOf(content[8:])
}

type execer interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// row reads the first row of a query, if there is one.
func row(rows *sql.Rows, err error) func(into ...any) (found bool, err error) {
	return func(into ...any) (bool, error) {
		if err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
		defer rows.Close()
		found := rows.Next()
		if found {
			err = rows.Scan(into...)
		} else {
			err = rows.Err()
		}
		if err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
		return found, nil
	}
}

// column reads a query of one column.
func column[T any](rows *sql.Rows, err error) (out []T, _ error) {
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var value T
		if err := rows.Scan(&value); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, value)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}
