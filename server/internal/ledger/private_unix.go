//go:build unix

package ledger

import "os"

// private refuses a file that others may read or write.
func private(info os.FileInfo) error {
	if info.Mode().Perm()&0o077 != 0 {
		return ErrOpen
	}
	return nil
}
