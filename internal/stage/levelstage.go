package stage

import (
	"strings"

	"github.com/lighterman/lighterman/internal/stage/level"
)

// levelName is the structured metadata that Loki and Grafana take the level from.
const levelName = "detected_level"

// levelStage says in structured metadata which level an entry has, where it has one.
type levelStage struct {
	source slot // -1 for the line
}

func newLevel(b *builder, f *fields) step {
	f.read("source")
	return &levelStage{source: f.source()}
}

func (s *levelStage) run(r *Run, e *Entry, n *node) *node {
	if s.source >= 0 {
		if v, ok := r.get(e, s.source); ok {
			e.level = level.Parse(v)
		}
	}
	if l := e.findLevel(); l != level.Unknown {
		e.setMetadata(levelName, l.String())
	}
	return n.next
}

// levelLabels are labels that Loki takes the level from by itself.
var levelLabels = []string{"level", "severity", "lvl"}

// findLevel returns the level of an entry: what a stage has found, what a label says, or
// what the line says, as it was read and before stages took it apart.
func (e *Entry) findLevel() level.Level {
	if e.level != level.Unknown {
		return e.level
	}
	if len(e.changes) > 0 {
		for _, name := range levelLabels {
			if val := e.getLabel(name); val != "" {
				e.level = level.Parse([]byte(val))
			}
			if e.level != level.Unknown {
				return e.level
			}
		}
	}
	e.level = level.Detect(e.raw)
	return e.level
}

// minLevel drops entries below a level. One without a level stays.
type minLevel struct {
	rule  int
	least level.Level
}

func newMinLevel(b *builder, f *fields) step {
	m := &minLevel{}
	at, text := f.node, f.node.Value
	reason := "min_level"
	if f.node.Value == "" {
		f.read("level", "drop_counter_reason")
		text, reason = f.needed("level"), f.reason(reason)
		if n := f.keys["level"]; n != nil {
			at = n
		}
	}
	m.rule = b.rule(reason)
	if m.least = level.Parse([]byte(text)); m.least == level.Unknown && text != "" {
		f.report(at, "there is no level %q%s", text, b.hint(strings.ToLower(text), level.Names()))
	}
	return m
}

func (m *minLevel) run(r *Run, e *Entry, n *node) *node {
	if l := e.findLevel(); l != level.Unknown && l < m.least {
		return r.drop(m.rule)
	}
	return n.next
}
