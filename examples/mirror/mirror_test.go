package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/parquet-go/parquet-go"
)

// sandbox starts the server of LOOP_TEST_SERVER.
func sandbox(t *testing.T) service {
	t.Helper()
	server := os.Getenv("LOOP_TEST_SERVER")
	if server == "" {
		t.Fatal("LOOP_TEST_SERVER must name the server: go build -o server ./server")
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(server, "sandbox", "--grpc=0", "--http=0", "--operations=0", "--simulator=0")
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait(); _ = said.Close() })
	for range 600 {
		text, _ := os.ReadFile(said.Name())
		if found := regexp.MustCompile(`REST +(http://[0-9.:]+)`).FindSubmatch(text); found != nil {
			return service{base: string(found[1]), token: "me", practice: "demo", dossier: "CEGID003", debit: "debit", credit: "credit"}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the sandbox does not start")
	return service{}
}

// database starts a PostgreSQL of LOOP_TEST_POSTGRES on a socket of its own.
func database(t *testing.T) string {
	t.Helper()
	programs := os.Getenv("LOOP_TEST_POSTGRES")
	if programs == "" {
		t.Fatal("LOOP_TEST_POSTGRES must name the folder of PostgreSQL's programs, such as /usr/lib/postgresql/15/bin")
	}
	folder, err := os.MkdirTemp("", "pg") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	as := asPostgres(t, folder)
	initdb := exec.Command(filepath.Join(programs, "initdb"), "-D", filepath.Join(folder, "data"), "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr, initdb.Env = folder, as, append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	postgres := exec.Command(filepath.Join(programs, "postgres"), "-D", filepath.Join(folder, "data"), "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off")
	var said bytes.Buffer
	postgres.Dir, postgres.SysProcAttr, postgres.Stderr = folder, as, &said
	if err := postgres.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = postgres.Process.Signal(os.Interrupt); _ = postgres.Wait() })
	dsn := "host=" + folder + " user=test dbname=postgres sslmode=disable"
	for range 600 {
		if db, err := pgx.Connect(t.Context(), dsn); err == nil {
			_ = db.Close(t.Context())
			return dsn
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(said.String())
	return ""
}

// TestADossierIsMirroredAgainAndAgain: all of it, with the same sums, however often, and a line that is no longer there goes.
func TestADossierIsMirroredAgainAndAgain(t *testing.T) {
	s, dsn, folder := sandbox(t), database(t), t.TempDir()
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }()
	for round := range 2 {
		if err := run(t.Context(), s, "2026-01", "2026-03", dsn, folder); err != nil {
			t.Fatal(err)
		}
		var lines int
		var balanced bool
		if err := db.QueryRow(t.Context(), `SELECT count(*), sum(debit) = sum(credit) AND sum(debit) > 1000 FROM entry_line`).Scan(&lines, &balanced); err != nil {
			t.Fatal(err)
		}
		copied := 0
		for _, month := range []string{"01", "02", "03"} {
			back, err := parquet.ReadFile[line](filepath.Join(folder, "practice=demo", "dossier=CEGID003", "month=2026-"+month, "entries.parquet"))
			if err != nil {
				t.Fatal(err)
			}
			copied += len(back)
		}
		if lines < 48 || lines != copied || !balanced {
			t.Errorf("round %d: %d lines in PostgreSQL, balanced %t; %d in Parquet", round, lines, balanced, copied)
		}
		if _, err := db.Exec(t.Context(), `UPDATE entry_line SET id = 'gone', debit = debit + 1 WHERE id = (SELECT min(id) FROM entry_line)`); err != nil {
			t.Fatal(err)
		}
	}
}

// TestACopyWithOtherSumsIsGivenUp: what was there stays.
func TestACopyWithOtherSumsIsGivenUp(t *testing.T) {
	month := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lines := []line{{ID: "1", Account: "607", Debit: 100}, {ID: "2", Account: "401", Credit: 100}}
	want := sums(lines)
	want["607"] = sum{Debit: 99}
	dsn, folder := database(t), t.TempDir()
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }()
	if _, err := db.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	s := service{practice: "demo", dossier: "D"}
	if err := intoPostgres(t.Context(), db, s, month, lines, sums(lines)); err != nil {
		t.Fatal(err)
	}
	if err := intoPostgres(t.Context(), db, s, month, lines[:1], want); err == nil || !strings.Contains(err.Error(), "in the walk") {
		t.Error(err)
	}
	var n int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM entry_line`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := intoParquet(folder, s, month, lines, want); err == nil {
		t.Error("the file was written")
	}
	if files, _ := filepath.Glob(folder + "/*/*/*/entries.parquet"); len(files) != 0 {
		t.Error(files)
	}
}

func TestAnAmountIsReadDigitForDigit(t *testing.T) {
	for raw, want := range map[string]int64{"0": 0, "120.6": 1206000, `"-3.0100"`: -30100, "0.05": 500, "-0.5": -5000, "12.34567": -1, "": -1, "null": -1, "1e3": -1} {
		if got, err := amount(nil, raw); (err != nil) != (want == -1) || err == nil && got != want {
			t.Errorf("%s is %d, %v", raw, got, err)
		}
	}
	typed := "7.5"
	if got, err := amount(&typed, "9"); err != nil || got != 75000 {
		t.Error(got, err)
	}
}
