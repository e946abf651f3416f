// Command openapifix corrects an OpenAPI 3.1 document that protoc-gen-openapiv3 and openapiv3-merge wrote, by what
// the contract's descriptors say and the generator leaves out.
//
//	openapifix [-extra FILE] IMAGE < merged.json > openapi.json
//
// IMAGE is the contract with its imports, as a FileDescriptorSet. FILE holds paths and components written by hand,
// for routes that have no RPC.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	extra := flag.String("extra", "", "JSON `file` with paths and components to add")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: openapifix [-extra FILE] IMAGE < merged.json > openapi.json")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Stdout, flag.Arg(0), *extra); err != nil {
		fmt.Fprintln(os.Stderr, "openapifix:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, imagePath, extraPath string) error {
	doc, err := decode(in)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	raw, err := os.ReadFile(imagePath)
	if err != nil {
		return err
	}
	image, err := readImage(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", imagePath, err)
	}
	extra := newObject()
	if extraPath != "" {
		raw, err := os.ReadFile(extraPath)
		if err != nil {
			return err
		}
		if extra, err = decode(bytes.NewReader(raw)); err != nil {
			return fmt.Errorf("%s: %w", extraPath, err)
		}
	}
	if err := fix(doc, image, extra); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if err := encode(w, doc, ""); err != nil {
		return err
	}
	if err := w.WriteByte('\n'); err != nil {
		return err
	}
	return w.Flush()
}
