package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// row is one line of the table that everything else is derived from.
type row struct {
	name string
	value
	// def is the default as the user would write it; empty when there is
	// none, or when it is found out at run time: auto then says how.
	def, auto string
	// example is a value for the reference; def when empty.
	example string
	// help is one or two sentences.
	help string
}

// setting is a row of the table, and what one configuration has for it.
type setting struct {
	row
	group string
	// from says in words where the value comes from, for people; empty as long as there
	// is none.
	from string
	// texts are the value as it was given, before it is parsed.
	texts []string
	// bad says that a value was refused; the problem has been noted.
	bad bool
}

// variable returns the name of the setting's environment variable.
func (s *setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// isDefault reports whether nobody has set a value.
func (s *setting) isDefault() bool {
	return len(s.texts) == 0 || strings.HasPrefix(s.from, "default") && s.from != fromSystemd
}

// isSecret reports whether the value must not be printed: a URL only when it may hold a
// password.
func (s *setting) isSecret() bool {
	text := strings.Join(s.texts, "")
	return text != "" && s.kind == kindSecret || s.trait == address && strings.ContainsAny(text, "@?")
}

// prefix starts the name of every environment variable of lighterman.
const prefix = "LIGHTERMAN_"

// value is what a setting's values are, and where they go.
type value struct {
	*kind
	// store parses texts into the configuration, in place of what is there: the value of a
	// scalar, the elements of a list, name=value of a map. Without texts nothing is left. It
	// returns an error, or nil, for each text.
	store func(texts []string) []error
}

// shape is how many values a setting has.
type shape uint8

const (
	scalar shape = iota
	list
	pairs
)

// kind is what is common to all settings of one type.
type kind struct {
	// word is what it is called in the reference, placeholder in help.
	word, placeholder string
	// expected completes the sentence "expected …".
	expected string
	shape    shape
	// tags are the YAML types that a value, or an element, may have.
	tags  []string
	trait trait
}

// trait is what else is to be known of a kind.
type trait uint8

const (
	// plain is nothing special.
	plain trait = iota
	// free is any text, so quotes would mend a number.
	free
	// address may hold a user and a password.
	address
)

// cure says how a number or a boolean in a file becomes the text that was meant.
func (k *kind) cure(v document.Value) string {
	if k.trait == free && v.Node.Kind == yaml.ScalarNode && v.Node.ShortTag() != "!!null" {
		return "; put it in quotes"
	}
	return ""
}

var (
	tagString  = []string{"!!str"}
	tagsNumber = []string{"!!str", "!!int"}

	kindText     = &kind{"text", "TEXT", "a string", scalar, tagString, free}
	kindSecret   = &kind{"text", "TEXT", "a string", scalar, tagString, free}
	kindFile     = &kind{"path", "FILE", "a path", scalar, tagString, free}
	kindDir      = &kind{"path", "DIR", "a path", scalar, tagString, free}
	kindURL      = &kind{"URL", "URL", "an http or https URL, such as http://localhost:3100", scalar, tagString, address}
	kindReceiver = &kind{"URL", "URL", "an http or https URL, such as http://localhost:4318", scalar, tagString, address}
	kindProxy    = &kind{"URL", "URL", "an http, https or socks5 URL, such as http://proxy:3128", scalar, tagString, address}
	kindEngine   = &kind{"URL", "URL|none", `"none" or a unix, tcp, http or https URL, such as unix:///var/run/docker.sock`, scalar, tagString, address}
	kindAddress  = &kind{"address", "ADDR|unix:PATH|off", `"off" or an address, such as 127.0.0.1:9177 or unix:/run/lighterman.sock`, scalar, tagString, plain}
	kindDuration = &kind{"duration", "DURATION", "a duration, such as 200ms, 10s or 7d", scalar, tagsNumber, plain}
	kindSince    = &kind{"time", "beginning|now|DURATION", `"beginning", "now" or a duration, such as 168h or 7d`, scalar, tagsNumber, plain}
	kindSize     = &kind{"size", "SIZE", "a size, such as 1048576, 512KiB or 1MiB", scalar, tagsNumber, plain}
	kindPercent  = &kind{"percentage", "N", "a number from 0 to 100", scalar, []string{"!!int"}, plain}
	kindFiles    = &kind{"number", "N", "a number of files", scalar, []string{"!!int"}, plain}
	kindLines    = &kind{"number", "N", "a number of lines", scalar, tagsNumber, plain}
	kindBool     = &kind{"boolean", "", "true or false", scalar, []string{"!!bool"}, plain}
	kindLevel    = choiceKind("debug", "info", "warn", "error")
	kindPatterns = &kind{"list of patterns", "REGEXP", "a list of patterns", list, tagString, free}
	kindDirs     = &kind{"list of paths", "DIR|none", "a list of paths", list, tagString, free}
	kindHosts    = &kind{"list of host names", "HOST", "a list of host names", list, tagString, free}
	kindSenders  = &kind{"list of senders", "UID[/PROGRAM]|any", "a list of senders, such as 0/dockerd", list, tagString, free}
	kindMatches  = &kind{"list of labels", "KEY[=VALUE]", "a list of labels", list, tagString, free}
	kindNames    = &kind{"list of label names", "NAME", "a list of label names", list, tagString, free}
	kindPairs    = &kind{"map", "NAME=VALUE", "a map of label names to values", pairs, tagString, free}
)

// choice is what a kind with a handful of values is called.
const choice = "choice"

// choiceKind is a kind with a handful of values.
func choiceKind(words ...string) *kind {
	return &kind{choice, strings.Join(words, "|"), document.OneOf(words), scalar, tagString, plain}
}

// one is a value that a parser makes of a text.
func one[T any](k *kind, to *T, parse func(string) (T, error)) value {
	return value{k, func(texts []string) []error {
		var v T
		errs := make([]error, len(texts))
		for i, text := range texts {
			v, errs[i] = parse(text)
		}
		*to = v
		return errs
	}}
}

// choose is one of a handful of words.
func choose[T ~string](to *T, values ...T) value {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	k := choiceKind(words...)
	return one(k, to, func(text string) (T, error) {
		if slices.Contains(words, text) {
			return T(text), nil
		}
		return "", invalid(text, k.expected)
	})
}

// many is a list of what a parser makes of each text.
func many[T any](k *kind, to *[]T, parse func(string) (T, error)) value {
	return value{k, func(texts []string) []error {
		errs := make([]error, len(texts))
		*to = nil
		for i, text := range texts {
			v, err := parse(text)
			if errs[i] = err; err == nil {
				*to = append(*to, v)
			}
		}
		return errs
	}}
}
