package pagetoken_test

import (
	"errors"
	"strings"
	"testing"

	"cegid.internal/gateway/server/internal/pagetoken"
)

func TestTokenRoundTrip(t *testing.T) {
	query := pagetoken.NewQuery("ListAccounts", "demo", "CEGID001", "", "")
	for _, position := range []int{1, 100, 9_999, 1<<31 - 1} {
		got, err := pagetoken.Decode(query, pagetoken.Encode(query, position))
		if err != nil || got != position {
			t.Errorf("position %d came back as %d, %v", position, got, err)
		}
	}
	if got, err := pagetoken.Decode(query, ""); got != 0 || err != nil {
		t.Errorf("the empty token is %d, %v; want the start", got, err)
	}
}

func TestTokenOfAnotherQueryIsRefused(t *testing.T) {
	token := pagetoken.Encode(pagetoken.NewQuery("ListAccounts", "demo", "CEGID001"), 100)
	for name, query := range map[string]pagetoken.Query{
		"another dossier":             pagetoken.NewQuery("ListAccounts", "demo", "CEGID003"),
		"parts cut at another place":  pagetoken.NewQuery("ListAccounts", "demoC", "EGID001"),
		"one part less":               pagetoken.NewQuery("ListAccounts", "demo"),
		"the same parts, another RPC": pagetoken.NewQuery("ListJournals", "demo", "CEGID001"),
	} {
		if _, err := pagetoken.Decode(query, token); !errors.Is(err, pagetoken.ErrOtherQuery) {
			t.Errorf("%s: %v; want ErrOtherQuery", name, err)
		}
	}
}

func TestDamagedTokenIsRefused(t *testing.T) {
	query := pagetoken.NewQuery("ListAccounts")
	whole := pagetoken.Encode(query, 100)
	for name, token := range map[string]string{
		"not base64":      "%%%",
		"cut":             whole[:len(whole)-2],
		"longer":          whole + "AAAA",
		"padded":          whole + "=",
		"another version": "Z" + whole[1:],
		"a word":          "next",
		"very long":       strings.Repeat("A", 10_000),
	} {
		if _, err := pagetoken.Decode(query, token); !errors.Is(err, pagetoken.ErrDamaged) {
			t.Errorf("%s: %v; want ErrDamaged", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	query := pagetoken.NewQuery("ListAccounts", "demo")
	f.Add(pagetoken.Encode(query, 100))
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, token string) {
		position, err := pagetoken.Decode(query, token)
		if err == nil && pagetoken.Encode(query, position) != token {
			t.Errorf("%q decodes to %d, which encodes otherwise", token, position)
		}
	})
}
