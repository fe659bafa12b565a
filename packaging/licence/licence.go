// Package licence finds the licences of the modules that a binary is made of.
package licence

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// Module is a module in a binary, with its licences.
type Module struct {
	Path, Version string
	// Names are the SPDX names of the licences in Texts, which are whole files, notices
	// included.
	Names []string
	Texts []string
}

// Standard is the path by which Go's own library is listed.
const Standard = "std"

// allowed are the licences that a module may have: all let a binary be passed on under
// Apache-2.0 as long as their texts go with it.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// known are words that only one licence has, after whitespace was made single and letters
// small. A file may hold several.
var known = []struct {
	name string
	text *regexp.Regexp
}{
	{"Apache-2.0", regexp.MustCompile(`apache license,? version 2\.0`)},
	{"MIT", regexp.MustCompile(`permission is hereby granted, free of charge, to any person obtaining a copy`)},
	{"BSD-3-Clause", regexp.MustCompile(`redistributions in binary form must .*neither the name`)},
	{"BSD-2-Clause", regexp.MustCompile(`redistributions in binary form must `)},
	{"ISC", regexp.MustCompile(`permission to use, copy, modify, and(/or)? distribute this software for any purpose with or without fee`)},
	{"MPL-2.0", regexp.MustCompile(`mozilla public license,? (version|v\.) ?2\.0`)},
	{"GPL", regexp.MustCompile(`gnu (lesser |affero |library )?general public license`)},
	{"CC", regexp.MustCompile(`creative commons`)},
	{"SSPL", regexp.MustCompile(`server side public license`)},
	{"BUSL-1.1", regexp.MustCompile(`business source license`)},
}

// files are the names of licences and notices, others those of what is no part of a binary.
var (
	files  = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicense)`)
	others = regexp.MustCompile(`(?i)\.(docs|go)$`)
)

// Of returns the modules of a binary, with their licences, in the order of their paths.
// root is the directory of the module that the binary is made from. A module without a
// licence that is known and allowed is an error.
func Of(binary, root string) ([]Module, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("cannot read what %q is made of: %w", binary, err)
	}
	dirs, err := directories(info, root)
	if err != nil {
		return nil, err
	}
	out := []Module{{Path: Standard, Version: info.GoVersion}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by %s, whose licence nobody has looked at", m.Path, m.Replace.Path)
		}
		out = append(out, Module{Path: m.Path, Version: m.Version})
	}
	var wrong []error
	for i := range out {
		if err := out[i].read(dirs[out[i].Path]); err != nil {
			wrong = append(wrong, err)
		}
	}
	return out, errors.Join(wrong...)
}

// directories returns where the source of each module is.
func directories(info *debug.BuildInfo, root string) (map[string]string, error) {
	goroot, err := run(root, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{Standard: strings.TrimSpace(goroot)}
	args := []string{"list", "-m", "-f", "{{.Path}}\t{{.Dir}}"}
	for _, m := range info.Deps {
		args = append(args, m.Path)
	}
	listed, err := run(root, args...)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(listed) {
		path, dir, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		dirs[path] = dir
	}
	return dirs, nil
}

func run(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cannot run go %s: %w", args[0], err)
	}
	return string(out), nil
}

// read takes the licence of a module from its directory.
func (m *Module) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot find the source of %s: %w", m.Path, err)
	}
	for _, e := range entries {
		if !files.MatchString(e.Name()) || others.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return fmt.Errorf("cannot read the licence of %s: %w", m.Path, err)
		}
		m.Texts = append(m.Texts, string(text))
		for _, name := range Names(string(text)) {
			if !slices.Contains(m.Names, name) {
				m.Names = append(m.Names, name)
			}
		}
	}
	slices.Sort(m.Names)
	return m.check()
}

// check reports what is wrong with the licences of a module.
func (m *Module) check() error {
	if len(m.Names) == 0 {
		return fmt.Errorf("%s has no licence that is known", m.Path)
	}
	for _, name := range m.Names {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("%s has the licence %s; allowed are %s", m.Path, name, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// Names returns the SPDX names of the licences in a text.
func Names(text string) (names []string) {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, k := range known {
		if k.name == "BSD-2-Clause" && slices.Contains(names, "BSD-3-Clause") {
			continue
		}
		if k.text.MatchString(text) {
			names = append(names, k.name)
		}
	}
	return names
}
