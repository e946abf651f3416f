package submission

import (
	"fmt"
	"slices"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/tra"
)

// ignorableOf tell which findings of each format may be left out; of a custom file none.
var ignorableOf = map[Format]func(code string) bool{FormatFEC: orOfOthers(fec.Ignorable), FormatTRA: orOfOthers(tra.Ignorable)}

// orOfOthers adds the findings about other imports that have entries of the file.
func orOfOthers(known func(code string) bool) func(code string) bool {
	return func(code string) bool {
		return known(code) || slices.ContainsFunc(check.OverlapCodes(), func(r check.Rule) bool { return r.Code == code && r.Ignorable() })
	}
}

// ignorable refuses codes of findings that may not be left out; known tells which may.
func ignorable(codes []string, field string, known func(code string) bool) error {
	for i, code := range codes {
		if known == nil || !known(code) {
			return &FieldError{fmt.Sprintf("%s[%d]", field, i), NotIgnorable, code}
		}
	}
	return nil
}
