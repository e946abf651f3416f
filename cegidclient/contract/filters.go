package contract

import (
	"context"
	"slices"
	"strings"
)

const (
	works   = "it works"
	refused = "not known to work, so the client does not send it"
)

// filterForm is a form of the filter's grammar, tried on the first three accounts.
type filterForm struct {
	id, question, assumed string
	required              bool
	// expression has <0>, <1>, <2> for the numbers, <label> and <closed> for the first account's fields.
	expression string
	// want are the accounts that should come, and, with more, others after them.
	want []int
	more bool
}

// filterForms: where a form is not documented (loop-api: R 1.4), one that works is news.
var filterForms = []filterForm{
	{"equal", `numero=="…"`, works, true, `numero=="<0>"`, []int{0}, false},
	{"equal_spaced", `numero == "…"`, works, false, `numero == "<0>"`, []int{0}, false},
	{"strictly_equal", `numero==="…"`, works, false, `numero==="<0>"`, []int{0}, false},
	{"not_equal", `numero!="…"`, works, true, `numero!="<0>"`, []int{1, 2}, true},
	{"and", `two conditions joined by &&`, works, true, `numero=="<0>"&&libelle=="<label>"`, []int{0}, false},
	{"and_of_none", `two conditions that no account meets`, works, true, `numero=="<0>"&&numero=="<1>"`, nil, false},
	{"null", `objectId!=null and a second condition`, refused, false, `objectId!=null&&numero=="<0>"`, []int{0}, false},
	{"or", `two conditions joined by ||`, refused, false, `numero=="<0>"||numero=="<1>"`, []int{0, 1}, false},
	{"parentheses", `a condition in parentheses`, refused, false, `(numero=="<0>")`, []int{0}, false},
	{"not", `!(numero!="…")`, refused, false, `!(numero!="<0>")`, []int{0}, false},
	{"strictly_not_equal", `numero!=="…"`, refused, false, `numero!=="<0>"`, []int{1, 2}, true},
	{"single_quotes", `numero=='…'`, refused, false, `numero=='<0>'`, []int{0}, false},
	{"less_or_equal", `numero<="…" on a text`, refused, false, `numero<="<1>"`, []int{0, 1}, false},
	{"greater_or_equal", `numero>="…" on a text`, refused, false, `numero>="<1>"`, []int{1, 2}, true},
	{"in_list", `["…","…"].includes(numero)`, refused, false, `["<0>","<1>"].includes(numero)`, []int{0, 1}, false},
	{"starts_with", `numero.startsWith("…")`, refused, false, `numero.startsWith("<0>")`, []int{0}, false},
	{"boolean", `ferme==false and a second condition`, refused, false, `ferme==<closed>&&numero=="<0>"`, []int{0}, false},
	{"enum", `type==0, which no account has`, refused, false, `type==0`, nil, false},
	{
		"reference", `compteContrepartie.objectId=="…", which no account has`, refused, false,
		`compteContrepartie.objectId=="00000000-0000-4000-8000-000000000000"`, nil, false,
	},
	{
		"escaped_quotation", `a quotation mark after a backslash, in a text that no account has`, refused, false, `libelle=="contract \" probe"`,
		nil, false,
	},
	{"prefix", `obj.numero=="…", as the platform below does`, refused, false, `obj.numero=="<0>"`, []int{0}, false},
	{"unknown_field", `a field that does not exist`, refused, false, `loopContractNoSuchField=="1"`, nil, false},
	{"broken", `an expression that does not end`, refused, false, `numero=="`, nil, false},
}

func filterProbes() []probe {
	var out []probe
	for _, form := range filterForms {
		out = append(out, probe{
			id: "filter." + form.id, operation: "list_accounts", question: "Filter: " + form.question, assumed: form.assumed, reference: "R 1.4",
			required: form.required, run: form.try,
		})
	}
	return out
}

func (f filterForm) try(ctx context.Context, s *session) outcome {
	a, all := first(ctx, s, 0, 3)
	if len(all) < 3 {
		return open("the dossier has fewer than three accounts, or they cannot be sorted by numero", a.told())
	}
	numbers, label, closed := column(all, "numero"), text(all[0], "libelle"), "false"
	if members, _ := all[0].(map[string]any); members["ferme"] == true {
		closed = "true"
	}
	if slices.ContainsFunc(append(numbers, label), func(value string) bool { return strings.ContainsAny(value, `"'\`) }) {
		return open("the first accounts hold quotation marks", nil)
	}
	expression := strings.NewReplacer("<0>", numbers[0], "<1>", numbers[1], "<2>", numbers[2], "<label>", label, "<closed>",
		closed).Replace(f.expression)
	asked := s.list(ctx, "list_accounts", "filter", expression, "sort", "numero", "skip", "0", "take", "3")
	seen := asked.told()
	if !asked.ok() {
		return judged(f.assumed == refused, seen.with("outcome", word("refused")))
	}
	rows, _ := asked.rows()
	got, want := column(rows, "numero"), []string{}
	for _, i := range f.want {
		want = append(want, numbers[i])
	}
	worked := slices.Equal(got, want) || f.more && len(got) > len(want) && slices.Equal(got[:len(want)], want)
	seen["rows"] = count(len(got))
	switch {
	case worked:
		seen["outcome"] = word("works")
	case slices.Equal(got, numbers):
		seen["outcome"] = word("ignored: the rows are those without a filter")
	default:
		seen["outcome"] = word("taken, and means something else")
	}
	return judged(worked == (f.assumed == works), seen)
}
