package stage

import (
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
)

// family has the pipelines of containers whose owners ask for stages of their own, or whose
// levels are looked for, one for each distinct set of what they ask for.
type family struct {
	nodes   []*yaml.Node
	options Options

	mu sync.Mutex // guards of
	of map[string]*Pipeline
}

// maxFamily bounds the pipelines that are kept for containers to come. Those that are in use
// are kept by who uses them.
const maxFamily = 256

// of returns the pipeline of a container with these labels.
func (p *Pipeline) of(labels *logs.Labels) *Pipeline {
	// The level of lines that no stage concerns is found elsewhere, for less.
	level := labels.Level && p != nil && (!p.empty() || len(labels.Owner) != 0)
	if p == nil || p.family == nil || len(labels.Owner) == 0 && !level {
		return p
	}
	return p.family.pipeline(p, labels.Owner, level)
}

func (f *family) pipeline(base *Pipeline, asked []logs.Label, level bool) *Pipeline {
	key := make([]byte, 0, 64)
	if level {
		key = append(key, 0) // no name is so short
	}
	for _, l := range asked {
		key = appendSized(appendSized(key, l.Name), l.Value)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.of[string(key)]; p != nil {
		return p
	}
	options := f.options
	options.Level = level
	p, err := build(f.nodes, options, asked)
	if err != nil {
		// The configuration alone has compiled, and what owners ask for makes no mistakes:
		// at most there are too many stages now.
		return base
	}
	if len(f.of) >= maxFamily {
		clear(f.of)
	}
	f.of[string(key)] = p
	return p
}

// Wait returns the longest time that a group of a container with these labels waits for its
// next line, in nanoseconds; 0 where no lines are joined.
func (p *Pipeline) Wait(labels *logs.Labels) (longest int64) {
	if p = p.of(labels); p == nil {
		return 0
	}
	for i := range p.groupings {
		longest = max(longest, p.groupings[i].group.Wait)
	}
	return longest
}

// Idle reports whether nothing is ever done with lines of a container with these labels,
// whatever else is known of it.
func (p *Pipeline) Idle(labels *logs.Labels) bool {
	p = p.of(labels)
	return p == nil || p.empty()
}
