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

// parseEnviron reads all LIGHTERMAN_ variables. An empty one counts as unset, as containers
// often get variables that nobody filled in. Lists and maps are split at commas.
func parseEnviron(env map[string]string) (found []assignment, problems []error) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		i := slices.IndexFunc(settings, func(s *setting) bool { return s.variable() == name })
		if i < 0 {
			near := hint(strings.TrimPrefix(name, prefix), settingNames(), func(s string) string { return lookup(s).variable() })
			problems = append(problems, fmt.Errorf("%s: unknown variable%s", name, near))
			continue
		}
		if env[name] == "" {
			continue
		}
		a := assignment{setting: settings[i], name: name, value: value{from: "environment " + name, texts: []string{env[name]}}}
		if a.setting.kind.shape != one {
			a.texts = strings.Split(env[name], ",")
			for i, text := range a.texts {
				a.texts[i] = strings.TrimSpace(text)
			}
		}
		found = append(found, a)
	}
	return found, problems
}
