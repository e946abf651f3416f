package check

import "strings"

// IsSIRET tells whether a text is a SIRET: 14 digits with the right key.
func IsSIRET(s string) bool { return checkSIRET(s) == "" }

// checkSIRET tells why a SIRET is none (loop-api: A 2.7): the code of a finding, or nothing.
func checkSIRET(s string) (code string) {
	switch {
	case len(s) != 14 || strings.Trim(s, "0123456789") != "":
		return siretInvalid
	case luhn(s) || laPoste(s):
		return ""
	default:
		return siretChecksum
	}
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// laPoste: the establishments of La Poste have more numbers than the Luhn key leaves, so that INSEE gives them one whose
// digits add up to a multiple of five. Whether Loop knows is not documented; if it does not, it refuses at once.
func laPoste(s string) bool {
	if !strings.HasPrefix(s, "356000000") {
		return false
	}
	sum := 0
	for i := range len(s) {
		sum += int(s[i] - '0')
	}
	return sum%5 == 0
}

func siren(siret string) string { return siret[:9] }
