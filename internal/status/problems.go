package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is something that is not as it should be, and what can be done about it.
type Problem struct {
	// Serious reports whether lines are not delivered, or lost, as long as it is there.
	Serious bool   `json:"serious"`
	What    string `json:"what"`
	// Why is the reason, empty where What says all, and Cure what an operator can do.
	Why  string `json:"why,omitempty"`
	Cure string `json:"cure,omitempty"`
	// Count is how many containers it concerns, of which some are named; 0 for no single ones.
	Count      int    `json:"containers"`
	Containers []Name `json:"examples,omitempty"`
}

// Name is a container.
type Name struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

const (
	// maxNamed is how many containers of a problem are named.
	maxNamed = 5
	// maxProblems bounds the problems of one kind; the rest is counted together.
	maxProblems = 20
	// farBehind is the age of a line from which on its container is behind, in seconds.
	farBehind = 60
)

// cures are those of conditions, by the first words of their names.
var cures = []struct{ name, cure string }{
	{"sink", "look whether Loki runs and is reached from here; lighterman check --live tries it. Nothing is lost meanwhile: Docker keeps the lines"},
	{"checkpoints", "look at the state directory: its disk may be full, or it may belong to somebody else. Until then some lines will be sent again after a crash"},
	{"open files", "raise the limit of open files (LimitNOFILE=, ulimit -n)"},
	{"log files", "mount Docker's data directory, and name it with docker-root"},
	{"collector", "restart lighterman, and report this with its log"},
	{"docker", "look whether the Docker Engine runs, and docker-host says where"},
}

// Problems says what is not as it should be, the most serious first.
func (s *State) Problems() (out []Problem) {
	for _, v := range s.Conditions {
		if v.OK {
			continue
		}
		p := Problem{Serious: true, What: "Not ready: " + v.Name, Why: v.Why}
		for _, c := range cures {
			if strings.HasPrefix(v.Name, c.name) {
				p.Cure = c.cure
				break
			}
		}
		out = append(out, p)
	}
	if s.Warning != "" {
		out = append(out, Problem{What: "Warning", Why: s.Warning})
	}
	if s.HoldError != "" {
		out = append(out, Problem{What: "Logs cannot be linked", Why: s.HoldError, Cure: "see hold-dir in docs/hold.md; until then lines may be lost that Docker deletes while lighterman is down"})
	}
	out = append(out, s.containerProblems()...)
	if s.InotifyOverflows > 0 {
		out = append(out, Problem{What: fmt.Sprintf("The queue of file changes has overflowed %d times", s.InotifyOverflows),
			Cure: "nothing is lost, as all files are looked at then; raise fs.inotify.max_queued_events if it goes on"})
	}
	slices.SortStableFunc(out, func(a, b Problem) int {
		return boolOrder(b.Serious, a.Serious)
	})
	return out
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// containerProblems are those of containers, gathered by kind and reason.
func (s *State) containerProblems() []Problem {
	g := gatherer{kinds: make(map[string]int), byKey: make(map[string]*Problem)}
	for i := range s.Containers {
		c := &s.Containers[i]
		switch {
		case c.Route == routeUnreadable:
			g.add(c, Problem{Serious: true, What: "Log cannot be read", Why: c.Reason})
		case c.LastError != "":
			g.add(c, Problem{Serious: true, What: "Reading has failed", Why: c.LastError})
		case c.Route == routeWaiting:
			g.add(c, Problem{What: "Logs are read in turns, as too few files may be open", Cure: "raise the limit of open files (LimitNOFILE=, ulimit -n)"})
		}
		if r := c.LastRefusal; r != nil {
			g.add(c, Problem{Serious: true, What: "Loki has refused lines for good: " + r.Reason, Cure: r.Cure})
		}
		if c.Behind() && s.Output.Ready {
			g.add(c, Problem{What: "Delivery is more than a minute behind", Cure: "the page of the output says what Loki answers, and whether it limits this container"})
		}
		for _, remark := range c.Remarks {
			g.add(c, Problem{What: "Labels are not as asked for", Why: remark})
		}
	}
	return g.problems()
}

// gatherer puts together what is the same of many containers.
type gatherer struct {
	// kinds are how many problems there are of each What.
	kinds map[string]int
	byKey map[string]*Problem
	order []*Problem
}

func (g *gatherer) add(c *Container, p Problem) {
	key := p.What + "\x00" + p.Why
	of := g.byKey[key]
	if of == nil && g.kinds[p.What] >= maxProblems {
		p.Why = "for other reasons, which the containers' pages say"
		key = p.What + "\x00"
		of = g.byKey[key]
	}
	if of == nil {
		of = &p
		g.byKey[key], g.order = of, append(g.order, of)
		g.kinds[p.What]++
	}
	of.Count++
	if len(of.Containers) < maxNamed {
		of.Containers = append(of.Containers, Name{c.Name, c.ID})
	}
}

// problems are those that were gathered, the ones of most containers first within a kind.
func (g *gatherer) problems() (out []Problem) {
	for _, p := range g.order {
		out = append(out, *p)
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.What, b.What), b.Count-a.Count) })
	return out
}

// Troubled reports whether something is wrong with a container.
func (c *Container) Troubled() bool {
	return c.Route == routeUnreadable || c.Route == routeWaiting || c.LastError != "" || c.LastRefusal != nil || len(c.Remarks) > 0 || c.Behind()
}

// Behind reports whether lines of a container wait for long.
func (c *Container) Behind() bool { return c.LagSeconds != nil && *c.LagSeconds > farBehind }
