package loopsim_test

import (
	"fmt"
	"net/http"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func TestAReplayStarts(t *testing.T) {
	w := start(t)
	entity := loopsim.EntityID("partner", "DOSSIER_TEST")
	body := func(key, subscription, more string) string {
		return fmt.Sprintf(`{"key":%q,"subscriptionId":%q%s}`, key, subscription, more)
	}
	for _, more := range []string{`,"numberOfDays":20`, `,"numberOfDays":1`, ``} {
		got := w.ask("/partialInit", body(entity, loopsim.SandboxSubscription, more), asPartner)
		o := got.object(t)
		if got.status != http.StatusOK || o["domain"] != loopsim.SandboxPartnerDomain || o["codeIbs"] != "DOSSIER_TEST" || o["message"] == "" || len(o) != 3 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	for name, request := range map[string]string{
		"no JSON": `{`, "no entity": body("", loopsim.SandboxSubscription, ""), "no subscription": body(entity, "", ""),
		"no days": body(entity, loopsim.SandboxSubscription, `,"numberOfDays":0`), "too many days": body(entity, loopsim.SandboxSubscription, `,"numberOfDays":21`),
	} {
		t.Run(name, func(t *testing.T) {
			serviceError(t, w.ask("/partialInit", request, asPartner), http.StatusBadRequest, "SimBodyRefused")
		})
	}
	for name, request := range map[string]string{
		"a dossier's code": body("DOSSIER_TEST", loopsim.SandboxSubscription, ""), "another's entity": body(loopsim.EntityID("demo", "CEGID001"), loopsim.SandboxSubscription, ""),
		"another subscription": body(entity, "1", ""),
	} {
		t.Run(name, func(t *testing.T) {
			serviceError(t, w.ask("/partialInit", request, asPartner), http.StatusBadRequest, "SimReplayRefused")
		})
	}
	must(t, w.SetAttached("partner", loopsim.Standard, "DOSSIER_TEST", false))
	serviceError(t, w.ask("/partialInit", body(entity, loopsim.SandboxSubscription, ""), asPartner), http.StatusBadRequest, "SimReplayRefused")
}
