package identity

import (
	"net/url"
	"slices"
	"strings"
)

// signing are the parameters of a link that only sign it, in lower case: they change each time the same file is named. Of
// Azure's SAS (https://learn.microsoft.com/rest/api/storageservices/create-service-sas), of CloudFront's and older S3's and
// Google's signed URLs, and what is common elsewhere. Those that begin with a signing prefix are too.
var (
	signing = []string{
		"sig", "se", "sp", "sv", "sr", "st", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv",
		"signature", "expires", "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid", "hash-algorithm",
		"token", "access_token",
	}
	signingPrefixes = []string{"x-amz-", "x-goog-"}
)

// Link is a link without its signature, so that two links to the same file are the same text. Scheme and host are in lower case,
// a default port is left out, and parameters are in the order of their names. What is no absolute link stays as it is.
func Link(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	u.User, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", false
	u.RawQuery = unsigned(u.RawQuery)
	return u.String()
}

// unsigned keeps parameters as they are written: how a server reads them is its own affair.
func unsigned(query string) string {
	var kept []string
	for parameter := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		name = strings.ToLower(name)
		if parameter == "" || slices.Contains(signing, name) ||
			slices.ContainsFunc(signingPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		kept = append(kept, parameter)
	}
	slices.SortStableFunc(kept, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	return strings.Join(kept, "&")
}
