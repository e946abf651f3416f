package loopsim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"cegid.internal/gateway/cegidclient/filecheck"
)

// Formats of imports, as ImportRecord names them.
const (
	FormatJSON   = "JSON"
	FormatFEC    = "FEC"
	FormatTRA    = "TRA"
	FormatCustom = "custom"
)

// DemoModel is the one import model of every dossier. Its format is the simulator's own: text, a line of names, then lines of
//
//	journal;date;account;label;debit;credit;ref
//
// with dates as AAAA-MM-JJ and a comma or point in amounts. Lines that share journal, date and ref are an entry.
const DemoModel = "DEMO"

// A FileRecord is what a file import read: totals of the whole file, whatever its size.
type FileRecord struct {
	Name     string      `json:"name"`
	Digest   string      `json:"digest"` // SHA-256 of the file, hexadecimal
	Bytes    int64       `json:"bytes"`
	Lines    int         `json:"lines"`
	Entries  int         `json:"entries"`
	Debit    string      `json:"debit"` // euro, two decimals
	Credit   string      `json:"credit"`
	Journals []FileTotal `json:"journals"`
	Accounts []FileTotal `json:"accounts"`
	// Kept is the number of lines that became booked entries: of a file of more than KeptLines those of its first entries. The
	// others were checked and added up, and are not kept.
	Kept int `json:"kept"`
}

// A FileTotal adds up the lines of a journal or of an account.
type FileTotal struct {
	Code   string `json:"code"`
	Lines  int    `json:"lines"`
	Debit  string `json:"debit"`
	Credit string `json:"credit"`
}

// KeptLines is how many lines of one file are kept as booked entries at most.
const KeptLines = 10_000

func depositOperation() operation {
	return operation{Route: Route{Method: http.MethodGet, Path: "/getFileUrlDeposit"}, unbound: true, serve: (*exchange).serveDeposit}
}

// serveDeposit answers GET /getFileUrlDeposit with both parts in one object (loop-api: A 3.1). That the name is required, and
// what a name may hold, is [I].
func (x *exchange) serveDeposit() answer {
	names := x.query["filename"]
	if len(names) != 1 || names[0] == "" || len(names[0]) > 255 || strings.Trim(names[0], ".") == "" ||
		strings.ContainsFunc(names[0], func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }) {
		return x.queryRefused("Le paramètre « filename » est attendu une fois, sans dossier.")
	}
	uri := x.sim.nextUUID("deposit") + "/" + names[0]
	link := x.sim.storage.link(x.origin, uri, x.sim.now())
	if x.sim.config.azure != "" {
		var err error
		if link, err = x.sim.azureLink(uri); err != nil {
			return x.sim.serviceAnswer(http.StatusInternalServerError, codeFault, "Le stockage n'a pas de lien à donner.")
		}
	}
	x.sim.storage.place(uri, x.practice)
	return jsonAnswer(http.StatusOK, encode(struct {
		Link string `json:"depositUrl"`
		URI  string `json:"uri"`
	}{link, uri}))
}

func fileOperation(route, format string) operation {
	return operation{
		Route: Route{Method: http.MethodPost, Path: route}, unbound: true, submits: true, format: format,
		serve: (*exchange).serveImport,
	}
}

// A fileSource is the file that an import names.
type fileSource struct {
	format, uri, url, model, siret string

	once sync.Once
	read *fileReading
}

// readFileSubmission reads the body of an import of a file (loop-api: A 3.2–3.4). What it is refused for is documented of
// importPerso, and [I] of the two others.
func readFileSubmission(format string, body []byte) *submission {
	sub := &submission{file: &fileSource{format: format}}
	root, ok := sub.root(body)
	if !ok {
		return sub
	}
	f := sub.file
	str := func(names ...string) string {
		for _, name := range names {
			if s, ok := asText(root[name]); s != "" {
				return s
			} else if !ok {
				sub.refuse("« %s » n'est pas un texte.", name)
			}
		}
		return ""
	}
	known := []string{"codeIbs", "URI", "URL", "SIRET"}
	sub.dossier, f.uri, f.url = str("codeIbs"), str("URI"), str("URL")
	switch format {
	case FormatTRA: // its page was not seen; a third party's client sends url (A 3.3)
		known = append(known, "url")
		if f.url == "" {
			f.url = str("url")
		}
	case FormatCustom: // the schema prints the name in lower case (A 3.4)
		known = append(known, "MODELE", "modele")
		f.model = str("MODELE", "modele")
	}
	sub.note(root, "", known...)
	slices.Sort(sub.unknown)
	switch {
	case sub.dossier == "":
		sub.noPayload = "Le code du dossier (« codeIbs ») manque."
	case f.uri == "" && f.url == "":
		sub.refuse("« URI » ou « URL » est obligatoire.")
	case f.uri != "" && f.url != "":
		sub.refuse("« URI » et « URL » sont donnés tous deux : le fichier est ambigu.")
	case format == FormatCustom && f.model == "": // by the table; not among the refusals listed [I]
		sub.refuse("Le modèle d'import (« MODELE ») manque.")
	}
	f.siret = sub.siret(root["SIRET"], 0)
	return sub
}

// magicOf finds what a deposited file asks for. What a URL leads to is fetched later, when the answer was given.
func (s *Simulator) magicOf(f *fileSource, practice string) (m magic) {
	if f.uri == "" {
		return m
	}
	file := s.openDeposit(context.Background(), f.uri, practice)
	if file == nil {
		return m
	}
	defer file.Close()
	findMagic(file, f.format, &m)
	return m
}

// readIn reads the file once, by the first request for it: outside of the lock of imports, since a long one takes seconds.
func (s *Simulator) readIn(f *fileSource, practice string) *fileReading {
	f.once.Do(func() { f.read = s.readFile(f, practice) })
	return f.read
}

// readFiles reads the files of the first imports that wait, as long as they are chosen.
func (s *Simulator) readFiles(chosen func(*imported) bool) {
	type file struct {
		*fileSource
		practice string
	}
	var files []file
	s.imports.mu.Lock()
	for _, job := range s.imports.due {
		if !chosen(job) {
			break
		}
		if job.sub.file != nil && job.dossier != nil {
			files = append(files, file{job.sub.file, job.Practice})
		}
	}
	s.imports.mu.Unlock()
	for _, f := range files {
		s.readIn(f.fileSource, f.practice)
	}
}

const fetchTime = 30 * time.Second

// open gives the file, or why it cannot be had. A link must lead to this machine: the simulator is no way into a network.
func (s *Simulator) open(f *fileSource, practice string) (io.ReadCloser, string) {
	if f.uri != "" {
		if file := s.openDeposit(context.Background(), f.uri, practice); file != nil {
			return file, ""
		}
		return nil, "Le fichier désigné par « URI » n'a pas été déposé." // that this is found late is [I]
	}
	link, err := url.Parse(f.url)
	if err != nil || link.Scheme != "http" && link.Scheme != "https" || !loopbackHost(link.Host) {
		return nil, "Le fichier désigné par « URL » n'a pu être téléchargé : le simulateur ne va que sur sa propre machine."
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Control: onlyLoopback}).DialContext}
	client := &http.Client{
		Transport: transport, Timeout: fetchTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Get(f.url)
	switch {
	case err != nil:
		return nil, "Le fichier désigné par « URL » n'a pu être téléchargé."
	case res.StatusCode != http.StatusOK:
		_ = res.Body.Close()
		return nil, fmt.Sprintf("Le fichier désigné par « URL » n'a pu être téléchargé (%d).", res.StatusCode)
	}
	return res.Body, ""
}

var errNotLoopback = errors.New("not this machine")

// onlyLoopback looks at the address itself: a name can lead anywhere.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	if !loopbackHost(address) {
		return errNotLoopback
	}
	return nil
}

// fileReading is what a file holds.
type fileReading struct {
	FileRecord
	failure    string // why nothing of it can be booked
	kept       []importLine
	rest       []importLine // of the other lines, the first with each journal, account, third party and day
	references []string
	refPieces  []string
	magic      magic
}

// readFile reads a file as its format demands, in bounded memory.
func (s *Simulator) readFile(f *fileSource, practice string) *fileReading {
	t := newTally(f, s.config.model)
	file, failure := s.open(f, practice)
	if failure != "" {
		t.fail("%s", failure)
		return t.end(0)
	}
	defer file.Close()
	from := &hashed{from: io.LimitReader(file, maxDeposit+1), sum: sha256.New()}
	entries := 0
	switch {
	case f.format == FormatFEC:
		entries = readFEC(from, t)
	case f.format == FormatTRA:
		entries = readTRA(from, t)
	case f.model != DemoModel: // when an unknown model is found out is [I]
		t.fail("Le modèle d'import « %s » est inconnu.", clip(f.model, 60))
	default:
		entries = readDemo(from, t)
	}
	_, _ = io.Copy(io.Discard, from) // a reader may have stopped; the digest is of the whole
	switch {
	case from.err != nil:
		t.fail("Le fichier n'a pu être lu jusqu'au bout.")
	case from.n > maxDeposit:
		t.fail("Le fichier est trop grand.")
	}
	t.Digest, t.Bytes = hex.EncodeToString(from.sum.Sum(nil)), from.n
	return t.end(entries)
}

// hashed notes what passes.
type hashed struct {
	from io.Reader
	sum  hash.Hash
	n    int64
	err  error
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	h.sum.Write(p[:n])
	h.n += int64(n)
	if err != nil && err != io.EOF {
		h.err = err
	}
	return n, err
}

// A tally adds up the lines of a file and keeps the first of them.
type tally struct {
	fileReading
	model              filecheck.LoopModel
	siret              string
	debit, credit      int64
	journals, accounts map[string]*sums
	seen               map[string]bool // of what rest is the first of
	started            map[string]bool // entries of which lines are kept
	cut                map[string]bool // those that go on beyond
}

type sums struct {
	lines         int
	debit, credit int64
}

// maxCodes bounds what is told apart in one file: codes, and balances of entries.
const maxCodes = 1 << 20

func newTally(f *fileSource, model filecheck.LoopModel) *tally {
	t := &tally{
		model: model,
		siret: f.siret, journals: make(map[string]*sums), accounts: make(map[string]*sums),
		seen: make(map[string]bool), started: make(map[string]bool), cut: make(map[string]bool),
	}
	t.Name = path.Base(f.uri)
	if f.uri == "" {
		t.Name = ""
		if link, err := url.Parse(f.url); err == nil {
			t.Name = path.Base(link.Path)
		}
	}
	t.Name = clip(t.Name, maxRecorded)
	return t
}

func (t *tally) fail(format string, args ...any) {
	if t.failure == "" {
		t.failure = fmt.Sprintf(format, args...)
	}
}

// add takes one line. What is too long is cut without a word, as in importJson (A 10.6) [I].
func (t *tally) add(l importLine) {
	l.label, l.thirdParty, l.siret = cut(l.label, maxLabel), cut(l.thirdParty, maxThirdPartyCode), t.siret
	l.paymentMode, l.lineType, l.movementType = 1, 1, 1
	l.anyJournal = t.model == filecheck.Lenient
	t.Lines++
	t.debit += l.debit.cents
	t.credit += l.credit.cents
	for _, total := range []struct {
		of   map[string]*sums
		code string
	}{{t.journals, l.journal}, {t.accounts, l.account}} {
		sum := total.of[total.code]
		if sum == nil {
			if len(total.of) == maxCodes {
				t.fail("Le fichier a trop de comptes ou de journaux.")
				continue
			}
			sum = &sums{}
			total.of[total.code] = sum
		}
		sum.lines++
		sum.debit += l.debit.cents
		sum.credit += l.credit.cents
	}
	t.magic.add(l.refPiece)
	t.references, t.refPieces = remember(t.references, l.reference), remember(t.refPieces, l.refPiece)
	if len(t.kept) < KeptLines {
		t.kept = append(t.kept, l)
		t.started[l.entry] = true
		return
	}
	if t.started[l.entry] {
		t.cut[l.entry] = true
	}
	first := false
	for _, key := range []string{"j" + l.journal, "a" + l.account, "t" + l.thirdParty, "d" + l.date} {
		if !t.seen[key] && len(t.seen) < maxCodes {
			t.seen[key], first = true, true
		}
	}
	if first {
		t.rest = append(t.rest, l)
	}
}

const rememberedReferences = 100

// remember keeps the first references of a file. That the same one comes again at once is the rule.
func remember(list []string, reference string) []string {
	if reference == "" || len(list) == rememberedReferences || slices.Contains(list, reference) {
		return list
	}
	return append(list, reference)
}

func (t *tally) end(entries int) *fileReading {
	r := &t.fileReading
	if len(t.cut) > 0 {
		r.kept = slices.DeleteFunc(r.kept, func(l importLine) bool { return t.cut[l.entry] })
	}
	if r.failure == "" && r.Lines == 0 {
		t.fail("Le fichier ne contient aucune ligne d'écriture.")
	}
	r.Entries, r.Kept = entries, len(r.kept)
	r.Debit, r.Credit = formatEuro(t.debit), formatEuro(t.credit)
	r.Journals, r.Accounts = totals(t.journals), totals(t.accounts)
	return r
}

func totals(of map[string]*sums) []FileTotal {
	list := make([]FileTotal, 0, len(of))
	for _, code := range slices.Sorted(maps.Keys(of)) {
		list = append(list, FileTotal{clip(code, 60), of[code].lines, formatEuro(of[code].debit), formatEuro(of[code].credit)})
	}
	return list
}

// fill gives a submission what was read, when the import runs.
func (sub *submission) fill(r *fileReading) {
	sub.lines, sub.rest, sub.references, sub.refPieces = r.kept, r.rest, r.references, r.refPieces
	// Of the options only importJson knows; a file's import does what it would without them, but for what the format carries
	// (loop-api: A 1): a FEC brings accounts and journals with it [D], and that these are created is [I].
	carries := sub.file.format == FormatFEC
	sub.options = importOptions{multiPeriod: true, failUnbalanced: true, newTiers: true, newAccounts: carries, newJournals: carries}
	if sub.late == "" {
		sub.late = r.failure
	}
	if sub.late == "" && (r.magic.fail || r.magic.refuse) {
		sub.late = "Import en échec à la demande (SIM-FAIL-LATE)."
	}
}
