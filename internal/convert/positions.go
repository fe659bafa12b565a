package convert

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
)

// Position is where the old collector has stopped in the log of a container, or in a file of
// the host.
type Position struct {
	// ID is the container; empty for a file of the host.
	ID string
	// Seconds is the time of the last line, as Unix time: that of the engine's logs.
	Seconds int64
	// File is the file of the host, or Docker's own one, and Offset the place in it in bytes, where that was read.
	File   string
	Offset int64
	// Journal is the section of the host's journal, empty for all else, and Cursor the place.
	Journal string
	Cursor  logs.JournalPosition
	// Line is where it is in the file.
	Line int
}

var (
	cursor  = regexp.MustCompile(`^cursor-([0-9a-f]{64})$`)
	ownFile = regexp.MustCompile(`/containers/([0-9a-f]{64})/([0-9a-f]{64})-json\.log$`)
)

// Positions reads a file of positions: Promtail's, or that of an Alloy's component. What is
// no container's is among the findings.
func Positions(file string, data []byte) ([]Position, []Finding, error) {
	p := &plan{}
	root := p.parseYAML(data)
	if root == nil {
		return nil, nil, p.err(file)
	}
	list := get(root, "positions")
	if list == nil {
		p.refuse(root.Line, "there are no positions: expected a file like Promtail's positions.yaml")
	} else if !isNull(list) && list.Kind != yaml.MappingNode {
		p.refuse(list.Line, "positions: expected a map")
	}
	if err := p.err(file); err != nil {
		return nil, nil, err
	}
	var out []Position
	for i := 0; list.Kind == yaml.MappingNode && i+1 < len(list.Content); i += 2 {
		key, val := list.Content[i], list.Content[i+1]
		name := key.Value
		if path := get(key, "path"); path != nil { // Alloy's have the labels, too
			name = path.Value
		}
		at, ok := p.position(name, key, val)
		if !ok {
			continue
		}
		// Of several for one container the oldest holds: nothing is lost then.
		if old := slices.IndexFunc(out, func(o Position) bool {
			return o.ID == at.ID && o.Journal == at.Journal && (o.File == at.File || at.ID != "" && (o.File == "") == (at.File == ""))
		}); old < 0 {
			out = append(out, at)
		} else if at.Seconds < out[old].Seconds || at.Offset < out[old].Offset {
			out[old] = at
		}
	}
	return out, p.sorted(), p.err(file)
}

// position reads one entry.
func (p *plan) position(name string, key, val *yaml.Node) (at Position, ok bool) {
	at.Line = key.Line
	number, err := strconv.ParseInt(strings.TrimSpace(val.Value), 10, 64)
	bad := err != nil || number < 0 || val.Kind != yaml.ScalarNode
	if m := cursor.FindStringSubmatch(name); m != nil {
		if at.ID, at.Seconds = m[1], number; bad || number > 1<<33 {
			p.refuse(key.Line, "%s: expected seconds since 1970, found %q", name, val.Value)
		}
		return at, !bad
	}
	if m := ownFile.FindStringSubmatch(name); m != nil && m[1] == m[2] {
		if at.ID, at.File, at.Offset = m[1], name, number; bad {
			p.refuse(key.Line, "%s: expected an offset in bytes, found %q", name, val.Value)
		}
		return at, !bad
	}
	if filepath.IsAbs(name) && !strings.Contains(name, "/containers/") {
		if at.File, at.Offset = name, number; bad {
			p.refuse(key.Line, "%s: expected an offset in bytes, found %q", name, val.Value)
		}
		return at, !bad
	}
	if c, is := journalCursor(val.Value); is {
		job := strings.TrimPrefix(strings.TrimPrefix(name, "cursor-"), "journal-")
		at.Journal, at.Cursor = sectionName(job), c
		return at, true
	}
	what := "it is that of no container's log"
	if strings.HasPrefix(name, "journal-") || name == "journal" {
		what = "it is no cursor of the journal"
	} else if strings.HasPrefix(name, "cursor-") {
		what = "it is that of no container's ID"
	}
	p.lost(key.Line, "the position of "+strconv.Quote(name), what+", and lighterman does not read that", "leave it to who reads it")
	return at, false
}
