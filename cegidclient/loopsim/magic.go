package loopsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// magic is what the references of an import ask for (doc.go has the table). It holds at most one thing of each kind; the
// first one counts.
type magic struct {
	name      string // of the fault: the prefix that asked for it
	fault     *Fault // how the answer goes wrong
	once      string // the reference, when the fault strikes it the first time only
	refuse    bool
	fail      bool
	stuck     bool
	hasStatus bool
	status    int
}

// MagicReference is how a reference that begins with Prefix asks for a mishap.
type MagicReference struct {
	Prefix string `json:"prefix"`
	Does   string `json:"does"`
}

// Magic lists the references that ask for mishaps. More may follow a prefix, to make it unique: SIM-503-17.
func Magic() []MagicReference {
	return []MagicReference{
		{"SIM-REFUSE", "200 with error; not booked"},
		{"SIM-FAIL-LATE", "accepted; ends in status 4, not booked"},
		{"SIM-STUCK", "accepted; stays in status 1 for ever, not booked"},
		{"SIM-STATUS-<n>", "accepted and booked in its time; the status says n from the first call on"},
		{"SIM-LOST-ANSWER", "processed; the connection is cut without an answer"},
		{"SIM-CUT-BEFORE", "the connection is cut; not booked"},
		{"SIM-CUT-ONCE", "the first time that this very reference comes, the connection is cut and it is not booked"},
		{"SIM-SLOW", "processed at once; answered after 2 s, or as said: SIM-SLOW-500ms"},
		{"SIM-503", "that status; not booked"},
		{"SIM-429", "that status, with Retry-After: 1; not booked"},
		{"SIM-503-BOOKED", "processed; answered 503"},
	}
}

const slowAnswer = 2 * time.Second

func (m *magic) add(reference string) {
	rest, ok := strings.CutPrefix(reference, "SIM-")
	if !ok {
		return
	}
	strike := func(name string, f Fault) {
		if m.fault == nil {
			m.name, m.fault = "SIM-"+name, &f
		}
	}
	is := func(prefix string) bool { return strings.HasPrefix(rest, prefix) }
	switch { // the longer prefix first
	case is("REFUSE"):
		m.refuse = true
	case is("FAIL-LATE"):
		m.fail = true
	case is("STUCK"):
		m.stuck = true
	case is("STATUS-"):
		digits := rest[len("STATUS-"):]
		if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = digits[:i]
		}
		if n, err := strconv.ParseInt(digits, 10, 32); err == nil && !m.hasStatus {
			m.hasStatus, m.status = true, int(n)
		}
	case is("LOST-ANSWER"):
		strike("LOST-ANSWER", Fault{Kind: FaultCutAfter})
	case is("CUT-ONCE"):
		if m.fault == nil {
			m.once = reference
		}
		strike("CUT-ONCE", Fault{Kind: FaultCutBefore})
	case is("CUT-BEFORE"):
		strike("CUT-BEFORE", Fault{Kind: FaultCutBefore})
	case is("SLOW"):
		strike("SLOW", Fault{Kind: FaultLatency, Latency: slowness(rest), After: true})
	case is("503-BOOKED"):
		strike("503-BOOKED", Fault{Kind: FaultStatus, Status: http.StatusServiceUnavailable, After: true})
	case is("503"):
		strike("503", Fault{Kind: FaultStatus, Status: http.StatusServiceUnavailable})
	case is("429"):
		strike("429", Fault{Kind: FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: time.Second})
	}
}

// slowness reads the duration of SLOW-500ms, or of SLOW-500ms-FA12.
func slowness(rest string) time.Duration {
	asked, _, _ := strings.Cut(strings.TrimPrefix(rest, "SLOW-"), "-")
	if d, err := time.ParseDuration(asked); err == nil && d > 0 {
		return min(d, maxLatency)
	}
	return slowAnswer
}
