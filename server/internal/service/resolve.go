package service

import (
	"context"
	"strings"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
)

// ResolveImport implements looppb.ImportServiceServer.
func (s *Imports) ResolveImport(ctx context.Context, request *looppb.ResolveImportRequest) (*looppb.ResolveImportResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	decision := submission.Decision{Key: keyOf(request, ledger.Imports), Caller: s.caller(ctx)}
	switch what := request.GetAction().(type) {
	case *looppb.ResolveImportRequest_Confirm:
		decision.Statement = &submission.Word{
			Booked: what.Confirm.GetOutcome() == looppb.StatedOutcome_STATED_OUTCOME_BOOKED,
			Note:   what.Confirm.GetNote(),
		}
	case *looppb.ResolveImportRequest_Resubmit:
		decision.Again = againOf(what.Resubmit,
			submission.Request{Key: decision.Key, Caller: decision.Caller, AllowDuplicate: what.Resubmit.GetAllowDuplicate()})
	}
	done, err := s.writer.Resolve(ctx, practice.Writing(), decision)
	if err != nil {
		return nil, s.told(ctx, err)
	}
	return &looppb.ResolveImportResponse{ImportRecord: s.importFor(decision.Caller, done.Record), Replayed: &done.Replayed}, nil
}

// againOf is what is to be sent again.
func againOf(in *looppb.ResubmitImport, request submission.Request) *submission.Again {
	if file := in.GetFile(); file != nil {
		return &submission.Again{File: new(fileImport(file, request))}
	}
	return &submission.Again{Entries: new(entriesOf(in.GetEntries(), request))}
}

func statedOutcome(booked bool) looppb.StatedOutcome {
	if booked {
		return looppb.StatedOutcome_STATED_OUTCOME_BOOKED
	}
	return looppb.StatedOutcome_STATED_OUTCOME_NOT_BOOKED
}

// evidenceSentence says what a look means, and what to do.
func evidenceSentence(r ledger.Record) string {
	switch r.Evidence.Verdict {
	case ledger.Found:
		return "entries with its document references are in Loop; that nobody typed the same there is for a person to say"
	case ledger.NotFound:
		if r.Evidence.Proves() {
			return "Loop shows no entry with its document references"
		}
		return "Loop shows no entry with its document references, and nothing is known here to be booked in the dossier that could show that the look can see: look in Loop, and state NOT_BOOKED with a note"
	}
	switch r.Evidence.Doubt {
	case ledger.ReferenceAbsent:
		if r.Totals.Lines == 0 { // a custom file, or one behind a link
			return "nobody here has read its file, so there is no document reference to look for: look in Loop for what you know to be in it"
		}
		return "it has no document reference to look for: look for its amounts and dates in Loop"
	case ledger.ReferenceUnsearchable:
		return "Loop's filter cannot name its document references, or Loop may have cut them: look for them in Loop"
	case ledger.TooEarly:
		return "Loop shows no entry with its document references yet: look again later"
	case ledger.NotFailed:
		return "Loop shows no entry with its document references, and does not say that the import, which it accepted, has failed: look at the import in Loop"
	case ledger.PartlyFound:
		return "Loop shows entries of some of its document references only: compare them in Loop"
	case ledger.NotUnique:
		return "Loop shows entries with its document references, which another import of the dossier has, or may have: compare them in Loop"
	case ledger.Different:
		return "Loop shows entries with its document references, of another journal or date: compare them in Loop"
	case ledger.SearchBlind:
		return "the look is blind: Loop does not find what it has booked in the dossier, or finds what cannot be there; the key may have lost a right, or the filter is ignored. Look in Loop, and state NOT_BOOKED with a note"
	case ledger.Truncated:
		return "Loop shows as many entries of a document reference as it gives at most: look in Loop"
	}
	return ""
}

// lateMessage is the reason of a late answer, and Loop's words.
func lateMessage(l ledger.LateAnswer) string {
	_, reason := failed(&ledger.Failure{Cause: l.Cause})
	return strings.TrimSpace(reason + " " + l.Message)
}

func resolutionMessage(r ledger.Record) *looppb.ImportResolution {
	if r.Evidence == nil && r.Resolution == nil {
		return nil
	}
	out := &looppb.ImportResolution{Resubmissions: new(int32)}
	if e := r.Evidence; e != nil {
		out.Evidence = &looppb.ImportEvidence{
			Verdict: verdicts[e.Verdict],
			Doubt:   doubts[e.Doubt],
			Control: controls[e.Control],
			Message: evidenceSentence(r), KeptReferences: new(int32(len(r.DocumentReferences))), Attempt: new(int32(e.Attempt)),
			CheckTime: instant(e.Time), Caller: e.Caller,
		}
		for _, each := range e.Sightings {
			out.Evidence.References = append(out.Evidence.References, &looppb.ReferenceEvidence{
				DocumentReference: each.Reference, UnletteredEntries: new(int32(each.Unlettered)), LetteredEntries: new(int32(each.Lettered)),
				Truncated: &each.Truncated, Different: &each.Different, OtherImports: new(int32(each.Others)),
			})
		}
	}
	if d := r.Resolution; d != nil {
		*out.Resubmissions, out.ResubmitCaller, out.ResubmitTime = int32(d.Resubmissions), d.ResubmitBy, instant(d.ResubmitTime)
		if w := d.Statement; w != nil {
			out.Statement = &looppb.ImportStatement{
				Outcome: statedOutcome(w.Booked), Caller: w.Caller, Note: w.Note, Time: instant(w.Time), Attempt: new(int32(w.Attempt)),
				PreviousState: importStates[w.Before],
				Unproven:      &w.Unproven,
			}
		}
		for _, each := range d.Late {
			out.LateAnswers = append(out.LateAnswers, &looppb.LateAnswer{
				Attempt: new(int32(each.Attempt)), State: importStates[each.State], LoopRequestId: each.LoopRequestID, Message: lateMessage(each),
				Time: instant(each.Time),
			})
		}
	}
	return out
}
