package main

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/app"
)

// What an operator copies out of deploy/ is held against the program here: commands against its command line,
// configurations against its loader, paths and ports against each other.

const (
	deployFolder  = "../deploy/"
	mountedFolder = "/etc/loop/"
	// imageUser is nobody in particular.
	imageUser = "65532:65532"
)

// compose is what our files use of Compose; anything else in them is a mistake until it is added here.
type compose struct {
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Image           string
	Command         []string
	Profiles        []string
	Ports           []string
	Volumes         []string
	Healthcheck     health
	Restart         string
	NetworkMode     string   `yaml:"network_mode"`
	StopGracePeriod string   `yaml:"stop_grace_period"`
	ReadOnly        bool     `yaml:"read_only"`
	CapDrop         []string `yaml:"cap_drop"`
	SecurityOpt     []string `yaml:"security_opt"`
	Tmpfs           []string
}

type health struct {
	Disable           bool
	Test              []string
	Interval, Timeout string
	StartPeriod       string `yaml:"start_period"`
	Retries           int
}

func readDeploy(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deployFolder + name)
	testkit.OK(t, err)
	return string(text)
}

// readCompose reads a file as Compose does with no variable set.
func readCompose(t *testing.T, name string) compose {
	t.Helper()
	text := regexp.MustCompile(`\$\{\w+:-([^}]*)\}`).ReplaceAllString(readDeploy(t, name), "$1")
	if strings.Contains(text, "${") {
		t.Fatalf("%s has a variable without a default", name)
	}
	var c compose
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// parse parses a command line as the program does and returns the command's name.
func parse(t *testing.T, arguments []string) (command string, parsed *commands) {
	t.Helper()
	parser := newParser()
	context, err := parser.Parse(arguments)
	if err != nil {
		t.Fatalf("%q: %v", arguments, err)
	}
	return context.Command(), parser.Model.Target.Addr().Interface().(*commands)
}

func TestComposeFiles(t *testing.T) {
	for file, want := range map[string]map[string]string{
		"compose.sandbox.yaml": {"loop": "sandbox"},
		"compose.yaml":         {"gateway": "serve", "ledger-init": "ledger init"},
	} {
		t.Run(file, func(t *testing.T) {
			c := readCompose(t, file)
			if got := slices.Sorted(maps.Keys(c.Services)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
				t.Fatalf("it has the services %q", got)
			}
			for name, s := range c.Services {
				command, parsed := parse(t, s.Command)
				if command != want[name] {
					t.Errorf("%s runs %q; want %q", name, command, want[name])
				}
				if s.Image != "loop-gateway:latest" {
					t.Errorf("%s has the image %q", name, s.Image)
				}
				if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || !slices.Equal(s.Tmpfs, []string{"/tmp"}) {
					t.Errorf("%s may do more than it needs: %+v", name, s)
				}
				switch command {
				case "ledger init":
					// Run by `up`, it would make a ledger in place of a lost one.
					if !slices.Equal(s.Profiles, []string{"init"}) || parsed.Ledger.Init.Ledger != "/data/ledger.db" || !s.Healthcheck.Disable || s.NetworkMode != "none" {
						t.Errorf("%s: %+v", name, s)
					}
					continue
				case "sandbox":
					if parsed.Sandbox.Listen != "0.0.0.0" || parsed.Sandbox.Token == "" {
						t.Errorf("%s: nobody outside reaches it, or everybody may use it: %+v", name, parsed.Sandbox)
					}
					for _, port := range s.Ports {
						if !strings.HasPrefix(port, "127.0.0.1:") {
							t.Errorf("%s publishes %q beyond this machine", name, port)
						}
					}
				}
				if len(s.Profiles) > 0 || len(s.Healthcheck.Test) < 2 || !slices.Equal(s.Healthcheck.Test[:2], []string{"CMD", "/server"}) {
					t.Fatalf("%s: %+v", name, s)
				}
				asked, parsedCheck := parse(t, s.Healthcheck.Test[2:])
				if asked != "healthcheck" || parsedCheck.Healthcheck.Config != parsed.Serve.Config || parsedCheck.Healthcheck.Address != "" {
					t.Errorf("%s: its health check is %q", name, s.Healthcheck.Test)
				}
				if timeout := duration(t, s.Healthcheck.Timeout); timeout <= parsedCheck.Healthcheck.Timeout {
					t.Errorf("%s: its health check is ended after %s, before it gives up after %s", name, timeout, parsedCheck.Healthcheck.Timeout)
				}
				var published []string
				for _, port := range s.Ports {
					published = append(published, port[strings.LastIndexByte(port, ':')+1:])
				}
				expected := []string{"9090", "8080"}
				if command == "sandbox" {
					expected = append(expected, strconv.Itoa(parsed.Sandbox.Simulator))
				}
				if !slices.Equal(published, expected) {
					t.Errorf("%s publishes the ports %q", name, published)
				}
			}
		})
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	testkit.OK(t, err)
	return d
}

// end is how long the process may take to end (docs/operate/running.md): after the drain, calls have their grace, and what is on
// its way to Loop has its call and its commits.
func end(set *app.Settings) time.Duration {
	const commits = 40 * time.Second
	return set.Config.Shutdown.Drain + max(set.Config.Shutdown.Grace+2*time.Second, set.Config.Imports.CallLimit+commits)
}

// TestComposeMountsWhatTheConfigurationNeeds: the folder, with what its README says that an operator adds.
func TestComposeMountsWhatTheConfigurationNeeds(t *testing.T) {
	c := readCompose(t, "compose.yaml")
	gateway, content := c.Services["gateway"], placeholders(t)
	if !slices.Contains(gateway.Volumes, "./loop:"+strings.TrimSuffix(mountedFolder, "/")+":ro") {
		t.Errorf("the folder is not among %q", gateway.Volumes)
	}
	_, table, _ := strings.Cut(readDeploy(t, "README.md"), "| file in `loop/` |")
	table, _, _ = strings.Cut(table, "\n\n")
	var files []string
	for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(table, -1) {
		switch name := found[1]; {
		case name == "-secondary":
			files = append(files, strings.ReplaceAll(files[len(files)-1], "-primary", name))
		case strings.Contains(name, "."), strings.HasPrefix(name, "secrets/"):
			files = append(files, name)
		}
	}
	read := func(w *world, without string) (*app.Settings, error) {
		for _, name := range files {
			if name != without { // a folder of the container's own is none here
				w.write(t, name, strings.ReplaceAll(content("loop/"+name), "/data/audit.log", w.path("audit.log")))
			}
		}
		return app.LoadSettings(w.path(filepath.Base(gateway.Command[len(gateway.Command)-1])))
	}
	w := &world{folder: t.TempDir()}
	set, err := read(w, "")
	testkit.OK(t, err)
	if got := set.Config.Ledger.File; got != "/data/ledger.db" || !slices.Contains(gateway.Volumes, "ledger:/data") || !slices.Contains(c.Services["ledger-init"].Volumes, "ledger:/data") {
		t.Errorf("the ledger is %s, in %q", got, gateway.Volumes)
	}
	if listen := set.Config.Listen; listen.GRPC != ":9090" || listen.HTTP != ":8080" {
		t.Errorf("it listens on %+v", listen)
	}
	if limit := duration(t, gateway.StopGracePeriod); limit < end(set) || limit != 2*time.Minute {
		t.Errorf("it is killed after %s; its end may take %s", limit, end(set))
	}
	for _, name := range files {
		if _, err := read(&world{folder: t.TempDir()}, name); err == nil {
			t.Errorf("%s is not needed", name)
		}
	}
}

// placeholders returns what is in a file of deploy/, or would in one that an operator has to add.
func placeholders(t *testing.T) func(file string) string {
	t.Helper()
	certificate, key := newAuthority(t).sign(t, 1)
	return func(file string) string {
		switch name := path.Base(file); {
		case name == "tls.crt":
			return certificate
		case name == "tls.key":
			return key
		case strings.HasSuffix(name, ".yaml"):
			return readDeploy(t, file)
		case strings.HasPrefix(name, "subscription-"):
			return "placeholder-of-" + name
		default:
			return "placeholder:of-" + name
		}
	}
}

// TestUnit: of systemd, whose sections and repeated keys are lines.
func TestUnit(t *testing.T) {
	settings := map[string][]string{}
	for line := range strings.Lines(readDeploy(t, "loop-gateway.service")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			settings[key] = append(settings[key], value)
		}
	}
	started := strings.Fields(strings.Join(settings["ExecStart"], " "))
	if len(started) == 0 || started[0] != "/usr/local/bin/loop-gateway" {
		t.Fatalf("it starts %q", started)
	}
	command, parsed := parse(t, started[1:])
	if command != "serve" || parsed.Serve.Config != mountedFolder+"gateway.yaml" {
		t.Errorf("it runs %q with %q", command, parsed.Serve.Config)
	}

	// The configuration finds each credential, and needs it.
	const credentials = "/run/credentials/loop-gateway.service/"
	content := placeholders(t)
	read := func(without string) (*app.Settings, error) {
		w := &world{folder: t.TempDir()}
		for _, each := range settings["LoadCredential"] {
			id, file, _ := strings.Cut(each, ":")
			if id == "" || file != mountedFolder+"secrets/"+id {
				t.Errorf("the credential %q comes from %q", id, file)
			}
			if id != without {
				w.write(t, "credentials/"+id, content(id))
			}
		}
		w.write(t, "policy.yaml", content("loop/policy.yaml"))
		w.write(t, "tls.crt", content("tls.crt"))
		w.write(t, "gateway.yaml", strings.NewReplacer(credentials, w.path("credentials")+"/", "/var/lib/loop-gateway/audit.log", w.path("audit.log")).Replace(content("gateway.systemd.yaml")))
		return app.LoadSettings(w.path("gateway.yaml"))
	}
	set, err := read("")
	testkit.OK(t, err)
	for _, each := range settings["LoadCredential"] {
		id, _, _ := strings.Cut(each, ":")
		if _, err := read(id); err == nil {
			t.Errorf("the credential %s is not needed", id)
		}
	}
	if state := strings.Join(settings["StateDirectory"], " "); filepath.Dir(set.Config.Ledger.File) != "/var/lib/"+state {
		t.Errorf("the ledger is %s, and the service may write /var/lib/%s", set.Config.Ledger.File, state)
	}
	if limit := duration(t, strings.Join(settings["TimeoutStopSec"], "")); limit < end(set) || limit != 2*time.Minute {
		t.Errorf("it is killed after %s; its end may take %s", limit, end(set))
	}
	for _, each := range []string{"DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "PrivateTmp=yes", "UMask=0077", "LimitCORE=0"} {
		key, value, _ := strings.Cut(each, "=")
		if !slices.Equal(settings[key], []string{value}) {
			t.Errorf("%s is %q; want %q", key, settings[key], value)
		}
	}
}

// TestUnitWithoutCredentials: the commands of the README that let the service read the files themselves leave a configuration
// that is that of Compose, but for the folder of its state.
func TestUnitWithoutCredentials(t *testing.T) {
	readme := readDeploy(t, "README.md")
	edit := regexp.MustCompile(`sed -i 's,([^,]+),([^,]*),' /etc/loop/gateway\.yaml`).FindStringSubmatch(readme)
	if edit == nil || !strings.Contains(readme, `LoadCredential=\nSupplementaryGroups=loop-secrets\n`) {
		t.Fatal("the README does not say how to rotate without restart")
	}
	text := strings.ReplaceAll(readDeploy(t, "gateway.systemd.yaml"), edit[1], edit[2])
	if strings.Contains(text, "/run/credentials") {
		t.Errorf("it still reads credentials: %s", text)
	}
	w, content := &world{folder: t.TempDir()}, placeholders(t)
	for _, name := range []string{"tls.key", "subscription-primary", "subscription-secondary", "exemple-standard"} {
		w.write(t, "secrets/"+name, content(name))
	}
	w.write(t, "policy.yaml", content("loop/policy.yaml"))
	w.write(t, "tls.crt", content("tls.crt"))
	w.write(t, "gateway.yaml", strings.ReplaceAll(text, "/var/lib/loop-gateway/audit.log", w.path("audit.log")))
	if _, err := app.LoadSettings(w.path("gateway.yaml")); err != nil {
		t.Error(err)
	}
}

// TestDeployedConfigurationsAgree: they differ in paths alone.
func TestDeployedConfigurationsAgree(t *testing.T) {
	var texts []string
	for _, name := range []string{"loop/gateway.yaml", "gateway.systemd.yaml"} {
		text := regexp.MustCompile(`(?m) *#.*$`).ReplaceAllString(readDeploy(t, name), "")
		if !strings.Contains(text, "\naudit: {file: ") {
			t.Errorf("%s keeps its audit in a stream", name)
		}
		text = regexp.MustCompile(`[\w./-]+/(tls\.key|ledger\.db|audit\.log|subscription-\w+|exemple-\w+)`).ReplaceAllString(text, "$1")
		texts = append(texts, strings.TrimSpace(text))
	}
	if texts[0] != texts[1] {
		t.Errorf("%s\ndiffers from\n%s", texts[0], texts[1])
	}
}

// TestDockerfile: what the image does by itself, as the program understands it.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../Dockerfile")
	testkit.OK(t, err)
	_, final, found := strings.Cut(string(text), "\nFROM scratch\n")
	if !found {
		t.Fatal("the last stage is not made from scratch")
	}
	final = strings.ReplaceAll(final, "\\\n", " ")
	list := func(instruction string) (words []string) {
		t.Helper()
		found := regexp.MustCompile(`(?m)^` + instruction + ` (\[.*\])$`).FindStringSubmatch(final)
		if found == nil {
			t.Fatalf("no %s with a list", instruction)
		}
		if err := json.Unmarshal([]byte(found[1]), &words); err != nil {
			t.Fatalf("%s: %v", instruction, err)
		}
		return words
	}
	line := func(instruction string) string {
		found := regexp.MustCompile(`(?m)^` + instruction + ` (.*)$`).FindStringSubmatch(final)
		if found == nil {
			return ""
		}
		return found[1]
	}
	if entry := list("ENTRYPOINT"); !slices.Equal(entry, []string{"/server"}) {
		t.Errorf("its entrypoint is %q", entry)
	}
	command, parsed := parse(t, list("CMD"))
	asked, parsedCheck := parse(t, list(`HEALTHCHECK.* CMD`)[1:])
	if command != "serve" || asked != "healthcheck" || parsed.Serve.Config != parsedCheck.Healthcheck.Config || parsed.Serve.Config != mountedFolder+"gateway.yaml" {
		t.Errorf("it runs %q with %q and asks with %q about %q", command, parsed.Serve.Config, asked, parsedCheck.Healthcheck.Config)
	}
	for instruction, want := range map[string]string{"USER": imageUser, "EXPOSE": "9090 8080", "VOLUME": "/data"} {
		if got := line(instruction); got != want {
			t.Errorf("%s is %q; want %q", instruction, got, want)
		}
	}
	if !strings.Contains(final, "--chown="+imageUser+" /data /data") {
		t.Error("its user does not own /data")
	}
}
