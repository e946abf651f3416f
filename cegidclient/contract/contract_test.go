package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/loopsim"
	"cegid.internal/gateway/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A canary is in every value that the simulator holds and in every secret; none may be in a report.
const canary = "kanari"

const (
	dossier      = "KANARI01"
	unattached   = "KANARI02"
	standardKey  = canary + "-standard:" + canary + "+standard/secret=:x"
	advancedKey  = canary + "-advanced:" + canary + "-advanced-secret"
	subscription = canary + "-subscription"
)

// simulated is a Loop with canaries in it, and the configuration that asks it.
func simulated(t *testing.T, bend func(http.Handler) http.Handler) (Config, *loopsim.Simulator) {
	t.Helper()
	sim := loopsim.New(loopsim.WithImportDelays(0, 0), loopsim.WithRequestLog(10_000))
	sim.SetSubscriptionKeys(subscription, "")
	content := canaries()
	for _, err := range []error{
		sim.AddPractice(loopsim.Practice{Name: canary, StandardAPIKey: standardKey, AdvancedAPIKey: advancedKey, Domain: "KANARIDOMAIN", Cabinet: canaryPractice()}),
		sim.AddDossier(canary, dossier, content), sim.AddDossier(canary, unattached, content),
		sim.SetAttached(canary, loopsim.Standard, unattached, false), sim.SetAttached(canary, loopsim.Advanced, unattached, false),
	} {
		testkit.OK(t, err)
	}
	handler := http.Handler(sim)
	if bend != nil {
		handler = bend(sim)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() { sim.Close(); server.Close() })
	return Config{
		BaseURL: server.URL + sim.BasePath(), Standard: cegidclient.NewSecret(standardKey), Advanced: cegidclient.NewSecret(advancedKey),
		SubscriptionKeys: []cegidclient.Secret{cegidclient.NewSecret(subscription)}, Dossier: dossier, Unattached: unattached,
		BadKeys: true, Writes: true, WriteDate: "2026-03-15", ImportTimeout: 5 * time.Second, PerSecond: 1e6,
	}, sim
}

// canaries is the content of a dossier in which every text is one.
func canaries() loopsim.Content {
	c := loopsim.Template()
	accounts, journals, sections := loopsim.Rows[loopsim.Account](c), loopsim.Rows[loopsim.Journal](c), loopsim.Rows[loopsim.Section](c)
	for i := range accounts {
		accounts[i].Libelle = fmt.Sprintf("%s %s %d", canary, accounts[i].Libelle, i)
	}
	for i := range journals {
		journals[i].Libelle = canary + journals[i].Libelle
	}
	for i := range sections {
		sections[i].Axe, sections[i].Description = "KANARIAXE", canary
	}
	codes, parties := loopsim.Rows[loopsim.VATCode](c), loopsim.Rows[loopsim.ThirdParty](c)
	for i := range codes {
		codes[i].Code, codes[i].Description = "KANARIV"+itoa(i), canary
	}
	loopsim.Rows[loopsim.Company](c)[0].RaisonSociale = canary
	for i := range parties {
		p := &parties[i]
		p.RaisonSociale, p.Nom, p.Prenom, p.NomUsuel, p.Email, p.Telephone = canary+" SARL", canary, canary, canary, canary+"@example.test", canary
	}
	own := loopsim.Journal{Code: "KANARIJ", Libelle: canary, Type: loopsim.JournalOD, TypeContrepartie: 1, SaisieLibelle: 2}
	return loopsim.With(c, append(journals, own)...)
}

func canaryPractice() loopsim.Content {
	c := loopsim.With(loopsim.Content{}, loopsim.Agence{Code: "KANARIA", Libelle: canary, Siret: loopsim.SandboxSIRET, Numvoie: "1", Email: canary + "@example.test"})
	c = loopsim.With(c, loopsim.Groupe{Code: "KANARIG", Description: canary, Agence: "KANARIA"})
	c = loopsim.With(c, loopsim.Collaborateur{Identifiant: "KANARIC", Prenom: canary})
	return loopsim.With(c, loopsim.Engagement{CodeIBS: "KANARIE", Description: canary, Entite: canary, EntiteIbsID: dossier, DateDebut: "2026-01-01"})
}

func run(t *testing.T, cfg Config) *Report {
	t.Helper()
	report, err := Run(t.Context(), cfg)
	testkit.OK(t, err)
	return report
}

func result(t *testing.T, r *Report, id string) Result {
	t.Helper()
	i := slices.IndexFunc(r.Results, func(each Result) bool { return each.ID == id })
	if i < 0 {
		t.Fatalf("no probe %s", id)
	}
	return r.Results[i]
}

// mustHoldNothing looks for canaries, for values that every dossier of the simulator's has, and for what looks like one.
func mustHoldNothing(t *testing.T, r *Report) {
	t.Helper()
	text, err := r.JSON()
	testkit.OK(t, err)
	for name, each := range map[string]string{"JSON": string(text), "Markdown": r.Markdown()} {
		for _, value := range []string{canary, "marchandises", "607000", "FEXEMPLE", "900000001", "example.test", "zebra"} {
			if i := strings.Index(strings.ToLower(each), strings.ToLower(value)); i >= 0 {
				t.Errorf("the %s holds %q: …%s…", name, value, each[max(0, i-80):min(len(each), i+80)])
			}
		}
		for _, pattern := range []string{`(?i)[0-9a-f]{8}-[0-9a-f]{4}-`, `0x[0-9A-Fa-f]{8}`, `\b\d{6,}\b`, `CONTRACT-[A-Z0-9]+`, `https?://`, `(?i)\bCENTRE\b`, `\\u000|[\x00\x01]`} {
			if found := regexp.MustCompile(pattern).FindString(each); found != "" {
				t.Errorf("the %s holds %q", name, found)
			}
		}
	}
}

// TestTheSimulatorIsAsAssumed: it imitates what is documented, so that what it answers otherwise is a mistake here or there.
func TestTheSimulatorIsAsAssumed(t *testing.T) {
	cfg, sim := simulated(t, nil)
	report := run(t, cfg)
	mustHoldNothing(t, report)
	served := map[string]bool{}
	for _, route := range loopsim.Routes() {
		served[route.Path] = true
	}
	// Where the simulator is known to differ from what is assumed of Loop, or cannot tell.
	expected := map[string]Verdict{
		"list_accounts.fields":    Otherwise, // compteBanque and tva are on no sample
		"list_offices.fields":     Otherwise, // extension is on no sample
		"list_accounts.enum.type": AsAssumed, "list_journals.enum.saisieLibelle": AsAssumed,
		"list_customers.references": AsAssumed, "list_analytic_sections.references": AsAssumed,
		"paging.default": NotSettled, "paging.cap": NotSettled, // 57 accounts
		"filter.null":       Otherwise,                                           // it knows null everywhere
		"select.ampersands": Otherwise,                                           // one of the two separators it must be, if any
		"entries.fields":    Otherwise,                                           // it supposes more members
		"entries.cap":       NotSettled, "entries.skip_past_the_cap": NotSettled, // two lines
		"imports.read_back": AsAssumed, "imports.unbalanced": AsAssumed,
	}
	for _, each := range report.Results {
		if op, ok := cegidclient.OperationByID(each.Operation); ok && !served[op.Path] {
			continue
		}
		want, said := expected[each.ID]
		if !said {
			want = AsAssumed
		}
		if each.Verdict != want {
			t.Errorf("%s is %s, want %s: %s %s", each.ID, each.Verdict, want, each.Seen, each.Why)
		}
	}
	if failed := report.Failed(); len(failed) > 0 {
		t.Errorf("%d probes fail that the code depends on: %v", len(failed), failed)
	}
	if n := len(sim.Imports()); n != 7 {
		t.Errorf("%d imports", n)
	}
	entries, err := sim.Entries(canary, dossier)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries are booked, %v", len(entries), err)
	}
	for _, each := range entries {
		if lines := each.Lines; len(lines) != 2 || lines[0].Account != lines[1].Account || lines[0].Debit != lines[1].Credit {
			t.Errorf("what was booked does not cancel itself out: %+v", lines)
		}
	}
}

func TestWhatIsOtherwiseIsSaidSo(t *testing.T) {
	cap0 := func(s *loopsim.Simulator) {
		s.SetPageCap(0)
		chart := loopsim.LargeChart(1200)
		for i := range chart {
			chart[i].Libelle = canary
		}
		content := loopsim.With(canaries(), chart...)
		if err := s.RemoveDossier(canary, dossier); err != nil {
			t.Error(err)
		}
		if err := s.AddDossier(canary, dossier, content); err != nil {
			t.Error(err)
		}
	}
	shape := func(route string, shape loopsim.Shape) func(*loopsim.Simulator) {
		return func(s *loopsim.Simulator) { s.SetShape(route, shape) }
	}
	for name, c := range map[string]struct {
		change func(*loopsim.Simulator)
		id     string
		want   Verdict
		seen   string
		fails  bool // the code depends on it
	}{
		"rows in data":          {shape("/compte", loopsim.Shape{Envelope: loopsim.EnvelopeData}), "list_accounts.envelope", Otherwise, "list in data", false},
		"and they are read":     {shape("/compte", loopsim.Shape{Envelope: loopsim.EnvelopeData}), "list_accounts.read", AsAssumed, "rows: 56", false},
		"another field":         {shape("/journal", loopsim.Shape{ExtraField: true}), "list_journals.fields", Otherwise, "others: champInconnu", false},
		"a field missing":       {shape("/journal", loopsim.Shape{Omit: []string{"accesClient"}}), "list_journals.fields", Otherwise, "missing: accesClient", false},
		"no identity":           {shape("/compte", loopsim.Shape{Omit: []string{"numero"}}), "list_accounts.read", Otherwise, "field at fault: numero", true},
		"numbers as texts":      {shape("/journal", loopsim.Shape{NumbersAsStrings: true}), "list_journals.types", Otherwise, "type (string)", false},
		"and their values":      {shape("/journal", loopsim.Shape{NumbersAsStrings: true}), "list_journals.enum.type", Otherwise, "8 as a string", false},
		"an enum value":         {shape("/compte", loopsim.Shape{EnumValue: 42}), "list_accounts.enum.type", Otherwise, "values: 42", false},
		"null for no reference": {shape("/compte", loopsim.Shape{References: loopsim.ReferencesNull}), "list_accounts.references", Otherwise, "null", false},
		"a list for a text":     {shape("/section", loopsim.Shape{ListedDescription: true}), "list_analytic_sections.references", AsAssumed, "list of string", false},
		"a cap of a thousand":   {cap0, "paging.cap", Otherwise, "rows: 1000", false},
		"all rows without take": {cap0, "paging.default", Otherwise, "rows: 1200", false},
		"status as a text":      {func(s *loopsim.Simulator) { s.SetImportMode(loopsim.ImportMode{StatusAsText: true}) }, "imports.accepted", AsAssumed, "status (string)", false},
		"a storage that refuses": {func(s *loopsim.Simulator) {
			s.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 403, Route: loopsim.DepositRoute})
		}, "files.accepted", Otherwise, "step: deposit", true},
		"access refused later": {func(s *loopsim.Simulator) { s.SetImportMode(loopsim.ImportMode{LateAccess: true}) }, "access.unattached_dossier", AsAssumed, "status: 403", false},
		"filters that answer 500": {func(s *loopsim.Simulator) {
			s.Inject(loopsim.Fault{Kind: loopsim.FaultStatus, Status: 500, Skip: 2, Route: "/compte"})
		}, "filter.or", AsAssumed, "status: 500", true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, sim := simulated(t, nil)
			c.change(sim)
			family, _, _ := strings.Cut(c.id, ".")
			report, err := put(t.Context(), cfg, slices.DeleteFunc(probes(), func(p probe) bool {
				return p.id != connection && !strings.HasPrefix(p.id, family+".")
			}))
			testkit.OK(t, err)
			mustHoldNothing(t, report)
			got := result(t, report, c.id)
			if got.Verdict != c.want || !strings.Contains(got.Seen.String(), c.seen) {
				t.Errorf("%s is %s, want %s with %q: %s %s", c.id, got.Verdict, c.want, c.seen, got.Seen, got.Why)
			}
			if failed := len(report.Failed()) > 0; failed != c.fails {
				t.Errorf("failed: %v", report.Failed())
			}
		})
	}
}

// TestANameThatIsDataIsNotTold: objects keyed by codes, members named after a value, headers with the dossier in them.
func TestANameThatIsDataIsNotTold(t *testing.T) {
	bent := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, r)
			var rows []map[string]any
			body := recorder.Body.Bytes()
			if json.Unmarshal(body, &rows) == nil {
				for i, row := range rows {
					row["KANARIAXE"] = 1                                       // a code that the sections hold
					row["axeAnaKANARIAXE"] = 1                                 // the same inside a name
					row["kanari SARL"] = true                                  // no identifier
					row["Kanari"] = nil                                        // a value of another field
					row["parSection"] = map[string]any{"zebra" + itoa(i): 1.5} // keys that vary
					row["adr"] = map[string]any{"lignes": []any{canary}, "pays": canary}
				}
				body, _ = json.Marshal(rows)
			}
			maps.Copy(w.Header(), recorder.Header())
			w.Header().Del("Content-Length")
			w.Header().Set("X-Dossier-"+dossier, "1")
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(body)
		})
	}
	cfg, _ := simulated(t, bent)
	report := run(t, cfg)
	mustHoldNothing(t, report)
	seen := result(t, report, "list_customers.fields").Seen.String()
	for _, want := range []string{"(a name withheld)", "parSection (object)", "adr.lignes (list of string)", "adr.pays (string)"} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not told: %s", want, seen)
		}
	}
	if got := result(t, report, "gateway.headers").Seen.String(); !strings.Contains(got, "Content-Type") || !strings.Contains(got, "withheld") {
		t.Error(got)
	}
}

func TestWithoutWritesItOnlyReads(t *testing.T) {
	cfg, sim := simulated(t, nil)
	cfg.Writes = false
	report := run(t, cfg)
	for _, request := range sim.Requests() {
		if request.Method != http.MethodGet {
			t.Errorf("%s %s", request.Method, request.Path)
		}
	}
	if got := result(t, report, "imports.accepted"); got.Verdict != NotSettled || got.Why != "nothing was to be written" {
		t.Error(got)
	}
	if len(sim.Imports()) > 0 || int(report.Requests) != len(sim.Requests()) {
		t.Errorf("%d imports, %d requests told of %d", len(sim.Imports()), report.Requests, len(sim.Requests()))
	}
}

// TestWrongKeysAreTriedOnceEach: more could lock a key.
func TestWrongKeysAreTriedOnceEach(t *testing.T) {
	for _, try := range []bool{true, false} {
		cfg, sim := simulated(t, nil)
		cfg.BadKeys = try
		report := run(t, cfg)
		refused := 0
		for _, request := range sim.Requests() {
			if request.Route != loopsim.DepositRoute && (request.Subscription == "" || request.Practice == "") { // the storage takes no keys
				refused++
			}
		}
		want, verdict := 3, AsAssumed
		if !try {
			want, verdict = 0, NotSettled
		}
		if refused != want {
			t.Errorf("%d requests with wrong keys, want %d", refused, want)
		}
		for _, id := range []string{"keys.wrong_subscription_key", "keys.unknown_api_key", "keys.wrong_secret"} {
			if got := result(t, report, id); got.Verdict != verdict {
				t.Errorf("%s is %s: %s", id, got.Verdict, got.Seen)
			}
		}
	}
}

// TestKeysThatAreRefusedAreNotTriedAgain: one request, and the report says why nothing else was asked.
func TestKeysThatAreRefusedAreNotTriedAgain(t *testing.T) {
	cfg, sim := simulated(t, nil)
	testkit.OK(t, sim.SetActivated(canary, loopsim.Standard, false))
	report := run(t, cfg)
	mustHoldNothing(t, report)
	if n := len(sim.Requests()); n != 1 || report.Count(NotSettled) != len(report.Results)-1 {
		t.Errorf("%d requests; %d of %d not settled", n, report.Count(NotSettled), len(report.Results))
	}
	if failed := report.Failed(); len(failed) != 1 || failed[0].ID != connection || !strings.Contains(failed[0].Seen.String(), "status: 401") {
		t.Error(failed)
	}
}

// TestEveryOperationIsAskedAboutOrSaidWhyNot, once.
func TestEveryOperationIsAskedAboutOrSaidWhyNot(t *testing.T) {
	ids, asked := map[string]bool{}, map[string]bool{}
	for _, p := range probes() {
		if ids[p.id] {
			t.Errorf("two probes are called %s", p.id)
		}
		ids[p.id] = true
		asked[p.operation] = true
		if p.question == "" || p.assumed == "" || p.reference == "" {
			t.Errorf("%s leaves something open", p.id)
		}
	}
	for _, each := range notAsked() {
		if each.Why == "" {
			t.Errorf("nothing says why no probe asks about %s", each.Operation)
		}
	}
	for id := range notAskedBecause {
		if _, known := cegidclient.OperationByID(id); !known || asked[id] {
			t.Errorf("%s is asked about, or not in the inventory", id)
		}
	}
	for id := range documented {
		if !slices.ContainsFunc(lists(), func(l list) bool { return l.ID == id }) {
			t.Errorf("the facts of %s belong to no list", id)
		}
	}
}

func TestTheReportReadsWell(t *testing.T) {
	cfg, _ := simulated(t, nil)
	report := run(t, cfg)
	text, err := report.JSON()
	testkit.OK(t, err)
	var back map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	testkit.OK(t, dec.Decode(&back))
	if len(back["results"].([]any)) != len(probes()) || back["production"] != false {
		t.Errorf("%v", back["production"])
	}
	markdown := report.Markdown()
	for _, each := range report.Results {
		if strings.Count(markdown, "`"+each.ID+"`") != 1 {
			t.Errorf("%s is not told once", each.ID)
		}
	}
	for _, want := range []string{"## Otherwise", "## Not settled", "## As assumed", "## Not asked", "keys: standard and advanced"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for line := range strings.Lines(markdown) {
		if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n > 0 && n != 5 && n != 4 {
			t.Errorf("a row of %d cells: %s", n-1, line)
		}
	}
}

func TestWhatTheEnvironmentMustSay(t *testing.T) {
	whole := []string{"LOOP_CONTRACT_SUBSCRIPTION_KEY=" + subscription, "LOOP_CONTRACT_API_KEY=" + standardKey, "LOOP_CONTRACT_DOSSIER=" + dossier, "HOME=x"}
	cfg, err := FromEnvironment(append(whole, "LOOP_CONTRACT_SUBSCRIPTION_KEY_SECONDARY=b", "LOOP_CONTRACT_PER_SECOND=0.5", "LOOP_CONTRACT_SETTLE=3m"))
	testkit.OK(t, err)
	if cfg.Writes || !cfg.BadKeys || cfg.Dossier != dossier || len(cfg.SubscriptionKeys) != 2 || cfg.Standard.Reveal() != standardKey ||
		!cfg.Advanced.IsZero() || cfg.PerSecond != 0.5 || cfg.ImportTimeout != 3*time.Minute || cfg.Report == "" || cfg.WriteDate == "" {
		t.Errorf("%+v", cfg)
	}
	if cfg, err = FromEnvironment(append(whole, "LOOP_CONTRACT_WRITES=1", "LOOP_CONTRACT_WRITE_DOSSIER="+dossier, "LOOP_CONTRACT_BASE_URL=http://127.0.0.1:1/x")); err != nil || !cfg.Writes {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		environ []string
		says    []string
	}{
		"nothing":                       {nil, []string{"SUBSCRIPTION_KEY is missing", "API_KEY or", "DOSSIER is missing"}},
		"a key without its secret":      {append(whole, "LOOP_CONTRACT_ADVANCED_API_KEY=kanari"), []string{`ADVANCED_API_KEY is not "key:secret"`}},
		"the practice for a dossier":    {append(whole, "LOOP_CONTRACT_DOSSIER=Cabinet"), []string{"DOSSIER is missing"}},
		"writes without confirmation":   {append(whole, "LOOP_CONTRACT_WRITES=1"), []string{"to confirm it", "WRITE_DOSSIER"}},
		"writes into another dossier":   {append(whole, "LOOP_CONTRACT_WRITES=1", "LOOP_CONTRACT_WRITE_DOSSIER=KANARI1"), []string{"to confirm it"}},
		"a confirmation without writes": {append(whole, "LOOP_CONTRACT_WRITE_DOSSIER="+dossier), []string{"means nothing without"}},
		"a flag that is a word":         {append(whole, "LOOP_CONTRACT_BAD_KEYS=no"), []string{"BAD_KEYS is neither 0 nor 1"}},
		"a misspelt name":               {append(whole, "LOOP_CONTRACT_WRITE=1"), []string{"LOOP_CONTRACT_WRITE is not known"}},
		"plain http":                    {append(whole, "LOOP_CONTRACT_BASE_URL=http://kanari.example/x"), []string{"must be https"}},
		"no URL":                        {append(whole, "LOOP_CONTRACT_BASE_URL=kanari"), []string{"must be https"}},
		"a day that is none":            {append(whole, "LOOP_CONTRACT_WRITE_DATE=2026-02-30"), []string{"WRITE_DATE"}},
		"no duration":                   {append(whole, "LOOP_CONTRACT_SETTLE=soon"), []string{"SETTLE"}},
		"no rate":                       {append(whole, "LOOP_CONTRACT_PER_SECOND=0"), []string{"PER_SECOND"}},
		"one dossier twice":             {append(whole, "LOOP_CONTRACT_UNATTACHED_DOSSIER="+dossier), []string{"UNATTACHED_DOSSIER"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FromEnvironment(c.environ)
			if err == nil {
				t.Fatal("it starts")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not said: %v", want, err)
				}
			}
			if strings.Contains(strings.ToLower(err.Error()), canary) {
				t.Errorf("it tells a value: %v", err)
			}
		})
	}
}
