package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/redact"
)

// Load makes a configuration from the arguments of a subcommand and the
// environment, as os.Environ returns it. Flags win over the environment, the
// environment over the file, the file over defaults. All problems are
// returned at once, one per line; ErrHelp alone when help was asked for.
func Load(args, environ []string) (*Config, error) {
	return newLoader(environ, machine{root: os.Geteuid() == 0, hostname: os.Hostname}).load(args)
}

// ErrHelp is returned when the arguments ask for help.
var ErrHelp = errors.New("help requested")

// loader takes the sources one after the other, the weakest first, into one configuration.
type loader struct {
	machine  machine
	env      map[string]string
	config   *Config
	settings []*setting
	sections map[*section]*yaml.Node
	// names are those that the file gives to labels.
	names    []given
	problems []error
}

func newLoader(environ []string, m machine) *loader {
	c := &Config{Labels: Labels{FromContainers: slices.Clone(DefaultContainerLabels)}}
	l := &loader{
		machine: m, env: make(map[string]string, len(environ)), config: c, settings: table(c),
		sections: make(map[*section]*yaml.Node),
	}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		l.env[name] = value
	}
	return l
}

func (l *loader) load(args []string) (*Config, error) {
	file := l.env[find(l.settings, configFile).variable()]
	look := func(s *setting, text string) {
		if s.name == configFile {
			file = text
		}
	}
	if wantsHelp := l.walk(args, look, func(string, ...any) {}); wantsHelp {
		return nil, ErrHelp
	}
	l.readFile(file)
	l.takeEnviron()
	l.takeFlags(args)
	return l.finish()
}

// mostProblems bounds what is said about a file that is something else.
const mostProblems = 100

// finish completes the configuration once all sources have been taken.
func (l *loader) finish() (*Config, error) {
	l.defaults()
	l.rules()
	c := l.config
	c.Loki.settle()
	for _, s := range l.settings {
		if !s.isDefault() {
			c.given = append(c.given, s.name)
		}
		if s.isSecret() && strings.HasPrefix(s.from, "flag ") {
			c.inFlags = append(c.inFlags, s.name)
		}
	}
	if n := len(l.problems); n > mostProblems {
		l.problems = append(l.problems[:mostProblems], fmt.Errorf("and %d more problems", n-mostProblems))
	}
	c.Secrets = l.secrets()
	if len(l.problems) > 0 {
		return nil, errors.New(c.Secrets.Mask(errors.Join(l.problems...).Error()))
	}
	l.fingerprint()
	c.effective = l.effective()
	c.overshadow()
	return c, nil
}

// secrets gathers what must not be shown.
func (l *loader) secrets() *redact.Scrubber {
	out := &redact.Scrubber{}
	for _, s := range l.settings {
		for _, text := range s.texts {
			if s.kind == kindSecret {
				out.Add(l.config.Loki.Username, text)
			} else if s.trait == address {
				out.AddText(text)
			}
		}
	}
	for _, name := range []string{"DOCKER_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		out.AddText(l.env[name])
		out.AddText(l.env[strings.ToLower(name)])
	}
	return out
}

// take lets texts win over those before. Those that do not win in the end are checked as
// well. An empty text means the default, where that is not a value by itself.
func (l *loader) take(s *setting, from string, texts []string, report func(i int, err error)) {
	if s.shape == scalar && s.def == "" && len(texts) > 0 && texts[0] == "" {
		texts = nil
	}
	s.from, s.texts, s.bad = from, texts, false
	errs := s.store(texts)
	for i, text := range texts {
		err := printable(text)
		if err == nil {
			err = errs[i]
		}
		if err != nil {
			s.bad = true
			report(i, err)
		}
	}
}

func (l *loader) report(format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf(format, args...))
}
