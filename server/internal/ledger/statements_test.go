package ledger

import (
	"fmt"
	"testing"

	"cegid.internal/gateway/internal/testkit"
)

// TestStatementsAreKeptPrepared: each text once, so many at most, and one that is run while it runs is another.
func TestStatementsAreKeptPrepared(t *testing.T) {
	l := temporary(t, nil)
	conn, err := l.db.Conn(t.Context())
	testkit.OK(t, err)
	kept := func() (texts map[string]bool) {
		t.Helper()
		texts = map[string]bool{}
		if err := conn.Raw(func(driver any) error {
			for text := range driver.(*keeper).kept {
				texts[text] = true
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return texts
	}
	number := func(text string) (n int) {
		t.Helper()
		testkit.OK(t, conn.QueryRowContext(t.Context(), text).Scan(&n))
		return n
	}
	const text = `SELECT column1 FROM (VALUES (1), (2), (3))`
	for range 3 {
		rows, err := conn.QueryContext(t.Context(), text)
		testkit.OK(t, err)
		for want := 1; rows.Next(); want++ {
			var outer int
			if err := rows.Scan(&outer); err != nil || outer != want || number(text) != 1 {
				t.Fatalf("%d, %v", outer, err)
			}
		}
		testkit.OK(t, rows.Close())
	}
	if n := len(kept()); !kept()[text] || n > mostStatements {
		t.Errorf("%d are kept", n)
	}
	for i := range 3 * mostStatements {
		if n := number(fmt.Sprintf(`SELECT %d`, i)); n != i {
			t.Fatal(n)
		}
	}
	// Some act as they are parsed.
	number(`PRAGMA application_id`)
	if all := kept(); len(all) != mostStatements || all[`PRAGMA application_id`] {
		t.Errorf("%d are kept", len(all))
	}
	// What a statement was parsed for may change.
	number(`SELECT COUNT(*) FROM write_request`)
	for _, change := range []string{`CREATE TABLE later (n INTEGER)`, `INSERT INTO later VALUES (7)`} {
		if _, err := conn.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	if n := number(`SELECT n FROM later`); n != 7 {
		t.Error(n)
	}
	if _, err := conn.ExecContext(t.Context(), `ALTER TABLE later RENAME COLUMN n TO m`); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRowContext(t.Context(), `SELECT n FROM later`).Scan(new(int)); err == nil {
		t.Error("a column that is gone was read")
	}
	if n := number(`SELECT m FROM later`); n != 7 {
		t.Error(n)
	}
	testkit.OK(t, conn.Close())
}
