package strictyaml

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Schema returns the declared file as a JSON Schema of draft 2020-12, for editors and for checks before a file is
// rolled out. What it refuses, the file's reader refuses too, but for two ways of writing: a key without a value, and a
// number in quotes. Not the other way round: it sees no other file, compares no two keys, and cannot bound durations.
func (k Key) Schema(title string) []byte {
	s := k.schema()
	s.Dialect, s.Title = "https://json-schema.org/draft/2020-12/schema", title
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		panic(err) // nothing in it can fail
	}
	return out.Bytes()
}

type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Default     any                `json:"default,omitempty"`
	Const       any                `json:"const,omitempty"`
	Enum        []any              `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Not         *schema            `json:"not,omitempty"`
	Minimum     any                `json:"minimum,omitempty"`
	Maximum     any                `json:"maximum,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	OneOf       []*schema          `json:"oneOf,omitempty"`
}

// One or several numbers with a unit, as time.ParseDuration reads them, and not negative.
const durationPattern = `^\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^0$`

func (k Key) schema() *schema {
	s := &schema{Description: k.doc, Default: k.otherwise}
	switch k.form {
	case formText:
		s.Type, s.Pattern = "string", k.pattern
		for _, word := range k.words {
			s.Enum = append(s.Enum, word)
			if number, err := strconv.ParseFloat(word, 64); err == nil { // without quotes
				s.Type, s.Enum = []string{"string", "number"}, append(s.Enum, number)
			}
		}
		// A text that is all digits needs no quotes for the reader; to other programs it is a number then.
		if len(k.words) == 0 && regexp.MustCompile(k.pattern).MatchString("0") {
			s.Type = []string{"string", "number"}
		}
		if len(k.never) > 0 {
			s.Not = &schema{}
			for _, text := range k.never {
				s.Not.Enum = append(s.Not.Enum, text)
			}
		}
	case formDuration:
		s.Type, s.Pattern, s.Default = "string", durationPattern, written(k.otherwise)
		s.Description = strings.TrimSpace(s.Description + " From " + written(k.lowest) + " to " + written(k.highest) + ".")
		if k.lowest == time.Duration(0) { // which needs no unit
			s.Type, s.Minimum, s.Maximum = []string{"string", "integer"}, 0, 0
		}
	case formInt:
		s.Type, s.Minimum, s.Maximum = "integer", k.lowest, k.highest
	case formNumber:
		s.Type, s.Minimum, s.Maximum = "number", k.lowest, k.highest
	case formBool:
		s.Type = "boolean"
	case formList:
		s.Type, s.Items = "array", k.item.schema()
		if k.filled {
			s.MinItems = 1
		}
	case formMapping:
		s.Type, s.Properties, s.Additional = "object", map[string]*schema{}, new(bool)
		for _, key := range k.keys {
			s.Properties[key.name] = key.schema()
			if key.needed {
				s.Required = append(s.Required, key.name)
			}
		}
		for _, name := range k.some {
			s.AnyOf = append(s.AnyOf, &schema{Required: []string{name}})
		}
		for _, name := range k.either {
			s.OneOf = append(s.OneOf, &schema{Required: []string{name}})
		}
	}
	var instead []*schema
	switch {
	case k.off: // some programs read it as YAML 1.1 does
		instead = []*schema{{Const: "off"}, {Const: false}}
	case k.orWord != "":
		instead = []*schema{{Const: k.orWord}}
	case k.orText != "":
		instead = []*schema{{Type: []string{"string", "number"}}}
	default:
		return s
	}
	description := s.Description
	s.Description = ""
	return &schema{Description: description, OneOf: append(instead, s)}
}

// written is a default or a bound as an operator writes it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Duration:
		text := v.String() // 1h0m0s
		if v%time.Minute == 0 && v != 0 {
			text = strings.TrimSuffix(text, "0s")
		}
		if v%time.Hour == 0 && v != 0 {
			text = strings.TrimSuffix(text, "0m")
		}
		return text
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	panic("strictyaml: a default of an unknown type")
}
