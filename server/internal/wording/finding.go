package wording

import (
	"strconv"
	"strings"

	"cegid.internal/gateway/cegidclient/check"
	"cegid.internal/gateway/server/internal/apierror"
)

// Findings is the error of the findings that stop a call; nil without one.
func Findings(found []check.Finding) error {
	if !check.HasErrors(found) {
		return nil
	}
	return ofFindings(found).Err()
}

func ofFindings(found []check.Finding) apierror.Error {
	wrong := violations(found, func(f check.Finding) string { return f.Field })
	return apierror.InvalidFields(apierror.ReasonNamed(wrong[0].Reason), wrong...)
}

// violations are the findings that stop an import, each at the place that of names.
func violations(found []check.Finding, of func(check.Finding) string) (out []apierror.Violation) {
	for _, finding := range found {
		if finding.Severity == check.Error {
			near := near(finding)
			out = append(out, apierror.Violation{
				Field: of(finding), Description: finding.Message + near.English, Reason: finding.Code, French: finding.French + near.French,
			})
		}
	}
	return out
}

// near lists what exists and looks alike.
func near(finding check.Finding) apierror.Text {
	var missing []string
	for _, suggestion := range finding.Suggestions {
		if !strings.Contains(finding.Message, suggestion) {
			missing = append(missing, suggestion)
		}
	}
	if len(missing) == 0 {
		return apierror.Text{}
	}
	return alike.With(apierror.Same("values", strings.Join(missing, ", ")))
}

// ofFile is the error of the findings that stop a file. Its violations are the first of them.
func ofFile(found []check.Finding) apierror.Error {
	wrong := violations(found, func(f check.Finding) string { return placeOf(f).English })
	count, place := 0, apierror.Text{}
	for _, finding := range found {
		if finding.Severity == check.Error {
			if count == 0 {
				place = placeOf(finding)
			}
			count += finding.Count
		}
	}
	errorsFound := oneError
	if count > 1 {
		errorsFound = manyErrors.With(apierror.Same("count", strconv.Itoa(count)))
	}
	out := rows[fileInvalid].With(apierror.Value{Name: "count", Text: errorsFound}, apierror.Value{Name: "place", Text: place},
		apierror.Value{Name: "finding", Text: apierror.Text{English: wrong[0].Description, French: wrong[0].French}})
	out.Violations = wrong
	return out
}

// placeOf says where in a file something was found first.
func placeOf(f check.Finding) apierror.Text {
	line := apierror.Same("line", strconv.Itoa(f.Line))
	switch {
	case f.Line == 0:
		return anywhere
	case f.Column == 0:
		return atLine.With(line)
	}
	return atColumn.With(line, apierror.Same("column", strconv.Itoa(f.Column)))
}
