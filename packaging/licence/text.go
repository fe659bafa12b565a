package licence

import (
	"fmt"
	"strings"
)

// List is the table of docs/licences.md: modules of several binaries, each once.
func List(modules []Module) string {
	var b strings.Builder
	b.WriteString("| module | licence |\n|---|---|\n")
	for _, m := range modules {
		path := "`" + m.Path + "`"
		if m.Path == Standard {
			path = "Go's standard library"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", path, strings.Join(m.Names, ", "))
	}
	return b.String()
}

// Copyright is the file that goes with a binary: lighterman's own licence, and the texts
// of all that is in it.
func Copyright(own string, modules []Module) string {
	var b strings.Builder
	b.WriteString("lighterman is under the Apache License 2.0, which comes first. What it is made of follows,\neach with its licence and notices.\n\n")
	b.WriteString(strings.TrimSpace(own) + "\n")
	line := strings.Repeat("=", 80)
	for _, m := range modules {
		path := m.Path
		if path == Standard {
			path = "Go's standard library"
		}
		fmt.Fprintf(&b, "\n%s\n%s %s\n%s\n\n%s\n", line, path, m.Version, line, strings.TrimSpace(strings.Join(m.Texts, "\n\n")))
	}
	return b.String()
}
