package config

import (
	"cmp"
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
	for _, s := range l.settings {
		if s.from != "" && (len(s.texts) > 0 || s.bad || s.shape != scalar) {
			continue
		}
		switch s.name {
		case "state-dir":
			l.stateDir(s)
		case "host-label":
			s.from = "default: the host name"
			if name, err := l.machine.hostname(); err == nil && name != "" {
				s.texts = []string{name}
			}
		default:
			s.toDefault()
		}
		for i, err := range s.store(s.texts) {
			// A default that is taken from the surroundings need not be text.
			if bad := printable(s.texts[i]); err != nil || bad != nil {
				s.bad = true
				l.report("%s: the default %w", s.name, cmp.Or(bad, err))
			}
		}
	}
}

func (s *setting) toDefault() {
	s.from = "default"
	if s.def != "" {
		s.texts = []string{s.def}
	} else if s.auto != "" {
		s.from = "default: " + s.auto
	}
}

// fromSystemd is where a state directory comes from that systemd has made.
const fromSystemd = "default: STATE_DIRECTORY"

// stateDir follows systemd, then the habits of root, then the XDG directories.
func (l *loader) stateDir(s *setting) {
	const name = "lighterman"
	systemd, _, _ := strings.Cut(l.env["STATE_DIRECTORY"], ":")
	xdg, home := l.env["XDG_STATE_HOME"], l.env["HOME"]
	var dir string
	s.from = "default"
	switch {
	case systemd != "":
		s.from, dir = fromSystemd, systemd
	case l.machine.root:
		dir = filepath.Join("/var/lib", name)
	case filepath.IsAbs(xdg):
		dir = filepath.Join(xdg, name)
	case filepath.IsAbs(home):
		dir = filepath.Join(home, ".local/state", name)
	default:
		s.bad = true
		l.report("state-dir: there is no default without HOME; use --state-dir")
		return
	}
	s.texts = []string{dir}
}
