package convert

import (
	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/document"
)

// Promtail makes a configuration of one of Promtail's. The error is an *InvalidError where
// Promtail itself would refuse the file.
func Promtail(file string, data []byte, with Expand) (*Result, error) {
	p := &plan{product: "Promtail"}
	text := p.expand(string(data), with)
	root := p.parseYAML([]byte(text))
	if root == nil {
		return nil, p.err(file)
	}
	p.promtail(root)
	return p.result(file)
}

// promtail reads the sections in the order in which they stand in the file.
func (p *plan) promtail(root *yaml.Node) {
	clients, client := get(root, "clients"), get(root, "client")
	p.fields(root, "Promtail", map[string]func(key, val *yaml.Node){
		"server":         func(_, val *yaml.Node) { p.server(val) },
		"positions":      func(_, val *yaml.Node) { p.positions(val) },
		"client":         func(key, val *yaml.Node) { p.client(key, val) },
		"clients":        p.clients,
		"scrape_configs": func(_, val *yaml.Node) { p.scrapeConfigs(val) },
		"limits_config":  func(_, val *yaml.Node) { p.limits(val) },
		"tracing":        func(key, val *yaml.Node) { p.tracing(key, val) },
		"wal":            nil,
		"global":         nil,
		"target_config":  nil,
		"options":        nil,
	})
	switch {
	case isNull(clients) && isNull(client):
		p.refuse(root.Line, "there are no clients: at least one with a url is needed")
	case isNull(get(root, "scrape_configs")):
		p.refuse(root.Line, "there are no scrape_configs: nothing would be read")
	}
}

func (p *plan) positions(n *yaml.Node) {
	if name := p.text(get(n, "filename"), "positions.filename"); name != "" {
		p.say("Promtail's positions are in " + name + ". To begin where it has stopped, before the first start:\n" +
			"lighterman convert --positions " + name + " --state-dir /var/lib/lighterman")
	}
}

func (p *plan) server(n *yaml.Node) {
	if p.text(get(n, "disable"), "server.disable") == "true" {
		p.set("listen", "off", "server.disable")
	} else if port := p.text(get(n, "http_listen_port"), "server.http_listen_port"); port != "" && port != "0" {
		host := p.text(get(n, "http_listen_address"), "server.http_listen_address")
		p.say("Promtail listened at " + host + ":" + port + ". lighterman has metrics with other names, health and a\n" +
			"page at 127.0.0.1:9177; to be reached from elsewhere: listen: " + document.Text(host+":"+port))
	}
	switch level := p.text(get(n, "log_level"), "server.log_level"); level {
	case "debug", "info", "warn", "error":
		p.set("log-level", level, "")
	case "":
	default:
		p.refuse(get(n, "log_level").Line, "server.log_level: expected debug, info, warn or error, found %q", level)
	}
	if p.text(get(n, "log_format"), "server.log_format") == "json" {
		p.set("log-format", "json", "")
	}
}

func (p *plan) tracing(key, n *yaml.Node) {
	if p.text(get(n, "enabled"), "tracing.enabled") == "true" {
		p.note(key.Line, "tracing", "lighterman sends no traces of itself", "")
	}
}

func (p *plan) limits(n *yaml.Node) {
	p.fields(n, "limits_config", map[string]func(key, val *yaml.Node){
		"readline_rate": nil, "readline_burst": nil, "readline_rate_drop": nil, "max_line_size_truncate": nil,
		"readline_rate_enabled": func(key, val *yaml.Node) {
			if val.Value == "true" {
				p.lost(key.Line, "limits_config.readline_rate", "lighterman limits lines per container, and not all together", "use the stage limit, or leave it out: lines wait in Docker's files")
			}
		},
		"max_streams": func(key, val *yaml.Node) {
			if val.Value != "0" {
				p.lost(key.Line, "limits_config.max_streams", "lighterman has no such limit", "see crowded-label for labels with very many values")
			}
		},
		"max_line_size": func(key, val *yaml.Node) { p.maxLineSize(key, val, get(n, "max_line_size_truncate")) },
	})
}

func (p *plan) maxLineSize(key, val, truncate *yaml.Node) {
	size, ok := byteSize(p.text(val, "limits_config.max_line_size"))
	switch {
	case !ok:
		p.refuse(val.Line, "limits_config.max_line_size: expected a size such as 256kb, found %q", val.Value)
	case size == 0:
	case size < 1<<10 || size > 1<<30:
		p.lost(key.Line, "limits_config.max_line_size", "lighterman takes 1 KiB to 1 GiB", "set max-line-bytes")
	default:
		p.set("max-line-bytes", decimal(size), "")
		if truncate == nil || truncate.Value != "true" {
			p.note(key.Line, "limits_config.max_line_size", "Promtail drops a longer line, lighterman cuts it", "")
		}
	}
}
