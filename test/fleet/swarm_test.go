package fleet

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

// TestSwarm: lighterman on three nodes, from the image of a release and deploy/swarm.yaml. A
// service is updated and one is moved; a node is drained, another one cut off and brought back;
// lighterman itself is updated. Then every line that Docker has of any task is in Loki once,
// labels tell node and service, and no label has got another value by an update.
func TestSwarm(t *testing.T) {
	loki := lokitest.New(t, nil)
	s := newSwarm(t, 3)
	manager, second, third := s.nodes[0], s.nodes[1], s.nodes[2]
	archive := image(t)
	for _, n := range s.nodes {
		n.docker(t, "load", "-q", "-i", archive)
		n.docker(t, "tag", "lighterman:latest", "lighterman:next")
		n.Image(t)
	}
	began := time.Now()
	step := func(what string) { t.Logf("%6.1f s: %s", time.Since(began).Seconds(), what) }
	lokiURL := "LOKI_URL=http://" + s.network.Forward(t, 3100, strings.TrimPrefix(loki.URL, "http://"))
	stack := filepath.Join(root(t), "deploy", "swarm.yaml")
	s.deploy(t, stack, "lighterman", lokiURL)
	s.running(t, "lighterman_lighterman", "3/3")
	step("lighterman is healthy on each node")
	s.deploy(t, "testdata/app.yaml", "app", "IMAGE="+manager.Image(t))
	grow := func(what string, nodes ...*node) {
		t.Helper()
		for _, n := range nodes {
			of := fmt.Sprintf("{swarm_stack=%q,host=%q}", "app", n.host.Name)
			most := loki.Count(t, of) + 100
			wait.For(t, 2*time.Minute, "lines of "+n.host.Name, func() bool { return loki.Count(t, of) >= most })
		}
		step(what)
	}
	grow("lines of each node", s.nodes...)

	s.update(t, "app_web", "--env-add", "ROUND=2")
	s.update(t, "app_each", "--env-add", "ROUND=2")
	grow("two services are updated", s.nodes...)
	s.update(t, "app_mover", "--constraint-rm", "node.hostname == node1", "--constraint-add", "node.hostname == node2")
	s.update(t, "app_mover", "--constraint-rm", "node.hostname == node2", "--constraint-add", "node.hostname == node3")
	grow("one was moved twice", s.nodes...)

	// The node loses its lighterman, too; what its tasks have said last is read by the next one.
	manager.docker(t, "node", "update", "--availability", "drain", second.host.Name)
	wait.For(t, 2*time.Minute, "the drained node to run nothing", func() bool { return second.docker(t, "ps", "-q") == "" })
	grow("a node is drained", manager, third)
	manager.docker(t, "node", "update", "--availability", "active", second.host.Name)
	s.running(t, "lighterman_lighterman", "3/3")
	grow("it is active again", s.nodes...)

	third.host.Cut(t)
	s.says(t, third, "{{.Status.State}}", "down")
	grow("a node is cut off", manager, second)
	unsent := stored(t, third) - loki.Count(t, fmt.Sprintf("{swarm_stack=%q,host=%q}", "app", third.host.Name))
	if unsent < 100 {
		t.Errorf("a node that is cut off has only %d lines that Loki has not", unsent)
	}
	third.host.Mend(t)
	s.says(t, third, "{{.Status.State}}", "ready")
	grow(fmt.Sprintf("it is back, with %d lines", unsent), s.nodes...)

	s.deploy(t, stack, "lighterman", lokiURL, "LIGHTERMAN_IMAGE=lighterman:next")
	wait.For(t, 5*time.Minute, "lighterman to be updated", func() bool {
		return manager.docker(t, "service", "inspect", "-f", "{{.UpdateStatus.State}}", "lighterman_lighterman") == "completed"
	})
	s.running(t, "lighterman_lighterman", "3/3")
	grow("lighterman itself is updated", s.nodes...)

	for _, n := range s.nodes {
		for _, id := range strings.Fields(n.docker(t, "ps", "-q", "--filter", "label="+appStack)) {
			n.docker(t, "pause", id)
		}
	}
	s.check(t, loki)
	for _, n := range s.nodes {
		for line := range strings.Lines(n.ask(t, "/metrics")) {
			if strings.HasPrefix(line, "lighterman_rejected_lines_total") && !strings.HasSuffix(line, " 0\n") {
				t.Errorf("%s: %s", n.host.Name, line)
			}
		}
	}
	step("every line is accounted for")
}

// appStack is the label of all containers of the test's own stack.
const appStack = "com.docker.stack.namespace=app"

// stored counts the lines that a node's engine has of the stack.
func stored(t testing.TB, n *node) (lines int) {
	t.Helper()
	for _, c := range n.Existing(t, appStack) {
		lines += len(c.Logs(t))
	}
	return lines
}

// check compares what the engines have with what Loki has.
func (s *swarm) check(t *testing.T, loki *lokitest.Loki) {
	t.Helper()
	total, containers := 0, 0
	for _, n := range s.nodes {
		for _, c := range n.Existing(t, appStack) {
			want := ledger.Stored(t, c)
			service := c.Spec.Labels["com.docker.swarm.service.name"]
			got := loki.AwaitMost(t, fmt.Sprintf("{swarm_service=%q} | container_id=%q", service, c.ID), len(want), 2*time.Minute)
			ledger.Compare(t, c.Name, want, ledger.Delivered(got))
			total, containers = total+len(want), containers+1
			for _, e := range got {
				if e.Labels["host"] != n.host.Name || e.Metadata["swarm_node"] != n.id || e.Metadata["swarm_task"] != c.Spec.Labels["com.docker.swarm.task.name"] {
					t.Fatalf("%s on %s (%s): labels %v, metadata %v", c.Name, n.host.Name, n.id, e.Labels, e.Metadata)
				}
			}
		}
	}
	all := loki.All(t, `{swarm_stack="app"}`)
	t.Logf("%d lines of %d containers; in Loki %d", total, containers, len(all))
	if len(all) != total {
		t.Errorf("Loki has %d lines, the engines %d", len(all), total)
	}
	checkLabels(t, all)
}

// checkLabels wants the labels that a task has by its place, whatever has happened to it.
func checkLabels(t *testing.T, all []lokitest.Entry) {
	t.Helper()
	image := all[0].Labels["image"]
	want, got := map[string]bool{}, map[string]bool{}
	for _, stream := range []string{"stdout", "stderr"} {
		for _, task := range []struct{ service, container string }{{"app_web", "app_web.1"}, {"app_web", "app_web.2"}, {"app_web", "app_web.3"}, {"app_each", "app_each"}, {"app_mover", "app_mover.1"}} {
			want[fmt.Sprint(map[string]string{"container": task.container, "image": image, "service_name": task.service, "stream": stream, "swarm_service": task.service, "swarm_stack": "app"})] = true
		}
	}
	for _, e := range all {
		labels := maps.Clone(e.Labels)
		delete(labels, "host")
		got[fmt.Sprint(labels)] = true
	}
	if !maps.Equal(want, got) {
		t.Errorf("label sets without their host:\n%s\nwant\n%s", strings.Join(slices.Sorted(maps.Keys(got)), "\n"), strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	}
}
