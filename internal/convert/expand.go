package convert

import (
	"regexp"
	"strings"
)

// Expand says how the variables in a file are replaced.
type Expand struct {
	// On is what Promtail does with -config.expand-env=true.
	On bool
	// Lookup returns a variable of the environment.
	Lookup func(name string) (string, bool)
}

// variable is ${NAME}, or with something behind the name, or a sign that stands before itself.
var variable = regexp.MustCompile(`\$\$|\\[\\/]|\$\{([A-Za-z0-9_]*)([^}]*)\}`)

// expand replaces variables as Promtail does, on the whole text before it is read: also those
// in replacements of rules. Lines stay where they are.
func (p *plan) expand(text string, with Expand) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		code, _, _ := strings.Cut(line, "#")
		if !with.On {
			for _, m := range variable.FindAllStringSubmatch(code, -1) {
				group := strings.Contains(text, "?P<"+m[1]+">") || strings.Contains(text, "?<"+m[1]+">")
				if m[1] != "" && strings.Trim(m[1], "0123456789") != "" && !group {
					p.lost(i+1, "${"+m[1]+"}", "Promtail replaces variables only with -config.expand-env=true",
						"if yours runs with it, use --expand-env in the same environment")
				}
			}
			continue
		}
		lines[i] = variable.ReplaceAllStringFunc(line, func(found string) string {
			if len(found) == 2 {
				return found[1:] // Promtail takes \\ and \/ for one sign then, also where YAML would
			}
			m := variable.FindStringSubmatch(found)
			value := p.value(i+1, m[1], m[2], with)
			if strings.ContainsAny(value, "\r\n") {
				p.refuse(i+1, "the variable %s holds more than one line", m[1])
				return ""
			}
			return value
		})
	}
	return strings.Join(lines, "\n")
}

// value is that of a variable with what stands behind its name.
func (p *plan) value(line int, name, rest string, with Expand) string {
	value, set := "", false
	if with.Lookup != nil {
		value, set = with.Lookup(name)
	}
	switch {
	case name == "":
		p.refuse(line, "${%s} is no variable", rest)
	case rest == "" && strings.Trim(name, "0123456789") == "":
		p.note(line, "${"+name+"}", "Promtail takes it for a variable, which is empty, and not for a group of the rule's expression", "write $"+name+" if the group was meant")
	case rest == "":
		if !set {
			p.lost(line, "${"+name+"}", "the variable is not set here, so its place is empty", "run convert with the environment that "+p.product+" has")
		}
	case strings.HasPrefix(rest, ":-"), strings.HasPrefix(rest, ":="):
		if value == "" {
			return rest[2:]
		}
	case strings.HasPrefix(rest, "-"), strings.HasPrefix(rest, "="):
		if value == "" { // Promtail cannot tell empty from not set
			return rest[1:]
		}
	default:
		p.lost(line, "${"+name+rest+"}", "this way to change a variable is not known here", "write its value instead")
	}
	return value
}
