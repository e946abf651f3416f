package cegidclient

import (
	"context"
	"encoding/json"
)

// MaxReplayDays is how many days Loop sends again at most (loop-api: A 6).
const MaxReplayDays = 20

// ReplayQuery says which changes Loop is to send again. All of it is required.
type ReplayQuery struct {
	// EntityID is the UUID of the entity, which is not the dossier's code (loop-api: A 0).
	EntityID       string
	SubscriptionID string
	// Days before now, 1 to [MaxReplayDays]. Loop's page calls the number required and gives it a default: it is always
	// sent.
	Days int
}

// Replay is Loop's answer (loop-api: A 6): it has started, and no more than that.
type Replay struct {
	// Message is a sentence in French.
	Message *string `loop:"message"`
	// Domain is Loop's code of the practice.
	Domain *string `loop:"domain"`
	// Dossier is the code of the dossier. It tells a start from an error object, which has a message too.
	Dossier *string `loop:"codeIbs,required"`

	Unmapped Unmapped
}

// ChangeFeedService speaks to Loop's change feed (Loop: sink), which writes accounting changes into storage of the
// practice's own.
type ChangeFeedService struct {
	c    *Client
	op   *Operation
	plan *plan
}

func newChangeFeedService(c *Client) *ChangeFeedService {
	l := newLister[Replay](c, "replay_sink", "")
	return &ChangeFeedService{c, l.op, l.plan}
}

// Replay has Loop send the changes of recent days again (Loop: POST /partialInit; loop-api: A 6). It books nothing, and is
// sent once all the same: sent twice, it sends the changes twice. Once begun it has its own time, and Replay does not return
// before. [OutcomeOf] tells from an error whether it was sent.
func (s *ChangeFeedService) Replay(ctx context.Context, q ReplayQuery) (*Replay, error) {
	call := &Call{Operation: s.op, outlives: true}
	switch {
	case q.EntityID == "":
		return nil, s.c.annotate(call, invalid("entity_id", "no entity"), nil)
	case q.SubscriptionID == "":
		return nil, s.c.annotate(call, invalid("subscription_id", "no subscription"), nil)
	case q.Days < 1 || q.Days > MaxReplayDays:
		return nil, s.c.annotate(call, invalid("number_of_days", "Loop sends 1 to 20 days again"), nil)
	}
	call.Body, _ = json.Marshal(struct { // strings and a number always can be
		Key            string `json:"key"`
		SubscriptionID string `json:"subscriptionId"`
		NumberOfDays   int    `json:"numberOfDays"`
	}{q.EntityID, q.SubscriptionID, q.Days})
	var replay *Replay
	call.read = func(body []byte) (err error) {
		replay, err = readOne[Replay](s.plan, body)
		return err
	}
	if _, err := s.c.Do(ctx, call); err != nil {
		return nil, err
	}
	return replay, nil
}
