package outcomes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/target"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
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

// TestServicesInDrilldown: without any configuration, what Grafana's Logs Drilldown asks first
// has a service for every container, and never unknown_service.
func TestServicesInDrilldown(t *testing.T) {
	l := lokitest.New(t, map[string]string{"volume_enabled": "true"})
	s := newScene(t, l)
	b := &logs.Batch{}
	for _, c := range []*logs.Container{
		{ID: "1", Name: "plain"},
		{ID: "2", Name: "shop-web-1", Labels: map[string]string{"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}},
		{ID: "3", Name: "blog_api.1.abc", Labels: map[string]string{
			"com.docker.swarm.service.name": "blog_api", "com.docker.stack.namespace": "blog", "com.docker.swarm.task.name": "blog_api.1.abc", "com.docker.swarm.task.id": "abc",
		}},
	} {
		b.Add((&target.Labeler{Host: "h"}).Label(c, nil).Labels, logs.Entry{Time: s.now.UnixNano(), Line: []byte("line of " + c.Name)})
	}
	if out := s.client.Push(t.Context(), b); out.Kind != logs.Accepted {
		t.Fatalf("%+v", out)
	}
	services := map[string]bool{}
	wait.For(t, time.Minute, "the volume of services", func() bool {
		query := url.Values{
			"query": {`{service_name=~".+"}`}, "targetLabels": {"service_name"},
			"start": {fmt.Sprint(s.now.Add(-time.Hour).UnixNano())}, "end": {fmt.Sprint(s.now.Add(time.Hour).UnixNano())},
		}
		answer, err := (&http.Client{Timeout: 10 * time.Second}).Get(l.URL + "/loki/api/v1/index/volume?" + query.Encode())
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		var out struct {
			Data struct {
				Result []struct{ Metric map[string]string }
			}
		}
		if json.NewDecoder(answer.Body).Decode(&out) != nil {
			return false
		}
		for _, r := range out.Data.Result {
			services[r.Metric["service_name"]] = true
		}
		return len(services) >= 3
	})
	if len(services) != 3 || !services["plain"] || !services["web"] || !services["blog_api"] {
		t.Errorf("services are %v", services)
	}
}
