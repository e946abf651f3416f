// Command openapifix corrects an OpenAPI 3.1 document that protoc-gen-openapiv3 and openapiv3-merge wrote, by what
// the contract's descriptors say and the generator leaves out.
//
//	openapifix [-version VERSION] [-extra FILE] [-comments FILE] [-reasons FILE] [-examples FILE] IMAGE < merged.json > openapi.json
//
// IMAGE is the contract with its imports, as a FileDescriptorSet. The files are JSON: paths and components written by
// hand, for routes that have no RPC; the contract's comments; the reasons for which each RPC fails, by HTTP status; and
// an example of each RPC.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
)

// about is what is known of the contract beside its descriptors.
type about struct {
	comments map[string]string
	reasons  reasons
	examples map[string]example
}

// files are the names of the files that say it; empty names nothing. Version is the document's own, instead of the contract's.
type files struct{ version, image, extra, comments, reasons, examples string }

func main() {
	var from files
	flag.StringVar(&from.version, "version", "", "`version` of the service that the document is of")
	flag.StringVar(&from.extra, "extra", "", "`file` with paths and components to add")
	flag.StringVar(&from.comments, "comments", "", "`file` with the comments of the contract")
	flag.StringVar(&from.reasons, "reasons", "", "`file` with the reasons for which each RPC fails")
	flag.StringVar(&from.examples, "examples", "", "`file` with an example of each RPC")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: openapifix [-version VERSION] [-extra FILE] [-comments FILE] [-reasons FILE] [-examples FILE] IMAGE < merged.json > openapi.json")
		os.Exit(2)
	}
	from.image = flag.Arg(0)
	if err := run(os.Stdin, os.Stdout, from); err != nil {
		fmt.Fprintln(os.Stderr, "openapifix:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, from files) error {
	doc, err := decode(in)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	raw, err := os.ReadFile(from.image)
	if err != nil {
		return err
	}
	var known about
	for name, target := range map[string]any{from.comments: &known.comments, from.reasons: &known.reasons, from.examples: &known.examples} {
		if err := readJSON(name, target); err != nil {
			return err
		}
	}
	for name, request := range known.reasons.Lists {
		known.examples[name] = example{Request: request}
	}
	image, err := readImage(raw, known.comments)
	if err != nil {
		return fmt.Errorf("%s: %w", from.image, err)
	}
	extra := newObject()
	if from.extra != "" {
		raw, err := os.ReadFile(from.extra)
		if err != nil {
			return err
		}
		if extra, err = decode(bytes.NewReader(raw)); err != nil {
			return fmt.Errorf("%s: %w", from.extra, err)
		}
	}
	if err := fix(doc, image, extra, known); err != nil {
		return err
	}
	if from.version != "" {
		doc.make("info").set("version", from.version)
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

func readJSON(name string, target any) error {
	if name == "" {
		return nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
