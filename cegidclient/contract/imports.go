package contract

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"cegid.internal/gateway/cegidclient"
)

func importReadProbes() []probe {
	return []probe{
		{
			id: "imports.unknown_id", operation: "get_import_status", question: "What does the status of an import that never was answer?",
			assumed: "HTTP 404", reference: "A 3.6",
			run: func(ctx context.Context, s *session) outcome {
				a := s.get(ctx, s.client, operation("get_import_status"),
					url.Values{"accountingImportRequestId": {"00000000-0000-4000-8000-000000000000"}})
				return judged(a.status == 404, s.withObject(a.told(), a))
			},
		},
		{
			id: "imports.other_parameter", operation: "get_import_status", question: "Is the parameter accountingImportRequestId, and not another?",
			assumed: "another one is refused, not answered as an unknown id is", reference: "A 3.6",
			run: func(ctx context.Context, s *session) outcome {
				unknown := s.get(ctx, s.client, operation("get_import_status"),
					url.Values{"accountingImportRequestId": {"00000000-0000-4000-8000-000000000000"}})
				a := s.get(ctx, s.client, operation("get_import_status"), url.Values{"loopContractNoSuchParameter": {"1"}})
				return judged(!a.ok() && a.status != unknown.status, s.withObject(a.told(), a).with("status of an unknown id", count(unknown.status)))
			},
		},
		{
			id: "deposit.parts", operation: "get_file_deposit", question: "Do depositUrl and uri come in one object?", assumed: "yes",
			reference: "A 3.1",
			run: func(ctx context.Context, s *session) outcome {
				a := s.get(ctx, s.client, operation("get_file_deposit"), url.Values{"filename": {"loop-contract.txt"}})
				if !a.ok() {
					return open(a.why(), s.withObject(a.told(), a))
				}
				rows, envelope := a.rows()
				seen := a.told().with("members", shapeOf(rows).tell(s.vocab)).with("envelope", envelope)
				deposit, uri := find(a.root, "depositUrl"), find(a.root, "uri")
				if link, err := url.Parse(deposit); err == nil && deposit != "" {
					seen["Azure storage"] = flag(strings.HasSuffix(link.Hostname(), ".blob.core.windows.net"))
					if end, err := time.Parse(time.RFC3339, link.Query().Get("se")); err == nil {
						seen["minutes that the link lives"] = count(time.Until(end).Round(time.Minute) / time.Minute)
					}
				}
				folder, name, _ := strings.Cut(uri, "/")
				seen["uri is a UUID and the name"] = flag(uuidLike.MatchString(folder) && name == "loop-contract.txt")
				root, isObject := a.root.(map[string]any)
				return judged(isObject && root["depositUrl"] != nil && root["uri"] != nil, seen)
			},
		},
	}
}

// find is a text somewhere in an answer, by its member's name.
func find(value any, member string) string {
	switch x := value.(type) {
	case map[string]any:
		if found, ok := x[member].(string); ok {
			return found
		}
		for _, item := range x {
			if found := find(item, member); found != "" {
				return found
			}
		}
	case []any:
		for _, item := range x {
			if found := find(item, member); found != "" {
				return found
			}
		}
	}
	return ""
}

// writeProbes leave entries of 0.01 in the dossier that cancel themselves out: debit and credit are on one account.
func writeProbes() []probe {
	write := func(id, question, assumed, reference string, required bool, run func(context.Context, *session) outcome) probe {
		return probe{
			id: "imports." + id, operation: "import_entries", question: question, assumed: assumed, reference: reference,
			required: required, needs: needsWrites, run: run,
		}
	}
	return []probe{
		write("refused", "What does an import without entries answer?", "HTTP 200 with error {instanceId, message}", "A 1", true,
			func(ctx context.Context, s *session) outcome {
				body, err := json.Marshal(map[string]any{"codeIbs": s.cfg.Dossier, "data": map[string]any{
					"contexte":  map[string]string{"from": s.cfg.WriteDate + "T00:00:00.000Z", "to": s.cfg.WriteDate + "T00:00:00.000Z"},
					"ecritures": []any{},
				}})
				if err != nil {
					return open("the body cannot be written", nil)
				}
				op := operation("import_entries")
				a := s.do(ctx, s.client, &cegidclient.Call{Operation: &op, Dossier: s.cfg.Dossier, Body: body})
				refusal, _ := a.root.(map[string]any)
				inner, isObject := refusal["error"].(map[string]any)
				_, hasMessage := inner["message"].(string)
				return judged(a.status == 200 && isObject && hasMessage, s.withObject(Seen{"status": count(a.status)}, a))
			}),
		write("accepted", "What does an import of a balanced entry answer, and how does its status go?",
			"an id, then status 1 or 2, then 3", "A 3.6", true, func(ctx context.Context, s *session) outcome {
				id, seen, err := s.submit(ctx, "0.01")
				if err != nil {
					return judged(false, seen)
				}
				final, seen := s.follow(ctx, id, seen)
				if final == cegidclient.StatusUnknown {
					return open("it was not over in time; give it longer with LOOP_CONTRACT_SETTLE", seen)
				}
				if final != cegidclient.StatusSucceeded {
					s.written = nil
				}
				return judged(final == cegidclient.StatusSucceeded, seen)
			}),
		write("read_back", "Under which members do the lines of that import come back?",
			"journalCode, refPiece, compteNumero, datePiece; the others are not known", "A 4", false, func(ctx context.Context, s *session) outcome {
				if s.written == nil {
					return open("no import has succeeded", nil)
				}
				filter := unlettered + ` && refPiece == "` + s.written["document reference"] + `"`
				var a *answer
				for range 10 {
					a = s.get(ctx, s.client, operation(entriesRoute), url.Values{"codeDossier": {s.cfg.Dossier}, "filter": {filter}, "take": {"10"}})
					if rows, _ := a.rows(); len(rows) > 0 || pause(ctx, min(time.Second, s.cfg.ImportTimeout/10)) != nil {
						break
					}
				}
				rows, _ := a.rows()
				if !a.ok() {
					return open(a.why(), a.told())
				}
				seen := Seen{"lines": count(len(rows)), "members": shapeOf(rows).tell(s.vocab)}
				for what, value := range s.written {
					if names := s.holding(rows, value); len(names) > 0 {
						seen[what+" is in"] = names
					}
				}
				holds := func(what, name string) bool {
					names, _ := seen[what+" is in"].(words)
					return slices.Contains(names, s.vocab.name(name))
				}
				return judged(len(rows) == 2 && holds("journal", "journalCode") && holds("document reference", "refPiece") &&
					holds("account", "compteNumero"), seen)
			}),
		write("unbalanced", "What becomes of an entry that does not balance, with failOnUnbalanced?", "accepted, then status 4", "A 2.9",
			false, unbalanced),
	}
}

func unbalanced(ctx context.Context, s *session) outcome {
	id, seen, err := s.submit(ctx, "0.02")
	if err != nil {
		return judged(false, seen)
	}
	final, seen := s.follow(ctx, id, seen)
	if final == cegidclient.StatusUnknown {
		return open("it was not over in time; give it longer with LOOP_CONTRACT_SETTLE", seen)
	}
	return judged(final == cegidclient.StatusFailed, seen)
}

// submit imports an entry with a debit of 0.01 and the credit given, on one account.
func (s *session) submit(ctx context.Context, credit string) (id string, seen Seen, err error) {
	journal, account, err := s.place(ctx)
	if err != nil {
		return "", Seen{"outcome": word("the dossier has no open journal or no plain open account")}, err
	}
	reference := "CONTRACT-" + rand.Text()[:8]
	id, err = s.client.Imports.Submit(ctx, s.cfg.Dossier, cegidclient.EntryImport{
		Entries: []cegidclient.Entry{{
			Journal: journal, Date: s.cfg.WriteDate, Reference: reference, DocumentReference: reference,
			Lines: []cegidclient.EntryLine{
				{Account: account, Label: "CONTRACT TEST DEBIT", Debit: "0.01"}, {Account: account, Label: "CONTRACT TEST CREDIT", Credit: credit},
			},
		}},
	})
	if err != nil {
		seen = Seen{"outcome": word(cegidclient.OutcomeOf(err).String())}
		if e, ok := errors.AsType[*cegidclient.Error](err); ok {
			seen["kind"], seen["status"] = word(e.Kind.String()), count(e.HTTPStatus)
		}
		return "", seen, err
	}
	if credit == "0.01" {
		s.written = map[string]string{
			"journal": journal, "account": account, "document reference": reference, "label": "CONTRACT TEST DEBIT",
			"amount": "0.01",
		}
	}
	return id, Seen{"id": kindOfText(id)}, nil
}

// place finds a journal of miscellaneous operations, or another open one, and an account on which an entry does no harm.
func (s *session) place(ctx context.Context) (journal, account string, err error) {
	is := func(b *bool) bool { return b != nil && *b }
	for found, err := range s.client.Journals.All(ctx, s.cfg.Dossier, cegidclient.ListOptions{}) {
		if err != nil {
			return "", "", err
		}
		misc := found.Type != nil && *found.Type == cegidclient.JournalTypeMiscellaneous
		if !is(found.Closed) && *found.Code != "AN" && (journal == "" || misc) {
			if journal = *found.Code; misc {
				break
			}
		}
	}
	for found, err := range s.client.Accounts.All(ctx, s.cfg.Dossier, cegidclient.ListOptions{}) {
		if err != nil {
			return "", "", err
		}
		waiting := strings.HasPrefix(*found.Number, "471")
		if !is(found.Closed) && !is(found.Collective) && !is(found.Analytic) && (account == "" || waiting) {
			if account = *found.Number; waiting {
				break
			}
		}
	}
	if journal == "" || account == "" {
		return "", "", errors.New("nowhere to book")
	}
	return journal, account, nil
}

// follow asks for the status until it is final or the time is over.
func (s *session) follow(ctx context.Context, id string, seen Seen) (cegidclient.ImportState, Seen) {
	var codes, members words
	until := time.Now().Add(s.cfg.ImportTimeout)
	for wait := min(500*time.Millisecond, s.cfg.ImportTimeout/20); ; wait = min(2*wait, 10*time.Second) {
		status, err := s.client.Imports.Status(ctx, id)
		if err != nil {
			e, _ := errors.AsType[*cegidclient.Error](err)
			return cegidclient.StatusUnknown, seen.with("status call", word(e.Kind.String()))
		}
		code := word("no short number")
		if enumNumber.MatchString(status.Code) {
			code = word(status.Code)
		}
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
		var root any
		dec := json.NewDecoder(strings.NewReader(status.Raw))
		dec.UseNumber()
		if dec.Decode(&root) == nil {
			s.vocab.learn(root)
			for name, form := range shapeOf([]any{root}).tell(s.vocab) {
				if label := name + " (" + word(told(form)) + ")"; !slices.Contains(members, label) {
					members = append(members, label)
				}
			}
		}
		slices.Sort(members)
		seen = seen.with("status numbers", codes).with("members of the status", members)
		if status.State.Final() {
			return status.State, seen
		}
		if time.Now().Add(wait).After(until) || pause(ctx, wait) != nil {
			return cegidclient.StatusUnknown, seen
		}
	}
}

// holding are the members whose value is the one that was written.
func (s *session) holding(rows []any, value string) words {
	var names []string
	for _, row := range rows {
		members, _ := row.(map[string]any)
		for name := range members {
			got := text(row, name)
			if number := strings.TrimRight(got, "0"); got == value || value == "0.01" && number == value {
				names = append(names, name)
			}
		}
	}
	return s.vocab.names(names)
}
