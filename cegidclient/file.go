package cegidclient

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// Deposit is a place for one file (Loop: getFileUrlDeposit; loop-api: A 3.1).
type Deposit struct {
	// URL is a link into Azure's blob storage with which its holder can write the file (Loop: depositUrl). How long it
	// lives is not documented.
	URL Secret
	// URI names the file to an import (Loop: uri): a UUID, and the file's name.
	URI string
}

// FileImport names a file for Loop to import. Exactly one of URI and URL is set (loop-api: A 1).
type FileImport struct {
	// URI is that of a [Deposit] that holds the file.
	URI string
	// URL is an https link from which Loop fetches the file, valid for 24 hours at least.
	URL Secret
	// SIRET is the establishment, 14 digits; optional. A third party says that importFEC and importTRA take it.
	SIRET string
	// Model names an import model that exists in Loop; for [FileService.ImportCustom], which needs it.
	Model string
}

// TRANames are the names under which importTRA is told where the file is. Its page was not seen: URI and URL, the
// defaults, are those of the sister pages, and a third party's client sends "url" (loop-api: A 3.3).
type TRANames struct {
	URI, URL string
}

// FileService deposits files and has Loop import them.
type FileService struct {
	c                         *Client
	deposit, fec, tra, custom *Operation
	names                     TRANames
	plain                     bool // links may be http
	upload                    uploadSettings
}

func newFileService(c *Client, cfg *Config, upload uploadSettings) *FileService {
	find := func(id string) *Operation {
		op, ok := OperationByID(id)
		if !ok {
			panic("cegidclient: no operation " + id)
		}
		return &op
	}
	s := &FileService{
		c: c, deposit: find("get_file_deposit"), fec: find("import_fec"), tra: find("import_tra"), custom: find("import_custom"),
		names: cfg.TRANames, plain: cfg.AllowPlainHTTP, upload: upload,
	}
	if s.names.URI == "" {
		s.names.URI = "URI"
	}
	if s.names.URL == "" {
		s.names.URL = "URL"
	}
	return s
}

// DepositURL asks for a place for a file of that name (Loop: GET /getFileUrlDeposit; loop-api: A 3.1). Asking books and
// stores nothing, and each answer is another place.
func (s *FileService) DepositURL(ctx context.Context, fileName string) (Deposit, error) {
	call := &Call{Operation: s.deposit, Query: url.Values{"filename": {fileName}}}
	if !isFileName(fileName) {
		return Deposit{}, s.c.annotate(call, invalid("file_name",
			"no name, one of more than 255 bytes, or one that holds a slash or control characters"), nil)
	}
	var d Deposit
	call.read = func(body []byte) (err error) {
		d, err = readDeposit(body, s.plain)
		return err
	}
	if _, err := s.c.Do(ctx, call); err != nil {
		return Deposit{}, err
	}
	return d, nil
}

func isFileName(name string) bool {
	return name != "" && len(name) <= 255 && strings.Trim(name, ".") != "" &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return unicode.IsControl(r) || r == '/' || r == '\\' || r == unicode.ReplacementChar
		})
}

// readDeposit reads the two parts in one object, or each in one of its own: the page prints them apart and says that the
// call returns both (loop-api: A 3.1).
func readDeposit(body []byte, plain bool) (Deposit, error) {
	members, err := readMembers([]byte(joined(body)), "depositUrl", "uri", "error")
	if err != nil {
		return Deposit{}, err
	}
	text := func(member string) string {
		raw := members[strings.ToLower(member)]
		if raw == "" {
			return ""
		}
		value, _, _ := readText(raw)
		return value
	}
	link, uri := text("depositUrl"), text("uri")
	if raw := members["error"]; raw != "" && link == "" && uri == "" {
		if e := refusalIn(raw); e != nil {
			return Deposit{}, e
		}
	}
	bad := func(member, detail string) (Deposit, error) {
		e := badResponse(detail)
		e.Field = member
		return Deposit{}, e
	}
	switch why := linkFault(link, plain); {
	case link == "":
		return bad("depositUrl", "the answer holds no link to deposit the file at")
	case why != "":
		return bad("depositUrl", "the link to deposit the file at "+why)
	case !isFileURI(uri):
		return bad("uri", "the answer does not say how an import names the file")
	}
	return Deposit{URL: NewSecret(link), URI: uri}, nil
}

// joined makes one object out of a list of objects; anything else it leaves as it is.
func joined(body []byte) string {
	dec := newDecoder(body)
	if dec.PeekKind() != '[' {
		return string(body)
	}
	_, _ = dec.ReadToken()
	var members []string
	for dec.PeekKind() == '{' {
		value, err := dec.ReadValue()
		if err != nil {
			return string(body)
		}
		if inner := strings.TrimSpace(string(value[1 : len(value)-1])); inner != "" {
			members = append(members, inner)
		}
	}
	if _, err := dec.ReadToken(); err != nil || len(members) < 2 || ended(dec) != nil {
		return string(body)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// linkFault says what is wrong with a link, without repeating it: it carries a signature.
func linkFault(link string, plain bool) string {
	u, err := url.Parse(link)
	switch {
	case err != nil || u.Host == "":
		return "is not an absolute URL"
	case u.User != nil || u.Fragment != "":
		return "holds a user or a fragment"
	case u.Scheme == "https", u.Scheme == "http" && plain:
		return ""
	default:
		return "is not https"
	}
}

func isFileURI(uri string) bool {
	return uri != "" && len(uri) <= 1024 && strings.TrimSpace(uri) == uri && !strings.ContainsFunc(uri, unicode.IsControl)
}

// ImportFEC has Loop import a FEC file, once (Loop: POST /importFEC; loop-api: A 3.2). The id that it returns is Loop's; what
// becomes of the file, [ImportService.Status] tells. [OutcomeOf] tells from an error whether it may be asked for again.
func (s *FileService) ImportFEC(ctx context.Context, dossier string, f FileImport) (loopRequestID string, err error) {
	return s.submit(ctx, s.fec, TRANames{"URI", "URL"}, dossier, f)
}

// ImportTRA is ImportFEC for a TRA file (Loop: POST /importTRA; loop-api: A 3.3). What it sends is inferred, so
// [Config.Unverified] must allow import_tra.
func (s *FileService) ImportTRA(ctx context.Context, dossier string, f FileImport) (loopRequestID string, err error) {
	return s.submit(ctx, s.tra, s.names, dossier, f)
}

// ImportCustom is ImportFEC for a file of which Loop knows a model (Loop: POST /importPerso; loop-api: A 3.4). Models are
// drawn in Loop; no operation lists them.
func (s *FileService) ImportCustom(ctx context.Context, dossier string, f FileImport) (loopRequestID string, err error) {
	return s.submit(ctx, s.custom, TRANames{"URI", "URL"}, dossier, f)
}

func (s *FileService) submit(ctx context.Context, op *Operation, names TRANames, dossier string, f FileImport) (string, error) {
	call := &Call{Operation: op, Dossier: dossier}
	fail := func(e *Error) (string, error) { return "", s.c.annotate(call, e, nil) }
	if !s.c.Enabled(op) {
		return fail(notEnabled(""))
	}
	if e := f.check(dossier, op == s.custom, s.plain); e != nil {
		return fail(e)
	}
	w := &importWriter{b: []byte{'{'}, entry: -1, line: -1}
	w.text("codeIbs", dossier, "dossier")
	w.text(names.URI, f.URI, "uri") // the official example sends an empty one beside a URL; left out it says the same
	w.text(names.URL, f.URL.Reveal(), "url")
	w.text("MODELE", f.Model, "model") // the schema prints it in lower case
	w.text("SIRET", f.SIRET, "siret")
	w.raw(`}`)
	if w.err != nil {
		return fail(w.err)
	}
	call.Body = w.b
	call.secrets = linkSecrets(f.URL.Reveal())
	return s.c.submit(ctx, call)
}

func (f *FileImport) check(dossier string, model, plain bool) *Error {
	switch {
	case isNoDossier(dossier):
		return invalid("dossier", "no dossier")
	case f.URI == "" && f.URL.IsZero():
		return invalid("uri", "no file: neither the URI of a deposit nor a URL")
	case f.URI != "" && !f.URL.IsZero():
		return invalid("url", "a file has either a URI or a URL")
	case f.URI != "" && !isFileURI(f.URI):
		return invalid("uri", "not the URI of a deposit")
	case model && f.Model == "":
		return invalid("model", "a custom file needs the name of its model")
	case !model && f.Model != "":
		return invalid("model", "only a custom file has a model")
	}
	if !f.URL.IsZero() {
		if why := linkFault(f.URL.Reveal(), plain); why != "" {
			return invalid("url", "the link "+why)
		}
	}
	return nil
}

// linkSecrets are what nobody must repeat of a link: all of it, and what opens it, which is its query, and each value in there,
// for a signature has many names; without a query its path does.
func linkSecrets(link string) []string {
	u, err := url.Parse(link)
	if link == "" || err != nil {
		return nil
	}
	if u.RawQuery == "" {
		return []string{link, u.Path}
	}
	secrets := []string{link, u.RawQuery}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	return secrets
}

// uploadOperation names the storage in errors and metrics: Loop does not offer it.
func uploadOperation() *Operation {
	return &Operation{ID: "upload_file", Method: http.MethodPut, Path: "/", Resend: ResendAlways}
}
