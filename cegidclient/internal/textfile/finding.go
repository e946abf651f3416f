package textfile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// MaxPlaces is the number of lines that a finding names.
const MaxPlaces = 10

// Text is a sentence or a value in both languages.
type Text struct{ English, French string }

// Arg fills a {placeholder} of a sentence; a number, which N repeats, also chooses between the forms of
// {count:column|columns}.
type Arg struct {
	Name  string
	Value Text
	N     int
}

// Plain is a value that is the same in both languages.
func Plain(name, value string) Arg { return Arg{Name: name, Value: Text{value, value}} }

// Number is a whole number.
func Number(name string, n int) Arg { return Arg{name, Count(n), n} }

// Count writes a number with marks of thousands.
func Count(n int) Text {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	return Text{b.String(), strings.ReplaceAll(b.String(), ",", "\u202f")}
}

// Quoted is a value of the file's, bounded and on one line.
func Quoted(name, value string) Arg {
	const most = 60
	runes := []rune(value)
	if len(runes) > most {
		runes = append(runes[:most:most], '…')
	}
	return Plain(name, Visible(string(runes)))
}

// Visible writes invisible characters by their names, such as <NBSP>.
func Visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) && r != ' ' {
			b.WriteString(invisible(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// invisible writes an invisible character.
func invisible(r rune) string {
	switch r {
	case '\t':
		return "<TAB>"
	case '\n':
		return "<LF>"
	case '\r':
		return "<CR>"
	case 0x1a:
		return "<1A>"
	case '\u00a0', '\u202f':
		return "<NBSP>"
	}
	return fmt.Sprintf("<U+%04X>", r)
}

// Money is an amount with two decimals, after a point or a comma.
func Money(name string, c Cents) Arg {
	en := c.String()
	return Arg{Name: name, Value: Text{en, strings.Replace(en, ".", ",", 1)}}
}

// Arg is a date in each language's order.
func (d Date) Arg(name string) Arg {
	en := d.String()
	if en == "" {
		return Plain(name, "?")
	}
	return Arg{Name: name, Value: Text{en, en[8:10] + "/" + en[5:7] + "/" + en[:4]}}
}

// Fill replaces the placeholders of a sentence in both languages, all in one go, so that a value cannot hold one.
func Fill(sentence Text, args []Arg) Text {
	return Text{
		fill(sentence.English, args, func(t Text) string { return t.English }, func(n int) bool { return n == 1 }),
		fill(sentence.French, args, func(t Text) string { return t.French }, func(n int) bool { return n < 2 }),
	}
}

func fill(template string, args []Arg, in func(Text) string, singular func(int) bool) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		var what string
		what, template, _ = strings.Cut(rest, "}")
		name, forms, plural := strings.Cut(what, ":")
		for _, a := range args {
			if a.Name != name {
				continue
			}
			one, many, _ := strings.Cut(forms, "|")
			switch {
			case !plural:
				b.WriteString(in(a.Value))
			case singular(a.N):
				b.WriteString(one)
			default:
				b.WriteString(many)
			}
			break
		}
	}
}
