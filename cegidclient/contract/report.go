package contract

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Verdict is what an answer means for an assumption.
type Verdict string

// The verdicts.
const (
	AsAssumed  Verdict = "as assumed"
	Otherwise  Verdict = "otherwise"
	NotSettled Verdict = "not settled"
)

// Result is a probe with its answer.
type Result struct {
	ID        string  `json:"id"`
	Operation string  `json:"operation,omitempty"` // of the inventory
	Question  string  `json:"question"`
	Assumed   string  `json:"assumed"`
	Reference string  `json:"reference"` // section of docs/loop-api
	Required  bool    `json:"required"`  // the code depends on it
	Verdict   Verdict `json:"verdict"`
	Seen      Seen    `json:"seen,omitempty"`
	Why       string  `json:"why,omitempty"` // why it is not settled
}

// OpenQuestion is one that no probe puts.
type OpenQuestion struct {
	Operation string `json:"operation"`
	Unknown   string `json:"unknown"`
	Why       string `json:"why"`
}

// Report is what the suite found. It holds nothing of the dossier's.
type Report struct {
	Suite      int            `json:"suite"` // version of the questions
	Day        string         `json:"day"`
	Production bool           `json:"production"` // Loop's own address
	Keys       []string       `json:"keys"`
	Writes     bool           `json:"writes"`
	Requests   int64          `json:"requests"`
	Results    []Result       `json:"results"`
	NotAsked   []OpenQuestion `json:"notAsked"`
}

const suite = 1

// Failed are the probes that the code depends on and that Loop answers otherwise.
func (r *Report) Failed() []Result {
	return slices.DeleteFunc(slices.Clone(r.Results), func(result Result) bool { return !result.Required || result.Verdict != Otherwise })
}

// Count counts the results of a verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

// JSON is the report for machines.
func (r *Report) JSON() ([]byte, error) {
	out, err := json.MarshalIndent(r, "", "  ")
	return append(out, '\n'), err
}

// Markdown is the report for people, what surprises first.
func (r *Report) Markdown() string {
	var b strings.Builder
	where := "another address than Loop's own"
	if r.Production {
		where = "Loop's own address"
	}
	fmt.Fprintf(&b, "# What Loop answered\n\n%s, %s, keys: %s, writes: %t, %d requests. %d as assumed, %d otherwise, %d not settled.\n",
		r.Day, where, strings.Join(r.Keys, " and "), r.Writes, r.Requests, r.Count(AsAssumed), r.Count(Otherwise), r.Count(NotSettled))
	b.WriteString("\nNames of members and headers, JSON types, counts, HTTP statuses and enum numbers, and no data of a dossier.\n")
	for _, verdict := range []Verdict{Otherwise, NotSettled, AsAssumed} {
		fmt.Fprintf(&b, "\n## %s%s\n\n", strings.ToUpper(string(verdict[:1])), verdict[1:])
		if r.Count(verdict) == 0 {
			b.WriteString("None.\n")
			continue
		}
		b.WriteString("| probe | question | assumed | seen |\n| --- | --- | --- | --- |\n")
		for _, result := range r.Results {
			if result.Verdict != verdict {
				continue
			}
			id := "`" + result.ID + "`"
			if result.Required && verdict == Otherwise {
				id += " **the code depends on it**"
			}
			seen := result.Seen.String()
			if result.Why != "" {
				seen = strings.TrimPrefix(seen+"; "+result.Why, "; ")
			}
			fmt.Fprintf(&b, "| %s | %s (%s) | %s | %s |\n", id, cell(result.Question), result.Reference, cell(result.Assumed), cell(seen))
		}
	}
	b.WriteString("\n## Not asked\n\n| operation | not known | why not asked |\n| --- | --- | --- |\n")
	for _, question := range r.NotAsked {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", question.Operation, cell(question.Unknown), cell(question.Why))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// String writes what was seen on one line.
func (seen Seen) String() string {
	var parts []string
	for name, value := range seen {
		parts = append(parts, name+": "+told(value))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

func told(value safe) string {
	switch x := value.(type) {
	case words:
		if len(x) == 0 {
			return "none"
		}
		var list []string
		for _, word := range x {
			list = append(list, string(word))
		}
		return strings.Join(list, ", ")
	case forms:
		var list []string
		for name, seen := range x {
			list = append(list, fmt.Sprintf("%s (%s)", name, strings.ReplaceAll(told(seen), ", ", " or ")))
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	default:
		return fmt.Sprint(x)
	}
}

// Write writes path.json and path.md.
func (r *Report) Write(path string) error {
	text, err := r.JSON()
	if err != nil {
		return err
	}
	return cmp.Or(os.WriteFile(path+".json", text, 0o644), os.WriteFile(path+".md", []byte(r.Markdown()), 0o644))
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }
