package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// command is a subcommand. Help, completions and manual pages are made from it.
type command struct {
	name string
	// takes stands behind the name in the usage, summary says what it does.
	takes, summary string
	// usage is its help: a line with how to call it, paragraphs, and its own flags, each
	// two spaces in, with what they do eight in.
	usage string
	// settings says that it takes the flags of run.
	settings bool
	// words are what its argument may be; nil for anything or nothing.
	words func() []string
	run   func(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int
}

// commands is the table of the subcommands, in the order of the usage. It is a function
// because some of what it names reads it.
func commands() []command {
	return []command{
		{name: "run", takes: "[flags]", summary: "carry logs until stopped", usage: runUsage, settings: true, run: runCommand},
		{name: "check", takes: "[flags]", summary: "check a configuration, and try what it says", usage: checkUsage, settings: true, run: checkCommand},
		{name: "try", takes: "CONTAINER|FILE…", summary: "what the stages make of its lines", usage: tryUsage, settings: true, run: tryCommand},
		{name: "tail", takes: "[PATTERN…]", summary: "show what containers write, as they write it", usage: tailUsage, settings: true, run: tailCommand},
		{name: "ls", takes: "[flags]", summary: "list containers, and how their logs are read", usage: lsUsage, settings: true, run: lsCommand},
		{name: "compare", takes: "[flags]", summary: "what each mode would cover and cost on this host", usage: compareUsage, settings: true, run: compareCommand},
		{name: "diff", takes: "[flags]", summary: "compare what two Lokis or tenants have", usage: diffUsage, settings: true, run: diffCommand},
		{name: "verify", takes: "[NAME…]", summary: "compare what is stored with what Loki has", usage: verifyUsage, settings: true, run: verifyCommand},
		{name: "why", takes: "TEXT [CONTAINER…]", summary: "what has become of a line", usage: whyUsage, settings: true, run: whyCommand},
		{name: "suggest", takes: "[CONTAINER…]", summary: "propose configuration for what containers write", usage: suggestUsage, settings: true, run: suggestCommand},
		{name: "resend", takes: "CONTAINER…", summary: "send what is stored again, as it would be now", usage: resendUsage, settings: true, run: resendCommand},
		{name: "convert", takes: "FROM FILE", summary: "make a configuration of Promtail's or Alloy's", usage: convertUsage, words: origins, run: convertCommand},
		{name: "health", takes: "[flags]", summary: "ask the lighterman that runs how it is", usage: healthUsage, settings: true, run: healthCommand},
		{name: "completion", takes: "SHELL", summary: "print completions for bash, zsh or fish", usage: completionUsage, words: shellNames, run: completionCommand},
		{name: "man", takes: "[PAGE]", summary: "print a manual page", usage: manUsage, words: pageNames, run: manCommand},
		{name: "version", summary: "print the version", usage: versionUsage, run: versionCommand},
		{name: "help", takes: "[command]", summary: "print help", usage: helpUsage, words: commandNames, run: helpCommand},
	}
}

// commandNames are the names of the subcommands.
func commandNames() (names []string) {
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

// lookUp finds a subcommand by its name, or by a flag that is usual in its place.
func lookUp(name string) (command, bool) {
	switch name {
	case "--version":
		name = "version"
	case "--help", "-h":
		name = "help"
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

// overview is the list of the subcommands in the usage.
func overview() string {
	var b strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&b, "  lighterman %-18s %s\n", strings.TrimSpace(c.name+" "+c.takes), c.summary)
	}
	return b.String()
}

// option is a flag.
type option struct {
	// name is it without the dashes; placeholder stands for its value, empty if it has none.
	name, placeholder string
	// words are what the value may be, nil for anything; path is FILE or DIR where it is one.
	words []string
	path  string
	help  string
}

// ownFlag is a flag in the usage of a subcommand, with its short form before it, and behind
// it the placeholder and what it does, or the beginning of that.
var ownFlag = regexp.MustCompile(`^  (?:-\w, )?--([a-z-]+)( \S+|\[=\S+\])?(?:  +(.*))?$`)

// ownOptions are the flags in the usage of a subcommand.
func ownOptions(usage string) (all []option) {
	for line := range strings.Lines(usage) {
		flag := ownFlag.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case flag != nil:
			placeholder := strings.TrimSpace(flag[2])
			if attached, is := strings.CutPrefix(placeholder, "[="); is {
				placeholder = strings.TrimSuffix(attached, "]")
			}
			all = append(all, option{name: flag[1], placeholder: placeholder, help: flag[3]})
		case strings.HasPrefix(line, "        ") && len(all) > 0:
			last := &all[len(all)-1]
			last.help = strings.TrimSpace(last.help + " " + strings.TrimSpace(line))
		}
	}
	return all
}
