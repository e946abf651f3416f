package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// service is where the entries come from.
type service struct{ base, token, practice, dossier, debit, credit string }

// A line is a line of an entry. Amounts are in ten-thousandths.
type line struct {
	ID        string `parquet:"id"`
	Journal   string `parquet:"journal,dict"`
	Account   string `parquet:"account,dict"`
	Date      string `parquet:"document_date,dict"`
	Reference string `parquet:"document_reference"`
	Lettering string `parquet:"lettering_id"`
	Debit     int64  `parquet:"debit,decimal(4:18)"`
	Credit    int64  `parquet:"credit,decimal(4:18)"`
}

type message struct {
	Result struct {
		Entries []struct {
			Journal, Account, DocumentDate, DocumentReference, LetteringID string
			Debit, Credit                                                  *string
			Unmapped                                                       map[string]string
		}
		Walk *struct {
			Cursor    string
			Questions int
			Gaps      []json.RawMessage
			Complete  *bool
		}
	}
	Error *struct{ Message string }
}

const attempts = 20

// walk reads a month whole. A stream that breaks off is resumed by the last cursor; what then comes again is told by its id.
func (s service) walk(ctx context.Context, month time.Time) (lines []line, questions int, err error) {
	seen := map[string]bool{}
	cursor := ""
	for attempt := 1; ; attempt++ {
		asked := 0
		complete := false
		broken := s.stream(ctx, month, cursor, func(m *message) error {
			for _, e := range m.Result.Entries {
				l := line{Journal: e.Journal, Account: e.Account, Date: e.DocumentDate, Reference: e.DocumentReference, Lettering: e.LetteringID}
				if err := json.Unmarshal([]byte(e.Unmapped["objectId"]), &l.ID); err != nil || l.ID == "" {
					return permanent{errors.New("a line has no objectId, by which it would be told from others")}
				}
				if l.Debit, err = amount(e.Debit, e.Unmapped[s.debit]); err == nil {
					l.Credit, err = amount(e.Credit, e.Unmapped[s.credit])
				}
				if err != nil {
					return permanent{fmt.Errorf("line %s: %w", l.ID, err)}
				}
				if !seen[l.ID] {
					seen[l.ID] = true
					lines = append(lines, l)
				}
			}
			if w := m.Result.Walk; w != nil {
				asked = w.Questions
				if len(w.Gaps) > 0 {
					return permanent{fmt.Errorf("not whole, so that nothing is replaced: %s", w.Gaps)}
				}
				cursor = w.Cursor
				complete = w.Complete != nil && *w.Complete
			}
			return nil
		})
		questions += asked
		var forGood permanent
		switch {
		case complete && broken == nil:
			return lines, questions, nil
		case errors.As(broken, &forGood) || attempt == attempts || ctx.Err() != nil:
			return nil, questions, errors.Join(broken, ctx.Err())
		}
		select {
		case <-time.After(time.Duration(attempt) * time.Second):
		case <-ctx.Done():
		}
	}
}

// permanent is an error that another attempt would meet again.
type permanent struct{ error }

// stream asks once, and hands over each message.
func (s service) stream(ctx context.Context, month time.Time, cursor string, hand func(*message) error) error {
	query := url.Values{
		"documentDateFrom": {month.Format(time.DateOnly)}, "documentDateTo": {month.AddDate(0, 1, -1).Format(time.DateOnly)},
		"includeUnmapped": {"true"}, "cursor": {cursor},
	}
	address := fmt.Sprintf("%s/v1/practices/%s/dossiers/%s/entries:stream?%s", s.base, url.PathEscape(s.practice), url.PathEscape(s.dossier),
		query.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return permanent{err}
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		err := fmt.Errorf("%s: %s", response.Status, text)
		if response.StatusCode < 500 && response.StatusCode != http.StatusTooManyRequests {
			return permanent{err}
		}
		return err
	}
	for in := json.NewDecoder(bufio.NewReader(response.Body)); ; {
		var m message
		switch err := in.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != nil:
			return errors.New(m.Error.Message)
		}
		if err := hand(&m); err != nil {
			return err
		}
	}
}

// amount reads the typed field, or Loop's own as it came.
func amount(typed *string, raw string) (int64, error) {
	text := strings.Trim(raw, `"`)
	if typed != nil {
		text = *typed
	}
	whole, part, _ := strings.Cut(text, ".")
	if part = strings.TrimRight(part, "0"); len(part) > 4 {
		return 0, fmt.Errorf("%q has more than four decimals", text)
	}
	n, err := strconv.ParseInt(whole+(part + "0000")[:4], 10, 64)
	if err != nil || whole == "" {
		return 0, fmt.Errorf("%q is no amount: name its field by loop.entry_names of the service, or -debit and -credit", text)
	}
	return n, nil
}
