package diagnostics

import (
	"cmp"
	"context"
	"slices"

	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/apierror"
	"cegid.internal/gateway/server/internal/pagetoken"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/tenant"
)

// ListDossiers implements looppb.DiagnosticsServiceServer.
func (s *Service) ListDossiers(ctx context.Context, request *looppb.ListDossiersRequest) (*looppb.ListDossiersResponse, error) {
	caller := s.caller(ctx)
	practices := s.practices.All()
	if name := request.GetPractice(); name != policy.All {
		practice, err := s.practices.Get(name)
		if err != nil {
			return nil, err
		}
		practices = []*tenant.Practice{practice}
	}
	response := &looppb.ListDossiersResponse{OpenEnded: new(bool)}
	var all []*looppb.Dossier
	for _, practice := range practices {
		if !s.grants.Known(caller, practice.Name) {
			continue
		}
		dossiers, open := s.dossiersOf(caller, practice)
		all = append(all, dossiers...)
		*response.OpenEnded = *response.OpenEnded || open
	}

	query := pagetoken.NewQuery("dossiers", caller, request.GetPractice())
	skip, err := pagetoken.Decode(query, request.GetPageToken())
	if err != nil {
		return nil, apierror.Field(looppb.ErrorReason_ERROR_REASON_PAGE_TOKEN_INVALID, "page_token", err.Error())
	}
	from := min(skip, len(all))
	to := min(from+pagetoken.Size(request), len(all))
	response.Dossiers = all[from:to]
	if to < len(all) {
		response.NextPageToken = pagetoken.Encode(query, to)
	}
	return response, nil
}

// dossiersOf lists what configuration and policy name in a practice, as far as the caller may see it.
func (s *Service) dossiersOf(caller string, practice *tenant.Practice) (out []*looppb.Dossier, open bool) {
	names := map[string]string{}
	for _, code := range s.grants.ExactDossiers(caller, practice.Name) {
		names[code] = ""
	}
	for _, dossier := range practice.Dossiers {
		names[dossier.Code] = dossier.Name
	}
	var listed []string
	for code, name := range names {
		granted := s.grants.Rights(caller, practice.Name, code)
		if len(granted) == 0 {
			continue
		}
		listed = append(listed, code)
		out = append(out, &looppb.Dossier{Practice: practice.Name, Code: code, Name: name, Rights: rights(granted)})
	}
	slices.SortFunc(out, func(a, b *looppb.Dossier) int { return cmp.Compare(a.GetCode(), b.GetCode()) })
	return out, s.grants.OpenEnded(caller, practice.Name, listed)
}
