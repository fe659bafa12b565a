package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/agent"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// tailOptions is what the arguments of tail ask for.
type tailOptions struct {
	view agent.View
	pick config.Pick
	// all has also those containers shown that the configuration leaves out.
	all, quiet bool
	// logLevel says that a flag has the level of lighterman's own messages.
	logLevel bool
	// rest are the flags of run.
	rest []string

	now time.Time
}

// tailOption is one of tail's own flags.
type tailOption struct {
	long, short string
	// value says whether it needs a value, or may have one, which is then attached to it.
	value need
	set   func(o *tailOptions, text string) error
}

// need says whether a flag has a value.
type need uint8

const (
	without need = iota
	needed
	optional
)

// tailOptionTable has all flags that are tail's own.
var tailOptionTable = []tailOption{
	{"service", "", needed, func(o *tailOptions, text string) error { return named1(&o.pick.Services, text) }},
	{"project", "", needed, func(o *tailOptions, text string) error { return named1(&o.pick.Projects, text) }},
	{"label", "", needed, func(o *tailOptions, text string) error { return add(&o.pick.Labels, text, config.ParseLabel) }},
	{"image", "", needed, func(o *tailOptions, text string) error { return add(&o.pick.Images, text, config.ParsePattern) }},
	{"all", "", without, func(o *tailOptions, _ string) error { o.all = true; return nil }},
	{"since", "", needed, func(o *tailOptions, text string) (err error) {
		o.view.Since, err = config.ParseSince(text, o.now)
		return err
	}},
	{"tail", "n", needed, func(o *tailOptions, text string) (err error) {
		o.view.Lines, err = config.ParseLines(text)
		return err
	}},
	{"no-follow", "", without, func(o *tailOptions, _ string) error { o.view.Follow = false; return nil }},
	{"include", "i", needed, func(o *tailOptions, text string) error {
		return add(&o.view.Console.Show.Include, text, config.ParsePattern)
	}},
	{"exclude", "e", needed, func(o *tailOptions, text string) error {
		return add(&o.view.Console.Show.Exclude, text, config.ParsePattern)
	}},
	{"highlight", "H", needed, func(o *tailOptions, text string) error {
		return add(&o.view.Console.Highlight, text, config.ParsePattern)
	}},
	{"level", "", needed, setLevel},
	{"raw", "", without, func(o *tailOptions, _ string) error { o.view.Stages = false; return nil }},
	{"output", "o", needed, setOutput},
	{"timestamps", "t", optional, func(o *tailOptions, text string) error {
		return choice(&o.view.Console.Time, text, map[string]console.TimeStyle{"": console.ShortTime, "short": console.ShortTime, "long": console.LongTime})
	}},
	{"timezone", "", needed, setZone},
	{"fold", "", without, func(o *tailOptions, _ string) error { o.view.Console.Fold = true; return nil }},
	{"color", "", needed, func(o *tailOptions, text string) error {
		return choice(&o.view.Console.Color, text, map[string]console.Color{"auto": console.AutoColor, "always": console.Always, "never": console.Never})
	}},
	{"quiet", "q", without, func(o *tailOptions, _ string) error { o.quiet = true; return nil }},
}

// parseTail reads the arguments of tail. Those that are settings are left for the
// configuration. All mistakes are told at once.
func parseTail(args []string, now time.Time) (*tailOptions, error) {
	o := &tailOptions{now: now, view: agent.View{Follow: true, Stages: true, Since: config.Since{Now: true}}}
	o.view.Console.Format = console.Text
	var problems []error
	for i := 0; i < len(args); i++ {
		used, err := o.take(args[i:])
		if err != nil {
			problems = append(problems, err)
		}
		if args[i] == "--" {
			break
		}
		i += used - 1
	}
	if o.view.Lines.Set && o.view.Since.Now {
		o.view.Since = config.Since{Beginning: true}
	}
	o.view.Console.Highlight = append(o.view.Console.Highlight, o.view.Console.Show.Include...)
	return o, errors.Join(problems...)
}

// take takes the first argument, with its value, and returns how many these are.
func (o *tailOptions) take(args []string) (used int, err error) {
	arg := args[0]
	if arg == "--" {
		for _, pattern := range args[1:] {
			err = errors.Join(err, o.name(pattern))
		}
		return len(args), err
	}
	if len(arg) < 2 || arg[0] != '-' {
		return 1, o.name(arg)
	}
	if arg == "-h" || arg == "--help" {
		o.rest = append(o.rest, arg)
		return 1, nil
	}
	opt, value, attached := findOption(arg)
	if opt == nil {
		return o.setting(args)
	}
	flag, _, _ := strings.Cut(arg, "=")
	switch {
	case attached && opt.value == without:
		return 1, fmt.Errorf("%s: takes no value", flag)
	case !attached && opt.value == needed && len(args) == 1:
		return 1, fmt.Errorf("%s: needs a value", flag)
	case !attached && opt.value == needed:
		value, used = args[1], 1
	}
	if err := opt.set(o, value); err != nil {
		return used + 1, fmt.Errorf("%s: %w", flag, err)
	}
	return used + 1, nil
}

// name takes an argument that is no flag.
func (o *tailOptions) name(pattern string) error {
	if err := add(&o.pick.Names, pattern, config.ParsePattern); err != nil {
		return fmt.Errorf("PATTERN: %w", err)
	}
	return nil
}

// setting leaves a flag for the configuration, with its value.
func (o *tailOptions) setting(args []string) (used int, err error) {
	name, _, _ := strings.Cut(args[0], "=")
	known, valueNext := config.IsFlag(args[0])
	if !known {
		all := config.Flags()
		for _, opt := range tailOptionTable {
			all = append(all, "--"+opt.long)
		}
		if near := nearest.Name(name, all); near != "" {
			return 1, fmt.Errorf("%s: unknown flag; did you mean %s?", name, near)
		}
		return 1, fmt.Errorf("%s: unknown flag", name)
	}
	o.logLevel = o.logLevel || name == "--log-level"
	used = 1
	if valueNext && len(args) > 1 {
		used = 2
	}
	o.rest = append(o.rest, args[:used]...)
	return used, nil
}

// findOption finds a flag of tail's own: --name, --name=value, -n, -n=value or -nvalue.
func findOption(arg string) (opt *tailOption, value string, attached bool) {
	name, isLong := strings.CutPrefix(arg, "--")
	if isLong {
		name, value, attached = strings.Cut(name, "=")
	} else {
		name, value = arg[1:2], arg[2:]
		attached = value != ""
		value = strings.TrimPrefix(value, "=")
	}
	i := slices.IndexFunc(tailOptionTable, func(o tailOption) bool { return isLong && o.long == name || !isLong && o.short == name })
	if i < 0 {
		return nil, "", false
	}
	return &tailOptionTable[i], value, attached
}

// add parses a value and adds it to others.
func add[T any](to *[]T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	if err == nil {
		*to = append(*to, value)
	}
	return err
}

// named1 adds a name.
func named1(to *[]string, text string) error {
	if text == "" {
		return errors.New("expected a name, found nothing")
	}
	*to = append(*to, text)
	return nil
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

func setLevel(o *tailOptions, text string) error {
	if o.view.Console.Show.Least = level.Parse([]byte(text)); o.view.Console.Show.Least == level.Unknown {
		return fmt.Errorf("invalid value %q: expected one of %s", text, strings.Join(level.Names(), ", "))
	}
	return nil
}

func setOutput(o *tailOptions, text string) (err error) {
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

func setZone(o *tailOptions, text string) (err error) {
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
