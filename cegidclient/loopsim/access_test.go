package loopsim_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cegid.internal/gateway/cegidclient/loopsim"
)

func gatewayError(t *testing.T, got reply, status int, words string) {
	t.Helper()
	o := got.object(t)
	message, _ := o["message"].(string)
	if got.status != status || o["statusCode"] != float64(status) || !strings.Contains(message, words) || len(o) != 2 {
		t.Errorf("got %d %s, want %d from the gateway with %q", got.status, got.body, status, words)
	}
}

func serviceError(t *testing.T, got reply, status int, code string) {
	t.Helper()
	o := got.object(t)
	if got.status != status || o["statusCode"] != float64(status) || o["code"] != code || o["name"] != "MicroserviceError["+code+"]" {
		t.Errorf("got %d %s, want %d %s", got.status, got.body, status, code)
	}
	for _, name := range []string{"message", "stack", "error", "id", "requestId"} {
		if _, ok := o[name]; !ok {
			t.Errorf("%s is missing in %s", name, got.body)
		}
	}
}

func TestTheGatewayTurnsCallsAway(t *testing.T) {
	w := start(t)
	const subscription = "Ocp-Apim-Subscription-Key"
	t.Run("without a subscription key", func(t *testing.T) {
		gatewayError(t, w.get("/compte", nil, header(subscription, "")), http.StatusUnauthorized, "missing subscription key")
	})
	t.Run("with a wrong subscription key", func(t *testing.T) {
		gatewayError(t, w.get("/compte", nil, header(subscription, "x")), http.StatusUnauthorized, "invalid subscription key")
	})
	t.Run("not with the secondary key", func(t *testing.T) {
		w.get("/compte", nil, header(subscription, loopsim.SandboxSubscriptionSecondary)).rows(t)
	})
	for _, path := range []string{"", "/", "/inconnu", "/compte/", "/Compte", "/COMPTE", "/compte/x", "//compte"} {
		t.Run("on the unknown route "+path, func(t *testing.T) {
			gatewayError(t, w.get(path, nil), http.StatusNotFound, "Resource not found")
		})
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		t.Run("on the wrong method "+method, func(t *testing.T) {
			got := w.do(w.request(method, "/section", url.Values{"codeDossier": {"CEGID001"}}))
			gatewayError(t, got, http.StatusNotFound, "Resource not found")
		})
	}
	t.Run("outside the base path", func(t *testing.T) {
		r := w.request(http.MethodGet, "/compte", nil)
		r.URL.Path = "/compte"
		gatewayError(t, w.do(r), http.StatusNotFound, "Resource not found")
	})
}

func TestRoutesCanIgnoreCase(t *testing.T) {
	w := start(t, loopsim.WithCaseInsensitiveRoutes())
	w.get("/COMPTE", nil).rows(t)
	w.get("/Journal", nil).rows(t)
	if n := w.Count("/compte"); n != 1 {
		t.Errorf("counted %d under the printed spelling", n)
	}
}

func TestTheBasePathIsConfigurable(t *testing.T) {
	for _, base := range []string{"", "/", "v1/loop", "/v1/loop/"} {
		start(t, loopsim.WithBasePath(base)).get("/compte", nil).rows(t)
	}
}

func TestAPIKeys(t *testing.T) {
	w := start(t)
	key, secret, _ := strings.Cut(loopsim.SandboxDemoAPIKey, ":")
	var first string
	for name, value := range map[string]string{
		"no key": "", "no colon": key, "no secret": key + ":", "no key before the colon": ":" + secret, "a wrong secret": key + ":x", "an unknown key": "x:" + secret,
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			got := w.get("/compte", nil, header("x-apikey", value))
			serviceError(t, got, http.StatusUnauthorized, "SimApiKeyRefused")
			first = got.object(t)["message"].(string)
		})
	}
	t.Run("a key that is not activated looks like an unknown one", func(t *testing.T) {
		must(t, w.SetActivated("demo", loopsim.Advanced, false))
		defer func() { must(t, w.SetActivated("demo", loopsim.Advanced, true)) }()
		got := w.get("/compte", nil)
		serviceError(t, got, http.StatusUnauthorized, "SimApiKeyRefused")
		if got.object(t)["message"] != first {
			t.Error("the messages tell them apart")
		}
	})
	t.Run("a rotated key replaces the old one and keeps its dossiers", func(t *testing.T) {
		must(t, w.RotateAPIKey("demo", loopsim.Advanced, key+":sandbox-new-secret"))
		if got := w.get("/compte", nil); got.status != http.StatusUnauthorized {
			t.Errorf("old key: %d", got.status)
		}
		w.get("/compte", nil, header("x-apikey", key+":sandbox-new-secret")).rows(t)
	})
	t.Run("rotated subscription keys replace the old ones", func(t *testing.T) {
		w.SetSubscriptionKeys("", "sandbox-other")
		if got := w.get("/compte", nil); got.status != http.StatusUnauthorized {
			t.Errorf("old key: %d", got.status)
		}
		got := w.get("/compte", nil, header("Ocp-Apim-Subscription-Key", "sandbox-other"), asPartner, func(r *http.Request) {
			r.URL.RawQuery = "codeDossier=DOSSIER_TEST"
		})
		got.rows(t)
		w.Reset()
		w.get("/compte", nil).rows(t)
	})
}

func TestDossiers(t *testing.T) {
	w := start(t)
	dossier := func(code string) url.Values { return url.Values{"codeDossier": {code}} }
	t.Run("the code is required", func(t *testing.T) {
		serviceError(t, w.do(w.request(http.MethodGet, "/compte", nil)), http.StatusBadRequest, "SimDossierMissing")
	})
	var message any
	t.Run("an unknown one is refused", func(t *testing.T) {
		got := w.get("/compte", dossier("INCONNU"))
		serviceError(t, got, http.StatusForbidden, "SimDossierNotShared")
		message = got.object(t)["message"]
	})
	for _, code := range []string{"DOSSIER_TEST", "cabinet", "cegid001"} {
		t.Run("not this key's: "+code, func(t *testing.T) {
			serviceError(t, w.get("/compte", dossier(code)), http.StatusForbidden, "SimDossierNotShared")
		})
	}
	t.Run("one that is not attached looks like an unknown one", func(t *testing.T) {
		must(t, w.SetAttached("demo", loopsim.Advanced, "CEGID003", false))
		got := w.get("/compte", dossier("CEGID003"))
		serviceError(t, got, http.StatusForbidden, "SimDossierNotShared")
		if got.object(t)["message"] != message {
			t.Error("the messages tell them apart")
		}
		must(t, w.SetAttached("demo", loopsim.Advanced, "CEGID003", true))
		w.get("/compte", dossier("CEGID003")).rows(t)
	})
	t.Run("a test can have its own", func(t *testing.T) {
		content := loopsim.With(loopsim.Content{}, loopsim.Account{Numero: "60700000", Libelle: `Guillemets " et <b> & \`, Type: 6})
		must(t, w.AddDossier("demo", "T1", content))
		loopsim.Rows[loopsim.Account](content)[0].Numero = "changed behind its back"
		rows := w.get("/compte", dossier("T1")).rows(t)
		if len(rows) != 1 || rows[0]["numero"] != "60700000" || rows[0]["libelle"] != `Guillemets " et <b> & \` {
			t.Errorf("%v", rows)
		}
		if body := w.get("/journal", dossier("T1")).body; string(body) != "[]" {
			t.Errorf("journals: %s", body)
		}
		must(t, w.ResetDossier("demo", "T1"))
		must(t, w.RemoveDossier("demo", "T1"))
		if got := w.get("/compte", dossier("T1")); got.status != http.StatusForbidden {
			t.Errorf("removed: %d", got.status)
		}
	})
	t.Run("a test can have its own practice", func(t *testing.T) {
		must(t, w.AddPractice(loopsim.Practice{Name: "p2", StandardAPIKey: "sandbox-a:b", AdvancedAPIKey: "sandbox-c:d"}))
		must(t, w.AddDossier("p2", "CEGID001", loopsim.Template()))
		must(t, w.SetAttached("p2", loopsim.Standard, "CEGID001", false))
		w.get("/compte", nil, header("x-apikey", "sandbox-c:d")).rows(t)
		if got := w.get("/compte", nil, header("x-apikey", "sandbox-a:b")); got.status != http.StatusForbidden {
			t.Errorf("detached from the Standard key: %d", got.status)
		}
		w.Reset()
		if got := w.get("/compte", nil, header("x-apikey", "sandbox-c:d")); got.status != http.StatusUnauthorized {
			t.Errorf("after Reset: %d", got.status)
		}
	})
}

func TestImpossibleWorldsAreRefused(t *testing.T) {
	sim := loopsim.NewSandbox()
	account := func(numero, contra string) loopsim.Content {
		return loopsim.With(loopsim.Content{}, loopsim.Account{Numero: numero, Contrepartie: contra})
	}
	twice := loopsim.With(loopsim.Content{}, loopsim.Account{Numero: "1"}, loopsim.Account{Numero: "1"})
	tests := map[string]struct{ got, want error }{
		"a practice twice":               {sim.AddPractice(loopsim.Practice{Name: "demo"}), loopsim.ErrExists},
		"a practice without name":        {sim.AddPractice(loopsim.Practice{}), loopsim.ErrInvalid},
		"a key without secret":           {sim.AddPractice(loopsim.Practice{Name: "x", StandardAPIKey: "k"}), loopsim.ErrInvalid},
		"a key of another practice":      {sim.AddPractice(loopsim.Practice{Name: "x", StandardAPIKey: loopsim.SandboxDemoAPIKey}), loopsim.ErrExists},
		"one key of both kinds":          {sim.AddPractice(loopsim.Practice{Name: "x", StandardAPIKey: "k:1", AdvancedAPIKey: "k:2"}), loopsim.ErrInvalid},
		"a dossier twice":                {sim.AddDossier("demo", "CEGID001", loopsim.Content{}), loopsim.ErrExists},
		"a dossier of nobody":            {sim.AddDossier("x", "A", loopsim.Content{}), loopsim.ErrUnknown},
		"a dossier named cabinet":        {sim.AddDossier("demo", "cabinet", loopsim.Content{}), loopsim.ErrInvalid},
		"a dossier with a slash":         {sim.AddDossier("demo", "a/b", loopsim.Content{}), loopsim.ErrInvalid},
		"an account without number":      {sim.AddDossier("demo", "A", account("", "")), loopsim.ErrInvalid},
		"an account twice":               {sim.AddDossier("demo", "A", twice), loopsim.ErrInvalid},
		"an unknown contra account":      {sim.AddDossier("demo", "A", account("1", "2")), loopsim.ErrUnknown},
		"a journal's unknown account":    {sim.AddDossier("demo", "A", loopsim.With(loopsim.Content{}, loopsim.Journal{Code: "A", Contrepartie: "2"})), loopsim.ErrUnknown},
		"a journal without code":         {sim.AddDossier("demo", "A", loopsim.With(loopsim.Content{}, loopsim.Journal{})), loopsim.ErrInvalid},
		"rows that no resource shows":    {sim.AddDossier("demo", "A", loopsim.With(loopsim.Content{}, []loopsim.Account{{Numero: "1"}})), loopsim.ErrInvalid},
		"removing an unknown dossier":    {sim.RemoveDossier("demo", "x"), loopsim.ErrUnknown},
		"resetting an unknown dossier":   {sim.ResetDossier("x", "x"), loopsim.ErrUnknown},
		"activating a key that is not":   {sim.SetActivated("demo", loopsim.Standard, true), loopsim.ErrUnknown},
		"attaching an unknown dossier":   {sim.SetAttached("demo", loopsim.Advanced, "x", true), loopsim.ErrUnknown},
		"rotating to another's key":      {sim.RotateAPIKey("demo", loopsim.Advanced, loopsim.SandboxPartnerAPIKey), loopsim.ErrExists},
		"rotating to a malformed key":    {sim.RotateAPIKey("demo", loopsim.Advanced, "x"), loopsim.ErrInvalid},
		"rotating a key that is not one": {sim.RotateAPIKey("demo", loopsim.Standard, "a:b"), loopsim.ErrUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if !errors.Is(tt.got, tt.want) {
				t.Errorf("got %v, want %v", tt.got, tt.want)
			}
			if tt.got != nil && strings.Contains(tt.got.Error(), "-secret") {
				t.Errorf("the error shows a secret: %v", tt.got)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
