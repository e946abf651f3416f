package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

const pagesFolder = "docs/reference"

func main() {
	if err := write(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

// write makes the pages anew, and what tools/generate.sh reads. It is run at the root of the repository.
func write(ctx context.Context) error {
	pages, err := makePages(ctx)
	if err != nil {
		return err
	}
	r, err := newReference()
	if err != nil {
		return err
	}
	failures, err := r.failures()
	if err != nil {
		return err
	}
	reasons, err := failures.text()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join("server/internal/reference", reasonsFile), []byte(reasons), 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(pagesFolder); err != nil { // a page of a service that is gone
		return err
	}
	if err := os.Mkdir(pagesFolder, 0o755); err != nil {
		return err
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(pagesFolder, name), []byte(page), 0o644); err != nil {
			return err
		}
	}
	return nil
}
