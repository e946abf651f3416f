package main

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// readSet returns a set whose options are extensions that it declares itself, and its files linked. Each of three readings knows the extensions that the last one found:
// first none, then options, then the options of the extensions themselves, where predefined rules live.
func readSet(raw []byte) (*descriptorpb.FileDescriptorSet, *protoregistry.Files, error) {
	var set *descriptorpb.FileDescriptorSet
	files := &protoregistry.Files{}
	for range 3 {
		set = &descriptorpb.FileDescriptorSet{}
		err := proto.UnmarshalOptions{Resolver: dynamicpb.NewTypes(files)}.Unmarshal(raw, set)
		if err != nil {
			return nil, nil, err
		}
		if files, err = protodesc.NewFiles(set); err != nil {
			return nil, nil, err
		}
	}
	return set, files, nil
}
