package convert_test

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/target"
)

// promtail is what decides about labels in a file of Promtail's.
type promtail struct {
	Clients []struct {
		External map[string]string `yaml:"external_labels"`
	} `yaml:"clients"`
	Jobs []struct {
		Rules  []*relabel.Config `yaml:"relabel_configs"`
		Docker []struct {
			Port    string `yaml:"port"`
			Host    string `yaml:"host_networking_host"`
			Filters []struct {
				Name   string   `yaml:"name"`
				Values []string `yaml:"values"`
			} `yaml:"filters"`
		} `yaml:"docker_sd_configs"`
		Static []struct {
			Labels map[string]string `yaml:"labels"`
		} `yaml:"static_configs"`
	} `yaml:"scrape_configs"`
}

// discovered are the labels that docker_sd gives to a container.
func discovered(c *logs.Container, stream, host, port string) map[string]string {
	meta := "__meta_docker_"
	out := map[string]string{
		meta + "container_id": c.ID, meta + "container_name": "/" + c.Name, meta + "container_network_mode": c.Network.Mode,
		meta + "container_log_stream": stream, "__address__": cmp.Or(host, "localhost"),
	}
	for name, value := range c.Labels {
		out[meta+"container_label_"+regexp.MustCompile(`[^a-zA-Z0-9_]`).ReplaceAllString(name, "_")] = value
	}
	if len(c.Network.Attached) > 0 {
		n := c.Network.Attached[0]
		out[meta+"network_ip"], out[meta+"network_id"], out[meta+"network_name"] = n.IP, n.ID, n.Name
		port = cmp.Or(port, "80")
		if len(c.Network.Ports) > 0 {
			port = c.Network.Ports[0].Private
			out[meta+"port_private"] = port
		}
		out["__address__"] = net.JoinHostPort(n.IP, port)
	}
	return out
}

// streams are the labels with which Promtail sends the lines of a container's stream: one set
// for each job that has it.
func (p *promtail) streams(c *logs.Container, stream string) (out []map[string]string) {
	for _, job := range p.Jobs {
		for _, d := range job.Docker {
			listed := true
			for _, f := range d.Filters {
				switch f.Name {
				case "label":
					for _, v := range f.Values {
						name, want, valued := strings.Cut(v, "=")
						got, has := c.Labels[name]
						listed = listed && has && (!valued || got == want)
					}
				case "name":
					listed = listed && slices.ContainsFunc(f.Values, func(v string) bool {
						re := regexp.MustCompile(v)
						return re.MatchString("/"+c.Name) || re.MatchString(c.Name)
					})
				}
			}
			b := labels.NewBuilder(labels.FromMap(discovered(c, stream, d.Host, d.Port)))
			if listed && relabel.ProcessBuilder(b, job.Rules...) {
				out = append(out, p.sent(b))
			}
		}
		for _, s := range job.Static {
			dir, ours := strings.CutSuffix(s.Labels["__path__"], "/*/*log")
			for _, suffix := range []string{"/*/*-json.log", "/**/*.log"} {
				if !ours {
					dir, ours = strings.CutSuffix(s.Labels["__path__"], suffix)
				}
			}
			b := labels.NewBuilder(labels.FromMap(s.Labels))
			if ours && relabel.ProcessBuilder(b, job.Rules...) {
				b.Set("filename", fmt.Sprintf("%s/%s/%s-json.log", dir, c.ID, c.ID))
				out = append(out, p.sent(b))
			}
		}
	}
	return out
}

// sent are the labels that are left when lines are sent.
func (p *promtail) sent(b *labels.Builder) map[string]string {
	out := make(map[string]string)
	for _, client := range p.Clients {
		maps.Copy(out, client.External)
	}
	b.Range(func(l labels.Label) {
		if !strings.HasPrefix(l.Name, "__") {
			out[l.Name] = l.Value
		}
	})
	return out
}

// sample are containers of all kinds.
func sample() (out []*logs.Container) {
	id := func(n int) string { return strings.Repeat(fmt.Sprintf("%x", n%16), 64) }
	add := func(name string, labels map[string]string, change func(*logs.Container)) {
		c := &logs.Container{ID: id(len(out)), Name: name, Image: "img", Labels: labels, Driver: "json-file", Running: true}
		c.Network = logs.Network{Mode: "net", Attached: []logs.Attachment{{Name: "net", ID: id(1), IP: fmt.Sprintf("172.18.0.%d", len(out)+2)}}}
		if change != nil {
			change(c)
		}
		out = append(out, c)
	}
	compose := func(project, service string) map[string]string {
		return map[string]string{"com.docker.compose.project": project, "com.docker.compose.service": service}
	}
	add("web-1", compose("shop", "web"), func(c *logs.Container) { c.Network.Ports = []logs.Port{{Private: "8080"}} })
	add("shop-api-1", compose("shop", "api"), nil)
	add("shop-db-1", compose("platform", "db"), nil)
	add("blog-1", compose("blog", "blog"), nil)
	add("plain", nil, func(c *logs.Container) { c.Network = logs.Network{Mode: "host"} })
	add("opted", map[string]string{"logging": "promtail", "chain": "eth"}, nil)
	add("forensics", compose("forensics", "worker"), nil)
	add("ops", map[string]string{"team": "ops"}, nil)
	add("dev", map[string]string{"team": "dev"}, nil)
	add("stack_web.1.abcdefghijkl", map[string]string{"com.docker.swarm.service.name": "stack_web", "com.docker.swarm.node.id": "n1"}, nil)
	return out
}

// TestLabelsAsInPromtail holds the labels that lighterman gives with a converted file against
// those that Prometheus' own library makes of the file itself. What both of two jobs have
// sent is sent once, for the first.
func TestLabelsAsInPromtail(t *testing.T) {
	compared := 0
	for _, path := range files(t) {
		if filepath.Ext(path) != ".yml" || strings.HasPrefix(filepath.Base(path), "invalid") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var theirs promtail
		if err := yaml.Unmarshal(data, &theirs); err != nil {
			t.Fatal(path, err)
		}
		for _, job := range theirs.Jobs {
			for _, rule := range job.Rules {
				if err := rule.Validate(model.LegacyValidation); err != nil {
					t.Fatal(path, err)
				}
			}
		}
		result, err := converted(path, data)
		if err != nil {
			t.Fatal(err)
		}
		cfg := taken(t, result.Config)
		for _, c := range sample() {
			for s := range logs.Stream(logs.Streams) {
				want, got := theirs.streams(c, s.String()), ours(t, cfg, c, s)
				compared++
				switch {
				case len(want) == 0 && (got == nil || strings.Contains(result.Config, fmt.Sprintf("selector: '{stream=%q}'\n      action: drop", s))):
				case len(want) == 0 || got == nil || !maps.Equal(want[0], except(got, want[0])):
					t.Errorf("%s: %s of %s has %v, and %v in Promtail", filepath.Base(path), s, c.Name, got, want)
				}
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d streams were compared", compared)
	}
}

// except takes away the labels that stages make in Promtail: of the record's stream and tag.
func except(got, want map[string]string) map[string]string {
	out := maps.Clone(got)
	if want["filename"] != "" {
		for _, name := range []string{"stream", "container_name", "container_id", "image_name", "name", "service"} {
			if want[name] == "" {
				delete(out, name)
			}
		}
	}
	return out
}

// ours are the labels that lighterman gives to a container's stream; nil where it does not
// collect it.
func ours(t *testing.T, cfg *config.Config, c *logs.Container, s logs.Stream) map[string]string {
	t.Helper()
	f := target.Filter{}
	for _, m := range cfg.Containers.IncludeLabel {
		f.IncludeLabels = append(f.IncludeLabels, m)
	}
	if f.Excludes(c) != "" {
		return nil
	}
	rules, err := target.NewRelabel(cfg.Labels.Relabel, cfg.Labels.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	l := target.Labeler{Host: cfg.Labels.Host, External: cfg.Labels.External, Names: cfg.Labels.Renamed, Relabel: rules}
	made := l.Label(c, nil)
	if made.Dropped != "" {
		return nil
	}
	set := made.Labels.Of(s)
	out := make(map[string]string)
	for _, p := range set.Pairs {
		out[p.Name] = p.Value
	}
	if !set.Whole {
		out["stream"] = s.String()
	}
	return out
}
