package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"cegid.internal/gateway/server/internal/contract"
)

// Collection is the name of the file with the examples as the HTTP clients of VS Code and JetBrains read them.
const Collection = "loop.http"

// deposit is the id of the file in examples.json.
const deposit = "af693af5-9b5e-8f06-b00d-495ae7a1094e"

// request is one of the collection.
type request struct {
	method protoreflect.MethodDescriptor
	name   string
	http   *rawHTTP
	fails  string // the reason that it ends with; empty when it succeeds
}

// requests are the examples over REST in the order of the contract, each after those that it needs.
func requests(examples map[string]Example) ([]request, error) {
	var out []request
	add := func(method protoreflect.MethodDescriptor, name string, example Example, raw []byte, fails string) error {
		call := example.HTTP
		if call == nil {
			messages, err := requestsOf(method, raw)
			if err != nil {
				return err
			}
			if call, err = restOf(method, messages); err != nil || call == nil {
				return err
			}
		}
		out = append(out, request{method, name, call, fails})
		return nil
	}
	for _, service := range contract.Services() {
		var methods []protoreflect.MethodDescriptor
		for method := range contract.Methods(service) {
			methods = append(methods, method)
		}
		made := map[string]bool{}
		for len(methods) > 0 {
			// The next that needs nothing that is still to come.
			at := slices.IndexFunc(methods, func(method protoreflect.MethodDescriptor) bool {
				return !slices.ContainsFunc(examples[contract.Name(method)].After, func(name string) bool { return !made[name] })
			})
			if at < 0 {
				return nil, fmt.Errorf("%s: its example is after one that never comes", methods[0].FullName())
			}
			method := methods[at]
			methods = slices.Delete(methods, at, at+1)
			name := contract.Name(method)
			example := examples[name]
			made[name] = true
			if fails := example.Fails; fails != nil {
				first := serviceMethod(fails.RPC)
				if err := add(first, fails.RPC+", ends with "+fails.Reason, Example{}, fails.Request, fails.Reason); err != nil {
					return nil, fmt.Errorf("%s: %w", fails.RPC, err)
				}
			}
			if err := add(method, name, example, example.Request, ""); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return out, nil
}

// serviceMethod is the method of a name such as ImportService.ImportEntries, which Examples has looked up.
func serviceMethod(name string) (found protoreflect.MethodDescriptor) {
	for method := range contract.Methods() {
		if contract.Name(method) == name {
			found = method
		}
	}
	return found
}

// collection writes the requests down.
func collection(all []request) string {
	var b strings.Builder
	b.WriteString(`# Every operation over REST, for the HTTP clients of VS Code (REST Client) and JetBrains.
# Made by: go run ./server/internal/reference
#
# Start the sandbox (go run ./server sandbox) and send the requests from the top: some need what an earlier one has done.

@origin = ` + restOrigin + `
@token = me
# What the answer to ImportService.DepositFile calls depositId: put yours here.
@deposit = ` + deposit + `
`)
	withDeposit := strings.NewReplacer(deposit, "{{deposit}}")
	for _, request := range all {
		verb, _, _ := strings.Cut(request.http.Route, " ")
		fmt.Fprintf(&b, "\n### %s\n%s {{origin}}%s\nAuthorization: Bearer {{token}}\n",
			request.name, verb, withDeposit.Replace(request.http.Path))
		if request.http.Body != "" && request.http.Headers["Content-Type"] == "" {
			b.WriteString("Content-Type: application/json\n")
		}
		for _, name := range sortedKeys(request.http.Headers) {
			fmt.Fprintf(&b, "%s: %s\n", name, request.http.Headers[name])
		}
		if request.http.Body != "" {
			b.WriteString("\n" + strings.TrimSuffix(withDeposit.Replace(request.http.Body), "\n") + "\n")
		}
	}
	return b.String()
}
