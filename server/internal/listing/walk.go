package listing

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/pagetoken"
)

// Walk streams the entries of a range of days past the hundred that Loop gives at most.
type Walk struct {
	Client  *cegidclient.Client
	Query   cegidclient.EntryQuery // without dates
	Convert func(*cegidclient.BookedEntry) *looppb.BookedEntry
	Send    func(*looppb.StreamEntriesResponse) error
}

// Stream walks on from the request's cursor.
func (w Walk) Stream(ctx context.Context, request *looppb.StreamEntriesRequest) error {
	q := w.Query
	digest := pagetoken.NewQuery("StreamEntries", request.GetPractice(), request.GetDossier(), request.GetDocumentDateFrom(),
		request.GetDocumentDateTo(),
		string(q.Lettering), q.LetteringID, q.OriginID, q.Journal, q.DocumentReference, q.Account)
	state, err := pagetoken.DecodeText(digest, request.GetCursor())
	if err != nil {
		return cursorError(err)
	}
	for step, err := range w.Client.Entries.Walk(ctx, request.GetDossier(), cegidclient.EntryWalk{
		From: request.GetDocumentDateFrom(), To: request.GetDocumentDateTo(), Query: q, State: state, Ahead: pagesAhead,
	}) {
		var wrong *cegidclient.Error
		switch {
		case errors.As(err, &wrong) && wrong.Local && wrong.Field == "state":
			return cursorError(pagetoken.ErrDamaged)
		case err != nil:
			return err
		}
		if err := w.send(step, pagetoken.EncodeText(digest, step.State)); err != nil {
			return err
		}
	}
	return nil
}

// send says how far the walk has come with the last message of a step: a caller who resumes there has all that came before.
func (w Walk) send(step *cegidclient.EntryWalkStep, cursor string) error {
	entries := make([]*looppb.BookedEntry, len(step.Items))
	for i := range step.Items {
		entries[i] = w.Convert(&step.Items[i])
	}
	for {
		some := Fitting(entries[:min(len(entries), StreamPage)], MaxAnswer)
		entries = entries[len(some):]
		message := &looppb.StreamEntriesResponse{Entries: some}
		if len(entries) > 0 {
			if err := w.Send(message); err != nil {
				return err
			}
			continue
		}
		message.Walk = &looppb.EntryWalk{Cursor: cursor, Questions: proto.Int32(int32(step.Questions))}
		for _, gap := range step.Gaps {
			message.Walk.Gaps = append(message.Walk.Gaps, entryGap(gap))
		}
		if step.End {
			message.Walk.Cursor, message.Walk.Complete, message.Truncated = "", new(step.Complete), new(!step.Complete)
		}
		return w.Send(message)
	}
}

var gapReasons = map[cegidclient.EntryGapReason]looppb.EntryGapReason{
	cegidclient.GapFull:      looppb.EntryGapReason_ENTRY_GAP_REASON_FULL,
	cegidclient.GapDoubtful:  looppb.EntryGapReason_ENTRY_GAP_REASON_DOUBTFUL,
	cegidclient.GapUncovered: looppb.EntryGapReason_ENTRY_GAP_REASON_UNCOVERED,
}

var letterings = map[cegidclient.LetteringState]looppb.LetteringState{
	cegidclient.Unlettered: looppb.LetteringState_LETTERING_STATE_UNLETTERED,
	cegidclient.Lettered:   looppb.LetteringState_LETTERING_STATE_LETTERED,
}

func entryGap(gap cegidclient.EntryGap) *looppb.EntryGap {
	return &looppb.EntryGap{
		Reason: gapReasons[gap.Reason], Lettering: letterings[gap.Query.Lettering],
		DocumentDate: gap.Query.DocumentDate, Journal: gap.Query.Journal, Account: gap.Query.Account,
	}
}

func cursorError(err error) error {
	sentence := "the cursor is damaged: send it as received, or none to start again"
	if errors.Is(err, pagetoken.ErrOtherQuery) {
		sentence = "the cursor belongs to another walk: keep practice, dossier, range and criteria as they were, or send none to start again"
	}
	return apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "cursor", sentence)
}
