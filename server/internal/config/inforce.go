package config

import "cegid.internal/gateway/server/internal/inforce"

// InForce is the configuration with its defaults, line by line. A reference to a secret is shown as it is written, a dossier not at
// all: how many there are.
func (c *Config) InForce() []inforce.Entry { return inforce.Of(*c, "Dossiers") }
