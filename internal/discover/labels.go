package discover

import (
	"maps"

	"github.com/lighterman/lighterman/internal/logs"
)

// Labels that Docker Compose puts on its containers.
const (
	composeProject = "com.docker.compose.project"
	composeService = "com.docker.compose.service"
)

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
	project, service := c.Labels[composeProject], c.Labels[composeService]
	pairs := map[string]string{
		"container":       c.Name,
		"image":           c.Image,
		"host":            l.Host,
		"compose_project": project,
		"compose_service": service,
		"service_name":    service,
	}
	if service == "" {
		pairs["service_name"] = c.Name
	}
	maps.Copy(pairs, l.External)
	return logs.NewLabels(pairs, map[string]string{"container_id": c.ID})
}
