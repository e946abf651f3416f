//go:build life

package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The kinds of faults of a life, each of which must have been met. The road's say what Loop, or the way there, does.
const (
	noWay             = "no connection"
	cutBefore         = "cut before"
	cutAfter          = "cut after"
	down              = "status 503"
	downAfter         = "status 503 after"
	faultAfter        = "status 500 after"
	page              = "html 502"
	throttled         = "status 429"
	namedInNo         = "named in a 429"
	hangs             = "hang"
	hangsAndBooks     = "hang, and processed later"
	truncated         = "truncated"
	nonsense          = "nonsense"
	slow              = "latency"
	listDown          = "list: status 503"
	listCut           = "list: cut"
	listThrottled     = "list: status 429"
	listTruncated     = "list: truncated"
	statusUnknown     = "question: status 404"
	statusStrange     = "question: an unknown status"
	crowded           = "Loop is slow because many import at once"
	loopTakesHours    = "Loop takes hours"
	loopNeverEnds     = "Loop does not end an import"
	revokedKey        = "the key is revoked"
	fullLedger        = "the ledger's disk is full"
	fullAudit         = "the audit's disk is full"
	unconfirmedCommit = "commits are not confirmed"
	clockAhead        = "the clock leaps ahead by hours"
	clockBack         = "the clock leaps back by hours"
	clockYears        = "the clock leaps by years"
	clockAtSend       = "the clock leaps over leases while the audit is slow"
	startsBehind      = "the server starts with a clock that is years behind"
	stopsInPeace      = "the server is stopped"
	backupPutBack     = "a backup is put back"
	volumePutBack     = "an older volume is put back"
	heldBack          = "a call while the ledger is held"
)

// lifeFaults are all that must be met.
func lifeFaults() []string {
	return []string{
		noWay, cutBefore, cutAfter, down, downAfter, faultAfter, page, throttled, namedInNo, hangs, hangsAndBooks, truncated, nonsense, slow,
		listDown, listCut, listThrottled, listTruncated, listEmpty, filterIgnored, statusUnknown, statusStrange, crowded, loopTakesHours, loopNeverEnds, revokedKey,
		fullLedger, fullAudit, unconfirmedCommit, clockAhead, clockBack, clockYears, clockAtSend, startsBehind, stopsInPeace, backupPutBack, volumePutBack, heldBack,
		dieAtAnyTime, dieBeforeRecord, dieAfterRecord, dieBeforeBytes, dieBeforeProcessing, dieBeforeAnswer, dieBeforeCommit, dieAfterCommit,
	}
}

// weather is what the way to Loop is like for a while: how often, of a thousand, which fault strikes.
type weather struct {
	posts, gets map[string]int
	// slowest bounds what an answer is held back on top.
	slowest time.Duration
}

// road is the way of a process to Loop, without a network. What strikes a request follows from the seed, the request and how
// often it has come, whatever else is under way.
type road struct{ *process }

var ours = regexp.MustCompile(`"((?:R|C|M|SIM-[A-Z-]+-)FA-\d+)"`)

func (r road) RoundTrip(request *http.Request) (*http.Response, error) {
	if r.dead.Load() {
		return nil, errDied
	}
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}
	post := request.Method == http.MethodPost
	if post && r.at(dieBeforeBytes) {
		return nil, errDied
	}
	sky := r.sky.Load()
	of, rates := request.Method+request.URL.Path+request.URL.RawQuery, sky.gets
	if post {
		of, rates = string(body), sky.posts
	}
	chance := r.drawn("road", of, r.times(of))
	fault := drawFault(rates, chance)
	pause := time.Duration(1+chance.Int64N(int64(40*time.Millisecond))) + time.Millisecond
	if sky.slowest > 0 {
		r.met(slow)
		pause += time.Duration(chance.Int64N(int64(sky.slowest)))
	}
	if post && r.slowAudit.Load() != 0 {
		pause = max(pause, r.sluggish("road", of))
	}
	if post && slices.ContainsFunc(r.crowds, func(at span) bool { return !time.Now().Before(at.from) && time.Now().Before(at.until) }) {
		r.met(crowded)
		pause = max(pause, 40*time.Second+time.Duration(chance.Int64N(int64(8*time.Second)))) // longer than others wait for its place
	}
	if strings.HasSuffix(request.URL.Path, "/getImportStatus") {
		if listThrottled == fault || listTruncated == fault {
			fault = statusUnknown
		}
	} else if fault == statusUnknown || fault == statusStrange {
		fault = ""
	}
	if fault == noWay {
		r.met(noWay)
		return nil, errors.New("dial: connection refused")
	}
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if post {
		r.underWay.Add(1)
	}
	left := time.Now()
	came := make(chan *http.Response, 1)
	go func() { // what is on its way arrives, whatever becomes of its sender
		if post {
			defer r.underWay.Add(-1)
		}
		there := request.Clone(context.WithoutCancel(request.Context()))
		time.Sleep(pause / 2)
		if post && r.at(dieBeforeProcessing) {
			time.Sleep(time.Millisecond)
		}
		if post && r.begins() {
			time.Sleep(max(0, time.Duration(chance.Int64N(int64(45*time.Second)))-pause))
		}
		answer := r.arrive(there, body, left, fault, chance)
		if post {
			r.at(dieBeforeAnswer)
		}
		time.Sleep(pause - pause/2)
		came <- answer
	}()
	select {
	case answer := <-came:
		if r.dead.Load() {
			return nil, errDied
		}
		if answer == nil {
			return nil, errors.New("connection reset by peer")
		}
		answer.Request = request
		return answer, nil
	case <-request.Context().Done():
		return nil, request.Context().Err()
	case <-r.died:
		return nil, errDied
	}
}

// begins lets begin what waits for a submission to be on its way, and says whether there was anything.
func (r road) begins() bool {
	r.mu.Lock()
	begins := map[string]func(){}
	if !r.dead.Load() {
		begins, r.onTheWay = r.onTheWay, begins
	}
	r.mu.Unlock()
	for _, begin := range begins {
		begin()
	}
	return len(begins) > 0
}

// arrive lets Loop answer, or the fault; nil is no answer.
func (r road) arrive(request *http.Request, body []byte, left time.Time, fault string, chance *rand.Rand) *http.Response {
	if fault != "" && fault != namedInNo {
		r.met(fault)
	}
	post := request.Method == http.MethodPost
	status, _ := statusOf(fault)
	switch fault {
	case hangs, hangsAndBooks:
		// Longer than anybody waits for it.
		if fault == hangs {
			r.noted(body, left, fault, 0)
			time.Sleep(2 * time.Minute)
			return nil
		}
		seq := r.noted(body, left, fault, 0)
		time.Sleep(2*time.Minute + time.Duration(chance.Int64N(int64(20*time.Minute))))
		r.handled(request, body, seq)
		return nil
	case cutBefore, listCut:
		if post {
			r.noted(body, left, fault, 0)
		}
		return nil
	case down, throttled, listDown, listThrottled, page, statusUnknown, statusStrange:
		if post {
			r.noted(body, left, fault, status)
		}
		switch fault {
		case page:
			return reply(status, "text/html", "<html><body>Service indisponible</body></html>")
		case statusStrange:
			return reply(http.StatusOK, "application/json", `{"status":25}`)
		}
		return reply(status, "application/json", fmt.Sprintf(`{"statusCode": %d, "message": "non"}`, status))
	}
	seq := uint64(0)
	if post {
		seq = r.noted(body, left, fault, 0)
	}
	answer := r.handled(request, body, seq)
	switch fault {
	case cutAfter:
		r.answered(seq, 0)
		return nil
	case downAfter, faultAfter:
		r.answered(seq, status)
		return reply(status, "application/json", fmt.Sprintf(`{"statusCode": %d, "message": "non"}`, status))
	case namedInNo: // a no, and yet an import
		whole, _ := io.ReadAll(answer.Body)
		if !bytes.Contains(whole, []byte(`"accountingImportRequestId"`)) { // a refusal, and a plain no
			fault = throttled
		}
		r.met(fault)
		r.answered(seq, http.StatusTooManyRequests)
		r.struckBy(seq, fault)
		return reply(http.StatusTooManyRequests, "application/json", string(whole))
	case nonsense:
		return reply(http.StatusOK, "application/json", `{"accountingImport`)
	case truncated, listTruncated:
		whole, _ := io.ReadAll(answer.Body)
		answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), broken{}))
	}
	if strings.HasSuffix(request.URL.Path, "/EcritureComptable") && !r.sighted.Load() {
		switch r.blinds[request.URL.Query().Get("codeDossier")] {
		case listEmpty:
			r.met(listEmpty)
			return reply(http.StatusOK, "application/json", `[]`)
		case filterIgnored:
			r.met(filterIgnored)
			return reply(http.StatusOK, "application/json", `[{"objectId":"1","revisionId":"1","journalCode":"BQ","refPiece":"VIR","datePiece":"2026-03-15T00:00:00Z"}]`)
		}
	}
	return answer
}

// statusOf is the HTTP status that a fault answers.
func statusOf(fault string) (status int, answers bool) {
	for _, each := range strings.Fields(strings.TrimPrefix(strings.TrimPrefix(fault, "list: "), "question: ")) {
		if _, err := fmt.Sscanf(each, "%d", &status); err == nil {
			return status, true
		}
	}
	return 0, false
}

// handled lets Loop carry a request out.
func (r road) handled(request *http.Request, body []byte, seq uint64) *http.Response {
	request.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	l := r.lifetime
	if request.Method != http.MethodPost {
		if id := request.URL.Query().Get("accountingImportRequestId"); id != "" {
			l.asked(id)
		}
		l.loop.ServeHTTP(recorder, request)
		if recorder.Code == http.StatusUnauthorized {
			l.met(revokedKey)
		}
		return recorder.Result()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	waits, runs := l.delays(string(body))
	l.loop.SetImportDelays(waits, runs)
	l.loop.ServeHTTP(recorder, request)
	l.processed++
	at := &l.posts[seq-1]
	at.seq, at.Status = l.processed, recorder.Code
	return recorder.Result()
}

// delays are how long Loop takes for an import: minutes as a rule.
func (l *lifetime) delays(body string) (waits, runs time.Duration) {
	chance := l.drawn("delays", body)
	longest := 20 * time.Minute
	if chance.IntN(6) == 0 {
		longest = 12 * time.Hour
		l.count(loopTakesHours)
	}
	return time.Duration(chance.Int64N(int64(longest / 2))), time.Duration(chance.Int64N(int64(longest / 2)))
}

// a posted is an importJson that left a process.
type posted struct {
	BookImport
	seq uint64 // Loop's; 0 when Loop has not looked at it
}

// noted writes a submission down as it arrives, which may be long after it left.
func (l *lifetime) noted(body []byte, left time.Time, fault string, status int) (seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := posted{BookImport: BookImport{Seq: uint64(len(l.posts)) + 1, Time: left, Outcome: "not-processed", Fault: fault, Status: status}}
	for _, found := range ours.FindAllSubmatch(body, -1) {
		if reference := string(found[1]); !slices.Contains(it.References, reference) { // each line has it
			it.References = append(it.References, reference)
		}
	}
	if len(it.References) != 1 {
		l.complaints = append(l.complaints, Complaint{"harness", "", fmt.Sprintf("a submission of the references %v", it.References)})
	} else if !l.recorded[it.References[0]] {
		l.complaints = append(l.complaints, Complaint{RuleUnrecorded, "", fmt.Sprintf("%s was sent, and no record of the audit said so before", it.References[0])})
	}
	l.posts = append(l.posts, it)
	return it.Seq
}

// wrote notes that the audit tells of an import that is about to be sent, by what its entry is told by.
func (l *lifetime) wrote(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, reference := range append(referencesOf(id), id) {
		l.recorded[reference] = true
	}
}

func (l *lifetime) answered(seq uint64, status int) {
	if seq == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts[seq-1].Status = status
}

// struckBy corrects which fault struck a submission.
func (l *lifetime) struckBy(seq uint64, fault string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts[seq-1].Fault = fault
}

func (l *lifetime) asked(loopID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.questions[loopID] = time.Now()
}

// times counts how often a request has come.
func (l *lifetime) times(request string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := fnv.New64a()
	_, _ = io.WriteString(h, request)
	l.came[h.Sum64()]++
	return fmt.Sprint(l.came[h.Sum64()])
}

// drawn are the draws that follow from the seed and from what they are for.
func (l *lifetime) drawn(parts ...string) *rand.Rand {
	h := fnv.New64a()
	for _, part := range parts {
		_, _ = io.WriteString(h, part+"\x00")
	}
	return rand.New(rand.NewPCG(l.seed, h.Sum64()))
}

func (l *lifetime) met(fault string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(fault)
}

// count is met, of one who holds l.mu.
func (l *lifetime) count(fault string) { l.meets[fault]++ }

// drawFault draws a fault, or none.
func drawFault(rates map[string]int, chance *rand.Rand) string {
	n := chance.IntN(1000)
	for _, fault := range lifeFaults() {
		if n -= rates[fault]; n < 0 {
			return fault
		}
	}
	return ""
}

func reply(status int, contentType, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// broken is the end of an answer that was cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
