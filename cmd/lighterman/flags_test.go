package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestFlags: what is a subcommand's is taken from among the flags of run, in every form, and
// what is wrong is told all at once.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args, rest, words []string
		text              string
		on, json          bool
		problems          []string
	}{
		{args: []string{"--text", "a", "web", "--mode", "file", "--on"}, rest: []string{"--mode", "file"}, words: []string{"web"}, text: "a", on: true},
		{args: []string{"--text=", "-o", "--mode=file", "--json"}, rest: []string{"--mode=file"}, on: true, json: true},
		{args: []string{"--json=false", "-", "--", "--text", "-o"}, words: []string{"-", "--text", "-o"}},
		{args: []string{"--text", "--on"}, text: "--on"},
		{args: []string{"--listen", "--text", "x"}, rest: []string{"--listen", "--text"}, words: []string{"x"}},
		{args: []string{"web", "--txet", "-h", "--text"}, rest: []string{"-h"}, words: []string{"web"}},
		{args: []string{"--nothing", "-x", "secret"}, rest: []string{"--nothing", "-x"}, words: []string{"secret"}},
		{args: []string{"--txet", "--on=1", "--json=2", "bad", "--text"}, problems: []string{
			"--txet: unknown flag; did you mean --text?", "--on: takes no value", "--json: invalid value", "bad word", "--text: needs a value",
		}},
		{args: []string{"never"}, problems: []string{"not together"}},
	} {
		var text string
		var words []string
		on, asJSON := false, false
		f := flags{
			own: []argument{textFlag("text", &text), switchFlag("on", "o", &on), jsonFlag(&asJSON)},
			word: func(word string) error {
				if words = append(words, word); word == "bad" {
					return errors.New("bad word")
				}
				return nil
			},
			check: func() error {
				if slices.Contains(words, "never") {
					return errors.New("not together")
				}
				return nil
			},
		}
		rest, err := f.parse(c.args)
		if len(c.problems) > 0 {
			if err == nil || len(strings.Split(err.Error(), "\n")) != len(c.problems) {
				t.Errorf("%q: %v", c.args, err)
			}
			for i, line := range strings.Split(errors.Join(err).Error(), "\n") {
				if i < len(c.problems) && !strings.HasPrefix(line, c.problems[i]) {
					t.Errorf("%q: %q instead of %q", c.args, line, c.problems[i])
				}
			}
			continue
		}
		if err != nil || !slices.Equal(rest, c.rest) || !slices.Equal(words, c.words) || text != c.text || on != c.on || asJSON != c.json {
			t.Errorf("%q: %q left, words %q, text %q, on %t, JSON %t, %v", c.args, rest, words, text, on, asJSON, err)
		}
	}
}
