package target

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestNames: every default label, and every default of structured metadata, can have
// another name or be removed.
func TestNames(t *testing.T) {
	c := task("shop_web.1.aaa", "aaa", "node1")
	c.Labels[composeProject], c.Labels[composeService] = "p", "s"
	labels, metadata := DefaultLabels()
	plain := (&Labeler{Host: "h"}).Label(c, nil).Labels
	for _, name := range labels {
		if plain.Value(name, logs.Stdout) == "" {
			t.Errorf("%s is no default label of %v", name, plain)
		}
		renamed := (&Labeler{Host: "h", Names: Names{name: "other"}}).Label(c, nil).Labels
		removed := (&Labeler{Host: "h", Names: Names{name: ""}}).Label(c, nil).Labels
		for s := range logs.Stream(logs.Streams) {
			if renamed.Value(name, s) != "" || renamed.Value("other", s) != plain.Value(name, s) || renamed.Of(s).Len() != plain.Len() {
				t.Errorf("%s is not renamed: %s", name, renamed.Selector(s))
			}
			if removed.Value(name, s) != "" || removed.Of(s).Len() != plain.Len()-1 {
				t.Errorf("%s is not removed: %s", name, removed.Selector(s))
			}
		}
	}
	get := func(l *logs.Labels, name string) string { return (&logs.Labels{Pairs: l.Metadata}).Get(name) }
	for _, name := range metadata {
		if name == metadataStream {
			continue // it is there only where no label tells the streams apart
		}
		renamed := (&Labeler{Names: Names{name: "other"}}).Label(c, nil).Labels
		removed := (&Labeler{Names: Names{name: ""}}).Label(c, nil).Labels
		if get(plain, name) == "" || get(renamed, name) != "" || get(renamed, "other") != get(plain, name) || get(removed, name) != "" {
			t.Errorf("%s: %v, %v, %v", name, plain.Metadata, renamed.Metadata, removed.Metadata)
		}
	}
}

// TestStreamMetadata: where no label tells the streams apart, structured metadata does, under
// the name that it is given, or not at all.
func TestStreamMetadata(t *testing.T) {
	c := &logs.Container{ID: "c0ffee", Name: "web"}
	for _, test := range []struct {
		names Names
		want  string
	}{
		{Names{"stream": ""}, "stream"},
		{Names{"stream": "", "stream_metadata": "output"}, "output"},
		{Names{"stream": "", "stream_metadata": ""}, ""},
		{Names{"stream_metadata": "output"}, ""},
	} {
		made := (&Labeler{Names: test.names}).Label(c, nil).Labels
		for s := range logs.Stream(logs.Streams) {
			var got string
			for _, m := range made.Of(s).Metadata {
				if m.Value == s.String() {
					got = m.Name
				}
			}
			if got != test.want {
				t.Errorf("%v: %s is called %q, not %q", test.names, s, got, test.want)
			}
		}
	}
}
