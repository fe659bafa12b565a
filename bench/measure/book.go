package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/bench/peer"
)

// entry is what one run of an agent has measured.
type entry struct {
	agent    string
	scenario scenario
	run      int
	values   values
}

// book holds all that was measured.
type book struct {
	commit, machine string
	// command is what measures the same again, and versions what was measured, if not
	// lighterman alone.
	command, versions string
	// beside tells that lighterman is held against others.
	beside  bool
	entries []entry
}

// columns are what is written down, in this order, for people and for CSV.
var columns = []struct{ name, title string }{
	{"lost", "lost"},
	{"repeated", "repeated"},
	{"changed", "changed"},
	{"retimed", "other time"},
	{"cpu_s_per_gib", "CPU s/GiB"},
	{"used_s", "CPU s"},
	{"ratio", "× floor"},
	{"lines_per_s", "lines/s"},
	{"lines_per_cpu_s", "lines/CPU s"},
	{"read_mb_per_s", "read MB/s"},
	{"sent_mb_per_s", "sent MB/s"},
	{"link_percent", "% of link"},
	{"cpu_percent", "CPU %"},
	{"p50_ms", "p50 ms"},
	{"p95_ms", "p95 ms"},
	{"p99_ms", "p99 ms"},
	{"max_ms", "max ms"},
	{"first_new_ms", "first new line ms"},
	{"ready_ms", "ready after ms"},
	{"caught_up_s", "caught up after s"},
	{"rss_mib", "RSS MiB"},
	{"peak_mib", "peak MiB"},
	{"threads", "threads"},
	{"fds", "FDs"},
	{"goroutines", "goroutines"},
	{"lines", "lines"},
	{"requests", "requests"},
	{"streams", "streams"},
	{"body_mib", "sent MiB"},
	{"reordered", "reordered"},
	{"events_per_kline", "inotify events per 1,000 lines"},
	{"cpu_s", ""},
	{"read_s_per_gib", ""},
	{"split_s_per_gib", ""},
	{"extract_s_per_gib", ""},
	{"snappy_s_per_gib", ""},
}

// worst are the columns of which the worst run counts, not the median: what is lost in one
// run of three is lost.
var worst = map[string]bool{"lost": true, "repeated": true, "changed": true, "retimed": true}

// besideColumns are those of the tables that hold lighterman against others; the others are
// in runs.csv.
var besideColumns = []string{
	"lost", "repeated", "changed", "retimed", "reordered", "cpu_s_per_gib", "used_s", "cpu_percent", "lines_per_s", "p50_ms", "p95_ms", "p99_ms", "caught_up_s", "peak_mib", "body_mib",
}

// shown tells that a column is one of the tables.
func (b *book) shown(name, title string) bool {
	return title != "" && (!b.beside || slices.Contains(besideColumns, name))
}

// enter notes what a run has measured, and says it.
func (b *book) enter(e entry) {
	b.entries = append(b.entries, e)
	fmt.Fprintf(os.Stderr, "%-12s %-14s %d:", e.scenario.name, e.agent, e.run+1)
	for _, c := range columns {
		if v, ok := e.values[c.name]; ok && c.title != "" {
			fmt.Fprintf(os.Stderr, " %s=%s", c.name, number(v))
		}
	}
	fmt.Fprintln(os.Stderr)
}

// number writes three or more digits.
func number(v float64) string {
	switch abs := max(v, -v); {
	case abs >= 100 || v == float64(int64(v)):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case abs >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
}

// median returns the median of a value over the runs, or the worst of those in worst; ok is
// false without any.
func (b *book) median(scenario, agent, name string) (float64, bool) {
	if name == "ratio" {
		own, ok := b.median(scenario, agent, "cpu_s_per_gib")
		base, there := b.median(scenario, floorName, "cpu_s_per_gib")
		return own / base, ok && there
	}
	var all []float64
	for _, e := range b.entries {
		if v, ok := e.values[name]; ok && e.scenario.name == scenario && e.agent == agent {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	if worst[name] {
		return all[len(all)-1], true
	}
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, true
}

// distinct lists what get returns of the entries, each once, in their order.
func distinct[T comparable](entries []entry, get func(entry) T) (out []T) {
	for _, e := range entries {
		if v := get(e); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (b *book) agents() []string {
	out := distinct(b.entries, func(e entry) string { return e.agent })
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// rank puts ourselves first and the floor last.
func rank(agent string) int {
	switch {
	case strings.HasPrefix(agent, "lighterman"):
		return 0
	case agent == floorName:
		return 2
	}
	return 1
}

func (b *book) scenarios() []scenario {
	return distinct(b.entries, func(e entry) scenario { return e.scenario })
}

func (b *book) write(o *options) error {
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return fmt.Errorf("cannot write results: %w", err)
		}
		if err := b.writeFile(filepath.Join(o.out, "runs.csv"), b.writeCSV); err != nil {
			return err
		}
		if err := b.writeFile(filepath.Join(o.out, "table.md"), b.writeTable); err != nil {
			return err
		}
		if b.beside {
			return b.finish(o)
		}
		if err := b.charts(o.out); err != nil {
			return err
		}
	}
	return b.finish(o)
}

// finish renews the documents and prints what there is.
func (b *book) finish(o *options) error {
	if o.doc != "" {
		if err := b.renew(o.doc); err != nil {
			return err
		}
	}
	if o.summary != "" {
		if err := b.renewSummary(o.summary); err != nil {
			return err
		}
	}
	if o.quick && !b.beside {
		return b.writeLine(os.Stdout)
	}
	return b.writeTable(os.Stdout)
}

func (b *book) writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("cannot write results: %w", err)
	}
	return f.Close()
}

func (b *book) writeCSV(to io.Writer) error {
	w := csv.NewWriter(to)
	head := []string{"commit", "scenario", "agent", "run"}
	for _, c := range columns {
		head = append(head, c.name)
	}
	rows := [][]string{head}
	for _, e := range b.entries {
		row := []string{b.commit, e.scenario.name, e.agent, strconv.Itoa(e.run + 1)}
		for _, c := range columns {
			text := ""
			if v, ok := e.values[c.name]; ok {
				text = number(v)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return w.WriteAll(rows)
}

// writeLine writes what `make bench-quick` ends with.
func (b *book) writeLine(to io.Writer) error {
	of := func(scenario, agent, name string) string {
		if v, ok := b.median(scenario, agent, name); ok {
			return number(v)
		}
		return "unknown"
	}
	const us = "lighterman"
	_, err := fmt.Fprintf(to, "cpu_s_per_gib=%s floor_cpu_s_per_gib=%s ratio=%s lines_per_s=%s p95_ms=%s idle_cpu_percent=%s rss_mib=%s\n",
		of("backlog", us, "cpu_s_per_gib"), of("backlog", floorName, "cpu_s_per_gib"), of("backlog", us, "ratio"),
		of("backlog", us, "lines_per_s"), of("live", us, "p95_ms"), of("idle-1000", us, "cpu_percent"), of("idle-1000", us, "rss_mib"))
	return err
}

// machine says what this machine is, as far as it matters.
func machine() string {
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%s; load at the start %s; %s", peer.Machine(), first, time.Now().UTC().Format("2006-01-02"))
}
