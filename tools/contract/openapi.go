package main

import (
	"bufio"
	"bytes"
	"encoding/json"
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

// sources are the names of the files that say it, and of the contract with its imports as a descriptor set. All but the image are
// JSON: paths and components written by hand, for routes that have no RPC; the contract's comments; the reasons for which each RPC
// fails, by HTTP status; and an example of each RPC. Version is that of the service.
type sources struct{ version, image, extra, comments, reasons, examples string }

// correct corrects an OpenAPI 3.1 document that protoc-gen-openapiv3 and openapiv3-merge wrote, by what the contract's descriptors
// say and the generator leaves out.
func correct(in io.Reader, out io.Writer, from sources) error {
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
	if raw, err = os.ReadFile(from.extra); err != nil {
		return err
	}
	extra, err := decode(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", from.extra, err)
	}
	if err := fix(doc, image, extra, known); err != nil {
		return err
	}
	doc.make("info").set("version", from.version)
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
	raw, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
