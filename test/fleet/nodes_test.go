package fleet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/wait"
)

// node is a host of a Swarm, with its engine.
type node struct {
	*engine.PrivateEngine
	host *engine.Host
	// id is what Swarm calls it.
	id string
}

// swarm is a network with nodes, of which the first is the manager.
type swarm struct {
	network *engine.Network
	nodes   []*node
}

// newSwarm makes one of so many nodes: node1, node2, …
func newSwarm(t *testing.T, size int) *swarm {
	t.Helper()
	s := &swarm{network: engine.NewNetwork(t)}
	for i := range size {
		host := s.network.Plug(t, fmt.Sprint("node", i+1))
		n := &node{host: host, PrivateEngine: engine.Private(t, engine.PrivateOptions{Host: host, Usual: true})}
		s.nodes = append(s.nodes, n)
		if manager := s.nodes[0]; n == manager {
			n.docker(t, "swarm", "init", "--advertise-addr", host.Addr, "--listen-addr", host.Addr, "--task-history-limit", "100")
		} else {
			n.docker(t, "swarm", "join", "--advertise-addr", host.Addr, "--token", manager.docker(t, "swarm", "join-token", "-q", "worker"), manager.host.Addr)
		}
		n.id = n.docker(t, "info", "--format", "{{.Swarm.NodeID}}")
		// Its containers would be started anew while they are removed.
		t.Cleanup(func() { _ = exec.Command("docker", "-H", n.Host, "swarm", "leave", "--force").Run() })
	}
	return s
}

// docker runs docker with the node's engine and returns what it says.
func (n *node) docker(t testing.TB, args ...string) string {
	t.Helper()
	return n.dockerWith(t, nil, args...)
}

func (n *node) dockerWith(t testing.TB, env []string, args ...string) string {
	t.Helper()
	return run(t, env, "docker", append([]string{"-H", n.Host}, args...)...)
}

// deploy deploys a stack from a file.
func (s *swarm) deploy(t testing.TB, file, name string, env ...string) {
	t.Helper()
	s.nodes[0].dockerWith(t, env, "stack", "deploy", "--resolve-image", "never", "-c", file, name)
}

// update changes a service, and waits until all its tasks are new.
func (s *swarm) update(t testing.TB, service string, changes ...string) {
	t.Helper()
	s.nodes[0].docker(t, append(append([]string{"service", "update", "--quiet", "--detach=false"}, changes...), service)...)
}

// running waits until all tasks of a service run, and are healthy.
func (s *swarm) running(t testing.TB, service, replicas string) {
	t.Helper()
	wait.For(t, 2*time.Minute, fmt.Sprintf("%s tasks of %s", replicas, service), func() bool {
		return s.nodes[0].docker(t, "service", "ls", "--filter", "name="+service, "--format", "{{.Replicas}}") == replicas
	})
}

// says waits until the manager says something of a node, in a template.
func (s *swarm) says(t testing.TB, n *node, template, want string) {
	t.Helper()
	wait.For(t, 2*time.Minute, n.host.Name+" to be "+want, func() bool {
		return s.nodes[0].docker(t, "node", "inspect", "-f", template, n.host.Name) == want
	})
}

// ask asks the lighterman of a node, which listens on its loopback.
func (n *node) ask(t testing.TB, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: n.host.Dial, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	var text []byte
	wait.For(t, time.Minute, "an answer of the lighterman of "+n.host.Name, func() bool {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://127.0.0.1:9177"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		text, err = io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	return string(text)
}
