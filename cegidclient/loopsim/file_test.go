package loopsim_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cegid.internal/gateway/cegidclient/fec"
	"cegid.internal/gateway/cegidclient/filecheck"
	"cegid.internal/gateway/cegidclient/loopsim"
)

const fecHead = "JournalCode|JournalLib|EcritureNum|EcritureDate|CompteNum|CompteLib|CompAuxNum|CompAuxLib|PieceRef|PieceDate|EcritureLib|Debit|Credit|EcritureLet|DateLet|ValidDate|Montantdevise|Idevise\r\n"

// fecLine fills what a test minds.
func fecLine(journal, number, account, party, piece, debit, credit string) string {
	label := ""
	if party != "" {
		label = "Tiers"
	}
	return strings.Join([]string{
		journal, "Journal", number, "20260315", account, "Compte", party, label, piece, "20260315", "Ligne", debit, credit, "", "", "20260331", "", "",
	}, "|") + "\r\n"
}

func aFEC(piece string) string {
	return fecHead + fecLine("ACH", "1", "60700000", "", piece, "120,00", "0,00") + fecLine("ACH", "1", "40100000", "FEXEMPLE", piece, "0,00", "120,00")
}

// place asks for a place; it gives the link and the URI.
func (w *world) place(name string, edits ...edit) (link, uri string) {
	w.t.Helper()
	o := w.do(w.request(http.MethodGet, "/getFileUrlDeposit", url.Values{"filename": {name}}, edits...)).object(w.t)
	link, _ = o["depositUrl"].(string)
	uri, _ = o["uri"].(string)
	if link == "" || uri == "" || len(o) != 2 {
		w.t.Fatalf("%v", o)
	}
	return link, uri
}

func (w *world) put(link, content string, edits ...edit) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, link, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("x-ms-blob-type", "BlockBlob")
	for _, e := range edits {
		e(r)
	}
	return w.do(r)
}

func (w *world) deposit(name, content string, edits ...edit) (uri string) {
	w.t.Helper()
	link, uri := w.place(name, edits...)
	if got := w.put(link, content); got.status != http.StatusCreated {
		w.t.Fatalf("%d %s", got.status, got.body)
	}
	return uri
}

func (w *world) importFile(route string, body map[string]any, edits ...edit) reply {
	w.t.Helper()
	if body["codeIbs"] == nil {
		body["codeIbs"] = "CEGID001"
	}
	text, err := json.Marshal(body)
	must(w.t, err)
	r := w.request(http.MethodPost, route, nil, edits...)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return w.do(r)
}

func TestAPlaceForAFile(t *testing.T) {
	w := start(t)
	link, uri := w.place("mars été.txt")
	again, other := w.place("mars été.txt")
	if link == again || uri == other || !strings.HasSuffix(uri, "/mars été.txt") || len(uri) != 36+len("/mars été.txt") || !strings.HasPrefix(link, w.url+"/_deposit/") {
		t.Error(link, uri, again, other)
	}
	for _, q := range []url.Values{{}, {"filename": {""}}, {"filename": {"a", "b"}}, {"filename": {"a/b"}}, {"filename": {"a\\b"}}, {"filename": {".."}}, {"filename": {strings.Repeat("a", 256)}}} {
		if got := w.do(w.request(http.MethodGet, "/getFileUrlDeposit", q)); got.status != http.StatusBadRequest {
			t.Errorf("%v: %d %s", q, got.status, got.body)
		}
	}
}

func TestTheStorageAnswersAsAzureDoes(t *testing.T) {
	w := start(t)
	link, _ := w.place("a.txt")
	sum := md5.Sum([]byte("content"))
	const block = "&comp=block&blockid=MDAw"
	list := func(ids ...string) string {
		return "<?xml version=\"1.0\"?><BlockList><Latest>" + strings.Join(ids, "</Latest><Latest>") + "</Latest></BlockList>"
	}
	for _, tc := range []struct {
		name, query, content string
		edits                []edit
		status               int
		code                 string
	}{
		{"a blob", "", "content", nil, 201, ""},
		{"a blob with its checksum", "", "content", []edit{header("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))}, 201, ""},
		{"a blob with another checksum", "", "other", []edit{header("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))}, 400, "Md5Mismatch"},
		{"a blob with another CRC", "", "other", []edit{header("x-ms-content-crc64", "AAAAAAAAAAA=")}, 400, "Crc64Mismatch"},
		{"a blob of no type", "", "content", []edit{header("x-ms-blob-type", "")}, 400, "MissingRequiredHeader"},
		{"a blob of unknown length", "", "content", []edit{func(r *http.Request) { r.ContentLength = -1 }}, 411, "MissingContentLengthHeader"},
		{"reading", "", "", []edit{func(r *http.Request) { r.Method = http.MethodGet }}, 403, "AuthorizationPermissionMismatch"},
		{"deleting", "", "", []edit{func(r *http.Request) { r.Method = http.MethodDelete }}, 403, "AuthorizationPermissionMismatch"},
		{"another signature", "", "content", []edit{func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "sig=", "sig=A", 1) }}, 403, "AuthenticationFailed"},
		{"a later end", "", "content", []edit{func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "se=2", "se=3", 1) }}, 403, "AuthenticationFailed"},
		{"another file", "", "content", []edit{func(r *http.Request) { r.URL.Path += "x" }}, 403, "AuthenticationFailed"},
		{"a block", block, "content", nil, 201, ""},
		{"a block whose id is longer", "&comp=block&blockid=MDAwMDAw", "content", nil, 400, "InvalidBlobOrBlock"},
		{"a block whose id is no base64", "&comp=block&blockid=%25", "content", nil, 400, "InvalidQueryParameterValue"},
		{"something else", "&comp=lease", "content", nil, 400, "InvalidQueryParameterValue"},
		{"a list of unknown blocks", "&comp=blocklist", list("MDAw", "MDAx"), nil, 400, "InvalidBlockList"},
		{"a list that is none", "&comp=blocklist", "<", nil, 400, "InvalidXmlDocument"},
		{"a list", "&comp=blocklist", list("MDAw", "MDAw"), nil, 201, ""},
		{"the same list again", "&comp=blocklist", list("MDAw"), nil, 201, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := w.put(link+tc.query, tc.content, tc.edits...)
			if got.status != tc.status || got.header.Get("x-ms-error-code") != tc.code || tc.code != "" && tc.edits == nil && !strings.Contains(string(got.body), "<Code>"+tc.code+"</Code>") {
				t.Errorf("%d %s %s", got.status, got.header.Get("x-ms-error-code"), got.body)
			}
		})
	}
	for _, r := range w.Requests() {
		if strings.Contains(fmt.Sprintf("%+v", r), "sig=") {
			t.Errorf("a signature is recorded: %+v", r)
		}
	}
	if n := w.Count(loopsim.DepositRoute); n != 19 {
		t.Errorf("%d requests are counted", n)
	}
}

func TestALinkEndsAndTheOldestFilesGo(t *testing.T) {
	w := start(t, loopsim.WithDepositLife(-time.Second))
	link, _ := w.place("a.txt")
	if got := w.put(link, "content"); got.status != 403 || got.header.Get("x-ms-error-code") != "AuthenticationFailed" {
		t.Errorf("%d %s", got.status, got.body)
	}
	content := aFEC("FA-1")
	w = start(t, loopsim.WithDepositRoom(int64(2*len(content)+10)))
	var uris []string
	for range 3 {
		uris = append(uris, w.deposit("a.txt", content))
	}
	for i, outcome := range []loopsim.ImportOutcome{loopsim.ImportFailed, loopsim.ImportBooked, loopsim.ImportBooked} {
		w.importFile("/importFEC", map[string]any{"URI": uris[i]}).accepted(t)
		w.FinishImports()
		if r := w.record(i); r.Outcome != outcome {
			t.Errorf("file %d: %s %s", i, r.Outcome, r.Message)
		}
	}
	link, _ = w.place("b.txt")
	if got := w.put(link, strings.Repeat(content, 3)); got.status != 503 || got.header.Get("x-ms-error-code") != "ServerBusy" {
		t.Errorf("%d %s", got.status, got.body)
	}
	w.importFile("/importFEC", map[string]any{"URI": uris[2]}).accepted(t)
	w.FinishImports()
	if r := w.record(3); r.Outcome != loopsim.ImportBooked {
		t.Errorf("what can never fit drives others out: %+v", r)
	}
}

func TestFileImportsRefusedAtOnce(t *testing.T) {
	w := start(t)
	uri := w.deposit("a.txt", aFEC("FA-1"))
	for _, tc := range []struct {
		name, route string
		body        map[string]any
		words       string
	}{
		{"no dossier", "/importFEC", map[string]any{"codeIbs": "", "URI": uri}, "codeIbs"},
		{"no file", "/importFEC", map[string]any{}, "« URI » ou « URL »"},
		{"empty names", "/importTRA", map[string]any{"URI": "", "URL": ""}, "« URI » ou « URL »"},
		{"two files", "/importPerso", map[string]any{"URI": uri, "URL": "https://files.example.com/a", "MODELE": "DEMO"}, "ambigu"},
		{"a file that is no text", "/importFEC", map[string]any{"URI": 1}, "n'est pas un texte"},
		{"no model", "/importPerso", map[string]any{"URI": uri}, "MODELE"},
		{"a dossier of nobody", "/importFEC", map[string]any{"codeIbs": "NOWHERE", "URI": uri}, "inconnu sur ce domaine"},
		{"a SIRET with a wrong key", "/importPerso", map[string]any{"URI": uri, "MODELE": "DEMO", "SIRET": "12345678200011"}, "SIRET incorrect"},
		{"a SIRET of another company", "/importPerso", map[string]any{"URI": uri, "MODELE": "DEMO", "SIRET": "73282932000074"}, "n'est pas celui d'un établissement"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.importFile(tc.route, tc.body).refused(t, tc.words)
		})
	}
	for _, body := range []string{"", "[]"} {
		r := w.request(http.MethodPost, "/importFEC", nil)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		w.do(r).refused(t, "Aucune donnée reçue")
	}
	r := w.request(http.MethodPost, "/importFEC", nil)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{")), 1
	if got := w.do(r); got.status != http.StatusBadRequest {
		t.Errorf("%d %s", got.status, got.body)
	}
	if n := len(w.entries("CEGID001")); n != 0 {
		t.Errorf("%d entries are booked", n)
	}
}

func TestFileImportsThatFailLate(t *testing.T) {
	const tra = "***S5CLIJRLETE   0101190001011900011\r\n"
	const demo = "journal;date;account;label;debit;credit;ref\n"
	custom := func(model string) map[string]any { return map[string]any{"MODELE": model} }
	movement := func(change func([]byte)) string {
		line := bytes.Repeat([]byte{' '}, 222)
		for at, text := range map[int]string{1: "ACH", 4: "15032026", 12: "FF", 14: "60700000", 49: "FA-1", 130: "D", 131: "              120,00", 151: "N", 173: "E--"} {
			copy(line[at-1:], text)
		}
		change(line)
		return string(line) + "\r\n"
	}
	for _, tc := range []struct {
		name, route, content string
		more                 map[string]any
		words                string
	}{
		{"a FEC that does not balance", "/importFEC", strings.Replace(aFEC("FA-1"), "0,00|120,00", "0,00|119,00", 1), nil, "n'est pas équilibrée"},
		{"a FEC with an amount that is none", "/importFEC", strings.Replace(aFEC("FA-1"), "0,00|120,00", "0,00|12O,00", 1), nil, "Ligne 3"},
		{"a FEC without lines", "/importFEC", fecHead, nil, ""},
		{"something else than a FEC", "/importFEC", "PK\x03\x04", nil, ""},
		{"a FEC outside of the year", "/importFEC", strings.ReplaceAll(aFEC("FA-1"), "20260315", "20240315"), nil, "hors d'un exercice ouvert"},
		{"a TRA without a header", "/importTRA", movement(func([]byte) {}), nil, "en-tête"},
		{"a TRA that does not balance", "/importTRA", tra + movement(func([]byte) {}), nil, "équilibrée"},
		{"a TRA without a side", "/importTRA", tra + movement(func(l []byte) { l[129] = ' ' }), nil, "Ligne 2"},
		{"a TRA in a foreign currency alone", "/importTRA", tra + movement(func(l []byte) { l[172] = 'D' }), nil, "Ligne 2"},
		{"a TRA on an unknown account", "/importTRA", tra + movement(func(l []byte) { copy(l[13:], "60799999") }) + movement(func(l []byte) { l[129] = 'C' }), nil, "60799999"},
		{"a TRA with a date that is none", "/importTRA", tra + movement(func(l []byte) { copy(l[3:], "31022026") }), nil, "Ligne 2"},
		{"an unknown model", "/importPerso", demo, custom("VENTES"), "VENTES"},
		{"a file of the model without lines", "/importPerso", demo, custom("DEMO"), "aucune ligne"},
		{"a line with too few columns", "/importPerso", demo + "OD;2026-03-15;60700000;A;1\n", custom("DEMO"), "Ligne 2"},
		{"a line with an amount that is none", "/importPerso", demo + "OD;2026-03-15;60700000;A;x;;R\n", custom("DEMO"), "Ligne 2"},
		{"a line with quotes for an amount", "/importPerso", demo + "OD;2026-03-15;60700000;A;\"1\";;R\n", custom("DEMO"), "Ligne 2"},
		{"a file that does not balance", "/importPerso", demo + "OD;2026-03-15;60700000;A;1;;R\n", custom("DEMO"), "déséquilibrée"},
		{"a file on an unknown journal", "/importPerso", demo + "ZZ;2026-03-15;60700000;A;1;;R\nZZ;2026-03-15;60700000;A;;1;R\n", custom("DEMO"), "ZZ"},
		{"a line without end", "/importPerso", demo + strings.Repeat("x", 70_000) + "\n", custom("DEMO"), "trop longue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t)
			body := map[string]any{"URI": w.deposit("a.txt", tc.content)}
			for name, value := range tc.more {
				body[name] = value
			}
			id := w.importFile(tc.route, body).accepted(t)
			w.FinishImports()
			if got := w.importStatus(id); string(got.body) != at(4) {
				t.Errorf("%s", got.body)
			}
			if r := w.record(0); r.Outcome != loopsim.ImportFailed || !strings.Contains(r.Message, tc.words) || r.Message == "" || r.File == nil || r.File.Bytes != int64(len(tc.content)) {
				t.Errorf("%+v", r)
			}
			if n := len(w.entries("CEGID001")); n != 0 {
				t.Errorf("%d entries are booked", n)
			}
		})
	}
}

// TestWhatNobodyKnowsOfLoopIsOneSwitch: the checks of files and the simulator assume the same.
func TestWhatNobodyKnowsOfLoopIsOneSwitch(t *testing.T) {
	for name, content := range map[string]string{
		"the journal AN":         strings.ReplaceAll(aFEC("FA-1"), "ACH|", "AN|"),
		"an entry of two days":   strings.Replace(aFEC("FA-1"), "|20260315|401", "|20260316|401", 1),
		"a number for each line": strings.Replace(aFEC("FA-1"), "|1|20260315|401", "|2|20260315|401", 1),
	} {
		for model, want := range map[filecheck.LoopModel]loopsim.ImportOutcome{filecheck.Lenient: loopsim.ImportBooked, filecheck.Strict: loopsim.ImportFailed} {
			v := fec.NewValidator(fec.Options{Model: model, NumbersPerLine: true})
			_, _ = v.Write([]byte(content))
			report := v.Close()
			if !report.ObjectedBy(fec.Loop) || report.HasErrors() != (want == loopsim.ImportFailed) {
				t.Errorf("%s, %d: %+v", name, model, report.Findings)
			}
			w := start(t, loopsim.WithLoopModel(model))
			w.importFile("/importFEC", map[string]any{"URI": w.deposit("a.txt", content)}).accepted(t)
			w.FinishImports()
			r := w.record(0)
			if r.Outcome != want || want == loopsim.ImportFailed && !strings.Contains(r.Message, report.Findings[0].French) {
				t.Errorf("%s, %d: %+v", name, model, r)
			}
		}
	}
}

func TestAFileIsTheDepositorsOwn(t *testing.T) {
	w := start(t)
	theirs := w.deposit("a.txt", aFEC("FA-1"), asPartner)
	_, empty := w.place("a.txt")
	for _, uri := range []string{theirs, empty, "nowhere/a.txt"} {
		w.importFile("/importFEC", map[string]any{"URI": uri}).accepted(t)
	}
	w.FinishImports()
	for i := range 3 {
		if r := w.record(i); r.Outcome != loopsim.ImportFailed || !strings.Contains(r.Message, "pas été déposé") {
			t.Errorf("%+v", r)
		}
	}
	kept := w.deposit("a.txt", aFEC("FA-1"))
	w.Reset()
	w.importFile("/importFEC", map[string]any{"URI": kept}).accepted(t)
	w.FinishImports()
	if r := w.record(0); r.Outcome != loopsim.ImportFailed {
		t.Errorf("a file outlives a reset: %+v", r)
	}
	w.SetImportMode(loopsim.ImportMode{LateAccess: true})
	if got := w.importFile("/importFEC", map[string]any{"codeIbs": "DOSSIER_TEST", "URI": kept}); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestAURLIsFetchedFromThisMachineOnly(t *testing.T) {
	served := 0
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		switch r.URL.Path {
		case "/elsewhere":
			http.Redirect(w, r, "/fec.txt", http.StatusFound)
		case "/fec.txt":
			if r.URL.Query().Get("token") != "T" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			_, _ = io.WriteString(w, aFEC("FA-1"))
		}
	}))
	defer files.Close()
	for _, tc := range []struct {
		name, url string
		outcome   loopsim.ImportOutcome
		served    int
	}{
		{"this machine", files.URL + "/fec.txt?token=T", loopsim.ImportBooked, 1},
		{"a wrong token", files.URL + "/fec.txt?token=U", loopsim.ImportFailed, 1},
		{"a redirect", files.URL + "/elsewhere", loopsim.ImportFailed, 1},
		{"another machine", "http://192.0.2.1/fec.txt", loopsim.ImportFailed, 0},
		{"a name of another machine", "https://files.example.invalid/fec.txt", loopsim.ImportFailed, 0},
		{"another protocol", "file:///etc/passwd", loopsim.ImportFailed, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := start(t)
			served = 0
			w.importFile("/importFEC", map[string]any{"URI": "", "URL": tc.url}).accepted(t)
			if served != 0 {
				t.Error("it was fetched before the import ran")
			}
			w.FinishImports()
			r := w.record(0)
			if r.Outcome != tc.outcome || served != tc.served {
				t.Errorf("served %d: %+v", served, r)
			}
			if text := fmt.Sprintf("%+v %+v", r, r.File); strings.Contains(text, "token") {
				t.Errorf("the link is recorded: %s", text)
			}
		})
	}
}

func TestMagicReferencesOfFiles(t *testing.T) {
	for _, tc := range []struct {
		piece   string
		status  int // of the answer; 0 for none
		outcome loopsim.ImportOutcome
		fault   string
	}{
		{"SIM-REFUSE-1", 200, loopsim.ImportRefused, ""},
		{"SIM-FAIL-LATE", 200, loopsim.ImportFailed, ""},
		{"SIM-STUCK", 200, loopsim.ImportPending, ""},
		{"SIM-STATUS-7", 200, loopsim.ImportBooked, ""},
		{"SIM-LOST-ANSWER", 0, loopsim.ImportBooked, "SIM-LOST-ANSWER"},
		{"SIM-CUT-BEFORE", 0, loopsim.ImportNotProcessed, "SIM-CUT-BEFORE"},
		{"SIM-503", 503, loopsim.ImportNotProcessed, "SIM-503"},
		{"SIM-503-BOOKED", 503, loopsim.ImportBooked, "SIM-503-BOOKED"},
		{"SIM-SLOW-1ms", 200, loopsim.ImportBooked, "SIM-SLOW"},
		{"NO-SIM-503", 200, loopsim.ImportBooked, ""},
	} {
		t.Run(tc.piece, func(t *testing.T) {
			w := start(t)
			text, err := json.Marshal(map[string]any{"codeIbs": "CEGID001", "URI": w.deposit("a.txt", aFEC(tc.piece))})
			must(t, err)
			r := w.request(http.MethodPost, "/importFEC", nil)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			got, err := w.try(r)
			if got.status != tc.status || (err == nil) != (tc.status != 0) {
				t.Errorf("%d %v", got.status, err)
			}
			w.FinishImports()
			if r := w.record(0); r.Outcome != tc.outcome || r.Fault != tc.fault {
				t.Errorf("%+v", r)
			}
			if got := w.record(0).RefPieces; tc.outcome == loopsim.ImportBooked && !slices.Equal(got, []string{tc.piece}) {
				t.Errorf("%v", got)
			}
		})
	}
	t.Run("in a TRA file, at the reference's place alone", func(t *testing.T) {
		line := func(side byte, ref, label string) string {
			l := bytes.Repeat([]byte{' '}, 222)
			for at, text := range map[int]string{1: "ACH", 4: "15032026", 12: "FF", 14: "60700000", 49: ref, 84: label, 131: "              120,00", 151: "N", 173: "E--"} {
				copy(l[at-1:], text)
			}
			l[129] = side
			return string(l) + "\r\n"
		}
		for ref, status := range map[string]int{"SIM-503": 503, "FA-1": 200} {
			w := start(t)
			file := "***S5CLIJRLETE   0101190001011900011\r\n" + line('D', ref, "SIM-429") + line('C', ref, "SIM-429")
			if got := w.importFile("/importTRA", map[string]any{"url": "", "URI": w.deposit("a.tra", file)}); got.status != status {
				t.Errorf("%s: %d %s", ref, got.status, got.body)
			}
		}
	})
}

func TestFaultsStrikeDepositsAndFileImports(t *testing.T) {
	w := start(t)
	w.Inject(loopsim.Fault{Route: "/getFileUrlDeposit", Kind: loopsim.FaultStatus, Status: 503, Times: 1})
	if got := w.do(w.request(http.MethodGet, "/getFileUrlDeposit", url.Values{"filename": {"a.txt"}})); got.status != 503 {
		t.Errorf("%d", got.status)
	}
	link, uri := w.place("a.txt")
	w.Inject(loopsim.Fault{Route: loopsim.DepositRoute, Practice: "demo", Kind: loopsim.FaultStatus, Status: 503, Times: 1})
	for _, status := range []int{503, 201} {
		if got := w.put(link, aFEC("FA-1")); got.status != status {
			t.Errorf("%d, want %d", got.status, status)
		}
	}
	w.Inject(loopsim.Fault{Route: "/importFEC", Dossier: "CEGID001", Kind: loopsim.FaultErrorIn200, Times: 1})
	w.importFile("/importFEC", map[string]any{"URI": uri}).refused(t, "")
	w.importFile("/importFEC", map[string]any{"URI": uri}).accepted(t)
}

// TestAFECBringsItsAccountsAndJournals, which no other file does (loop-api: A 1).
func TestAFECBringsItsAccountsAndJournals(t *testing.T) {
	w := start(t)
	w.importFile("/importFEC", map[string]any{"URI": w.deposit("a.txt", fecHead+
		fecLine("ZZ", "1", "60799999", "", "P-1", "120,00", "0,00")+fecLine("ZZ", "1", "40100000", "FNEU", "P-2", "0,00", "120,00"))}).accepted(t)
	w.FinishImports()
	booked := w.entries("CEGID001")
	if len(booked) != 1 || booked[0].Journal != "ZZ" || booked[0].Reference != "1" || booked[0].RefPiece != "P-1" || len(booked[0].Lines) != 2 || booked[0].Lines[1].ThirdParty != "FNEU" {
		t.Errorf("%+v", booked)
	}
	for path, filter := range map[string]string{"/journal": `code == "ZZ"`, "/compte": `numero == "60799999"`} {
		if rows := w.get(path, url.Values{"filter": {filter}}).rows(t); len(rows) != 1 {
			t.Errorf("%s: %v", path, rows)
		}
	}
}

// TestNegativeAmountsStayNegative: a FEC may hold some, as the law lets it.
func TestNegativeAmountsStayNegative(t *testing.T) {
	w := start(t)
	w.importFile("/importFEC", map[string]any{"URI": w.deposit("a.txt", fecHead+
		fecLine("OD", "1", "60700000", "", "P-1", "-0,05", "0,00")+fecLine("OD", "1", "40100000", "FEXEMPLE", "P-1", "0,00", "-0,05"))}).accepted(t)
	w.FinishImports()
	if r := w.record(0); r.Outcome != loopsim.ImportBooked || r.File.Debit != "-0.05" || r.File.Journals[0].Credit != "-0.05" {
		t.Fatalf("%+v %+v", r, r.File)
	}
	if lines := w.entries("CEGID001")[0].Lines; lines[0].Debit != "-0.05" || lines[1].Credit != "-0.05" {
		t.Errorf("%+v", lines)
	}
	rows := w.get("/EcritureComptable", url.Values{"filter": {`codeLettrage == null && refPiece == "P-1"`}}).rows(t)
	if len(rows) != 2 {
		t.Fatalf("%v", rows)
	}
	for _, row := range rows {
		if row["debit"].(float64)+row["credit"].(float64) != -0.05 {
			t.Errorf("%v", row)
		}
	}
}

func TestImportedFilesAreShown(t *testing.T) {
	w := start(t)
	w.importFile("/importFEC", map[string]any{"URI": w.deposit("a<b>.txt", aFEC("FA-1"))}).accepted(t)
	w.FinishImports()
	resp, err := w.client.Get(w.url + "/_sim/")
	must(t, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	must(t, err)
	digest := w.record(0).File.Digest
	for _, want := range []string{digest, "FEC a&lt;b&gt;.txt", "ACH: 2 lines, 120.00, 120.00"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not show %s", want)
		}
	}
	if strings.Contains(string(page), "of them kept") {
		t.Error("it says that lines are missing")
	}
}

// TestNothingIsLeftOfDeposits: their spool has no name.
func TestNothingIsLeftOfDeposits(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := start(t)
	w.deposit("a.txt", aFEC("FA-1"))
	if names, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(names) != 0 {
		t.Error(names, err)
	}
}
