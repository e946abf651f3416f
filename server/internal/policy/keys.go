package policy

import (
	yaml "cegid.internal/gateway/server/internal/config/strictyaml"
)

const namePattern = `^[A-Za-z0-9._-]{1,64}$`

// Keys declares policy.yaml.
func Keys() yaml.Key {
	var rights []string
	for _, right := range Rights() {
		rights = append(rights, right.String())
	}
	return yaml.Mapping("", "Who may do what. Who is not listed is nobody, and what no grant allows is denied.",
		yaml.List("callers", "Who calls.", yaml.Mapping("", "",
			yaml.Text("name", "Name in grants, logs and the ledger: 1 to 64 letters, digits, '.', '_' or '-'. An import belongs to the name: renaming a caller parts it from its imports.").
				Needed().Pattern(namePattern),
			yaml.List("token_hashes", "Hashes of the caller's tokens, from `server token new`; several while one replaces another.",
				yaml.Text("", "").Is("sha256:…").Pattern(`^sha256:[0-9A-Fa-f]{64}$`)).Needed().Filled(),
		)).Needed().Filled(),
		yaml.List("grants", "What they may do. Grants add up.", yaml.Mapping("", "",
			yaml.Text("caller", "Name of the one caller.").Pattern(namePattern),
			yaml.List("callers", "Names of several.", yaml.Text("", "").Pattern(namePattern)).Filled(),
			yaml.List("practices", "Names of practices of the configuration, or \"*\" alone for all of them.", yaml.Text("", "").Pattern(`^(\*|[A-Za-z0-9._-]{1,64})$`)).Needed().Filled(),
			yaml.List("dossiers", "Codes of dossiers, exactly, or patterns in which * stands for anything. Needed for the rights read and write.",
				yaml.Text("", "").Pattern(`^[^\x00-\x20\x7f?\[\]^$|\\]{1,64}$`).Never("cabinet")),
			yaml.List("rights", "What may be done there; none includes another. read: the data of dossiers. write: entries, documents and settings. practice: the practice's own data. "+
				"raw: operations without an RPC. administer: to decide what became of a write whose outcome is unknown.",
				yaml.Text("", "").Words(rights...)).Needed().Filled(),
		).Either("caller", "callers")).Needed().Filled(),
	)
}
