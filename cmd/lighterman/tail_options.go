package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/stage/level"
	"github.com/lighterman/lighterman/internal/viewer"
)

// tailOptions is what the arguments of tail ask for.
type tailOptions struct {
	view viewer.View
	pick config.Pick
	// all has also those containers shown that the configuration leaves out.
	all, quiet bool
	now        time.Time
}

func newTailOptions(now time.Time) *tailOptions {
	o := &tailOptions{now: now, view: viewer.View{Follow: true, Stages: true, Since: config.Since{Now: true}}}
	o.view.Console.Format = console.Text
	return o
}

// flags are tail's own. Those that are settings are left for the configuration.
func (o *tailOptions) flags() flags {
	view, shown := &o.view, &o.view.Console
	return flags{
		own: []argument{
			namesFlag("service", &o.pick.Services), namesFlag("project", &o.pick.Projects),
			listFlag("label", "", &o.pick.Labels, config.ParseLabel), listFlag("image", "", &o.pick.Images, config.ParsePattern),
			switchFlag("all", "", &o.all),
			{"since", "", needed, func(text string) (err error) { view.Since, err = config.ParseSince(text, o.now); return err }},
			{"tail", "n", needed, func(text string) (err error) { view.Lines, err = config.ParseLines(text); return err }},
			{"no-follow", "", without, func(string) error { view.Follow = false; return nil }},
			listFlag("include", "i", &shown.Show.Include, config.ParsePattern),
			listFlag("exclude", "e", &shown.Show.Exclude, config.ParsePattern),
			listFlag("highlight", "H", &shown.Highlight, config.ParsePattern),
			{"level", "", needed, o.setLevel},
			{"raw", "", without, func(string) error { view.Stages = false; return nil }},
			{"output", "o", needed, o.setOutput},
			{"timestamps", "t", optional, func(text string) error {
				return choice(&shown.Time, text, map[string]console.TimeStyle{"": console.ShortTime, "short": console.ShortTime, "long": console.LongTime})
			}},
			{"timezone", "", needed, o.setZone},
			switchFlag("fold", "", &shown.Fold),
			{"color", "", needed, func(text string) error {
				return choice(&shown.Color, text, map[string]console.Color{"auto": console.AutoColor, "always": console.Always, "never": console.Never})
			}},
			switchFlag("quiet", "q", &o.quiet),
		},
		word:  o.name,
		check: o.settle,
	}
}

// settle decides what follows from all flags together.
func (o *tailOptions) settle() error {
	if o.view.Lines.Set && o.view.Since.Now {
		o.view.Since = config.Since{Beginning: true}
	}
	o.view.Console.Highlight = append(o.view.Console.Highlight, o.view.Console.Show.Include...)
	return nil
}

// name takes an argument that is no flag.
func (o *tailOptions) name(pattern string) error {
	if err := add(&o.pick.Names, pattern, config.ParsePattern); err != nil {
		return fmt.Errorf("PATTERN: %w", err)
	}
	return nil
}

// add parses a value and adds it to others.
func add[T any](to *[]T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	if err == nil {
		*to = append(*to, value)
	}
	return err
}

// listFlag is a flag that may be given several times.
func listFlag[T any](long, short string, to *[]T, parse func(string) (T, error)) argument {
	return argument{long, short, needed, func(text string) error { return add(to, text, parse) }}
}

// namesFlag is one whose values are names.
func namesFlag(long string, to *[]string) argument {
	return listFlag(long, "", to, func(text string) (string, error) {
		if text == "" {
			return "", errors.New("expected a name, found nothing")
		}
		return text, nil
	})
}

// choice takes one of a handful of words.
func choice[T any](to *T, text string, of map[string]T) error {
	value, ok := of[text]
	if !ok {
		words := make([]string, 0, len(of))
		for word := range of {
			if word != "" {
				words = append(words, word)
			}
		}
		slices.Sort(words)
		return fmt.Errorf("invalid value %q: expected %s", text, strings.Join(words, " or "))
	}
	*to = value
	return nil
}

func (o *tailOptions) setLevel(text string) error {
	if o.view.Console.Show.Least = level.Parse([]byte(text)); o.view.Console.Show.Least == level.Unknown {
		return fmt.Errorf("invalid value %q: expected one of %s", text, strings.Join(level.Names(), ", "))
	}
	return nil
}

func (o *tailOptions) setOutput(text string) (err error) {
	if source, found := strings.CutPrefix(text, "template="); found {
		o.view.Console.Format = console.Templated
		o.view.Console.Template, err = console.ParseTemplate(source)
		return err
	}
	if err := choice(&o.view.Console.Format, text, map[string]console.Format{"text": console.Text, "json": console.JSON, "raw": console.Raw}); err != nil {
		return fmt.Errorf("invalid value %q: expected text, json, raw or template=TEMPLATE", text)
	}
	return nil
}

// offset is a time zone as a distance from UTC.
var offset = regexp.MustCompile(`^[+-]\d{2}:?\d{2}$`)

func (o *tailOptions) setZone(text string) (err error) {
	if offset.MatchString(text) {
		at, err := time.Parse("-0700", strings.Replace(text, ":", "", 1))
		if err == nil {
			o.view.Console.Zone = at.Location()
		}
		return err
	}
	if o.view.Console.Zone, err = time.LoadLocation(text); err != nil || text == "" {
		return fmt.Errorf("there is no time zone %q here: expected Local, UTC, a name that the package tzdata has, or an offset such as +02:00", text)
	}
	return nil
}
