package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// setting is one line of the table that everything else is derived from.
type setting struct {
	name    string
	kind    *kind
	section string
	// def is the default as the user would write it; empty when there is
	// none, or when it is found out at run time: auto then says how.
	def  string
	auto string
	// example is a value for the reference; def when empty.
	example string
	// help is one or two sentences.
	help   string
	secret bool
	// store parses texts into the field, in place of what is there: the value of a
	// scalar, the elements of a list, name=value of a map. Without texts it empties the
	// field. It returns an error, or nil, for each text.
	store func(c *Config, texts []string) []error
}

// variable returns the name of the setting's environment variable.
func (s *setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// takesEmpty reports whether an empty value is possible: it means the default.
func (s *setting) takesEmpty() bool { return s.def == "" && s.kind.shape == one }

// prefix starts the name of every environment variable of lighterman.
const prefix = "LIGHTERMAN_"

// shape is how many values a setting has.
type shape uint8

const (
	one shape = iota
	list
	pairs
)

// kind is what is common to all settings of one type.
type kind struct {
	// name is the word for it in the reference, placeholder the one in help.
	name, placeholder string
	// expected completes the sentence "expected …".
	expected string
	shape    shape
	// tags are the YAML types that a value, or an element, may have.
	tags []string
	// free says that any text is a value, so quotes would mend a number.
	free bool
	// address says that it may hold a user and a password.
	address bool
}

// cure says how a number or a boolean in a file becomes the text that was meant.
func (k *kind) cure(v document.Value) string {
	if k.free && v.Node.Kind == yaml.ScalarNode && v.Node.ShortTag() != "!!null" {
		return "; put it in quotes"
	}
	return ""
}

var (
	tagString  = []string{"!!str"}
	tagsNumber = []string{"!!str", "!!int"}

	kindText     = &kind{name: "text", placeholder: "TEXT", expected: "a string", tags: tagString, free: true}
	kindFile     = &kind{name: "path", placeholder: "FILE", expected: "a path", tags: tagString, free: true}
	kindDir      = &kind{name: "path", placeholder: "DIR", expected: "a path", tags: tagString, free: true}
	kindURL      = &kind{name: "URL", placeholder: "URL", expected: "an http or https URL, such as http://localhost:3100", tags: tagString, address: true}
	kindProxy    = &kind{name: "URL", placeholder: "URL", expected: "an http, https or socks5 URL, such as http://proxy:3128", tags: tagString, address: true}
	kindEngine   = &kind{name: "URL", placeholder: "URL|none", expected: `"none" or a unix, tcp, http or https URL, such as unix:///var/run/docker.sock`, tags: tagString, address: true}
	kindAddress  = &kind{name: "address", placeholder: "ADDR|off", expected: `"off" or an address, such as 127.0.0.1:9177`, tags: tagString}
	kindDuration = &kind{name: "duration", placeholder: "DURATION", expected: "a duration, such as 200ms, 10s or 7d", tags: tagsNumber}
	kindSince    = &kind{name: "time", placeholder: "beginning|now|DURATION", expected: `"beginning", "now" or a duration, such as 168h or 7d`, tags: tagsNumber}
	kindSize     = &kind{name: "size", placeholder: "SIZE", expected: "a size, such as 1048576, 512KiB or 1MiB", tags: tagsNumber}
	kindPercent  = &kind{name: "percentage", placeholder: "N", expected: "a number from 0 to 100", tags: []string{"!!int"}}
	kindLines    = &kind{name: "number", placeholder: "N", expected: "a number of lines", tags: tagsNumber}
	kindBool     = &kind{name: "boolean", expected: "true or false", tags: []string{"!!bool"}}
	kindPatterns = &kind{name: "list of patterns", placeholder: "REGEXP", expected: "a list of patterns", shape: list, tags: tagString, free: true}
	kindDirs     = &kind{name: "list of paths", placeholder: "DIR|none", expected: "a list of paths", shape: list, tags: tagString, free: true}
	kindHosts    = &kind{name: "list of host names", placeholder: "HOST", expected: "a list of host names", shape: list, tags: tagString, free: true}
	kindSenders  = &kind{name: "list of senders", placeholder: "UID[/PROGRAM]|any", expected: "a list of senders, such as 0/dockerd", shape: list, tags: tagString, free: true}
	kindMatches  = &kind{name: "list of labels", placeholder: "KEY[=VALUE]", expected: "a list of labels", shape: list, tags: tagString, free: true}
	kindPairs    = &kind{name: "map", placeholder: "NAME=VALUE", expected: "a map of label names to values", shape: pairs, tags: tagString, free: true}
)

// choiceKind is a kind with a handful of values.
func choiceKind(values ...string) *kind {
	return &kind{
		name: "choice", placeholder: strings.Join(values, "|"),
		expected: document.OneOf(values), tags: tagString,
	}
}

// into makes a store function for a field with a parser.
func into[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, []string) []error {
	return func(c *Config, texts []string) []error {
		var v T
		errs := make([]error, len(texts))
		for i, text := range texts {
			v, errs[i] = parse(text)
		}
		*field(c) = v
		return errs
	}
}

// onto makes a store function for a list.
func onto[T any](field func(*Config) *[]T, parse func(string) (T, error)) func(*Config, []string) []error {
	return func(c *Config, texts []string) []error {
		var all []T
		errs := make([]error, len(texts))
		for i, text := range texts {
			v, err := parse(text)
			if errs[i] = err; err == nil {
				all = append(all, v)
			}
		}
		*field(c) = all
		return errs
	}
}
