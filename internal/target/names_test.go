package target

import (
	"strings"
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

// TestNamesValidate: what cannot be is named with what can.
func TestNamesValidate(t *testing.T) {
	for _, test := range []struct {
		names Names
		want  string
	}{
		{nil, ""},
		{Names{"container": "name", "image": "", "host": "", "stream": "output", "container_id": "id"}, ""},
		{Names{"container": "host", "host": "container"}, ""},
		{Names{"containers": "x"}, `there is no default label "containers": they are compose_project, compose_service, container, host, image, service_name, stream, swarm_service, swarm_stack, container_id, stream_metadata, swarm_node, swarm_task`},
		{Names{"image": "a-b"}, `image: "a-b" is no label name`},
		{Names{"image": "__a"}, `image: the name "__a" is reserved`},
		{Names{"image": "host"}, `host and image would both be called "host"`},
		{Names{"compose_service": "service_name"}, `compose_service and service_name would both be called "service_name"`},
	} {
		if err := test.names.Validate(); (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v: %v", test.names, err)
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
