package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/policy"
)

// installation is a folder with all that serve needs, and a reloader that looks when it is told to.
type installation struct {
	*Reloader
	t        *testing.T
	folder   string
	log      bytes.Buffer
	hastened []string
}

const gatewayFile = `
tls: off
policy: policy.yaml
ledger: ledger.db
audit: {stream: stderr}
loop: {subscription_keys: {primary: "${file:secrets/primary}"}}
practices_directory: practices
`

func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{t: t, folder: t.TempDir()}
	i.write("secrets/primary", "primary")
	i.write("secrets/one", "key:secret")
	i.write("secrets/other", "key:other")
	i.write("gateway.yaml", gatewayFile)
	i.write("practices/one.yaml", practiceFile("one", "one"))
	i.write("policy.yaml", policyFile("token", "one"))
	path := filepath.Join(i.folder, "gateway.yaml")
	set, err := LoadSettings(path)
	testkit.OK(t, err)
	tenants, err := NewTenants(set.Config, nil, nil, nil)
	testkit.OK(t, err)
	hasten := func(practice string) { i.hastened = append(i.hastened, practice) }
	i.Reloader = NewReloader(path, set, tenants, hasten, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&i.log, nil)))
	i.looks(3)
	if i.log.Len() > 0 || len(i.hastened) > 0 {
		t.Errorf("nothing has changed, and it says %q and hastens %q", i.log.String(), i.hastened)
	}
	return i
}

func practiceFile(name, secret string) string {
	return fmt.Sprintf("{name: %s, keys: {standard: \"${file:../secrets/%s}\"}}", name, secret)
}

func policyFile(token string, practices ...string) string {
	return fmt.Sprintf("callers: [{name: billing, token_hashes: [\"%s\"]}]\ngrants: [{caller: billing, practices: [%s], dossiers: [\"*\"], rights: [read]}]\n",
		policy.HashToken(token), strings.Join(practices, ", "))
}

func (i *installation) write(name, text string) {
	i.t.Helper()
	path := filepath.Join(i.folder, name)
	testkit.OK(i.t, os.MkdirAll(filepath.Dir(path), 0o700))
	testkit.OK(i.t, os.WriteFile(path, []byte(text), 0o600))
}

func (i *installation) remove(name string) {
	i.t.Helper()
	testkit.OK(i.t, os.Remove(filepath.Join(i.folder, name)))
}

func (i *installation) looks(times int) {
	for range times {
		i.look()
	}
}

func (i *installation) practices() (names []string) {
	for _, each := range i.tenants.Practices().All() {
		names = append(names, each.Name)
	}
	return names
}

func (i *installation) client(name string) *cegidclient.Client {
	practice, err := i.tenants.Practices().Get(name)
	if err != nil {
		return nil
	}
	return practice.Client
}

// failing is what the metric says.
func (i *installation) failing() bool {
	families, err := gather(i.failed)
	testkit.OK(i.t, err)
	return families == 1
}

func gather(gauge prometheus.Gauge) (float64, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(gauge)
	families, err := registry.Gather()
	if err != nil {
		return 0, err
	}
	return families[0].GetMetric()[0].GetGauge().GetValue(), nil
}

func (i *installation) lets(token string) bool {
	_, ok := i.policy.Authenticate(token)
	return ok
}

func TestAPracticeComesChangesAndGoesWithoutRestart(t *testing.T) {
	i := install(t)
	one := i.client("one")
	i.write("practices/two.yaml", practiceFile("two", "one"))
	i.looks(2)
	if got := i.practices(); !slices.Equal(got, []string{"one", "two"}) || i.client("one") != one {
		t.Errorf("a practice was added: %q, and the other one is the same: %t", got, i.client("one") == one)
	}
	two := i.client("two")
	i.write("practices/two.yaml", practiceFile("two", "other"))
	i.looks(2)
	if i.client("two") == two || i.client("one") != one {
		t.Error("a change of one practice must give it, and it alone, another client")
	}
	i.remove("practices/two.yaml")
	i.looks(2)
	if got := i.practices(); !slices.Equal(got, []string{"one"}) || i.client("one") != one {
		t.Errorf("a practice was removed: %q", got)
	}
	if said := i.log.String(); !strings.Contains(said, "changed=[two] removed=[]") || !strings.Contains(said, "changed=[] removed=[two]") {
		t.Errorf("the log does not tell of what came and went: %s", said)
	}
	if want := []string{"two", "two"}; !slices.Equal(i.hastened, want) {
		t.Errorf("hastened %q; want %q", i.hastened, want)
	}
	if i.failing() {
		t.Error("the metric says that it failed")
	}
}

// TestAPracticeThatAGrantStillNamesMayGo, and what changes after it is taken up; the grant is noted.
func TestAPracticeThatAGrantStillNamesMayGo(t *testing.T) {
	i := install(t)
	i.write("practices/two.yaml", practiceFile("two", "other"))
	i.write("policy.yaml", policyFile("token", "one", "two"))
	i.looks(2)
	i.remove("practices/two.yaml")
	i.looks(2)
	if got := i.practices(); !slices.Equal(got, []string{"one"}) || i.failing() || !i.lets("token") {
		t.Fatalf("in force are %q, failing %t: %s", got, i.failing(), i.log.String())
	}
	if said := i.log.String(); strings.Count(said, "give nothing there") != 1 || !strings.Contains(said, "grants[0].practices[1] (") {
		t.Errorf("the log says %s", said)
	}
	for _, reach := range i.policy.Reaches("billing", policy.All, policy.Read) {
		if slices.Contains(reach.Practices, "two") {
			t.Error("the grant still reaches it")
		}
	}
	i.write("practices/three.yaml", practiceFile("three", "other"))
	i.looks(2)
	if got := i.practices(); !slices.Equal(got, []string{"one", "three"}) || i.failing() {
		t.Errorf("a change after it: %q, failing %t", got, i.failing())
	}
}

func TestACallUnderWayKeepsThePracticeThatItBeganWith(t *testing.T) {
	i := install(t)
	held, err := i.tenants.Practices().Get("one")
	testkit.OK(t, err)
	before := *held
	i.write("practices/one.yaml", practiceFile("one", "other"))
	i.looks(2)
	if held.Client != before.Client {
		t.Error("its client was changed under it")
	}
}

func TestThePolicyIsReplacedWithoutRestart(t *testing.T) {
	i := install(t)
	i.write("policy.yaml", policyFile("another", "one"))
	i.looks(2)
	if i.lets("token") || !i.lets("another") {
		t.Error("the old token passes, or the new one does not")
	}
}

// TestWhatIsNotFitToServeIsNotLoaded: what was in force stays, the metric tells, and the log does once.
func TestWhatIsNotFitToServeIsNotLoaded(t *testing.T) {
	for _, c := range []struct {
		name        string
		spoil, mend func(*installation)
		says        string
	}{
		{
			"a practice with a misspelt key",
			func(i *installation) { i.write("practices/two.yaml", "{name: two, kyes: {}}") },
			func(i *installation) { i.write("practices/two.yaml", practiceFile("two", "other")) },
			"two.yaml",
		},
		{
			"a practice whose secret comes later",
			func(i *installation) { i.write("practices/two.yaml", practiceFile("two", "late")) },
			func(i *installation) { i.write("secrets/late", "key:late") },
			"secrets/late",
		},
		{
			"an empty policy",
			func(i *installation) { i.write("policy.yaml", "") },
			func(i *installation) {
				i.write("policy.yaml", policyFile("token", "one"))
				i.write("practices/two.yaml", practiceFile("two", "other"))
			},
			"policy.yaml",
		},
		{
			"a folder that is gone",
			func(i *installation) {
				i.remove("practices/one.yaml")
				i.remove("practices")
			},
			func(i *installation) {
				i.write("practices/one.yaml", practiceFile("one", "one"))
				i.write("practices/two.yaml", practiceFile("two", "other"))
			},
			"folder cannot be read",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := install(t)
			one := i.client("one")
			c.spoil(i)
			i.looks(5)
			if got := i.practices(); !slices.Equal(got, []string{"one"}) || i.client("one") != one || !i.lets("token") {
				t.Errorf("in force are %q", got)
			}
			if !i.failing() {
				t.Error("the metric does not tell")
			}
			if told := strings.Count(i.log.String(), "level=ERROR"); told != 1 || !strings.Contains(i.log.String(), c.says) {
				t.Errorf("the log tells %d times: %s", told, i.log.String())
			}
			c.mend(i)
			i.looks(2)
			if got := i.practices(); !slices.Contains(got, "two") || i.failing() {
				t.Errorf("after it was mended: %q, failing %t", got, i.failing())
			}
			if told := strings.Count(i.log.String(), "fit to serve again"); told != 1 {
				t.Errorf("the log tells %d times that it was mended", told)
			}
		})
	}
}

func TestWhatIsPutBackIsNoLongerReported(t *testing.T) {
	i := install(t)
	i.write("policy.yaml", "")
	i.looks(2)
	i.write("policy.yaml", policyFile("token", "one"))
	i.looks(1)
	if i.failing() {
		t.Error("the metric still tells of what is gone")
	}
}

// TestAFileThatIsBeingWrittenIsNotLoaded: half of a policy can be well formed.
func TestAFileThatIsBeingWrittenIsNotLoaded(t *testing.T) {
	i := install(t)
	for n := range 4 {
		i.write("policy.yaml", policyFile(fmt.Sprint("half ", n), "one"))
		i.looks(1)
		if !i.lets("token") {
			t.Fatal("a policy came into force that was not there for two looks")
		}
	}
	i.looks(1)
	if !i.lets("half 3") {
		t.Error("the policy that stayed did not come into force")
	}
}

// TestKubernetesSwapsALink: the files' own paths stay the same.
func TestKubernetesSwapsALink(t *testing.T) {
	i := install(t)
	path := func(name string) string { return filepath.Join(i.folder, name) }
	swap := func(version string) {
		t.Helper()
		testkit.OK(t, os.Symlink(version, path("practices/..new")))
		testkit.OK(t, os.Rename(path("practices/..new"), path("practices/..data")))
	}
	i.remove("practices/one.yaml")
	i.write("practices/..1/one.yaml", practiceFile("one", "one"))
	swap("..1")
	testkit.OK(t, os.Symlink("..data/one.yaml", path("practices/one.yaml")))
	i.looks(2)
	one := i.client("one")
	i.write("practices/..2/one.yaml", practiceFile("one", "other"))
	swap("..2")
	i.looks(2)
	if i.client("one") == one || i.failing() {
		t.Error("the swap was not noticed")
	}
}

func TestKeysThatNeedARestartAreNamed(t *testing.T) {
	i := install(t)
	i.write("gateway.yaml", strings.Replace(gatewayFile, "stderr", "stdout", 1)+"listen: {grpc: \"127.0.0.1:9\"}\n")
	i.looks(5)
	if told := strings.Count(i.log.String(), "need a restart"); told != 1 || !strings.Contains(i.log.String(), `keys="[listen audit]"`) {
		t.Errorf("the log tells %d times: %s", told, i.log.String())
	}
	if i.failing() {
		t.Error("the metric says that it failed")
	}
}

// TestOtherFilesAreWatchedOnceTheConfigurationNamesThem: a policy elsewhere, for one.
func TestOtherFilesAreWatchedOnceTheConfigurationNamesThem(t *testing.T) {
	i := install(t)
	i.write("elsewhere.yaml", policyFile("token", "one"))
	i.write("gateway.yaml", strings.Replace(gatewayFile, "policy.yaml", "elsewhere.yaml", 1))
	i.looks(3)
	i.write("elsewhere.yaml", policyFile("another", "one"))
	i.looks(2)
	if i.lets("token") || !i.lets("another") {
		t.Error("the policy elsewhere is not watched")
	}
}

// TestRetentionIsTakenUp: of each practice, of the installation for those that say nothing, and for those that are gone.
func TestRetentionIsTakenUp(t *testing.T) {
	i := install(t)
	days := func(practice string) string {
		k := i.tenants.Keeping(practice)
		return fmt.Sprintf("%d/%d", k.Outcome/(24*time.Hour), k.Content/(24*time.Hour))
	}
	expect := func(when, one, gone string) {
		t.Helper()
		if days("one") != one || days("gone") != gone {
			t.Errorf("%s: %s and %s, not %s and %s", when, days("one"), days("gone"), one, gone)
		}
	}
	expect("by default", "400/90", "400/90")
	i.write("gateway.yaml", gatewayFile+"retention: {ids_days: 800}\n")
	i.looks(3)
	expect("of the installation", "800/90", "800/90")
	i.write("practices/one.yaml", strings.TrimSuffix(practiceFile("one", "one"), "}")+", retention: {references_days: 37}}")
	i.looks(3)
	expect("of the practice", "800/37", "800/90")
	i.write("practices/one.yaml", strings.TrimSuffix(practiceFile("one", "one"), "}")+", retention: {ids_days: 30}}")
	i.looks(3)
	expect("out of bounds", "800/37", "800/90")
	if strings.Contains(i.log.String(), "need a restart") {
		t.Errorf("it says:\n%s", i.log.String())
	}
}
