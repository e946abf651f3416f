// Package filelock keeps other processes from a file, or a folder, that this one has open.
package filelock

import "errors"

// ErrTaken: another process has it.
var ErrTaken = errors.New("another process uses it")
