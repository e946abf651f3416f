package loopsim

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// Codes of the service errors. Loop's own list was not seen (C 3): the prefix says that these are the simulator's, so
// that nobody switches on them.
const (
	codeKeyRefused       = "SimApiKeyRefused"
	codeAdvancedRequired = "SimAdvancedKeyRequired"
	codeDossierMissing   = "SimDossierMissing"
	codeDossierRefused   = "SimDossierNotShared"
	codeQueryRefused     = "SimQueryRefused"
	codeBodyRefused      = "SimBodyRefused"
	codeImportUnknown    = "SimImportUnknown"
	codeDomainRefused    = "SimDomainRefused"
	codeReplayRefused    = "SimReplayRefused"
	codeFault            = "SimFault"
)

// codeBadLogin is one of Loop's own codes, the only one that was seen (C 3.2).
const codeBadLogin = "CollaborateurBadLogin"

// gatewayAnswer is an error of the API management layer (loop-api: C 3.1).
func gatewayAnswer(status int, message string) answer {
	body := encode(struct {
		StatusCode int    `json:"statusCode"`
		Message    string `json:"message"`
	}{status, message})
	return jsonAnswer(status, body)
}

// gatewayMessage holds the words that C 3.1 knows of each status, in sentences of our own.
func gatewayMessage(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "Appel refusé : invalid subscription key."
	case http.StatusForbidden:
		return "Appel refusé : quota épuisé."
	case http.StatusNotFound:
		return "Resource not found"
	case http.StatusTooManyRequests:
		return "Appel refusé : rate limit atteinte."
	default:
		return http.StatusText(status)
	}
}

// serviceAnswer is the error object of a micro-service (loop-api: C 3.2).
func (s *Simulator) serviceAnswer(status int, code, message string) answer {
	name := "MicroserviceError[" + code + "]"
	body := encode(struct {
		StatusCode int    `json:"statusCode"`
		Code       string `json:"code"`
		Message    string `json:"message"`
		Name       string `json:"name"`
		Stack      string `json:"stack"`
		Error      any    `json:"error"`
		ID         string `json:"id"`
		RequestID  string `json:"requestId"`
	}{status, code, message, name, name + ": " + message, nil, s.nextUUID("error"), s.nextUUID("request")})
	return jsonAnswer(status, body)
}

// refusalAnswer is a refusal that answers HTTP 200 (loop-api: C 3.3, A 1).
func (s *Simulator) refusalAnswer(message string) answer {
	type refusal struct {
		InstanceID string `json:"instanceId"`
		Message    string `json:"message"`
	}
	body := encode(struct {
		Error refusal `json:"error"`
	}{refusal{s.nextUUID("instance"), message}})
	return jsonAnswer(http.StatusOK, body)
}

// dossierRefused: status and object are [I] (loop-api: C 1.2, R 1.2).
func (s *Simulator) dossierRefused() answer {
	return s.serviceAnswer(http.StatusForbidden, codeDossierRefused, "La clé d'API n'a pas accès à ce dossier.")
}

// queryRefused answers a query that the documentation does not cover. Status and object are [I]: none is documented for
// the list routes (R 1.9).
func (x *exchange) queryRefused(message string) answer {
	return x.sim.serviceAnswer(http.StatusBadRequest, codeQueryRefused, message)
}

// encode writes plain values, which cannot fail, with <, > and & as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
