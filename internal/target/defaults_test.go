package target

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func task(name, task, node string) *logs.Container {
	return &logs.Container{ID: "c0ffee", Name: name, Image: "shop/web:3@sha256:" + task, Labels: map[string]string{
		"com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": "shop_web",
		"com.docker.swarm.task.name": name, "com.docker.swarm.task.id": task, "com.docker.swarm.node.id": node,
	}}
}

// TestSwarmLabels: no label of a task changes with an update, and no two tasks of one
// host have the same.
func TestSwarmLabels(t *testing.T) {
	labeler := &Labeler{Host: "h"}
	first := labeler.Label(task("shop_web.1.aaa", "aaa", "node1"), nil).Labels
	for name, want := range map[string]string{
		"container": "shop_web.1", "service_name": "shop_web", "swarm_service": "shop_web", "swarm_stack": "shop",
		"image": "shop/web:3", "host": "h", "compose_service": "",
	} {
		if got := first.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	metadata := logs.NewLabels(nil, map[string]string{"container_id": "c0ffee", "swarm_task": "shop_web.1.aaa", "swarm_node": "node1"})
	if got := (&logs.Labels{Metadata: first.Metadata}); !got.Equal(metadata) {
		t.Errorf("metadata %v", first.Metadata)
	}
	selector := first.Selector(logs.Stdout)
	if updated := labeler.Label(task("shop_web.1.bbb", "bbb", "node1"), nil).Labels.Selector(logs.Stdout); updated != selector {
		t.Errorf("an update changes %s to %s", selector, updated)
	}
	if other := labeler.Label(task("shop_web.2.ccc", "ccc", "node1"), nil).Labels.Selector(logs.Stdout); other == selector {
		t.Errorf("two replicas have the same labels: %s", other)
	}
}

// TestSwarmReplica: the place of a task comes from the container's name, so labels that
// somebody made up do not make two containers one.
func TestSwarmReplica(t *testing.T) {
	forged := task("mine", "aaa", "n")
	forged.Labels["com.docker.swarm.task.name"] = "shop_web.1.aaa"
	without := task("shop_web.1.aaa", "aaa", "n")
	delete(without.Labels, "com.docker.swarm.task.id")
	for _, c := range []struct {
		container *logs.Container
		want      string
	}{
		{task("shop_web.12.aaa", "aaa", "n"), "shop_web.12"},
		{task("shop_web.n0de.aaa", "aaa", "n0de"), "shop_web"}, // of a global service
		{task("shop_web.other.aaa", "aaa", "n0de"), "shop_web.other.aaa"},
		{task("shop_web..aaa", "aaa", ""), "shop_web..aaa"},
		{task("shop_web.aaa", "aaa", "n"), "shop_web.aaa"},
		{forged, "mine"},
		{without, "shop_web.1.aaa"},
	} {
		if got := (&Labeler{}).Label(c.container, nil).Labels.Get("container"); got != c.want {
			t.Errorf("%s is called %q, want %q", c.container.Name, got, c.want)
		}
	}
	for image, want := range map[string]string{
		"nginx:1@sha256:ab": "nginx:1", "nginx@sha256:ab": "nginx@sha256:ab", "r:5000/n@sha256:ab": "r:5000/n@sha256:ab", "r:5000/n:1@sha256:ab": "r:5000/n:1", "nginx": "nginx",
	} {
		if got := withoutDigest(image); got != want {
			t.Errorf("%s became %s", image, got)
		}
	}
}
