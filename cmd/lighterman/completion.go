package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/config"
)

const completionUsage = `Usage: lighterman completion bash|zsh|fish

Prints what a shell needs to complete commands, flags and their values. The
packages install it; by hand it is, for bash, zsh and fish:

  lighterman completion bash > /etc/bash_completion.d/lighterman
  lighterman completion zsh > "${fpath[1]}/_lighterman"
  lighterman completion fish > ~/.config/fish/completions/lighterman.fish
`

// shell writes the completion for one shell.
type shell struct {
	name  string
	write func() string
}

func shellTable() []shell { return []shell{{"bash", bash}, {"zsh", zsh}, {"fish", fish}} }

func shellNames() (names []string) {
	for _, s := range shellTable() {
		names = append(names, s.name)
	}
	return names
}

// completionCommand prints the completion for a shell.
func completionCommand(_ context.Context, args, _ []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && slices.Contains([]string{"-h", "--help"}, args[0]) {
		return printed(stdout, stderr, completionUsage)
	}
	for _, s := range shellTable() {
		if len(args) == 1 && args[0] == s.name {
			return printed(stdout, stderr, s.write())
		}
	}
	_, _ = fmt.Fprintln(stderr, "lighterman completion takes one of "+strings.Join(shellNames(), ", "))
	return exitUsage
}

// options are all flags of a subcommand, its own first.
func (c command) options() []option {
	all := ownOptions(c.usage)
	if !c.settings {
		return all
	}
	own := len(all)
	for _, d := range config.Describe() {
		if slices.ContainsFunc(all[:own], func(o option) bool { return o.name == d.Name }) {
			continue // it has another meaning here
		}
		o := option{name: d.Name, placeholder: d.Placeholder, words: d.Choices, help: d.Help}
		if kind, _, _ := strings.Cut(d.Placeholder, "|"); kind == "FILE" || kind == "DIR" {
			o.path = kind
		}
		all = append(all, o)
	}
	return all
}

// short is the first sentence of a flag's help.
func (o option) short() string {
	first, _, _ := strings.Cut(o.help, ". ")
	return strings.TrimSuffix(first, ".")
}

// everyOption is each flag once, whatever subcommands take it.
func everyOption() (all []option) {
	for _, c := range commands() {
		for _, o := range c.options() {
			if !slices.ContainsFunc(all, func(other option) bool { return other.name == o.name }) {
				all = append(all, o)
			}
		}
	}
	return all
}

// bash completes with what every bash has, without the package bash-completion. Bash takes
// --flag=value for three words.
func bash() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for lighterman
_lighterman() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W %q -- "$cur")
		return
	fi
	if [ "$cur" = "=" ]; then
		cur=
	elif [ "$prev" = "=" ]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	case $prev in
`, strings.Join(commandNames(), " "))
	var files, dirs, others []string
	for _, o := range everyOption() {
		switch {
		case o.words != nil:
			fmt.Fprintf(&b, "	--%s) words=%q ;;\n", o.name, strings.Join(o.words, " "))
		case o.path == "FILE":
			files = append(files, "--"+o.name)
		case o.path == "DIR":
			dirs = append(dirs, "--"+o.name)
		case o.placeholder != "":
			others = append(others, "--"+o.name)
		}
	}
	const paths = "	%s)\n		compopt -o filenames\n		mapfile -t COMPREPLY < <(compgen %s -- \"$cur\")\n		return\n		;;\n"
	fmt.Fprintf(&b, paths, strings.Join(files, "|"), "-f")
	fmt.Fprintf(&b, paths, strings.Join(dirs, "|"), "-d")
	fmt.Fprintf(&b, "	%s) return ;;\n	*)\n		case ${COMP_WORDS[1]} in\n", strings.Join(others, "|"))
	for _, c := range commands() {
		fmt.Fprintf(&b, "		%s) words=%q ;;\n", c.name, strings.Join(c.candidates(), " "))
	}
	b.WriteString("		esac\n		;;\n	esac\n	mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -F _lighterman lighterman\n")
	return b.String()
}

// candidates are the words that may follow a subcommand.
func (c command) candidates() (words []string) {
	if c.words != nil {
		words = c.words()
	}
	for _, o := range c.options() {
		words = append(words, "--"+o.name)
	}
	return append(words, "--help")
}

// zsh completes with zsh's own _arguments.
func zsh() string {
	var b strings.Builder
	b.WriteString("#compdef lighterman\n\n_lighterman() {\n\tlocal curcontext=$curcontext state line\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a commands=(\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "\t\t\t'%s:%s'\n", c.name, zshText(c.summary))
	}
	b.WriteString("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments -s", c.name)
		if c.words != nil {
			fmt.Fprintf(&b, " \\\n\t\t\t'1:%s:(%s)'", zshText(c.summary), strings.Join(c.words(), " "))
		}
		for _, o := range c.options() {
			fmt.Fprintf(&b, " \\\n\t\t\t'*--%s%s'", o.name, o.zsh())
		}
		b.WriteString(" \\\n\t\t\t'(- *)--help[print help]'\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\n\n_lighterman \"$@\"\n")
	return b.String()
}

// zsh is what stands behind the name of a flag in _arguments.
func (o option) zsh() string {
	text := "[" + zshText(o.short()) + "]"
	if o.placeholder == "" {
		return text
	}
	text = "=" + text + ":" + zshText(o.placeholder) + ":"
	switch {
	case o.words != nil:
		return text + "(" + strings.Join(o.words, " ") + ")"
	case o.path == "FILE":
		return text + "_files"
	case o.path == "DIR":
		return text + "_files -/"
	}
	return text + " "
}

// zshText escapes what _arguments and _describe take for their own, in single quotes.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`, "'", `'\''`).Replace(s)
}

// fish completes with fish's own complete.
func fish() string {
	var b strings.Builder
	b.WriteString("# fish completion for lighterman\ncomplete -c lighterman -f\n")
	none := "__fish_use_subcommand"
	for _, c := range commands() {
		fmt.Fprintf(&b, "complete -c lighterman -n %s -a %s -d %s\n", none, c.name, fishText(c.summary))
	}
	for _, c := range commands() {
		seen := fishText("__fish_seen_subcommand_from " + c.name)
		if c.words != nil {
			fmt.Fprintf(&b, "complete -c lighterman -n %s -a %s\n", seen, fishText(strings.Join(c.words(), " ")))
		}
		for _, o := range c.options() {
			fmt.Fprintf(&b, "complete -c lighterman -n %s -l %s%s -d %s\n", seen, o.name, o.fish(), fishText(o.short()))
		}
	}
	return b.String()
}

// fish is what a flag's value may be.
func (o option) fish() string {
	switch {
	case o.placeholder == "":
		return ""
	case o.words != nil:
		return " -x -a " + fishText(strings.Join(o.words, " "))
	case o.path == "FILE":
		return " -r -F"
	case o.path == "DIR":
		return " -x -a '(__fish_complete_directories)'"
	}
	return " -x"
}

func fishText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
