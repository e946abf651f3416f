package loopsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

const formType = "application/x-www-form-urlencoded"

// numbers are the kinds of field that a form writes as JSON does.
var numbers = []reflect.Kind{reflect.Int, reflect.Uint64, reflect.Float64}

func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == formType
}

// readInput reads the body of a request: one JSON object, or a form with the same names, as the page sends it, or curl with -d.
func readInput(r *http.Request, into any) error {
	if !isForm(r) {
		return readJSON(r, into)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxAdminBody))
	if err != nil {
		return fmt.Errorf("body: %w: %w", err, ErrInvalid)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return fmt.Errorf("body: %w: %w", err, ErrInvalid)
	}
	object, err := formObject(values, reflect.TypeOf(into).Elem())
	if err != nil {
		return err
	}
	return decodeObject(bytes.NewReader(object), into)
}

// formObject writes the values of a form as the JSON that a struct is read from. A form has texts alone, so the struct says what is
// a number and what is ticked; what was left empty is left out.
func formObject(values url.Values, target reflect.Type) ([]byte, error) {
	kinds := map[string]reflect.Type{}
	for i := range target.NumField() {
		field := target.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		kinds[name] = field.Type
	}
	object := map[string]any{}
	for name, given := range values {
		kind, known := kinds[name]
		text := strings.TrimSpace(given[0])
		switch {
		case len(given) > 1:
			return nil, fmt.Errorf("%s is given twice: %w", name, ErrInvalid)
		case text == "" && known:
		case known && kind != reflect.TypeFor[duration]() && kind.Kind() == reflect.Bool:
			object[name] = text != "false"
		case known && kind != reflect.TypeFor[duration]() && slices.Contains(numbers, kind.Kind()):
			object[name] = json.RawMessage(text)
			if !json.Valid([]byte(text)) {
				return nil, fmt.Errorf("%s: %q is no number: %w", name, text, ErrInvalid)
			}
		default:
			object[name] = given[0] // what is not known is refused as in JSON
		}
	}
	return json.Marshal(object)
}

// wantsPage tells a browser from a program.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// action serves a request that changes something: JSON to a program, and to a browser the page again, at its part.
func (s *Simulator) action(part string, do func(r *http.Request) (status int, answer any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, answer, err := do(r)
		switch {
		case err != nil && wantsPage(r):
			s.showPage(w, r, statusOf(err), err.Error())
		case err != nil:
			writeError(w, err)
		case wantsPage(r):
			http.Redirect(w, r, adminPrefix+"#"+part, http.StatusSeeOther)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeJSON(w, status, answer)
		}
	}
}

// parseDuration takes what time.ParseDuration takes, and a number of seconds.
func parseDuration(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: give seconds as a number (2, 1.5), or a text such as 250ms, 2s, 4h", text)
	}
	return d, nil
}
