package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// strip reduces set to the files below prefixes, without options that are extensions, and to what they then need.
// Files below a prefix that define options serve no one any more and go.
func strip(set *descriptorpb.FileDescriptorSet, files *protoregistry.Files, prefixes []string) error {
	byPath := map[string]*descriptorpb.FileDescriptorProto{}
	var queue []string
	for _, file := range set.File {
		byPath[file.GetName()] = file
	}
	for _, prefix := range prefixes {
		before := len(queue)
		for _, file := range set.File {
			if strings.HasPrefix(file.GetName(), prefix) && len(file.Extension) == 0 {
				queue = append(queue, file.GetName())
			}
		}
		if len(queue) == before {
			return fmt.Errorf("no file below %s", prefix)
		}
	}
	keep := map[string]bool{}
	for len(queue) > 0 {
		file := byPath[queue[0]]
		queue = queue[1:]
		if keep[file.GetName()] {
			continue
		}
		keep[file.GetName()] = true
		if strings.HasPrefix(file.GetName(), wellKnown) {
			queue = append(queue, file.Dependency...) // read, not written
			continue
		}
		if len(file.Extension) > 0 {
			return fmt.Errorf("%s defines options: move the types that other files use elsewhere", file.GetName())
		}
		stripMessage(file.ProtoReflect())
		if err := setImports(file, files); err != nil {
			return err
		}
		queue = append(queue, file.Dependency...)
	}
	set.File = slices.DeleteFunc(set.File, func(file *descriptorpb.FileDescriptorProto) bool {
		return !keep[file.GetName()]
	})
	return nil
}

// stripMessage clears the extensions of every options message below m.
func stripMessage(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsExtension():
			m.Clear(field)
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				stripMessage(value.List().Get(i).Message())
			}
		case field.Message() != nil:
			stripMessage(value.Message())
		}
		return true
	})
	m.SetUnknown(nil) // an option whose extension is not in the set
}

// setImports makes the imports of a file those that its fields and methods need.
func setImports(file *descriptorpb.FileDescriptorProto, files *protoregistry.Files) error {
	used := map[string]bool{}
	var failed error
	eachType(file.ProtoReflect(), func(name protoreflect.FullName) {
		found, err := files.FindDescriptorByName(name)
		if err != nil {
			failed = fmt.Errorf("%s: %s: %w", file.GetName(), name, err)
			return
		}
		used[found.ParentFile().Path()] = true
	})
	delete(used, file.GetName())
	var imports []string
	for path := range used {
		imports = append(imports, path)
	}
	slices.Sort(imports)
	file.Dependency, file.PublicDependency, file.WeakDependency = imports, nil, nil
	// Comments on imports are found by position, and the positions have changed.
	const dependencies = 3
	if info := file.SourceCodeInfo; info != nil {
		info.Location = slices.DeleteFunc(info.Location, func(l *descriptorpb.SourceCodeInfo_Location) bool {
			return len(l.Path) > 0 && l.Path[0] == dependencies
		})
	}
	return failed
}

// eachType calls visit with every type that fields and methods below m refer to.
func eachType(m protoreflect.Message, visit func(protoreflect.FullName)) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch field.Name() {
		case "type_name", "input_type", "output_type":
			visit(protoreflect.FullName(strings.TrimPrefix(value.String(), ".")))
		}
		switch {
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				eachType(value.List().Get(i).Message(), visit)
			}
		case field.Message() != nil:
			eachType(value.Message(), visit)
		}
		return true
	})
}
