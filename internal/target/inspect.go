package target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
)

// inspectTimeout bounds one inspection: an engine may hang on one container.
// inspectRetry is when one that failed is tried again, unsettledRetry when one of a container
// that is being made or removed.
const inspectTimeout, inspectRetry, unsettledRetry = 10 * time.Second, 10 * time.Second, time.Second

// inspectors bounds the inspections under way at once.
const inspectors = 4

func (d *Discovery) inspectAll(ctx context.Context, ids []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspectors)
	for _, id := range ids {
		group.Go(func() error { return d.inspect(ctx, id) })
	}
	return group.Wait()
}

func (d *Discovery) inspect(ctx context.Context, id string) error {
	limited, cancel := context.WithTimeout(ctx, inspectTimeout)
	c, err := d.config.Source.Inspect(limited, id)
	cancel()
	if err != nil && !errors.Is(err, logs.ErrNotFound) && ctx.Err() == nil {
		d.peek(id) // its log is no reason to wait: the engine may never answer
	}
	var t *Target
	if err == nil {
		t = d.config.Rules.Decide(c)
		d.watch(t)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, logs.ErrNotFound):
		d.remove(id)
		delete(d.unsettled, id)
		if errors.Is(err, logs.ErrUnsettled) {
			d.dirty[id], d.unsettled[id] = true, true
		}
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		// One container that cannot be inspected must not stop the others.
		// When the engine is gone the events end, and a list follows; else
		// the next event or list tries again.
		if d.unknown[id] != err.Error() {
			d.config.Log.Warn("cannot inspect a container, will retry", "container", id, "error", err)
		}
		d.dirty[id], d.unknown[id] = true, err.Error()
		return nil
	}
	delete(d.unsettled, id)
	d.report(t)
	if c.Partial && (d.targets[id] != nil && !d.targets[id].Container.Partial || d.past[id]) {
		d.dirty[id], d.unknown[id] = true, c.Problem // what was known is better
		return nil
	}
	d.targets[id] = t
	d.past[id] = !c.Partial
	delete(d.unknown, id)
	delete(d.gone, id)
	if d.listed {
		signal(d.updates) // at once: others may be slow
	}
	return nil
}

// report says once what is wrong with what is known of a container, and what of its labels
// is not as it was asked for; the lock is held.
func (d *Discovery) report(t *Target) {
	c, notes := t.Container, strings.Join(t.Notes, "; ")
	attrs := []any{"container", c.ID, "name", c.Name, "problem", c.Problem}
	switch told := d.problems[c.ID]; {
	case c.Problem == "" || c.Problem == told.problem:
	case c.Partial:
		d.config.Log.Warn("not everything about a container can be read, its name or log driver may be a guess", attrs...)
	default:
		d.config.Log.Warn("a container has labels that are too long for Loki, they are cut", attrs...)
	}
	if notes != "" && notes != d.problems[c.ID].notes && t.Chosen() {
		d.config.Log.Warn("a container's labels are not as the configuration asks for", "container", c.ID, "name", c.Name, "why", notes)
	}
	d.problems[c.ID] = told{c.Problem, notes}
}

// told is what was logged of a container.
type told struct{ problem, notes string }

// watch shows the guard the labels of a target, and logs what has too many values since now.
// The labels of all containers are decided anew if one of theirs becomes structured metadata.
func (d *Discovery) watch(t *Target) {
	if d.config.Rules.Guard == nil || !t.Chosen() {
		return
	}
	for _, e := range d.config.Rules.Guard.Observe(time.Now(), t.Labels) {
		d.config.Log.Warn("a label has very many values on this host: each makes a stream of its own in Loki, which becomes slow; make it structured metadata, or remove what changes from its value",
			"label", e.Label, "values", e.Values, "examples", e.Examples, "moved", e.Moved)
		if e.Moved {
			signal(d.updates)
		}
	}
}

// Explosions returns the labels that have too many values on this host.
func (d *Discovery) Explosions() []Explosion {
	return d.config.Rules.Guard.Explosions(time.Now())
}

// Warning says of how many of the containers to collect labels were cut, and names the first;
// it is empty for none.
func (d *Discovery) Warning() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, c := range d.wanted() {
		if c.Problem != "" && !c.Partial {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	has := "container has"
	if len(names) > 1 {
		has = "containers have"
	}
	return fmt.Sprintf("%d %s labels that are too long for Loki and were cut (first: %s)", len(names), has, slices.Min(names))
}
