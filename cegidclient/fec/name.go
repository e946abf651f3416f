package fec

import (
	"fmt"
	"regexp"
	"strings"

	"cegid.internal/gateway/cegidclient/internal/textfile"
)

// toolName is what the checker of the administration looks for in a name, of whatever ending.
var toolName = regexp.MustCompile(`.FEC20[0-9]{2}[01][0-9][0-3][0-9]`)

// name reads what the file's name says. The law's form has no ending (A47 A-1, IX); any is taken.
func (v *Validator) name() {
	name := v.options.Name
	if name == "" {
		return
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	base := strings.ToUpper(name)
	if dot := strings.LastIndexByte(base, '.'); dot > 0 && len(base)-dot <= 5 {
		base = base[:dot]
	}
	var problems []textfile.Text
	wrong := func(english, french string) {
		problems = append(problems, textfile.Text{English: english, French: french})
	}
	at := strings.LastIndex(base, "FEC")
	if at < 0 {
		wrong("it does not hold FEC", "il ne contient pas FEC")
		v.misnamed(nameInvalid, name, problems)
		return
	}
	siren, day := base[:at], base[at+len("FEC"):]
	switch n := len([]rune(siren)); {
	case strings.Trim(siren, "0123456789") != "":
		wrong("the part before FEC is no SIREN, which has nine digits", "ce qui précède FEC n'est pas un SIREN, qui compte neuf chiffres")
	case n != 9:
		wrong(fmt.Sprintf("%d digits instead of 9 before FEC", n), fmt.Sprintf("%d chiffres au lieu de 9 avant FEC", n))
	case !luhn(siren):
		v.state(sirenInvalid, noField, 0, 0, plain("value", siren))
	}
	digits := len(day) - len(strings.TrimLeft(day, "0123456789"))
	if digits != 8 {
		wrong(fmt.Sprintf("%d digits instead of the 8 of a closing day behind FEC", digits), fmt.Sprintf("%d chiffres au lieu des 8 d'une "+
			"date de clôture après FEC", digits))
	} else {
		date, how := parseDate([]byte(day[:8]))
		if v.closing = date; how != dateGood {
			v.closing = 0
			spelled := day[6:8] + "/" + day[4:6] + "/" + day[:4]
			wrong("there is no day "+day[:4]+"-"+day[4:6]+"-"+day[6:8], "le "+spelled+" n'existe pas")
		}
	}
	if rest := day[digits:]; rest != "" && digits == 8 {
		wrong("there is more behind the closing day", "il y a autre chose après la date de clôture")
	}
	switch tool := toolName.MatchString(base); {
	case len(problems) > 0 && tool:
		v.misnamed(nameForm, name, problems)
	case len(problems) > 0:
		v.misnamed(nameInvalid, name, problems)
	case !tool:
		v.state(nameYear, noField, 0, 0, quoted("value", []byte(name)))
	}
}

func (v *Validator) misnamed(c code, name string, problems []textfile.Text) {
	var english, french []string
	for _, p := range problems {
		english, french = append(english, p.English), append(french, p.French)
	}
	v.state(c, noField, 0, 0, quoted("value", []byte(name)), textfile.Arg{
		Name: "problem", Value: textfile.Text{English: strings.Join(english, "; "), French: strings.Join(french, " ; ")},
	})
}

// luhn checks the key of a SIREN.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
