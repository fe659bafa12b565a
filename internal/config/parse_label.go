package config

import (
	"fmt"
	"regexp"
	"strings"
)

// labelName is what Prometheus and Loki take as the name of a label.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func storeExternalLabel(c *Config, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return invalid(text, "name=value")
	}
	if err := checkExternalLabel(name, value); err != nil {
		return err
	}
	if _, twice := c.ExternalLabels[name]; twice {
		return fmt.Errorf("label %q is given twice", name)
	}
	if c.ExternalLabels == nil {
		c.ExternalLabels = make(map[string]string)
	}
	c.ExternalLabels[name] = value
	return nil
}

func checkExternalLabel(name, value string) error {
	switch {
	case !labelName.MatchString(name):
		return fmt.Errorf("invalid label name %q: expected letters, digits and underscores, not beginning with a digit", name)
	case strings.HasPrefix(name, "__"):
		return fmt.Errorf("invalid label name %q: names that begin with two underscores are reserved", name)
	case name == "stream" || name == "container" || name == "container_id":
		return fmt.Errorf("invalid label name %q: lighterman sets this label itself", name)
	case name == "host":
		return fmt.Errorf("invalid label name %q: use host-label", name)
	case value == "":
		return fmt.Errorf("label %q has no value", name)
	}
	return nil
}
