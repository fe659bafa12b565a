package target

import (
	"cmp"
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
	rules := d.rules.Load() // before what they are to decide is asked for
	limited, cancel := context.WithTimeout(ctx, inspectTimeout)
	c, err := d.config.Source.Inspect(limited, id)
	cancel()
	if err != nil && !errors.Is(err, logs.ErrNotFound) && ctx.Err() == nil {
		d.peek(id) // its log is no reason to wait: the engine may never answer
	}
	switch {
	case errors.Is(err, logs.ErrNotFound):
		d.missing(id, errors.Is(err, logs.ErrUnsettled))
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		d.failed(id, err)
	default:
		d.found(rules.DecideAgain(d.target(id), c))
	}
	return nil
}

// missing notes that there is no such container.
func (d *Discovery) missing(id string, unsettled bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.of(id).missing(unsettled)
	d.first.left--
	if d.listed {
		signal(d.updates) // at once: to inspect its successor may take until that has started
	}
}

// failed notes that a container could not be inspected, which must not stop the others. When
// the engine is gone the events end, and a list follows; else the next event or list tries
// again.
func (d *Discovery) failed(id string, err error) {
	d.mu.Lock()
	k := d.of(id)
	again := k.unknown == err.Error()
	k.awaited = false
	d.first.left--
	k.dirty, k.unknown = true, err.Error()
	d.mu.Unlock()
	if !again {
		d.config.Log.Warn("cannot inspect a container, will retry", "container", id, "error", err)
	}
}

// found notes what was decided about a container that was inspected.
func (d *Discovery) found(t *Target) {
	d.mu.Lock()
	k := d.of(t.Container.ID)
	before, now := k.told, told{problem: t.Container.Problem, excluded: t.Excluded}
	if t.Chosen() {
		now.notes, now.asked, now.ignored = strings.Join(t.Notes, "; "), strings.Join(t.Asked, "; "), strings.Join(t.Ignored, "; ")
	}
	counts := k.found(t)
	k.told = now
	if counts {
		d.tell()
	}
	d.mu.Unlock()
	d.report(t.Container, before, now)
	if counts {
		d.watch(t)
	}
}

// report says once what is wrong with what is known of a container, what of its labels is not
// as it was asked for, and why it is not collected.
func (d *Discovery) report(c *logs.Container, before, now told) {
	log := d.config.Log.With("container", c.ID, "name", c.Name)
	switch {
	case now.problem == "" || now.problem == before.problem:
	case c.Partial:
		log.Warn("not everything about a container can be read, its name or log driver may be a guess", "problem", now.problem)
	default:
		log.Warn("a container has labels that are too long for Loki, they are cut", "problem", now.problem)
	}
	if now.notes != "" && now.notes != before.notes {
		log.Warn("a container's labels are not as the configuration asks for", "why", now.notes)
	}
	if now.asked != "" && now.asked != before.asked {
		log.Warn("a container has labels that cannot be done as they ask", "why", now.asked)
	}
	if now.ignored != "" && now.ignored != before.ignored {
		log.Info("a container has labels that are not honoured", "why", now.ignored)
	}
	if now.excluded != "" && now.excluded != before.excluded {
		log.Debug("a container is not collected", "why", now.excluded)
	}
}

// Warning says of how many of the containers to collect the labels are not as they were asked
// for, and names the first, and which labels have too many values; it is empty for none.
func (d *Discovery) Warning() string {
	text := d.changedLabels()
	for _, e := range d.HighCardinality() {
		text = joined("; ", text, e.String())
	}
	return text
}

// changedLabels says of how many of the containers to collect the labels are not as they were
// asked for.
func (d *Discovery) changedLabels() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var cut, changed, asked, shared []string
	first := make(map[string]string)
	for _, t := range d.targets() {
		if stream := t.Labels.Selector(logs.Stdout); t.Chosen() && t.Container.Running {
			if other := first[stream]; other != "" {
				shared = append(shared, max(other, t.Container.Name))
			}
			first[stream] = cmp.Or(first[stream], t.Container.Name)
		}
		if t.Chosen() && len(t.Asked) > 0 {
			asked = append(asked, t.Container.Name+": "+t.Asked[0])
		}
		switch {
		case !t.Chosen():
		case len(t.Notes) > 0:
			changed = append(changed, t.Container.Name+": "+t.Notes[0])
		case t.Container.Problem != "" && !t.Container.Partial:
			cut = append(cut, t.Container.Name)
		}
	}
	return joined("; ",
		counted(cut, "labels that are too long for Loki and were cut"),
		counted(changed, "labels that are not as the configuration asks for"),
		counted(asked, "labels lighterman.* that cannot be done as they ask"),
		counted(shared, "the same labels as another that runs, and Loki refuses what one of them wrote an hour before the other: give them a label that tells them apart"))
}

// counted says how many containers have something, and names the first; nothing for none.
func counted(names []string, what string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 container has %s (first: %s)", what, names[0])
	}
	return fmt.Sprintf("%d containers have %s (first: %s)", len(names), what, slices.Min(names))
}

// joined joins the texts that are not empty.
func joined(by string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), by)
}
