// Package recall reads from an audit what was sent, so that a ledger which was put back from a copy can be restored.
package recall

import (
	"encoding/hex"
	"fmt"

	"cegid.internal/gateway/server/internal/audit"
	"cegid.internal/gateway/server/internal/ledger"
)

// Sent returns what the files of an audit, those of each process in their order, know to have been sent, and what was read.
func Sent(files []string) (sent []ledger.Sent, found *audit.Audit, err error) {
	at := map[string]int{} // by write, its place in sent
	found, err = audit.Read(files, func(r audit.Record) error {
		switch r.Event {
		case audit.Submitting:
			attempt, err := sentOf(r)
			if err != nil {
				return err
			}
			at[r.Write] = len(sent)
			sent = append(sent, attempt)
		case audit.Submitted:
			if i, known := at[r.Write]; known {
				sent[i].State, sent[i].LoopRequestID = ledger.State(r.State), r.LoopRequestID
			}
		}
		return nil
	})
	return sent, found, err
}

func sentOf(r audit.Record) (ledger.Sent, error) {
	out := ledger.Sent{
		Key:    ledger.Key{Practice: r.Practice, Dossier: r.Dossier, Collection: ledger.Collection(r.Collection), RequestID: r.Import},
		Caller: r.Caller, Kind: ledger.Kind(r.Kind), Format: r.Format, Fingerprint: ledger.Fingerprint{Scheme: r.Scheme},
		Totals: ledger.Totals{
			Entries: r.Entries, Lines: r.Lines, Debit: r.Debit, Credit: r.Credit, FirstDate: r.FirstDate,
			LastDate: r.LastDate,
		},
		Attempt: r.Attempt, Owner: r.Write, Time: r.Time, Commit: r.Commit,
	}
	content, err := hex.DecodeString(r.Content)
	if err != nil || len(content) != len(out.Fingerprint.Sum) || out.Practice == "" || out.RequestID == "" || out.Attempt < 1 ||
		out.Owner == "" {
		return ledger.Sent{}, fmt.Errorf("record %d of chain %s lacks what it must tell of a write", r.Sequence, r.Chain)
	}
	copy(out.Fingerprint.Sum[:], content)
	return out, nil
}
