package contract

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"cegid.internal/gateway/cegidclient"
)

// Config says where to ask, and with which keys.
type Config struct {
	// BaseURL of Loop; production when empty. Plain http is for a simulator on this machine.
	BaseURL string
	// Standard or Advanced is required: "key:secret".
	Standard, Advanced cegidclient.Secret
	// SubscriptionKeys are the gateway's: primary, then secondary if there is one.
	SubscriptionKeys []cegidclient.Secret
	// Dossier to read, attached to the keys. Unattached is one of the practice that is not; optional.
	Dossier, Unattached string
	// BadKeys: also ask what wrong keys answer, once each.
	BadKeys bool
	// Writes: also import entries of 0.01 into the dossier. WriteDate is their day, YYYY-MM-DD.
	Writes    bool
	WriteDate string
	// ImportTimeout is how long an import may take.
	ImportTimeout time.Duration
	// PerSecond is the rate of requests.
	PerSecond float64
	// Report is the path of the report, without its ending.
	Report string
}

const prefix = "LOOP_CONTRACT_"

// variables are all that the environment may say.
var variables = []string{
	"BASE_URL", "SUBSCRIPTION_KEY", "SUBSCRIPTION_KEY_SECONDARY", "API_KEY", "ADVANCED_API_KEY", "DOSSIER", "UNATTACHED_DOSSIER",
	"BAD_KEYS", "WRITES", "WRITE_DOSSIER", "WRITE_DATE", "SETTLE", "PER_SECOND", "REPORT",
}

// FromEnvironment reads LOOP_CONTRACT_… from the environment, as os.Environ gives it. Its error names all that is missing
// or wrong; it holds no value.
func FromEnvironment(environ []string) (Config, error) {
	given := map[string]string{}
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		short, ours := strings.CutPrefix(name, prefix)
		switch {
		case !ours:
		case !slices.Contains(variables, short):
			problem("%s is not known here", name)
		default:
			given[short] = value
		}
	}
	cfg := configOf(given, problem)
	cfg.check(given, problem)
	if len(problems) > 0 {
		return Config{}, errors.New("this suite asks a real Loop and starts on nothing half-configured:\n  " + strings.Join(problems, "\n  "))
	}
	return cfg, nil
}

// configOf reads what is given.
func configOf(given map[string]string, problem func(format string, args ...any)) Config {
	flag := func(name string, absent bool) bool {
		switch given[name] {
		case "":
			return absent
		case "0", "1":
			return given[name] == "1"
		}
		problem("%s%s is neither 0 nor 1", prefix, name)
		return false
	}
	cfg := Config{
		BaseURL: given["BASE_URL"], Dossier: given["DOSSIER"], Unattached: given["UNATTACHED_DOSSIER"],
		Standard: cegidclient.NewSecret(given["API_KEY"]), Advanced: cegidclient.NewSecret(given["ADVANCED_API_KEY"]),
		BadKeys: flag("BAD_KEYS", true), Writes: flag("WRITES", false),
		WriteDate: given["WRITE_DATE"], ImportTimeout: 2 * time.Minute, PerSecond: 3, Report: given["REPORT"],
	}
	if cfg.Report == "" {
		cfg.Report = "loop-contract-report"
	}
	for _, name := range []string{"SUBSCRIPTION_KEY", "SUBSCRIPTION_KEY_SECONDARY"} {
		if given[name] != "" {
			cfg.SubscriptionKeys = append(cfg.SubscriptionKeys, cegidclient.NewSecret(given[name]))
		}
	}
	if cfg.WriteDate == "" {
		cfg.WriteDate = time.Now().Format(time.DateOnly)
	}
	if given["SETTLE"] != "" {
		var err error
		if cfg.ImportTimeout, err = time.ParseDuration(given["SETTLE"]); err != nil || cfg.ImportTimeout <= 0 {
			problem("%sSETTLE is no duration, such as 10m", prefix)
		}
	}
	if given["PER_SECOND"] != "" {
		if n, err := fmt.Sscanf(given["PER_SECOND"], "%g", &cfg.PerSecond); n != 1 || err != nil || cfg.PerSecond <= 0 {
			problem("%sPER_SECOND is no number above 0", prefix)
		}
	}
	return cfg
}

// check tells what is missing, or contradicts something else.
func (cfg Config) check(given map[string]string, problem func(format string, args ...any)) {
	if given["SUBSCRIPTION_KEY"] == "" {
		problem("%sSUBSCRIPTION_KEY is missing: the key of Loop's gateway, from developers.cegid.com", prefix)
	}
	if cfg.Standard.IsZero() && cfg.Advanced.IsZero() {
		problem("%sAPI_KEY or %sADVANCED_API_KEY is missing: \"key:secret\", as CegidLife showed it once", prefix, prefix)
	}
	for _, name := range []string{"API_KEY", "ADVANCED_API_KEY"} {
		if key, secret, ok := strings.Cut(given[name], ":"); given[name] != "" && (!ok || key == "" || secret == "") {
			problem("%s%s is not \"key:secret\"", prefix, name)
		}
	}
	if cfg.Dossier == "" || strings.EqualFold(cfg.Dossier, cegidclient.PracticeDossier) {
		problem("%sDOSSIER is missing: the code of a dossier that is attached to the key in LoopHub, best one of CEGIDPARTENAIRES", prefix)
	}
	if cfg.Unattached != "" && cfg.Unattached == cfg.Dossier {
		problem("%sUNATTACHED_DOSSIER is the dossier that is attached", prefix)
	}
	if cfg.Writes && given["WRITE_DOSSIER"] != cfg.Dossier {
		problem("%sWRITES imports entries of 0.01 into the dossier: to confirm it, give the same code as %sWRITE_DOSSIER", prefix, prefix)
	}
	if !cfg.Writes && given["WRITE_DOSSIER"] != "" {
		problem("%sWRITE_DOSSIER means nothing without %sWRITES=1", prefix, prefix)
	}
	if _, err := time.Parse(time.DateOnly, cfg.WriteDate); err != nil {
		problem("%sWRITE_DATE is no day written YYYY-MM-DD", prefix)
	}
	if !allowed(cfg.BaseURL) {
		problem("%sBASE_URL must be https; plain http is for a simulator on this machine", prefix)
	}
}

func allowed(baseURL string) bool {
	u, err := url.Parse(baseURL)
	return baseURL == "" || err == nil && (u.Scheme == "https" || isLoopback(u))
}

func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
