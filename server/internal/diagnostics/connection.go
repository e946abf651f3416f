package diagnostics

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cegid.internal/gateway/cegidclient"
	looppb "cegid.internal/gateway/gen/go/cegid/loop/v1"
	"cegid.internal/gateway/server/internal/tenant"
)

// finding is what an outcome of a probe means and what to do about it, the likeliest first.
type finding struct {
	cause      looppb.ConnectionCause
	confidence looppb.CauseConfidence
	summary    string
	cures      []string
}

const (
	cureActivate = "The practice's administrator activates the public half of the API key in LoopHub, where the vendor may be listed " +
		"under an earlier name; until then a valid key is refused."
	cureAttach = "The practice's administrator attaches the dossier to the application's key in LoopHub."
	cureAPIKey = "Compare the API key (key:secret) with the one that CegidLife showed once; if in doubt, generate a new one there and " +
		"activate it in LoopHub."
	cureSubscription = "Compare the subscription key with the one in the Cegid developer portal, where the subscription must be active; " +
		"the secondary key works while the primary is renewed."
	curePrimary = "Renew the primary subscription key in the Cegid developer portal and write it to its file, before the " +
		"secondary one ends, too."
	cureBaseURL     = "Compare loop.base_url with the one that Cegid documents."
	cureNetwork     = "Check that this server may reach the host of loop.base_url: name resolution, proxy, firewall, certificates."
	cureWait        = "Wait, then check again; if it lasts, ask Cegid's support with the request id."
	cureDossierCode = "Check the dossier's code, letter by letter."
	cureSecretFile  = "Check that the files of this practice's secrets exist, are not empty and may be read by this service."
)

// diagnose maps what a probe saw to one cause. Only what Loop documents or this service saw itself is certain
// (loop-api: C 1.2, 3).
func diagnose(seen *cegidclient.Error) finding {
	switch seen.Kind {
	case cegidclient.KindConfiguration:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_SECRET_UNREADABLE, looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN,
			"This service cannot read the secrets of the practice.",
			[]string{cureSecretFile},
		}
	case cegidclient.KindAdvancedKeyRequired:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_KEY_MISSING, looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN,
			"The practice has no key of this kind.",
			[]string{"Configure keys.advanced with the practice's APIKey Advanced (P04454)."},
		}
	case cegidclient.KindCredentialRejected:
		if seen.Evidence.Wording == cegidclient.WordingSubscriptionKey {
			return finding{
				looppb.ConnectionCause_CONNECTION_CAUSE_SUBSCRIPTION_KEY_REJECTED, looppb.CauseConfidence_CAUSE_CONFIDENCE_LIKELY,
				"Loop's gateway rejects the subscription key.",
				[]string{cureSubscription},
			}
		}
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_API_KEY_REJECTED, looppb.CauseConfidence_CAUSE_CONFIDENCE_GUESS,
			"Loop rejects the API key: it is wrong, or not activated in LoopHub.",
			[]string{cureActivate, cureAPIKey, cureSubscription},
		}
	case cegidclient.KindDossierNotShared:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_DOSSIER_NOT_SHARED, looppb.CauseConfidence_CAUSE_CONFIDENCE_GUESS,
			"Loop does not let this key touch the dossier.",
			[]string{cureAttach, cureDossierCode, cureActivate},
		}
	case cegidclient.KindNotFound:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_DOSSIER_NOT_SHARED, looppb.CauseConfidence_CAUSE_CONFIDENCE_GUESS,
			"Loop does not find the dossier.",
			[]string{cureDossierCode, cureAttach, cureBaseURL},
		}
	case cegidclient.KindRouteUnknown:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_ROUTE_UNKNOWN, looppb.CauseConfidence_CAUSE_CONFIDENCE_LIKELY,
			"Loop's gateway does not know the route.",
			[]string{cureBaseURL, cureSubscription},
		}
	case cegidclient.KindThrottled:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_THROTTLED, looppb.CauseConfidence_CAUSE_CONFIDENCE_LIKELY,
			"Loop asks to slow down.",
			[]string{"Wait as long as Loop says, then check again.", "Lower limits.concurrency or set limits.requests_per_second for the practice."},
		}
	case cegidclient.KindRefused:
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_REFUSED, looppb.CauseConfidence_CAUSE_CONFIDENCE_GUESS,
			"Loop refused the call with words of its own.",
			[]string{cureDossierCode, cureAttach},
		}
	case cegidclient.KindUnavailable:
		if seen.HTTPStatus == 0 {
			return finding{
				looppb.ConnectionCause_CONNECTION_CAUSE_LOOP_UNAVAILABLE, looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN,
				"Loop cannot be reached, or does not answer in time.",
				[]string{cureNetwork, cureBaseURL, cureWait},
			}
		}
		return finding{
			looppb.ConnectionCause_CONNECTION_CAUSE_LOOP_UNAVAILABLE, looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN,
			"Loop answers that it is out of order.",
			[]string{cureWait},
		}
	}
	return finding{
		looppb.ConnectionCause_CONNECTION_CAUSE_BAD_RESPONSE, looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN,
		"What answers is not Loop's API.",
		[]string{cureBaseURL, cureNetwork},
	}
}

// afterThePrimary makes the finding that of both subscription keys: Loop rejected the primary one (401), then this was seen with the
// secondary one. It adds that to the detail.
func (f *finding) afterThePrimary(detail string) string {
	said := "seen with the secondary subscription key; Loop answered 401 to the primary one"
	switch f.cause {
	case looppb.ConnectionCause_CONNECTION_CAUSE_SUBSCRIPTION_KEY_REJECTED:
		f.summary = "Loop's gateway rejects both subscription keys."
		said = ""
	case looppb.ConnectionCause_CONNECTION_CAUSE_API_KEY_REJECTED:
		said = "Loop answered 401 with each of the two subscription keys"
	default:
		f.cures = append(f.cures, curePrimary)
	}
	return strings.Trim(detail+"; "+said, "; ")
}

// CheckConnection implements looppb.DiagnosticsServiceServer.
func (s *Service) CheckConnection(ctx context.Context, request *looppb.CheckConnectionRequest) (*looppb.CheckConnectionResponse, error) {
	practice, err := s.practices.Get(request.GetPractice())
	if err != nil {
		return nil, err
	}
	return CheckConnection(ctx, practice, request.GetDossier(), request.GetKeyKind(), s.now)
}

// CheckConnection tries one read on a dossier with a key of the kind, or with the one that reading uses.
func CheckConnection(ctx context.Context, p *tenant.Practice, dossier string, kind looppb.KeyKind,
	now func() time.Time,
) (*looppb.CheckConnectionResponse, error) {
	if kind == looppb.KeyKind_KEY_KIND_UNSPECIFIED {
		kind = looppb.KeyKind_KEY_KIND_ADVANCED
		if p.HasStandard {
			kind = looppb.KeyKind_KEY_KIND_STANDARD
		}
	}
	need := cegidclient.KeyStandard
	if kind == looppb.KeyKind_KEY_KIND_ADVANCED {
		need = cegidclient.KeyAdvanced
	}
	start := now()
	response := &looppb.CheckConnectionResponse{
		KeyKind:   kind,
		CheckTime: timestamppb.New(start),
		Evidence:  &looppb.ConnectionEvidence{Operation: "GET /compte"},
	}
	if kind == looppb.KeyKind_KEY_KIND_STANDARD && !p.HasStandard {
		response.Cause = looppb.ConnectionCause_CONNECTION_CAUSE_KEY_MISSING
		response.Confidence = looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN
		response.Summary = "The practice has no key of this kind."
		response.Cures = []string{"Configure keys.standard with an APIKey Standard (P04448)."}
		return response, nil
	}
	subscriptionKey, err := p.Client.Probe(ctx, dossier, need)
	secondary := subscriptionKey > 0
	response.Evidence.Duration = durationpb.New(now().Sub(start))
	if err == nil {
		response.Cause = looppb.ConnectionCause_CONNECTION_CAUSE_CONNECTED
		response.Confidence = looppb.CauseConfidence_CAUSE_CONFIDENCE_CERTAIN
		response.Summary = "Loop answers, with data of the dossier."
		response.Evidence.HttpStatus = 200
		if secondary {
			response.Summary = "Loop answers, with data of the dossier, but rejects the primary subscription key: the secondary one works."
			response.Cures = []string{curePrimary}
		}
		return response, nil
	}
	var seen *cegidclient.Error
	if !errors.As(err, &seen) || seen.Kind == cegidclient.KindInterrupted || seen.Kind == cegidclient.KindBusy ||
		seen.Kind == cegidclient.KindInvalidArgument {
		return nil, err
	}
	found := diagnose(seen)
	detail := seen.Detail()
	if secondary {
		detail = found.afterThePrimary(detail)
	}
	response.Cause, response.Confidence = found.cause, found.confidence
	response.Summary, response.Cures = found.summary, found.cures
	response.Evidence.HttpStatus = int32(seen.HTTPStatus)
	response.Evidence.LoopCode = seen.Code
	response.Evidence.LoopMessage = seen.Message
	response.Evidence.LoopRequestId = seen.RequestID
	response.Evidence.Detail = detail
	if p.SecretProblem != nil {
		if problem := p.SecretProblem(); problem != nil {
			response.Evidence.Detail = strings.TrimPrefix(response.Evidence.GetDetail()+
				"; a secret cannot be read again, and its value before is in use: "+problem.Error(), "; ")
			response.Cures = append([]string{cureSecretFile}, response.GetCures()...)
		}
	}
	return response, nil
}
