// Command licences adds to a CycloneDX document the licence of each of its components.
//
//	licences LIST <sbom.json >sbom.json
//
// LIST has a library a line: its name first, its licence last. A library is a module or a folder of one. The document
// is made from the program, the list from the sources: a component that no line of the list belongs to, or a line that
// belongs to no component, is an error.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: licences LIST <sbom.json >sbom.json")
		os.Exit(2)
	}
	list, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = run(os.Stdin, os.Stdout, string(list))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, list string) error {
	var document map[string]any // what this program does not know stays as it is
	if err := json.NewDecoder(in).Decode(&document); err != nil {
		return fmt.Errorf("the document: %w", err)
	}
	components, _ := document["components"].([]any)
	if len(components) == 0 {
		return fmt.Errorf("the document has no components")
	}
	byName := map[string]map[string]any{}
	for _, item := range components {
		component, _ := item.(map[string]any)
		name, _ := component["name"].(string)
		byName[name] = component
	}
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		name, licence := fields[0], fields[len(fields)-1]
		component := byName[moduleOf(name, byName)]
		if component == nil {
			return fmt.Errorf("%s is in the list and not in the program", name)
		}
		add(component, licence)
	}
	var missing []string
	for name, component := range byName {
		if component["licenses"] == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("in the program and not in the list: %s", strings.Join(missing, ", "))
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// moduleOf returns the component that a library is, or is a folder of; empty when there is none.
func moduleOf(library string, components map[string]map[string]any) string {
	for components[library] == nil {
		cut := strings.LastIndexByte(library, '/')
		if cut < 0 {
			return ""
		}
		library = library[:cut]
	}
	return library
}

// add adds a licence once: a module and a folder of it often have the same.
func add(component map[string]any, licence string) {
	licences, _ := component["licenses"].([]any)
	for _, known := range licences {
		if known.(map[string]any)["license"].(map[string]any)["id"] == licence {
			return
		}
	}
	component["licenses"] = append(licences, map[string]any{"license": map[string]any{"id": licence}})
}
