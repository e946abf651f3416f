package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Reference returns the declared file as a table in Markdown, a line for each key in the order of declaration.
func (k Key) Reference() string {
	var out strings.Builder
	out.WriteString("| key | value | default | what it is |\n| --- | --- | --- | --- |\n")
	k.rows(&out, "")
	return out.String()
}

func (k Key) rows(out *strings.Builder, path string) {
	for _, key := range k.keys {
		at := join(path, key.name)
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", at, cell(key.value()), key.fallback(k), cell(key.doc))
		key.below(out, at)
	}
}

func (k Key) below(out *strings.Builder, path string) {
	switch k.form {
	case formMapping:
		k.rows(out, path)
	case formList:
		k.item.below(out, path+"[]")
	}
}

// value says what may be there.
func (k Key) value() string {
	between := " from " + written(k.lowest) + " to " + written(k.highest)
	switch k.form {
	case formDuration:
		return "duration" + between
	case formInt:
		return "whole number" + between
	case formNumber:
		return "number" + between
	case formBool:
		return "true or false"
	case formMapping:
		if k.off {
			return "mapping, or `off`"
		}
		if k.orText != "" {
			return k.orText + ", or mapping"
		}
		return "mapping"
	case formList:
		if k.item.form == formMapping {
			return "list of mappings"
		}
		return "list: " + k.item.value()
	}
	if len(k.words) > 0 {
		return strings.Join(k.words, ", ")
	}
	return cmp.Or(k.is, "text")
}

// fallback says what counts without the key.
func (k Key) fallback(parent Key) string {
	switch {
	case k.needed:
		return "**needed**"
	case k.otherwise != nil:
		return "`" + written(k.otherwise) + "`"
	case slices.Contains(parent.some, k.name):
		return "**one needed**"
	case slices.Contains(parent.either, k.name):
		return "**either**"
	}
	return ""
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
