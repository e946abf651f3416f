// Command tour runs the commands that Markdown files show and compares what they print with what the files say.
//
//	tour [-update] [-start COMMAND -ready URL [-within 10s]] FILE...
//
// It takes the fenced blocks tagged console:
//
//	```console
//	$ curl -s localhost:8080/v1/practices/demo/dossiers \
//	    -H 'Authorization: Bearer me'
//	{
//	...
//	}
//	```
//
// A line that starts with "$ " is a command, continued while it ends in a backslash or inside quotation marks; the
// lines below it are what it prints, on standard output and standard error together. "..." alone on a line means any number of lines.
// Commands run in bash in the working directory, one after the other; exported variables and cd carry over. A
// command may fail as long as it prints what the file says. Blocks under another tag, such as sh, are not run: use
// one for a command that does not end.
//
// Output is no terminal here, so curl wants -s. What changes from run to run is made equal first: see normalise.
//
// With -start, a server is started before each file and stopped after it with all its children. -update writes what
// was printed into the file, where it differs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	update  bool
	start   string
	ready   string
	within  time.Duration
	timeout time.Duration
}

func main() {
	var o options
	flag.BoolVar(&o.update, "update", false, "write what the commands print into the file")
	flag.StringVar(&o.start, "start", "", "`command` that starts the server")
	flag.StringVar(&o.ready, "ready", "", "`URL` that answers 200 once the server is ready")
	flag.DurationVar(&o.within, "within", 10*time.Second, "how soon after its start the server must be ready")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "how long a command may take")
	flag.Parse()
	if flag.NArg() == 0 || (o.start == "") != (o.ready == "") {
		fmt.Fprintln(os.Stderr, "usage: tour [-update] [-start COMMAND -ready URL [-within 10s]] FILE...")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	for _, path := range flag.Args() {
		err = errors.Join(err, run(ctx, os.Stdout, path, o))
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, path string, o options) (err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	doc, err := parse(string(raw))
	if err != nil {
		return fmt.Errorf("%s:%w", path, err)
	}
	if len(doc.commands) == 0 {
		return fmt.Errorf("%s holds no command: no line starts with \"$ \" in a ```console block", path)
	}
	if o.start != "" {
		var server *server
		if server, err = startServer(ctx, o.start, o.ready, o.within); err != nil {
			return err
		}
		fmt.Fprintf(out, "server ready after %s\n", server.readyAfter.Round(time.Millisecond))
		defer func() {
			server.stop()
			if err != nil && ctx.Err() == nil {
				fmt.Fprintf(out, "the server's last words:\n%s", indent(server.log.tail(20)))
			}
		}()
	}
	state, err := os.MkdirTemp("", "tour")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)

	failed := 0
	for _, c := range doc.commands {
		printed, err := execute(ctx, c.text, state, o.timeout)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		first, _, _ := strings.Cut(c.text, "\n")
		switch {
		case err != nil:
			failed++
			fmt.Fprintf(out, "%s:%d: %v\n    $ %s\n%s", path, c.line, err, first, indent(printed))
		case match(c.expected, printed):
			fmt.Fprintf(out, "ok   %s:%d  $ %s\n", path, c.line, first)
		case o.update:
			c.expected = printed
			fmt.Fprintf(out, "new  %s:%d  $ %s\n", path, c.line, first)
		default:
			failed++
			at, text := diff(c.expected, printed)
			fmt.Fprintf(out, "%s:%d: prints something else\n    $ %s\n%s", path, c.outputLine+at, first, text)
		}
	}
	if o.update {
		if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d commands, %d failed\n", len(doc.commands), failed)
	if failed > 0 {
		return fmt.Errorf("%s does not tell what happens", path)
	}
	return nil
}

// script runs a command with the variables and the folder that the last one left.
const script = `tour_state=$TOUR_STATE tour_command=$TOUR_COMMAND
unset TOUR_STATE TOUR_COMMAND
[[ -f $tour_state/env ]] && source "$tour_state/env" && cd "$(<"$tour_state/cwd")"
eval "$tour_command"
tour_status=$?
declare -px >"$tour_state/env"
pwd >"$tour_state/cwd"
exit $tour_status`

// execute returns the lines that a command prints. It fails when the command takes too long, or fails in silence.
func execute(ctx context.Context, command, state string, timeout time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	state, err := filepath.Abs(state)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), "TOUR_STATE="+state, "TOUR_COMMAND="+command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	raw, err := cmd.CombinedOutput()
	printed := lines(string(raw))
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return printed, fmt.Errorf("not done after %s", timeout)
	case errors.As(err, &exit):
		if len(printed) == 0 {
			return nil, fmt.Errorf("fails (%v) and prints nothing", err)
		}
		return printed, nil
	}
	return printed, err
}

// lines splits text into lines without their ends; an empty text has none.
func lines(text string) []string {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func indent(lines []string) string {
	var out strings.Builder
	for _, line := range lines {
		out.WriteString("    " + line + "\n")
	}
	return out.String()
}
