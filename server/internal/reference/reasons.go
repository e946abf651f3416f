package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/contract"
)

// reasonsFile is the name of the file from which tools/generate.sh tells the OpenAPI document how each RPC fails. Its
// programs can read no Go of the server, which need not even compile while the contract changes.
const reasonsFile = "reasons.json"

// failures is what reasonsFile holds.
type failures struct {
	// Enum is the full name of the enum of all reasons, Prefix what its values have before them.
	Enum   string `json:"enum"`
	Prefix string `json:"prefix"`
	// Status is the HTTP status of each reason, Retry those of answers that may say when to come back.
	Status map[string]int `json:"status"`
	Retry  []int          `json:"retry"`
	// Every are the reasons for which any call fails, Calls those of each RPC besides.
	Every []string            `json:"every"`
	Calls map[string][]string `json:"calls"`
	// Findings are the codes of the accounting checks, Checked the RPCs that fail for them.
	Findings []string `json:"findings"`
	Checked  []string `json:"checked"`
	// Lists are the examples of lists that examples.json does not name.
	Lists map[string]json.RawMessage `json:"lists"`
}

func (r *reference) failures() (*failures, error) {
	out := &failures{
		Enum: string(looppb.ErrorReason(0).Descriptor().FullName()), Prefix: "ERROR_REASON_",
		Status: map[string]int{}, Retry: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
		Every: names(slices.Concat(everyCall, noRPC)), Calls: map[string][]string{}, Lists: map[string]json.RawMessage{},
	}
	for _, reason := range reasons() {
		status, err := r.statusOf(reason)
		if err != nil {
			return nil, err
		}
		name := apierror.ReasonName(reason)
		if out.Status[name] = status; isFinding(reason) {
			out.Findings = append(out.Findings, name)
		}
	}
	for method := range contract.Methods() {
		if example := r.examples[contract.Name(method)].Request; isList(method) && bytes.Equal(example, ofList(method)) {
			out.Lists[contract.Name(method)] = example
		}
	}
	for method := range contract.Methods() {
		if out.Calls[contract.Name(method)] = names(r.errorsOf(method)); findsFaults(method) {
			out.Checked = append(out.Checked, contract.Name(method))
		}
	}
	return out, nil
}

// statusOf is the HTTP status of the answers that fail for a reason.
func (r *reference) statusOf(reason looppb.ErrorReason) (int, error) {
	if isFinding(reason) {
		return http.StatusBadRequest, nil
	}
	m, ok := r.meaningOf(reason)
	if !ok {
		return 0, fmt.Errorf("the comment of %s does not tell its code", reason)
	}
	return m.HTTP, nil
}

func names(all []looppb.ErrorReason) []string {
	out := []string{}
	for _, reason := range all {
		out = append(out, apierror.ReasonName(reason))
	}
	return out
}

func (f *failures) text() (string, error) {
	raw, err := json.MarshalIndent(f, "", " ")
	return string(raw) + "\n", err
}
