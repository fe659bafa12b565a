package target

import (
	"log/slog"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestTarget: what was decided is kept with the reason, and another route is another target.
func TestTarget(t *testing.T) {
	rules := &Rules{Filter: Filter{Self: "own"}, Labeler: Labeler{Host: "h"}, Policy: Policy{Mode: StreamOnly}}
	own, web := rules.Decide(&logs.Container{ID: "own"}), rules.Decide(&logs.Container{ID: "1", Name: "web", Driver: "none"})
	if own.Chosen() || own.Excluded != "it is lighterman's own container" || own.Labels == nil {
		t.Errorf("%+v", own)
	}
	if !web.Chosen() || web.Labels.Get("host") != "h" || web.Route.Reason != "" {
		t.Errorf("%+v", web)
	}
	by := web.By(rules.Route(web.Container))
	if by.Route.Kind != logs.Unreadable || by.Route.Reason != `log driver "none" stores nothing` || web.Route.Reason != "" {
		t.Errorf("%+v from %+v", by, web)
	}
}

// TestRulesOfEngine: what the engine is called and where it keeps its files becomes known
// only when it answers, and then counts for what was decided before.
func TestRulesOfEngine(t *testing.T) {
	var engine Engine
	rules := &Rules{Labeler: Labeler{Host: "c0ffee"}, Policy: Policy{Mode: Hybrid, FilePercent: 100}, Engine: func() Engine { return engine }, BorrowHost: true}
	d := New(Config{Rules: rules, Log: slog.New(slog.DiscardHandler)})
	c := &logs.Container{ID: "1", Name: "web"}
	d.of("1").target = rules.Decide(c)
	if got := d.Labels(c).Get("host"); got != "c0ffee" {
		t.Errorf("host is %q before the engine answers", got)
	}
	engine = Engine{Name: "node1", Root: t.TempDir(), Podman: true}
	got := d.Labels(c)
	if got.Get("host") != "node1" || d.Labels(c) != got {
		t.Errorf("labels are %v, and decided again without need", got.Pairs)
	}
	if other := (&logs.Container{ID: "1", Name: "renamed"}); d.Labels(other).Get("container") != "renamed" || d.Labels(c) != got {
		t.Error("a container that was not found yet takes another's place")
	}
	if route := rules.Route(c); route.Kind != logs.Unreadable {
		t.Errorf("Podman's log goes by %v", route.Kind)
	}
	if rules.InMode(FileOnly).Policy.Mode != FileOnly || rules.Policy.Mode != Hybrid {
		t.Error("another mode changes the rules")
	}
}

// TestDecideAgain: what has not changed is not decided again, and what has is.
func TestDecideAgain(t *testing.T) {
	rules := &Rules{Labeler: Labeler{Host: "h"}, Engine: func() Engine { return Engine{Name: "node1"} }}
	before := rules.Decide(shop()).By(logs.Route{Reason: "r"})
	same := shop()
	same.Running = true
	if got := rules.DecideAgain(before, same); got.Labels != before.Labels || got.Container != same || got.Route.Reason != "" {
		t.Errorf("%+v", got)
	}
	for name, change := range map[string]func(*logs.Container){
		"name": func(c *logs.Container) { c.Name = "x" }, "image": func(c *logs.Container) { c.Image = "x" }, "tty": func(c *logs.Container) { c.TTY = true },
		"label": func(c *logs.Container) { c.Labels["tier"] = "x" }, "mode": func(c *logs.Container) { c.Network.Mode = "x" },
		"ip": func(c *logs.Container) { c.Network.Attached[0].IP = "" }, "port": func(c *logs.Container) { c.Network.Ports[0].Public = "" },
	} {
		other := shop()
		change(other)
		if got := rules.DecideAgain(before, other); got.Labels == before.Labels {
			t.Errorf("another %s is not noticed", name)
		}
	}
	rules.BorrowHost = true
	if got := rules.DecideAgain(before, same); got.Labels.Get("host") != "node1" {
		t.Error("another host is not noticed")
	}
	if got := rules.DecideAgain(nil, same); got.Container != same {
		t.Error("a new container is not decided about")
	}
}
