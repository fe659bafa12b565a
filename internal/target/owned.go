package target

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/relabel"

	"github.com/lighterman/lighterman/internal/owner"
)

// owned adds the labels and the structured metadata that a container's owner asks for, and
// says what of them is not as it was asked for. What the operator sets stays as it is, and has
// room first.
func (l *Labeler) owned(asked *owner.Asked, pairs, metadata map[string]string) (notes []string) {
	if len(asked.Labels)+len(asked.Metadata) == 0 {
		return nil
	}
	reserved := l.reserved()
	labels, more, notes := asked.Reserve(func(name string) bool {
		return reserved[name] || pairs[name] != "" || metadata[name] != ""
	})
	room := cmp.Or(l.MaxLabels, MaxLabels) - len(pairs)
	for name := range l.External {
		if _, there := pairs[name]; !there {
			room--
		}
	}
	var over []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if room > 0 {
			pairs[name] = labels[name]
			room--
			continue
		}
		over = append(over, name)
		if more[name] == "" {
			more[name] = labels[name]
		}
	}
	if len(over) > 0 {
		notes = append(notes, fmt.Sprintf("lighterman.label: there is no room for more labels, and %s became structured metadata", listed(over)))
	}
	size := 0
	for name, value := range metadata {
		size += len(name) + len(value)
	}
	over = over[:0]
	for _, name := range slices.Sorted(maps.Keys(more)) {
		if size += len(name) + len(more[name]); size > maxMetadataBytes || len(metadata) >= maxMetadata {
			over = append(over, name)
			continue
		}
		if pairs[name] == "" { // what is a label is not said twice
			metadata[name] = more[name]
		}
	}
	if len(over) > 0 {
		notes = append(notes, fmt.Sprintf("lighterman.metadata: Loki takes no more, and %s is left out", listed(over)))
	}
	return notes
}

// reserved are the names that no owner may use: those that tell containers apart, whatever
// they are called here, and those that the operator sets for some containers.
func (l *Labeler) reserved() map[string]bool {
	names := make(map[string]bool)
	labels, metadata := DefaultLabels()
	for _, name := range slices.Concat(labels, metadata) {
		names[name], names[l.Names.of(name)] = true, true
	}
	for name := range l.External {
		names[name] = true
	}
	if l.Relabel.empty() {
		return names
	}
	for _, rule := range l.Relabel.rules {
		switch rule.Action {
		case relabel.Replace, relabel.HashMod, relabel.Lowercase, relabel.Uppercase:
			if !strings.Contains(rule.TargetLabel, "$") {
				names[rule.TargetLabel] = true
			}
		}
	}
	for name := range l.Relabel.metadata {
		names[name] = true
	}
	return names
}
