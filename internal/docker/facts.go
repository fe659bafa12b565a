package docker

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// Keep tells which of a container's labels have a meaning to somebody. The others, which
// may be of any number and size, are not held in memory.
type Keep func(label string) bool

// facts are what is of interest of a container, of what an engine answers or has stored.
// A container's owner chose most of it, so nothing is kept beyond a bound.
type facts struct {
	id, name, image, driver, logPath string
	labels, options                  map[string]string
	network                          logs.Network
	tty, running                     bool
	startedAt                        time.Time
	// stateless tells that nothing was said of whether it runs.
	stateless bool
	// cut are labels, and others, of which only the beginning is kept. A key that comes again
	// takes no more room.
	cut map[string]bool
	// beyond reports whether there are more labels than are kept.
	beyond bool
}

// maxDriver bounds the name of a log driver, in bytes; that of a plugin is an
// image reference.
const maxDriver = 255

// maxOptions bounds the options of a log driver; each is known by name.
const maxOptions = 64

// read reads config.v2.json or the answer to an inspection. What was read before an error
// stays.
func (f *facts) read(d *sift.Decoder, keep Keep) error {
	f.stateless = true
	return d.Object(func(key string) (err error) {
		switch key {
		case "ID", "Id":
			f.id, _, err = d.String(idLength + 1)
		case "Name":
			f.name, _, err = d.String(2 * maxDriver)
		case "LogPath":
			f.logPath, _, err = d.String(maxPath)
		case "Config":
			err = f.readConfig(d, keep)
		case "State":
			err = f.readState(d)
		case "HostConfig":
			err = f.readHost(d)
		case "NetworkSettings":
			f.network, err = readNetwork(d, f.network.Mode)
		default:
			err = d.Skip()
		}
		return within(key, err)
	})
}

// within says in which field something is wrong.
func within(key string, err error) error {
	if err != nil {
		return fmt.Errorf("%.64q: %w", key, err)
	}
	return nil
}

func (f *facts) readConfig(d *sift.Decoder, keep Keep) error {
	return d.Object(func(key string) (err error) {
		switch key {
		case "Image":
			f.image, err = f.text(d, "the image's name")
		case "Tty":
			f.tty, err = d.Bool()
		case "Labels":
			err = f.readLabels(d, keep)
		default:
			err = d.Skip()
		}
		return err
	})
}

// maxLabels bounds the labels that are kept of a container, and maxLabelBytes their names
// and values: relabelling may ask for any.
const (
	maxLabels     = 256
	maxLabelBytes = 64 << 10
)

// readLabels reads the labels that have a meaning to somebody. Those beyond the bounds are
// the last in the engine's order, which is by name.
func (f *facts) readLabels(d *sift.Decoder, keep Keep) error {
	f.labels = make(map[string]string)
	f.beyond = false
	size := 0
	return d.Object(func(label string) error {
		if len(label) > logs.MaxLabelName || !keep(label) {
			return d.Skip()
		}
		_, again := f.labels[label]
		if !again && (len(f.labels) >= maxLabels || size+len(label) > maxLabelBytes) {
			f.beyond = true
			return d.Skip()
		}
		value, err := f.text(d, "label "+label)
		size += len(label) + len(value)
		f.labels[label] = value
		return err
	})
}

// text reads what becomes a label's value in Loki, which takes no longer ones.
func (f *facts) text(d *sift.Decoder, what string) (string, error) {
	value, cut, err := d.String(logs.MaxLabelValue)
	delete(f.cut, what)
	if cut {
		if f.cut == nil {
			f.cut = make(map[string]bool)
		}
		f.cut[what] = true
	}
	return value, err
}

func (f *facts) readState(d *sift.Decoder) error {
	f.stateless = false
	return d.Object(func(key string) (err error) {
		switch key {
		case "Running":
			f.running, err = d.Bool()
		case "StartedAt":
			var text string
			text, _, err = d.String(64)
			// The engine writes the year 1 for a container that never ran. Other years are
			// none of Docker's, and not to be had in nanoseconds.
			if at, e := time.Parse(time.RFC3339Nano, text); e == nil && at.Year() >= 2000 && at.Year() < 2200 {
				f.startedAt = at
			}
		default:
			err = d.Skip()
		}
		return err
	})
}

// readHost reads hostconfig.json, or the same within an inspection.
func (f *facts) readHost(d *sift.Decoder) error {
	return d.Object(func(key string) error {
		if key == "NetworkMode" {
			mode, _, err := d.String(maxNetworkName)
			f.network.Mode = mode
			return err
		}
		if key != "LogConfig" {
			return d.Skip()
		}
		return d.Object(func(key string) (err error) {
			switch key {
			case "Type":
				f.driver, _, err = d.String(maxDriver + 1)
			case "Config":
				f.options = make(map[string]string)
				err = d.Object(func(option string) (err error) {
					if len(f.options) >= maxOptions || len(option) > maxDriver {
						return d.Skip()
					}
					f.options[option], _, err = d.String(maxDriver)
					return err
				})
			default:
				err = d.Skip()
			}
			return err
		})
	})
}

// nameChars are those of a name that the engine allows, with the slash that it stores. Its
// length is looked at apart: as a part of the expression it costs a quarter of a MiB.
var nameChars = regexp.MustCompile(`^/?[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

func isName(name string) bool {
	return len(strings.TrimPrefix(name, "/")) <= 255 && nameChars.MatchString(name)
}

// wrong says what makes no sense for a container with an ID, or nothing.
func (f *facts) wrong(id string) error {
	switch {
	case f.id != id:
		return fmt.Errorf("it is that of container %.64q", f.id)
	case !isName(f.name):
		return fmt.Errorf("it has no possible name: %.64q", f.name)
	case f.stateless:
		return fmt.Errorf("it has no state")
	}
	return nil
}

// noDriver tells what is wrong with the driver, or nothing.
func (f *facts) noDriver() error {
	if f.driver == "" || len(f.driver) > maxDriver {
		return fmt.Errorf("it has no possible log driver: %.64q", f.driver)
	}
	return nil
}

// container makes a container of the facts.
func (f *facts) container(id string) *logs.Container {
	c := &logs.Container{
		ID: id, Name: strings.TrimPrefix(f.name, "/"), Image: f.image, Labels: f.labels, TTY: f.tty,
		Driver: f.driver, DriverOptions: f.options, Network: f.network, Running: f.running, StartedAt: f.startedAt,
	}
	if len(f.cut) > 0 {
		c.Problem = fmt.Sprintf("%s is longer than Loki's limit and cut after %d bytes", strings.Join(slices.Sorted(maps.Keys(f.cut)), " and "), logs.MaxLabelValue)
	}
	if f.beyond {
		c.Problem = strings.TrimPrefix(fmt.Sprintf("%s; only %d labels of %d KiB together are used, the others are left out", c.Problem, maxLabels, maxLabelBytes>>10), "; ")
	}
	return c
}

// guess makes what can be made of facts that are not all there, for which problem is the
// reason: the name falls back to the short ID, and it counts as running, since nobody says
// that its log has an end.
func (f *facts) guess(id, driver string, problem error) *logs.Container {
	if f.id != id {
		*f = facts{driver: f.driver, options: f.options, stateless: true}
	}
	if f.noDriver() != nil {
		f.driver, f.options = driver, nil
	}
	if !isName(f.name) {
		f.name = id[:min(shortID, len(id))]
	}
	c := f.container(id)
	c.Running = f.running || f.stateless
	c.Partial, c.Problem = true, problem.Error()
	return c
}

// UnknownDriver is the log driver of which nothing can be learnt.
const UnknownDriver = "unknown"

const (
	idLength = 64
	shortID  = 12
	maxPath  = 4096
)

// isID tells whether a text is a full container ID, which is safe in a path.
func isID(text string) bool {
	return len(text) == idLength && strings.Trim(text, "0123456789abcdef") == ""
}
