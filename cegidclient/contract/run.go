package contract

import (
	"context"
	"slices"

	"cegid.internal/gateway/cegidclient"
)

// probe is a question and how it is put.
type probe struct {
	id, operation, question, assumed, reference string
	// required: the code depends on the assumption.
	required bool
	// needs says why it cannot be put, "" if it can.
	needs func(Config) string
	run   func(context.Context, *session) outcome
}

type outcome struct {
	verdict Verdict
	seen    Seen
	why     string
}

func judged(asAssumed bool, seen Seen) outcome {
	if asAssumed {
		return outcome{verdict: AsAssumed, seen: seen}
	}
	return outcome{verdict: Otherwise, seen: seen}
}

func open(why string, seen Seen) outcome { return outcome{NotSettled, seen, why} }

// Run puts all questions. Its error says that not even the first could be put.
func Run(ctx context.Context, cfg Config) (*Report, error) { return put(ctx, cfg, probes()) }

func put(ctx context.Context, cfg Config, questions []probe) (*Report, error) {
	s, err := newSession(cfg)
	if err != nil {
		return nil, err
	}
	defer s.client.Close()
	report := &Report{
		Suite: suite, Day: today(), Production: cfg.BaseURL == "" || cfg.BaseURL == cegidclient.DefaultBaseURL,
		Writes: cfg.Writes,
	}
	if !cfg.Standard.IsZero() {
		report.Keys = append(report.Keys, "standard")
	}
	if !cfg.Advanced.IsZero() {
		report.Keys = append(report.Keys, "advanced")
	}
	connected := true
	for _, p := range questions {
		out := open("the first call was refused; nothing more was asked", nil)
		switch why := p.why(cfg); {
		case why != "":
			out = open(why, nil)
		case ctx.Err() != nil:
			out = open("the suite was stopped", nil)
		case connected:
			out = p.run(ctx, s)
		}
		if p.id == connection && out.verdict != AsAssumed {
			connected = false // nothing is gained by knocking with keys that are refused
		}
		report.Results = append(report.Results, Result{
			ID: p.id, Operation: p.operation, Question: p.question, Assumed: p.assumed, Reference: p.reference, Required: p.required,
			Verdict: out.verdict, Seen: out.seen, Why: out.why,
		})
	}
	for i := range report.Results { // now that every value is known that a name could be
		report.Results[i].Seen = s.vocab.resolve(report.Results[i].Seen)
	}
	report.Requests = s.requests.Load()
	report.NotAsked = notAsked()
	return report, nil
}

func (p probe) why(cfg Config) string {
	if p.needs == nil {
		return ""
	}
	return p.needs(cfg)
}

const connection = "access.connection"

// probes are all questions, in the order in which they are put: what could be held against a key comes last.
func probes() []probe {
	return slices.Concat(
		connectionProbes(), listProbes(), pagingProbes(), filterProbes(), importReadProbes(), writeProbes(), fileProbes(), entryProbes(),
		accessProbes(), badKeyProbes(), gatewayProbes(),
	)
}

func needsAdvanced(cfg Config) string {
	if cfg.Advanced.IsZero() {
		return "no Advanced key was given"
	}
	return ""
}

func needsStandard(cfg Config) string {
	if cfg.Standard.IsZero() {
		return "no Standard key was given"
	}
	return ""
}

func needsBadKeys(cfg Config) string {
	if !cfg.BadKeys {
		return "wrong keys were not to be tried"
	}
	return ""
}

func needsWrites(cfg Config) string {
	if !cfg.Writes {
		return "nothing was to be written"
	}
	return ""
}

// notAsked are the operations of the inventory that no probe touches, with the reason.
func notAsked() []OpenQuestion {
	asked := map[string]bool{}
	for _, p := range probes() {
		asked[p.operation] = true
	}
	var out []OpenQuestion
	for _, op := range cegidclient.Operations() {
		if asked[op.ID] {
			continue
		}
		why := notAskedBecause[op.ID]
		if why == "" && op.Path == "" {
			why = "no route is known"
		}
		out = append(out, OpenQuestion{op.ID, op.Unknown, why})
	}
	return out
}

// notAskedBecause holds the reasons for operations that have a route.
var notAskedBecause = map[string]string{
	"create_account":             "it would leave an account behind, and its body is not known",
	"create_journal":             "it would leave a journal behind, and its body is not known",
	"update_dossier_identity":    "it would change the dossier's legal identity",
	"import_json_analytics":      "its JSON is inferred; import a breakdown by hand first",
	"import_tra":                 "it would book the file's entries, and the names of its body are not known",
	"store_document":             "it would leave a document in the accounting robot",
	"replay_sink":                "it needs a subscription, and would send its changes again",
	"list_engagement_activities": "it needs the id of an engagement letter, which no known route gives",
	"check_staff_access":         "it needs the login of a staff member",
	"add_offer":                  "deprecated by Loop",
	"add_collaborative_offer":    "its body is not known",
}
