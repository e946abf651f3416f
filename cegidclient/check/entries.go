package check

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
)

// The limits of one import. Those of numbers are this service's own: Loop states none (loop-api: A 2.1). Those of
// lengths come from an integrator who uses this very API (loop-api: A 2.3) [3].
const (
	MaxEntries             = 1000
	MaxLines               = 5000
	MaxLabelLength         = 35
	MaxThirdPartyLength    = 17
	attachmentLife         = 24 * time.Hour // loop-api: A 1
	reservedJournal        = "AN"           // loop-api: A 2.3
	longestPeriodOfEntries = 366            // days
)

// Totals is what an import holds.
type Totals struct {
	Entries, Lines int
	// Debit and Credit are in euro with two decimals, over the amounts that are valid; "0.00" when the import holds more
	// than [MaxLines].
	Debit, Credit string
	// FirstDate and LastDate are the earliest and latest valid date of an entry, YYYY-MM-DD, or empty.
	FirstDate, LastDate string
}

// Entries checks an import by itself. Findings come in the order of the import, followed by those on several entries. An
// import over the limits of size is not looked at further.
func Entries(in cegidclient.EntryImport) (findings []Finding, totals Totals) {
	c := &checker{in: &in, now: time.Now()}
	c.size()
	if !HasErrors(c.list) {
		c.options()
		for i := range in.Entries {
			c.entry(i)
		}
		c.spread()
		c.lettering()
	}
	return c.list, c.totals()
}

type checker struct {
	found
	in            *cegidclient.EntryImport
	now           time.Time
	debit, credit int64
	first, last   string // dates
	start, end    string // valid bounds of the context that were given
	siret         string // the first valid one
	seen          map[entryKey]int
	packets       []*packet // lettering, by first appearance
	packet        map[string]*packet
}

// entryKey is what Loop may tell entries by: how it cuts lines into entries is not documented (loop-api: A 2.10) [I].
type entryKey struct{ journal, date, reference, document string }

func (c *checker) size() {
	lines := 0
	for i := range c.in.Entries {
		lines += len(c.in.Entries[i].Lines)
	}
	switch {
	case len(c.in.Entries) == 0:
		c.add(entriesMissing, "entries")
	case len(c.in.Entries) > MaxEntries:
		c.add(entriesTooMany, "entries", number("count", len(c.in.Entries)), number("most", MaxEntries))
	}
	if lines > MaxLines {
		c.add(linesTooMany, "entries", number("count", lines), number("most", MaxLines))
	}
}

func number(name string, n int) arg { return plain(name, strconv.Itoa(n)) }

func (c *checker) totals() Totals {
	t := Totals{
		Entries: len(c.in.Entries), Debit: formatCents(c.debit), Credit: formatCents(c.credit),
		FirstDate: c.first, LastDate: c.last,
	}
	for i := range c.in.Entries {
		t.Lines += len(c.in.Entries[i].Lines)
	}
	return t
}

func (c *checker) options() {
	o := &c.in.Options
	c.uuid("options.default_journal_id", o.DefaultJournalID)
	c.uuid("options.default_account_id", o.DefaultAccountID)
	if c.date("options.context_start", o.ContextStart) {
		c.start = o.ContextStart
	}
	if c.date("options.context_end", o.ContextEnd) {
		c.end = o.ContextEnd
	}
	if c.start != "" && c.end != "" && c.start > c.end {
		c.add(contextReversed, "options.context_start", day("start", c.start), day("end", c.end))
		c.start, c.end = "", "" // no date lies inside: the reversal is all there is to say
	}
	c.checkSIRET("options.siret", c.in.SIRET)
}

func (c *checker) entry(i int) {
	e := &c.in.Entries[i]
	path := fmt.Sprintf("entries[%d]", i)
	c.required(path, "journal", e.Journal)
	c.required(path, "date", e.Date)
	c.required(path, "reference", e.Reference)
	for _, f := range [...]struct{ name, value string }{
		{"journal", e.Journal},
		{"journal_label", e.JournalLabel},
		{"reference", e.Reference},
		{"document_reference", e.DocumentReference},
	} {
		c.text(path+"."+f.name, f.value)
	}
	// In any letter case: whether Loop tells "an" from "AN" is not documented, and no one needs a journal of that name.
	if strings.EqualFold(strings.TrimSpace(e.Journal), reservedJournal) {
		c.add(journalReserved, path+".journal", quoted("value", e.Journal))
	}
	dated := c.date(path+".date", e.Date)
	if dated {
		c.entryDate(path+".date", e.Date)
	}
	var meaning Meaning
	meaning.Begin(JournalKindOf(e.Journal, e.JournalLabel), yearOf(e.Date))
	documented := c.date(path+".document_date", e.DocumentDate)
	switch {
	case Blank(e.DocumentReference):
		c.add(documentReferenceMissing, path+".document_reference")
	case UnsearchableReference(e.DocumentReference):
		c.add(referenceUnsearchable, path+".document_reference", quoted("value", e.DocumentReference), number("most", MaxSearchedReference))
	}
	c.oneOf(path+".movement_type", string(e.MovementType), "1", "2", "3", "4", "5", "6", "7")
	c.oneOf(path+".batch_type", string(e.BatchType), "1", "2", "4")
	c.uuid(path+".batch", e.Batch)
	c.uuid(path+".parent_entry", e.ParentEntry)
	c.uuid(path+".origin_entry", e.OriginEntry)
	c.merge(i, path)

	issued := "" // when the document was made
	switch {
	case documented:
		issued = e.DocumentDate
	case dated:
		issued = e.Date
	}
	var debit, credit int64
	whole, currency := true, ""
	for j := range e.Lines {
		d, k, ok := c.line(fmt.Sprintf("%s.lines[%d]", path, j), &e.Lines[j], issued)
		debit, credit, whole = debit+d, credit+k, whole && ok
		meaning.Line(j, e.Lines[j].Account, d-k)
		currency = c.oneCurrency(path, currency, e.Lines[j].Currency)
	}
	c.debit, c.credit = c.debit+debit, c.credit+credit
	switch {
	case len(e.Lines) < 2:
		c.add(linesTooFew, path+".lines", number("count", len(e.Lines)))
	case whole && debit != credit:
		c.add(entryUnbalanced, path, money("debit", debit), money("credit", credit), money("difference", max(debit-credit, credit-debit)))
	case whole:
		c.vat(path, e, &meaning)
		c.swapped(path, e, &meaning)
	}
}

func (c *checker) entryDate(field, date string) {
	if c.first == "" || date < c.first {
		c.first = date
	}
	c.last = max(c.last, date)
	if at, _ := time.Parse(time.DateOnly, date); ImplausibleDate(at, c.now) {
		c.add(dateImplausible, field, day("date", date), number("years", MostYears))
		return
	}
	if c.start != "" && date < c.start || c.end != "" && date > c.end {
		c.add(dateOutsideContext, field, day("date", date), bound("start", c.start), bound("end", c.end))
	}
}

// bound is one end of the context; one that was left out is computed from the entries.
func bound(name, date string) arg {
	if date == "" {
		return plain(name, "…")
	}
	return day(name, date)
}

// spread warns of dates that no fiscal year holds together. Fiscal years of more than twelve months exist, hence no error.
func (c *checker) spread() {
	if c.in.Options.MultiPeriod || c.first == "" {
		return
	}
	from, _ := time.Parse(time.DateOnly, c.first)
	to, _ := time.Parse(time.DateOnly, c.last)
	if to.After(from.AddDate(0, 0, longestPeriodOfEntries)) {
		c.add(datesFarApart, "options.multi_period", day("start", c.first), day("end", c.last))
	}
}

func (c *checker) merge(i int, path string) {
	e := &c.in.Entries[i]
	key := entryKey{
		strings.TrimSpace(e.Journal), strings.TrimSpace(e.Date), strings.TrimSpace(e.Reference),
		strings.TrimSpace(e.DocumentReference),
	}
	if c.seen == nil {
		c.seen = make(map[entryKey]int, len(c.in.Entries))
	}
	if first, twice := c.seen[key]; twice {
		c.add(entriesMightMerge, path, plain("other", fmt.Sprintf("entries[%d]", first)))
		return
	}
	c.seen[key] = i
}

// line checks a line and gives its amounts; ok is false when they are not known.
func (c *checker) line(path string, l *cegidclient.EntryLine, issued string) (debit, credit int64, ok bool) {
	c.required(path, "account", l.Account)
	c.required(path, "label", l.Label)
	for _, f := range [...]struct{ name, value string }{
		{"account", l.Account},
		{"account_label", l.AccountLabel},
		{"third_party", l.ThirdParty},
		{"label", l.Label},
		{"comment", l.Comment},
		{"lettering_code", l.LetteringCode},
	} {
		c.text(path+"."+f.name, f.value)
	}
	if n := utf8.RuneCountInString(l.ThirdParty); n > MaxThirdPartyLength {
		c.add(thirdPartyTooLong, path+".third_party", quoted("value", l.ThirdParty), number("count", n), number("most", MaxThirdPartyLength))
	}
	if len(l.Label) > MaxLabelLength {
		c.labelLength(path+".label", l.Label)
	}
	switch {
	case l.ThirdParty == "" && NeedsThirdParty(l.Account):
		c.add(thirdPartyMissing, path+".third_party", quoted("value", l.Account))
	case l.ThirdParty != "" && takesNoThirdParty(l.Account):
		c.add(thirdPartyUnexpected, path+".third_party", quoted("value", l.ThirdParty), quoted("account", l.Account))
	}
	debit, credit, ok = c.sides(path, l)
	c.currency(path, l, debit+credit, ok)
	c.date(path+".operation_date", l.OperationDate)
	if c.date(path+".due_date", l.DueDate) && issued != "" && l.DueDate < issued {
		c.add(dueDateEarly, path+".due_date", day("date", l.DueDate), day("document", issued))
	}
	c.cutoff(path, l)
	c.date(path+".reconciliation_date", l.ReconciliationDate)
	c.uuid(path+".reconciliation_code", l.ReconciliationCode)
	c.date(path+".lettering_date", l.LetteringDate)
	switch {
	case l.LetteringCode != "":
		c.letter(path, l, debit, credit, ok)
	case l.LetteringDate != "":
		c.add(letteringDateAlone, path+".lettering_date")
	}
	if l.PaymentMode != 0 && (l.PaymentMode < cegidclient.PaymentNone || l.PaymentMode > cegidclient.PaymentRemote) {
		c.add(valueUnknown, path+".payment_mode", number("value", int(l.PaymentMode)))
	}
	c.oneOf(path+".line_type", string(l.LineType), "1", "2", "3", "4", "5", "6", "7")
	c.checkSIRET(path+".siret", l.SIRET)
	c.attachment(path+".attachment_url", l.AttachmentURL)
	c.analytics(path, l, debit+credit, ok)
	return debit, credit, ok
}

// sides reads the amount of a line, of which exactly one side is given.
func (c *checker) sides(path string, l *cegidclient.EntryLine) (debit, credit int64, ok bool) {
	ok = true
	read := func(side, value string) int64 {
		if value == "" {
			return 0
		}
		cents, valid := c.amount(path+"."+side, value, side)
		ok = ok && valid
		return cents
	}
	debit, credit = read("debit", l.Debit), read("credit", l.Credit)
	switch {
	case l.Debit == "" && l.Credit == "":
		c.add(sideMissing, path+".debit")
		return 0, 0, false
	case l.Debit != "" && l.Credit != "":
		c.add(sideBoth, path+".credit")
		return 0, 0, false
	case ok && debit == 0 && credit == 0:
		side := "debit"
		if l.Debit == "" {
			side = "credit"
		}
		c.add(amountZero, path+"."+side)
	}
	return debit, credit, ok
}

func (c *checker) amount(field, value, side string) (cents int64, ok bool) {
	if cents, ok = parseCents(value); ok {
		return cents, true
	}
	advice, suggestion := adviceFor(value, side)
	f := c.add(amountInvalid, field, quoted("value", value), arg{"advice", advice})
	if suggestion != "" {
		f.Suggestions = []string{suggestion}
	}
	return 0, false
}

func (c *checker) currency(path string, l *cegidclient.EntryLine, cents int64, known bool) {
	if l.Currency == "" {
		if l.CurrencyAmount != "" || l.CurrencyRate != "" {
			c.add(currencyMissing, path+".currency")
		}
	} else if !isCurrency(l.Currency) {
		f := c.add(currencyInvalid, path+".currency", quoted("value", l.Currency))
		if upper := strings.ToUpper(strings.TrimSpace(l.Currency)); isCurrency(upper) {
			f.Suggestions = []string{upper}
		}
	}
	another := l.Currency != "" && l.Currency != "EUR"
	if l.CurrencyAmount != "" {
		units, ok := parseDecimal(l.CurrencyAmount, currencyDecimals)
		if ok && known && foreign(l.Currency) {
			c.converted(path, l, units, cents)
		}
		switch {
		case !ok:
			c.add(currencyAmountInvalid, path+".currency_amount", quoted("value", l.CurrencyAmount))
		case l.Currency == "EUR" && known && units != cents*100: // ten-thousandths and cents
			c.add(currencyAmountDiffers, path+".currency_amount", quoted("value", l.CurrencyAmount), money("amount", cents))
		}
	} else if another {
		c.add(currencyAmountMissing, path+".currency_amount", quoted("currency", l.Currency))
	}
	switch {
	case l.CurrencyRate != "" && !isRate(l.CurrencyRate):
		c.add(currencyRateInvalid, path+".currency_rate", quoted("value", l.CurrencyRate))
	case l.CurrencyRate != "" && l.Currency == "EUR" && cegidclient.CanonicalNumber(l.CurrencyRate) != "1":
		c.add(euroRateDiffers, path+".currency_rate", quoted("value", l.CurrencyRate))
	case l.CurrencyRate == "" && another:
		c.add(currencyRateMissing, path+".currency_rate", quoted("currency", l.Currency))
	}
}

func (c *checker) cutoff(path string, l *cegidclient.EntryLine) {
	start, end := c.date(path+".cutoff_start", l.CutoffStart), c.date(path+".cutoff_end", l.CutoffEnd)
	switch {
	case l.CutoffStart == "" && l.CutoffEnd != "":
		c.add(cutoffIncomplete, path+".cutoff_start")
	case l.CutoffStart != "" && l.CutoffEnd == "":
		c.add(cutoffIncomplete, path+".cutoff_end")
	case start && end && l.CutoffStart > l.CutoffEnd:
		c.add(cutoffReversed, path+".cutoff_start", day("start", l.CutoffStart), day("end", l.CutoffEnd))
	}
}

// attachment never repeats the address: a signed link is a secret.
func (c *checker) attachment(field, address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Hostname() == "" || u.User != nil ||
		strings.ContainsFunc(address, unicode.IsSpace) {
		c.add(attachmentInvalid, field)
		return
	}
	if end, ok := sasEnd(u); ok && end.Before(c.now.Add(attachmentLife)) {
		c.add(attachmentShortLived, field, arg{"end", text{end.UTC().Format("2006-01-02 15:04 UTC"), end.UTC().Format("02/01/2006 à 15:04 UTC")}})
	}
}

// sasEnd reads the end of an Azure shared access signature: an ISO 8601 instant in UTC, to the day, minute or second.
func sasEnd(u *url.URL) (time.Time, bool) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, values.Get("se")); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// analytics: on each axis the parts add up to the line.
func (c *checker) analytics(path string, l *cegidclient.EntryLine, cents int64, known bool) {
	type axisSum struct {
		axis string
		sum  int64
		ok   bool
	}
	var axes []axisSum
	for k := range l.Analytics {
		split := &l.Analytics[k]
		at := fmt.Sprintf("%s.analytics[%d]", path, k)
		c.required(at, "axis", split.Axis)
		c.required(at, "section", split.Section)
		c.required(at, "amount", split.Amount)
		c.text(at+".axis", split.Axis)
		c.text(at+".section", split.Section)
		part, ok := int64(0), false
		if split.Amount != "" {
			part, ok = c.amount(at+".amount", split.Amount, "")
		}
		i := slices.IndexFunc(axes, func(a axisSum) bool { return a.axis == split.Axis })
		if i < 0 {
			i = len(axes)
			axes = append(axes, axisSum{axis: split.Axis, ok: true})
		}
		axes[i].sum, axes[i].ok = addParts(axes[i].sum, part), axes[i].ok && ok
	}
	for _, a := range axes {
		if known && a.ok && a.sum != cents {
			c.add(analyticsUnbalanced, path+".analytics", quoted("axis", a.axis), money("sum", a.sum), money("amount", cents))
		}
	}
}

func (c *checker) required(path, name, value string) {
	if Blank(value) {
		c.add(fieldRequired, path+"."+name, arg{"what", requiredNames[name]})
	}
}

func (c *checker) text(field, value string) {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		c.add(textInvalid, field)
	}
}

// date reports whether a date was given that exists.
func (c *checker) date(field, value string) bool {
	if value == "" {
		return false
	}
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		c.add(dateInvalid, field, quoted("value", value))
		return false
	}
	return true
}

func (c *checker) oneOf(field, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		c.add(valueUnknown, field, quoted("value", value))
	}
}

func (c *checker) uuid(field, value string) {
	if value != "" && !isUUID(value) {
		c.add(uuidInvalid, field, quoted("value", value))
	}
}

// isUUID accepts any version, in either letter case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'):
			return false
		}
	}
	return true
}

// checkSIRET also sees to it that all of an import belong to one company (loop-api: A 2.7).
func (c *checker) checkSIRET(field, value string) {
	if value == "" {
		return
	}
	if code := checkSIRET(value); code != "" {
		f := c.add(code, field, quoted("value", value))
		digits := strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) || r == '.' {
				return -1
			}
			return r
		}, value)
		if digits != value && checkSIRET(digits) == "" {
			f.Suggestions = []string{digits}
		}
		return
	}
	switch {
	case c.siret == "":
		c.siret = value
	case siren(c.siret) != siren(value):
		c.add(siretsOfSeveral, field, plain("value", value), plain("siren", siren(value)), plain("other", siren(c.siret)))
	}
}
