package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lighterman/lighterman/internal/redact"
)

// Load makes a configuration from the arguments of a subcommand and the
// environment, as os.Environ returns it. Flags win over the environment, the
// environment over the file, the file over defaults. All problems are
// returned at once, one per line; ErrHelp alone when help was asked for.
func Load(args, environ []string) (*Config, error) {
	return load(args, environ, thisMachine)
}

// value is a setting's value from the source that won.
type value struct {
	from  string
	texts []string
	// bad tells that the value was refused; the problem has been noted.
	bad bool
}

// loader gathers the values of all sources.
type loader struct {
	machine  machine
	env      map[string]string
	values   map[*setting]value
	problems []error
}

func load(args, environ []string, m machine) (*Config, error) {
	l := &loader{machine: m, env: environment(environ), values: make(map[*setting]value)}
	flags, flagProblems := parseFlags(args)
	if len(flagProblems) == 1 && errors.Is(flagProblems[0], ErrHelp) {
		return nil, ErrHelp
	}
	vars, varProblems := parseEnviron(l.env)
	l.file(vars, flags)
	l.take(vars, varProblems)
	l.take(flags, flagProblems)
	return l.finish()
}

// finish completes the configuration once all sources have been taken.
func (l *loader) finish() (*Config, error) {
	l.defaults()
	l.rules()
	c := l.config()
	l.rulesOfSize(c)
	l.rulesOfEngine(c)
	if n := len(l.problems); n > mostProblems {
		l.problems = append(l.problems[:mostProblems], fmt.Errorf("and %d more problems", n-mostProblems))
	}
	c.Secrets = l.secrets()
	if len(l.problems) > 0 {
		return nil, errors.New(c.Secrets.Mask(errors.Join(l.problems...).Error()))
	}
	return c, nil
}

// secrets gathers what must not be shown.
func (l *loader) secrets() *redact.Scrubber {
	out := &redact.Scrubber{}
	user := ""
	if v := l.values[lookup("loki-username")]; len(v.texts) > 0 {
		user = v.texts[0]
	}
	for s, v := range l.values {
		for _, t := range v.texts {
			switch {
			case s.secret:
				out.Add(user, t)
			case s.kind == kindURL, s.kind == kindProxy, s.kind == kindEngine:
				out.AddText(t)
			}
		}
	}
	for _, name := range []string{"DOCKER_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		out.AddText(l.env[name])
		out.AddText(l.env[strings.ToLower(name)])
	}
	return out
}

// mostProblems bounds what is said about a file that is something else.
const mostProblems = 100

// file takes the settings of the file that a variable or a flag names.
func (l *loader) file(sources ...assignments) {
	name := ""
	for _, source := range sources {
		for _, a := range source {
			if a.setting.name == configFile {
				name = a.texts[0].value
			}
		}
	}
	if name == "" || printable(name) != nil {
		return
	}
	data, err := readFile(name)
	if err != nil {
		l.problems = append(l.problems, err)
		return
	}
	l.take(parseYAML(name, data))
}

// take lets the assignments of a source win over those before.
func (l *loader) take(source assignments, problems []error) {
	l.problems = append(l.problems, problems...)
	for _, a := range source {
		l.values[a.setting] = l.check(a)
	}
}

// check parses the texts of an assignment only to find out what is wrong with
// them: a value that does not win is checked as well.
func (l *loader) check(a assignment) value {
	v := value{from: a.from, bad: a.bad}
	var scratch Config
	for _, t := range a.texts {
		if t.value == "" && a.setting.takesEmpty() {
			continue
		}
		v.texts = append(v.texts, t.value)
		err := printable(t.value)
		if err == nil {
			err = a.setting.store(&scratch, t.value)
		}
		if err != nil {
			v.bad = true
			l.problems = append(l.problems, fmt.Errorf("%s: %w", t.where, err))
		}
	}
	return v
}

// config builds the configuration from the values that won.
func (l *loader) config() *Config {
	c := &Config{shown: make([]shown, 0, len(settings))}
	for _, s := range settings {
		v := l.values[s]
		for _, t := range v.texts {
			if !v.bad {
				// The error of a value that is not bad has been ruled out.
				_ = s.store(c, t)
			}
		}
		c.shown = append(c.shown, show(s, v))
	}
	return c
}

// thisMachine is the machine that lighterman runs on.
var thisMachine = machine{root: os.Geteuid() == 0, hostname: os.Hostname}
