package service

import (
	"context"
	"strings"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/wording"
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

// lateMessage is the reason of a late answer, and Loop's words.
func lateMessage(l ledger.LateAnswer) string {
	reason, _ := wording.Failure(&ledger.Failure{Cause: l.Cause})
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
			Message: wording.Evidence(r), KeptReferences: new(int32(len(r.DocumentReferences))), Attempt: new(int32(e.Attempt)),
			CheckTime: instant(e.Time), Caller: e.Caller,
		}
		for _, sighting := range e.Sightings {
			out.Evidence.References = append(out.Evidence.References, &looppb.ReferenceEvidence{
				DocumentReference: sighting.Reference,
				UnletteredEntries: new(int32(sighting.Unlettered)), LetteredEntries: new(int32(sighting.Lettered)),
				Truncated: &sighting.Truncated, Different: &sighting.Different, OtherImports: new(int32(sighting.Others)),
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
		for _, answer := range d.Late {
			out.LateAnswers = append(out.LateAnswers, &looppb.LateAnswer{
				Attempt: new(int32(answer.Attempt)), State: importStates[answer.State], LoopRequestId: answer.LoopRequestID,
				Message: lateMessage(answer), Time: instant(answer.Time),
			})
		}
	}
	return out
}
