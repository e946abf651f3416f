package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the server that the tests start.
func TestMain(m *testing.M) {
	if address := os.Getenv("TOUR_TEST_SERVE"); address != "" {
		serve(address, os.Getenv("TOUR_TEST_CHILD"))
		return
	}
	os.Exit(m.Run())
}

func serve(address, childFile string) {
	fmt.Println("up and well")
	child := exec.Command("sleep", "600")
	if err := child.Start(); err != nil {
		panic(err)
	}
	if err := os.WriteFile(childFile, []byte(strconv.Itoa(child.Process.Pid)), 0o600); err != nil {
		panic(err)
	}
	panic(http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "here")
	})))
}

// tour runs text as a file and returns what was reported, the file afterwards, and the error.
func tour(t *testing.T, text string, o options) (report, after string, err error) {
	t.Helper()
	if o.timeout == 0 {
		o.timeout = 20 * time.Second
	}
	path := filepath.Join(t.TempDir(), "TOUR.md")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = run(t.Context(), &out, path, o)
	raw, readErr := os.ReadFile(path)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return strings.ReplaceAll(out.String(), path, "TOUR.md"), string(raw), err
}

func block(lines ...string) string { return "```console\n" + strings.Join(lines, "\n") + "\n```\n" }

func TestOutputThatIsAsTheFileSays(t *testing.T) {
	for name, text := range map[string]string{
		"both streams": block("$ echo a; echo b >&2", "a", "b"),
		"a command on several lines": block(
			`$ printf '%s\n' a \`, `    b`, "a", "b"),
		"a quotation on several lines": block(`$ echo '{`, ` "a" b'"'{"`, "{", ` "a" b'{`),
		"quotation marks and backslashes": block(
			`$ printf '%s\n' "it's" 'say "' it\'s "\"'"`, "it's", `say "`, "it's", `"'`),
		"several commands in a block, one without output": block("$ true", "$ echo a", "a"),
		"any lines at the end":                            block("$ seq 5", "1", "..."),
		"any lines in between":                            block("$ seq 9", "1", "...", "5", "...", "9"),
		"any lines that are none":                         block("$ seq 2", "1", "...", "2"),
		"any lines, indented":                             block("$ seq 5", "1", "  ...", "5"),
		"a failure that is shown":                         block("$ echo no; exit 3", "no"),
		"variables and cd carry over":                     block("$ export A=1", "$ cd /", "$ echo $A $PWD", "1 /"),
		"a block in a list":                               "- item\n\n  ```console\n  $ echo a\n  a\n  ```\n",
		"times": block(
			"$ echo 2031-01-02T03:04:05.678Z 2031-01-02T03:04:05+01:00", "2026-11-22T22:00:00Z 2026-11-22T22:00:00Z"),
		"durations": block("$ echo took 1.234s or 5ms", "took 1.1s or 12ms"),
		"uuids": block("$ echo 0f8fad5b-d9cb-469f-a165-70867728950e",
			"7c9e6679-7425-40de-944b-e07fc1f90ae7"),
		"revisions":       block("$ echo 0xABCDEF01", "0x0000000000000001"),
		"request ids":     block("$ echo 'x-request-id: abc'", "x-request-id: def"),
		"ids in JSON":     block(`$ echo '{"requestId":"abc"}'`, `{"requestId": "d.e-f"}`),
		"ports":           block("$ echo 127.0.0.1:4711 localhost:1", "127.0.0.1:4712 localhost:2"),
		"chance in JSON":  block(`$ echo '{"a":1,"b":[1,2],"c":[{},{}]}'`, `{"a": 1, "b": [1, 2], "c": [{}, {}]}`),
		"ends of lines":   block(`$ printf 'a \r\nb\n'`, "a", "b"),
		"headers of HTTP": block("$ echo 'Date: Sun, 22 Nov 2026 22:00:00 GMT'", "Date: Mon, 23 Nov 2026 01:02:03 GMT"),
	} {
		t.Run(name, func(t *testing.T) {
			if report, _, err := tour(t, text, options{}); err != nil {
				t.Errorf("%v\n%s", err, report)
			}
		})
	}
}

func TestOutputThatIsNot(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"another line":           {"# Title\n\n" + block("$ seq 3", "1", "0", "3"), "TOUR.md:6: prints something else"},
		"the lines that differ":  {block("$ seq 3", "1", "0", "3"), "    1\n  - 0\n  + 2\n    3\n"},
		"a line too many":        {block("$ seq 3", "1", "2"), "  + 3"},
		"a line too few":         {block("$ seq 1", "1", "2"), "  - 2"},
		"nothing":                {block("$ true", "1"), "  - 1"},
		"something":              {block("$ echo 1"), "  + 1"},
		"lines after any lines":  {block("$ seq 3", "...", "2"), "  - ..."},
		"an amount":              {block("$ echo 12.30", "12.31"), "  + 12.30"},
		"a caller's own id":      {block(`$ echo request_id=a`, "request_id=b"), "request_id=a"},
		"a failure in silence":   {block("$ exit 3"), "TOUR.md:2: fails (exit status 3) and prints nothing"},
		"one of two":             {block("$ echo a", "b", "$ echo b", "b"), "2 commands, 1 failed"},
		"a command that hangs":   {block("$ sleep 60"), "not done after"},
		"a child that lingers":   {block("$ sleep 60 & wait"), "not done after"},
		"trailing output on any": {block("$ seq 3", "...", "9"), "  - 9"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options{}
			if strings.Contains(c.text, "sleep") {
				o.timeout = 200 * time.Millisecond
			}
			report, after, err := tour(t, c.text, o)
			if err == nil || !strings.Contains(report, c.want) {
				t.Errorf("%v, want %q in\n%s", err, c.want, report)
			}
			if after != c.text {
				t.Errorf("the file was changed:\n%s", after)
			}
		})
	}
}

func TestFilesThatCannotBeRun(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no command":                {"# Title\n", "no command"},
		"a block of another kind":   {"```sh\n$ echo a\n```\n", "no command"},
		"output before any command": {block("a"), "TOUR.md:2: a console block starts"},
		"a block without end":       {"```console\n$ echo a\n", "TOUR.md:1: the block is never closed"},
		"a command without end":     {block(`$ echo a \`), "continued by nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tour(t, c.text, options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestUpdateWritesOnlyWhatDiffers(t *testing.T) {
	before := "# A\n\n" + block("$ echo 2030-01-01T00:00:00Z", "2026-11-22T22:00:00Z", "$ seq 2", "7", "$ seq 3", "1", "...") +
		"\n  ```console\n  $ printf 'a\\n\\nb\\n'\n  ```\nEnd"
	want := "# A\n\n" + block("$ echo 2030-01-01T00:00:00Z", "2026-11-22T22:00:00Z", "$ seq 2", "1", "2", "$ seq 3", "1", "...") +
		"\n  ```console\n  $ printf 'a\\n\\nb\\n'\n  a\n\n  b\n  ```\nEnd"
	report, after, err := tour(t, before, options{update: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if after != want {
		t.Errorf("got\n%s\nwant\n%s", after, want)
	}
	if report, _, err := tour(t, after, options{}); err != nil {
		t.Errorf("what was written does not hold: %v\n%s", err, report)
	}
}

func TestServerIsStartedAndStoppedWithItsChildren(t *testing.T) {
	address := freeAddress(t)
	childFile := filepath.Join(t.TempDir(), "child")
	o := options{
		start:  fmt.Sprintf("env TOUR_TEST_SERVE=%s TOUR_TEST_CHILD=%s %s", address, childFile, os.Args[0]),
		ready:  "http://" + address,
		within: 10 * time.Second,
	}
	report, _, err := tour(t, block("$ test -s "+childFile+" && echo up", "up"), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the server still listens")
	}
	raw, err := os.ReadFile(childFile)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if running(child) {
		t.Error("its child still runs")
	}
}

func TestServersLastWordsAreShownWhenSomethingDiffers(t *testing.T) {
	address := freeAddress(t)
	o := options{
		start:  fmt.Sprintf("env TOUR_TEST_SERVE=%s TOUR_TEST_CHILD=%s/child %s", address, t.TempDir(), os.Args[0]),
		ready:  "http://" + address,
		within: 10 * time.Second,
	}
	report, _, err := tour(t, block("$ echo a", "b"), o)
	if err == nil || !strings.Contains(report, "last words:\n    up and well\n") {
		t.Errorf("%v\n%s", err, report)
	}
}

// running tells a process from one that has ended and is only not yet reaped.
func running(pid int) bool {
	for range 50 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return syscall.Kill(pid, 0) == nil && err == nil && !strings.Contains(string(stat), ") Z ")
		}
		time.Sleep(20 * time.Millisecond)
	}
	return true
}

func TestServerThatDoesNotComeUp(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: http.NotFoundHandler()}
	go other.Serve(occupied)
	t.Cleanup(func() { other.Close() })
	ok := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go ok.Serve(listening)
	t.Cleanup(func() { ok.Close() })

	for name, c := range map[string]struct {
		start, address, want string
	}{
		"it ends":           {"echo why; exit 1", freeAddress(t), "ended before it was ready"},
		"it says why":       {"bash -c 'echo because; exit 1'", freeAddress(t), "because"},
		"it takes too long": {"sleep 60", freeAddress(t), "not ready after"},
		"it is never ready": {"sleep 60", occupied.Addr().String(), "not ready after"},
		"another is there":  {"sleep 60", listening.Addr().String(), "before the server is started"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options{start: c.start, ready: "http://" + c.address, within: 20 * time.Second}
			if strings.HasPrefix(c.start, "sleep") {
				o.within = 300 * time.Millisecond
			}
			_, _, err := tour(t, block("$ true"), o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
