package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/server/internal/filereport"
)

type fileCommand struct {
	Check fileCheckCommand `cmd:"" help:"Check a FEC or TRA on this machine, without a service and a network: ends with 0 if nothing is against it, 2 if this service would not send it to Loop, 3 if only the law or the tax administration's checker objects, 1 if it cannot be read."`
}

type fileCheckCommand struct {
	File           string `arg:"" type:"existingfile" help:"The file."`
	Format         string `enum:"fec,tra,auto" default:"auto" help:"fec, tra, or auto: what its first bytes look like."`
	NumbersPerLine bool   `help:"State that EcritureNum counts lines: the balance is judged by journal and day."`
	Strict         bool   `help:"Assume that Loop refuses what it is not known to accept."`
	Language       string `name:"lang" enum:"fr,en" default:"fr" help:"Language of the report: fr or en."`
	JSON           bool   `name:"json" xor:"form" help:"Write the whole report as JSON: all places of each finding, too."`
	CSV            bool   `name:"csv" xor:"form" help:"Write the whole report as CSV, a record a row."`
	HTML           string `name:"html" xor:"form" type:"path" placeholder:"FILE" help:"Write the report as a page, to be read or printed; - for the standard output."`
}

// Run checks the file, and ends the program by what is found.
func (c *fileCheckCommand) Run() error { return c.run(os.Stdout, os.Stderr) }

func (c *fileCheckCommand) run(out, progress *os.File) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	about, err := file.Stat()
	if err != nil {
		return err
	}
	if page, err := os.Stat(c.HTML); err == nil && os.SameFile(about, page) {
		return errors.New("--html names the file that is checked, and would replace it: name another file")
	}
	o := filereport.Options{Name: filepath.Base(c.File), NumbersPerLine: c.NumbersPerLine}
	if c.Format != "auto" {
		o.Format = strings.ToUpper(c.Format)
	}
	if c.Strict {
		o.Model = filecheck.Strict
	}
	if isTerminal(progress) && about.Size() > 8<<20 {
		o.Read = bar(progress, about.Size())
	}
	if c.JSON || c.CSV {
		o.Whole = filereport.NewWhole(temporary)
		defer func() { _ = o.Whole.Close() }()
	}
	report, err := filereport.Check(file, o)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	if err := c.write(report, out); err != nil {
		return err
	}
	switch {
	case !report.Valid():
		return fileObjected{2, "this service would not send the file to Loop"}
	case report.Outcome(filecheck.OfLaw) == filecheck.Fails, report.Outcome(filecheck.OfTaxTool) == filecheck.Fails:
		return fileObjected{3, "the law or the tax administration's checker objects to the file"}
	}
	return nil
}

func (c *fileCheckCommand) write(report *filereport.Report, out *os.File) (err error) {
	language := filereport.Language(c.Language)
	switch {
	case c.JSON:
		return report.JSON(out)
	case c.CSV:
		return report.CSV(out)
	case c.HTML == "-":
		return report.HTML(out, language)
	case c.HTML == "":
		return report.Text(out, language, isTerminal(out) && os.Getenv("NO_COLOR") == "")
	}
	page, err := os.OpenFile(c.HTML, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it shows lines of somebody's books
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	return report.HTML(page, language)
}

// unnamed is a file that is gone once it is closed.
type unnamed struct{ *os.File }

func temporary() (filereport.SpillFile, error) {
	file, err := os.CreateTemp("", "loop-gateway-report-*") // for this user alone
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // where an open file keeps its name, Close removes it
	return unnamed{file}, nil
}

func (f unnamed) Close() error {
	err := f.File.Close()
	_ = os.Remove(f.Name())
	return err
}

// fileObjected ends the program: what was found was told before.
type fileObjected struct {
	code int
	what string
}

func (e fileObjected) Error() string { return e.what }

// ExitCode is that of the program.
func (e fileObjected) ExitCode() int { return e.code }

func isTerminal(f *os.File) bool {
	about, err := f.Stat()
	return err == nil && about.Mode()&os.ModeCharDevice != 0
}

// bar draws how much of a file was read.
func bar(w io.Writer, size int64) func(n int64) {
	const width = 40
	drawn := -1
	return func(n int64) {
		if done := int(n * 100 / max(size, 1)); done != drawn {
			drawn = done
			filled := done * width / 100
			_, _ = fmt.Fprintf(w, "\r[%s%s] %3d %%", strings.Repeat("=", filled), strings.Repeat(" ", width-filled), done)
			if n >= size {
				_, _ = fmt.Fprint(w, "\r"+strings.Repeat(" ", width+9)+"\r")
			}
		}
	}
}
