package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Finding is something about a configuration that its owner has to know.
type Finding struct {
	// Line is where it is in the file; 0 for the file as a whole.
	Line int
	// What is the thing, as it is called in the file, Why what is with it, and Cure what to
	// do.
	What, Why, Cure string
	// Note says that it was carried all the same.
	Note bool
}

// Text returns the finding as one line, with the name of the file.
func (f Finding) Text(file string) string {
	var b strings.Builder
	b.WriteString(file)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": ")
	if f.Note {
		b.WriteString("note: ")
	} else {
		b.WriteString("not carried: ")
	}
	b.WriteString(f.What + ": " + f.Why)
	if f.Cure != "" {
		b.WriteString("; " + f.Cure)
	}
	return b.String()
}

// Result is what has become of a configuration.
type Result struct {
	// Config is the configuration of lighterman.
	Config string
	// Findings are in the order of the file.
	Findings []Finding
	// Secret says that the configuration holds a password or a token.
	Secret bool
}

// Whole reports whether everything was carried.
func (r *Result) Whole() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Note })
}

// InvalidError says that a file is no configuration that the old collector would take.
type InvalidError struct {
	File     string
	Problems []Problem
}

// Problem is what is wrong at a place.
type Problem struct {
	Line int
	Text string
}

// Error names all problems, one a line.
func (e *InvalidError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", e.File, max(1, p.Line), p.Text))
	}
	return strings.Join(lines, "\n")
}

// findings gathers what there is to say.
type findings struct {
	list    []Finding
	invalid []Problem
}

// lost notes what is not carried.
func (f *findings) lost(line int, what, why, cure string) {
	f.add(Finding{Line: line, What: what, Why: why, Cure: cure})
}

// note notes what is carried, and is not quite the same.
func (f *findings) note(line int, what, why, cure string) {
	f.add(Finding{Line: line, What: what, Why: why, Cure: cure, Note: true})
}

func (f *findings) add(found Finding) {
	if !slices.Contains(f.list, found) {
		f.list = append(f.list, found)
	}
}

// refuse notes what the old collector itself would not take.
func (f *findings) refuse(line int, format string, args ...any) {
	p := Problem{line, fmt.Sprintf(format, args...)}
	if !slices.Contains(f.invalid, p) {
		f.invalid = append(f.invalid, p)
	}
}

// err returns what is wrong with a file, in its order.
func (f *findings) err(file string) error {
	if len(f.invalid) == 0 {
		return nil
	}
	// A variable that was not replaced is often why.
	for _, found := range f.list {
		if strings.HasPrefix(found.What, "${") && !found.Note {
			f.refuse(found.Line, "%s: %s; %s", found.What, found.Why, found.Cure)
		}
	}
	const most = 100
	slices.SortStableFunc(f.invalid, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &InvalidError{File: file, Problems: f.invalid[:min(most, len(f.invalid))]}
}

// sorted returns what there is to say in the order of the file.
func (f *findings) sorted() []Finding {
	slices.SortStableFunc(f.list, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return f.list
}
