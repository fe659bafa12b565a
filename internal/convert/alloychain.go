package convert

import (
	"slices"
	"strings"

	"github.com/grafana/alloy/syntax/ast"
	"go.yaml.in/yaml/v3"
)

// maxChain bounds how many components lines go through.
const maxChain = 32

// chain follows lines from a source to the loki.write at the end, and gathers the rules and
// stages on the way.
func (a *alloy) chain(s *source, to ast.Expr) {
	for range maxChain {
		c := a.next(s, to)
		if c == nil {
			return
		}
		switch c.kind {
		case "loki.process":
			s.stages = append(s.stages, a.process(c.body, c.name)...)
		case "loki.relabel":
			if len(s.stages) > 0 {
				a.plan.lost(c.line, c.name, "its rules work behind stages, and lighterman's before them", "use the stages static_labels, labeldrop or drop")
			} else {
				for _, r := range a.rules(c) {
					r.late = true
					s.rules = append(s.rules, r)
				}
			}
		case "loki.write":
			a.writeTo(c, s.also)
			return
		default:
			if c.kind != "loki.echo" {
				a.plan.lost(c.line, c.name, "lighterman's lines go to Loki only", "leave Alloy running for it")
			}
			return
		}
		to = a.forward(c)
	}
	a.plan.refuse(s.line, "%s: components forward to each other in a circle", s.name)
}

// next returns the component that lines go to next; nil for none. Of several the first that
// is no echo is taken; a further loki.write is an output.
func (a *alloy) next(s *source, to ast.Expr) *component {
	array, ok := to.(*ast.ArrayExpr)
	if !ok {
		if to != nil {
			a.plan.lost(line(to), s.name, "where it forwards to is no list of receivers", "write [loki.write.NAME.receiver]")
		}
		return nil
	}
	var first *component
	for _, item := range array.Elements {
		switch c := a.component(item, "receiver"); {
		case c == nil, c.kind == "loki.echo":
		case first == nil:
			first = c
		case first.kind == "loki.write" && c.kind == "loki.write":
			s.also = append(s.also, c)
		default:
			a.plan.lost(line(item), c.name, "lines go to "+first.name+" as well, and lighterman sends them one way", "run a second lighterman with a state directory of its own for it")
		}
	}
	return first
}

// writeTo takes a loki.write as the one that lines go to, and what they go to as well.
func (a *alloy) writeTo(c *component, also []*component) {
	if a.write != nil {
		if a.write != c || !slices.Equal(a.also, also) {
			a.plan.lost(c.line, c.name, "not all lines go to the same loki.write, and lighterman sends all of them to each Loki", "run a second lighterman with a state directory of its own for it")
		}
		return
	}
	a.write, a.also = c, also
	a.plan.external = a.externalOf(c)
	a.endpoints(c)
	for _, other := range also {
		if samePairs(a.externalOf(other), a.plan.external) {
			a.endpoints(other)
			continue
		}
		a.plan.lost(other.line, other.name, "its external_labels are not those of "+c.name+", and lighterman sends each Loki the same", "run a second lighterman with a state directory of its own for it")
	}
}

// externalOf returns the labels that a loki.write adds.
func (a *alloy) externalOf(c *component) []pair {
	if x := attribute(c.body, "external_labels"); x != nil {
		return a.object(x)
	}
	return nil
}

// endpoints takes those of a loki.write: the first of all is the Loki of loki-url, the others
// are outputs.
func (a *alloy) endpoints(c *component) {
	i := 0
	a.attributes(c.name, c.body, map[string]func(ast.Expr){"external_labels": nil, "max_streams": nil}, map[string]func(*ast.BlockStmt){
		"endpoint": func(b *ast.BlockStmt) {
			n, name := a.client(b), ""
			if x := attribute(b.Body, "name"); x != nil {
				name = a.text(x)
			}
			if i++; i > 1 || a.write != c {
				a.plan.output(scalar("endpoint", n), n, c.name+": endpoint", name, a.plan.external)
				return
			}
			a.plan.client(scalar("endpoint", n), n)
		},
		"wal": func(b *ast.BlockStmt) {
			a.plan.note(line(b), c.name+": wal", "lighterman needs none: Docker has stored the lines already", "")
		},
	})
	if i == 0 {
		a.plan.refuse(c.line, "%s has no endpoint", c.name)
	}
}

// renamed are settings of an endpoint that Promtail calls otherwise.
var renamed = map[string]string{"batch_wait": "batchwait", "batch_size": "batchsize", "remote_timeout": "timeout"}

// passed are settings of an endpoint that need no equal: lighterman tries until Loki takes it.
var passed = []string{"min_backoff_period", "max_backoff_period", "max_backoff_retries", "retry_on_http_429", "queue_config", "name", "proxy_from_environment"}

// client makes of an endpoint what Promtail calls a client.
func (a *alloy) client(b *ast.BlockStmt) *yaml.Node {
	out := mapping(&yaml.Node{Line: line(b)})
	for _, stmt := range b.Body {
		switch s := stmt.(type) {
		case *ast.AttributeStmt:
			name := s.Name.Name
			if slices.Contains(passed, name) {
				continue
			}
			val := a.eval(s.Value)
			if val.Tag == tagFile {
				name, val.Tag = name+"_file", "!!str"
			}
			if other := renamed[name]; other != "" {
				name = other
			}
			if name == "batchsize" {
				if size, ok := byteSize(val.Value); ok {
					val.Value = decimal(size)
				}
			}
			name = strings.TrimSuffix(name, "_pem")
			out.Content = append(out.Content, scalar(name, &yaml.Node{Line: line(s)}), val)
		case *ast.BlockStmt:
			if !slices.Contains(passed, s.GetBlockName()) {
				out.Content = append(out.Content, scalar(s.GetBlockName(), &yaml.Node{Line: line(s)}), a.client(s))
			}
		}
	}
	return out
}

// process makes Promtail's stages of the blocks stage.*.
func (a *alloy) process(body ast.Body, of string) (out []*yaml.Node) {
	for _, stmt := range body {
		b, ok := stmt.(*ast.BlockStmt)
		if !ok {
			continue
		}
		name, is := strings.CutPrefix(b.GetBlockName(), "stage.")
		if !is {
			a.plan.refuse(line(b), "%s: there is no block %s", of, b.GetBlockName())
			continue
		}
		n := a.stage(name, b)
		if n == nil {
			continue
		}
		n.HeadComment = a.comments[line(b)-1]
		out = append(out, n)
		if name == "regex" && attribute(b.Body, "labels_from_groups") != nil && a.text(attribute(b.Body, "labels_from_groups")) == "true" {
			names := mapping(n)
			for _, made := range extracts(n) {
				names.Content = append(names.Content, scalar(made, n), &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line})
			}
			out = append(out, mapping(n, scalar("labels", n), names))
		}
	}
	return out
}

// valued are stages whose only attribute is what Promtail has in its place, by its name
// there.
var valued = map[string]string{"labels": "labels", "static_labels": "static_labels", "structured_metadata": "structured_metadata", "label_drop": "labeldrop", "label_keep": "labelallow"}

// stage makes one of Promtail's of a block.
func (a *alloy) stage(name string, b *ast.BlockStmt) *yaml.Node {
	at := &yaml.Node{Line: line(b)}
	val := a.mapping(b.Body, b)
	if other := valued[name]; other != "" {
		values := get(val, "values")
		if values == nil || len(val.Content) != 2 {
			a.plan.lost(at.Line, "stage."+name, "only values has an equal", "see docs/stages.md")
			return nil
		}
		return mapping(at, scalar(other, at), values)
	}
	switch name {
	case "match":
		inner := a.process(withoutAttributes(b.Body), "stage.match")
		if len(inner) > 0 {
			val.Content = append(val.Content, scalar("stages", at), &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: inner, Line: at.Line})
		}
	case "drop":
		if src := get(val, "source"); src != nil && strings.Contains(src.Value, ",") {
			list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: src.Line}
			for part := range strings.SplitSeq(src.Value, ",") {
				list.Content = append(list.Content, scalar(strings.TrimSpace(part), src))
			}
			val = replacedNode(val, "source", list)
		}
	case "regex":
		val = without(val, "labels_from_groups")
	}
	if !slices.Contains(stageNames, name) {
		a.plan.lost(at.Line, "stage."+name, "lighterman has no such stage", "see docs/stages.md")
		return nil
	}
	return mapping(at, scalar(name, at), val)
}

func withoutAttributes(body ast.Body) (out ast.Body) {
	for _, stmt := range body {
		if b, ok := stmt.(*ast.BlockStmt); ok {
			out = append(out, b)
		}
	}
	return out
}

// files makes a source of each group of files that a loki.source.file reads.
func (a *alloy) files(c *component, s *source) {
	a.attributes(c.name, c.body, map[string]func(ast.Expr){
		"targets": nil, "forward_to": nil, "legacy_positions_file": nil, "on_positions_file_error": nil,
		"encoding": func(x ast.Expr) { a.plan.encoding(&yaml.Node{Line: line(x)}, a.text(x), c.name) },
		"tail_from_end": func(x ast.Expr) {
			if a.text(x) == "true" {
				a.plan.note(line(x), c.name+": tail_from_end", "lighterman begins all that it has not seen before where since says", "set since: now for the first start")
			}
		},
	}, map[string]func(*ast.BlockStmt){"decompression": nil, "file_watch": nil, "file_match": nil})
	targets := attribute(c.body, "targets")
	each := 0 // so many of the rules come behind what finds the files
	for range maxChain {
		if reference(targets) == "" {
			break
		}
		from := a.component(targets, "targets", "output")
		if from == nil {
			return
		}
		if from.kind == "discovery.relabel" {
			s.rules = append(a.rules(from), s.rules...)
		}
		if from.kind == "local.file_match" {
			each = len(s.rules)
		}
		targets = attribute(from.body, map[string]string{"local.file_match": "path_targets"}[from.kind])
		if from.kind == "discovery.relabel" {
			targets = attribute(from.body, "targets")
		}
	}
	if targets == nil {
		a.plan.lost(c.line, c.name, "which files it reads is not known here", "leave Alloy running for it")
		return
	}
	for _, r := range s.rules[len(s.rules)-each:] {
		r.each = true
	}
	a.chain(s, a.forward(c))
	a.plan.items(a.eval(targets), "targets", func(n *yaml.Node) {
		own := *s
		own.line, own.kind, own.labels = n.Line, hostFiles, a.plan.pairs(n, "targets")
		own.stages = slices.Clone(s.stages)
		if a.plan.fileRules(&own) {
			a.plan.sources = append(a.plan.sources, &own)
		}
	})
}
