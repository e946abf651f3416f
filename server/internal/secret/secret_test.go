package secret_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/internal/testkit"
	"cegid.internal/gateway/server/internal/secret"
)

const canary = "CANARY-6f1d9"

func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	testkit.OK(t, os.MkdirAll(filepath.Dir(path), 0o700))
	testkit.OK(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func parse(t testing.TB, text, folder string) secret.Ref {
	t.Helper()
	ref, err := secret.Parse(text, folder)
	testkit.OK(t, err)
	return ref
}

func TestWhatIsNoReferenceIsRefusedWithoutRepeatingIt(t *testing.T) {
	const elsewhere = "put it in a file of its own and refer to that as ${file:/path}"
	for name, test := range map[string]struct{ text, want string }{
		"a secret":                             {canary + ":" + canary, elsewhere},
		"nothing":                              {"", elsewhere},
		"a secret before a reference":          {canary + "${file:/x}", elsewhere},
		"a secret after a reference":           {"${file:/x}" + canary, elsewhere},
		"two references":                       {"${file:/x}${env:" + canary + "}", elsewhere},
		"a reference that is not closed":       {"${file:/" + canary, elsewhere},
		"a reference without a dollar":         {"{file:/" + canary + "}", elsewhere},
		"a shell variable":                     {"${" + canary + "}", "of a kind that is not known here"},
		"another scheme":                       {"${vault:" + canary + "}", "of a kind that is not known here"},
		"a scheme in capitals":                 {"${FILE:/" + canary + "}", "of a kind that is not known here"},
		"a file without a path":                {"${file:}", "names no file"},
		"a file whose path is blank":           {"${file: }", "names no file"},
		"a file whose path has a line break":   {"${file:/x\n" + canary + "}", "names no file"},
		"a variable without a name":            {"${env:}", "names no environment variable"},
		"a variable whose name has a dash":     {"${env:" + canary + "}", "names no environment variable"},
		"a variable whose name is a number":    {"${env:1}", "names no environment variable"},
		"a variable with a default, as shells": {"${env:A:-" + canary + "}", "names no environment variable"},
	} {
		t.Run(name, func(t *testing.T) {
			ref, err := secret.Parse(test.text, "/")
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("the error is %v and should contain %q", err, test.want)
			}
			if !ref.IsZero() {
				t.Errorf("there is a reference: %v", ref)
			}
		})
	}
}

func TestASecretIsReadWithoutTheSpaceAroundIt(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GATEWAY_TEST_SECRET", " "+canary+"\n")
	for name, content := range map[string]string{
		"plain": canary, "newline": canary + "\n", "windows": canary + "\r\n", "spaces": "\t " + canary + " \n\n",
	} {
		write(t, dir, name, content)
		for _, text := range []string{"${file:" + name + "}", "${file:" + filepath.Join(dir, name) + "}", "${env:GATEWAY_TEST_SECRET}"} {
			value, err := parse(t, text, dir).Read()
			if err != nil || value.Reveal() != canary {
				t.Errorf("%s with %q: %v, %v", text, content, value.Reveal() == canary, err)
			}
		}
	}
}

func TestWhatCannotBeASecretIsRefusedByItsReference(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "empty", "")
	write(t, dir, "blank", " \r\n\t")
	write(t, dir, "lines", canary+"\n"+canary)
	write(t, dir, "carriage", canary+"\r"+canary)
	write(t, dir, "control", canary+"\x00")
	write(t, dir, "mark", "\ufeff"+canary)
	write(t, dir, "binary", canary+"\xff\xfe")
	write(t, dir, "invisible", canary+"\u200b")
	write(t, dir, "large", canary+strings.Repeat(" ", 4096))
	t.Setenv("GATEWAY_TEST_EMPTY", "")
	t.Setenv("GATEWAY_TEST_LINES", canary+"\n"+canary)
	for text, want := range map[string]string{
		"${file:empty}":              "put the secret into it",
		"${file:blank}":              "put the secret into it",
		"${file:lines}":              "keep one secret on one line",
		"${file:carriage}":           "keep one secret on one line",
		"${file:control}":            "write it again as plain text",
		"${file:mark}":               "write it again as plain text",
		"${file:binary}":             "write it again as plain text",
		"${file:invisible}":          "write it again as plain text",
		"${file:large}":              "larger than 4 KiB",
		"${file:.}":                  "it is no regular file",
		"${file:none}":               "mount the secret or correct the path",
		"${file:empty/x}":            "it cannot be read: not a directory",
		"${env:GATEWAY_TEST_EMPTY}":  "put the secret into it",
		"${env:GATEWAY_TEST_LINES}":  "keep one secret on one line",
		"${env:GATEWAY_TEST_ABSENT}": "set it for this process, or refer to a file",
	} {
		value, err := parse(t, text, dir).Read()
		if err == nil || !strings.HasPrefix(err.Error(), text+": ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("the error is %v and should contain %q", err, want)
		}
		if !value.IsZero() {
			t.Errorf("%s: there is a value", text)
		}
	}
	if _, err := parse(t, "${file:none}", dir).Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	if _, err := (secret.Ref{}).Read(); err == nil {
		t.Error("no reference yields a secret")
	}
}

func TestAReferencePrintsAsItIsWritten(t *testing.T) {
	ref := parse(t, "${file:a/b}", "/etc")
	encoded, err := json.Marshal(map[string]any{"ref": ref})
	testkit.OK(t, err)
	for _, printed := range []string{fmt.Sprint(ref), fmt.Sprintf("%+v", ref), fmt.Sprintf("%#v", struct{ R secret.Ref }{ref}), string(encoded)} {
		if !strings.Contains(printed, "${file:a/b}") || strings.Contains(printed, "/etc") {
			t.Errorf("printed as %s", printed)
		}
	}
}

// kubernetes lays out a folder as a mounted Secret: key -> ..data/key, ..data -> ..<revision>.
type kubernetes struct{ dir string }

func (k kubernetes) swap(t testing.TB, revision string, secrets map[string]string) {
	t.Helper()
	for name, content := range secrets {
		write(t, k.dir, filepath.Join(".."+revision, name), content)
		if _, err := os.Lstat(filepath.Join(k.dir, name)); err != nil {
			testkit.OK(t, os.Symlink(filepath.Join("..data", name), filepath.Join(k.dir, name)))
		}
	}
	next := filepath.Join(k.dir, "..data_tmp")
	testkit.OK(t, os.Symlink(".."+revision, next))
	testkit.OK(t, os.Rename(next, filepath.Join(k.dir, "..data")))
}

func TestASymlinkSwapIsPickedUpWithinASecond(t *testing.T) {
	dir := t.TempDir()
	mount := kubernetes{dir}
	mount.swap(t, "1", map[string]string{"key": "a:1\n"})
	synctest.Test(t, func(t *testing.T) {
		var told []string
		live, err := secret.Open(parse(t, "${file:key}", dir), secret.CheckAPIKey, func(ref secret.Ref, err error) {
			told = append(told, fmt.Sprint(ref, " ", err))
		})
		testkit.OK(t, err)
		start := time.Now()
		mount.swap(t, "2", map[string]string{"key": "a:2\n"})
		if got := live.Get().Reveal(); got != "a:1" {
			t.Errorf("the file is read again at once: %s", got)
		}
		time.Sleep(time.Second)
		if got := live.Get().Reveal(); got != "a:2" {
			t.Errorf("after a second the value is %s", got)
		}
		if !live.ChangedAt().Equal(start.Add(time.Second)) {
			t.Errorf("changed at %s", live.ChangedAt())
		}
		time.Sleep(time.Minute)
		live.Get()
		if live.Age() != time.Minute {
			t.Errorf("the age is %s", live.Age())
		}
		if len(told) != 1 || told[0] != "${file:key} <nil>" {
			t.Errorf("told %q", told)
		}
	})
}

func TestAFailedRereadKeepsTheLastGoodValueAndIsToldOnce(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "key", "a:1")
	synctest.Test(t, func(t *testing.T) {
		var told []error
		live, err := secret.Open(parse(t, "${file:key}", dir), secret.CheckAPIKey, func(_ secret.Ref, err error) { told = append(told, err) })
		testkit.OK(t, err)
		steps := []struct {
			name    string
			content string // empty: no file
			value   string
			told    string // of the last notice; empty: none more
			fails   bool
		}{
			{"the file vanishes", "", "a:1", "there is no such file", true},
			{"it is still gone", "", "a:1", "", true},
			{"half of it is back", "a:", "a:1", "write key:secret", true},
			{"it is back unchanged", "a:1", "a:1", "<nil>", false},
			{"nothing happens", "a:1", "a:1", "", false},
			{"it is replaced", "a:2", "a:2", "<nil>", false},
		}
		for _, step := range steps {
			_ = os.Remove(path)
			if step.content != "" {
				write(t, dir, "key", step.content)
			}
			told = nil
			time.Sleep(time.Second)
			if got := live.Get().Reveal(); got != step.value {
				t.Errorf("%s: the value is %s", step.name, got)
			}
			if (live.LastError() != nil) != step.fails {
				t.Errorf("%s: the last error is %v", step.name, live.LastError())
			}
			if step.told == "" && len(told) > 0 || step.told != "" && (len(told) != 1 || !strings.Contains(fmt.Sprint(told[0]), step.told)) {
				t.Errorf("%s: told %v", step.name, told)
			}
		}
	})
}

func TestConcurrentCallersShareARotatingSecret(t *testing.T) {
	dir := t.TempDir()
	mount := kubernetes{dir}
	mount.swap(t, "0", map[string]string{"key": "a:0"})
	live, err := secret.Open(parse(t, "${file:key}", dir), secret.CheckAPIKey, func(secret.Ref, error) {})
	testkit.OK(t, err)
	stop := time.Now().Add(1200 * time.Millisecond)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				if v := live.Get().Reveal(); !strings.HasPrefix(v, "a:") {
					t.Errorf("the value is %q", v)
				}
				_, _ = live.LastError(), live.Age()
				time.Sleep(time.Millisecond)
			}
		})
	}
	for i := 1; time.Now().Before(stop); i++ {
		mount.swap(t, fmt.Sprint(i), map[string]string{"key": fmt.Sprint("a:", i)})
		time.Sleep(20 * time.Millisecond)
	}
	wg.Wait()
	if err := live.LastError(); err != nil {
		t.Error(err)
	}
	if live.Get().Reveal() == "a:0" {
		t.Error("no rotation was seen")
	}
}

func keyring(t testing.TB, keys secret.Keys) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(keys, nil)
	testkit.OK(t, err)
	return k
}

func TestTheWeakestKeyThatSufficesIsUsed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "standard", "std:"+canary+"+/=:x\n")
	write(t, dir, "advanced", "adv:"+canary)
	write(t, dir, "primary", "p")
	write(t, dir, "secondary", "s")
	standard, advanced := parse(t, "${file:standard}", dir), parse(t, "${file:advanced}", dir)
	primary, secondary := parse(t, "${file:primary}", dir), parse(t, "${file:secondary}", dir)
	subscription := []secret.Ref{primary, secondary}
	both := keyring(t, secret.Keys{Standard: standard, Advanced: advanced, SubscriptionKeys: subscription})
	weak := keyring(t, secret.Keys{Standard: standard, SubscriptionKeys: subscription})
	strong := keyring(t, secret.Keys{Advanced: advanced, SubscriptionKeys: subscription})

	for _, test := range []struct {
		name    string
		keyring *secret.Keyring
		need    cegidclient.KeyKind
		want    cegidclient.KeyKind
		key     string
	}{
		{"both, any will do", both, cegidclient.KeyUnspecified, cegidclient.KeyStandard, "std:" + canary + "+/=:x"},
		{"both, standard", both, cegidclient.KeyStandard, cegidclient.KeyStandard, "std:" + canary + "+/=:x"},
		{"both, advanced", both, cegidclient.KeyAdvanced, cegidclient.KeyAdvanced, "adv:" + canary},
		{"standard alone, any will do", weak, cegidclient.KeyUnspecified, cegidclient.KeyStandard, "std:" + canary + "+/=:x"},
		{"advanced alone, any will do", strong, cegidclient.KeyUnspecified, cegidclient.KeyAdvanced, "adv:" + canary},
		{"advanced alone, standard", strong, cegidclient.KeyStandard, cegidclient.KeyAdvanced, "adv:" + canary},
	} {
		c, err := test.keyring.Credentials(t.Context(), test.need)
		if err != nil || c.Kind != test.want || c.APIKey.Reveal() != test.key {
			t.Errorf("%s: %v of kind %v, %v", test.name, c.APIKey.Reveal(), c.Kind, err)
		}
		if len(c.SubscriptionKeys) != 2 || c.SubscriptionKeys[0].Reveal() != "p" || c.SubscriptionKeys[1].Reveal() != "s" {
			t.Errorf("%s: the subscription keys are not primary, secondary", test.name)
		}
	}

	if _, err := weak.Credentials(t.Context(), cegidclient.KeyAdvanced); !errors.Is(err, cegidclient.ErrAdvancedKeyRequired) {
		t.Errorf("without an advanced key the error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := both.Credentials(ctx, cegidclient.KeyStandard); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancellation the error is %v", err)
	}
	if weak.Has(cegidclient.KeyAdvanced) || !weak.Has(cegidclient.KeyStandard) || strong.Has(cegidclient.KeyStandard) || !strong.Has(cegidclient.KeyAdvanced) || !weak.Has(cegidclient.KeyUnspecified) {
		t.Error("Has does not tell the keys")
	}
	if weak.PublicHalf(cegidclient.KeyStandard) != "std" || weak.PublicHalf(cegidclient.KeyAdvanced) != "" || strong.PublicHalf(cegidclient.KeyAdvanced) != "adv" ||
		strong.PublicHalf(cegidclient.KeyStandard) != "" || strong.PublicHalf(cegidclient.KeyUnspecified) != "" {
		t.Error("PublicHalf does not tell the keys' public halves")
	}
	for _, printed := range []string{fmt.Sprint(both), fmt.Sprintf("%+v", both), fmt.Sprintf("%#v", both), fmt.Sprintf("%+v", both.Statuses())} {
		if strings.Contains(printed, canary) {
			t.Errorf("a secret is printed: %s", printed)
		}
	}
}

func TestAKeyringRefusesKeysThatCannotBeRight(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good", "a:b")
	good := parse(t, "${file:good}", dir)
	for name, test := range map[string]struct{ content, want string }{
		"no colon":                 {canary, "write key:secret"},
		"no key":                   {":" + canary, "write key:secret"},
		"no secret":                {canary + ":", "write key:secret"},
		"a colon alone":            {":", "write key:secret"},
		"a space in it":            {canary + ": " + canary, "copy it again"},
		"an accent in it":          {"é:" + canary, "copy it again"},
		"several lines":            {canary + ":a\nb", "keep one secret on one line"},
		"nothing but a line break": {"\n", "put the secret into it"},
	} {
		write(t, dir, "bad", test.content)
		_, err := secret.NewKeyring(secret.Keys{Standard: parse(t, "${file:bad}", dir), SubscriptionKeys: []secret.Ref{good}}, nil)
		if err == nil || !strings.Contains(err.Error(), "${file:bad}: ") || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error is %v and should contain %q", name, err, test.want)
		}
	}

	_, err := secret.NewKeyring(secret.Keys{}, nil)
	if err == nil || !strings.Contains(err.Error(), "no API key") || !strings.Contains(err.Error(), "no subscription key") {
		t.Errorf("not all problems are in %v", err)
	}
}

func TestStatusesTellARotationThatFailed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "standard", "a:b")
	write(t, dir, "primary", "p")
	synctest.Test(t, func(t *testing.T) {
		k := keyring(t, secret.Keys{Standard: parse(t, "${file:standard}", dir), SubscriptionKeys: []secret.Ref{parse(t, "${file:primary}", dir)}})
		testkit.OK(t, k.LastError())
		testkit.OK(t, os.Remove(filepath.Join(dir, "primary")))
		time.Sleep(time.Second)
		statuses := k.Statuses()
		if len(statuses) != 2 || statuses[0].Use != "standard" || statuses[0].Err != nil || statuses[1].Use != "primary" || !errors.Is(statuses[1].Err, fs.ErrNotExist) {
			t.Errorf("statuses are %+v", statuses)
		}
		if !errors.Is(k.LastError(), fs.ErrNotExist) {
			t.Errorf("the last error is %v", k.LastError())
		}
		if c, err := k.Credentials(t.Context(), cegidclient.KeyStandard); err != nil || c.SubscriptionKeys[0].Reveal() != "p" {
			t.Errorf("a half-done rotation fails calls: %v", err)
		}
	})
}

func FuzzParseAcceptsOnlyReferences(f *testing.F) {
	for _, seed := range []string{"${file:/x}", "${env:A}", "${", "}", "${file:}", "$", "a:b", "${file:/x}y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := secret.Parse(text, "/etc")
		if err != nil {
			if len(text) > 24 && strings.Contains(err.Error(), text) {
				t.Errorf("%q is repeated in %v", text, err)
			}
			return
		}
		if ref.String() != text || !strings.HasPrefix(text, "${file:") && !strings.HasPrefix(text, "${env:") || !strings.HasSuffix(text, "}") {
			t.Errorf("%q is accepted as %v", text, ref)
		}
	})
}
