package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/parquet-go/parquet-go"
)

// intoParquet replaces the file of a month, once its sums were read back from it.
func intoParquet(folder string, s service, month time.Time, lines []line, want map[string]sum) error {
	folder = filepath.Join(folder, "practice="+url.PathEscape(s.practice), "dossier="+url.PathEscape(s.dossier),
		"month="+month.Format("2006-01"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file := filepath.Join(folder, "entries.parquet")
	written := file + ".new"
	if err := parquet.WriteFile(written, lines, parquet.Compression(&parquet.Zstd)); err != nil {
		return err
	}
	back, err := parquet.ReadFile[line](written)
	if err == nil && len(back) != len(lines) {
		err = fmt.Errorf("%d lines were written, %d read back", len(lines), len(back))
	}
	if err == nil {
		err = prove(want, sums(back))
	}
	if err != nil {
		return err
	}
	return os.Rename(written, file)
}
