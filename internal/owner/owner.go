package owner

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/nearest"
	"github.com/lighterman/lighterman/internal/stage"
)

// Prefix is what the labels begin with that owners ask by, and Enable the one that keeps a
// container from being collected.
const (
	Prefix = "lighterman."
	Enable = Prefix + enable
)

// What owners may ask for, besides what package stage does with lines.
const (
	enable   = "enable"
	label    = "label"
	metadata = "metadata"
)

// Names returns what owners may ask for: lighterman.NAME.
func Names() []string {
	return slices.Sorted(slices.Values(append(stage.OwnerNames(), enable, label, metadata)))
}

// Bounds of what is read of one container.
const (
	maxSettings = 32
	maxBytes    = 8 << 10
	// maxMentioned is how many of those are named in a message that are left out.
	maxMentioned = 3
)

// Rules say what of it is honoured. They do not change. Nil stands for those without any
// configuration.
type Rules struct {
	honoured []string
	// used reports whether the configuration asks for a label of that name itself.
	used func(label string) bool
}

// Defaults are the names that are honoured unless somebody says otherwise: what takes nothing
// from what the operator sees but what is plainly marked. enable is among them because it
// always was.
func Defaults() []string { return []string{enable, "parser", "multiline", metadata, "redact"} }

// New makes rules by which names are honoured. used reports whether the configuration asks for
// a label by itself, so that it is not ours to say what is wrong with it; nil for none.
func New(honoured []string, used func(label string) bool) *Rules {
	if used == nil {
		used = func(string) bool { return false }
	}
	return &Rules{honoured: slices.Clone(honoured), used: used}
}

var unconfigured = New(Defaults(), nil)

// Lines reports whether owners may ask for something that is done with lines.
func (r *Rules) Lines() bool {
	return slices.ContainsFunc(r.or().honoured, func(name string) bool { return slices.Contains(stage.OwnerNames(), name) })
}

func (r *Rules) or() *Rules {
	if r == nil {
		return unconfigured
	}
	return r
}

func (r *Rules) honours(name string) bool { return slices.Contains(r.honoured, name) }

// Keeps reports whether a label of a container may be one of these, and has to be held in
// memory.
func Keeps(label string) bool {
	return len(label) > len(Prefix) && strings.EqualFold(label[:len(Prefix)], Prefix)
}

// Asked is what the labels of a container ask for.
type Asked struct {
	// Off: the container is not to be collected.
	Off bool
	// Labels and Metadata are for every line.
	Labels, Metadata map[string]string
	// Lines is what is to be done with lines, for logs.Labels.Owner.
	Lines []logs.Label
	// Wrong says what cannot be done, and why; Ignored what is not honoured.
	Wrong, Ignored []string
}

// Read reads the labels of a container.
func (r *Rules) Read(labels map[string]string) (asked Asked) {
	var names []string
	for name := range labels {
		if Keeps(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return asked
	}
	slices.Sort(names)
	r = r.or()
	n, size := 0, 0
	var beyond []string
	for _, name := range names {
		value := strings.TrimSpace(labels[name])
		if value == "" || r.used(name) {
			continue // nothing, as an empty variable in a Compose file leaves it; or it means something else
		}
		if n, size = n+1, size+len(name)+len(value); n > maxSettings || size > maxBytes {
			beyond = append(beyond, shown(name))
			continue
		}
		r.read(&asked, name, value)
	}
	if len(beyond) > 0 {
		asked.Wrong = append(asked.Wrong, fmt.Sprintf("%d labels are left out (such as %s): of a container %d labels lighterman.* of %d KiB together are read",
			len(beyond), strings.Join(beyond[:min(len(beyond), maxMentioned)], ", "), maxSettings, maxBytes>>10))
	}
	return asked
}

// read reads one label.
func (r *Rules) read(asked *Asked, full, value string) {
	name, key, more := strings.Cut(full[len(Prefix):], ".")
	keyed := name == label || name == metadata
	wrong := func(format string, args ...any) {
		asked.Wrong = append(asked.Wrong, shown(full)+": "+fmt.Sprintf(format, args...))
	}
	switch {
	case !strings.HasPrefix(full, Prefix):
		wrong("write %s in small letters", Prefix)
	case more && !keyed && nearest.Name(name, Names()) == "":
		// a name of somebody's own, below ours
	case !slices.Contains(Names(), name), more && !keyed:
		wrong("there is no such label%s", hint(name, key, more))
	case !r.honours(name) && name == enable && on(value):
		// which it is anyway
	case !r.honours(name):
		asked.Ignored = append(asked.Ignored, shown(full)+" is not honoured: container-labels does not have "+name)
	case keyed && (!logs.IsLabelName(key) || strings.HasPrefix(key, "__")):
		wrong("expected %s%s.KEY with a key of letters, digits and underscores, which does not begin with a digit or two underscores", Prefix, name)
	case name == label:
		put(&asked.Labels, key, value)
	case name == metadata:
		put(&asked.Metadata, key, value)
	case name == enable:
		on, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			wrong("expected true or false, found %.40q", value)
		}
		asked.Off = err == nil && !on
	default:
		if err := stage.CheckOwner(name, value, stage.Options{Nearest: nearest.Name}); err != nil {
			wrong("%v", err)
			return
		}
		asked.Lines = append(asked.Lines, logs.Label{Name: name, Value: value})
	}
}

func on(value string) bool {
	is, err := strconv.ParseBool(strings.ToLower(value))
	return is && err == nil
}

func put(m *map[string]string, key, value string) {
	if *m == nil {
		*m = make(map[string]string)
	}
	(*m)[key] = value
}

// shown shows a name that is anybody's.
func shown(name string) string {
	if len(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Sprintf("%.80q", name)
	}
	return name
}

// hint says which label was most likely meant.
func hint(name, key string, more bool) string {
	near := nearest.Name(name, Names())
	switch near {
	case "":
		return "; there are " + strings.Join(Names(), ", ")
	case label, metadata:
		if !more {
			key = "KEY"
		}
		return fmt.Sprintf("; did you mean %s%s.%.40s?", Prefix, near, strings.Trim(strconv.QuoteToASCII(key), `"`))
	}
	return "; did you mean " + Prefix + near + "?"
}

// Reserve says which of what is asked for as labels and metadata is left out, as its name is
// taken: by what tells containers apart, or by the operator. It changes neither map.
func (a *Asked) Reserve(taken func(name string) bool) (labels, more map[string]string, wrong []string) {
	pick := func(kind string, from map[string]string) map[string]string {
		out := make(map[string]string, len(from))
		for _, name := range slices.Sorted(maps.Keys(from)) {
			if taken(name) {
				wrong = append(wrong, fmt.Sprintf("%s: the name is taken, by a label that tells containers apart or by the configuration", shown(Prefix+kind+"."+name)))
				continue
			}
			out[name] = from[name]
		}
		return out
	}
	return pick(label, a.Labels), pick(metadata, a.Metadata), wrong
}
