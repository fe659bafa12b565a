package config

import (
	"fmt"
	"regexp"
	"strings"
)

// labelName is what Prometheus and Loki take as the name of a label.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// checkLabelName refuses what is no label name, or one that is kept for the program.
func checkLabelName(name string) error {
	switch {
	case !labelName.MatchString(name):
		return fmt.Errorf("invalid label name %q: expected letters, digits and underscores, not beginning with a digit", name)
	case strings.HasPrefix(name, "__"):
		return fmt.Errorf("invalid label name %q: names that begin with two underscores are reserved", name)
	}
	return nil
}

func parseLabelName(text string) (string, error) { return text, checkLabelName(text) }

// storeExternal stores name=value.
func (l *Labels) storeExternal(texts []string) []error {
	errs := make([]error, len(texts))
	l.External = nil
	for i, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := l.External[name]; twice {
			errs[i] = fmt.Errorf("label %q is given twice", name)
			continue
		}
		if errs[i] = checkExternalLabel(name, value); !ok {
			errs[i] = invalid(text, "name=value")
		}
		if errs[i] == nil && l.External == nil {
			l.External = make(map[string]string)
		}
		if errs[i] == nil {
			l.External[name] = value
		}
	}
	return errs
}

func checkExternalLabel(name, value string) error {
	if err := checkLabelName(name); err != nil {
		return err
	}
	switch {
	case name == "stream" || name == "container" || name == "container_id":
		return fmt.Errorf("invalid label name %q: lighterman sets this label itself", name)
	case name == "host":
		return fmt.Errorf("invalid label name %q: use host-label", name)
	case value == "":
		return fmt.Errorf("label %q has no value", name)
	}
	return nil
}
