package target

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/owner"
)

// Target is one container with everything that was decided about it, and why. It is
// immutable: what is decided anew is another Target.
type Target struct {
	// Container is what was known of the container when this was decided.
	Container *logs.Container
	// Excluded says why the container is not collected; it is empty for one that is.
	Excluded string
	// Labels are the labels and the structured metadata of its lines. They are there for
	// an excluded container, too: its lines may be half delivered.
	Labels *logs.Labels
	// Notes say what of the labels is not as its owner or the configuration asks for, and
	// why.
	Notes []string
	// Asked is what of the labels that the owner asks by cannot be done, and why, and Ignored
	// what of them is not honoured.
	Asked, Ignored []string
	// Route is how its log is read, and why. It is the only part that depends on files,
	// which come and go, so it is decided when it is needed and again when they do; it is
	// empty before.
	Route logs.Route

	basis basis
}

// Remarks says in words what of the labels is not as its owner or the configuration asks for.
func (t *Target) Remarks() []string { return slices.Concat(t.Notes, t.Asked, t.Ignored) }

// Chosen reports whether the container is to be collected.
func (t *Target) Chosen() bool { return t.Excluded == "" }

// By returns the same target on another route.
func (t *Target) By(route logs.Route) *Target {
	out := *t
	out.Route = route
	return &out
}

// Engine is what is known of the engine.
type Engine struct {
	// Root is its data root as seen from here, and Name the name of its host.
	Root, Name string
	// Podman reports whether the engine is Podman.
	Podman bool
}

// Rules are what targets are decided by: the configuration, and what is known of the
// engine. They do not change.
type Rules struct {
	Filter  Filter
	Labeler Labeler
	// Owner says which labels of containers are honoured that their owners ask by; nil for
	// what is honoured by default.
	Owner *owner.Rules
	// Policy is that of routes. What Engine returns goes before its Root and Podman.
	Policy Policy
	// Engine returns what is known of the engine by now, which it may have to ask; no
	// lock is held then. It is nil where there is no engine.
	Engine func() Engine
	// BorrowHost has the label host be the name of the engine's host, where that is known:
	// in a container our own would be another one for each new lighterman.
	BorrowHost bool
	// Cardinality watches over the number of values of labels; nil for nobody.
	Cardinality *Cardinality
}

// basis is what a decision depends on besides the container and the configuration.
type basis struct {
	// rules are those that it was decided by.
	rules *Rules
	// host is the name of the engine's host, where that is borrowed.
	host string
	// moved are the labels that have become structured metadata, with commas between.
	moved string
}

// basis returns what decisions depend on now. It may ask the engine.
func (r *Rules) basis() (now basis) {
	now.rules = r
	if r.BorrowHost && r.Engine != nil {
		now.host = r.Engine().Name
	}
	now.moved = strings.Join(r.Cardinality.Moved(), ",")
	return now
}

// Decide decides everything but the route. It may ask the engine about itself.
func (r *Rules) Decide(c *logs.Container) *Target { return r.decide(c, r.basis()) }

// DecideAgain is Decide for a container that something was decided about before. What has not
// changed is not decided again.
func (r *Rules) DecideAgain(before *Target, c *logs.Container) *Target {
	now := r.basis()
	if before == nil || before.basis != now || !alike(before.Container, c) {
		return r.decide(c, now)
	}
	out := *before
	out.Container, out.Route = c, logs.Route{}
	return &out
}

// alike reports whether two containers have all in common that choice and labels depend on.
func alike(a, b *logs.Container) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Image == b.Image && a.TTY == b.TTY && maps.Equal(a.Labels, b.Labels) &&
		a.Network.Mode == b.Network.Mode && slices.Equal(a.Network.Attached, b.Network.Attached) && slices.Equal(a.Network.Ports, b.Network.Ports)
}

// decide depends on nothing but the container, the rules and the basis.
func (r *Rules) decide(c *logs.Container, on basis) *Target {
	labeler := r.Labeler
	if on.host != "" {
		labeler.Host = on.host
	}
	asked := r.Owner.Read(c.Labels)
	out := labeler.LabelAsked(c, strings.FieldsFunc(on.moved, func(r rune) bool { return r == ',' }), &asked)
	if r.Filter.Pick.all() {
		out.Dropped = ""
	}
	t := &Target{
		Container: c, Excluded: cmp.Or(r.Filter.Excludes(c), out.Dropped), Labels: out.Labels, Notes: out.Notes,
		Asked: append(asked.Wrong, out.Owner...), Ignored: asked.Ignored, basis: on,
	}
	if asked.Off && t.Excluded == "" && !r.Filter.Pick.all() {
		t.Excluded = "it has the label " + owner.Enable + "=false"
	}
	return t
}

// Route decides how a container's log is read. It looks at files.
func (r *Rules) Route(c *logs.Container) logs.Route {
	policy := r.Policy
	if r.Engine != nil {
		engine := r.Engine()
		policy.Root, policy.Podman = engine.Root, engine.Podman
	}
	return policy.Decide(c)
}

// InMode returns the same rules in another mode.
func (r *Rules) InMode(mode Mode) *Rules {
	out := *r
	out.Policy.Mode = mode
	return &out
}
