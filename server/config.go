package main

import (
	"fmt"
	"os"
	"strings"

	"cegid.internal/gateway/examples"
	"cegid.internal/gateway/server/internal/config"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/strictyaml"
)

type configCommand struct {
	Schema    configSchemaCommand    `cmd:"" help:"Print the JSON Schema of a file, for editors."`
	Example   configExampleCommand   `cmd:"" help:"Print a complete example of a file, with comments."`
	Reference configReferenceCommand `cmd:"" help:"Print docs/configuration.md." hidden:""`
}

// configFile is a file that serve reads.
type configFile struct {
	name, title, about string
	keys               strictyaml.Key
	example            []byte
}

func configFiles() []configFile {
	return []configFile{
		{
			"gateway", "gateway.yaml",
			"The file that `--config` names.",
			config.Keys(), examples.Gateway,
		},
		{
			"practice", "a practice in a file of its own",
			"Each file in the folder `practices_directory` is one practice, with the keys of an item of `practices`.",
			config.PracticeKeys(), examples.Practice,
		},
		{
			"policy", "policy.yaml",
			"The file that `policy` names. A caller that is not listed is unknown, and everything that no grant allows is denied.",
			policy.Keys(), examples.Policy,
		},
	}
}

func configFileNamed(name string) configFile {
	for _, file := range configFiles() {
		if file.name == name {
			return file
		}
	}
	panic("no such file: " + name) // the flag's enum has them all
}

type configSchemaCommand struct {
	Of string `default:"gateway" enum:"gateway,practice,policy" placeholder:"FILE" help:"Which file (${default}): ${enum}."`
}

func (c *configSchemaCommand) Run() error {
	file := configFileNamed(c.Of)
	_, err := os.Stdout.Write(file.keys.Schema("Cegid Loop gateway: " + file.title))
	return err
}

type configExampleCommand struct {
	Of string `default:"gateway" enum:"gateway,practice,policy" placeholder:"FILE" help:"Which file (${default}): ${enum}."`
}

func (c *configExampleCommand) Run() error {
	_, err := os.Stdout.Write(configFileNamed(c.Of).example)
	return err
}

type configReferenceCommand struct{}

func (configReferenceCommand) Run() error {
	_, err := os.Stdout.WriteString(configReference())
	return err
}

const aboutConfig = `<!-- Made by: go run ./server config reference > docs/configuration.md -->

# Configuration

` + "`server serve --config FILE`" + ` reads one YAML file, the policy that it names, and perhaps a folder of practices. What is wrong in them stops the start, with all problems at once, each with its line and what to do.

1. Start from ` + "`server config example`" + ` ([gateway.yaml](../examples/serve/gateway.yaml), [a practice](../examples/serve/practices/partner.yaml), [policy.yaml](../examples/serve/policy.yaml)).
2. Let your editor help: ` + "`server config schema --of gateway|practice|policy`" + ` prints a JSON Schema. Save it, and let the file begin with ` + "`# yaml-language-server: $schema=FILE`" + `.
3. ` + "`server check --config FILE --offline`" + ` says whether serve would take the files; without ` + "`--offline`" + ` it also tries each practice's connection.

## How the files are read

They are read strictly: an unknown or repeated key, an anchor, a value out of bounds or a half-configured feature is refused. No message repeats what is in a file.

A path is relative to the folder of the file that holds it. A secret is a reference, ` + "`${file:/path}` or `${env:NAME}`" + `, and is never in the file itself; the environment has no other
effect. A duration has its unit: ` + "`100ms`, `30s`, `15m`, `1h30m`" + `. In the tables, ` + "`practices[].name`" + ` is the key ` + "`name`" + ` of an item of the list ` + "`practices`" + `.

A running server takes up changes of ` + "`loop`, `practices`, `practices_directory`, `policy`, `caller_limits`, `replicas`, `log.level`" + ` and of the files behind them within seconds; the other keys are read at its start.
`

// configReference is docs/configuration.md.
func configReference() string {
	var out strings.Builder
	out.WriteString(aboutConfig)
	for _, file := range configFiles() {
		if file.name == "practice" { // its keys are in the table of gateway.yaml
			continue
		}
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n%s", file.title, file.about, file.keys.Reference())
	}
	return out.String()
}
