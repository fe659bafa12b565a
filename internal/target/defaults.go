package target

import (
	"maps"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// Labels that Docker Compose puts on its containers.
const (
	composeProject = "com.docker.compose.project"
	composeService = "com.docker.compose.service"
)

// Labels that Swarm puts on the containers of its tasks.
const (
	swarmService = "com.docker.swarm.service.name"
	swarmStack   = "com.docker.stack.namespace"
	swarmTask    = "com.docker.swarm.task.name"
	swarmTaskID  = "com.docker.swarm.task.id"
	swarmNode    = "com.docker.swarm.node.id"
)

// LabelsInUse are the labels of containers that have a meaning here, whatever the filter
// asks for.
func LabelsInUse() []string {
	return []string{composeProject, composeService, swarmService, swarmStack, swarmTask, swarmTaskID, swarmNode, EnableLabel}
}

// Labeler gives containers their labels in Loki: few, because every
// combination of values is a stream of its own there. The container's ID, which
// changes with every deployment, is structured metadata instead.
type Labeler struct {
	// Host is the value of the label host.
	Host string
	// External are labels that every entry gets. They win over the others.
	External map[string]string
}

// Labels returns the label set of a container. It depends on nothing but the
// container and the configuration.
func (l Labeler) Labels(c *logs.Container) *logs.Labels {
	service := c.Labels[composeService]
	pairs := map[string]string{
		"container":       c.Name,
		"image":           c.Image,
		"host":            l.Host,
		"compose_project": c.Labels[composeProject],
		"compose_service": service,
		"service_name":    service,
	}
	metadata := map[string]string{"container_id": c.ID}
	if service == "" {
		pairs["service_name"] = c.Name
	}
	if c.Labels[swarmService] != "" {
		labelTask(c, pairs, metadata)
	}
	maps.Copy(pairs, l.External)
	return logs.NewLabels(pairs, metadata)
}

// labelTask labels a task of Swarm. Every update makes new tasks, so what names the task
// is no label: a label that changes would make a new stream, and a new service, of each.
func labelTask(c *logs.Container, pairs, metadata map[string]string) {
	pairs["container"] = replica(c)
	pairs["image"] = withoutDigest(c.Image)
	pairs["swarm_service"] = c.Labels[swarmService]
	pairs["swarm_stack"] = c.Labels[swarmStack]
	if pairs["compose_service"] == "" {
		pairs["service_name"] = c.Labels[swarmService]
	}
	metadata["swarm_task"] = c.Labels[swarmTask]
	metadata["swarm_node"] = c.Labels[swarmNode]
}

// replica names a task's place, which stays while tasks come and go in it: SERVICE.SLOT
// of a replicated service, SERVICE of a global one, which has one task on each host. Two
// containers of a host with the same labels would be one stream, in which Loki merges
// equal lines of equal time; so the place is taken from the container's own name, which
// no two have, and is only that name where it is not what Swarm calls its tasks.
func replica(c *logs.Container) string {
	service, task := c.Labels[swarmService], c.Labels[swarmTaskID]
	place, isTask := strings.CutSuffix(c.Name, "."+task)
	slot, ofService := strings.CutPrefix(place, service+".")
	switch {
	case task == "" || !isTask || !ofService || c.Name != c.Labels[swarmTask]:
		return c.Name
	case slot != "" && strings.Trim(slot, "0123456789") == "":
		return place
	case slot != "" && slot == c.Labels[swarmNode]:
		return service
	}
	return c.Name
}

// withoutDigest returns an image reference without the digest that Swarm's manager adds
// to it, which another build under the same tag changes. One without a tag is the user's.
func withoutDigest(image string) string {
	name, _, ok := strings.Cut(image, "@")
	if !ok || !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		return image
	}
	return name
}
