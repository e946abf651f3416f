package policy

import (
	"cegid.internal/gateway/server/internal/authn"
	yaml "cegid.internal/gateway/server/internal/strictyaml"
)

const (
	namePattern = `^[A-Za-z0-9._-]{1,64}$`
	// valuePattern is that of a claim's value: one line without spaces around it.
	valuePattern = `^[^\s](.{0,253}[^\s])?$`
	claimPattern = `^[!-~]{1,255}$`
)

// Keys declares policy.yaml.
func Keys() yaml.Key {
	var rights []string
	for _, right := range Rights() {
		rights = append(rights, right.String())
	}
	return yaml.Mapping("", "Who may do what. A caller that is not listed is unknown, and everything that no grant allows is denied.",
		yaml.List("callers", "Who calls.", yaml.Mapping("", "",
			yaml.Text("name", "Name in grants, logs and the ledger: 1 to 64 letters, digits, '.', '_' or '-'. An import belongs to the name: "+
				"after a renaming, the caller no longer sees its imports.").
				Needed().Pattern(namePattern),
			yaml.List("token_hashes", "Hashes of the caller's tokens, from `server token new`; several while one replaces another.",
				yaml.Text("", "").Is("sha256:…").Pattern(`^sha256:[0-9A-Fa-f]{64}$`)).Filled(),
			yaml.List("jwt", "Who it is to the issuers of `oidc` in gateway.yaml. A token that belongs to two callers is refused.", yaml.Mapping("",
				"",
				yaml.Text("issuer", "The issuer, as gateway.yaml has it.").Is("URL").Needed().Pattern(`^https?://[!-~]+$`),
				yaml.Text("subject", "The token's `sub`, exactly.").Pattern(valuePattern),
				yaml.Text("claim", "Name of another claim, for issuers whose `sub` says nothing: a text in the token, such as `azp`.").
					Pattern(claimPattern),
				yaml.Text("value", "The value of `claim`, exactly.").Pattern(valuePattern),
			).Either("subject", "claim")).Filled(),
			yaml.List("certificates", "Alternative names of its client certificates, each exactly: a URI such as a SPIFFE id, or a DNS name in "+
				"small letters. Needs `tls.client_authorities` in gateway.yaml.",
				yaml.Text("", "").Is("URI or DNS name").Pattern(`^(`+authn.URIPattern+`|`+authn.HostPattern+`)$`)).Filled(),
			yaml.Mapping("limits", "What the caller may take of the service, where it differs from `caller_limits` in gateway.yaml.",
				inherited()...),
		).Some("token_hashes", "jwt", "certificates")).Needed().Filled(),
		yaml.List("grants", "What they may do. Grants add up.", yaml.Mapping("", "",
			yaml.Text("caller", "Name of the one caller.").Pattern(namePattern),
			yaml.List("callers", "Names of several.", yaml.Text("", "").Pattern(namePattern)).Filled(),
			yaml.List("practices", "Names of practices of the configuration, or \"*\" alone for all of them.", yaml.Text("",
				"").Pattern(`^(\*|[A-Za-z0-9._-]{1,64})$`)).Needed().Filled(),
			yaml.List("dossiers", "Codes of dossiers, exactly, or patterns in which * matches anything. Needed for the rights read and write.",
				yaml.Text("", "").Pattern(`^[^\x00-\x20\x7f?\[\]^$|\\]{1,64}$`).Never("cabinet")),
			yaml.List("rights", "What may be done there; none includes another. read: the data of dossiers. "+
				"write: entries, documents and settings. practice: the practice's own data. "+
				"raw: operations without an RPC. administer: to decide the outcome of a write for which it is unknown. "+
				"operate: to see the state of imports, look for them in Loop and confirm what is booked, without the books and what was written.",
				yaml.Text("", "").Words(rights...)).Needed().Filled(),
		).Either("caller", "callers")).Needed().Filled(),
	)
}
