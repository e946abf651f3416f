package filecheck

import "cegid.internal/gateway/cegidclient/check"

// Place is one place of a finding. Of a mixture of encodings it is the first text of a line.
type Place struct {
	Code, Field  string
	Line, Column int
	// Reading tells the readings of a file apart of which the end of the file decides: the validator knows what counts.
	Reading uint8
}

// The readings of texts that may be the odd ones of a mixture.
const (
	InUTF8 uint8 = iota + 1
	InEightBits
)

// An Authority is somebody whose verdict on a file matters.
type Authority uint8

// The authorities.
const (
	// OfLaw is the form that article A47 A-1 of the Livre des procédures fiscales gives a FEC.
	OfLaw Authority = iota + 1
	// OfTaxTool is the tax administration's Test Compta Demat.
	OfTaxTool
	// OfLoop is an import into Loop by this service.
	OfLoop
)

// An Outcome is what a verdict comes to.
type Outcome uint8

// The outcomes.
const (
	// NotConcerned: the format is not one that the authority knows.
	NotConcerned Outcome = iota
	// Passes: nothing is known against the file.
	Passes
	// PassesWithReservations: what was found does not decide it.
	PassesWithReservations
	// Fails: the authority objects.
	Fails
)

// A Verdict is what one authority says of a file, as far as its rules are known.
type Verdict struct {
	Authority Authority
	Outcome   Outcome
	// Count is the number of findings that it rests on, and Worst the weightiest of them.
	Count int
	Worst *check.Finding
}

// Verdicts judges findings. Without law, neither the law nor the tax administration is concerned. What is an error keeps
// a file from Loop no matter who else objects, because this service does not send it.
func Verdicts(findings []check.Finding, law bool) []Verdict {
	verdicts := []Verdict{{Authority: OfLaw, Outcome: Passes}, {Authority: OfTaxTool, Outcome: Passes}, {Authority: OfLoop, Outcome: Passes}}
	for i := range findings {
		f := &findings[i]
		if f.Grounds.Has(check.Law) {
			verdicts[0].add(f, f.Severity >= check.Warning)
		}
		if f.Grounds.Has(check.TaxTool) {
			verdicts[1].add(f, true)
		}
		if f.Grounds.Has(check.Loop) || f.Severity == check.Error {
			verdicts[2].add(f, f.Severity == check.Error)
		}
	}
	if !law {
		verdicts[0] = Verdict{Authority: OfLaw}
		verdicts[1] = Verdict{Authority: OfTaxTool}
	}
	return verdicts
}

func (v *Verdict) add(f *check.Finding, fails bool) {
	v.Count++
	v.Outcome = max(v.Outcome, PassesWithReservations)
	if fails {
		v.Outcome = Fails
	}
	if v.Worst == nil || f.Severity > v.Worst.Severity {
		v.Worst = f
	}
}
