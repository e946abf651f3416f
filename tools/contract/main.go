// Command contract reads the contract as a FileDescriptorSet, and writes what tools/generate.sh makes of it:
//
//	contract complete <SET                                               the set, with the options that lists leave to their service
//	contract print DIR <SET                                              its files as .proto text
//	contract bundle DIR PREFIX,... GOPACKAGE <SET                        those that compile with protoc alone
//	contract comments PREFIX <SET                                        its comments as JSON; needs source positions
//	contract serviceconfig <SET                                          what gRPC channels may repeat
//	contract openapi VERSION SET EXTRA COMMENTS REASONS EXAMPLES <merged.json
//	                                                                     the OpenAPI document, corrected, of that version of the service
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	if err := errors.Join(run(os.Stdin, out, os.Args[1:]), out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, args []string) error {
	if len(args) == 7 && args[0] == "openapi" {
		return correct(in, out, sources{args[1], args[2], args[3], args[4], args[5], args[6]})
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "complete":
		return complete(raw, out)
	case len(args) == 2 && args[0] == "print":
		return printFiles(raw, args[1], "", "")
	case len(args) == 4 && args[0] == "bundle":
		return printFiles(raw, args[1], args[2], args[3])
	case len(args) == 2 && args[0] == "comments":
		return writeComments(raw, out, args[1])
	case len(args) == 1 && args[0] == "serviceconfig":
		return writeServiceConfig(raw, out)
	}
	return fmt.Errorf("no such command, or not its arguments: %q", args)
}
