// Package gen holds what tools/generate.sh makes from proto/. Only this file is written by hand.
package gen

import "embed"

// OpenAPI is the contract as an OpenAPI 3.1 document.
//
//go:embed openapi/openapi.json
var OpenAPI []byte

// Bundle are the protos that callers make stubs of, below bundle/.
//
//go:embed bundle/cegid bundle/google bundle/buf.yaml bundle/service_config.json
var Bundle embed.FS

// ServiceConfig is the gRPC service config that callers' channels should use.
//
//go:embed bundle/service_config.json
var ServiceConfig string

// Comments are those of the contract, as JSON: full name to text. Go code carries the descriptors without them.
//
//go:embed descriptor/comments.json
var Comments []byte

// Descriptors are the protos of the contract and of what they import, as a FileDescriptorSet.
//
//go:embed descriptor/loop.binpb
var Descriptors []byte
