// Command testsum reads what `go test -json` writes, prints what `go test` would, and closes with a line
// "N passed, N failed, N skipped".
//
//	go test -json ./... | testsum [-skips REGEXP]
//
// It fails when a test fails, when none ran, and when one was skipped whose name (package.Test) REGEXP does not
// match: a test that skips itself where it should run would go unseen otherwise.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	skips := flag.String("skips", "", "`regexp` of tests that may be skipped")
	flag.Parse()
	var allowed *regexp.Regexp
	if *skips != "" {
		var err error
		if allowed, err = regexp.Compile(*skips); err != nil {
			fmt.Fprintln(os.Stderr, "testsum:", err)
			os.Exit(2)
		}
	}
	if err := run(os.Stdin, os.Stdout, allowed); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
}

// event is what test2json documents; of a failed build, only the action and the output are of use.
type event struct{ Action, Package, Test, Output string }

type test struct{ pkg, name string }

func run(in io.Reader, out io.Writer, allowed *regexp.Regexp) error {
	printed := map[test][]string{}
	var passed, failed, skipped int
	var unexpected []string
	broken := map[string]bool{} // packages of which a test failed
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			fmt.Fprintln(out, scanner.Text()) // go's own complaint
			continue
		}
		key := test{e.Package, e.Test}
		switch {
		case e.Action == "build-output":
			io.WriteString(out, e.Output)
		case e.Action == "output" && e.Test == "":
			if e.Output != "PASS\n" {
				io.WriteString(out, e.Output)
			}
		case e.Action == "output":
			printed[key] = append(printed[key], e.Output)
		case e.Test == "" && e.Action == "fail":
			if !broken[e.Package] {
				failed++ // it does not compile, or ended outside any test
			}
			var unfinished []string
			for k := range printed {
				if k.pkg == e.Package {
					unfinished = append(unfinished, k.name)
				}
			}
			slices.Sort(unfinished)
			for _, name := range unfinished {
				io.WriteString(out, strings.Join(printed[test{e.Package, name}], ""))
			}
		case e.Test == "":
		case e.Action == "pass":
			passed++
			delete(printed, key)
		case e.Action == "fail":
			failed++
			broken[e.Package] = true
			io.WriteString(out, strings.Join(printed[key], ""))
			delete(printed, key)
		case e.Action == "skip":
			skipped++
			name := e.Package + "." + e.Test
			if allowed == nil || !allowed.MatchString(name) {
				unexpected = append(unexpected, name)
			}
			fmt.Fprintf(out, "skipped %s\n%s", name, strings.Join(printed[key], ""))
			delete(printed, key)
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	switch {
	case failed > 0:
		return errors.New("tests failed")
	case passed == 0:
		return errors.New("no test ran")
	case len(unexpected) > 0:
		return fmt.Errorf("skipped without leave: %s", strings.Join(unexpected, ", "))
	}
	return nil
}
