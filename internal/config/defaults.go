package config

import (
	"errors"
	"path/filepath"
	"strings"
)

// machine is what defaults depend on besides the environment.
type machine struct {
	root     bool
	hostname func() (string, error)
}

// defaults fills in every setting that no source has given a value.
func (l *loader) defaults() {
	for _, s := range settings {
		v, given := l.values[s]
		if given && (len(v.texts) > 0 || v.bad || s.kind.shape != one) {
			continue
		}
		switch s.name {
		case "state-dir":
			v = l.stateDir()
		case "host-label":
			v = l.hostLabel()
		default:
			v = defaultOf(s)
		}
		for _, err := range s.store(l.config, v.texts) {
			v.bad = v.bad || err != nil
		}
		l.values[s] = v
	}
}

func defaultOf(s *setting) value {
	switch {
	case s.def != "":
		return value{from: "default", texts: []string{s.def}}
	case s.auto != "":
		return value{from: "default: " + s.auto}
	}
	return value{from: "default"}
}

// fromSystemd is where a state directory comes from that systemd has made.
const fromSystemd = "default: STATE_DIRECTORY"

// stateDir follows systemd, then the habits of root, then the XDG directories.
func (l *loader) stateDir() value {
	const name = "lighterman"
	systemd, _, _ := strings.Cut(l.env["STATE_DIRECTORY"], ":")
	xdg, home := l.env["XDG_STATE_HOME"], l.env["HOME"]
	v := value{from: "default"}
	switch {
	case systemd != "":
		v = value{from: fromSystemd, texts: []string{systemd}}
	case l.machine.root:
		v.texts = []string{filepath.Join("/var/lib", name)}
	case filepath.IsAbs(xdg):
		v.texts = []string{filepath.Join(xdg, name)}
	case filepath.IsAbs(home):
		v.texts = []string{filepath.Join(home, ".local/state", name)}
	default:
		v.bad = true
		l.problems = append(l.problems, errors.New("state-dir: there is no default without HOME; use --state-dir"))
		return v
	}
	return l.sound("state-dir", v)
}

// hostLabel is empty when the machine has no name: no label is then set.
func (l *loader) hostLabel() value {
	v := value{from: "default: the host name"}
	if name, err := l.machine.hostname(); err == nil && name != "" {
		v.texts = []string{name}
	}
	return l.sound("host-label", v)
}

// sound refuses a default taken from the surroundings that is not text.
func (l *loader) sound(name string, v value) value {
	for _, t := range v.texts {
		if err := printable(t); err != nil {
			v.bad = true
			l.problems = append(l.problems, errors.New(name+": the default "+err.Error()))
		}
	}
	return v
}
