package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// writeComments writes the comments of the files below a prefix as one JSON object, by the full name of what they are above:
// generated Go code carries the descriptors without them.
func writeComments(raw []byte, out io.Writer, prefix string) error {
	_, files, err := readSet(raw)
	if err != nil {
		return err
	}
	comments := map[protoreflect.FullName]string{}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(file.Path(), prefix) {
			collect(comments, file)
		}
		return true
	})
	if len(comments) == 0 {
		return fmt.Errorf("no comments below %s: was the set built without source positions?", prefix)
	}
	enc := json.NewEncoder(out) // which sorts the names
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(comments)
}

func collect(into map[protoreflect.FullName]string, file protoreflect.FileDescriptor) {
	add := func(d protoreflect.Descriptor) {
		text := file.SourceLocations().ByDescriptor(d).LeadingComments
		if text = tidy(text); text != "" {
			into[d.FullName()] = text
		}
	}
	enum := func(e protoreflect.EnumDescriptor) {
		add(e)
		for i := range e.Values().Len() {
			add(e.Values().Get(i))
		}
	}
	var message func(protoreflect.MessageDescriptor)
	message = func(m protoreflect.MessageDescriptor) {
		add(m)
		for i := range m.Fields().Len() {
			add(m.Fields().Get(i))
		}
		for i := range m.Oneofs().Len() {
			add(m.Oneofs().Get(i))
		}
		for i := range m.Enums().Len() {
			enum(m.Enums().Get(i))
		}
		for i := range m.Messages().Len() {
			message(m.Messages().Get(i))
		}
	}
	for i := range file.Messages().Len() {
		message(file.Messages().Get(i))
	}
	for i := range file.Enums().Len() {
		enum(file.Enums().Get(i))
	}
	for i := range file.Services().Len() {
		s := file.Services().Get(i)
		add(s)
		for j := range s.Methods().Len() {
			add(s.Methods().Get(j))
		}
	}
}

// tidy takes off the blank that follows the slashes, and the line breaks inside a paragraph.
func tidy(text string) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if words := strings.Fields(paragraph); len(words) > 0 {
			paragraphs = append(paragraphs, strings.Join(words, " "))
		}
	}
	return strings.Join(paragraphs, "\n\n")
}
