package config

import "path/filepath"

// overshadow has a shadow keep apart from the lighterman that has the same configuration:
// nothing that is delivered twice is taken for delivered by the other, and nothing of it
// reaches another tenant.
func (c *Config) overshadow() {
	if c.Loki.Shadow == "" {
		return
	}
	c.Loki.Tenant, c.Outputs = c.Loki.Shadow, nil
	const shadow = "shadow"
	if c.StateDir != "" {
		c.StateDir = filepath.Join(c.StateDir, shadow, c.Loki.Shadow)
	}
	if c.Hold.Dir != "" {
		c.Hold.Dir = filepath.Join(c.Hold.Dir, shadow, c.Loki.Shadow)
	}
}
