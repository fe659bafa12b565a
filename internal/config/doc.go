// Package config turns flags, environment variables and a YAML file into one validated
// Config, nested by what it is about.
//
// One table of settings (table.go) drives flags, variables, the keys of the file, defaults,
// the help text, the effective configuration and docs/configuration.md. Each configuration
// has a table of its own, whose rows know where their values go. What a flag cannot hold,
// lists of rules and maps, is a section of the file only (table_sections.go). Package
// document reads the file; each problem comes with its place and the path of the setting, and
// all problems at once.
//
// Sources are taken one after the other, the weakest first: the file, variables, flags.
// What a stronger one says replaces a value as a whole, so lists are not joined.
//
// For those who wire what the sections say:
//
//   - Labels.Renamed has the other names of default labels and metadata, empty for none;
//     Labels.External are labels of every line. No name is given twice.
//   - Labels.Relabel goes to relabel.ProcessBuilder as it is; label names are the legacy ones.
//   - Labels.Metadata has for each name the label that its value is from.
//   - Labels.FromContainers are the labels lighterman.NAME that are honoured.
//   - Stages is a list of a name, a node and a place. The node is a map with that name as its
//     only key, and sound: no aliases, no tags, no key twice, at most 32 levels deep. A place
//     with a problem of its own is document.Pos{File: c.File, …}.Error(text);
//     document.Later(s.Pos, s.Node) reads a stage strictly.
package config
