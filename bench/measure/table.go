package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// writeTable writes a table per scenario: agents are rows, medians are cells.
func (b *book) writeTable(to io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Commit %s. %s.\n", b.commit, b.machine)
	if b.versions != "" {
		fmt.Fprintf(&out, "%s. Command: `%s`.\n", b.versions, b.command)
	}
	for _, s := range b.scenarios() {
		fmt.Fprintf(&out, "\n**%s**: %s\n\n", s.name, s.title)
		b.table(&out, s.name)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

func (b *book) table(out *strings.Builder, scenario string) {
	head, rule := "| |", "|---|"
	var used []string
	for _, c := range columns {
		if !b.shown(c.name, c.title) {
			continue
		}
		for _, agent := range b.agents() {
			if _, ok := b.median(scenario, agent, c.name); ok {
				used = append(used, c.name)
				head += " " + c.title + " |"
				rule += "---:|"
				break
			}
		}
	}
	fmt.Fprintf(out, "%s\n%s\n", head, rule)
	for _, agent := range b.agents() {
		row, measured := "| "+agent+" |", false
		for _, name := range used {
			v, ok := b.median(scenario, agent, name)
			if measured = measured || ok; ok {
				row += " " + number(v) + " |"
			} else {
				row += " |"
			}
		}
		if measured {
			fmt.Fprintln(out, row)
		}
	}
}

// The measured part of a document lies between these lines.
const (
	measuredBegin = "<!-- measured: written by make bench -->\n"
	measuredEnd   = "<!-- end of measured -->\n"
)

// What is measured beside others lies between these.
const (
	besideBegin = "<!-- measured beside others: written by make bench-peers -->\n"
	besideEnd   = "<!-- end of measured beside others -->\n"
)

func (b *book) marks() (begin, end string) {
	if b.beside {
		return besideBegin, besideEnd
	}
	return measuredBegin, measuredEnd
}

var errNoMarks = errors.New("the lines that enclose the measured part are missing")

// renew replaces the measured part of a document by the tables.
func (b *book) renew(path string) error { return b.renewWith(path, b.writeTable) }

// renewSummary replaces it by the summary.
func (b *book) renewSummary(path string) error {
	return b.renewWith(path, func(to io.Writer) error {
		var out strings.Builder
		b.writeSummary(&out)
		_, err := io.WriteString(to, out.String())
		return err
	})
}

func (b *book) renewWith(path string, write func(io.Writer) error) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot renew document: %w", err)
	}
	begin, end := b.marks()
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("cannot renew %q: %w", path, errNoMarks)
	}
	var out bytes.Buffer
	out.WriteString(before + begin + "\n")
	if err := write(&out); err != nil {
		return err
	}
	out.WriteString("\n" + end + after)
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot renew document: %w", err)
	}
	return nil
}
