package config

import (
	"regexp"
	"strings"
	"testing"
)

// place is what an error of a file begins with, but for the few that are
// about the file as a whole or about two settings.
var place = regexp.MustCompile(`^lm\.yaml:[1-9][0-9]*:[1-9][0-9]*: `)

// FuzzYAML checks that no file makes the parser panic, that refusals have a
// place and stay on one line, and that what is accepted loads again.
func FuzzYAML(f *testing.F) {
	for _, tt := range refusals {
		f.Add(tt.text)
	}
	for _, tt := range refusedSections {
		f.Add(tt.text)
	}
	f.Add(allSections)
	for _, s := range sections {
		f.Add(s.example)
	}
	f.Fuzz(func(t *testing.T, file string) {
		l := newLoader(testEnviron, testMachine)
		l.takeFile("lm.yaml", []byte(file))
		for _, err := range l.problems {
			if !place.MatchString(err.Error()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: error %q", file, err)
			}
		}
		c, err := fromYAML(file)
		if err != nil {
			return
		}
		again, err := fromYAML(c.Effective())
		if err != nil || values(c) != values(again) {
			t.Errorf("%q loads as\n%s\nand again differently: %v", file, c.Effective(), err)
		}
	})
}

// fromYAML loads a file without any disk.
func fromYAML(file string) (*Config, error) {
	l := newLoader(testEnviron, testMachine)
	l.takeFile("lm.yaml", []byte(file))
	c, err := l.finish()
	if err == nil {
		// Effective leaves these out: they cannot be compared.
		c.Loki.Password, c.Loki.BearerToken, c.Loki.Proxy, c.Tests = "", "", nil, nil
	}
	return c, err
}
