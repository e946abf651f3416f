package apierror

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// Text is a sentence, or a part of one, in both languages: English for who calls, French for the accountant behind. {name}
// stands for a value.
type Text struct{ English, French string }

// Value is what {Name} stands for.
type Value struct {
	Name string
	Text
}

// Same is a value that both languages write alike.
func Same(name, value string) Value { return Value{name, Text{value, value}} }

// With fills in the values, all in one go, so that a value cannot hold a placeholder.
func (t Text) With(values ...Value) Text {
	var english, french []string
	for _, v := range values {
		english, french = append(english, "{"+v.Name+"}", v.English), append(french, "{"+v.Name+"}", v.French)
	}
	return Text{strings.NewReplacer(english...).Replace(t.English), strings.NewReplacer(french...).Replace(t.French)}
}

// Row is a row of a table of errors: what callers are told about one thing that may happen. In French no field is named: the
// accountant sees a form, and a violation has its field beside it.
type Row struct {
	Code   codes.Code
	Reason looppb.ErrorReason
	Text
	// RetryAfter is known when above zero. The French sentence gets it added.
	RetryAfter time.Duration
}

// NewRow returns a row.
func NewRow(code codes.Code, reason looppb.ErrorReason, english, french string) Row {
	return Row{Code: code, Reason: reason, Text: Text{english, french}}
}

// After is the row with a delay.
func (r Row) After(delay time.Duration) Row {
	r.RetryAfter = delay
	return r
}

// With is the error of a row, with its values.
func (r Row) With(values ...Value) Error {
	text := r.Text.With(values...)
	return Error{Code: r.Code, Reason: r.Reason, Message: text.English, French: text.French, RetryAfter: r.RetryAfter}
}

// At is the error of a row at a field. Its French sentence comes with the violation, as that of a finding does.
func (r Row) At(field string, values ...Value) Error {
	out := r.With(values...)
	out.Violations = []Violation{{Field: field, Description: out.Message, French: out.French}}
	out.Message, out.French = field+": "+out.Message, ""
	return out
}

// Add adds a sentence to what is said.
func (e *Error) Add(t Text) { e.Message, e.French = e.Message+t.English, e.French+t.French }

// Advise adds what to do: a sentence of its own in English, and one more in French.
func (e *Error) Advise(advice ...Text) {
	for _, text := range advice {
		e.Help = append(e.Help, text.English)
		e.French = strings.TrimSpace(e.French + " " + text.French)
	}
}

// localized is the sentence for the accountant: Loop's own, where Loop wrote French that says all, and else ours. Loop's words
// about what has an unknown outcome would make one correct it and send it anew.
func (e Error) localized() *errdetails.LocalizedMessage {
	ours := e.French
	if ours == "" && e.LoopSaid != "" && len(e.Violations) > 0 {
		ours = e.Violations[0].French
	}
	unknown := e.Reason == looppb.ErrorReason_ERROR_REASON_OUTCOME_UNKNOWN // nobody is to try that anew
	if ours != "" && e.RetryAfter > 0 && !unknown {
		ours += " " + comeBack(e.RetryAfter)
	}
	language := cegidclient.LanguageOf(e.LoopSaid)
	switch {
	case e.LoopSaid == "" && ours == "":
		return nil
	case e.LoopSaid == "":
		return &errdetails.LocalizedMessage{Locale: french, Message: clipTo(mostFrench, ours)}
	case ours == "" || language == french && !unknown:
		return &errdetails.LocalizedMessage{Locale: language, Message: clip(e.LoopSaid)}
	}
	return &errdetails.LocalizedMessage{Locale: french, Message: clipTo(mostFrench, ours+" Réponse de Loop : « "+clip(e.LoopSaid)+" »")}
}

// french is the tag of the language.
const french = "fr"

// comeBack says when, in whole seconds, minutes or hours, and never too early.
func comeBack(after time.Duration) string {
	unit, name := time.Second, "seconde"
	switch {
	case after >= 2*time.Hour:
		unit, name = time.Hour, "heure"
	case after > 2*time.Minute:
		unit, name = time.Minute, "minute"
	}
	count := int(math.Ceil(after.Seconds() / unit.Seconds()))
	if count > 1 {
		name += "s"
	}
	return fmt.Sprintf("Réessayez dans %d %s.", count, name)
}

// Rows are those of the tables of this package, for the test of all sentences.
func Rows() []Row {
	out := []Row{shuttingDown, resume, deadlineExceeded, cancelled, internal, documentTooLarge, fileTooLarge, breakerOpen, rawRouteUnknown}
	for _, rule := range loopRules {
		out = append(out, rule.Row)
	}
	return out
}

// Advice are the sentences on what to do of this package, and parts that are added to others, for the same test.
func Advice() []Text {
	out := []Text{readBack}
	for _, rule := range loopRules {
		out = slices.Concat(out, rule.help)
	}
	for _, text := range noMore {
		out = append(out, text)
	}
	return out
}
