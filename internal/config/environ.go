package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// environment makes a map of NAME=value lines.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	return env
}

// parseEnviron reads all LIGHTERMAN_ variables. An empty one counts as unset,
// as containers often get variables that nobody filled in.
func parseEnviron(env map[string]string) (assignments, []error) {
	var found assignments
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch s := byVariable(name); {
		case !strings.HasPrefix(name, prefix) || s != nil && env[name] == "":
		case s == nil:
			problems = append(problems, unknownVariable(name))
		default:
			found = append(found, fromVariable(s, name, env[name]))
		}
	}
	return found, problems
}

func byVariable(name string) *setting {
	for _, s := range settings {
		if s.variable() == name {
			return s
		}
	}
	return nil
}

func unknownVariable(name string) error {
	quote := func(s string) string { return lookup(s).variable() }
	return fmt.Errorf("%s: unknown variable%s", name, hint(strings.TrimPrefix(name, prefix), settingNames(), quote))
}

// fromVariable splits lists and maps at commas.
func fromVariable(s *setting, name, value string) assignment {
	a := assignment{setting: s, from: "environment " + name}
	if s.kind.shape == one {
		a.texts = []text{{value, name}}
		return a
	}
	for part := range strings.SplitSeq(value, ",") {
		a.texts = append(a.texts, text{strings.TrimSpace(part), name})
	}
	return a
}
