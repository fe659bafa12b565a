package config

import (
	"hash/maphash"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// live are the settings and sections that can change while lighterman runs.
var live = []string{
	"log-level", "include-name", "exclude-name", "include-label", "exclude-label",
	"loki-url", "otlp-url", "tenant-id", "push-timeout", "host-label", "external-label", "crowded-label",
	"loki-username", "loki-password", "loki-password-file", "loki-bearer-token", "loki-bearer-token-file",
	"tls-ca-file", "tls-cert-file", "tls-key-file", "tls-server-name", "tls-insecure-skip-verify", "proxy-url",
	"default-labels", "relabel_configs", "structured_metadata", "container-labels", "detect-level", "stages", "tests",
}

// Live reports whether a setting, or a section, can change while lighterman runs. The others
// count from the next start on.
func Live(name string) bool { return slices.Contains(live, name) }

// Differs returns the names of the settings and sections that are not the same in both
// configurations, in the order of the reference. Where values come from, comments and notation
// make no difference.
func (c *Config) Differs(other *Config) (names []string) {
	differs := func(name string) {
		if c.prints[name] != other.prints[name] {
			names = append(names, name)
		}
	}
	for _, s := range settings {
		differs(s.name)
	}
	for _, s := range sections {
		differs(s.name)
	}
	return names
}

var printSeed = maphash.MakeSeed()

// fingerprint notes what the settings and sections are, in a form that shows no secret.
func (l *loader) fingerprint() {
	l.config.prints = make(map[string]uint64)
	for _, s := range l.settings {
		if s.name != configFile {
			l.config.prints[s.name] = maphash.String(printSeed, strings.Join(s.texts, "\x00"))
		}
	}
	for _, s := range sections {
		node := l.sections[s]
		if node == nil {
			node = s.empty
		}
		var h maphash.Hash
		h.SetSeed(printSeed)
		printNode(&h, node)
		l.config.prints[s.name] = h.Sum64()
	}
}

func printNode(h *maphash.Hash, n *yaml.Node) {
	_, _ = h.WriteString(n.ShortTag() + "\x00" + n.Value + "\x00(")
	for _, part := range n.Content {
		printNode(h, part)
	}
	_, _ = h.WriteString(")")
}

// LiveNames returns the names of what can change while lighterman runs.
func LiveNames() []string { return slices.Clone(live) }
