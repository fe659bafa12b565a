package main

import (
	"fmt"
	"strings"
)

// costs are what the summary says of a scenario's cost, as far as it was measured: a column
// and its unit.
var costs = []struct{ name, unit string }{
	{"cpu_s_per_gib", "CPU s/GiB"},
	{"used_s", "CPU s"},
	{"cpu_percent", "% of a core"},
	{"lines_per_s", "lines/s"},
	{"peak_mib", "MiB"},
}

// writeSummary writes one table: scenarios are rows, collectors columns.
func (b *book) writeSummary(out *strings.Builder) {
	agents := b.agents()
	fmt.Fprintf(out, "%s; %s. `%s`\n\n| |", b.machine, b.versions, b.command)
	for _, agent := range agents {
		out.WriteString(" " + agent + " |")
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(agents)) + "\n")
	for _, s := range b.scenarios() {
		out.WriteString("| " + s.name + " |")
		for _, agent := range agents {
			out.WriteString(" " + b.cell(s.name, agent) + " |")
		}
		out.WriteString("\n")
	}
}

// cell says what arrived and what it cost; it is empty where nothing was measured.
func (b *book) cell(scenario, agent string) string {
	var wrong, cost []string
	measured := false
	for _, c := range columns {
		if !worst[c.name] {
			continue
		}
		v, ok := b.median(scenario, agent, c.name)
		measured = measured || ok
		if v > 0 {
			wrong = append(wrong, number(v)+" "+c.title)
		}
	}
	if !measured {
		return ""
	}
	arrived := "all arrived"
	if len(wrong) > 0 {
		arrived = "**" + strings.Join(wrong, ", ") + "**"
	}
	for _, c := range costs {
		if v, ok := b.median(scenario, agent, c.name); ok {
			cost = append(cost, number(v)+" "+c.unit)
		}
	}
	return arrived + "; " + strings.Join(cost, ", ")
}
