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
		if c.title == "" {
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

var errNoMarks = errors.New("the lines that enclose the measured part are missing")

// renew replaces the measured part of a document.
func (b *book) renew(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot renew document: %w", err)
	}
	before, rest, ok1 := strings.Cut(string(text), measuredBegin)
	_, after, ok2 := strings.Cut(rest, measuredEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("cannot renew %q: %w", path, errNoMarks)
	}
	var out bytes.Buffer
	out.WriteString(before + measuredBegin + "\n")
	if err := b.writeTable(&out); err != nil {
		return err
	}
	out.WriteString("\n" + measuredEnd + after)
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot renew document: %w", err)
	}
	return nil
}
