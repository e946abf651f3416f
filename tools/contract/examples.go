package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// example is a call that the service does not refuse.
type example struct {
	// Request by proto names; of an upload, the list of its messages.
	Request json.RawMessage `json:"request"`
	// HTTP is the call of a route that was described by hand.
	HTTP *struct {
		Path    string            `json:"path"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	} `json:"http"`
}

// addExamples writes an example of each operation into its parameters and its body.
func addExamples(operations []*operation, examples map[string]example) error {
	for _, op := range operations {
		name := fmt.Sprintf("%s.%s", op.method.Parent().Name(), op.method.Name())
		example, ok := examples[name]
		if !ok {
			continue // reference has a test that misses it
		}
		if err := op.addExample(example); err != nil {
			return fmt.Errorf("the example of %s: %w", name, err)
		}
	}
	return nil
}

func (op *operation) addExample(example example) error {
	if example.HTTP != nil {
		return op.addRawExample(example)
	}
	request, err := decode(bytes.NewReader(example.Request))
	if err != nil {
		return err
	}
	request = inJSONNames(request, op.input)
	for _, p := range op.list("parameters") {
		param := p.(*object)
		field := fieldAt(op.input, param.str("name"))
		if field == nil || param.str("in") == "header" {
			continue
		}
		if value := request.get(field.JSONName()); value != nil {
			param.set("example", value)
			request.delete(field.JSONName())
		}
	}
	if content := op.child("requestBody", "content", "application/json"); content != nil {
		content.set("example", request)
		return nil
	}
	if len(request.keys) > 0 {
		return fmt.Errorf("it has no place for %s", strings.Join(request.keys, ", "))
	}
	return nil
}

// addRawExample takes apart what was written as HTTP.
func (op *operation) addRawExample(example example) error {
	path, query, _ := strings.Cut(example.HTTP.Path, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return err
	}
	parts, names := strings.Split(path, "/"), strings.Split(op.path, "/")
	if len(parts) != len(names) {
		return fmt.Errorf("%s is not %s", path, op.path)
	}
	for i, name := range names {
		if strings.HasPrefix(name, "{") && strings.HasSuffix(name, "}") {
			values.Set(name[1:len(name)-1], parts[i])
		}
	}
	for _, p := range op.list("parameters") {
		param := p.(*object)
		value := values.Get(param.str("name"))
		if param.str("in") == "header" {
			value = example.HTTP.Headers[param.str("name")]
		}
		if value != "" {
			param.set("example", value)
		}
	}
	content := op.child("requestBody", "content")
	own := content.child(example.HTTP.Headers["Content-Type"])
	if own == nil {
		return errors.New("its Content-Type is none of the operation's")
	}
	own.set("example", example.HTTP.Body)
	if of := content.child(unsaid); of != nil {
		of.set("example", example.HTTP.Body)
	}
	return nil
}

// unsaid is the type of a file whose sender does not say it: the first one of an upload, so that viewers show its example.
const unsaid = "application/octet-stream"

// inJSONNames is a message with the names that JSON has for its fields.
func inJSONNames(value *object, message protoreflect.MessageDescriptor) *object {
	out := newObject()
	for _, name := range value.keys {
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			out.set(name, value.get(name))
			continue
		}
		inner := value.get(name)
		if field.Message() != nil && !field.IsMap() {
			switch v := inner.(type) {
			case *object:
				inner = inJSONNames(v, field.Message())
			case []any:
				var list []any
				for _, item := range v {
					if nested, ok := item.(*object); ok {
						item = inJSONNames(nested, field.Message())
					}
					list = append(list, item)
				}
				inner = list
			}
		}
		out.set(field.JSONName(), inner)
	}
	return out
}
