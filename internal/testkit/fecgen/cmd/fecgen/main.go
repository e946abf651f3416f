// Command fecgen writes a correct FEC of a size, in millions of bytes, to measure with: fecgen 100 >FILE. With -lines each line
// has a number of its own, as some programs write it; then no entry balances.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"io"
	"log"
	"os"
	"strconv"

	"cegid.internal/gateway/internal/testkit/fecgen"
)

func main() {
	lines := flag.Bool("lines", false, "give each line a number of its own")
	flag.Parse()
	millions, err := strconv.ParseInt(flag.Arg(0), 10, 64)
	if err != nil {
		log.Fatal("give a size in millions of bytes: ", err)
	}
	options := fecgen.Options{Size: millions * 1_000_000}
	if *lines {
		options.Edit = numbered
	}
	out := bufio.NewWriter(os.Stdout)
	if _, err := io.Copy(out, fecgen.New(options)); err != nil {
		log.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// numbered replaces EcritureNum, the third column.
func numbered(line int, text []byte) []byte {
	if line == 1 {
		return text
	}
	cells := bytes.SplitN(text, []byte("\t"), 4)
	cells[2] = strconv.AppendInt(nil, int64(line-1), 10)
	return bytes.Join(cells, []byte("\t"))
}
