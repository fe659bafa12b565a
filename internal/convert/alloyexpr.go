package convert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/grafana/alloy/syntax/ast"
	"github.com/grafana/alloy/syntax/token"
	"go.yaml.in/yaml/v3"
)

// tagFile marks the content of a file that an expression asks for: it stands for its name.
const tagFile = "!file"

// eval makes a node of an expression's value. What cannot be known here is a finding, and
// nothing.
func (a *alloy) eval(x ast.Expr) *yaml.Node {
	at := &yaml.Node{Line: line(x), Column: ast.StartPos(x).Position().Column}
	switch x := x.(type) {
	case *ast.LiteralExpr:
		return literal(x, at)
	case *ast.ParenExpr:
		return a.eval(x.Inner)
	case *ast.ArrayExpr:
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: at.Line, Column: at.Column}
		for _, item := range x.Elements {
			out.Content = append(out.Content, a.eval(item))
		}
		return out
	case *ast.ObjectExpr:
		out := mapping(at)
		for _, field := range x.Fields {
			name := scalar(field.Name.Name, &yaml.Node{Line: field.Name.NamePos.Position().Line})
			out.Content = append(out.Content, name, a.eval(field.Value))
		}
		return out
	case *ast.UnaryExpr:
		if n := a.eval(x.Value); x.Kind == token.SUB && n.Kind == yaml.ScalarNode {
			n.Value = "-" + n.Value
			return n
		}
	case *ast.BinaryExpr:
		if left, right := a.eval(x.Left), a.eval(x.Right); x.Kind == token.ADD && left.Kind == yaml.ScalarNode && right.Kind == yaml.ScalarNode && left.Tag != tagFile && right.Tag != tagFile {
			return scalar(left.Value+right.Value, at)
		}
	case *ast.CallExpr:
		if n := a.call(x, at); n != nil {
			return n
		}
	case *ast.AccessExpr, *ast.IdentifierExpr:
		if n := a.named(x, at); n != nil {
			return n
		}
	}
	a.plan.lost(at.Line, "this expression", "its value is not known here", "write the value instead")
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: at.Line}
}

func literal(x *ast.LiteralExpr, at *yaml.Node) *yaml.Node {
	n := scalar(x.Value, at)
	switch x.Kind {
	case token.STRING:
		if text, err := strconv.Unquote(x.Value); err == nil {
			n.Value = text
		} else {
			n.Value = strings.Trim(x.Value, "`\"")
		}
	case token.NULL:
		n.Tag, n.Value = "!!null", ""
	case token.BOOL:
		n.Tag = "!!bool"
	case token.NUMBER:
		n.Tag = "!!int"
	case token.FLOAT:
		n.Tag = "!!float"
	}
	return n
}

// named is a value that has a name.
func (a *alloy) named(x ast.Expr, at *yaml.Node) *yaml.Node {
	name := reference(x)
	if name == "constants.hostname" && a.host.Name != "" {
		a.plan.note(at.Line, name, "the name of this host is written, "+strconv.Quote(a.host.Name), "another host needs its own")
		return scalar(a.host.Name, at)
	}
	if of, ok := strings.CutSuffix(name, ".content"); ok && strings.HasPrefix(of, "local.file.") {
		if c := a.blocks[of]; c != nil {
			c.used = true
			if path := attribute(c.body, "filename"); path != nil {
				n := scalar(a.text(path), at)
				n.Tag = tagFile
				return n
			}
		}
	}
	return nil
}

// call is the result of a function; nil where that is not known.
func (a *alloy) call(x *ast.CallExpr, at *yaml.Node) *yaml.Node {
	args := func() (out []*yaml.Node) {
		for _, arg := range x.Args {
			out = append(out, a.eval(arg))
		}
		return out
	}
	switch name := reference(x.Value); name {
	case "env", "sys.env":
		if list := args(); len(list) == 1 && list[0].Kind == yaml.ScalarNode {
			return a.variable(list[0].Value, at)
		}
	case "coalesce":
		found := &a.plan.findings
		before := len(found.list)
		for _, n := range args() {
			if !isNull(n) && n.Value != "" || n.Kind != yaml.ScalarNode {
				found.list = found.list[:before] // what is not set has another value
				return n
			}
		}
		return scalar("", at)
	case "nonsensitive", "convert.nonsensitive", "trim_space", "string.trim_space":
		if list := args(); len(list) == 1 {
			list[0].Value = strings.TrimSpace(list[0].Value)
			return list[0]
		}
	case "format", "string.format":
		return format(args(), at)
	case "concat", "array.concat":
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: at.Line, Column: at.Column}
		for _, n := range args() {
			out.Content = append(out.Content, n.Content...)
		}
		return out
	}
	return nil
}

func (a *alloy) variable(name string, at *yaml.Node) *yaml.Node {
	value, set := "", false
	if a.host.Lookup != nil {
		value, set = a.host.Lookup(name)
	}
	if !set {
		a.plan.lost(at.Line, "the variable "+name, "it is not set here, so its place is empty", "run convert with the environment that Alloy has")
	}
	return scalar(value, at)
}

// format is a text with values in it.
func format(args []*yaml.Node, at *yaml.Node) *yaml.Node {
	if len(args) == 0 || args[0].Kind != yaml.ScalarNode {
		return nil
	}
	values := make([]any, 0, len(args))
	for _, arg := range args[1:] {
		if arg.Kind != yaml.ScalarNode || arg.Tag == tagFile {
			return nil
		}
		if n, err := strconv.Atoi(arg.Value); err == nil && arg.Tag == "!!int" {
			values = append(values, n)
		} else {
			values = append(values, arg.Value)
		}
	}
	out := fmt.Sprintf(args[0].Value, values...)
	if strings.Contains(out, "%!") {
		return nil
	}
	return scalar(out, at)
}

// text is an expression's value as a text.
func (a *alloy) text(x ast.Expr) string {
	return a.plan.text(a.eval(x), "this value")
}

// list is an expression's value as a list of texts.
func (a *alloy) list(x ast.Expr) (out []string) {
	a.plan.items(a.eval(x), "this value", func(n *yaml.Node) { out = append(out, a.plan.text(n, "this value")) })
	return out
}

// object is an expression's value as a map of texts.
func (a *alloy) object(x ast.Expr) []pair { return a.plan.pairs(a.eval(x), "this value") }

// mapping makes a map of a body's attributes, without its blocks.
func (a *alloy) mapping(body ast.Body, of ast.Node) *yaml.Node {
	out := mapping(&yaml.Node{Line: line(of)})
	for _, stmt := range body {
		if s, ok := stmt.(*ast.AttributeStmt); ok {
			out.Content = append(out.Content, scalar(s.Name.Name, &yaml.Node{Line: line(s)}), a.eval(s.Value))
		}
	}
	return out
}
