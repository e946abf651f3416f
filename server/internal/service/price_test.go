package service

import (
	"testing"

	"cegid.internal/gateway/cegidclient"
)

// someAccount has what Loop documents of an account.
func someAccount() *cegidclient.Account {
	return &cegidclient.Account{
		ObjectID: new("5b0f4a52-0d0e-4f0b-9a51-2f6c00000001"), RevisionID: new("0x0000000000000001"), Description: new("60110000"),
		Number: new("60110000"), Label: new("Fournitures d'entretien"), Collective: new(false), Letterable: new(false), Reconcilable: new(true),
		Centralizable: new(false), Analytic: new(true), Closed: new(false),
	}
}

func BenchmarkConvert(b *testing.B) {
	one := someAccount()
	b.ReportAllocs()
	for b.Loop() {
		_ = account(one, false)
	}
}

func TestAnAccountIsConvertedWithFewAllocations(t *testing.T) {
	one := someAccount()
	if n := testing.AllocsPerRun(100, func() { _ = account(one, false) }); n > 0 {
		t.Errorf("%.0f allocations; at most 0", n)
	}
}
