// Package helm holds the chart of deploy/helm to what it promises, as Helm's packages render it.
package helm

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/strvals"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const (
	chart    = "../../deploy/helm"
	examples = chart + "/examples/"
)

// values reads an example, with more values over it, as helm does: --set, --set-string, --set-json, each with its argument.
func values(t *testing.T, example string, more ...string) map[string]any {
	t.Helper()
	file, err := os.Open(examples + example)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	out, err := loader.LoadValues(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(more); i += 2 {
		set := map[string]func(string, map[string]any) error{"--set": strvals.ParseInto, "--set-string": strvals.ParseIntoString, "--set-json": strvals.ParseJSON}[more[i]]
		if err := set(more[i+1], out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// template is what `helm template` does, by Helm's own packages; the program itself takes minutes to compile. With "upgrade" as the
// last argument it is an upgrade.
func template(t *testing.T, example string, more ...string) (string, error) {
	t.Helper()
	loaded, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	options := common.ReleaseOptions{Name: "books", Namespace: "loop", Revision: 1}
	options.IsUpgrade = len(more)%2 == 1
	options.IsInstall = !options.IsUpgrade
	with, err := util.ToRenderValues(loaded, values(t, example, more...), options, nil)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(loaded, with)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".yaml") {
			out.WriteString(files[name] + "\n---\n")
		}
	}
	return out.String(), nil
}

// release is what a chart makes of values.
type release struct {
	deployment  *appsv1.Deployment
	statefulSet *appsv1.StatefulSet
	services    map[string]*corev1.Service
	config      *corev1.ConfigMap
	account     *corev1.ServiceAccount
	claim       *corev1.PersistentVolumeClaim
	budget      *policyv1.PodDisruptionBudget
	network     *networkingv1.NetworkPolicy
	jobs        map[string]*batchv1.Job
	monitor     *serviceMonitor
}

// serviceMonitor is what the chart uses of the Prometheus operator's.
type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port, Path, Interval string
		} `json:"endpoints"`
	} `json:"spec"`
}

// render renders an example, with more values over it. Each object must be one that Kubernetes knows, field by field.
func render(t *testing.T, example string, more ...string) (*release, error) {
	t.Helper()
	text, err := template(t, example, more...)
	if err != nil {
		return nil, err
	}
	r := &release{services: map[string]*corev1.Service{}, jobs: map[string]*batchv1.Job{}}
	for _, document := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
		var head metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		read := func(into any) {
			t.Helper()
			if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
				t.Fatalf("%s %s: %v in\n%s", head.Kind, head.Name, err, document)
			}
		}
		switch head.APIVersion + " " + head.Kind {
		case " ": // a comment alone
			continue
		case "apps/v1 Deployment":
			r.deployment = &appsv1.Deployment{}
			read(r.deployment)
		case "apps/v1 StatefulSet":
			r.statefulSet = &appsv1.StatefulSet{}
			read(r.statefulSet)
		case "v1 Service":
			r.services[head.Name] = &corev1.Service{}
			read(r.services[head.Name])
		case "v1 ConfigMap":
			r.config = &corev1.ConfigMap{}
			read(r.config)
		case "v1 ServiceAccount":
			r.account = &corev1.ServiceAccount{}
			read(r.account)
		case "v1 PersistentVolumeClaim":
			r.claim = &corev1.PersistentVolumeClaim{}
			read(r.claim)
		case "policy/v1 PodDisruptionBudget":
			r.budget = &policyv1.PodDisruptionBudget{}
			read(r.budget)
		case "networking.k8s.io/v1 NetworkPolicy":
			r.network = &networkingv1.NetworkPolicy{}
			read(r.network)
		case "batch/v1 Job":
			r.jobs[head.Name] = &batchv1.Job{}
			read(r.jobs[head.Name])
		case "monitoring.coreos.com/v1 ServiceMonitor":
			r.monitor = &serviceMonitor{}
			read(r.monitor)
		default:
			t.Fatalf("the chart makes a %s %s, which nothing here looks at", head.APIVersion, head.Kind)
		}
	}
	return r, nil
}

func mustRender(t *testing.T, example string, more ...string) *release {
	t.Helper()
	r, err := render(t, example, more...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *release) pod() corev1.PodTemplateSpec {
	if r.statefulSet != nil {
		return r.statefulSet.Spec.Template
	}
	return r.deployment.Spec.Template
}

func (r *release) server(t *testing.T) corev1.Container {
	t.Helper()
	containers := r.pod().Spec.Containers
	if len(containers) != 1 || len(r.pod().Spec.InitContainers) != 0 {
		t.Fatalf("there are %d containers", len(containers))
	}
	return containers[0]
}

// all are the examples, and the ways that none of them shows.
var all = map[string][]string{
	"sqlite.yaml":                          nil,
	"sqlite.yaml, making the ledger":       {"--set", "ledger.init=true"},
	"sqlite.yaml, with a claim":            {"--set-json", `ledger.sqlite={"claim": "books-of-before"}`},
	"postgres.yaml":                        nil,
	"postgres.yaml, making the ledger":     {"--set", "ledger.init=true"},
	"postgres.yaml, upgraded":              {"upgrade"},
	"postgres.yaml, without volume":        {"--set", "audit.volume=false"},
	"postgres.yaml, in plaintext":          {"--set", "tls.secret=", "--set", "tls.plaintext=true"},
	"postgres.yaml, with five":             {"--set", "replicas=5,configuration.practices[0].limits.concurrency=15"},
	"guarded.yaml":                         nil,
	"guarded.yaml, authorities as Secret":  {"--set-json", `tls.clientAuthorities={"secret": "authorities", "key": "ca.pem"}`},
	"guarded.yaml, without network policy": {"--set", "networkPolicy.enabled=false"},
}

func each(t *testing.T, do func(t *testing.T, r *release)) {
	for name, more := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			example, _, _ := strings.Cut(name, ",")
			do(t, mustRender(t, example, more...))
		})
	}
}

// TestWhatIsRenderedIsKept, each way in a file, for programs that look at it in theirs: .ci/run kubeconform.
func TestWhatIsRenderedIsKept(t *testing.T) {
	folder := os.Getenv("LOOP_TEST_RENDERED")
	if folder == "" {
		folder = t.TempDir()
	}
	for name, more := range all {
		example, _, _ := strings.Cut(name, ",")
		text, err := template(t, example, more...)
		if err != nil {
			t.Fatal(err)
		}
		file := strings.NewReplacer(".yaml", "", ",", "", " ", "-").Replace(name) + ".yaml"
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := os.ReadDir(folder); err != nil || len(made) != len(all) {
		t.Errorf("there are %d files of %d: %v", len(made), len(all), err)
	}
}

func TestHelmFindsNoFault(t *testing.T) {
	files, err := filepath.Glob(examples + "*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("there are %q: %v", files, err)
	}
	for _, file := range files {
		linter := lint.RunAll(chart, values(t, filepath.Base(file)), "loop")
		for _, message := range linter.Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %s", file, message)
			}
		}
	}
}

// TestWhatCannotWorkIsRefused: by the schema or by the chart, with what to do.
func TestWhatCannotWorkIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, example string
		more          []string
		says          string
	}{
		{"nothing decided", "../values.yaml", nil, "repository"},
		{"two servers on a file", "sqlite.yaml", []string{"--set", "replicas=2"}, "replicas"},
		{"one server on PostgreSQL", "postgres.yaml", []string{"--set", "replicas=1"}, "replicas"},
		{"no server", "postgres.yaml", []string{"--set", "replicas=0"}, "replicas"},
		{"two ledgers", "postgres.yaml", []string{"--set", "ledger.sqlite.size=1Gi"}, "ledger"},
		{"no ledger", "postgres.yaml", []string{"--set-json", `ledger.postgres={"secret": null, "key": null}`}, "ledger"},
		{"half a ledger", "postgres.yaml", []string{"--set-json", `ledger.postgres.key=null`}, "key"},
		{"a new and an old volume", "sqlite.yaml", []string{"--set", "ledger.sqlite.claim=old"}, "ledger"},
		{"a ledger made again", "postgres.yaml", []string{"--set", "ledger.init=true", "upgrade"}, "ledger.init is for the first install"},
		{"no TLS", "postgres.yaml", []string{"--set", "tls.secret="}, "tls"},
		{"TLS and none", "postgres.yaml", []string{"--set", "tls.plaintext=true"}, "tls"},
		{"an old TLS", "postgres.yaml", []string{"--set-string", "tls.minimum=1.1"}, "minimum"},
		{"client certificates in plaintext", "guarded.yaml", []string{"--set", "tls.secret=", "--set", "tls.plaintext=true"}, "tls"},
		{"a key that the chart writes", "postgres.yaml", []string{"--set", "configuration.ledger=ledger.db"}, "ledger"},
		{"an address that the chart writes", "postgres.yaml", []string{"--set", "configuration.listen.http=:80"}, "http"},
		{"metrics for whoever comes", "postgres.yaml", []string{"--set", "metrics.enabled=true"}, "metricsFrom"},
		{"a monitor without metrics", "postgres.yaml", []string{"--set", "metrics.serviceMonitor.enabled=true"}, "metrics.enabled"},
		{"a misspelt value", "postgres.yaml", []string{"--set", "replica=2"}, "replica"},
		{"no limit of memory", "postgres.yaml", []string{"--set-json", "resources.limits.memory=null"}, "memory"},
		{"nobody who may call", "postgres.yaml", []string{"--set-json", "policy=null"}, "policy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := render(t, c.example, c.more...)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v; want one with %q", err, c.says)
			}
		})
	}
}

// TestPodsAreRestricted: by the rules of Kubernetes' own admission.
func TestPodsAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	each(t, func(t *testing.T, r *release) {
		pods := []corev1.PodTemplateSpec{r.pod()}
		for _, job := range r.jobs {
			pods = append(pods, job.Spec.Template)
		}
		for _, pod := range pods {
			if result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
				t.Errorf("%s: %s", pod.Spec.Containers[0].Name, result.ForbiddenDetail())
			}
			security, own := pod.Spec.SecurityContext, pod.Spec.Containers[0].SecurityContext
			if !*own.ReadOnlyRootFilesystem || *security.RunAsUser != 65532 || *security.FSGroup != 65532 || *security.FSGroupChangePolicy != corev1.FSGroupChangeOnRootMismatch {
				t.Errorf("it runs with %+v and %+v", security, own)
			}
			if *pod.Spec.AutomountServiceAccountToken {
				t.Error("it has a token of the cluster")
			}
			if pod.Spec.Containers[0].Resources.Limits.Memory().IsZero() {
				t.Error("it has no limit of memory")
			}
		}
	})
}

// TestServersAreReplacedInOrder: who goes before whom, and how long a server has to end.
func TestServersAreReplacedInOrder(t *testing.T) {
	each(t, func(t *testing.T, r *release) {
		name := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
		replicas, making := int32(1), strings.Contains(name, "making_the_ledger")
		switch {
		case strings.HasPrefix(name, "sqlite"):
			if r.deployment == nil || r.deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || r.deployment.Spec.Strategy.RollingUpdate != nil {
				t.Error("two servers may be at one file")
			}
		case strings.Contains(name, "without_volume"):
			replicas = 2
			update := r.deployment.Spec.Strategy.RollingUpdate
			if update.MaxSurge.IntValue() != 0 || update.MaxUnavailable.IntValue() != 1 {
				t.Errorf("an update has %v", update)
			}
		default:
			replicas = map[bool]int32{true: 5, false: map[bool]int32{true: 3, false: 2}[strings.HasPrefix(name, "guarded")]}[strings.Contains(name, "five")]
			if r.statefulSet == nil || r.statefulSet.Spec.UpdateStrategy.Type != appsv1.RollingUpdateStatefulSetStrategyType || r.services[r.statefulSet.Spec.ServiceName] == nil {
				t.Error("servers with an audit of their own are no StatefulSet")
			}
		}
		got := r.deploymentReplicas()
		if making && got != 0 || !making && got != replicas {
			t.Errorf("there are %d servers; want %d", got, replicas)
		}
		if r.config.Data["gateway.yaml"] == "" || !strings.Contains(r.config.Data["gateway.yaml"], fmt.Sprintf("replicas: %d\n", replicas)) {
			t.Errorf("the configuration does not say that there are %d", replicas)
		}
		if (r.budget != nil) != (replicas > 1) || r.budget != nil && r.budget.Spec.MaxUnavailable.IntValue() != 1 {
			t.Errorf("the disruption budget is %+v", r.budget)
		}
		if grace := r.pod().Spec.TerminationGracePeriodSeconds; grace == nil {
			t.Error("it has the time to end that Kubernetes gives by default")
		} else if *grace != 120 {
			t.Errorf("it has %d s to end", *grace)
		}
	})
}

func (r *release) deploymentReplicas() int32 {
	if r.statefulSet != nil {
		return *r.statefulSet.Spec.Replicas
	}
	return *r.deployment.Spec.Replicas
}

// TestProbesAskWhereHealthIsAnswered: over TLS where that is ours, and liveness never for readiness.
func TestProbesAskWhereHealthIsAnswered(t *testing.T) {
	const drain = 10 // seconds, of shutdown.drain
	each(t, func(t *testing.T, r *release) {
		server := r.server(t)
		scheme, port, ready := corev1.URISchemeHTTPS, "http", "/readyz"
		if strings.Contains(t.Name(), "plaintext") {
			scheme = corev1.URISchemeHTTP
		}
		if strings.Contains(t.Name(), "guarded") {
			scheme, port, ready = corev1.URISchemeHTTP, "operations", "/readyz?service=writes"
		}
		for name, probe := range map[string]*corev1.Probe{"startup": server.StartupProbe, "liveness": server.LivenessProbe, "readiness": server.ReadinessProbe} {
			want := "/healthz"
			if name == "readiness" {
				want = ready
			}
			if get := probe.HTTPGet; get.Scheme != scheme || get.Port.String() != port || get.Path != want {
				t.Errorf("%s asks %s %s %s; want %s %s %s", name, get.Scheme, get.Port.String(), get.Path, scheme, port, want)
			}
		}
		if p := server.ReadinessProbe; p.PeriodSeconds*p.FailureThreshold+p.TimeoutSeconds >= drain {
			t.Errorf("a server is missed after %d s of %d, and ends before", p.PeriodSeconds*p.FailureThreshold, drain)
		}
		ports := map[string]int32{}
		for _, each := range server.Ports {
			ports[each.Name] = each.ContainerPort
		}
		want := map[string]int32{"grpc": 9090, "http": 8080}
		listens := "operations: 127.0.0.1:9091\n"
		if strings.Contains(t.Name(), "guarded") {
			want["operations"], listens = 9091, "operations: :9091\n"
		}
		if fmt.Sprint(ports) != fmt.Sprint(want) || !strings.Contains(r.config.Data["gateway.yaml"], listens) {
			t.Errorf("its ports are %v; want %v", ports, want)
		}
	})
}

// TestServicesFindTheServers: and the network lets in what they lead to, and nothing else.
func TestServicesFindTheServers(t *testing.T) {
	each(t, func(t *testing.T, r *release) {
		pod := r.pod()
		if len(r.services) != 2 {
			t.Fatalf("there are %d services", len(r.services))
		}
		for name, service := range r.services {
			if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
				t.Errorf("%s does not select the servers", name)
			}
			for _, job := range r.jobs {
				if labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(job.Spec.Template.Labels)) {
					t.Errorf("%s selects the job %s", name, job.Name)
				}
			}
			for _, port := range service.Spec.Ports {
				plain := strings.Contains(t.Name(), "plaintext")
				if port.Name != "operations" && (port.AppProtocol == nil || (*port.AppProtocol == "https") == plain) {
					t.Errorf("%s says of %s that it speaks %v", name, port.Name, port.AppProtocol)
				}
				if !slices.ContainsFunc(r.server(t).Ports, func(p corev1.ContainerPort) bool {
					return p.Name == port.TargetPort.String() && p.ContainerPort == port.Port
				}) {
					t.Errorf("%s leads to no port with %+v", name, port)
				}
			}
		}
		if r.monitor != nil {
			found := 0
			for _, service := range r.services {
				if labels.SelectorFromSet(r.monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) {
					found++
					if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == r.monitor.Spec.Endpoints[0].Port }) {
						t.Errorf("the monitor asks %+v of %s", r.monitor.Spec.Endpoints, service.Name)
					}
				}
			}
			if found != 1 || r.monitor.Labels["release"] != "prometheus" {
				t.Errorf("the monitor finds %d services, and is labelled %v", found, r.monitor.Labels)
			}
		} else if strings.HasPrefix(path.Base(t.Name()), "guarded") {
			t.Error("there is no monitor")
		}
		if strings.Contains(t.Name(), "without_network") {
			if r.network != nil {
				t.Error("there is a network policy")
			}
			return
		}
		if len(r.network.Spec.PolicyTypes) != 2 || !labels.SelectorFromSet(r.network.Spec.PodSelector.MatchLabels).Matches(labels.Set(pod.Labels)) {
			t.Errorf("the network policy is %+v", r.network.Spec)
		}
		for _, rule := range r.network.Spec.Ingress {
			for _, port := range rule.Ports {
				if port.Port.String() == "operations" && len(rule.From) == 0 {
					t.Error("whoever comes may scrape")
				}
				if port.Port.String() != "operations" && (len(rule.From) > 0) != strings.Contains(t.Name(), "guarded") {
					t.Errorf("%s lets in %v", port.Port, rule.From)
				}
			}
		}
		out := map[string]bool{}
		for _, rule := range r.network.Spec.Egress {
			if len(rule.Ports) == 0 {
				t.Error("a server may call every port")
			}
			for _, port := range rule.Ports {
				out[port.Port.String()] = true
			}
		}
		if out["5432"] == strings.Contains(t.Name(), "sqlite") || !out["443"] || !out["53"] || len(out) > 3 {
			t.Errorf("a server may call the ports %v", out)
		}
	})
}

// TestSecretsRotateBySymlink: they are folders, by reference, and each that is referred to is there.
func TestSecretsRotateBySymlink(t *testing.T) {
	each(t, func(t *testing.T, r *release) {
		server, volumes := r.server(t), map[string]corev1.Volume{}
		for _, volume := range r.pod().Spec.Volumes {
			volumes[volume.Name] = volume
		}
		if r.statefulSet != nil {
			for _, claim := range r.statefulSet.Spec.VolumeClaimTemplates {
				volumes[claim.Name] = corev1.Volume{Name: claim.Name}
			}
		}
		folders := map[string]corev1.Volume{}
		for _, mount := range server.VolumeMounts {
			volume, found := volumes[mount.Name]
			if !found || mount.SubPath != "" || mount.SubPathExpr != "" {
				t.Errorf("%s is mounted from %q, part %q: a part of a volume is not followed", mount.MountPath, mount.Name, mount.SubPath)
			}
			if (volume.Secret != nil || volume.ConfigMap != nil) != mount.ReadOnly {
				t.Errorf("%s may be written: %v", mount.MountPath, !mount.ReadOnly)
			}
			if volume.Secret != nil && (*volume.Secret.DefaultMode != 0o440 || volume.Secret.Optional != nil) {
				t.Errorf("%s has the mode %o", mount.MountPath, *volume.Secret.DefaultMode)
			}
			folders[mount.MountPath] = volume
			delete(volumes, mount.Name)
		}
		if len(volumes) > 0 {
			t.Errorf("nothing mounts %v", volumes)
		}
		text := r.config.Data["gateway.yaml"]
		references := regexp.MustCompile(`\$\{(\w+):([^}]*)\}`).FindAllStringSubmatch(text, -1)
		if len(references) < 2 {
			t.Errorf("it refers to %q", references)
		}
		for _, found := range references {
			folder := path.Dir(found[2])
			if volume := folders[folder]; found[1] != "file" || volume.Secret == nil || volume.Secret.SecretName != path.Base(folder) {
				t.Errorf("%s is in no Secret that is mounted", found[0])
			}
		}
		for _, found := range regexp.MustCompile(`(?m): (/[\w./-]+)$`).FindAllStringSubmatch(text, -1) {
			if _, here := folders[path.Dir(found[1])]; !here {
				if _, here = folders[found[1]]; !here {
					t.Errorf("%s is in nothing that is mounted", found[1])
				}
			}
		}
		if len(server.Env) > 0 || len(server.EnvFrom) > 0 {
			t.Error("its environment would hold what does not change with its source")
		}
	})
}

// TestOnlyWhatIsNotTakenUpRestarts: a policy, a practice or a number of servers that changes replaces no server.
func TestOnlyWhatIsNotTakenUpRestarts(t *testing.T) {
	before := mustRender(t, "postgres.yaml").pod()
	for name, c := range map[string]struct {
		set      []string
		restarts bool
	}{
		"the policy":                 {[]string{"--set", "policy.callers[0].name=other"}, false},
		"a practice":                 {[]string{"--set", "configuration.practices[0].name=other"}, false},
		"the rate of a practice":     {[]string{"--set", "configuration.practices[0].limits.concurrency=16"}, false},
		"the level of the log":       {[]string{"--set", "configuration.log.level=debug"}, false},
		"dossiers in the log":        {[]string{"--set", "configuration.log.dossiers=true"}, true},
		"the number of servers":      {[]string{"--set", "replicas=3"}, false},
		"the oldest version of TLS":  {[]string{"--set-string", "tls.minimum=1.3"}, true},
		"how imports are followed":   {[]string{"--set", "configuration.imports.last_poll=1m"}, true},
		"what is public":             {[]string{"--set", "configuration.public.docs=false"}, true},
		"the key of the ledger's":    {[]string{"--set", "ledger.postgres.key=other"}, true},
		"connections":                {[]string{"--set", "configuration.listen.connections=99"}, true},
		"the days that are retained": {[]string{"--set", "configuration.retention.ids_days=500"}, false},
	} {
		after := mustRender(t, "postgres.yaml", c.set...).pod()
		one, _ := json.Marshal(before)
		other, _ := json.Marshal(after)
		if got := !bytes.Equal(one, other); got != c.restarts {
			t.Errorf("%s replaces the servers: %v", name, got)
		}
	}
}

// TestALedgerIsMadeOnceAndKept: the jobs, and the volume, which no hook may delete.
func TestALedgerIsMadeOnceAndKept(t *testing.T) {
	each(t, func(t *testing.T, r *release) {
		want := map[string][]string{}
		dsn := "${file:/secrets/loop-ledger/dsn}"
		switch {
		case strings.Contains(t.Name(), "sqlite") && strings.Contains(t.Name(), "making"):
			want["books-loop-gateway-init"] = []string{"ledger", "init", "--ledger", "/data/ledger.db"}
		case strings.Contains(t.Name(), "making"):
			want["books-loop-gateway-init"] = []string{"ledger", "init", "--postgres", dsn}
		}
		if !strings.Contains(t.Name(), "sqlite") {
			want["books-loop-gateway-migrate"] = []string{"ledger", "migrate", "--postgres", dsn}
		}
		if len(r.jobs) != len(want) {
			t.Errorf("there are %d jobs; want %d", len(r.jobs), len(want))
		}
		for name, arguments := range want {
			job := r.jobs[name]
			if job == nil {
				t.Errorf("there is no job %s", name)
				continue
			}
			pod := job.Spec.Template.Spec
			if !slices.Equal(pod.Containers[0].Args, arguments) || pod.RestartPolicy != corev1.RestartPolicyNever || *job.Spec.ActiveDeadlineSeconds == 0 {
				t.Errorf("%s runs %q", name, pod.Containers[0].Args)
			}
			switch hook := job.Annotations["helm.sh/hook"]; {
			case strings.HasSuffix(name, "migrate"):
				if hook != "pre-upgrade" || job.Annotations["helm.sh/hook-delete-policy"] != "before-hook-creation,hook-succeeded" {
					t.Errorf("%s runs at %q", name, job.Annotations)
				}
			case hook != "" || *job.Spec.BackoffLimit != 0:
				t.Errorf("%s runs at %q, and again %d times", name, hook, *job.Spec.BackoffLimit)
			}
		}
		if wants := strings.HasSuffix(path.Base(t.Name()), "sqlite.yaml") || strings.Contains(t.Name(), "sqlite.yaml,_making"); (r.claim != nil) != wants {
			t.Errorf("the claim is %v", r.claim)
		}
		if r.claim != nil && (r.claim.Annotations["helm.sh/resource-policy"] != "keep" || r.claim.Annotations["helm.sh/hook"] != "") {
			t.Errorf("the ledger's volume goes with the release: %v", r.claim.Annotations)
		}
	})
}

// server is the program of this repository.
var server = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "chart")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "server")
	build := exec.Command("go", "build", "-o", program, "./server")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := server(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

// TestTheServerTakesTheConfiguration: as the chart renders it, with the Secrets that it names.
func TestTheServerTakesTheConfiguration(t *testing.T) {
	program, err := server()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, r *release) {
		root := t.TempDir()
		certificate, key := pair(t)
		write := func(name, text string) {
			t.Helper()
			name = filepath.Join(root, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		write("tls/tls.crt", certificate)
		write("tls/tls.key", key)
		write("client-authorities/ca.crt", certificate)
		write("client-authorities/ca.pem", certificate)
		for _, name := range []string{"loop-keys/subscription-primary", "loop-keys/subscription-secondary"} {
			write("secrets/"+name, "placeholder-of-a-key")
		}
		for _, name := range []string{"loop-keys/exemple-standard", "practice-exemple/advanced"} {
			write("secrets/"+name, "placeholder:of-a-key")
		}
		write("secrets/loop-ledger/dsn", "host=/nowhere dbname=ledger sslmode=disable")
		if err := errors.Join(os.Mkdir(filepath.Join(root, "data"), 0o700), os.Mkdir(filepath.Join(root, "spool"), 0o700)); err != nil {
			t.Fatal(err)
		}
		at := strings.NewReplacer("/tls/", root+"/tls/", "/client-authorities/", root+"/client-authorities/", "/secrets/", root+"/secrets/", "/data/", root+"/data/", "/spool", root+"/spool")
		for name, text := range r.config.Data {
			write("etc/loop/"+name, at.Replace(text))
		}
		if strings.Contains(t.Name(), "sqlite") {
			if out, err := exec.CommandContext(t.Context(), program, "ledger", "init", "--ledger", root+"/data/ledger.db").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		out, err := exec.CommandContext(t.Context(), program, "check", "--offline", "--config", root+"/etc/loop/gateway.yaml").CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s\nof\n%s", err, out, r.config.Data["gateway.yaml"])
		}
		// The command lines of its pods are understood: a wrong one ends with 80.
		commands := [][]string{append(slices.Clone(r.server(t).Args), "--help")}
		for _, job := range r.jobs {
			commands = append(commands, append(slices.Clone(job.Spec.Template.Spec.Containers[0].Args), "--help"))
		}
		for _, arguments := range commands {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput(); err != nil {
				t.Errorf("%q: %v: %s", arguments, err, out)
			}
			cancel()
		}
	})
}

// pair is a certificate that signs itself, and its key.
func pair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, DNSNames: []string{"gateway.example"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// TestTheVersionIsThatOfTheRelease: of the chart, and by default of its image.
func TestTheVersionIsThatOfTheRelease(t *testing.T) {
	text, err := os.ReadFile("../../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSpace(string(text))
	loaded, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Metadata.Version != version || loaded.Metadata.AppVersion != version {
		t.Errorf("the chart is %s, of %s; VERSION says %s", loaded.Metadata.Version, loaded.Metadata.AppVersion, version)
	}
	if image := mustRender(t, "postgres.yaml").server(t).Image; image != "registry.example/loop-gateway:"+version {
		t.Errorf("the image is %s", image)
	}
	if image := mustRender(t, "guarded.yaml").server(t).Image; image != "registry.example/loop-gateway@sha256:"+strings.Repeat("0", 64) {
		t.Errorf("the image is %s", image)
	}
}
