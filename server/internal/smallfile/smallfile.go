// Package smallfile reads the files of an operator while somebody may put anything in their place.
package smallfile

import (
	"errors"
	"io"
	"os"
)

var (
	// ErrIrregular: reading could wait for ever, or never come to an end.
	ErrIrregular = errors.New("it is no regular file")
	// ErrTooLarge: it is another file than the one that is meant.
	ErrTooLarge = errors.New("it is too large")
)

// Read returns what a regular file of up to limit bytes holds; it follows symbolic links. Errors: ErrIrregular,
// ErrTooLarge, and those of os.Open.
func Read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// Opening a named pipe would wait for its writer, and a pipe cannot be read again.
	if !info.Mode().IsRegular() {
		return nil, ErrIrregular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		return nil, ErrTooLarge
	}
	return content, err
}
