package outcomes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/test/lokitest"
)

// labeler makes one of rules as a configuration has them.
func labeler(t *testing.T, rules string, metadata map[string]string) *target.Labeler {
	t.Helper()
	var configs []*relabel.Config
	if err := yaml.Unmarshal([]byte(rules), &configs); err != nil {
		t.Fatal(err)
	}
	by, err := target.NewRelabel(configs, metadata)
	if err != nil {
		t.Fatal(err)
	}
	return &target.Labeler{Host: "h", Relabel: by}
}

// TestLabelsLokiTakes: whatever a container's owner and the rules ask for, Loki takes what
// becomes of it, with its limits as they are by default.
func TestLabelsLokiTakes(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	long, key := strings.Repeat("ä", 3000), strings.Repeat("n", 990)
	many := map[string]string{"1st": "digit", "a.b-c": "\xff\xfe", key: long, "com.docker.compose.service": long, "com.docker.compose.project": "shop"}
	strange := map[string]string{"x": "\x00\x01\t\n\r\x7f\x1b[31m \" \\ ` {}=, \u0085\u00a0\u2028\u200b\u202e\ufeff\ufffe\ufffd\U000e0001\U0010ffff\xc3"}
	wide := map[string]string{}
	for i := range 400 {
		many[fmt.Sprintf("l%d", i)] = fmt.Sprint(i)
		wide[fmt.Sprintf("w%d", i)] = strings.Repeat("v", 2048)
	}
	all := `[{action: labelmap, regex: __meta_docker_container_label_(.+)}]`
	for i, c := range []struct {
		rules  string
		labels map[string]string
	}{{`[]`, many}, {all, many}, {all, wide}, {all, strange}, {`[{action: labeldrop, regex: ".*"}]`, many}, {`[{regex: "[a-rt-z].*|s[^t].*", action: labeldrop}]`, nil}} {
		l := labeler(t, c.rules, map[string]string{"also": "__meta_docker_container_label_x"})
		l.External = map[string]string{"test": s.name}
		container := &logs.Container{ID: fmt.Sprintf("%064d", i), Name: fmt.Sprint("c", i), Image: long, Labels: c.labels}
		got := l.Label(container, nil)
		b := &logs.Batch{}
		for stream := range logs.Stream(logs.Streams) {
			b.Add(got.Labels, logs.Entry{Time: s.now.UnixNano(), Line: []byte(fmt.Sprint("line ", i)), Stream: stream})
		}
		if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
			t.Errorf("%s: %.300v", c.rules, out.Err)
		}
	}
	// Each line twice, from both streams, also where no label tells them apart.
	count := map[string]int{}
	for _, e := range s.loki.All(t, fmt.Sprintf("{test=%q}", s.name)) {
		count[e.Line]++
	}
	for i := range 6 {
		if n := count[fmt.Sprint("line ", i)]; n != 2 {
			t.Errorf("line %d is there %d times", i, n)
		}
	}
}

// TestOneStreamOfTwo: two containers that share a stream have all of their lines in Loki, even
// those that are equal to the nanosecond.
func TestOneStreamOfTwo(t *testing.T) {
	s := newScene(t, lokitest.Shared(t))
	l := &target.Labeler{Names: target.Names{"container": "", "service_name": "", "stream": ""}, External: map[string]string{"test": s.name}}
	for _, id := range []string{"one", "two"} {
		labels := l.Label(&logs.Container{ID: id, Name: id}, nil).Labels
		for range 2 { // sent again
			b := &logs.Batch{}
			for stream := range logs.Stream(logs.Streams) {
				b.Add(labels, logs.Entry{Time: s.now.UnixNano(), Line: []byte("the same"), Stream: stream})
			}
			if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
				t.Fatalf("%+v", out)
			}
		}
	}
	seen := map[string]int{}
	for _, e := range s.loki.All(t, fmt.Sprintf("{test=%q}", s.name)) {
		seen[e.Metadata["container_id"]+" "+e.Metadata["stream"]]++
	}
	for _, who := range []string{"one stdout", "one stderr", "two stdout", "two stderr"} {
		if seen[who] != 1 {
			t.Errorf("%s has %d lines in %v", who, seen[who], seen)
		}
	}
}
