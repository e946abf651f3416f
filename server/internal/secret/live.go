package secret

import (
	"sync"
	"time"

	"cegid.internal/gateway/cegidclient"
)

// How old a value may be before it is read again. Content is polled because a watch on the file never fires when
// Kubernetes swaps the symlink above it.
const freshFor = time.Second

// Notify is called when the value of a reference changes. err is nil when another value came into use or reading works again.
// Otherwise it says why the file could not be read again, and the last good value stays in use. It is called once per change,
// not per attempt, on the goroutine of a call: it must return soon.
type Notify func(ref Ref, err error)

// Live is the present value of a reference. It is safe for concurrent use and starts no goroutine: a value older than
// a second is read again by the caller who asks for it.
type Live struct {
	ref    Ref
	check  func(cegidclient.Secret) error
	notify Notify

	reading sync.Mutex // held while the file is read and notify runs

	mu      sync.Mutex
	value   cegidclient.Secret
	read    time.Time // last attempt
	changed time.Time
	err     error // of the last attempt
}

// Open reads a reference for the first time. check, which may be nil, refuses values that cannot be right; notify may
// be nil. A secret that cannot be read at this point is an error.
func Open(ref Ref, check func(cegidclient.Secret) error, notify Notify) (*Live, error) {
	l := &Live{ref: ref, check: check, notify: notify}
	value, err := l.load()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	l.value, l.read, l.changed = value, now, now
	if written := ref.writtenAt(); !written.IsZero() && written.Before(now) {
		l.changed = written // a restart makes no secret younger
	}
	return l, nil
}

func (l *Live) load() (cegidclient.Secret, error) {
	value, err := l.ref.Read()
	if err != nil {
		return cegidclient.Secret{}, err
	}
	if l.check != nil {
		if err := l.check(value); err != nil {
			return cegidclient.Secret{}, refError{l.ref, err}
		}
	}
	return value, nil
}

// refError puts the reference before what is wrong with its content.
type refError struct {
	ref Ref
	err error
}

func (e refError) Error() string { return e.ref.String() + ": " + e.err.Error() }
func (e refError) Unwrap() error { return e.err }

// Get returns the value, at most a second old. When it cannot be read again, the last good value is returned, because
// a rotation that is half done must not fail calls; see LastError.
func (l *Live) Get() cegidclient.Secret {
	if value, fresh := l.cached(); fresh {
		return value
	}
	// Everybody waits for the one who reads: after a quiet hour the value at hand may have been revoked long ago.
	l.reading.Lock()
	defer l.reading.Unlock()
	if value, fresh := l.cached(); fresh {
		return value
	}
	value, err := l.load()
	now := time.Now()

	l.mu.Lock()
	failedBefore := l.err
	replaced := err == nil && !value.Equal(l.value)
	if replaced {
		l.value, l.changed = value, now
	}
	l.read, l.err = now, err
	value = l.value
	l.mu.Unlock()

	if l.notify != nil && (replaced || text(err) != text(failedBefore)) {
		l.notify(l.ref, err)
	}
	return value
}

func (l *Live) cached() (value cegidclient.Secret, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, time.Since(l.read) < freshFor
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// LastError says why the last attempt to read the secret again failed; nil when it did not.
func (l *Live) LastError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// ChangedAt is when the present value was written, as far as this process knows: at its start the time of the file, then
// when it saw the change.
func (l *Live) ChangedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// Age is how long ago that was.
func (l *Live) Age() time.Duration { return time.Since(l.ChangedAt()) }

// Status is the state of the secret. It reads what is older than a second again, so that the answer is true where nobody uses it.
func (l *Live) Status(use string) Status {
	l.Get()
	return Status{Use: use, Ref: l.ref, ChangedAt: l.ChangedAt(), Err: l.LastError()}
}

// String returns the reference.
func (l *Live) String() string { return l.ref.String() }
