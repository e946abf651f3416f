// Package service holds the handlers. They convert and delegate: no HTTP, no retry, no policy beyond what an answer
// shows.
package service

import (
	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
)

// ReferenceData serves looppb.ReferenceDataService.
type ReferenceData struct {
	looppb.UnsafeReferenceDataServiceServer

	accounts *list[cegidclient.Account, *looppb.Account]
	journals *list[cegidclient.Journal, *looppb.Journal]
	sections *list[cegidclient.Section, *looppb.AnalyticSection]

	thirdParties *thirdParties
}

// NewReferenceData returns the service.
func NewReferenceData(practices *Practices) *ReferenceData {
	return &ReferenceData{
		accounts: newAccounts(practices), journals: newJournals(practices),
		sections: newAnalyticSections(practices), thirdParties: newThirdParties(practices),
	}
}
