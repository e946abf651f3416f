package testkit

import "testing"

// OK ends a test at once where what must go well has not.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
