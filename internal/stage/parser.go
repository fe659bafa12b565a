package stage

import (
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/stage/level"
	"github.com/lighterman/lighterman/internal/stage/preset"
)

// parserStage finds level and time of an entry that a preset knows.
type parserStage struct {
	preset      preset.Preset
	level, time slot
}

// newParser makes the stages of a preset: joining, then finding level and time.
func newParser(b *builder, f *fields, next *node, _ int) *node {
	name, at := f.node.Value, f.node
	if f.node.Kind == yaml.MappingNode {
		f.read("name", "max_lines", "max_wait_time")
		name = f.needed("name")
		if n := f.keys["name"]; n != nil {
			at = n
		}
	}
	p, ok := preset.Get(name)
	if !ok {
		f.report(at, "there is no parser %q%s", name, b.hint(name, preset.Names()))
		return next
	}
	next = &node{step: &parserStage{p, b.name("level"), b.name("time")}, next: next, path: f.path}
	if p.Begins == nil {
		return next
	}
	m := f.multiline(presetLines, p.Begins)
	m.parser = true
	return &node{step: m, next: next, path: f.path}
}

// presetLines is how many lines an entry of a preset may have: the traces of some
// languages are longer than Promtail's default.
const presetLines = 1000

func (s *parserStage) run(r *Run, e *Entry, n *node) *node {
	if l := s.preset.Level(e.Line); l != level.Unknown {
		e.level = l
		e.set(s.level, levelText[l])
	}
	if t := s.preset.Time(e.Line); t != nil {
		e.set(s.time, t)
	}
	return n.next
}

var levelText = func() (out [level.Fatal + 1][]byte) {
	for l := range out {
		out[l] = []byte(level.Level(l).String())
	}
	return out
}()
