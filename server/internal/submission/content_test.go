package submission

import (
	"reflect"
	"slices"
	"testing"

	"golang.org/x/text/unicode/norm"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/ledger"
)

func contentOf(e *Entries) ledger.Fingerprint {
	return (&Writer{}).entries(Practice{}, *e).submission.Fingerprints[0]
}

func TestTheSameContentInOtherWords(t *testing.T) {
	for name, change := range map[string]func(*Entries){
		"nothing": func(*Entries) {},
		"another order": func(e *Entries) {
			slices.Reverse(e.Content.Entries)
			slices.Reverse(e.Content.Entries[1].Lines)
		},
		"accents composed":  func(e *Entries) { accented(e, norm.NFC) },
		"accents apart":     func(e *Entries) { accented(e, norm.NFD) },
		"general movements": func(e *Entries) { e.Content.Entries[0].MovementType = cegidclient.MovementGeneral },
		"general lines":     func(e *Entries) { e.Content.Entries[0].Lines[0].LineType = cegidclient.LineGeneral },
		"decimals":          func(e *Entries) { e.Content.Entries[0].Lines[0].Debit = "0100.00" },
		"euro said":         func(e *Entries) { e.Content.Entries[0].Lines[0].Currency = "EUR" },
		"the context as computed": func(e *Entries) {
			e.Content.Options.ContextStart, e.Content.Options.ContextEnd = "2026-03-02", "2026-03-15"
		},
		"metadata":                func(e *Entries) { e.Metadata = map[string]string{"job": "2"} },
		"duplicates allowed":      func(e *Entries) { e.AllowDuplicate = true },
		"what it repeats":         func(e *Entries) { e.RepeatOf = map[int]string{0: "r1"} },
		"the switch of preflight": func(e *Entries) { e.SkipPreflight = true },
		"opening balances said":   func(e *Entries) { e.Content.Options.OpeningBalances = new(true) },
	} {
		t.Run(name, func(t *testing.T) {
			changed := plainImport()
			change(changed)
			plain := plainImport()
			if name == "accents apart" || name == "accents composed" {
				accented(plain, norm.NFC)
			}
			if a, b := contentOf(plain), contentOf(changed); a != b || a.Scheme != 2 {
				t.Errorf("%s is not %s", b, a)
			}
		})
	}
}

// accented writes a label with an accent in a form.
func accented(e *Entries, form norm.Form) { e.Content.Entries[0].Lines[0].Label = form.String("Café") }

// TestEveryFieldCounts changes each field of an import by itself, whatever fields there will be.
func TestEveryFieldCounts(t *testing.T) {
	full := func() *cegidclient.EntryImport { return &fullImport().Content }
	before := content("CEGID001", full())
	if content("CEGID002", full()) == before {
		t.Error("the dossier does not count")
	}
	fields := 0
	eachField(reflect.ValueOf(full()).Elem(), "", func(path string, _ reflect.Value) {
		fields++
		changed := full()
		eachField(reflect.ValueOf(changed).Elem(), "", func(at string, value reflect.Value) {
			if at == path {
				alter(t, value)
			}
		})
		if content("CEGID001", changed) == before {
			t.Errorf("%s does not count", path)
		}
	})
	if fields < 60 {
		t.Errorf("only %d fields were changed", fields)
	}
}

func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("9" + v.String()) // behind a link it would be of its signature
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Pointer:
		other := reflect.New(v.Type().Elem())
		other.Elem().SetBool(v.IsNil() || !v.Elem().Bool())
		v.Set(other)
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

func eachField(v reflect.Value, path string, do func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachField(v.Field(i), path+"."+v.Type().Field(i).Name, do)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachField(v.Index(i), path, func(at string, v reflect.Value) { do(at+string(rune('0'+i)), v) })
		}
	default:
		do(path, v)
	}
}

func TestContentIsNotIdentity(t *testing.T) {
	changed := plainImport()
	changed.Content.Entries[0].Lines[0].Label = "Achat."
	if contentOf(changed) == contentOf(plainImport()) {
		t.Error("another label is the same content")
	}
	linked := func(url string) ledger.Fingerprint {
		r := plainImport()
		r.Content.Entries[0].Lines[0].AttachmentURL = url
		return contentOf(r)
	}
	if linked("https://x.fr/get.pdf?id=1&sig=2") != linked("https://x.fr/get.pdf?id=1&sig=3") || linked("https://x.fr/get.pdf?id=1") == linked("https://x.fr/get.pdf?id=2") {
		t.Error("of a link more or less than what signs is left out")
	}
}
