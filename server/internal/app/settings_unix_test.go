//go:build unix

package app

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNoFileStopsTheReloading: a reader of a named pipe waits for its writer, and a large file takes memory each second.
func TestNoFileStopsTheReloading(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"a named pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a sparse file of a terabyte": func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 1<<40)
		},
		"a link to itself": func(path string) error { return os.Symlink(filepath.Base(path), path) },
		"a folder":         func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		for _, file := range []string{"practices/two.yaml", "policy.yaml", "gateway.yaml"} {
			t.Run(name+" as "+file, func(t *testing.T) {
				i := install(t)
				path := filepath.Join(i.folder, file)
				before, err := os.ReadFile(path)
				_ = os.Remove(path)
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				i.looks(3)
				if got := i.practices(); len(got) != 1 || !i.lets("token") || !i.failing() || !strings.Contains(i.log.String(), "stays in force") {
					t.Errorf("in force are %q, failing %t: %s", got, i.failing(), i.log.String())
				}
				if _ = os.Remove(path); err == nil {
					i.write(file, string(before))
				}
				i.write("practices/three.yaml", practiceFile("three", "one"))
				i.looks(2)
				if got := i.practices(); len(got) != 2 || i.failing() {
					t.Errorf("afterwards: %q, failing %t", got, i.failing())
				}
			})
		}
	}
}
