package dispatch

import (
	"slices"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// Refusal is what the sink has refused for good of a container since the start.
type Refusal struct {
	// Lines is their number. The rest is about the last ones.
	Lines  int
	At     time.Time
	Reason string
	// Example is the timestamp of one of them, and Message the sink's own text.
	Example time.Time
	Message string
}

// refusals remembers what was refused, by the container's ID. All lanes share it.
type refusals struct {
	mu    sync.Mutex // guards the fields below
	byID  map[string]*refused
	lines int
}

// refused is what was refused of one container: all of it, and by reason, the last first.
type refused struct {
	Refusal
	reasons []Refusal
}

const (
	// maxRefusals bounds the memory: of a container that is gone a last refusal may come.
	maxRefusals = 10_000
	// maxReasons is how many reasons are remembered of a container.
	maxReasons = 4
)

func (r *refusals) add(reject logs.Reject, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines += reject.Count
	of := r.byID[reject.ID]
	if of == nil {
		if len(r.byID) >= maxRefusals {
			return
		}
		if r.byID == nil {
			r.byID = make(map[string]*refused)
		}
		of = &refused{}
		r.byID[reject.ID] = of
	}
	of.note(reject, now)
	own := Refusal{}
	if i := slices.IndexFunc(of.reasons, func(before Refusal) bool { return before.Reason == reject.Reason }); i >= 0 {
		own = of.reasons[i]
		of.reasons = slices.Delete(of.reasons, i, i+1)
	}
	own.note(reject, now)
	of.reasons = slices.Insert(of.reasons, 0, own)
	of.reasons = of.reasons[:min(len(of.reasons), maxReasons)]
}

// note adds what was refused.
func (r *Refusal) note(reject logs.Reject, now time.Time) {
	r.Lines += reject.Count
	r.At, r.Reason, r.Example, r.Message = now, reject.Reason, time.Unix(0, reject.Example).UTC(), reject.Message
}

func (r *refusals) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byID, id)
}

// Refused returns what was refused of a container; no lines where nothing was.
func (d *Dispatcher) Refused(id string) Refusal {
	d.shared.refused.mu.Lock()
	defer d.shared.refused.mu.Unlock()
	if of := d.shared.refused.byID[id]; of != nil {
		return of.Refusal
	}
	return Refusal{}
}

// Refusals returns what was refused of a container by reason, the last first.
func (d *Dispatcher) Refusals(id string) []Refusal {
	d.shared.refused.mu.Lock()
	defer d.shared.refused.mu.Unlock()
	if of := d.shared.refused.byID[id]; of != nil {
		return slices.Clone(of.reasons)
	}
	return nil
}

// RefusedLines returns the number of lines that were refused for good.
func (d *Dispatcher) RefusedLines() int {
	d.shared.refused.mu.Lock()
	defer d.shared.refused.mu.Unlock()
	return d.shared.refused.lines
}

// limitsPage says what can be done about every refusal.
const limitsPage = "docs/loki-limits.md"

// Cure says in words what an operator can do about lines that are refused for a reason.
func Cure(reason string) string {
	return cures[reason] + limitsPage
}

var cures = map[string]string{
	"too_far_behind":      "they are older than Loki takes for their stream; keep one container per stream; see ",
	"too_old":             "raise reject_old_samples_max_age of Loki, or set since no further back; see ",
	"too_new":             "set this host's clock, or raise creation_grace_period of Loki; see ",
	"out_of_order":        "set unordered_writes of Loki to true; see ",
	"line_too_long":       "set max-line-bytes to no more than max_line_size of Loki; see ",
	"too_large":           "raise the limit of what is before Loki, or set max-line-bytes below it; see ",
	"labels":              "fewer or shorter labels, or raise Loki's limits for them; see ",
	"structured_metadata": "raise max_structured_metadata_size and max_structured_metadata_entries_count of Loki; see ",
	"refused":             "Loki's own message says why; see ",
}
