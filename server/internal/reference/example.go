package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/restname"
	"cegid.internal/gateway/server/internal/sandbox"
)

// Where the sandbox listens by default, and a token: any passes there.
const (
	grpcAddress = "127.0.0.1:9090"
	restOrigin  = "http://127.0.0.1:8080"
	token       = "Bearer me"
)

// call is an example that was made over both transports: the command lines, and what they print.
type call struct {
	before           []string // command lines that print nothing but what they say
	grpc, rest       string
	grpcOut, restOut string
}

// run makes the examples of a service against a sandbox of their own, in the order of the page.
func run(ctx context.Context, service protoreflect.ServiceDescriptor, examples map[string]Example) (map[protoreflect.Name]call, error) {
	s, err := sandbox.New(sandbox.Config{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Grace: time.Second})
	if err != nil {
		return nil, err
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- s.Run(serving) }()
	c := &caller{web: &http.Client{Transport: &http.Transport{}}}
	listening, web, _ := s.Server.Addresses()
	c.origin = "http://" + web.String()
	c.conn, err = grpc.NewClient(listening.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	out := map[protoreflect.Name]call{}
	if err == nil {
		for method := range contract.Methods(service) {
			var made call
			if made, err = c.example(ctx, method, examples); err != nil {
				err = fmt.Errorf("%s: %w", method.Name(), err)
				break
			}
			out[method.Name()] = made
		}
		err = errors.Join(err, c.conn.Close())
	}
	c.web.CloseIdleConnections()
	stop()
	return out, errors.Join(err, <-served)
}

type caller struct {
	conn   *grpc.ClientConn
	web    *http.Client
	origin string
}

func (c *caller) example(ctx context.Context, method protoreflect.MethodDescriptor, examples map[string]Example) (out call, err error) {
	example, ok := examples[contract.Name(method)]
	if !ok {
		return out, errors.New("no example: give it one in examples.json")
	}
	for _, name := range example.After {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(contract.Package.Append(protoreflect.Name(name)))
		if err != nil {
			return out, err
		}
		earlier := found.(protoreflect.MethodDescriptor)
		requests, err := requestsOf(earlier, examples[name].Request)
		if err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
		if _, err := c.overGRPC(ctx, earlier, requests); err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
		out.before = append(out.before, grpcLine(earlier, requests)+" >/dev/null")
	}

	if fails := example.Fails; fails != nil {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(contract.Package.Append(protoreflect.Name(fails.RPC)))
		if err != nil {
			return out, err
		}
		first := found.(protoreflect.MethodDescriptor)
		requests, err := requestsOf(first, fails.Request)
		if err != nil {
			return out, fmt.Errorf("%s: %w", fails.RPC, err)
		}
		if _, err := c.overGRPC(ctx, first, requests); apierror.ReasonName(apierror.ReasonOf(err)) != fails.Reason {
			return out, fmt.Errorf("%s ended with %w, and not %s", fails.RPC, err, fails.Reason)
		}
		out.before = append(out.before, grpcLine(first, requests)+" 2>&1 | grep -o "+fails.Reason+"\n"+fails.Reason)
	}
	requests, err := requestsOf(method, example.Request)
	if err != nil {
		return out, err
	}
	answers, err := c.overGRPC(ctx, method, requests)
	if err != nil {
		return out, err
	}
	out.grpc, out.grpcOut = grpcLine(method, requests), printedByGRPCurl(answers)

	request := example.HTTP
	if request == nil {
		if example.REST != nil {
			if requests, err = requestsOf(method, example.REST); err != nil {
				return out, fmt.Errorf("rest: %w", err)
			}
		}
		if request, err = restOf(method, requests); err != nil || request == nil {
			return out, err
		}
	}
	overREST, err := c.overREST(ctx, method, request)
	if err != nil {
		return out, fmt.Errorf("REST: %w", err)
	}
	names := restname.OfContract()
	if example.REST == nil && example.HTTP == nil &&
		!slices.EqualFunc(answers, overREST, func(a, b proto.Message) bool { return proto.Equal(names.Answer(a), b) }) {
		return out, fmt.Errorf("REST answers something else than gRPC: %v, %v", overREST, answers)
	}
	out.rest, out.restOut = request.line(), printedByCurl(method, overREST)
	if len(out.restOut) > longestBody {
		out.rest += ` -o /dev/null -w '%{http_code}\n'`
		out.restOut = "200\n"
	}
	return out, nil
}

// requestsOf reads the messages of an example: one, or a list where the client streams.
func requestsOf(method protoreflect.MethodDescriptor, raw json.RawMessage) ([]proto.Message, error) {
	texts := []json.RawMessage{raw}
	if method.IsStreamingClient() {
		texts = nil
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("the client streams, so the request is a list: %w", err)
		}
	}
	var out []proto.Message
	for _, text := range texts {
		message, err := newMessage(method.Input())
		if err != nil {
			return nil, err
		}
		if err := protojson.Unmarshal(text, message); err != nil {
			return nil, err
		}
		out = append(out, message)
	}
	return out, nil
}

func newMessage(descriptor protoreflect.MessageDescriptor) (proto.Message, error) {
	found, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		return nil, err
	}
	return found.New().Interface(), nil
}

func (c *caller) overGRPC(ctx context.Context, method protoreflect.MethodDescriptor, requests []proto.Message) ([]proto.Message, error) {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, "authorization", token), time.Minute)
	defer cancel()
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true},
		fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()))
	if err != nil {
		return nil, err
	}
	for _, request := range requests {
		if err := stream.SendMsg(request); err != nil && !errors.Is(err, io.EOF) { // of EOF RecvMsg knows the reason
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var out []proto.Message
	for {
		answer, err := newMessage(method.Output())
		if err != nil {
			return nil, err
		}
		if err := stream.RecvMsg(answer); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		steady(answer.ProtoReflect())
		out = append(out, answer)
	}
}

func (c *caller) overREST(ctx context.Context, method protoreflect.MethodDescriptor, r *rawHTTP) ([]proto.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	verb, _, _ := strings.Cut(r.Route, " ")
	request, err := http.NewRequestWithContext(ctx, verb, c.origin+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", token)
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	response, err := c.web.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 16<<20)
	var out []proto.Message
	for lines.Scan() {
		text := lines.Bytes()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("HTTP %d: %s", response.StatusCode, text)
		}
		if method.IsStreamingServer() {
			var line struct{ Result json.RawMessage }
			if err := json.Unmarshal(text, &line); err != nil || line.Result == nil {
				return nil, fmt.Errorf("a line that is no result: %s", text)
			}
			text = line.Result
		}
		answer, err := newMessage(method.Output())
		if err != nil {
			return nil, err
		}
		if err := protojson.Unmarshal(text, answer); err != nil {
			return nil, err
		}
		steady(answer.ProtoReflect())
		out = append(out, answer)
	}
	return out, lines.Err()
}

// What changes from run to run, in the form that the pages show. tour holds every instant, duration and UUID for equal.
const (
	steadySeconds = 1_795_341_600 // 2026-11-22T10:00:00Z
	steadyNanos   = 1_200_000     // 0.0012s
	steadyUUID    = "3b0a6c1e-5d1f-4c7b-9a55-2f8f0c6f1d90"
	steadyCursor  = "184.0"
)

// drawn are the fields that hold an id that Loop draws anew for each call.
var drawn = []protoreflect.Name{"loop_request_id", "loop_instance_id"}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// steady replaces what changes from run to run.
func steady(m protoreflect.Message) {
	set := func(name protoreflect.Name, value protoreflect.Value) {
		m.Set(m.Descriptor().Fields().ByName(name), value)
	}
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		set("seconds", protoreflect.ValueOfInt64(steadySeconds))
		set("nanos", protoreflect.ValueOfInt32(0))
		return
	case "google.protobuf.Duration":
		set("seconds", protoreflect.ValueOfInt64(0))
		set("nanos", protoreflect.ValueOfInt32(steadyNanos))
		return
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case slices.Contains(drawn, field.Name()) && field.Kind() == protoreflect.StringKind && uuid.MatchString(value.String()):
			m.Set(field, protoreflect.ValueOfString(steadyUUID))
		case field.Name() == "cursor" && field.Kind() == protoreflect.StringKind: // how much has happened before
			m.Set(field, protoreflect.ValueOfString(steadyCursor))
		case field.Name() == "loop_ids" && field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, item protoreflect.Value) bool {
				if uuid.MatchString(item.String()) {
					value.Map().Set(key, protoreflect.ValueOfString(steadyUUID))
				}
				return true
			})
		case field.Message() == nil || field.IsMap() && field.MapValue().Message() == nil:
		case field.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, item protoreflect.Value) bool { steady(item.Message()); return true })
		case field.IsList():
			for i := range value.List().Len() {
				steady(value.List().Get(i).Message())
			}
		default:
			steady(value.Message())
		}
		return true
	})
}

// grpcLine is the call as a command line.
func grpcLine(method protoreflect.MethodDescriptor, requests []proto.Message) string {
	var data []string
	for _, request := range requests {
		data = append(data, laidOut(forGRPCurl(request)))
	}
	return fmt.Sprintf("grpcurl -plaintext -H 'authorization: %s' -d %s \\\n    %s %s/%s",
		token, quoted(strings.Join(data, "\n")), grpcAddress, method.Parent().FullName(), method.Name())
}

// forGRPCurl is a request as grpcurl reads it: it takes a FieldMask as a message, not as the text that protobuf's JSON has
// for it.
func forGRPCurl(request proto.Message) []byte {
	text := marshal(request, true)
	request.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if mask, ok := value.Interface().(protoreflect.Message); ok && !field.IsList() && !field.IsMap() {
			if mask, ok := mask.Interface().(*fieldmaskpb.FieldMask); ok {
				name, paths := fmt.Sprintf("%q:", field.Name()), mask.GetPaths()
				asText, asList := marshal(mask, true), quotedList(paths)
				text = bytes.Replace(text, append([]byte(name), asText...), []byte(name+`{"paths":`+asList+`}`), 1)
			}
		}
		return true
	})
	return text
}

func quotedList(texts []string) string {
	out, err := json.Marshal(texts)
	if err != nil {
		panic(err) // strings always can be
	}
	return string(out)
}

// restOf is a call as the contract's HTTP rule has it; nil when it has none.
func restOf(method protoreflect.MethodDescriptor, requests []proto.Message) (*rawHTTP, error) {
	verb, template := routeOf(method)
	if verb == "" {
		return nil, nil
	}
	if len(requests) != 1 {
		return nil, errors.New("the client streams: say under http how it does over REST")
	}
	out := &rawHTTP{Route: verb + " " + template, Path: template}
	fields := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(marshal(requests[0], false)))
	dec.UseNumber()
	if err := dec.Decode(&fields); err != nil {
		return nil, err
	}
	for _, field := range fieldsOf(method.Input()) {
		if variable := "{" + string(field.Name()) + "}"; strings.Contains(template, variable) {
			value, _ := fields[field.JSONName()].(string)
			out.Path = strings.Replace(out.Path, variable, url.PathEscape(value), 1)
			delete(fields, field.JSONName())
			requests[0].ProtoReflect().Clear(field) // not said twice
		}
	}
	if rule(method).GetBody() != "" {
		out.Body = laidOut(marshal(requests[0], false))
		return out, nil
	}
	query := url.Values{}
	for name, value := range fields {
		list, repeated := value.([]any)
		if !repeated {
			list = []any{value}
		}
		for _, item := range list {
			if nested, ok := item.(map[string]any); ok {
				for inner, leaf := range nested {
					query.Add(name+"."+inner, fmt.Sprint(leaf))
				}
				continue
			}
			query.Add(name, fmt.Sprint(item))
		}
	}
	if len(query) > 0 {
		out.Path += "?" + query.Encode()
	}
	return out, nil
}

func rule(method protoreflect.MethodDescriptor) *annotations.HttpRule {
	found, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	return found
}

// routeOf is the verb and the path of a method's first HTTP binding; empty when it has none.
func routeOf(method protoreflect.MethodDescriptor) (verb, path string) {
	r := rule(method)
	for verb, path := range map[string]string{
		http.MethodGet: r.GetGet(), http.MethodPost: r.GetPost(), http.MethodPut: r.GetPut(),
		http.MethodPatch: r.GetPatch(), http.MethodDelete: r.GetDelete(),
	} {
		if path != "" {
			return verb, path
		}
	}
	return "", ""
}

// line is the call as a command line.
func (r *rawHTTP) line() string {
	verb, _, _ := strings.Cut(r.Route, " ")
	var b strings.Builder
	b.WriteString("curl -s")
	path, query, _ := strings.Cut(r.Path, "?")
	readable := strings.Contains(query, "%") || strings.Contains(query, "+") // then curl encodes it
	switch {
	case readable:
		b.WriteString("G")
	case verb != http.MethodGet && (verb != http.MethodPost || r.Body == ""):
		b.WriteString(" -X " + verb)
	}
	b.WriteString(" -H 'Authorization: " + token + "'")
	for _, name := range sortedKeys(r.Headers) {
		b.WriteString(" -H " + quoted(name+": "+r.Headers[name]))
	}
	if r.Body != "" {
		b.WriteString(" -d " + quoted(r.Body) + " \\\n   ")
	}
	if !readable {
		b.WriteString(" " + quoted(restOrigin+r.Path))
		return b.String()
	}
	b.WriteString(" " + quoted(restOrigin+path))
	for pair := range strings.SplitSeq(query, "&") {
		plain, err := url.QueryUnescape(pair)
		if err != nil {
			plain = pair
		}
		b.WriteString(" \\\n    --data-urlencode " + quoted(plain))
	}
	return b.String()
}

// quoted is a word of the shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// marshal gives a message as compact JSON, without the blanks that protojson strews in by chance.
func marshal(m proto.Message, protoNames bool) []byte {
	text, err := protojson.MarshalOptions{UseProtoNames: protoNames}.Marshal(m)
	if err != nil {
		panic(err) // it came from JSON or the wire
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// longest output that a page shows, in lines of an answer over gRPC and bytes of one over REST.
const (
	longestOutput = 45
	longestBody   = 1500
)

// printedByGRPCurl is what grpcurl prints, a long one cut where it has "...".
func printedByGRPCurl(answers []proto.Message) string {
	var b bytes.Buffer
	for _, answer := range answers {
		if err := json.Indent(&b, marshal(answer, false), "", "  "); err != nil {
			panic(err)
		}
		b.WriteByte('\n')
	}
	lines := strings.SplitAfter(b.String(), "\n")
	if len(lines) <= longestOutput {
		return b.String()
	}
	return strings.Join(lines[:longestOutput-10], "") + "...\n"
}

func printedByCurl(method protoreflect.MethodDescriptor, answers []proto.Message) string {
	var b strings.Builder
	for _, answer := range answers {
		text := string(marshal(answer, false))
		if method.IsStreamingServer() {
			text = `{"result":` + text + "}\n"
		}
		b.WriteString(text)
	}
	return strings.TrimSuffix(b.String(), "\n") + "\n"
}

// laidOut writes compact JSON for people: what fits a line is on one.
func laidOut(compact []byte) string {
	const width = 112
	var write func(raw json.RawMessage, indent string) string
	write = func(raw json.RawMessage, indent string) string {
		open := raw[0]
		if open != '{' && open != '[' {
			return string(raw)
		}
		var parts []string
		dec := json.NewDecoder(bytes.NewReader(raw))
		_, _ = dec.Token()
		inner := indent + "  "
		short := true
		for dec.More() {
			name := ""
			if open == '{' {
				key, _ := dec.Token()
				name = fmt.Sprintf("%q: ", key)
			}
			var value json.RawMessage
			_ = dec.Decode(&value)
			part := name + write(value, inner)
			short = short && !strings.Contains(part, "\n")
			parts = append(parts, part)
		}
		one := string(open) + strings.Join(parts, ", ") + string(raw[len(raw)-1])
		if short && len(indent)+len(one) <= width {
			return one
		}
		return string(open) + "\n" + inner + strings.Join(parts, ",\n"+inner) + "\n" + indent + string(raw[len(raw)-1])
	}
	return write(compact, "")
}
