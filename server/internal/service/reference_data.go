// Package service holds the handlers. They convert and delegate: no HTTP, no retry, no policy beyond what an answer
// shows.
package service

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/preflight"
	"cegid.internal/gateway/server/internal/rawdoor"
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

// checkExtraFields refuses what names another dossier than the one that the policy was asked about: nobody knows which of
// its names Loop heeds in the body of a creation, so these are guarded as raw calls are.
func checkExtraFields(dossier string, fields map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		member, err := jsontext.AppendQuote([]byte("{"), name)
		if err != nil {
			continue // no name of a field, which the client says better
		}
		if errors.Is(rawdoor.CheckBody(string(member)+":"+fields[name]+"}", dossier), rawdoor.ErrOtherDossier) {
			return apierror.Field(looppb.ErrorReason_ERROR_REASON_FIELD_INVALID, fmt.Sprintf("extra_fields[%q]", name),
				"is not the caller's to give: it may decide which dossier is written, and that is the request's own")
		}
	}
	return nil
}
