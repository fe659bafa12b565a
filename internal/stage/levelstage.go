package stage

import (
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
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

// levelMissed says in structured metadata which level an entry has, where Loki does not find
// it by itself.
type levelMissed struct{}

func (levelMissed) run(_ *Run, e *Entry, n *node) *node {
	if l := e.missedLevel(); l != level.Unknown {
		e.setMetadata(levelName, l.String())
	}
	return n.next
}

// missedLevel returns the level of an entry where Loki, which sees labels and the line as it
// is sent, does not find it.
func (e *Entry) missedLevel() level.Level {
	for _, name := range levelLabels {
		if len(e.changes) == 0 {
			break
		}
		if val := e.getLabel(name); val != "" {
			if l := level.Parse([]byte(val)); !strings.EqualFold(l.String(), val) {
				return l
			}
			return level.Unknown
		}
	}
	switch {
	case e.level != level.Unknown:
		return e.level
	case len(e.Line) == len(e.raw) && (len(e.raw) == 0 || &e.Line[0] == &e.raw[0]):
		return level.Missed(e.raw)
	}
	return level.Detect(e.raw) // what Loki sees is another text
}

// LevelMissed returns what levelMissed adds to an entry that goes through no stages; nil for
// nothing.
func LevelMissed(line []byte) *logs.Extra {
	return levelExtra[level.Missed(line)]
}

// levelExtra is what is added for each level.
var levelExtra = func() (out [level.Fatal + 1]*logs.Extra) {
	for l := level.Unknown + 1; l <= level.Fatal; l++ {
		out[l] = &logs.Extra{Metadata: logs.Metadata{}.Append(levelName, l.String())}
	}
	return out
}()
