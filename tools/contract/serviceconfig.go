package main

import (
	"encoding/json"
	"io"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

type serviceConfig struct {
	MethodConfig []methodConfig `json:"methodConfig"`
}

type methodConfig struct {
	Name        []methodName `json:"name"`
	Timeout     string       `json:"timeout,omitempty"`
	RetryPolicy *retryPolicy `json:"retryPolicy,omitempty"`
}

type methodName struct {
	Service string `json:"service"`
	Method  string `json:"method"`
}

type retryPolicy struct {
	MaxAttempts          int      `json:"maxAttempts"`
	InitialBackoff       string   `json:"initialBackoff"`
	MaxBackoff           string   `json:"maxBackoff"`
	BackoffMultiplier    float64  `json:"backoffMultiplier"`
	RetryableStatusCodes []string `json:"retryableStatusCodes"`
}

// writeServiceConfig writes the gRPC service config that callers' channels should use: what may be repeated, and when. A method
// whose idempotency_level says so may be repeated while the service is UNAVAILABLE. Where the service has done the repeating
// itself, its trailer stops the channel. A method that says nothing is never repeated.
func writeServiceConfig(raw []byte, out io.Writer) error {
	set, _, err := readSet(raw)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(serviceConfigOf(set))
}

// serviceConfigOf gathers the methods that may be repeated, and the others, each with the time that the service allows at most.
func serviceConfigOf(set *descriptorpb.FileDescriptorSet) serviceConfig {
	repeated := methodConfig{
		Timeout: "60s",
		// Five are the most that gRPC grants; the pauses outlast a restart.
		RetryPolicy: &retryPolicy{
			MaxAttempts: 5, InitialBackoff: "0.2s", MaxBackoff: "3s", BackoffMultiplier: 2, RetryableStatusCodes: []string{"UNAVAILABLE"},
		},
	}
	writes := methodConfig{Timeout: "90s", RetryPolicy: repeated.RetryPolicy}
	streams := methodConfig{RetryPolicy: repeated.RetryPolicy}
	once := methodConfig{Timeout: "60s"}
	for _, file := range set.GetFile() {
		for _, service := range file.GetService() {
			for _, method := range service.GetMethod() {
				name := methodName{Service: file.GetPackage() + "." + service.GetName(), Method: method.GetName()}
				switch {
				case method.GetOptions().GetIdempotencyLevel() == descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN:
					once.Name = append(once.Name, name)
				case method.GetServerStreaming(), method.GetClientStreaming():
					streams.Name = append(streams.Name, name)
				case isWrite(method):
					writes.Name = append(writes.Name, name)
				default:
					repeated.Name = append(repeated.Name, name)
				}
			}
		}
	}
	var out serviceConfig
	for _, config := range []methodConfig{repeated, writes, streams, once} {
		if len(config.Name) > 0 {
			out.MethodConfig = append(out.MethodConfig, config)
		}
	}
	return out
}

// isWrite: the method asks for the right to write, or for raw calls, which may. The service gives writes more time.
func isWrite(method *descriptorpb.MethodDescriptorProto) (write bool) {
	method.GetOptions().ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.FullName() != "cegid.loop.v1.access" {
			return true
		}
		right := field.Message().Fields().ByName("right")
		switch right.Enum().Values().ByNumber(value.Message().Get(right).Enum()).Name() {
		case "RIGHT_WRITE", "RIGHT_RAW":
			write = true
		}
		return false
	})
	return write
}
