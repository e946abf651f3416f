// Package service holds the handlers. They convert and delegate: no HTTP, no retry, no policy beyond what an answer
// shows.
package service

import (
	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/listing"
	"cegid.internal/gateway/server/internal/submission"
	"cegid.internal/gateway/server/internal/tenant"
)

// ReferenceData serves looppb.ReferenceDataService.
type ReferenceData struct {
	looppb.UnsafeReferenceDataServiceServer

	accounts *listing.List[cegidclient.Account, *looppb.Account]
	journals *listing.List[cegidclient.Journal, *looppb.Journal]
	sections *listing.List[cegidclient.Section, *looppb.AnalyticSection]

	thirdParties   *thirdParties
	vatCodes       *listing.List[cegidclient.VATCode, *looppb.VatCode]
	establishments *listing.List[cegidclient.Establishment, *looppb.Establishment]

	practices *tenant.Practices
	// changed hears of a dossier in which an account or a journal was created.
	changed func(practice, dossier string)
}

// NewReferenceData returns the service; changed is told of each dossier in which it has created an account or a journal.
func NewReferenceData(practices *tenant.Practices, changed func(practice, dossier string)) *ReferenceData {
	return &ReferenceData{
		practices: practices, changed: changed,
		accounts: newAccounts(practices), journals: newJournals(practices),
		sections: newAnalyticSections(practices), thirdParties: newThirdParties(practices),
		vatCodes: newVATCodes(practices), establishments: newEstablishments(practices),
	}
}

// checkExtraFields refuses what names another dossier than the one that the policy was asked about.
func checkExtraFields(dossier string, fields map[string]string) error {
	if out, known := refused(submission.CheckExtraFields(dossier, fields)); known {
		return out.Err()
	}
	return nil
}
