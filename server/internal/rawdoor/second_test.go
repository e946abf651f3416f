package rawdoor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// otherDossier reads a body as a lenient server would, and says which dossier other than MINE it finds under the names that
// Loop has for it.
func otherDossier(t *testing.T, body string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatalf("%q passed, and is no JSON: %v", body, err)
	}
	return search(value)
}

func search(value any) string {
	switch v := value.(type) {
	case []any:
		for _, each := range v {
			if found := search(each); found != "" {
				return found
			}
		}
	case map[string]any:
		for name, each := range v {
			for _, known := range []string{"codeDossier", "codeIbs", "context", "dossier", "dossiers"} {
				if strings.EqualFold(strings.TrimSpace(name), known) && !mine(each) {
					return fmt.Sprintf("%s: %v", name, each)
				}
			}
			if found := search(each); found != "" {
				return found
			}
		}
	}
	return ""
}

func mine(value any) bool {
	if list, ok := value.([]any); ok {
		for _, each := range list {
			if each != "MINE" {
				return false
			}
		}
		return len(list) > 0
	}
	return value == "MINE"
}
