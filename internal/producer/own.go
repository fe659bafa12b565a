package producer

import (
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
)

// maxOwn bounds the label sets whose run is kept.
const maxOwn = 1024

// ownStages are the runs of entries that bring labels of their own, by these. What they
// remember, such as how many lines of a time were let through, begins anew with a start.
type ownStages struct {
	pipeline *stage.Pipeline
	runs     map[*logs.Labels]*stage.Run
}

// run returns what entries of these labels go through; nil for nothing.
func (o *ownStages) run(in *stage.Pipeline, labels *logs.Labels) *stage.Run {
	if o.runs == nil || o.pipeline != in || len(o.runs) >= maxOwn {
		o.pipeline, o.runs = in, make(map[*logs.Labels]*stage.Run)
	}
	run, known := o.runs[labels]
	if !known {
		run = in.For(labels)
		o.runs[labels] = run
	}
	return run
}
