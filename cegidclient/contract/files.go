package contract

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cegid.internal/gateway/cegidclient"
)

// fileProbes leave an entry as writeProbes do, from a FEC that is deposited.
func fileProbes() []probe {
	const nowhere = "00000000-0000-4000-8000-000000000000/loop-contract.txt"
	refused := func(id, operation, question string, required bool, members map[string]string) probe {
		return probe{
			id: "files." + id, operation: operation, question: question, assumed: "HTTP 200 with error {instanceId, message}", reference: "A 3.4",
			required: required, needs: needsWrites,
			run: func(ctx context.Context, s *session) outcome { return s.fileRefused(ctx, operation, members) },
		}
	}
	return []probe{
		refused("no_file", "import_fec", "What does an import of no file answer?", true, map[string]string{}),
		refused("two_files", "import_fec", "What does an import of a file that is named twice answer?", false,
			map[string]string{"URI": nowhere, "URL": "https://files.example.com/loop-contract.txt"}),
		refused("no_model", "import_custom", "What does an import without its model answer?", false, map[string]string{"URI": nowhere}),
		{
			id: "files.accepted", operation: "import_fec", question: "Can a FEC be deposited and imported, and how does its status go?",
			assumed: "Azure takes it, an id comes, then status 1 or 2, then 3", reference: "A 3.2", required: true, needs: needsWrites,
			run: func(ctx context.Context, s *session) outcome {
				id, seen, err := s.importFEC(ctx)
				if err != nil {
					return judged(false, seen)
				}
				final, seen := s.follow(ctx, id, seen)
				if final == cegidclient.StatusUnknown {
					return open("it was not over in time; give it longer with LOOP_CONTRACT_SETTLE", seen)
				}
				return judged(final == cegidclient.StatusSucceeded, seen)
			},
		},
	}
}

// fileRefused sends an import that no file could make right.
func (s *session) fileRefused(ctx context.Context, id string, members map[string]string) outcome {
	body := map[string]string{"codeIbs": s.cfg.Dossier}
	for name, value := range members {
		body[name] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		return open("the body cannot be written", nil)
	}
	op := operation(id)
	a := s.do(ctx, s.client, &cegidclient.Call{Operation: &op, Dossier: s.cfg.Dossier, Body: text})
	root, _ := a.root.(map[string]any)
	inner, isObject := root["error"].(map[string]any)
	_, hasMessage := inner["message"].(string)
	return judged(a.status == 200 && isObject && hasMessage, s.withObject(Seen{"status": count(a.status)}, a))
}

// importFEC deposits and imports a FEC of one entry of 0.01, debit and credit on one account.
func (s *session) importFEC(ctx context.Context) (id string, seen Seen, err error) {
	journal, account, err := s.place(ctx)
	if err != nil {
		return "", Seen{"outcome": word("the dossier has no open journal or no plain open account")}, err
	}
	day, reference := strings.ReplaceAll(s.cfg.WriteDate, "-", ""), "CONTRACT-"+rand.Text()[:8]
	file := "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\t" +
		"CompAuxLib\tPieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise\r\n"
	for _, sides := range []string{"0,01\t0,00", "0,00\t0,01"} {
		file += fmt.Sprintf("%s\tCONTRACT TEST\t1\t%s\t%s\tCONTRACT TEST\t\t\t%s\t%s\tCONTRACT TEST\t%s\t\t\t%s\t\t\r\n",
			journal, day, account, reference, day, sides, day)
	}
	failed := func(step word, err error) (string, Seen, error) {
		seen := Seen{"step": step}
		if e, ok := errors.AsType[*cegidclient.Error](err); ok {
			seen["kind"], seen["status"] = word(e.Kind.String()), count(e.HTTPStatus)
		}
		return "", seen, err
	}
	uri, err := s.client.Files.Deposit(ctx, "loop-contract.txt",
		cegidclient.FileContent{Content: bytes.NewReader([]byte(file)), Size: int64(len(file))})
	if err != nil {
		return failed("deposit", err)
	}
	if id, err = s.client.Files.ImportFEC(ctx, s.cfg.Dossier, cegidclient.FileImport{URI: uri}); err != nil {
		return failed("import", err)
	}
	return id, Seen{"id": kindOfText(id)}, nil
}
