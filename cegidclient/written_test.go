package cegidclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/internal/testkit"
)

func unverified(ids ...string) func(*Config) { return func(cfg *Config) { cfg.Unverified = ids } }

// books is a Loop that holds accounts of a dossier, and answers a creation as the test wants.
type books struct {
	mu      sync.Mutex
	rows    []string // JSON of the accounts there are
	posts   []string // bodies of the creations
	lists   int
	create  http.HandlerFunc // answers a creation
	creates string           // what a creation leaves behind; "" is nothing
}

func (b *books) handler(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method == http.MethodGet {
		b.lists++
		reply(200, "["+strings.Join(b.rows, ",")+"]")(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	b.posts = append(b.posts, string(body))
	if b.creates != "" {
		b.rows = append(b.rows, b.creates)
	}
	b.create(w, r)
}

func cut(http.ResponseWriter, *http.Request) { panic(io.ErrUnexpectedEOF) }

const newAccount = `{"objectId":"new","revisionId":"0x0000000000000001","numero":"60710000","libelle":"Marchandises","type":6}`

func TestWhatBecomesOfACreation(t *testing.T) {
	outage := reply(503, "")
	for _, tc := range []struct {
		name     string
		there    string // before
		create   http.HandlerFunc
		creates  string
		kind     Kind // 0: success
		says     string
		readBack bool
		posts    int
		lists    int
	}{
		{"Loop shows it", "", reply(200, `{"success":[`+newAccount+`],"errors":[]}`), newAccount, 0, "", false, 1, 1},
		{"Loop shows it in a list", "", reply(200, `[`+newAccount+`]`), newAccount, 0, "", false, 1, 1},
		{"Loop shows it in data", "", reply(200, `{"data":[`+newAccount+`]}`), newAccount, 0, "", false, 1, 1},
		{"Loop shows it in data, bare", "", reply(200, `{"data":`+newAccount+`}`), newAccount, 0, "", false, 1, 1},
		{"Loop shows it bare", "", reply(201, newAccount), newAccount, 0, "", false, 1, 1},
		{"Loop shows it in another letter case", "", reply(200, `{"Success":[`+newAccount+`],"Errors":null}`), newAccount, 0, "", false, 1, 1},
		{"Loop names it alone", "", reply(200, `{"success":[{"objectId":"new"}],"errors":[]}`), newAccount, 0, "", true, 1, 2},
		{"Loop says true", "", reply(200, `{"success":true}`), newAccount, 0, "", true, 1, 2},
		{"Loop shows another", "", reply(200, `{"success":[{"objectId":"x","numero":"1"}],"errors":[]}`), newAccount, 0, "", true, 1, 2},
		{"Loop says nothing, and did it", "", reply(200, `{"success":[],"errors":[]}`), newAccount, 0, "", true, 1, 2},
		{"Loop answers nothing, and did it", "", reply(204, ``), newAccount, 0, "", true, 1, 2},
		{"the answer is lost, and it did it", "", cut, newAccount, 0, "", true, 1, 2},
		{"an outage, and it did it", "", outage, newAccount, 0, "", true, 1, 2},
		{"a web page, and it did it", "", reply(200, "<html>", "Content-Type", "text/html"), newAccount, 0, "", true, 1, 2},
		{"both success and error, and it did it", "", reply(200, `{"success":[`+newAccount+`],"errors":[{"message":"Non."}]}`), newAccount, 0, "", true, 1, 2},

		{"it is there already", newAccount, nil, "", KindExists, "already", false, 0, 1},
		{"Loop refuses with a message", "", reply(200, `{"success":[],"errors":[{"message":"Numéro invalide."}]}`), "", KindRefused, "Numéro invalide.", false, 1, 1},
		{"Loop refuses with a text", "", reply(200, `{"success":[],"errors":["Numéro invalide."]}`), "", KindRefused, "Numéro invalide.", false, 1, 1},
		{"Loop refuses in words of its own", "", reply(200, `{"success":[],"errors":[{"champ":"numero","motif":"longueur"}]}`), "", KindRefused, `"motif":"longueur"`, false, 1, 1},
		{"Loop refuses with an object", "", reply(200, `{"error":{"instanceId":"i","message":"Non."}}`), "", KindRefused, "Non.", false, 1, 1},
		{"Loop refuses with 400, and holds nothing", "", reply(400, `{"statusCode":400,"code":"C","message":"Non."}`), "", KindRefused, "Non.", false, 1, 2},
		{"Loop refuses with 400, and did it", "", reply(400, `{"statusCode":400,"code":"C","message":"Non."}`), newAccount, 0, "", true, 1, 2},
		{"turned away", "", reply(403, `{"statusCode":403,"code":"C","message":"Non."}`), "", KindDossierNotShared, "", false, 1, 1},
		{"throttled", "", reply(429, `{}`), "", KindThrottled, "", false, 1, 1},
		{"an error that says nothing", "", reply(200, `{"success":[],"errors":[{}]}`), "", KindOutcomeUnknown, "does not show it", false, 1, 2},
		{"neither success nor error", "", reply(200, `{"success":[],"errors":[]}`), "", KindOutcomeUnknown, "does not show it", false, 1, 2},
		{"the answer is lost, and nothing there", "", cut, "", KindOutcomeUnknown, "does not show it", false, 1, 2},
		{"success, and nothing there", "", reply(200, `{"success":[{"objectId":"new"}],"errors":[]}`), "", KindOutcomeUnknown, "does not show it", false, 1, 2},
		{"the answer is lost, and another's is there", "", cut, strings.Replace(newAccount, "Marchandises", "Autre chose", 1), KindExists, "not with what was sent", false, 1, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &books{create: tc.create, creates: tc.creates}
			if tc.there != "" {
				b.rows = []string{tc.there}
			}
			c, _ := testClient(t, b.handler, unverified("create_account"))
			got, err := c.Accounts.Create(t.Context(), "D", Account{Number: new("60710000"), Label: new("Marchandises"), Type: new(Code("6")), Unmapped: Unmapped{"taux": "20.0"}})
			switch {
			case tc.kind == 0 && (err != nil || *got.Item.Number != "60710000" || *got.Item.ObjectID != "new" || got.ReadBack != tc.readBack):
				t.Errorf("%+v, %v", got, err)
			case tc.kind != 0 && (!errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) || got != nil):
				t.Errorf("%+v, %v", got, err)
			}
			if e, _ := asError(err); e != nil && tc.kind != KindExists && (e.Operation != "create_account" || e.Dossier != "D") {
				t.Errorf("%+v", e)
			}
			if len(b.posts) != tc.posts || b.lists != tc.lists {
				t.Errorf("%d creations, %d looks", len(b.posts), b.lists)
			}
			if tc.posts == 1 && b.posts[0] != `[{"numero":"60710000","libelle":"Marchandises","type":6,"taux":20.0}]` {
				t.Errorf("sent %s", b.posts[0])
			}
		})
	}
}

func TestACreationWhoseLookFailsIsUncertain(t *testing.T) {
	n := 0
	c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			reply(200, "[]")(w, r) // the look before
			return
		}
		reply(502, "")(w, r)
	}, unverified("create_journal"), func(cfg *Config) { cfg.Retry = RetryPolicy{BaseDelay: time.Nanosecond} })
	_, err := c.Journals.Create(t.Context(), "D", Journal{Code: new("VT2"), Label: new("Ventes"), Type: new(JournalTypeSale)})
	if e, _ := asError(err); e == nil || e.Kind != KindOutcomeUnknown || !strings.Contains(e.Detail(), "could not be asked") || e.HTTPStatus != 502 || e.Operation != "create_journal" {
		t.Errorf("%v", err)
	}
	if n != 1+1+3 {
		t.Errorf("%d requests; want a look, one creation, and three attempts to look again", n)
	}
}

func TestALookBeforeThatFailsSendsNothing(t *testing.T) {
	c, w := testClient(t, reply(500, ""), unverified("create_journal"), func(cfg *Config) { cfg.Retry = RetryPolicy{Attempts: 1} })
	_, err := c.Journals.Create(t.Context(), "D", Journal{Code: new("VT2"), Label: new("Ventes"), Type: new(JournalTypeSale)})
	if !errors.Is(err, ErrUnavailable) || w.requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, w.requests.Load())
	}
}

func TestTheAnswerToACreationThatHangsIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rows []string
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				rows = append(rows, newAccount)
				<-r.Context().Done()
				return
			}
			reply(200, "["+strings.Join(rows, ",")+"]")(w, r)
		}, unverified("create_account"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		begun := time.Now()
		got, err := c.Accounts.Create(ctx, "D", Account{Number: new("60710000"), Label: new("Marchandises")})
		if err != nil || !got.ReadBack || *got.Item.ObjectID != "new" {
			t.Errorf("%+v, %v", got, err)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Errorf("took %s; want the whole time of a write, whatever its caller has left, and a look", took)
		}
	})
}

func TestACallerWhoLeavesIsToldThatTheOutcomeIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				<-r.Context().Done()
				return
			}
			reply(200, "[]")(w, r)
		}, unverified("create_account"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := c.Accounts.Create(ctx, "D", Account{Number: new("60710000"), Label: new("Marchandises")})
		if !errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestACreationOutlivesItsCaller: what is begun is brought to its end, and looked at.
func TestACreationOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left atomic.Bool
		c, w := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				reply(200, "[]")(w, r)
				return
			}
			select {
			case <-time.After(5 * time.Second):
				reply(200, `{"success":[`+newAccount+`],"errors":[]}`)(w, r)
			case <-r.Context().Done():
				left.Store(true)
			}
		}, unverified("create_account"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := c.Accounts.Create(ctx, "D", Account{Number: new("60710000"), Label: new("Marchandises")})
		if err != nil || got.ReadBack || left.Load() || w.requests.Load() != 2 {
			t.Errorf("%+v, %v after %d requests", got, err, w.requests.Load())
		}
		// One that has not begun is not.
		_, err = c.Accounts.Create(ctx, "D", Account{Number: new("60720000"), Label: new("Marchandises")})
		if e, _ := asError(err); e == nil || e.Kind != KindInterrupted || e.Sent != NotSent || w.requests.Load() != 2 {
			t.Errorf("%v after %d requests", err, w.requests.Load())
		}
	})
}

func TestTwoCreationsOfOneNumberFollowOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &books{creates: newAccount, create: reply(200, `{"success":[`+newAccount+`],"errors":[]}`)}
		c, _ := testClient(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second) // long enough for both to look
			b.handler(w, r)
		}, unverified("create_account"))
		var wg sync.WaitGroup
		errs := make([]error, 5)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = c.Accounts.Create(t.Context(), "D", Account{Number: new("60710000"), Label: new("Marchandises")})
			})
		}
		wg.Wait()
		created := 0
		for _, err := range errs {
			if err == nil {
				created++
			} else if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		}
		if created != 1 || len(b.posts) != 1 {
			t.Errorf("%d created it with %d requests", created, len(b.posts))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		release, err := c.Accounts.creator.turns.take(t.Context(), "D\x0060710000")
		testkit.OK(t, err)
		defer release()
		if _, err := c.Accounts.Create(ctx, "D", Account{Number: new("60710000"), Label: new("x")}); !errors.Is(err, ErrInterrupted) {
			t.Errorf("who waits for his turn leaves with %v", err)
		}
	})
}

func TestWhatACreationMayHold(t *testing.T) {
	for _, tc := range []struct {
		name  string
		extra Unmapped
		field string // "" is fine
	}{
		{"an unknown field", Unmapped{"champNouveau": `"x"`}, ""},
		{"a reference", Unmapped{"compteContrepartie": `{"objectId":"c1"}`}, ""},
		{"an object in an array", Unmapped{"x": `[{"a":1}]`}, ""},
		{"the display text", Unmapped{"description": `["60710000"]`}, ""},
		{"a typed field", Unmapped{"libelle": `"x"`}, `extra_fields["libelle"]`},
		{"a typed field in another letter case", Unmapped{"LIBELLE": `"x"`}, `extra_fields["LIBELLE"]`},
		{"a typed field that is not set", Unmapped{"Collectif": `true`}, `extra_fields["Collectif"]`},
		{"the number", Unmapped{"Numero": `"1"`}, `extra_fields["Numero"]`},
		{"the identity", Unmapped{"ObjectID": `"x"`}, `extra_fields["ObjectID"]`},
		{"the revision", Unmapped{"revisionid": `"x"`}, `extra_fields["revisionid"]`},
		{"the dossier", Unmapped{"CodeDossier": `"CEGID003"`}, `extra_fields["CodeDossier"]`},
		{"the dossier, as imports call it", Unmapped{"codeIbs": `"CEGID003"`}, `extra_fields["codeIbs"]`},
		{"one field in two letter cases", Unmapped{"abc": `1`, "aBc": `2`}, `extra_fields["abc"]`},
		{"no JSON", Unmapped{"abc": `x`}, `extra_fields["abc"]`},
		{"two values", Unmapped{"abc": `1,"libelle":"x"`}, `extra_fields["abc"]`},
		{"an object with a name twice", Unmapped{"abc": `{"a":1,"a":2}`}, `extra_fields["abc"]`},
		{"nothing", Unmapped{"abc": ``}, `extra_fields["abc"]`},
		{"no name", Unmapped{"": `1`}, `extra_fields[""]`},
		{"an escape for a name", Unmapped{`libell\u0065`: `1`}, `extra_fields["libell\\u0065"]`},
		{"a letter that folds to another", Unmapped{"\u212Aey": `1`}, "extra_fields[\"\u212aey\"]"},
		{"a name that ends the object", Unmapped{`a":1},{"b`: `1`}, `extra_fields["a\":1},{\"b"]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := &books{create: reply(200, `{"success":[`+newAccount+`],"errors":[]}`)}
			c, w := testClient(t, b.handler, unverified("create_account"))
			_, err := c.Accounts.Create(t.Context(), "D", Account{Number: new("60710000"), Label: new("Marchandises"), Unmapped: tc.extra})
			if tc.field == "" {
				if err != nil || len(b.posts) != 1 {
					t.Errorf("%v", err)
				}
				return
			}
			if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != tc.field || w.requests.Load() != 0 {
				t.Errorf("%v (%q) after %d requests", err, e.Field, w.requests.Load())
			}
		})
	}
	c, w := testClient(t, reply(200, "[]"), unverified("create_account"))
	for field, a := range map[string]Account{
		"number":   {Label: new("x")},
		"objectId": {Number: new("1"), ObjectID: new("x")}, "revisionId": {Number: new("1"), RevisionID: new("x")},
		`extra_fields["tva"]`: {Number: new("1"), VAT: &Ref{ObjectID: "v"}, Unmapped: Unmapped{"tva": `{}`}},
	} {
		_, err := c.Accounts.Create(t.Context(), "D", a)
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, dossier := range []string{"", "cabinet", "Cabinet"} {
		_, err := c.Accounts.Create(t.Context(), dossier, Account{Number: new("1"), Label: new("x")})
		if e, _ := asError(err); e == nil || e.Kind != KindInvalidArgument || e.Field != "dossier" {
			t.Errorf("%q: %v", dossier, err)
		}
	}
	if w.requests.Load() != 0 {
		t.Error("Loop was asked")
	}
}

func TestACreationNeedsTheOwnersConsent(t *testing.T) {
	c, w := testClient(t, reply(200, "[]"), unverified("create_journal"))
	_, err := c.Accounts.Create(t.Context(), "D", Account{Number: new("1"), Label: new("x")})
	if e, _ := asError(err); e == nil || e.Kind != KindUnverified || e.Operation != "create_account" || w.requests.Load() != 0 {
		t.Errorf("%v after %d requests", err, w.requests.Load())
	}
}

func TestWhetherWhatIsFoundIsWhatWasSent(t *testing.T) {
	p := planOf[Account](t)
	read := func(object string) rows {
		got, err := p.readList([]byte(object))
		testkit.OK(t, err)
		return got
	}
	for _, tc := range []struct {
		name, sent, found string
		contradicts       bool
	}{
		{"the same", `{"numero":"1","libelle":"A"}`, `{"numero":"1","libelle":"A"}`, false},
		{"more than was sent", `{"numero":"1"}`, `{"numero":"1","libelle":"A","ferme":false}`, false},
		{"less than was sent", `{"numero":"1","libelle":"A","x":1}`, `{"numero":"1"}`, false},
		{"another label", `{"numero":"1","libelle":"A"}`, `{"numero":"1","libelle":"B"}`, true},
		{"another flag", `{"numero":"1","ferme":false}`, `{"numero":"1","ferme":true}`, true},
		{"a number as a text", `{"numero":"1","type":6}`, `{"numero":"1","type":"6"}`, false},
		{"another number", `{"numero":"1","type":6}`, `{"numero":"1","type":7}`, true},
		{"the same reference", `{"numero":"1","tva":{"objectId":"v"}}`, `{"numero":"1","tva":{"objectId":"v","description":["N20"]}}`, false},
		{"another reference", `{"numero":"1","tva":{"objectId":"v"}}`, `{"numero":"1","tva":{"objectId":"w","description":["N10"]}}`, true},
		{"an unknown field", `{"numero":"1","taux":20}`, `{"numero":"1","Taux":20.00}`, false},
		{"an unknown field as a text", `{"numero":"1","taux":20}`, `{"numero":"1","taux":"20"}`, false},
		{"an unknown field with another value", `{"numero":"1","taux":20}`, `{"numero":"1","taux":10}`, true},
		{"an unknown object, of which Loop may show more", `{"numero":"1","x":{"a":1}}`, `{"numero":"1","x":{"a":1,"b":2}}`, false},
	} {
		if got := p.contradicts(read(tc.found).items.Index(0), read(tc.sent).items.Index(0)); got != tc.contradicts {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
}
