package target

// The labels that lighterman gives by itself, and the structured metadata.
const (
	labelContainer      = "container"
	labelImage          = "image"
	labelHost           = "host"
	labelStream         = "stream"
	labelService        = "service_name"
	labelComposeProject = "compose_project"
	labelComposeService = "compose_service"
	labelSwarmService   = "swarm_service"
	labelSwarmStack     = "swarm_stack"

	metadataID   = "container_id"
	metadataTask = "swarm_task"
	metadataNode = "swarm_node"
	// metadataStream stands for the stream where no label tells the two apart, under the name
	// stream unless it is given another.
	metadataStream = "stream_metadata"
)

// DefaultLabels returns the names of the labels, and of the structured metadata, that
// lighterman gives by itself.
func DefaultLabels() (labels, metadata []string) {
	return []string{
		labelComposeProject, labelComposeService, labelContainer, labelHost, labelImage, labelService, labelStream, labelSwarmService, labelSwarmStack,
	}, []string{metadataID, metadataStream, metadataNode, metadataTask}
}

// Names are what the labels and the structured metadata that lighterman gives by itself
// are called: from the name each has otherwise to another one, or to nothing, for one that
// is not wanted. What is not among them keeps its name.
type Names map[string]string

// of returns what a label is called; nothing for one that is not wanted.
func (n Names) of(name string) string {
	if other, ok := n[name]; ok {
		return other
	}
	return name
}

// stream returns what the stream is called in structured metadata.
func (n Names) stream() string {
	if other, ok := n[metadataStream]; ok {
		return other
	}
	return labelStream
}

// Own returns what the labels are called that name containers, one by one.
func (n Names) Own() []string { return []string{n.of(labelContainer), n.of(labelService)} }

// rename returns labels by their names.
func (n Names) rename(labels map[string]string) map[string]string {
	if len(n) == 0 {
		return labels
	}
	out := make(map[string]string, len(labels))
	for name, value := range labels {
		if name = n.of(name); name != "" {
			out[name] = value
		}
	}
	return out
}
