package logs

import (
	"encoding/json"
	"testing"
)

// TestLabelsByStream: labels may differ by stream, with the stream label under another name
// or without one, and are the same ones after they were on disk.
func TestLabelsByStream(t *testing.T) {
	plain := NewLabels(map[string]string{"a": "1"}, nil)
	split := NewLabels(map[string]string{"a": "1", "output": "stdout"}, nil)
	split.Whole = true
	split.Stderr = NewLabels(map[string]string{"a": "1", "level": "error"}, map[string]string{"output": "stderr"})
	split.Stderr.Whole = true
	for _, c := range []struct {
		labels *Labels
		want   [Streams]string
		len    int
	}{
		{plain, [Streams]string{`{a="1", stream="stdout"}`, `{a="1", stream="stderr"}`}, 2},
		{split, [Streams]string{`{a="1", output="stdout"}`, `{a="1", level="error"}`}, 2},
	} {
		text, err := json.Marshal(c.labels)
		if err != nil {
			t.Fatal(err)
		}
		stored := new(Labels)
		if err := json.Unmarshal(text, stored); err != nil || !stored.Equal(c.labels) || !stored.Valid() {
			t.Errorf("%s is not what was stored: %v", text, err)
		}
		var b Batch
		for s := range Stream(Streams) {
			if got := stored.Selector(s); got != c.want[s] || stored.Len() != c.len {
				t.Errorf("%v of %d labels is %s, want %s", s, stored.Len(), got, c.want[s])
			}
			b.Add(c.labels, Entry{Stream: s})
			b.Add(c.labels, Entry{Stream: s, Time: 1})
		}
		for i, g := range b.Groups {
			if g.Labels != c.labels.Of(g.Stream) || g.Len() != 2 || len(b.Groups) != Streams {
				t.Errorf("group %d is %v", i, g)
			}
		}
	}
	if plain.Equal(split) || split.Equal(split.Stderr) || plain.Value("stream", Stderr) != "stderr" || split.Value("stream", Stderr) != "" || split.Value("level", Stderr) != "error" {
		t.Error("labels are mistaken for others")
	}
}

// TestValidLabels: what comes from a damaged file is found out.
func TestValidLabels(t *testing.T) {
	one := []Label{{"a", "1"}}
	for name, l := range map[string]*Labels{
		"none":         {},
		"stream":       {Pairs: []Label{{"stream", "stdout"}}},
		"unsorted":     {Pairs: []Label{{"b", "1"}, {"a", "1"}}},
		"bad stderr":   {Pairs: one, Stderr: &Labels{}},
		"endless":      {Pairs: one, Stderr: &Labels{Pairs: one, Stderr: &Labels{Pairs: one}}},
		"bad metadata": {Pairs: one, Metadata: []Label{{"a-b", "1"}}},
	} {
		if l.Valid() {
			t.Errorf("%s is valid", name)
		}
	}
	if !(&Labels{Pairs: []Label{{"stream", "out"}}, Whole: true}).Valid() {
		t.Error("a stream label of somebody's own is not valid")
	}
}

// TestContainerName: a container has a name in messages whatever its labels are.
func TestContainerName(t *testing.T) {
	id := map[string]string{"container_id": "0123456789abcdef"}
	for want, l := range map[string]*Labels{
		"web":          NewLabels(map[string]string{"container": "web"}, id),
		"moved":        NewLabels(map[string]string{"app": "web"}, map[string]string{"container": "moved", "container_id": "1"}),
		"0123456789ab": NewLabels(map[string]string{"app": "web"}, id),
		"":             NewLabels(map[string]string{"app": "web"}, nil),
	} {
		if got := l.Container(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
