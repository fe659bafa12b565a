package config

import (
	"cmp"
	"strings"
)

// Description is what there is to know of a setting, for manual pages and completions.
type Description struct {
	// Name is that of the flag, without dashes, and of the key; Group is where it belongs.
	Name, Group string
	// Word is what its value is called, Placeholder what stands for it in help, empty for a
	// flag without one.
	Word, Placeholder string
	// Variable is its environment variable, Default what holds without it, in words where
	// that is found out at run time.
	Variable, Default string
	Help              string
	// Choices are the values there are, nil for any.
	Choices []string
	// InFile says that it may stand in the file.
	InFile bool
}

// Describe returns the settings in the order of the reference.
func Describe() []Description {
	out := make([]Description, 0, len(settings))
	for _, s := range settings {
		d := Description{
			Name: s.name, Group: s.group, Word: s.word, Placeholder: s.placeholder,
			Variable: s.variable(), Default: cmp.Or(s.def, s.auto), Help: s.help, InFile: s.name != configFile,
		}
		if s.word == choice {
			d.Choices = strings.Split(s.placeholder, "|")
		}
		out = append(out, d)
	}
	return out
}

// SectionDescription is what there is to know of a section of the file.
type SectionDescription struct {
	Name, Default, Help, Example string
}

// DescribeSections returns the sections that a file may hold, in the order of the reference.
func DescribeSections() (out []SectionDescription) {
	for _, s := range sections {
		out = append(out, SectionDescription{s.name, s.def, s.help, s.example})
	}
	return out
}
