package target

import (
	"maps"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// reserved is what labels begin with that only relabelling sees.
const reserved = "__"

// What is known of a container, by the names that Prometheus' and Promtail's docker_sd give
// it.
const (
	metaDocker      = "__meta_docker_"
	metaContainer   = metaDocker + "container_"
	metaID          = metaContainer + "id"
	metaName        = metaContainer + "name"
	metaNetworkMode = metaContainer + "network_mode"
	metaLabel       = metaContainer + "label_"
	metaLogStream   = metaContainer + "log_stream"
	metaNetworkID   = metaDocker + "network_id"
	metaNetworkName = metaDocker + "network_name"
	metaNetworkIP   = metaDocker + "network_ip"
	metaPort        = metaDocker + "port_private"
	metaPortPublic  = metaDocker + "port_public"
	metaPortIP      = metaDocker + "port_public_ip"
)

// metas are the names above, without those of container labels.
var metas = []string{
	metaID, metaName, metaNetworkMode, metaLogStream, metaNetworkID, metaNetworkName, metaNetworkIP, metaPort, metaPortPublic, metaPortIP,
}

// Meta returns what relabelling can see of a container besides its labels in Loki.
//
// docker_sd makes a target of every network and port, as each can be scraped; a log has
// only one. So the network is the first by name, which is what docker_sd's
// match_first_network takes, and the port is the lowest of TCP, at the address where it is
// published first.
func Meta(c *logs.Container, s logs.Stream) map[string]string {
	meta := map[string]string{
		metaID: c.ID, metaName: "/" + c.Name, metaNetworkMode: c.Network.Mode, metaLogStream: s.String(),
	}
	// In order of their names, so that of two which become one it is always the same.
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		meta[metaOf(name)] = c.Labels[name]
	}
	if len(c.Network.Attached) > 0 {
		first := c.Network.Attached[0]
		meta[metaNetworkID], meta[metaNetworkName], meta[metaNetworkIP] = first.ID, first.Name, first.IP
	}
	if len(c.Network.Ports) > 0 {
		first := c.Network.Ports[0]
		meta[metaPort], meta[metaPortPublic], meta[metaPortIP] = first.Private, first.Public, first.PublicIP
	}
	return meta
}

// metaOf is what a container label is called in relabelling.
func metaOf(label string) string { return metaLabel + plain(label) }

// plain replaces all that no label's name may have by underscores, as Prometheus does.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}
