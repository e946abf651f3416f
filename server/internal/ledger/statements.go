package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"strings"

	"modernc.org/sqlite"
)

// mostStatements bounds what a connection keeps: the ledger has some seventy, and lists have their filters in the text.
const mostStatements = 128

// openFile opens connections to a file that keep what they have prepared: SQLite parses most statements of the ledger for longer
// than it runs them. PostgreSQL's driver does so itself.
func openFile(path string, parameters url.Values) (*sql.DB, error) {
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: parameters.Encode()}).String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparing{connector}), nil
}

type preparing struct{ driver.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &keeper{fileConn: conn.(fileConn), kept: map[string]driver.Stmt{}}, nil
}

// fileConn is what SQLite's connections can, without running a text: so database/sql prepares it, runs the statement and closes it.
type fileConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	NewBackup(to string) (*sqlite.Backup, error)
}

// keeper is a connection, which one goroutine has at a time, with the statements that are not in use.
type keeper struct {
	fileConn
	kept map[string]driver.Stmt
}

func (k *keeper) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	statement, known := k.kept[text]
	delete(k.kept, text)
	if !known {
		var err error
		if statement, err = k.fileConn.PrepareContext(ctx, text); err != nil || !keepable(text) {
			return statement, err
		}
	}
	return &keptStatement{statement.(fileStatement), k, text}, nil
}

// keepable: some pragmas act while they are parsed, and what changes the schema comes once.
func keepable(text string) bool {
	for _, verb := range []string{"SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "} {
		if strings.HasPrefix(text, verb) {
			return true
		}
	}
	return false
}

func (k *keeper) keep(text string, statement driver.Stmt) error {
	if _, another := k.kept[text]; another { // it was run while it ran
		return statement.Close()
	}
	if len(k.kept) >= mostStatements {
		for other, oldest := range k.kept {
			delete(k.kept, other)
			if err := oldest.Close(); err != nil {
				return err
			}
			break
		}
	}
	k.kept[text] = statement
	return nil
}

// Close closes the statements first: SQLite keeps a file open, and locked, for as long as there is one.
func (k *keeper) Close() error {
	for _, statement := range k.kept {
		_ = statement.Close()
	}
	clear(k.kept)
	return k.fileConn.Close()
}

type fileStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStatement struct {
	fileStatement
	keeper *keeper
	text   string
}

func (s *keptStatement) Close() error { return s.keeper.keep(s.text, s.fileStatement) }
