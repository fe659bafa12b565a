package convert

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/nearest"
)

// elsewhere are sources that have nothing to do with this host's containers and files, with
// what they are.
var elsewhere = map[string]string{
	"syslog": "it receives syslog", "gcplog": "it reads Google's logs", "loki_push_api": "it receives from other collectors",
	"windows_events": "it reads Windows' events", "kafka": "it reads Kafka", "azure_event_hubs": "it reads Azure's event hubs",
	"gelf": "it receives GELF", "cloudflare": "it reads Cloudflare's logs", "heroku_drain": "it receives Heroku's logs",
}

// discoveries find targets that lighterman knows nothing of.
var discoveries = []string{
	"dns_sd_configs", "file_sd_configs", "consul_sd_configs", "consulagent_sd_configs", "digitalocean_sd_configs", "dockerswarm_sd_configs",
	"serverset_sd_configs", "nerve_sd_configs", "marathon_sd_configs", "kubernetes_sd_configs", "gce_sd_configs", "ec2_sd_configs",
	"openstack_sd_configs", "azure_sd_configs", "triton_sd_configs",
}

func (p *plan) scrapeConfigs(n *yaml.Node) {
	names := make(map[string]int)
	p.items(n, "scrape_configs", func(item *yaml.Node) {
		name := p.text(get(item, "job_name"), "job_name")
		if first, twice := names[name]; twice {
			p.refuse(item.Line, "there are two scrape_configs with the job_name %q; the first is on line %d", name, first)
		}
		names[name] = item.Line
		p.scrapeConfig(item, name)
	})
}

// scrapeConfig makes sources of a scrape_config: one for each group of files, or one for
// the containers.
func (p *plan) scrapeConfig(n *yaml.Node, name string) {
	base := source{name: "the scrape_config " + strconv.Quote(name), line: n.Line, port: "80"}
	var static, docker, journal *yaml.Node
	handlers := map[string]func(key, val *yaml.Node){
		"job_name": nil, "decompression": nil,
		"encoding":          func(_, val *yaml.Node) { p.encoding(val, p.text(val, "encoding"), base.name) },
		"pipeline_stages":   func(_, val *yaml.Node) { base.stages = p.stageNodes(val, "pipeline_stages", 0) },
		"relabel_configs":   func(_, val *yaml.Node) { base.rules = p.ruleNodes(val) },
		"static_configs":    func(_, val *yaml.Node) { static = val },
		"docker_sd_configs": func(_, val *yaml.Node) { docker = val },
		"journal":           func(_, val *yaml.Node) { journal = val },
	}
	other := func(why string) func(key, val *yaml.Node) {
		return func(key, _ *yaml.Node) {
			p.lost(key.Line, base.name, why+", and lighterman collects from containers only", "leave Promtail running for it")
		}
	}
	for name, what := range elsewhere {
		handlers[name] = other(what)
	}
	for _, name := range discoveries {
		handlers[name] = other("it finds its targets with " + name)
	}
	p.fields(n, "a scrape_config", handlers)
	base.ruleComments = comments(n)
	if !isNull(docker) {
		p.dockerSD(docker, base)
	}
	if !isNull(static) {
		p.static(static, base)
	}
	if journal != nil {
		p.journal(journal, base, name)
	}
}

// dockerSD makes a source of the containers that each of docker_sd_configs finds. Promtail
// reads a container once that more than one of them finds.
func (p *plan) dockerSD(n *yaml.Node, base source) {
	host, first := "", len(p.sources)
	p.items(n, "docker_sd_configs", func(item *yaml.Node) {
		s := base
		s.rules = cloned(base.rules)
		s.kind = containers
		handlers := p.httpClient("docker_sd_configs.")
		for name, handle := range handlers {
			if handle == nil {
				continue // it needs no equal
			}
			handlers[name] = func(key, _ *yaml.Node) {
				p.lost(key.Line, "docker_sd_configs."+name, "lighterman has no such setting for the way to the engine", "use a unix socket, or a proxy before the engine")
			}
		}
		handlers["host"] = func(_, val *yaml.Node) {
			if own := p.text(val, "docker_sd_configs.host"); host == "" {
				host = own
				p.engine(val, own)
			} else if own != host {
				p.lost(val.Line, "docker_sd_configs.host", "one lighterman collects from one engine, and this is another", "run a lighterman on that host")
			}
		}
		handlers["filters"] = func(_, val *yaml.Node) { s.filters = p.dockerFilters(val) }
		handlers["port"] = func(_, val *yaml.Node) { s.port = p.text(val, "docker_sd_configs.port") }
		handlers["refresh_interval"] = func(_, val *yaml.Node) {
			text := p.text(val, "docker_sd_configs.refresh_interval")
			if _, err := model.ParseDuration(text); err != nil {
				p.refuse(val.Line, "docker_sd_configs.refresh_interval: expected a duration such as 5s, found %q", text)
			}
		}
		handlers["host_networking_host"] = func(_, val *yaml.Node) { s.host = p.text(val, "docker_sd_configs.host_networking_host") }
		handlers["match_first_network"] = nil
		p.fields(item, "docker_sd_configs", handlers)
		if get(item, "host") == nil {
			p.refuse(item.Line, "docker_sd_configs: host is missing, such as unix:///var/run/docker.sock")
		}
		if slices.ContainsFunc(p.sources[first:], func(o *source) bool { return len(o.filters) == 0 }) {
			return
		}
		if len(s.filters) == 0 {
			p.sources = p.sources[:first]
		}
		p.sources = append(p.sources, &s)
	})
}

// cloned are the same rules, to be changed by themselves.
func cloned(rules []*rule) (out []*rule) {
	for _, r := range rules {
		own := *r
		out = append(out, &own)
	}
	return out
}

func (p *plan) dockerFilters(n *yaml.Node) (out []filter) {
	p.items(n, "filters", func(item *yaml.Node) {
		f := filter{line: item.Line}
		p.fields(item, "filters", map[string]func(key, val *yaml.Node){
			"name": func(_, val *yaml.Node) { f.name = p.text(val, "filters.name") },
			"values": func(_, val *yaml.Node) {
				p.items(val, "filters.values", func(v *yaml.Node) { f.values = append(f.values, p.text(v, "filters.values")) })
			},
		})
		switch {
		case f.name == "":
			p.refuse(item.Line, "filters: a filter needs a name and values")
		case len(f.values) == 0:
			p.note(item.Line, "the filter on "+f.name, "it has no values, so it chooses nothing and is left out", "")
		default:
			out = append(out, f)
		}
	})
	return out
}

// engine sets where the engine is, unless that is where lighterman looks first.
func (p *plan) engine(n *yaml.Node, host string) {
	if host == "" || host == "unix:///var/run/docker.sock" || slices.ContainsFunc(p.settings, func(s setting) bool { return s.name == "docker-host" }) {
		return
	}
	u, err := url.Parse(host)
	remote := err == nil && slices.Contains([]string{"tcp", "http", "https"}, u.Scheme) && u.Hostname() != "" && u.User == nil
	if !remote && (err != nil || u.Scheme != "unix" || u.Host != "" || !strings.HasPrefix(u.Path, "/")) {
		p.lost(n.Line, "docker_sd_configs.host", "lighterman takes a unix, tcp, http or https URL", "set docker-host, such as unix:///var/run/docker.sock")
		return
	}
	p.set("docker-host", host, "")
	if remote {
		p.note(n.Line, "docker_sd_configs.host", "lighterman reads Docker's own files where it can, and asks this engine for the rest",
			"if the engine is on another host, run lighterman there: it is lighter, and loses nothing")
	}
}

// static makes a source of each group of files that static_configs names.
func (p *plan) static(n *yaml.Node, base source) {
	p.items(n, "static_configs", func(item *yaml.Node) {
		s := base
		s.line = item.Line
		s.rules = cloned(base.rules)
		p.fields(item, "static_configs", map[string]func(key, val *yaml.Node){
			"targets": nil, "labels": func(_, val *yaml.Node) { s.labels = p.pairs(val, "labels") },
		})
		s.kind = hostFiles
		if p.fileRules(&s) {
			p.sources = append(p.sources, &s)
		}
	})
}

// ruleKeys are those of a rule.
var ruleKeys = []string{"source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"}

// ruleNodes reads relabel_configs.
func (p *plan) ruleNodes(n *yaml.Node) (out []*rule) {
	p.items(n, "relabel_configs", func(item *yaml.Node) {
		r := &rule{line: item.Line, said: comments(item)}
		handlers := make(map[string]func(key, val *yaml.Node))
		for _, key := range ruleKeys {
			handlers[key] = nil
		}
		before := len(p.invalid)
		p.fields(item, "a rule", handlers)
		if len(p.invalid) > before {
			return
		}
		if err := item.Decode(&r.Config); err != nil {
			p.refuse(item.Line, "the rule is wrong: %s", lastLine(err))
			return
		}
		if p.checkRule(r) {
			out = append(out, r)
		}
	})
	return out
}

func (p *plan) checkRule(r *rule) bool {
	r.Action = relabel.Action(strings.ToLower(string(r.Action)))
	if err := r.Validate(model.LegacyValidation); err != nil {
		p.refuse(r.line, "the rule is wrong: %s", strings.TrimPrefix(err.Error(), "relabel configuration for "))
		return false
	}
	if _, err := regexp.Compile(r.Regex.String()); err != nil { // brackets that fit those put around it
		p.refuse(r.line, "the rule is wrong: %v", err)
		return false
	}
	return true
}

// lastLine is the end of an error of the YAML package, which begins with a headline.
func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// stageNames are those of Promtail.
var stageNames = []string{
	"docker", "cri", "regex", "replace", "json", "logfmt", "template", "timestamp", "output", "labels", "labelallow", "labeldrop", "static_labels",
	"metrics", "tenant", "match", "drop", "limit", "multiline", "pack", "sampling", "decolorize", "eventlogmessage", "geoip",
	"structured_metadata", "structured_metadata_regex", "non_indexed_labels",
}

// stageNodes reads a list of stages: each is one name and what belongs to it.
func (p *plan) stageNodes(n *yaml.Node, of string, depth int) (out []*yaml.Node) {
	if depth > 16 {
		p.refuse(n.Line, "stages are nested more than 16 deep")
		return nil
	}
	p.items(n, of, func(item *yaml.Node) {
		if item.Kind != yaml.MappingNode || len(item.Content) != 2 {
			p.refuse(item.Line, "%s: expected a stage, which is one name and what belongs to it", of)
			return
		}
		name, val := item.Content[0], item.Content[1]
		if !slices.Contains(stageNames, name.Value) {
			hint := ""
			if near := nearest.Name(name.Value, stageNames); near != "" {
				hint = fmt.Sprintf("; did you mean %q?", near)
			}
			p.refuse(name.Line, "there is no stage %q%s", name.Value, hint)
			return
		}
		if name.Value == "match" {
			p.stageNodes(get(val, "stages"), "match.stages", depth+1)
		}
		out = append(out, item)
	})
	return out
}
