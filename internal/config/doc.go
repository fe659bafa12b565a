// Package config turns flags, environment variables and a YAML file into one validated
// Config, nested by what it is about.
//
// One table of settings (table.go, table_loki.go) drives flags, variables, the keys of the
// file, defaults, the help text, the effective configuration and docs/configuration.md. What
// a flag cannot hold, lists of rules and maps, is a section of the file only
// (table_sections.go). Package document reads the file; each problem comes with its place and
// the path of the setting, and all problems at once.
//
// Sources are taken one after the other, the weakest first: the file, variables, flags.
// What a stronger one says replaces a value as a whole, so lists are not joined.
//
// For those who wire what the sections say:
//
//   - Labels.Name(default) is the name that a default label or metadata is sent under, empty
//     for none; Labels.External are labels of every line. No two have one name.
//   - Labels.Relabel goes to relabel.ProcessBuilder as it is; label names are the legacy ones.
//   - Labels.Metadata is a list of a name and the label that it has its value from.
//   - Labels.FromContainers are the labels lighterman.NAME that are honoured.
//   - Stages is a list of a name, a node and a place. The node is sound: no aliases, no tags,
//     no key twice, at most 32 levels deep. document.Later(s.Pos, s.Node) reads it strictly,
//     and its problems have file, line, column and path.
//
// Until a section has a consumer its name is in the list unsupported, and a file with it is
// refused.
package config
