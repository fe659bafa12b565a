package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lighterman/lighterman/internal/nearest"
)

// credentials are the settings that say who asks.
var credentials = []string{"loki-username", "loki-password", "loki-password-file", "loki-bearer-token", "loki-bearer-token-file"}

// SideSettings are the settings that each side of a comparison may have of its own.
func SideSettings() []string {
	return slices.DeleteFunc(slices.Clone(outputSettings), func(name string) bool { return name == "push-timeout" || name == "otlp-url" })
}

// Side returns the Loki of one side of a comparison: that of the configuration, with other
// values for some settings. With another URL it has nothing else of the configuration's, whose
// password is not for everybody; and with credentials of its own it has no others.
func (c *Config) Side(values map[string]string) (Loki, error) {
	own := &Config{Loki: c.Loki}
	if _, elsewhere := values["loki-url"]; elsewhere || c.Loki.OTLP != nil {
		own.Loki = Loki{PushTimeout: c.Loki.PushTimeout}
	}
	for name := range values {
		if slices.Contains(credentials, name) {
			l := &own.Loki
			l.Username, l.Password, l.PasswordFile, l.BearerToken, l.BearerTokenFile = "", "", "", "", ""
		}
	}
	rows, known := table(own), SideSettings()
	var problems []error
	for _, name := range known {
		text, given := values[name]
		if !given {
			continue
		}
		s := find(rows, name)
		s.from, s.texts = "given", []string{text}
		err := printable(text)
		if err == nil {
			err = s.store(s.texts)[0]
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name := range values {
		if !slices.Contains(known, name) {
			hint := ""
			if near := nearest.Name(name, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			problems = append(problems, fmt.Errorf("%s: a side has no such setting of its own%s", name, hint))
		}
	}
	l := own.Loki
	switch {
	case len(problems) > 0:
	case l.URL == nil:
		problems = append(problems, errors.New("needs a loki-url"))
	case (l.Username != "" || l.PasswordFile != "") && l.BearerTokenFile != "":
		problems = append(problems, errors.New("loki-username and loki-bearer-token-file exclude each other: expected one of them"))
	case l.PasswordFile != "" && l.Username == "":
		problems = append(problems, errors.New("loki-password-file needs loki-username"))
	case (l.TLS.CertFile == "") != (l.TLS.KeyFile == ""):
		problems = append(problems, errors.New("tls-cert-file and tls-key-file need each other"))
	}
	return l, errors.Join(problems...)
}
