package conformance

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Words by which a sentence shows its language: none of them is a word of the other.
var (
	englishWords = []string{"the", "is", "are", "not", "and", "of", "with", "this", "was", "has", "must", "service", "unavailable", "rate", "denied", "resource", "found", "busy"}
	frenchWords  = []string{"le", "la", "les", "des", "est", "une", "du", "et", "dans", "pas", "par", "avec", "ce", "cette", "inconnu", "impossible", "appel", "refusé", "atteinte"}
)

// tongue counts the words of each language in a sentence, without what it quotes.
func tongue(sentence string) (english, french int) {
	quoted := false
	unquoted := strings.Map(func(r rune) rune {
		if r == '"' || r == '«' || r == '»' || r == '`' {
			quoted = !quoted
		}
		if quoted {
			return ' '
		}
		return unicode.ToLower(r)
	}, sentence)
	for word := range strings.FieldsFuncSeq(unquoted, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if slices.Contains(englishWords, word) {
			english++
		}
		if slices.Contains(frenchWords, word) {
			french++
		}
	}
	return english, french
}

// checkLocales: each sentence of an error is in the language that it claims, and what claims none is in English.
func (f *failure) checkLocales(t *testing.T, transport string) {
	t.Helper()
	check := func(locale, sentence string) {
		english, french := tongue(sentence)
		if locale == "fr" && english > french || locale == "en" && french > english {
			t.Errorf("%s: this is said to be %q: %s", transport, locale, sentence)
		}
	}
	check("en", f.Message)
	for _, v := range f.Violations {
		check("en", v.Description)
		if v.French != "" {
			check(v.Locale, v.French)
		}
	}
	if f.Local != nil {
		check(f.Local.GetLocale(), f.Local.GetMessage())
	}
}

// checkFindings: so is each sentence of a finding in an answer.
func checkFindings(t *testing.T, transport string, answer any) {
	t.Helper()
	switch a := answer.(type) {
	case []any:
		for _, each := range a {
			checkFindings(t, transport, each)
		}
	case map[string]any:
		inFrench, finding := a["messageFr"].(string)
		inEnglish, _ := a["message"].(string)
		if english, french := tongue(inFrench); finding && english > french {
			t.Errorf("%s: this is said to be French: %s", transport, inFrench)
		}
		if english, french := tongue(inEnglish); finding && french > english {
			t.Errorf("%s: this is said to be English: %s", transport, inEnglish)
		}
		for _, each := range a {
			checkFindings(t, transport, each)
		}
	}
}

func TestLanguagesAreToldApart(t *testing.T) {
	for sentence, want := range map[string]string{
		"Rate limit is exceeded. Try again in 60 seconds.": "en", "Service Unavailable": "en", "Resource not found": "en",
		"Le champ est inconnu": "fr", "Traitement impossible": "fr", "La période « the month is closed » est close": "fr",
	} {
		if english, french := tongue(sentence); (english > french) != (want == "en") || english == french {
			t.Errorf("%q: %d words of English, %d of French", sentence, english, french)
		}
	}
}
