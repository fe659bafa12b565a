package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/redact"
)

// Load makes a configuration from the arguments of a subcommand and the
// environment, as os.Environ returns it. Flags win over the environment, the
// environment over the file, the file over defaults. All problems are
// returned at once, one per line; ErrHelp alone when help was asked for.
func Load(args, environ []string) (*Config, error) {
	return newLoader(environ, thisMachine).load(args)
}

// value is a setting's value from the source that won: not yet parsed texts.
type value struct {
	// from says in words where the value comes from, for people.
	from  string
	texts []string
	// bad says that the value was refused; the problem has been noted.
	bad bool
}

// assignment is what one source says about a setting.
type assignment struct {
	setting *setting
	value
	// name is what its errors begin with.
	name string
}

// loader takes the sources one after the other, the weakest first, into one configuration.
type loader struct {
	machine  machine
	env      map[string]string
	config   *Config
	values   map[*setting]value
	sections map[*section]*yaml.Node
	// names are those that the file gives to labels.
	names []given
	// unsupported are sections that nothing reads yet.
	unsupported []string
	problems    []error
}

func newLoader(environ []string, m machine) *loader {
	return &loader{
		machine: m, env: environment(environ), config: &Config{Labels: Labels{FromContainers: []string{"enable"}}}, unsupported: unsupported,
		values: make(map[*setting]value), sections: make(map[*section]*yaml.Node),
	}
}

func (l *loader) load(args []string) (*Config, error) {
	flags, flagProblems := parseFlags(args)
	if len(flagProblems) == 1 && errors.Is(flagProblems[0], ErrHelp) {
		return nil, ErrHelp
	}
	vars, varProblems := parseEnviron(l.env)
	if name := fileName(slices.Concat(vars, flags)); name != "" {
		l.readFile(name)
	}
	l.takeAll(vars, varProblems)
	l.takeAll(flags, flagProblems)
	return l.finish()
}

// mostProblems bounds what is said about a file that is something else.
const mostProblems = 100

// finish completes the configuration once all sources have been taken.
func (l *loader) finish() (*Config, error) {
	l.defaults()
	l.rules()
	c := l.config
	for _, s := range settings {
		c.shown = append(c.shown, show(s, l.values[s]))
	}
	for _, s := range sections {
		if !slices.Contains(l.unsupported, s.name) {
			c.shown = append(c.shown, s.show(l.sections[s]))
		}
	}
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
	for s, v := range l.values {
		for _, t := range v.texts {
			if s.secret {
				out.Add(l.config.Loki.Username, t)
			} else if s.kind.address {
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

// fileName returns the file that a variable or a flag names; flags come last, and win.
func fileName(sources []assignment) (name string) {
	for _, a := range sources {
		if a.setting.name == configFile {
			name = a.texts[0]
		}
	}
	if printable(name) != nil {
		return "" // reported where it is taken
	}
	return name
}

// readFile takes the settings of a YAML file of bounded size.
func (l *loader) readFile(name string) {
	f, err := os.Open(name)
	if err != nil {
		l.report("cannot read configuration: %w", err)
		return
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, document.MaxSize+1))
	if err != nil {
		l.report("cannot read configuration: %w", err)
		return
	}
	l.takeFile(name, data)
}

func (l *loader) takeFile(name string, data []byte) {
	root, there, problems := document.Parse(name, data)
	if there {
		for _, p := range root.Pairs(`keys and values, such as "mode: hybrid"`) {
			l.takeKey(p.Key, p.Value)
		}
	}
	if root.Node != nil {
		l.problems = append(l.problems, root.Problems()...)
	}
	l.problems = append(l.problems, problems...)
}

// takeKey takes one key of the file with its value.
func (l *loader) takeKey(key, v document.Value) {
	name := key.Node.Value
	from := fmt.Sprintf("%s:%d", key.Pos.File, key.Pos.Line)
	s, part := lookup(name), lookupSection(name)
	switch {
	case name == configFile:
		key.Fail("unknown key %q; it is only a flag", name)
	case s != nil:
		l.takeSetting(s, from, v)
	case part == nil && elsewhere[name] != "":
		key.Fail("unknown key %q; use %s", name, elsewhere[name])
	case part == nil:
		key.Fail("unknown key %s%s", document.Quote(name), hint(name, fileKeys(), strconv.Quote))
	case slices.Contains(l.unsupported, name):
		key.Fail("%s is not supported yet; remove it", name)
	default:
		l.takeSection(part, from, v)
	}
}

// takeSetting takes a setting from the file.
func (l *loader) takeSetting(s *setting, from string, v document.Value) {
	before := v.Count()
	a := assignment{setting: s, value: value{from: from}}
	var places []document.Value
	add := func(v document.Value, lead, expected string) {
		if !v.Scalar(s.kind.tags...) {
			v.Expected(expected, s.kind.cure(v))
			return
		}
		text := v.Node.Value
		if s.kind == kindBool {
			text = strings.ToLower(text)
		}
		a.texts = append(a.texts, lead+text)
		places = append(places, v)
	}
	switch s.kind.shape {
	case one:
		add(v, "", s.kind.expected)
	case list:
		for _, item := range v.Items(s.kind.expected) {
			add(item, "", "a string")
		}
	case pairs:
		for _, p := range v.Pairs(s.kind.expected) {
			if name := p.Key.Node.Value; strings.Contains(name, "=") {
				p.Key.Fail("invalid label name %q", name)
			} else {
				add(p.Value, name+"=", "a string")
			}
		}
	}
	a.bad = v.Count() > before
	l.take(a, func(i int, err error) { places[i].Fail("%v", err) })
}

// takeAll takes the settings of a source.
func (l *loader) takeAll(source []assignment, problems []error) {
	l.problems = append(l.problems, problems...)
	for _, a := range source {
		l.take(a, func(_ int, err error) { l.report("%s: %w", a.name, err) })
	}
}

// take lets a value win over those before. One that does not win in the end is checked as
// well. An empty text means the default, where that is not a value by itself.
func (l *loader) take(a assignment, report func(i int, err error)) {
	if a.setting.takesEmpty() && len(a.texts) > 0 && a.texts[0] == "" {
		a.texts = nil
	}
	errs := a.setting.store(l.config, a.texts)
	for i, text := range a.texts {
		err := printable(text)
		if err == nil {
			err = errs[i]
		}
		if err != nil {
			a.bad = true
			report(i, err)
		}
	}
	l.values[a.setting] = a.value
}

func (l *loader) report(format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf(format, args...))
}

// thisMachine is the machine that lighterman runs on.
var thisMachine = machine{root: os.Geteuid() == 0, hostname: os.Hostname}
