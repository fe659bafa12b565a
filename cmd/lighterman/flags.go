package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/nearest"
)

// flags are what a subcommand takes beside the flags of run.
type flags struct {
	own []argument
	// more finds flags that are too many for a list; it may be nil.
	more func(name string) *argument
	// word takes an argument that is no flag. Without it run's flags refuse them.
	word func(text string) error
	// check looks at all that was given together; it may be nil.
	check func() error
}

// argument is one of them.
type argument struct {
	// long and short are its names, without hyphens; short may be empty.
	long, short string
	value       need
	set         func(text string) error
}

// need says whether a flag has a value.
type need uint8

const (
	without need = iota
	needed
	// optional is a value that can only be attached to the flag.
	optional
)

var errNoValue = errors.New("needs a value")

// parse takes what is the subcommand's, and leaves the flags of run. All mistakes are told at
// once. Where help is wanted, only that is left.
func (f *flags) parse(args []string) (rest []string, err error) {
	var problems []error
	for i := 0; i < len(args); {
		arg := args[i]
		switch {
		case arg == "-h" || arg == "--help":
			return []string{arg}, nil
		case arg == "--" && f.word != nil:
			for _, word := range args[i+1:] {
				problems = append(problems, f.word(word))
			}
			i = len(args)
			continue
		case f.word != nil && (len(arg) < 2 || arg[0] != '-'):
			problems = append(problems, f.word(arg))
			i++
			continue
		}
		own, value, attached := f.find(arg)
		used := 1
		if own == nil {
			if err := f.misspelt(arg); err != nil {
				problems = append(problems, err)
			} else {
				used = ofRun(args[i:])
				rest = append(rest, args[i:i+used]...)
			}
			i += used
			continue
		}
		if !attached && own.value == needed && i+1 < len(args) {
			value, attached, used = args[i+1], true, 2
		}
		if err := own.take(value, attached); err != nil {
			name, _, _ := strings.Cut(arg, "=")
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		i += used
	}
	if err = errors.Join(problems...); err == nil && f.check != nil {
		err = f.check()
	}
	return rest, err
}

// find finds one of the own flags: --name, --name=value, -n, -n=value or -nvalue.
func (f *flags) find(arg string) (found *argument, value string, attached bool) {
	name, isLong := strings.CutPrefix(arg, "--")
	switch {
	case isLong:
		name, value, attached = strings.Cut(name, "=")
	case len(arg) > 1 && arg[0] == '-':
		name, value = arg[1:2], arg[2:]
		attached = value != ""
		value = strings.TrimPrefix(value, "=")
	default:
		return nil, "", false
	}
	for i := range f.own {
		if own := &f.own[i]; isLong && own.long == name || !isLong && own.short == name {
			return own, value, attached
		}
	}
	if isLong && f.more != nil {
		return f.more(name), value, attached
	}
	return nil, "", false
}

// misspelt names the own flag that was meant, unless it is one of run's.
func (f *flags) misspelt(arg string) error {
	name, _, _ := strings.Cut(arg, "=")
	if known, _ := config.IsFlag(arg); known || !strings.HasPrefix(arg, "--") {
		return nil
	}
	var own []string
	for i := range f.own {
		own = append(own, "--"+f.own[i].long)
	}
	near := nearest.Name(name, append(config.Flags(), own...))
	if !slices.Contains(own, near) {
		return nil // run's flags have a word for it
	}
	return fmt.Errorf("%s: unknown flag; did you mean %s?", name, near)
}

// ofRun is how many arguments a flag of run's is, with its value.
func ofRun(args []string) int {
	if _, valueNext := config.IsFlag(args[0]); valueNext && len(args) > 1 {
		return 2
	}
	return 1
}

func (f *argument) take(value string, given bool) error {
	switch {
	case given && f.value == without:
		return errors.New("takes no value")
	case !given && f.value == needed:
		return errNoValue
	}
	return f.set(value)
}

// switchFlag is a flag that is there or not.
func switchFlag(long, short string, to *bool) argument {
	return argument{long, short, without, func(string) error { *to = true; return nil }}
}

// jsonFlag has JSON written instead of text.
func jsonFlag(to *bool) argument {
	return argument{long: "json", value: optional, set: func(text string) (err error) {
		if *to = true; text != "" {
			if *to, err = strconv.ParseBool(text); err != nil {
				return fmt.Errorf("invalid value %q: expected true or false", text)
			}
		}
		return nil
	}}
}

// textFlag is a flag with any value.
func textFlag(long string, to *string) argument {
	return argument{long, "", needed, func(text string) error { *to = text; return nil }}
}

// numberFlag is a number of up to a thousand.
func numberFlag(long string, least int, to *int) argument {
	return argument{long, "", needed, func(text string) (err error) { *to, err = whole(text, least); return err }}
}

// rateFlag bounds the queries in a second.
func rateFlag(to *float64) argument {
	return argument{"queries", "", needed, func(text string) error {
		n, err := whole(text, 1)
		*to = float64(n)
		return err
	}}
}

// sinceFlag is where to begin.
func sinceFlag(to *time.Time, now time.Time) argument {
	return argument{"since", "", needed, func(text string) (err error) { *to, err = sinceTime(text, now); return err }}
}

// whole is a number of up to a thousand.
func whole(text string, least int) (int, error) {
	const most = 1000
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("invalid value %q: expected a number from %d to %d", text, least, most)
	}
	return n, nil
}

var errSince = errors.New("expected a duration such as 1h, or a time such as 2006-01-02T15:04:05Z")

// sinceTime reads where to begin.
func sinceTime(text string, now time.Time) (time.Time, error) {
	since, err := config.ParseSince(text, now)
	switch {
	case err != nil:
		return now, err
	case since.Now:
		return now, errSince
	case since.Beginning:
		return time.Unix(0, 0), nil
	}
	return now.Add(-since.Age), nil
}
