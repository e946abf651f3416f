package config

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/server/internal/authn"
	"cegid.internal/gateway/server/internal/ledger"
	"cegid.internal/gateway/server/internal/policy"
	"cegid.internal/gateway/server/internal/secret"
	"cegid.internal/gateway/server/internal/strictyaml"
)

// Load reads the configuration at path. operations are the ids of Loop's operations that the service knows. Every
// file that the configuration refers to is looked at, and every secret is read once. The error is a
// *strictyaml.Error with all problems; it never contains what is in a file, apart from references to secrets and
// the names of files.
func Load(path string, operations []string) (*Config, error) {
	report := &strictyaml.Report{}
	root, ok := strictyaml.ReadFile(path, Keys(), report)
	if !ok {
		return nil, report.Err()
	}
	l := loader{report: report, operations: operations, names: map[string]string{}}
	c := l.config(root, filepath.Dir(path))
	if err := report.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Default is what a configuration says that says nothing: the default of each key that has one.
func Default() *Config {
	report := &strictyaml.Report{} // of the keys that have none
	root, _ := strictyaml.Parse("", Keys(), nil, report)
	l := loader{report: report, names: map[string]string{}}
	return l.config(root, "")
}

type loader struct {
	report     *strictyaml.Report
	operations []string
	replicas   int
	names      map[string]string // of practices, to where they are defined
	kept       ledger.Keeping    // of practices that say nothing else
}

func (l *loader) config(root strictyaml.Node, folder string) *Config {
	top, ok := root.Fields()
	if !ok {
		return nil
	}
	l.replicas = top.Get("replicas").Int()
	c := &Config{
		Replicas: l.replicas,

		Listen: l.listen(top.Get("listen")),
		TLS:    l.tls(top.Get("tls"), folder),
		HTTP:   l.http(top.Get("http"), top.Get("tls")),
		Closed: closed(top.Get("public")), Contact: l.contact(top.Get("public")),
		OIDC: l.oidc(top.Get("oidc")),
		Loop: l.loop(top.Get("loop"), folder),
	}
	c.Retention = retention(top.Get("retention"), ledger.DefaultKeeping())
	l.kept = c.Retention

	list, isList := top.Get("practices").Items()
	for _, item := range list {
		c.Practices = append(c.Practices, l.practice(item, folder, c.Loop))
	}
	directory := top.Get("practices_directory")
	if directory.Given() {
		var found []Practice
		c.PracticesDirectory, found = l.directory(directory, folder, c.Loop)
		c.Practices = append(c.Practices, found...)
	}
	if isList && len(list) == 0 && !directory.Given() {
		top.Get("practices").Refusef("there is no practice; list at least one with its name and its keys")
	}

	c.Policy = l.file(top.Get("policy"), folder, "name the policy file; without one nobody would be allowed anything")
	c.Ledger = l.ledger(top.Get("ledger"), folder)
	if c.Replicas > 1 && c.Ledger.File != "" {
		top.Get("replicas").Refusef("a ledger in a file belongs to one server: keep it on PostgreSQL, as ledger: {postgres: " +
			"\"${file:/path}\"}, or run one server")
	}
	c.Spool = l.folder(top.Get("spool"), folder)
	c.Raw = l.raw(top.Get("raw"))
	c.Imports = l.imports(top.Get("imports"))
	c.Files = l.files(top.Get("files"))
	c.CallerLimits = policy.ReadLimits(top.Get("caller_limits"), policy.DefaultLimits())
	c.Deadlines = l.deadlines(top.Get("deadlines"), c.Imports)
	c.Readiness = l.readiness(top.Get("readiness"))
	shutdown, _ := top.Get("shutdown").Fields()
	c.Shutdown.Grace = shutdown.Get("grace").Duration()
	c.Shutdown.Drain = shutdown.Get("drain").Duration()
	c.Audit = l.audit(top.Get("audit"), folder)
	log, _ := top.Get("log").Fields()
	c.Log.Level = level(log.Get("level"))
	c.Log.Dossiers = log.Get("dossiers").Bool()
	return c
}

func (l *loader) listen(n strictyaml.Node) Listen {
	fields, _ := n.Fields()
	listen := Listen{Connections: fields.Get("connections").Int(), ConnectionAge: fields.Get("connection_age").Duration()}
	addresses := []struct {
		key   string
		value *string
	}{{"grpc", &listen.GRPC}, {"http", &listen.HTTP}, {"operations", &listen.Operations}}
	for i, a := range addresses {
		place := fields.Get(a.key)
		*a.value = place.TextOrDefault()
		if !isAddress(*a.value) {
			place.Refusef("must be host:port with a port number, such as \":9090\" or \"127.0.0.1:9091\"")
			*a.value = "" // overlaps with nothing
			continue
		}
		for _, other := range addresses[:i] {
			if overlap(*a.value, *other.value) {
				place.Refusef("cannot listen where listen.%s does (defaults count); give each its own port", other.key)
			}
		}
	}
	return listen
}

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' }) {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// overlap says whether two addresses cannot both be listened on; the wildcard takes a port on every interface.
func overlap(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	numberA, _ := strconv.ParseUint(portA, 10, 16)
	numberB, _ := strconv.ParseUint(portB, 10, 16)
	if numberA != numberB || numberA == 0 {
		return false
	}
	return strings.EqualFold(hostA, hostB) || wildcard(hostA) || wildcard(hostB)
}

func wildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

func (l *loader) tls(n strictyaml.Node, folder string) TLS {
	t := l.tlsFiles(n, folder)
	if t.Certificate != "" && t.Key != "" {
		if _, err := tls.LoadX509KeyPair(t.Certificate, t.Key); err != nil {
			n.Refusef("the two files are not a certificate and its private key in PEM; check that they belong together and are not swapped")
		}
	}
	if t.ClientAuthorities != "" {
		if _, err := authn.ReadAuthorities(t.ClientAuthorities); err != nil {
			n.Refusef("%s", err)
		}
	}
	return t
}

// tlsFiles reads where certificate, key and authorities are, and does not look into them.
func (l *loader) tlsFiles(n strictyaml.Node, folder string) TLS {
	const cure = "write {certificate: file, key: file}, or off to serve plaintext behind something that ends TLS"
	if !n.Given() {
		n.Refusef("TLS is not decided on, and there is no default; %s", cure)
		return TLS{}
	}
	if !n.IsMapping() {
		// A tool on the way may have read off as YAML 1.1 does, and written false.
		if text, ok := n.Text(); ok && text != "off" && !n.IsFalse() {
			n.Refusef("is neither off nor a certificate with its key; %s", cure)
		}
		return TLS{Off: true}
	}
	fields, _ := n.Fields()
	t := TLS{
		Certificate: l.file(fields.Get("certificate"), folder, "name the file with the certificate in PEM, or write tls: off"),
		Key:         l.file(fields.Get("key"), folder, "name the file with the certificate's key in PEM, or write tls: off"),
	}
	t.Minimum = choice(fields.Get("minimum"), map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13})
	if place := fields.Get("client_authorities"); place.Given() {
		t.ClientAuthorities = l.file(place, folder, "name the file with the authorities' certificates in PEM, or remove the key")
	}
	return t
}

// contact is the person or team that a stranger is told to ask.
func (*loader) contact(n strictyaml.Node) string {
	fields, _ := n.Fields()
	place := fields.Get("contact")
	if !place.Given() {
		return ""
	}
	text, ok := place.Text()
	if ok && !contact.MatchString(text) {
		place.Refusef("must be one line of 1 to 200 characters, without spaces at its ends, or remove the key")
	}
	return text
}

func closed(n strictyaml.Node) Closed {
	fields, _ := n.Fields()
	return Closed{Docs: !fields.Get("docs").Bool(), Reflection: !fields.Get("reflection").Bool(), Health: !fields.Get("health").Bool()}
}

func (l *loader) http(n, tls strictyaml.Node) HTTP {
	fields, _ := n.Fields()
	out := HTTP{Compression: fields.Get("compression").Bool(), HSTS: fields.Get("hsts").Duration()}
	sharing, _ := fields.Get("cors").Fields()
	origins := sharing.Get("origins")
	items, _ := origins.Items()
	for _, item := range items {
		origin, ok := item.Text()
		switch {
		case !item.Given():
			item.Refusef("the item is empty; give an origin, or remove it")
		case !ok: // reported by Text
		case !IsOrigin(origin):
			item.Refusef("must be an origin, exactly as browsers name it: https://app.example.com, in small letters, without a path, with a port " +
				"only where it is not 443; http:// for localhost alone. \"*\" and \"null\" would let anybody's page call")
		case slices.Contains(out.Origins, origin):
			item.Refusef("the origin is listed twice; keep one")
		default:
			out.Origins = append(out.Origins, origin)
		}
	}
	if len(items) > 0 && tls.IsMapping() {
		if with, _ := tls.Fields(); with.Get("client_authorities").Given() {
			origins.Refusef("goes together with no tls.client_authorities: a browser shows its user's certificate unasked, so that a page could " +
				"call as somebody else than its user; serve browsers from a server of its own")
		}
	}
	return out
}

var (
	origin  = regexp.MustCompile(originPattern)
	contact = regexp.MustCompile(contactPattern)
)

// IsOrigin tells whether a text is what a browser may send as Origin.
func IsOrigin(text string) bool {
	if !origin.MatchString(text) {
		return false
	}
	u, err := url.Parse(text)
	if err != nil || strings.Contains(u.Host, "..") {
		return false
	}
	port, _ := strconv.Atoi(u.Port())
	return port <= 65535 && !(u.Scheme == "https" && port == 443) && !(u.Scheme == "http" && port == 80)
}

func (l *loader) oidc(n strictyaml.Node) (issuers []Issuer) {
	items, ok := n.Items()
	if n.Given() && ok && len(items) == 0 {
		n.Refusef("the list is empty; name an issuer and the audience of its tokens, or remove the key")
	}
	first := map[string]string{}
	for _, item := range items {
		if !item.Given() {
			item.Refusef("the item is empty; give issuer and audience, or remove it")
			continue
		}
		fields, ok := item.Fields()
		if !ok {
			continue
		}
		issuer := Issuer{AllowPlainHTTP: fields.Get("allow_plain_http").Bool()}
		place, audience := fields.Get("issuer"), fields.Get("audience")
		issuer.URL, ok = place.Text()
		switch where, repeated := first[issuer.URL]; {
		case !place.Given():
			place.Refusef("name the issuer, exactly as the claim iss of its tokens does")
		case !ok: // reported by Text
		case repeated:
			place.Refusef("this issuer is given twice, first at %s; keep one, with the one audience of this service", where)
		default:
			if sentence := checkIssuer(issuer.URL, issuer.AllowPlainHTTP); sentence != "" {
				place.Refusef("%s", sentence)
			}
			first[issuer.URL] = place.Where()
		}
		issuer.Audience, ok = audience.Text()
		switch {
		case !audience.Given():
			audience.Refusef("name the audience; without one, a token that a caller gave to any other service would pass here")
		case ok && (issuer.Audience == "" || len(issuer.Audience) > 255 ||
			strings.ContainsFunc(issuer.Audience, func(c rune) bool { return c <= ' ' || c > '~' })):
			audience.Refusef("must be the audience of this service's tokens, up to 255 characters without spaces")
		}
		issuers = append(issuers, issuer)
	}
	return issuers
}

func checkIssuer(text string, allowPlainHTTP bool) (sentence string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery ||
		strings.ContainsAny(text, "# \t\r\n"):
		return "must be a URL of scheme, host and path alone, as the claim iss of its tokens is"
	case u.Scheme == "https":
		return ""
	case u.Scheme != "http":
		return "must begin with https://"
	case !allowPlainHTTP:
		return "must begin with https://: without TLS an attacker could answer with keys of their own; only for a test on this machine, " +
			"set allow_plain_http: true"
	case !authn.Loopback(u.Hostname()):
		return "may begin with http:// only when the host is the loopback interface; write https://"
	}
	return ""
}

// audit reads where the records go. Whether the file can be written shows when it is opened.
func (l *loader) audit(n strictyaml.Node, folder string) (audit Audit) {
	fields, _ := n.Fields()
	stream, file := fields.Get("stream"), fields.Get("file")
	switch stream.TextOrDefault() {
	case "stderr":
	case "stdout":
		audit.Stdout = true
	default:
		stream.Refusef("must be stderr or stdout; name a file in audit.file")
	}
	text, ok := file.Text()
	if !ok {
		return audit
	}
	audit.File = resolve(folder, text)
	info, err := os.Stat(audit.File)
	switch parent, noFolder := os.Stat(filepath.Dir(audit.File)); {
	case stream.Given():
		file.Refusef("there is audit.stream as well; keep one of them")
	case text == "" || err == nil && !info.Mode().IsRegular():
		file.Refusef("this is no regular file; name a file, which need not be there yet")
	case noFolder != nil || !parent.IsDir():
		file.Refusef("there is no such folder; make it, or correct the path, which is relative to the folder of this file " +
			"unless it begins with a slash")
	}
	return audit
}

// file reads the path of a file that must exist, and returns it resolved; empty when it was refused.
func (l *loader) file(n strictyaml.Node, folder, missing string) string {
	text, ok := n.Text()
	if !ok || text == "" {
		if !n.Given() || ok {
			n.Refusef("%s", missing)
		}
		return ""
	}
	path := resolve(folder, text)
	// The path is not repeated: somebody may have pasted a private key here.
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() {
		var file *os.File
		if file, err = os.Open(path); err == nil {
			_ = file.Close()
		}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		n.Refusef("this process may not read the file; change its owner or mode")
	case err != nil:
		n.Refusef("there is no such file; correct the path, which is relative to the folder of this file unless it begins with a slash")
	case !info.Mode().IsRegular():
		n.Refusef("this is no regular file; name a file")
	default:
		return path
	}
	return ""
}

// ledger reads where the ledger is. Whether there is one, and whose it is, shows when it is opened.
func (l *loader) ledger(n strictyaml.Node, folder string) Ledger {
	const cure = "name the file of the ledger, or refer to a PostgreSQL as {postgres: \"${file:/path}\"}; it remembers every write, " +
		"and is made once with: server ledger init"
	if n.IsMapping() {
		fields, _ := n.Fields()
		place := fields.Get("postgres")
		if !place.Given() {
			place.Refusef("%s", cure)
		}
		return Ledger{Postgres: l.secret(place, folder, CheckLedger)}
	}
	text, ok := n.Text()
	if ok && text != "" {
		return Ledger{File: resolve(folder, text)}
	}
	if !n.Given() || ok {
		n.Refusef("%s", cure)
	}
	return Ledger{}
}

func (l *loader) readiness(n strictyaml.Node) Readiness {
	if n.Given() && !n.IsMapping() {
		if text, ok := n.Text(); ok && text != "all" {
			n.Refusef("must be all, or a mapping with first_ledger")
		}
		return Readiness{All: true}
	}
	fields, _ := n.Fields()
	return Readiness{FirstLedger: fields.Get("first_ledger").Duration()}
}

// CheckLedger refuses what cannot be the connection string of a ledger.
func CheckLedger(s cegidclient.Secret) error { return ledger.CheckPostgres(s.Reveal()) }

// folder reads the path of a folder that must exist, and returns it resolved; empty when it is not given, or refused.
func (l *loader) folder(n strictyaml.Node, base string) string {
	text, ok := n.Text()
	if !ok {
		return ""
	}
	path := resolve(base, text)
	if info, err := os.Stat(path); text == "" || err != nil || !info.IsDir() {
		n.Refusef("there is no such folder; make it, for the user that serves, or leave the key out for the system's temporary folder")
		return ""
	}
	return path
}

func resolve(folder, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}

func (l *loader) files(n strictyaml.Node) Files {
	fields, _ := n.Fields()
	models := map[string]filecheck.LoopModel{"lenient": filecheck.Lenient, "strict": filecheck.Strict}
	model, known := models[fields.Get("loop_model").TextOrDefault()]
	if !known {
		fields.Get("loop_model").Refusef("must be lenient or strict")
	}
	return Files{
		LoopModel: model,
		MaxSize:   int64(fields.Get("max_size").Int()), SpoolSize: int64(fields.Get("spool_size").Int()),
		DepositLifetime: fields.Get("deposit_lifetime").Duration(),
	}
}

func (l *loader) loop(n strictyaml.Node, folder string) Loop {
	fields, _ := n.Fields()
	place := fields.Get("base_url")
	loop := Loop{
		BaseURL:          strings.TrimRight(place.TextOrDefault(), "/"),
		AllowPlainHTTP:   fields.Get("allow_plain_http").Bool(),
		SubscriptionKeys: l.subscriptionKeys(fields.Get("subscription_keys"), folder),
		TRANames:         traNames(fields.Get("tra_names")),
		EntryNames:       entryNames(fields.Get("entry_names")),
		Calls:            l.calls(fields.Get("calls")),
	}
	if sentence := checkBaseURL(loop.BaseURL, loop.AllowPlainHTTP); sentence != "" {
		place.Refusef("%s", sentence)
	}
	return loop
}

func entryNames(n strictyaml.Node) EntryNames {
	fields, _ := n.Fields()
	read := func(name string) string {
		field := fields.Get(name)
		text, given := field.Text()
		if !given {
			return ""
		}
		if !fieldNames.MatchString(text) {
			field.Refusef("must be the name of a field: a letter, then up to 63 letters, digits or _")
		}
		return text
	}
	names := EntryNames{Debit: read("debit"), Credit: read("credit"), Date: read("date")}
	if which, why := cegidclient.EntryNames(names).Wrong(); which != "" {
		fields.Get(which).Refusef("%s", why)
	}
	return names
}

func traNames(n strictyaml.Node) TRANames {
	fields, _ := n.Fields()
	uri, url := fields.Get("uri"), fields.Get("url")
	names := TRANames{URI: uri.TextOrDefault(), URL: url.TextOrDefault()}
	for _, node := range []strictyaml.Node{uri, url} {
		if text := node.TextOrDefault(); !fieldNames.MatchString(text) {
			node.Refusef("must be the name of a field: a letter, then up to 63 letters, digits or _")
		}
		for _, taken := range []string{"codeIbs", "SIRET"} {
			if strings.EqualFold(node.TextOrDefault(), taken) {
				node.Refusef("is the name of another field of the call")
			}
		}
	}
	if strings.EqualFold(names.URI, names.URL) {
		given := url
		if !given.Given() {
			given = uri
		}
		given.Refusef("is the name of both ways to a file: give each its own")
	}
	return names
}

func checkBaseURL(text string, allowPlainHTTP bool) (sentence string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "must be a URL of scheme, host and path alone, such as " + cegidclient.DefaultBaseURL
	case u.Scheme == "https":
		return ""
	case u.Scheme != "http":
		return "must begin with https://"
	case !allowPlainHTTP:
		return "must begin with https://, or every secret would travel readable; only for a simulator on this machine, " +
			"set loop.allow_plain_http: true"
	case !authn.Loopback(u.Hostname()):
		return "may begin with http:// only when the host is the loopback interface; write https://, or localhost for a simulator"
	}
	return ""
}

func (l *loader) subscriptionKeys(n strictyaml.Node, folder string) []secret.Ref {
	if !n.Given() {
		return nil
	}
	fields, ok := n.Fields()
	if !ok {
		return nil
	}
	if !fields.Get("primary").Given() {
		fields.Get("primary").Refusef("the primary subscription key is missing; refer to it, or leave subscription_keys out")
	}
	var refs []secret.Ref
	for _, key := range []string{"primary", "secondary"} {
		if ref := l.secret(fields.Get(key), folder, secret.CheckSubscriptionKey); !ref.IsZero() {
			refs = append(refs, ref)
		}
	}
	return refs
}

// secret reads a reference, and what it refers to, so that a missing secret stops the start and not the first call.
func (l *loader) secret(n strictyaml.Node, folder string, check func(cegidclient.Secret) error) secret.Ref {
	text, ok := n.Text()
	if !ok {
		return secret.Ref{}
	}
	ref, err := secret.Parse(text, folder)
	if err == nil {
		_, err = secret.Open(ref, check, nil)
	}
	if err != nil {
		n.Refusef("%s", err)
	}
	return ref
}

func (l *loader) directory(n strictyaml.Node, folder string, loop Loop) (directory string, practices []Practice) {
	text, ok := n.Text()
	if !ok {
		return "", nil
	}
	directory = resolve(folder, text)
	entries, err := os.ReadDir(directory)
	if err != nil || text == "" {
		n.Refusef("the folder cannot be read; correct the path, which is relative to the folder of this file unless it begins with a slash")
		return "", nil
	}
	found := false
	for _, entry := range entries {
		// Kubernetes keeps the mounted files in folders whose names begin with dots.
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		found = true
		path := filepath.Join(directory, entry.Name())
		if extension := filepath.Ext(path); extension != ".yaml" && extension != ".yml" {
			l.report.Addf(path, "the folder of practices holds something else than .yaml files; move it away, or rename it if it is a practice")
			continue
		}
		if root, ok := strictyaml.ReadFile(path, PracticeKeys(), l.report); ok {
			practices = append(practices, l.practice(root, directory, loop))
		}
	}
	if !found {
		n.Refusef("there is no practice in the folder; put one .yaml file per practice into it")
	}
	return directory, practices
}

func (l *loader) practice(n strictyaml.Node, folder string, loop Loop) Practice {
	if !n.Given() {
		n.Refusef("the practice is empty; give it a name and keys, or remove it")
		return Practice{}
	}
	fields, ok := n.Fields()
	if !ok {
		return Practice{}
	}
	p := Practice{
		Name:                 l.name(fields.Get("name")),
		Domain:               l.domain(fields.Get("domain")),
		Dossiers:             l.dossiers(fields.Get("dossiers")),
		Limits:               l.limits(fields.Get("limits")),
		Retention:            retention(fields.Get("retention"), l.kept),
		UnverifiedOperations: l.unverified(fields.Get("unverified_operations")),
	}

	if keys, ok := fields.Get("keys").Fields(); ok {
		if !keys.Get("standard").Given() && !keys.Get("advanced").Given() {
			fields.Get("keys").Refusef("the practice has no API key; refer to its standard key, its advanced key or both")
		}
		p.Keys.Standard = l.secret(keys.Get("standard"), folder, secret.CheckAPIKey)
		p.Keys.Advanced = l.secret(keys.Get("advanced"), folder, secret.CheckAPIKey)
	}
	own := fields.Get("subscription_keys")
	switch {
	case own.Given():
		p.Keys.SubscriptionKeys = l.subscriptionKeys(own, folder)
	case len(loop.SubscriptionKeys) == 0:
		own.Refusef("there is no subscription key; refer to the installation's in loop.subscription_keys, or to the practice's own here")
	default:
		p.Keys.SubscriptionKeys = loop.SubscriptionKeys
	}
	return p
}

func practiceName(name string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return name != "" && len(name) <= 64 && strings.Trim(name, allowed) == "" && name != "-" && name != "." && name != ".."
}

func (l *loader) name(n strictyaml.Node) string {
	name, ok := n.Text()
	switch first, repeated := l.names[name]; {
	case !n.Given():
		n.Refusef("the practice has no name; give it one of letters, digits, '.', '_' and '-'")
	case !ok: // reported by Text
	case !practiceName(name):
		n.Refusef("must be 1 to 64 letters, digits, '.', '_' or '-'; '-' alone stands for all practices, and '.' and '..' " +
			"do not survive in a URL")
	case repeated:
		n.Refusef("another practice has this name, at %s; rename one of them", first)
	default:
		l.names[name] = n.Where()
	}
	return name
}

func (l *loader) domain(n strictyaml.Node) string {
	domain, ok := n.Text()
	if ok && (domain == "" || utf8.RuneCountInString(domain) > 64 ||
		strings.ContainsFunc(domain, func(c rune) bool { return c <= ' ' || c > '~' })) {
		n.Refusef("must be Loop's code of the firm, up to 64 characters without spaces; leave it out if you do not know it")
	}
	return domain
}

func (l *loader) dossiers(n strictyaml.Node) []Dossier {
	var dossiers []Dossier
	first := map[string]string{}
	items, _ := n.Items()
	for _, item := range items {
		if !item.Given() {
			item.Refusef("the dossier is empty; give it a code, or remove it")
			continue
		}
		fields, ok := item.Fields()
		if !ok {
			continue
		}
		var d Dossier
		d.Name, _ = fields.Get("name").Text()
		if utf8.RuneCountInString(d.Name) > 200 {
			fields.Get("name").Refusef("must have 200 characters at most")
		}
		code := fields.Get("code")
		d.Code, ok = code.Text()
		switch where, repeated := first[d.Code]; {
		case !code.Given():
			code.Refusef("the dossier has no code; give its code in Loop")
		case !ok: // reported by Text
		case repeated:
			code.Refusef("the practice lists this dossier twice, first at %s; keep one", where)
		default:
			if err := policy.CheckDossierCode(d.Code); err != nil {
				code.Refusef("%s", err)
			}
			first[d.Code] = code.Where()
		}
		dossiers = append(dossiers, d)
	}
	return dossiers
}

func (l *loader) limits(n strictyaml.Node) Limits {
	fields, _ := n.Fields()
	limits := Limits{
		Concurrency:       fields.Get("concurrency").Int(),
		RequestsPerSecond: fields.Get("requests_per_second").Number(),
	}
	if limits.Concurrency > 0 && l.replicas > 1 && limits.Of(l.replicas).Concurrency < cegidclient.MinConcurrency {
		fields.Get("concurrency").Refusef("divided among %d servers, as replicas says, each has fewer than %d calls at a time, one of each "+
			"kind; give the practice %d at least, or run %d servers at most",
			l.replicas, cegidclient.MinConcurrency, l.replicas*cegidclient.MinConcurrency, max(1, limits.Concurrency/cegidclient.MinConcurrency))
	}
	return limits
}

// retention reads what retentionKeys declares; what is not given is as in otherwise.
func retention(n strictyaml.Node, otherwise ledger.Keeping) ledger.Keeping {
	fields, _ := n.Fields()
	for key, kept := range map[string]*time.Duration{"ids_days": &otherwise.Outcome, "references_days": &otherwise.Content} {
		if place := fields.Get(key); place.Given() {
			*kept = time.Duration(place.Int()) * day
		}
	}
	return otherwise
}

func (l *loader) unverified(n strictyaml.Node) []string {
	items, _ := n.Items()
	var ids []string
	for _, item := range items {
		id, ok := item.Text()
		switch {
		case !item.Given():
			item.Refusef("the item is empty; give the id of an operation, or remove it")
		case !ok: // reported by Text
		case !slices.Contains(l.operations, id):
			item.Refusef("is not the id of an operation that this service knows; ListOperations gives the ids")
		case slices.Contains(ids, id):
			item.Refusef("the operation is listed twice; keep one")
		default:
			ids = append(ids, id)
		}
	}
	return ids
}

func (l *loader) calls(n strictyaml.Node) Calls {
	fields, _ := n.Fields()
	return Calls{
		Attempts:        fields.Get("attempts").Int(),
		AttemptTimeout:  fields.Get("attempt_timeout").Duration(),
		BaseDelay:       fields.Get("base_delay").Duration(),
		MaxDelay:        fields.Get("max_delay").Duration(),
		ThrottledDelay:  fields.Get("throttled_delay").Duration(),
		MaxRetryAfter:   fields.Get("max_retry_after").Duration(),
		RetryBudget:     fields.Get("retry_budget").Int(),
		RetryRefill:     fields.Get("retry_refill").Number(),
		BreakerSilence:  fields.Get("breaker_silence").Duration(),
		BreakerFailures: fields.Get("breaker_failures").Int(),
		BreakerPause:    fields.Get("breaker_pause").Duration(),
		PageSize:        fields.Get("page_size").Int(),
		OneCap:          fields.Get("one_cap").Bool(),
		MaxAnswer:       fields.Get("max_answer").Int(),
	}
}

func (l *loader) imports(n strictyaml.Node) Imports {
	fields, _ := n.Fields()
	i := Imports{
		WaitLimit:   fields.Get("wait_limit").Duration(),
		CallLimit:   fields.Get("call_limit").Duration(),
		Lease:       fields.Get("lease").Duration(),
		FirstPoll:   fields.Get("first_poll").Duration(),
		LastPoll:    fields.Get("last_poll").Duration(),
		StalledPoll: fields.Get("stalled_poll").Duration(),

		ResubmitAfter:  fields.Get("resubmit_after").Duration(),
		RepeatAfter429: fields.Get("repeat_after_429").Bool(),
	}
	if least := i.WaitLimit + 2*i.CallLimit; i.Lease < least {
		fields.Get("lease").Refusef("%s is shorter than imports.wait_limit and twice imports.call_limit, which together are %s; "+
			"raise the one or shorten the others", i.Lease, least)
	}
	if i.FirstPoll > i.LastPoll {
		fields.Get("first_poll").Refusef("%s is longer than imports.last_poll, which is %s; shorten the one or raise the other",
			i.FirstPoll, i.LastPoll)
	}
	return i
}

func (l *loader) deadlines(n strictyaml.Node, imports Imports) Deadlines {
	fields, _ := n.Fields()
	d := Deadlines{
		UnaryDefault:  fields.Get("unary_default").Duration(),
		UnaryMax:      fields.Get("unary_max").Duration(),
		Write:         fields.Get("write").Duration(),
		StreamDefault: fields.Get("stream_default").Duration(),
		StreamMax:     fields.Get("stream_max").Duration(),
	}
	for _, pair := range []struct {
		key            string
		value, highest time.Duration
	}{{"unary", d.UnaryDefault, d.UnaryMax}, {"stream", d.StreamDefault, d.StreamMax}} {
		if pair.value > pair.highest {
			fields.Get(pair.key+"_default").Refusef("%s is longer than deadlines.%s_max, which is %s; shorten the one or raise the other",
				pair.value, pair.key, pair.highest)
		}
	}
	if least := Preparation + imports.WaitLimit + imports.CallLimit; d.Write < least {
		fields.Get("write").Refusef("%s is shorter than 10s for what is read before, imports.wait_limit and imports.call_limit, which together "+
			"are %s; raise it, or callers do not learn how their writes end",
			d.Write, least)
	}
	return d
}

func level(n strictyaml.Node) slog.Level {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l, known := levels[n.TextOrDefault()]
	if !known {
		n.Refusef("must be debug, info, warn or error")
	}
	return l
}
