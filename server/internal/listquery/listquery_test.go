package listquery_test

import (
	"errors"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/listquery"
)

var fields = listquery.Fields{
	{Name: "number", Loop: "numero", Filterable: true, Sortable: true},
	{Name: "label", Loop: "libelle", Filterable: true, Sortable: true},
	{Name: "object_id", Loop: "objectId", Filterable: true},
}

func TestFilterCompilesToLoopsExpression(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    ``,
		`   `:                                 ``,
		`number = "60700000"`:                 `numero=="60700000"`,
		`number="60700000"`:                   `numero=="60700000"`,
		`number = 60700000`:                   `numero=="60700000"`,
		`number = '60700000'`:                 `numero=="60700000"`,
		`number != "1" AND label = "É & l=a"`: `numero!="1"&&libelle=="É & l=a"`,
		`object_id = 5b0f4a52-0d0e-4f0b`:      `objectId=="5b0f4a52-0d0e-4f0b"`,
		`number = "000123"`:                   `numero=="000123"`,
		`number = 000123`:                     `numero=="000123"`,
		`label = "a*"`:                        `libelle=="a*"`,
	} {
		filter, err := fields.Filter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := filter.Expression(); err != nil || got != want {
			t.Errorf("%s became %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestFilterSaysWhereItIsWrong(t *testing.T) {
	for text, want := range map[string]struct {
		column int
		word   string
	}{
		`number`:                           {7, "must follow"},
		`number =`:                         {9, "value"},
		`number = "1" OR number = "2"`:     {14, "OR"},
		`NOT number = "1"`:                 {1, "NOT"},
		`-number = "1"`:                    {1, "-"},
		`(number = "1")`:                   {1, "("},
		`number : "1"`:                     {8, ":"},
		`number > "1"`:                     {8, ">"},
		`number >= "1"`:                    {8, ">="},
		`numbr = "1"`:                      {1, "number, label, object_id"},
		`number = 6*`:                      {10, "*"},
		`number = "1" label = "2"`:         {14, "label"},
		`number = "1" AND`:                 {17, "comparison"},
		`number = "1`:                      {10, "closed"},
		`number = "a\"b"`:                  {10, "backslash"},
		`number = "a\\b"`:                  {10, "backslash"},
		`number = 'a"b'`:                   {10, "quotation mark"},
		"number = \"a\tb\"":                {10, "control"},
		`number = null`:                    {10, "null"},
		`number = "1"x`:                    {13, "x"},
		`label.x = "1"`:                    {6, "."},
		`f(number) = "1"`:                  {1, "number"},
		`libellé = "1"`:                    {1, "libellé"},
		`label = "é" OR label = "x"`:       {13, "OR"},
		"number = \"1\"\nAND label = \"\"": {13, "single line"},
	} {
		_, err := fields.Filter(text)
		var problem *listquery.Problem
		if !errors.As(err, &problem) {
			t.Errorf("%s: %v; want a Problem", text, err)
			continue
		}
		if problem.Column != want.column || !strings.Contains(problem.Message, want.word) {
			t.Errorf("%s: %v; want column %d and %q", text, problem, want.column, want.word)
		}
	}
}

func TestOrder(t *testing.T) {
	order, err := fields.Order(" label desc, number ")
	if err != nil || len(order) != 2 || order[0] != (cegidclient.Order{Field: "libelle", Desc: true}) || order[1].Field != "numero" {
		t.Errorf("got %v, %v", order, err)
	}
	for text, column := range map[string]int{"object_id": 1, "label up": 1, "label, nmber": 8, "label,": 7, "label desc desc": 1, "label, label": 8} {
		_, err := fields.Order(text)
		var problem *listquery.Problem
		if !errors.As(err, &problem) || problem.Column != column {
			t.Errorf("%q: %v; want a problem at %d", text, err, column)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`number = "1"`, `label != x AND number = '2'`, `"`, `number = "\`, "\xff", `((((`, `a.b.c = 1`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := fields.Filter(text)
		if err != nil {
			var problem *listquery.Problem
			if !errors.As(err, &problem) || problem.Column < 1 {
				t.Errorf("%q: %v has no position", text, err)
			}
			return
		}
		// Whatever is accepted stays inside its quotation marks.
		compiled, err := filter.Expression()
		if err != nil {
			t.Errorf("%q was accepted, and then: %v", text, err)
		}
		if strings.Count(compiled, `"`)%2 != 0 || strings.ContainsAny(compiled, "\\\n\r\x00") {
			t.Errorf("%q became %q", text, compiled)
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fields.Filter(`number = "60110000" AND label != "Fournitures d'entretien"`); err != nil {
			b.Fatal(err)
		}
	}
}
