package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/internal/testkit/fecgen"
)

// screen is a terminal, and what was written to it once it is closed.
func screen(t *testing.T) (terminal *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	testkit.OK(t, err)
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	testkit.OK(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	testkit.OK(t, err)
	done := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with an error once the other side is closed
		done <- string(text)
	}()
	return terminal, func() string {
		_ = terminal.Close()
		text := <-done
		_ = master.Close()
		return text
	}
}

// sheet is a file instead of a terminal.
func sheet(t *testing.T) (file *os.File, shown func() string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	testkit.OK(t, err)
	return file, func() string {
		_ = file.Close()
		text, err := os.ReadFile(file.Name())
		testkit.OK(t, err)
		return string(text)
	}
}

// TestATerminalHasColoursAndABar: and nothing else has.
func TestATerminalHasColoursAndABar(t *testing.T) {
	folder := t.TempDir()
	for name, size := range map[string]int64{"small.txt": 10_000, "large.txt": 9 << 20} {
		text := strings.Replace(string(fecgen.Bytes(fecgen.Options{Size: size})), "20", "2", 1) // a number or a date is wrong
		testkit.OK(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	for _, c := range []struct {
		name, file     string
		command        fileCheckCommand
		terminal       bool
		noColor        string
		colours, drawn bool
	}{
		{name: "a terminal", file: "large.txt", terminal: true, colours: true, drawn: true},
		{name: "a terminal, and a file that is read at once", file: "small.txt", terminal: true, colours: true},
		{name: "a terminal of somebody who wants no colours", file: "large.txt", terminal: true, noColor: "1", drawn: true},
		{name: "JSON in a terminal", file: "large.txt", command: fileCheckCommand{JSON: true}, terminal: true, drawn: true},
		{name: "no terminal", file: "large.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor) // empty: as if it were not set
			open := sheet
			if c.terminal {
				open = screen
			}
			out, report := open(t)
			errors, progress := open(t)
			c.command.File, c.command.Format, c.command.Language = filepath.Join(folder, c.file), "auto", "en"
			if err := c.command.run(out, errors); err == nil {
				t.Error("nothing is found")
			}
			text, drawn := report(), progress()
			if coloured := strings.Contains(text, "\x1b[31;1m"); coloured != c.colours || strings.Contains(text, "\x1b") != c.colours || text == "" {
				t.Errorf("in colours: %v; want %v\n%.500q", coloured, c.colours, text)
			}
			if !c.drawn {
				if drawn != "" {
					t.Errorf("%.500q is drawn", drawn)
				}
				return
			}
			// It grows, is full once, and is wiped with blanks.
			half, whole := "\r["+strings.Repeat("=", 20)+strings.Repeat(" ", 20)+"]  5", "\r["+strings.Repeat("=", 40)+"] 100 %"
			begun, wiped, full := strings.Cut(drawn, whole)
			if !strings.HasPrefix(drawn, "\r[ ") || !strings.Contains(begun, half) || !full || strings.ReplaceAll(wiped, " ", "") != "\r\r" || strings.Count(wiped, " ") < len(whole)-1 {
				t.Errorf("%.3000q is drawn", drawn)
			}
		})
	}
}
