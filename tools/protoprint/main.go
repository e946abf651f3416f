// Command protoprint reads a FileDescriptorSet on standard input and writes its files as .proto text below a folder.
//
//	protoprint [-bundle PREFIX,... [-go-package PATH]] DIR < set.binpb
//
// Files of google/protobuf are left out: every compiler carries them. With -bundle, only files whose path starts
// with a PREFIX are written, without options that are extensions, and with the files that their fields and methods
// still need: what is written compiles with protoc alone. With -go-package, files that name no Go package get one below
// PATH.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"cegid.internal/gateway/tools/internal/descriptors"
)

const (
	wellKnown = "google/protobuf/"
	header    = "// Written by tools/generate.sh from proto/, without the options that need other imports. Do not edit.\n\n"

	google       = "google/"
	googleHeader = "// Of github.com/googleapis/googleapis, Copyright Google LLC, under the Apache License, Version 2.0.\n" +
		"// Written by tools/generate.sh from its descriptor, without comments. Do not edit.\n\n"
)

func main() {
	bundle := flag.String("bundle", "", "write only what files below `PREFIX,...` need, without extension options")
	goPackage := flag.String("go-package", "", "give files without a Go package one below `PATH`")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: protoprint [-bundle PREFIX,... [-go-package PATH]] DIR < set.binpb")
		os.Exit(2)
	}
	if err := run(os.Stdin, flag.Arg(0), *bundle, *goPackage); err != nil {
		fmt.Fprintln(os.Stderr, "protoprint:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, dir, bundle, goPackage string) error {
	raw, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	set, files, err := descriptors.Read(raw)
	if err != nil {
		return err
	}
	if bundle != "" {
		if err := strip(set, files, strings.Split(bundle, ",")); err != nil {
			return err
		}
		if goPackage != "" {
			nameGoPackages(set, goPackage)
		}
		if files, err = protodesc.NewFiles(set); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil { // a file dropped upstream must not linger
		return err
	}
	printer := protoprint.Printer{Compact: true} // not compact is a blank line after every field
	var failed error
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(file.Path(), wellKnown) {
			return true
		}
		head := ""
		switch {
		case bundle == "":
		case strings.HasPrefix(file.Path(), google):
			head = googleHeader
		default:
			head = header
		}
		text, err := printer.PrintProtoToString(file)
		if err == nil {
			err = write(filepath.Join(dir, filepath.FromSlash(file.Path())), head+space(text))
		}
		if err != nil {
			failed = fmt.Errorf("%s: %w", file.Path(), err)
		}
		return err == nil
	})
	return failed
}

var version = regexp.MustCompile(`^v\d+[a-z0-9]*$`)

// nameGoPackages names those of files that have none, as buf's managed mode does: `loopv1` below cegid/loop/v1.
func nameGoPackages(set *descriptorpb.FileDescriptorSet, below string) {
	for _, file := range set.File {
		if file.GetOptions().GetGoPackage() != "" || strings.HasPrefix(file.GetName(), wellKnown) {
			continue
		}
		dir := path.Dir(file.GetName())
		name := path.Base(dir)
		if version.MatchString(name) {
			name = path.Base(path.Dir(dir)) + name
		}
		if file.Options == nil {
			file.Options = &descriptorpb.FileOptions{}
		}
		file.Options.GoPackage = new(path.Join(below, dir) + ";" + name)
	}
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

var (
	signature = regexp.MustCompile(`^(\s*rpc \w+) \( ([^)]*) \) returns \( ([^)]*) \)`)
	fileLevel = regexp.MustCompile(`^(syntax|edition|package|import|option)\b`)
)

// space puts blank lines where a person would: between the parts of the file's head, between declarations, and
// between methods.
func space(text string) string {
	var out strings.Builder
	var previous, part string
	for line := range strings.Lines(text) {
		line = signature.ReplaceAllString(line, "$1($2) returns ($3)")
		trimmed := strings.TrimSpace(line)
		begins := fileLevel.FindString(line)
		switch {
		case previous == "" || trimmed == "" || trimmed == "}":
		case previous == "}" || part != "" && begins != part:
			out.WriteByte('\n')
		}
		if trimmed != "" {
			previous, part = trimmed, begins
		}
		out.WriteString(line)
	}
	return out.String()
}
