package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
)

// block goes through statements one after the other, and reports whether the end is not reached.
func (w *walk) block(list []ast.Stmt, h held) (ends bool) {
	for _, s := range list {
		if w.stmt(s, h) {
			return true
		}
	}
	return false
}

// branch goes through statements that may not run, and gives back what is held behind them.
func (w *walk) branch(list []ast.Stmt, h held) {
	in := maps.Clone(h)
	if !w.block(list, in) {
		maps.Copy(h, in)
	}
}

//nolint:gocyclo // one case per kind of statement
func (w *walk) stmt(s ast.Stmt, h held) (ends bool) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		w.expr(s.X, h)
		if call, ok := s.X.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
				return true
			}
		}
	case *ast.SendStmt:
		w.expr(s.Chan, h)
		w.expr(s.Value, h)
		w.effect("channel", nil, h)
	case *ast.IncDecStmt:
		w.expr(s.X, h)
	case *ast.AssignStmt:
		for i, x := range s.Rhs {
			if lit, ok := x.(*ast.FuncLit); ok {
				if id, ok := s.Lhs[i].(*ast.Ident); ok {
					w.lits[w.pkg.info.ObjectOf(id)] = lit
				}
				w.apart(lit)
				continue
			}
			w.expr(x, h)
		}
		for _, x := range s.Lhs {
			w.expr(x, h)
		}
	case *ast.GoStmt:
		for _, x := range s.Call.Args {
			w.expr(x, h)
		}
		if lit, ok := s.Call.Fun.(*ast.FuncLit); ok {
			w.apart(lit)
		}
	case *ast.DeferStmt:
		if lock, what := w.lock(s.Call); what != "" {
			_ = lock // held to the end
			return false
		}
		w.expr(s.Call, h)
	case *ast.ReturnStmt:
		for _, x := range s.Results {
			w.expr(x, h)
		}
		return true
	case *ast.BranchStmt:
		return true
	case *ast.BlockStmt:
		return w.block(s.List, h)
	case *ast.IfStmt:
		if s.Init != nil {
			w.stmt(s.Init, h)
		}
		w.expr(s.Cond, h)
		then, els := maps.Clone(h), maps.Clone(h)
		endThen, endElse := w.block(s.Body.List, then), false
		if s.Else != nil {
			endElse = w.stmt(s.Else, els)
		}
		clear(h)
		if !endThen {
			maps.Copy(h, then)
		}
		if !endElse {
			maps.Copy(h, els)
		}
		return endThen && endElse
	case *ast.CaseClause:
		for _, x := range s.List {
			w.expr(x, h)
		}
		w.branch(s.Body, h)
	case *ast.SwitchStmt:
		if s.Init != nil {
			w.stmt(s.Init, h)
		}
		w.expr(s.Tag, h)
		w.cases(s.Body, h)
	case *ast.TypeSwitchStmt:
		if s.Init != nil {
			w.stmt(s.Init, h)
		}
		w.stmt(s.Assign, h)
		w.cases(s.Body, h)
	case *ast.SelectStmt:
		w.selects(s, h)
	case *ast.ForStmt:
		if s.Init != nil {
			w.stmt(s.Init, h)
		}
		w.expr(s.Cond, h)
		w.branch(s.Body.List, h)
		if s.Post != nil {
			w.stmt(s.Post, h)
		}
	case *ast.RangeStmt:
		w.expr(s.X, h)
		if _, is := w.pkg.info.TypeOf(s.X).Underlying().(*types.Chan); is {
			w.effect("channel", nil, h)
		}
		w.branch(s.Body.List, h)
	case *ast.LabeledStmt:
		return w.stmt(s.Stmt, h)
	case *ast.DeclStmt:
		if decl, ok := s.Decl.(*ast.GenDecl); ok {
			for _, spec := range decl.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok {
					for _, x := range values.Values {
						w.expr(x, h)
					}
				}
			}
		}
	}
	return false
}

func (w *walk) cases(body *ast.BlockStmt, h held) {
	before := maps.Clone(h)
	all, whole := make(held), false
	for _, c := range body.List {
		in := maps.Clone(before)
		clause := c.(*ast.CaseClause)
		whole = whole || clause.List == nil
		for _, x := range clause.List {
			w.expr(x, in)
		}
		if !w.block(clause.Body, in) {
			maps.Copy(all, in)
		}
	}
	if !whole {
		maps.Copy(all, before)
	}
	clear(h)
	maps.Copy(h, all)
}

func (w *walk) selects(s *ast.SelectStmt, h held) {
	waits := true
	for _, c := range s.Body.List {
		waits = waits && c.(*ast.CommClause).Comm != nil
	}
	if waits {
		w.effect("channel", nil, h)
	}
	for _, c := range s.Body.List {
		w.branch(c.(*ast.CommClause).Body, h)
	}
}

// apart goes through a function that is called later: with nothing held.
func (w *walk) apart(lit *ast.FuncLit) {
	apart := *w
	apart.effects = make(map[effect]*way)
	apart.block(lit.Body.List, make(held))
}

// expr goes through an expression: all that is called in it.
func (w *walk) expr(x ast.Expr, h held) {
	if x == nil {
		return
	}
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			w.apart(n)
			return false
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				w.effect("channel", nil, h)
			}
		case *ast.CallExpr:
			w.call(n, h)
			return false
		}
		return true
	})
}
