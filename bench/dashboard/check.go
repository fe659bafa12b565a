package dashboard

import "fmt"

// Check is something that a run has to show.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Found says what was measured.
	Found string `json:"found"`
}

// mostLatency is what 95 of 100 lines may take in hybrid mode, in milliseconds.
const mostLatency = 250

// Check fills in what the run had to show: no growth in any of our modes, one in
// the reference, and in hybrid mode all lines and that in time.
func (r *Report) Check() {
	r.Checks = nil
	for _, m := range r.Modes {
		switch m.Kind {
		case Ours:
			r.checkFlat(m, false)
			if !r.Load.Together {
				r.checkFlat(m, true)
			}
		case Reference:
			for _, name := range []string{Goroutines, FDs} {
				g, ok := m.Growth[name]
				r.check(m.Name+": "+name+" leak", ok && g.Grows, g.String())
			}
		case Other:
		}
	}
	if r.Load.Together && len(r.Modes) > 0 {
		r.checkFlat(r.Modes[0], true) // it is the same engine for all
	}
	if m := r.Mode("hybrid"); m != nil {
		r.check("hybrid: no line lost, repeated or changed", m.Lines.Exact() && m.Lines.Written > 0, m.Lines.String())
		r.check("hybrid: every container covered", m.Containers.Covered == m.Containers.All && m.Containers.All > 0, m.Containers.String())
		if r.Kind == "compare" {
			r.check(fmt.Sprintf("hybrid: P95 below %d ms", mostLatency), m.Latency.P95 > 0 && m.Latency.P95 < mostLatency, fmt.Sprintf("%.0f ms", m.Latency.P95))
		}
	}
}

func (r *Report) check(name string, ok bool, found string) {
	r.Checks = append(r.Checks, Check{name, ok, found})
}

// checkFlat wants none of the figures that count as leaks to grow. A figure that
// was not measured is a failure, too.
func (r *Report) checkFlat(m *Mode, dockerd bool) {
	for _, f := range Figures {
		if !f.Leak || f.Dockerd != dockerd || f.Slow && r.Kind != "soak" {
			continue
		}
		g, ok := f.Of(m)
		found := "not measured"
		if ok {
			found = g.String()
		}
		name := m.Name + ": " + f.Name + " do not grow"
		if dockerd {
			name = m.Name + ": dockerd's " + f.Name + " do not grow"
			if r.Load.Together {
				name = "dockerd's " + f.Name + " do not grow"
			}
		}
		r.check(name, ok && !g.Grows, found)
	}
}

// OK tells that everything was shown.
func (r *Report) OK() bool {
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return len(r.Checks) > 0
}

// String writes the slope with its standard error.
func (g Growth) String() string {
	return fmt.Sprintf("%s ± %s /min", decimal(g.PerMinute), decimal(g.Error))
}

// String writes what became of the lines.
func (l Lines) String() string {
	return fmt.Sprintf("%d written, %d of containers not covered, %d lost, %d repeated, %d changed", l.Written, l.Uncovered, l.Lost, l.Repeated, l.Changed)
}

// String writes how many of the containers were covered.
func (c Containers) String() string {
	return fmt.Sprintf("%d of %d covered, %d with every line", c.Covered, c.All, c.Whole)
}
