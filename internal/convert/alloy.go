package convert

import (
	"errors"
	"slices"
	"strings"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/diag"
	"github.com/grafana/alloy/syntax/parser"
	"go.yaml.in/yaml/v3"
)

// Host is what expressions in files of Alloy's may ask for.
type Host struct {
	// Lookup returns a variable of the environment.
	Lookup func(name string) (string, bool)
	// Name is the name of the host.
	Name string
}

// Alloy makes a configuration of one of Alloy's. The error is an *InvalidError where Alloy
// itself would refuse the file.
func Alloy(file string, data []byte, host Host) (*Result, error) {
	p := &plan{product: "Alloy"}
	if !p.checkText(data) || !p.checkNesting(data) {
		return nil, p.err(file)
	}
	tree, err := parser.ParseFile(file, data)
	if err != nil {
		p.syntax(err)
		return nil, p.err(file)
	}
	a := &alloy{plan: p, host: host, blocks: make(map[string]*component), comments: make(map[int]string)}
	a.read(tree)
	a.readers()
	a.leftovers()
	if len(a.order) == 0 {
		p.refuse(1, "there are no components in the file")
	}
	return p.result(file)
}

// maxNesting bounds how many brackets are open at once: a real file has ten. The parser's
// time grows with the square.
const maxNesting = 1000

// checkNesting refuses a file that is nested without end.
func (f *findings) checkNesting(data []byte) bool {
	depth, line := 0, 1
	for _, b := range data {
		switch b {
		case '\n':
			line++
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth > maxNesting {
			f.refuse(line, "more than %d brackets are open here", maxNesting)
			return false
		}
	}
	return true
}

// syntax takes the places out of what the parser says.
func (f *findings) syntax(err error) {
	var all diag.Diagnostics
	if !errors.As(err, &all) {
		f.refuse(1, "this is no configuration of Alloy's: %v", err)
		return
	}
	for _, d := range all {
		f.refuse(d.StartPos.Line, "%s", d.Message)
	}
}

// alloy reads a file of Alloy's, in which components forward to each other.
type alloy struct {
	plan *plan
	host Host
	// blocks are the components by their names, such as loki.write.default, and order these
	// names as they stand in the file.
	blocks map[string]*component
	order  []string
	// comments are those that end on a line.
	comments map[int]string
	// write is the loki.write that lines go to, and also are those that they go to as well.
	write *component
	also  []*component
}

// component is one of them.
type component struct {
	kind, name string
	line       int
	body       ast.Body
	used       bool
}

func (a *alloy) read(tree *ast.File) {
	for _, group := range tree.Comments {
		lines := make([]string, 0, len(group))
		for _, c := range group {
			lines = append(lines, strings.Trim(strings.TrimSpace(c.Text), "/* \t"))
		}
		if len(group) > 0 {
			last := group[len(group)-1]
			a.comments[line(last)+strings.Count(last.Text, "\n")] = strings.Join(lines, "\n")
		}
	}
	for _, stmt := range tree.Body {
		block, ok := stmt.(*ast.BlockStmt)
		if !ok {
			a.plan.refuse(line(stmt), "expected a block, found a value")
			continue
		}
		c := &component{kind: block.GetBlockName(), name: block.GetBlockName(), line: line(block), body: block.Body}
		if block.Label != "" {
			c.name += "." + block.Label
		}
		if first := a.blocks[c.name]; first != nil {
			a.plan.refuse(c.line, "there are two components %s; the first is on line %d", c.name, first.line)
			continue
		}
		a.blocks[c.name] = c
		a.order = append(a.order, c.name)
	}
}

func line(n ast.Node) int { return ast.StartPos(n).Position().Line }

// attributes goes through what a body says, in its order. Each handler gets an attribute's
// value or a block; what has none is refused.
func (a *alloy) attributes(of string, body ast.Body, values map[string]func(ast.Expr), blocks map[string]func(*ast.BlockStmt)) {
	for _, stmt := range body {
		switch s := stmt.(type) {
		case *ast.AttributeStmt:
			if handle, known := values[s.Name.Name]; !known {
				a.plan.lost(line(s), of+": "+s.Name.Name, "there is no such setting here, or it has no equal", "see docs/from-alloy.md")
			} else if handle != nil {
				handle(s.Value)
			}
		case *ast.BlockStmt:
			if handle, known := blocks[s.GetBlockName()]; !known {
				a.plan.lost(line(s), of+": "+s.GetBlockName(), "there is no such block here, or it has no equal", "see docs/from-alloy.md")
			} else if handle != nil {
				handle(s)
			}
		}
	}
}

// readers makes a source of each component that reads lines.
func (a *alloy) readers() {
	for _, name := range a.order {
		c := a.blocks[name]
		if !strings.HasPrefix(c.kind, "loki.source.") {
			continue
		}
		c.used = true
		s := &source{name: name, line: c.line, port: "80", kind: otherSource}
		switch c.kind {
		case "loki.source.docker":
			if !a.docker(c, s) {
				continue
			}
		case "loki.source.file":
			a.files(c, s)
			continue
		case "loki.source.journal":
			a.journal(c, s)
		default:
			a.chain(&source{}, a.forward(c))
		}
		a.plan.sources = append(a.plan.sources, s)
	}
}

// forward returns the expression of where a component sends its lines.
func (a *alloy) forward(c *component) (to ast.Expr) { return attribute(c.body, "forward_to") }

// attribute returns the value of an attribute, or nil.
func attribute(body ast.Body, name string) ast.Expr {
	for _, stmt := range body {
		if s, ok := stmt.(*ast.AttributeStmt); ok && s.Name.Name == name {
			return s.Value
		}
	}
	return nil
}

// docker reads a loki.source.docker with all that it is made of.
func (a *alloy) docker(c *component, s *source) bool {
	s.kind = containers
	targets, rules := attribute(c.body, "targets"), attribute(c.body, "relabel_rules")
	if targets == nil || attribute(c.body, "forward_to") == nil {
		a.plan.refuse(c.line, "%s needs targets and forward_to", c.name)
		return false
	}
	a.attributes(c.name, c.body, map[string]func(ast.Expr){
		"targets": nil, "forward_to": nil, "relabel_rules": nil, "refresh_interval": nil,
		"host":   func(x ast.Expr) { a.plan.engine(&yaml.Node{Line: line(x)}, a.text(x)) },
		"labels": func(x ast.Expr) { s.labels = a.object(x) },
	}, nil)
	found := a.discovered(targets, s, maxChain)
	if rules != nil {
		if r := a.component(rules, "rules"); r != nil {
			s.rules = append(s.rules, a.rules(r)...)
		}
	}
	a.chain(s, attribute(c.body, "forward_to"))
	if !found {
		a.plan.lost(c.line, c.name, "its targets come from no discovery.docker", "lighterman finds the containers of this host by itself")
	}
	return found
}

// component returns the component that an expression such as discovery.docker.x.targets
// speaks of, if it exports that.
func (a *alloy) component(x ast.Expr, exports ...string) *component {
	path := reference(x)
	name, export := path, ""
	if i := strings.LastIndex(path, "."); i >= 0 {
		name, export = path[:i], path[i+1:]
	}
	c := a.blocks[name]
	if c == nil || !slices.Contains(exports, export) {
		if a.ofModule(path) {
			a.plan.lost(line(x), path, "it belongs to a module (import, declare), and modules are not read", "write what it does here instead of it, or convert what the module holds")
			return nil
		}
		if path == "" {
			path = "this expression"
		}
		a.plan.refuse(line(x), "%s: there is no such component in the file, or it exports nothing like that", path)
		return nil
	}
	c.used = true
	return c
}

// ofModule reports whether a component, or what it exports, is one of a module.
func (a *alloy) ofModule(path string) bool {
	space, _, _ := strings.Cut(path, ".")
	return slices.ContainsFunc(a.order, func(name string) bool {
		kind, label, _ := strings.Cut(name, ".")
		if kind == "import" {
			_, label, _ = strings.Cut(label, ".")
		}
		return (kind == "import" || kind == "declare") && label == space
	})
}

// reference is an expression of names joined by dots; nothing for another one.
func reference(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.IdentifierExpr:
		return x.Ident.Name
	case *ast.AccessExpr:
		if of := reference(x.Value); of != "" {
			return of + "." + x.Name.Name
		}
	case *ast.ParenExpr:
		return reference(x.Inner)
	}
	return ""
}

// discovered follows targets back to where containers are found. It reports whether that is
// a discovery.docker. At most so many components are passed.
func (a *alloy) discovered(x ast.Expr, s *source, left int) bool {
	c := a.component(x, "targets", "output")
	switch {
	case c == nil:
		return false
	case left == 0:
		a.plan.refuse(c.line, "%s: components have their targets from each other in a circle", c.name)
		return false
	}
	switch c.kind {
	case "discovery.docker":
		a.discovery(c, s)
		return true
	case "discovery.relabel":
		from := attribute(c.body, "targets")
		if from == nil {
			a.plan.refuse(c.line, "%s needs targets", c.name)
			return false
		}
		found := a.discovered(from, s, left-1)
		for _, r := range a.rules(c) {
			r.early = true
			s.rules = append(s.rules, r)
		}
		return found
	}
	return false
}

func (a *alloy) discovery(c *component, s *source) {
	a.attributes(c.name, c.body, map[string]func(ast.Expr){
		"host":                 func(x ast.Expr) { a.plan.engine(&yaml.Node{Line: line(x)}, a.text(x)) },
		"port":                 func(x ast.Expr) { s.port = a.text(x) },
		"host_networking_host": func(x ast.Expr) { s.host = a.text(x) },
		"refresh_interval":     nil, "match_first_network": nil, "follow_redirects": nil, "enable_http2": nil,
	}, map[string]func(*ast.BlockStmt){
		"filter": func(b *ast.BlockStmt) {
			f := filter{line: line(b)}
			a.attributes(c.name+": filter", b.Body, map[string]func(ast.Expr){
				"name":   func(x ast.Expr) { f.name = a.text(x) },
				"values": func(x ast.Expr) { f.values = a.list(x) },
			}, nil)
			s.filters = append(s.filters, f)
		},
	})
}

// rules returns those of a discovery.relabel or loki.relabel.
func (a *alloy) rules(c *component) (out []*rule) {
	a.attributes(c.name, c.body, map[string]func(ast.Expr){"targets": nil, "forward_to": nil, "max_cache_size": nil}, map[string]func(*ast.BlockStmt){
		"rule": func(b *ast.BlockStmt) {
			n := a.mapping(b.Body, b)
			n.HeadComment = a.comments[line(b)-1]
			out = append(out, a.plan.ruleNodes(&yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{n}})...)
		},
	})
	return out
}

// other components that go with logs, and that are not carried by themselves.
var withLogs = []string{"loki.write", "loki.process", "loki.relabel", "loki.echo", "discovery.docker", "discovery.relabel", "local.file_match", "local.file"}

// leftovers names what is not carried.
func (a *alloy) leftovers() {
	for _, name := range a.order {
		c := a.blocks[name]
		switch {
		case c.used:
		case c.kind == "logging":
			a.logging(c)
		case c.kind == "livedebugging" || c.kind == "loki.echo":
		case slices.Contains(withLogs, c.kind):
			a.plan.note(c.line, name, "nothing that was carried makes use of it", "")
		case c.kind == "declare" || strings.HasPrefix(c.kind, "import.") || a.ofModule(name):
			a.plan.lost(c.line, name, "modules are not read", "convert what the module holds, or write it here")
		default:
			a.plan.lost(c.line, name, "it has nothing to do with the logs of containers", "leave Alloy running for it")
		}
	}
}

func (a *alloy) logging(c *component) {
	if x := attribute(c.body, "level"); x != nil {
		if level := a.text(x); slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
			a.plan.set("log-level", level, "")
		}
	}
	if x := attribute(c.body, "format"); x != nil && a.text(x) == "json" {
		a.plan.set("log-format", "json", "")
	}
}
