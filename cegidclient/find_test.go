package cegidclient

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestOneAccountIsFoundByItsNumber(t *testing.T) {
	row := func(number string) string { return `{"objectId":"id-` + number + `","numero":"` + number + `"}` }
	for _, tc := range []struct {
		name     string
		answer   func(skip, take string) string
		kind     Kind // 0: found
		says     string
		requests int32
	}{
		{"the filter finds it", func(_, _ string) string { return "[" + row("60700000") + "]" }, 0, "", 1},
		{"the filter finds nothing", func(_, _ string) string { return "[]" }, KindNotFound, "none of this number", 1},
		{"the filter finds another", func(_, _ string) string { return "[" + row("60700001") + "]" }, KindNotFound, "none of this number", 1},
		{"the filter compares loosely", func(_, _ string) string { return "[" + row("607") + "]" }, KindNotFound, "none of this number", 1},
		{"two of one number", func(_, _ string) string {
			return "[" + row("60700000") + "," + strings.Replace(row("60700000"), "id-", "other-", 1) + "]"
		}, KindBadResponse, "more than one", 1},
		{"in the other envelope", func(_, _ string) string { return `{"data":[` + row("60700000") + "]}" }, 0, "", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var query string
			c, w := testClient(t, func(rw http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				query = q.Get("filter") + " " + q.Get("skip") + " " + q.Get("take")
				reply(200, tc.answer(q.Get("skip"), q.Get("take")))(rw, r)
			})
			a, err := c.Accounts.Get(t.Context(), "D", "60700000")
			if tc.kind == 0 && (err != nil || *a.Number != "60700000") || tc.kind != 0 && (!errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%+v, %v", a, err)
			}
			if query != `numero=="60700000" 0 2` || w.requests.Load() != tc.requests {
				t.Errorf("%d requests, the last with %s", w.requests.Load(), query)
			}
			if e, _ := asError(err); tc.kind == KindNotFound && (e.Field != "number" || e.Operation != "list_accounts") {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestAFilterThatLoopIgnoresIsMadeUpFor(t *testing.T) {
	// Account 00000205 is on the third page.
	d := &dossier{count: 250, cap: 100}
	c, _ := testClient(t, d.handler)
	a, err := c.Accounts.Get(t.Context(), "D", fmt.Sprintf("%08d", 205))
	if err != nil || *a.ObjectID != "id-000205" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Accounts.Get(t.Context(), "D", "60700000"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	// The last page brings a second one.
	twice := func(w http.ResponseWriter, r *http.Request) {
		rows := []string{accountJSON(1), accountJSON(2), accountJSON(3), strings.Replace(accountJSON(1), "id-", "other-", 1)}
		var out []string
		for i, row := range rows {
			if fmt.Sprint(i) >= r.URL.Query().Get("skip") {
				out = append(out, row)
			}
		}
		take := min(2, len(out))
		reply(200, "["+strings.Join(out[:take], ",")+"]")(w, r)
	}
	c, _ = testClient(t, twice)
	if _, err := c.Accounts.Get(t.Context(), "D", "00000001"); !errors.Is(err, ErrBadResponse) || !strings.Contains(err.Error(), "more than one") {
		t.Error(err)
	}
}

func TestANumberThatAFilterCannotSayIsRefused(t *testing.T) {
	c, w := testClient(t, reply(200, "[]"))
	for _, number := range []string{"", `1"||true||"`, `1\`, "1\n", "1\u2028"} {
		_, err := c.Journals.Get(t.Context(), "D", number)
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != "code" {
			t.Errorf("%q: %v", number, err)
		}
	}
	if _, err := c.Journals.Get(t.Context(), "", "ACH"); !errors.Is(err, ErrInvalidArgument) {
		t.Error(err)
	}
	if w.requests.Load() != 0 {
		t.Error("Loop was asked")
	}
}
