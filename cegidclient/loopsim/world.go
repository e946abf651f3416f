package loopsim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// KeyKind is a kind of API key (loop-api: C 1.2).
type KeyKind string

// Kinds of keys.
const (
	Standard KeyKind = "standard" // P04448: the dossier operations
	Advanced KeyKind = "advanced" // P04454: the cabinet operations too
)

// A Slot is a place for a subscription key: there are two, for rotation (loop-api: C 1.3).
type Slot string

// Slots.
const (
	Primary   Slot = "primary"
	Secondary Slot = "secondary"
)

// Errors of the methods that change the world, to be told apart with errors.Is.
var (
	ErrUnknown = errors.New("unknown")
	ErrExists  = errors.New("exists already")
	ErrInvalid = errors.New("invalid")
)

// cabinetCode is the pseudo-dossier that means the practice itself (loop-api: C 1.5).
const cabinetCode = "cabinet"

// A Practice is an accounting practice: a domain of Loop and its API keys, "key:secret" each; an empty one does not exist.
// Keys start activated in LoopHub, with no dossier attached; AddDossier attaches.
type Practice struct {
	Name           string
	StandardAPIKey string
	AdvancedAPIKey string
	Domain         string  // the firm's code (loop-api: C 1.5)
	Cabinet        Content // what it holds of itself (loop-api: C 4)
}

// world is guarded by Simulator.mu. A dossier inside it is safe by itself.
type world struct {
	subscriptions map[Slot]string
	practices     map[string]*practice
}

type practice struct {
	name     string
	domain   string
	keys     map[KeyKind]*apiKey
	dossiers map[string]*dossier
	cabinet  *dossier // the practice itself
}

type apiKey struct {
	key, secret string
	// issued is a second pair that does the same; its key is empty when there is none.
	issued struct{ key, secret string }

	activated bool
	attached  map[string]bool
}

// retire makes the imports into any of its dossiers fail.
func (w *world) retire() {
	for _, p := range w.practices {
		for _, d := range p.dossiers {
			d.retire()
		}
	}
}

func newWorld() *world {
	return &world{subscriptions: make(map[Slot]string), practices: make(map[string]*practice)}
}

// A dossier builds each table on its first use: most tests never look at the 10,000 accounts of the large one.
type dossier struct {
	practice, code string
	initial        func() Content // shared, never changed

	mu      sync.RWMutex
	retired bool     // removed or reset: its imports fail
	current *Content // nil before its first use; grows, and never changes what a reader has
	tables  map[string]*table
	index   *index // nil before the first import
	books   books
	notes   []note
}

func newDossier(practice, code string, content func() Content) *dossier {
	return &dossier{practice: practice, code: code, initial: sync.OnceValue(content), tables: make(map[string]*table)}
}

func (d *dossier) contentLocked() *Content {
	if d.current == nil {
		c := d.initial().clone()
		d.current = &c
		for i, e := range Rows[Entry](c) {
			d.books.add(e.booked(d, i))
		}
	}
	return d.current
}

// rowsOf are the rows of a type in a dossier; the caller leaves them as they are.
func rowsOf[R any](d *dossier) []R {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Rows[R](*d.contentLocked())
}

func (d *dossier) table(res *resource) *table {
	d.mu.RLock()
	t := d.tables[res.path]
	d.mu.RUnlock()
	if t != nil {
		return t
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t = d.tables[res.path]; t == nil {
		t = newTable(res, res.rows(d, d.contentLocked()))
		d.tables[res.path] = t
	}
	return t
}

// retire makes the imports fail that are still to be booked.
func (d *dossier) retire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retired = true
}

func (d *dossier) objectID(kind, code string) string {
	return derivedUUID(d.practice, d.code, kind, code)
}

func (d *dossier) revisionID(kind, code string) string {
	return derivedRevision(d.practice, d.code, kind, code)
}

func splitAPIKey(apiKey string) (key, secret string, ok bool) {
	key, secret, ok = strings.Cut(apiKey, ":")
	return key, secret, ok && key != "" && secret != ""
}

func (w *world) addPractice(p Practice) error {
	if err := validCode("practice", p.Name); err != nil {
		return err
	}
	if w.practices[p.Name] != nil {
		return fmt.Errorf("practice %q: %w", p.Name, ErrExists)
	}
	content := p.Cabinet.clone()
	added := &practice{
		name: p.Name, domain: p.Domain, keys: make(map[KeyKind]*apiKey), dossiers: make(map[string]*dossier),
		cabinet: newDossier(p.Name, cabinetCode, func() Content { return content }),
	}
	for kind, pair := range map[KeyKind]string{Standard: p.StandardAPIKey, Advanced: p.AdvancedAPIKey} {
		if pair == "" {
			continue
		}
		key, secret, err := w.freeKey(pair, nil)
		if err != nil {
			return fmt.Errorf("practice %q, %s key: %w", p.Name, kind, err)
		}
		added.keys[kind] = &apiKey{key: key, secret: secret, activated: true, attached: make(map[string]bool)}
	}
	if p.StandardAPIKey != "" && p.AdvancedAPIKey != "" && added.keys[Standard].key == added.keys[Advanced].key {
		return fmt.Errorf("practice %q: the two keys are the same: %w", p.Name, ErrInvalid)
	}
	w.practices[p.Name] = added
	return nil
}

// freeKey splits an API key that no other key of the world uses.
func (w *world) freeKey(pair string, except *apiKey) (key, secret string, err error) {
	key, secret, ok := splitAPIKey(pair)
	if !ok {
		return "", "", fmt.Errorf("API key is not key:secret: %w", ErrInvalid)
	}
	if _, k, found := w.keyOwner(key); found && k != except {
		return "", "", fmt.Errorf("API key: %w", ErrExists)
	}
	return key, secret, nil
}

func (w *world) keyOwner(key string) (*practice, *apiKey, bool) {
	for _, p := range w.practices {
		for _, k := range p.keys {
			if k.key == key || k.issued.key == key && key != "" {
				return p, k, true
			}
		}
	}
	return nil, nil, false
}

func (w *world) addDossier(practice, code string, content func() Content) error {
	p, err := w.practice(practice)
	if err != nil {
		return err
	}
	if err := validCode("dossier", code); err != nil {
		return err
	}
	if code == cabinetCode {
		return fmt.Errorf("dossier %q means the practice itself: %w", code, ErrInvalid)
	}
	if p.dossiers[code] != nil {
		return fmt.Errorf("dossier %s/%s: %w", practice, code, ErrExists)
	}
	p.dossiers[code] = newDossier(practice, code, content)
	for _, k := range p.keys {
		k.attached[code] = true
	}
	return nil
}

func (w *world) practice(name string) (*practice, error) {
	if p := w.practices[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("practice %q: %w", name, ErrUnknown)
}

func (w *world) dossier(practice, code string) (*practice, *dossier, error) {
	p, err := w.practice(practice)
	if err != nil {
		return nil, nil, err
	}
	if d := p.dossiers[code]; d != nil {
		return p, d, nil
	}
	return nil, nil, fmt.Errorf("dossier %s/%s: %w", practice, code, ErrUnknown)
}

func (w *world) key(practice string, kind KeyKind) (*apiKey, error) {
	p, err := w.practice(practice)
	if err != nil {
		return nil, err
	}
	if k := p.keys[kind]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("%q key of practice %q: %w", string(kind), practice, ErrUnknown)
}

// secrets lists every string that must not be recorded.
func (w *world) secrets() []string {
	secrets := slices.Collect(maps.Values(w.subscriptions))
	for _, p := range w.practices {
		for _, k := range p.keys {
			secrets = append(secrets, k.secret)
		}
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
}

// validCode bounds names that end up in URLs, in records and on the inspection page.
func validCode(what, code string) error {
	odd := func(r rune) bool {
		return !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune(`/"\ `, r)
	}
	if code == "" || len(code) > 64 || strings.ContainsFunc(code, odd) {
		return fmt.Errorf("%s code must have 1 to 64 bytes, printable, without space, slash, quotation mark or backslash: %w", what, ErrInvalid)
	}
	return nil
}

// AddPractice adds a practice. Errors: ErrInvalid, ErrExists (name or key).
func (s *Simulator) AddPractice(p Practice) error {
	if err := p.Cabinet.check(); err != nil {
		return err
	}
	return s.change(func(w *world) error { return w.addPractice(p) })
}

// AddDossier adds a dossier to a practice and attaches it to each of its keys. [Template] is a content that suits most
// tests. Errors: ErrInvalid, ErrUnknown (practice, contra account), ErrExists.
func (s *Simulator) AddDossier(practice, code string, content Content) error {
	if err := content.check(); err != nil {
		return err
	}
	content = content.clone()
	return s.change(func(w *world) error { return w.addDossier(practice, code, func() Content { return content }) })
}

// RemoveDossier removes a dossier; a request that already found it is answered from it, its imports that are under way fail.
func (s *Simulator) RemoveDossier(practice, code string) error {
	return s.change(func(w *world) error {
		p, d, err := w.dossier(practice, code)
		if err != nil {
			return err
		}
		d.retire()
		delete(p.dossiers, code)
		for _, k := range p.keys {
			delete(k.attached, code)
		}
		return nil
	})
}

// ResetDossier gives a dossier the content back that it was added with, without what imports booked; what the keys may reach stays as it
// is, as does the record of its imports. Imports under way fail.
func (s *Simulator) ResetDossier(practice, code string) error {
	return s.change(func(w *world) error {
		p, d, err := w.dossier(practice, code)
		if err != nil {
			return err
		}
		d.retire()
		p.dossiers[code] = newDossier(practice, code, d.initial)
		return nil
	})
}

// SetSubscriptionKeys replaces the keys that the gateway accepts; an empty one accepts nothing.
func (s *Simulator) SetSubscriptionKeys(primary, secondary string) {
	_ = s.change(func(w *world) error { // cannot fail
		w.subscriptions[Primary], w.subscriptions[Secondary] = primary, secondary
		return nil
	})
}

// RotateAPIKey leaves a practice one "key:secret" of a kind; activation and dossiers carry over.
// Errors: ErrUnknown, ErrInvalid, ErrExists.
func (s *Simulator) RotateAPIKey(practice string, kind KeyKind, apiKey string) error {
	return s.change(func(w *world) error {
		k, err := w.key(practice, kind)
		if err != nil {
			return err
		}
		key, secret, err := w.freeKey(apiKey, k)
		if err != nil {
			return err
		}
		k.key, k.secret = key, secret
		k.issued.key, k.issued.secret = "", ""
		return nil
	})
}

// IssueAPIKey lets another "key:secret" do what a key of a practice does, besides it, until [Simulator.RotateAPIKey] leaves one:
// a rotation without a gap. That Loop has both valid for a while is inferred. Errors: ErrUnknown, ErrInvalid, ErrExists.
func (s *Simulator) IssueAPIKey(practice string, kind KeyKind, apiKey string) error {
	return s.change(func(w *world) error {
		k, err := w.key(practice, kind)
		if err != nil {
			return err
		}
		k.issued.key, k.issued.secret, err = w.freeKey(apiKey, k)
		return err
	})
}

// SetActivated activates a key in LoopHub or ends that (loop-api: C 1.2). Errors: ErrUnknown.
func (s *Simulator) SetActivated(practice string, kind KeyKind, activated bool) error {
	return s.change(func(w *world) error {
		k, err := w.key(practice, kind)
		if err != nil {
			return err
		}
		k.activated = activated
		return nil
	})
}

// SetAttached attaches a dossier to a key in LoopHub or detaches it (loop-api: C 1.2). Errors: ErrUnknown.
func (s *Simulator) SetAttached(practice string, kind KeyKind, code string, attached bool) error {
	return s.change(func(w *world) error {
		k, err := w.key(practice, kind)
		if err != nil {
			return err
		}
		if _, _, err := w.dossier(practice, code); err != nil {
			return err
		}
		if attached {
			k.attached[code] = true
		} else {
			delete(k.attached, code)
		}
		return nil
	})
}
