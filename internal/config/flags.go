package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/nearest"
)

// ErrHelp is returned when the arguments ask for help.
var ErrHelp = errors.New("help requested")

// flagParser walks the arguments. Only names of flags get into errors: anything
// else on a command line may be a secret gone astray.
type flagParser struct {
	args     []string
	at       int
	found    []assignment
	problems []error
}

// parseFlags reads --name value, --name=value and, for booleans, --name.
func parseFlags(args []string) ([]assignment, []error) {
	p := &flagParser{args: args}
	for p.at < len(p.args) {
		if !p.next() {
			return nil, []error{ErrHelp}
		}
	}
	return p.found, p.problems
}

// next takes one flag with its value. It returns false when help is wanted.
func (p *flagParser) next() bool {
	arg := p.args[p.at]
	p.at++
	if arg == "-h" || arg == "--help" {
		return false
	}
	name, text, attached := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	s := lookup(name)
	switch {
	case !strings.HasPrefix(arg, "--") || name == "":
		p.stray(arg)
	case s == nil:
		p.unknown(name, attached)
	case attached:
		p.assign(s, text)
	case s.kind == kindBool:
		p.assign(s, "true")
	case p.at == len(p.args) || isFlag(p.args[p.at]):
		p.report("--%s: needs a value", name)
	default:
		p.at++
		p.assign(s, p.args[p.at-1])
	}
	return true
}

// assign notes a value. Several for one list or map are one value.
func (p *flagParser) assign(s *setting, text string) {
	flag := "--" + s.name
	i := slices.IndexFunc(p.found, func(a assignment) bool { return a.setting == s })
	if i < 0 || s.kind.shape == one {
		i = len(p.found)
		p.found = append(p.found, assignment{setting: s, name: flag, value: value{from: "flag " + flag}})
	}
	p.found[i].texts = append(p.found[i].texts, text)
}

func (p *flagParser) report(format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf(format, args...))
}

// unknown reports a flag that does not exist, and skips what may be its value.
func (p *flagParser) unknown(name string, attached bool) {
	p.report("--%s: unknown flag%s", name, hint(name, settingNames(), func(s string) string { return "--" + s }))
	if !attached && p.at < len(p.args) && !strings.HasPrefix(p.args[p.at], "--") {
		p.at++
	}
}

// stray reports an argument that is no flag, without showing it.
func (p *flagParser) stray(arg string) {
	name, _, attached := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if lookup(name) == nil {
		p.report("argument %d is not a flag; flags begin with --", p.at)
		return
	}
	p.report("argument %d is not a flag; did you mean --%s?", p.at, name)
	if !attached && p.at < len(p.args) && !strings.HasPrefix(p.args[p.at], "-") {
		p.at++
	}
}

// isFlag reports whether an argument names a known flag: such a one is not taken
// for the value of the flag before it.
func isFlag(arg string) bool {
	name, isLong := strings.CutPrefix(arg, "--")
	name, _, _ = strings.Cut(name, "=")
	return isLong && (name == "help" || lookup(name) != nil)
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
