// Package service holds the handlers. They convert and delegate: no HTTP, no retry, no policy beyond what an answer
// shows.
package service

import (
	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/preflight"
)

// ReferenceData serves looppb.ReferenceDataService.
type ReferenceData struct {
	looppb.UnsafeReferenceDataServiceServer

	accounts *list[cegidclient.Account, *looppb.Account]
	journals *list[cegidclient.Journal, *looppb.Journal]
	sections *list[cegidclient.Section, *looppb.AnalyticSection]

	thirdParties   *thirdParties
	vatCodes       *list[cegidclient.VATCode, *looppb.VatCode]
	establishments *list[cegidclient.Establishment, *looppb.Establishment]

	practices *Practices
	// changed hears of a dossier in which an account or a journal was created.
	changed func(practice, dossier string)
}

// NewReferenceData returns the service; what it creates is forgotten by the cache that imports are checked against.
func NewReferenceData(practices *Practices, checked *preflight.Cache) *ReferenceData {
	return &ReferenceData{
		practices: practices, changed: checked.Changed,
		accounts: newAccounts(practices), journals: newJournals(practices),
		sections: newAnalyticSections(practices), thirdParties: newThirdParties(practices),
		vatCodes: newVATCodes(practices), establishments: newEstablishments(practices),
	}
}
