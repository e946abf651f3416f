package submission

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

const (
	// mostSearched is how many references of an import a look asks Loop for; each takes two questions, three when nothing is
	// there.
	mostSearched = 20
	// atATime is how many of them: a slow Loop must not make a look longer than a call may take.
	atATime = 4
)

// look asks Loop for the entries of an import by their document references, together with controls, which show that the
// answer can be believed: references of what Loop has booked, and one that cannot exist (loop-api: A 4).
type look struct {
	client *cegidclient.Client
	ledger *ledger.Ledger
	record ledger.Record
}

// at looks for references of the import.
func (l look) at(ctx context.Context, references []string) (ledger.Search, error) {
	began := time.Now()
	out := ledger.Search{Attempt: l.record.Attempt, Sightings: make([]ledger.Sighting, len(references))}
	if len(references) == 0 {
		return out, nil
	}
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(atATime)
	asking.Go(func() (err error) {
		out.Control, err = l.control(ctx)
		return err
	})
	asking.Go(func() (err error) {
		out.Anything, err = l.anything(ctx)
		return err
	})
	for i, reference := range references {
		asking.Go(func() (err error) {
			out.Sightings[i], err = l.sight(ctx, reference)
			return err
		})
	}
	err := asking.Wait()
	if out.Anything {
		out.Control = ledger.ControlMissed
	}
	out.Took = time.Since(began)
	return out, err
}

// control asks for what Loop has booked, one import after another until one is seen.
func (l look) control(ctx context.Context) (ledger.Control, error) {
	known, err := l.ledger.Controls(ctx, l.record, isSearchable)
	if err != nil || len(known) == 0 {
		return ledger.ControlNone, err
	}
	for _, control := range known {
		booked, err := l.client.Entries.Under(ctx, l.record.Dossier, control.Reference)
		if err != nil {
			return ledger.ControlUnknown, err
		}
		for _, part := range booked {
			// Compared, not counted: a filter that Loop ignores brings entries, too.
			if slices.ContainsFunc(part.Items, func(e cegidclient.BookedEntry) bool {
				return carries(e, control.Reference) && control.Fits(e.Journal, (*string)(e.DocumentDate))
			}) {
				return ledger.ControlFound, nil
			}
		}
	}
	return ledger.ControlMissed, nil
}

// anything asks for a made-up reference.
func (l look) anything(ctx context.Context) (bool, error) {
	booked, err := l.client.Entries.Under(ctx, l.record.Dossier, "NONE-"+rand.Text())
	if err != nil {
		return false, err
	}
	return len(booked[0].Items)+len(booked[1].Items) > 0, nil
}

// sight asks Loop for the entries of a reference.
func (l look) sight(ctx context.Context, reference string) (ledger.Sighting, error) {
	booked, err := l.client.Entries.Under(ctx, l.record.Dossier, reference)
	if err == nil && len(booked[0].Items)+len(booked[1].Items) == 0 {
		// What lost its lettering between the two questions was in neither answer.
		booked[0], err = l.client.Entries.List(ctx, l.record.Dossier,
			cegidclient.EntryQuery{Lettering: cegidclient.Unlettered, DocumentReference: reference})
	}
	if err != nil {
		return ledger.Sighting{}, err
	}
	out := ledger.Sighting{
		Reference: reference, Unlettered: len(booked[0].Items), Lettered: len(booked[1].Items), Truncated: booked[0].Truncated ||
			booked[1].Truncated,
	}
	for _, part := range booked {
		for _, e := range part.Items {
			out.Different = out.Different || !carries(e, reference) || !l.record.Fits(reference, e.Journal, (*string)(e.DocumentDate))
		}
	}
	return out, nil
}

// carries says whether Loop shows the reference with an entry, or none.
func carries(e cegidclient.BookedEntry, reference string) bool {
	return e.DocumentReference == nil || *e.DocumentReference == reference
}

// searchable are the references that Loop's filter can name.
func searchable(references []string) []string {
	return slices.DeleteFunc(slices.Clone(references), func(reference string) bool { return !isSearchable(reference) })
}

func isSearchable(reference string) bool {
	_, err := cegidclient.Equal(cegidclient.EntryDocumentReference, reference).Expression()
	return err == nil
}

// spread chooses evenly, the first and the last among them: an import that was carried out in part shows.
func spread(all []string, most int) []string {
	if len(all) <= most {
		return all
	}
	out := make([]string, most)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(most-1)]
	}
	return out
}
