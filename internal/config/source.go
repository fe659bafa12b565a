package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/nearest"
)

// readFile takes the settings of a YAML file, of bounded size.
func (l *loader) readFile(name string) {
	if name == "" || printable(name) != nil {
		return // the second is reported with its source
	}
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
		for p := range root.Pairs(`keys and values, such as "mode: hybrid"`) {
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
	s, part := find(l.settings, name), lookupSection(name)
	switch {
	case name == configFile:
		key.Fail("unknown key %q; it is only a flag", name)
	case s != nil:
		l.takeValue(s, from, v)
	case part == nil && elsewhere[name] != "":
		key.Fail("unknown key %q; use %s", name, elsewhere[name])
	case part == nil:
		key.Fail("unknown key %s%s", document.Quote(name), hint(name, fileKeys(), strconv.Quote))
	default:
		l.takeSection(part, from, v)
	}
}

// takeValue takes a setting from the file.
func (l *loader) takeValue(s *setting, from string, v document.Value) {
	before := v.Count()
	var texts []string
	var places []document.Value
	add := func(v document.Value, lead, expected string) {
		if !v.Scalar(s.tags...) {
			v.Expected(expected, s.cure(v))
			return
		}
		text := v.Node.Value
		if s.kind == kindBool {
			text = strings.ToLower(text)
		}
		texts, places = append(texts, lead+text), append(places, v)
	}
	switch s.shape {
	case scalar:
		add(v, "", s.expected)
	case list:
		for _, item := range v.Items(s.expected) {
			add(item, "", "a string")
		}
	case pairs:
		for p := range v.Pairs(s.expected) {
			if name := p.Key.Node.Value; strings.Contains(name, "=") {
				p.Key.Fail("invalid label name %q", name)
			} else {
				add(p.Value, name+"=", "a string")
			}
		}
	}
	l.take(s, from, texts, func(i int, err error) { places[i].Fail("%v", err) })
	s.bad = v.Count() > before
}

// takeEnviron takes all LIGHTERMAN_ variables. An empty one counts as unset, as containers
// often get variables that nobody filled in. Lists and maps are split at commas.
func (l *loader) takeEnviron() {
	byName := make(map[string]*setting)
	for _, s := range l.settings {
		byName[s.variable()] = s
	}
	names := slices.Sorted(maps.Keys(l.env))
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && byName[name] == nil {
			near := hint(strings.TrimPrefix(name, prefix), settingNames(), func(s string) string { return find(settings, s).variable() })
			l.report("%s: unknown variable%s", name, near)
		}
	}
	for _, name := range names {
		s := byName[name]
		if s == nil || l.env[name] == "" {
			continue
		}
		texts := []string{l.env[name]}
		if s.shape != scalar {
			texts = strings.Split(l.env[name], ",")
		}
		for i, text := range texts {
			if s.shape != scalar {
				texts[i] = strings.TrimSpace(text)
			}
		}
		l.take(s, "environment "+name, texts, func(_ int, err error) { l.report("%s: %w", name, err) })
	}
}

// takeFlags takes the arguments. All that one flag is given for a list or a map is one value.
func (l *loader) takeFlags(args []string) {
	type given struct {
		setting *setting
		texts   []string
	}
	var all []*given
	l.walk(args, func(s *setting, text string) {
		i := slices.IndexFunc(all, func(g *given) bool { return g.setting == s })
		if i < 0 || s.shape == scalar {
			i = len(all)
			all = append(all, &given{setting: s})
		}
		all[i].texts = append(all[i].texts, text)
	}, l.report)
	for _, g := range all {
		flag := "--" + g.setting.name
		l.take(g.setting, "flag "+flag, g.texts, func(_ int, err error) { l.report("%s: %w", flag, err) })
	}
}

// walk goes through arguments: --name value, --name=value and, for booleans, --name. It
// stops, and returns true, where help is wanted. Only names of flags get into errors: anything
// else on a command line may be a secret gone astray.
func (l *loader) walk(args []string, give func(*setting, string), report func(string, ...any)) (help bool) {
	for at := 0; at < len(args); at++ {
		arg := args[at]
		if arg == "-h" || arg == "--help" {
			return true
		}
		name, isLong := strings.CutPrefix(arg, "--")
		if isLong = isLong && name != "" && name[0] != '='; !isLong {
			name = strings.TrimLeft(arg, "-")
		}
		name, text, attached := strings.Cut(name, "=")
		s := find(l.settings, name)
		next := ""
		if at+1 < len(args) {
			next = args[at+1]
		}
		// A name that is wrong takes what may be its value along.
		skip := !attached && at+1 < len(args)
		switch {
		case isLong && s == nil:
			report("--%s: unknown flag%s", name, hint(name, settingNames(), func(s string) string { return "--" + s }))
			skip = skip && !strings.HasPrefix(next, "--")
		case !isLong && s == nil:
			report("argument %d is not a flag; flags begin with --", at+1)
			skip = false
		case !isLong:
			report("argument %d is not a flag; did you mean --%s?", at+1, name)
			skip = skip && !strings.HasPrefix(next, "-")
		case attached:
			give(s, text)
		case s.kind == kindBool:
			give(s, "true")
			skip = false
		case at+1 == len(args) || l.isFlag(next):
			report("--%s: needs a value", name)
			skip = false
		default:
			give(s, next)
			skip = true
		}
		if skip {
			at++
		}
	}
	return false
}

// isFlag reports whether an argument names a known flag: such a one is not taken for the
// value of the flag before it.
func (l *loader) isFlag(arg string) bool {
	name, isLong := strings.CutPrefix(arg, "--")
	name, _, _ = strings.Cut(name, "=")
	return isLong && (name == "help" || find(l.settings, name) != nil)
}

// settingNames returns the names of all settings.
func settingNames() []string {
	names := make([]string, 0, len(settings))
	for _, s := range settings {
		names = append(names, s.name)
	}
	return names
}

// hint is the end of an error about an unknown name.
func hint(name string, known []string, quote func(string) string) string {
	if near := nearest.Name(name, known); near != "" {
		return "; did you mean " + quote(near) + "?"
	}
	return `; "lighterman run --help" lists what there is`
}
