package ledger

import (
	"errors"
	"fmt"
)

// Errors of the ledger. Unless an error is ErrCommit, nothing but the settling of expired leases was stored.
var (
	// ErrUnknown: there is no such row.
	ErrUnknown = errors.New("ledger: unknown request id")
	// ErrReused: the request id is that of other content, another caller or another kind of write.
	ErrReused = errors.New("ledger: the request id belongs to another submission")
	// ErrLost: the row is no longer where the caller of the method believes it to be. Before bytes left: do not send.
	ErrLost = errors.New("ledger: the row has moved on")
	// ErrLease: the lease does not cover the whole call. Do not send; Settle as NOT_SENT.
	ErrLease = errors.New("ledger: the lease is too short for the call")
	// ErrEvidence: no fresh look into Loop says that it is not booked. Do not send; do not say so.
	ErrEvidence = errors.New("ledger: nothing shows that it is not booked")
	// ErrTransition: the state machine has no such step.
	ErrTransition = errors.New("ledger: no such transition")
	// ErrCommit: the database did not confirm a commit, so that it may or may not have been stored, whole or not at
	// all. After Submitting: do not send, Settle as NOT_SENT. After Settle: repeat it. Otherwise read the row again.
	ErrCommit = errors.New("ledger: the commit was not confirmed")
	// ErrSilent: the database did not answer within the ledger's own limit.
	ErrSilent = errors.New("ledger: the database does not answer")
	// ErrFull: there is no room for what was to be stored, and nothing of it was.
	ErrFull = errors.New("ledger: the disk is full")
	// ErrGone: the file was removed under the running server. What it held is forgotten when the server ends.
	ErrGone = errors.New("ledger: its file was removed while the server runs; restore it as Operating says, and restart")
	// ErrOlder: it was put back from a copy, so that it has forgotten what was sent since. Nothing is begun or sent.
	ErrOlder = errors.New("ledger: it is a copy, or older than its audit, and may have forgotten what was sent: " +
		"stop the server and run 'server ledger restore'")
	// ErrCursor: the cursor is not one that List returned.
	ErrCursor = errors.New("ledger: damaged cursor")

	// ErrMissing: Open never creates a ledger, because a lost one forgets what was sent.
	ErrMissing = errors.New("there is no ledger: restore it if there was one, because a new one forgets what was sent; " +
		"else run 'server ledger init'")
	// ErrExists: Init never touches what is there.
	ErrExists = errors.New("there is a file already; a ledger is never replaced")
	// ErrNoLedger: the file is another database, or its creation was cut short.
	ErrNoLedger = errors.New("this is no ledger, or its creation was cut short: give another path, or remove the file and " +
		"run 'server ledger init'")
	// ErrTables: InitPostgres never touches what is there.
	ErrTables = errors.New("the database has a ledger already, or tables of its names; a ledger is never replaced")
	// ErrForeignTables: the tables are another program's, or their creation was cut short.
	ErrForeignTables = errors.New("the tables of the database are no ledger, or their creation was cut short: give the ledger a database of " +
		"its own, and run 'server ledger init'")
	// ErrLocked: a ledger in a file belongs to one process.
	ErrLocked = errors.New("another process has the ledger open: stop it first ('fuser' with this path names it); " +
		"several servers need a ledger on PostgreSQL")
	// ErrReadOnly: SQLite says so in several ways, and none of them names the folder.
	ErrReadOnly = errors.New("this process may not write to it: change the owner or mode of the file and of its folder, which holds more " +
		"files of the ledger, or mount the volume for writing")
	// ErrNewer: the ledger was migrated by a newer server.
	ErrNewer = errors.New("the ledger was written by a newer server: run that version or a later one")
)

// DuplicateError says that the same content is in the dossier under another id.
type DuplicateError struct {
	// Of is the other row. Its caller and dossier decide who may be told its id.
	Of Record
}

// Error names the other row; it is not for callers, who may not be allowed to see it.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("ledger: the same content is %s under request id %q", e.Of.State, e.Of.RequestID)
}

// StatedError says that a person has stated the contrary.
type StatedError struct{ Of Statement }

// Error tells who, and when.
func (e *StatedError) Error() string {
	return fmt.Sprintf("ledger: %s has stated otherwise at %s", e.Of.Caller, e.Of.Time)
}
