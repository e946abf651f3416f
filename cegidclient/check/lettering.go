package check

import "cegid.internal/gateway/cegidclient"

// packet is the lines under one lettering code. Loop imports it when it lies on one account and balances there
// (loop-api: A 2.5); the lines may belong to several entries, an invoice and its payment as a rule.
type packet struct {
	code, account string
	party         string // the first third party
	field         string // of the first line
	debit, credit int64
	broken        bool // something is wrong already, so that its balance says nothing
	mixed         bool // several third parties were reported
}

func (c *checker) letter(path string, l *cegidclient.EntryLine, debit, credit int64, ok bool) {
	field := path + ".lettering_code"
	p := c.packet[l.LetteringCode]
	if p == nil {
		p = &packet{code: l.LetteringCode, account: l.Account, field: field}
		if c.packet == nil {
			c.packet = map[string]*packet{}
		}
		c.packet[l.LetteringCode] = p
		c.packets = append(c.packets, p)
	}
	p.debit, p.credit = p.debit+debit, p.credit+credit
	p.broken = p.broken || !ok
	if p.party == "" {
		p.party = l.ThirdParty
	}
	switch {
	case l.Account != p.account:
		c.add(letteringOnTwoAccounts, field, quoted("value", p.code), quoted("account", p.account), quoted("other", l.Account))
		p.broken = true
	case l.ThirdParty != "" && l.ThirdParty != p.party && !p.mixed:
		c.add(letteringOfSeveral, field, quoted("value", p.code), quoted("party", p.party), quoted("other", l.ThirdParty))
		p.mixed = true
	}
}

func (c *checker) lettering() {
	for _, p := range c.packets {
		if !p.broken && p.debit != p.credit {
			c.add(letteringUnbalanced, p.field, quoted("value", p.code), quoted("account", p.account),
				money("debit", p.debit), money("credit", p.credit), money("difference", max(p.debit-p.credit, p.credit-p.debit)))
		}
	}
}
