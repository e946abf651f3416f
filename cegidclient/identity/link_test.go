package identity

import "testing"

func TestOfALinkOnlyWhatSignsIsLeftOut(t *testing.T) {
	for name, each := range map[string]struct {
		a, b string
		same bool
	}{
		"two files of a script":        {"https://x.fr/get.txt?id=1", "https://x.fr/get.txt?id=2", false},
		"the same file":                {"https://x.fr/get.txt?id=1", "https://x.fr/get.txt?id=1", true},
		"another path":                 {"https://x.fr/a.txt?id=1", "https://x.fr/b.txt?id=1", false},
		"another host":                 {"https://x.fr/a.txt", "https://y.fr/a.txt", false},
		"signed by Azure":              {"https://x.blob.core.windows.net/c/a.txt?sv=2024-11-04&se=2026-01-01&sr=b&sp=r&sig=abc", "https://x.blob.core.windows.net/c/a.txt?sv=2025-01-05&st=2026-02-01&se=2026-03-01&sr=b&sp=r&sig=def%3D", true},
		"a version at Azure":           {"https://x.blob.core.windows.net/c/a.txt?versionid=1&sig=abc", "https://x.blob.core.windows.net/c/a.txt?versionid=2&sig=abc", false},
		"signed by a user's key":       {"https://x.fr/a?skoid=1&sktid=2&skt=3&ske=4&sks=b&skv=5&sig=6", "https://x.fr/a", true},
		"signed by S3":                 {"https://b.s3.amazonaws.com/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k&X-Amz-Date=1&X-Amz-Signature=2", "https://b.s3.amazonaws.com/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k&X-Amz-Date=3&X-Amz-Signature=4", true},
		"a version at S3":              {"https://b.s3.amazonaws.com/a?versionId=1&X-Amz-Signature=2", "https://b.s3.amazonaws.com/a?versionId=3&X-Amz-Signature=2", false},
		"signed by S3 as of old":       {"https://b.s3.amazonaws.com/a?AWSAccessKeyId=1&Expires=2&Signature=3", "https://b.s3.amazonaws.com/a?AWSAccessKeyId=4&Expires=5&Signature=6", true},
		"signed by Google":             {"https://storage.googleapis.com/b/a?X-Goog-Signature=1&X-Goog-Date=2", "https://storage.googleapis.com/b/a?X-Goog-Signature=3&X-Goog-Date=4", true},
		"signed by CloudFront":         {"https://x.cloudfront.net/a?Policy=1&Signature=2&Key-Pair-Id=3", "https://x.cloudfront.net/a?Policy=4&Signature=5&Key-Pair-Id=3", true},
		"a token":                      {"https://x.fr/get?id=1&token=a", "https://x.fr/get?token=b&id=1", true},
		"a name that only begins so":   {"https://x.fr/get?sequence=1", "https://x.fr/get?sequence=2", false},
		"parameters in another order":  {"https://x.fr/get?a=1&b=2", "https://x.fr/get?b=2&a=1", true},
		"a parameter twice":            {"https://x.fr/get?a=1&a=2", "https://x.fr/get?a=2&a=1", false},
		"scheme, host and port":        {"HTTPS://X.fr:443/a", "https://x.FR/a", true},
		"another port":                 {"https://x.fr:8443/a", "https://x.fr/a", false},
		"the letter case of the path":  {"https://x.fr/A", "https://x.fr/a", false},
		"a parameter without a value":  {"https://x.fr/get?1", "https://x.fr/get?2", false},
		"an escaped name that signs":   {"https://x.fr/get?id=1&%73ig=1", "https://x.fr/get?id=1&sig=2", true},
		"a part that no server sees":   {"https://x.fr/get#a", "https://x.fr/get#b", true},
		"what is no link":              {"a", "b", false},
		"an id in place of parameters": {"https://x.fr/get?id=1;v=2", "https://x.fr/get?id=1;v=3", false},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := Link(each.a), Link(each.b); (a == b) != each.same {
				t.Errorf("%q and %q", a, b)
			}
		})
	}
}

func FuzzLink(f *testing.F) {
	f.Add("https://x.fr/get.txt?id=1&sig=2#3")
	f.Fuzz(func(t *testing.T, text string) {
		if once := Link(text); Link(once) != once {
			t.Errorf("%q gives %q, which gives %q", text, once, Link(once))
		}
	})
}
