package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"cegid.internal/gateway/cegidclient"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for of, path := range map[string]string{"gateway": "gateway.yaml", "practice": "practices/partner.yaml", "policy": "policy.yaml"} {
		out, said, code := run(t, "config", "schema", "--of", of)
		var schema map[string]any
		if err := json.Unmarshal([]byte(out), &schema); err != nil || code != 0 || said != "" || schema["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("the schema of %s: code %d, %q, %v: %s", of, code, said, err, out)
		}
		want, err := os.ReadFile("../examples/serve/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if out, said, code := run(t, "config", "example", "--of", of); code != 0 || said != "" || out != string(want) {
			t.Errorf("the example of %s: code %d, %q: %s", of, code, said, out)
		}
	}
	if out, said, code := run(t, "config", "schema", "--of", "elsewhere"); code == 0 || !strings.Contains(said, "gateway") {
		t.Errorf("of something else: code %d, %q, %q", code, out, said)
	}
}

// TestTheExamplesRunAsTheyStand: in a folder with the secrets that they name and a ledger. Loop is elsewhere, and so are the ports.
func TestTheExamplesRunAsTheyStand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	example := func(of string) string {
		out, said, code := run(t, "config", "example", "--of", of)
		if code != 0 {
			t.Fatal(said)
		}
		return out
	}
	gateway := example("gateway")
	w.write(t, "policy.yaml", example("policy"))
	w.write(t, "practices/partner.yaml", example("practice"))
	for _, secret := range []string{"subscription-primary", "subscription-secondary", "demo-standard", "demo-advanced", "partner-standard", "partner-subscription"} {
		w.write(t, "secrets/"+secret, secret+":a-secret-of-its-own\n")
	}
	w.write(t, "gateway.yaml", gateway)
	if out, said, code := run(t, "check", "--offline", "--config", w.path("gateway.yaml")); code != 0 || !strings.Contains(out, "fine, 2 practices") {
		t.Errorf("check: code %d, %s%s", code, out, said)
	}
	for from, to := range map[string]string{
		`":9090"`: `"127.0.0.1:0"`, `":8080"`: `"127.0.0.1:0"`, `"127.0.0.1:9091"`: `"127.0.0.1:0"`,
		"https://api.cegid.com/loop-api-publiques": "http://127.0.0.1:1/loop-api-publiques", "  allow_plain_http: false # default; true lets base_url": "  allow_plain_http: true # true lets base_url",
		"drain: 10s": "drain: 0s",
	} {
		if strings.Count(gateway, from) != 1 {
			t.Fatalf("the example has %q %d times", from, strings.Count(gateway, from))
		}
		gateway = strings.Replace(gateway, from, to, 1)
	}
	w.write(t, "gateway.yaml", gateway)
	w.started(t, command(t, "serve", "--config", w.path("gateway.yaml")), "").stop(t)
}

func TestTheReferenceOfTheConfigurationIsUpToDate(t *testing.T) {
	t.Parallel()
	committed, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if out, _, _ := run(t, "config", "reference"); out != string(committed) {
		t.Error("run: go run ./server config reference > docs/configuration.md")
	}
}

func TestTheExampleEnablesOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	out, _, _ := run(t, "config", "example")
	var example struct {
		Practices []struct {
			Operations []string `yaml:"unverified_operations"`
		} `yaml:"practices"`
	}
	if err := yaml.Unmarshal([]byte(out), &example); err != nil || len(example.Practices) == 0 || len(example.Practices[0].Operations) == 0 {
		t.Fatal(example, err)
	}
	for _, id := range example.Practices[0].Operations {
		if op, known := cegidclient.OperationByID(id); !known || !op.Unverified || !op.Wrapped {
			t.Errorf("%s can be used without being listed, or not at all", id)
		}
	}
}
