package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	wellKnown = "google/protobuf/"
	header    = "// Written by tools/generate.sh from proto/, without the options that need other imports. Do not edit.\n\n"

	google       = "google/"
	googleHeader = "// Of github.com/googleapis/googleapis, Copyright Google LLC, under the Apache License, Version 2.0.\n" +
		"// Written by tools/generate.sh from its descriptor, without comments. Do not edit.\n\n"
)

// printFiles writes the files of a set as .proto text below dir. Files of google/protobuf are left out: every compiler carries
// them. With a bundle, only files whose path starts with one of its prefixes are written, without options that are extensions,
// and with the files that their fields and methods still need: what is written compiles with protoc alone. Of those, files that
// name no Go package get one below goPackage.
func printFiles(raw []byte, dir, bundle, goPackage string) error {
	set, files, err := readSet(raw)
	if err != nil {
		return err
	}
	if bundle != "" {
		if err := strip(set, files, strings.Split(bundle, ",")); err != nil {
			return err
		}
		nameGoPackages(set, goPackage)
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
