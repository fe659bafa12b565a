package archtest

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// analysis finds what is waited for while a lock is held: system calls, channels, what is
// logged, and functions that the caller has given.
type analysis struct {
	*program
	// done are the effects of functions, before those that the last round has found, and under
	// way the functions that are being looked at: some call themselves, be it over others.
	done     map[*types.Func]map[effect]*way
	before   map[*types.Func]map[effect]*way
	underway map[*types.Func]bool
	// all are the named types, to find what is behind an interface.
	all []types.Type
	// methods are those behind an interface's.
	methods map[*types.Func][]*types.Func
	// found has, per lock, what is waited for with it held, and a way there.
	found map[string]map[effect]*way
	// locks are where each is taken first.
	locks map[string]string
	order map[[2]string]*way
}

// effect is something that may take its time: "os.Open", "callback x.y", "channel".
type effect string

// walk goes through one function with the locks that are held.
type walk struct {
	*analysis
	pkg     *checked
	name    string
	effects map[effect]*way
	lits    map[types.Object]*ast.FuncLit
}

type held map[string]bool

func newAnalysis(p *program) *analysis {
	a := &analysis{
		program: p, done: make(map[*types.Func]map[effect]*way), underway: make(map[*types.Func]bool),
		methods: make(map[*types.Func][]*types.Func),
		found:   make(map[string]map[effect]*way), locks: make(map[string]string), order: make(map[[2]string]*way),
	}
	for _, pkg := range p.packages {
		for _, name := range pkg.Scope().Names() {
			if t, ok := pkg.Scope().Lookup(name).(*types.TypeName); ok && !t.IsAlias() {
				if named, ok := t.Type().(*types.Named); ok && named.TypeParams().Len() == 0 {
					a.all = append(a.all, named)
				}
			}
		}
	}
	return a
}

// run looks at every function, until nothing more is found.
func (a *analysis) run() {
	all := slices.SortedFunc(maps.Keys(a.bodies), func(x, y *types.Func) int { return strings.Compare(x.FullName(), y.FullName()) })
	for count := -1; ; {
		a.before, a.done = a.done, make(map[*types.Func]map[effect]*way)
		now := 0
		for _, f := range all {
			now += len(a.of(f))
		}
		if now == count {
			return
		}
		count = now
	}
}

// of returns the effects of a function of ours.
func (a *analysis) of(f *types.Func) map[effect]*way {
	if effects, ok := a.done[f]; ok {
		return effects
	}
	b, ok := a.bodies[f]
	if !ok || a.underway[f] {
		return a.before[f]
	}
	a.underway[f] = true
	w := &walk{analysis: a, pkg: b.pkg, name: short(f.FullName()), effects: make(map[effect]*way), lits: make(map[types.Object]*ast.FuncLit)}
	w.block(b.decl.Body.List, make(held))
	delete(a.underway, f)
	a.done[f] = w.effects
	return w.effects
}

func short(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, internal, ""), module, "")
}

// way is how one function comes to something over others; nil for itself.
type way struct {
	name string
	next *way
}

func (y *way) String() string {
	if y == nil {
		return ""
	}
	if y.next == nil {
		return y.name
	}
	return y.name + " > " + y.next.String()
}

// effect notes what is waited for.
func (w *walk) effect(e effect, next *way, h held) {
	if _, ok := w.effects[e]; !ok {
		w.effects[e] = &way{w.name, next}
	}
	inner, takes := strings.CutPrefix(string(e), "lock ")
	for lock := range h {
		if w.found[lock] == nil {
			w.found[lock] = make(map[effect]*way)
		}
		if _, ok := w.found[lock][e]; !ok {
			w.found[lock][e] = w.effects[e]
			if w.effects[e].next != next {
				w.found[lock][e] = &way{w.name, next}
			}
			if takes {
				w.order[[2]string{lock, inner}] = w.found[lock][e]
			}
		}
	}
}

// call goes through a call and its arguments. Functions among them are taken to be called.
func (w *walk) call(c *ast.CallExpr, h held) {
	if lock, what := w.lock(c); what != "" {
		switch what {
		case "Lock", "RLock":
			if _, ok := w.locks[lock]; !ok {
				w.locks[lock] = w.name
			}
			w.effect(effect("lock "+lock), nil, h)
			h[lock] = true
		case "Unlock", "RUnlock":
			delete(h, lock)
		}
		return
	}
	now := w.callsArguments(c)
	for _, arg := range c.Args {
		if lit, ok := arg.(*ast.FuncLit); ok && now {
			w.block(lit.Body.List, maps.Clone(h))
			continue
		}
		w.expr(arg, h)
		if !now {
			continue
		}
		if f := w.function(arg); f != nil {
			w.into(f, h)
		} else if v := w.field(arg); v != "" {
			w.effect(effect("callback "+v), nil, h)
		}
	}
	if lit, ok := ast.Unparen(c.Fun).(*ast.FuncLit); ok {
		w.block(lit.Body.List, maps.Clone(h))
		return
	}
	if sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok {
		w.expr(sel.X, h)
	}
	if f := w.function(c.Fun); f != nil {
		w.into(f, h)
		return
	}
	if v := w.field(c.Fun); v != "" {
		w.effect(effect("callback "+v), nil, h)
		return
	}
	if id, ok := ast.Unparen(c.Fun).(*ast.Ident); ok {
		if lit := w.lits[w.pkg.info.ObjectOf(id)]; lit != nil {
			delete(w.lits, w.pkg.info.ObjectOf(id)) // it may call itself
			w.block(lit.Body.List, maps.Clone(h))
			w.lits[w.pkg.info.ObjectOf(id)] = lit
		}
	}
}

// callsArguments reports whether a function calls those it is given before it returns, rather
// than keeping them.
func (w *walk) callsArguments(c *ast.CallExpr) bool {
	if t := w.pkg.info.Types[c.Fun]; t.IsBuiltin() || t.IsType() || w.field(c.Fun) != "" {
		return false
	}
	f := w.function(c.Fun)
	return f == nil || f.Pkg() == nil || !slices.Contains([]string{"time", "context", "sync", "golang.org/x/sync/errgroup"}, f.Pkg().Path())
}

// lock returns the lock that a call takes or lets go.
func (w *walk) lock(c *ast.CallExpr) (lock, what string) {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	f, ok := w.pkg.info.Uses[sel.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() != "sync" {
		return "", ""
	}
	if full := f.FullName(); !strings.HasPrefix(full, "(*sync.Mutex)") && !strings.HasPrefix(full, "(*sync.RWMutex)") {
		return "", ""
	}
	return w.lockName(sel.X), f.Name()
}

// lockName is the type that has a lock and its field.
func (w *walk) lockName(x ast.Expr) string {
	if t := w.pkg.info.TypeOf(x); !strings.HasPrefix(t.String(), "sync.") {
		return typeName(t) // it is embedded
	}
	sel, ok := x.(*ast.SelectorExpr)
	if !ok {
		return short(w.pkg.Path())
	}
	owner := w.pkg.info.TypeOf(sel.X)
	if path := w.pkg.info.Selections[sel]; path != nil { // it may be that of an embedded one
		for _, i := range path.Index()[:len(path.Index())-1] {
			owner = fieldsOf(owner).Field(i).Type()
		}
	}
	return typeName(owner) + "." + sel.Sel.Name
}

// fieldsOf is the struct that a type is, or points to.
func fieldsOf(t types.Type) *types.Struct {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	return t.Underlying().(*types.Struct)
}

func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return short(named.Obj().Pkg().Path() + "." + named.Obj().Name())
	}
	return short(t.String())
}

// function returns the function or method that an expression names.
func (w *walk) function(x ast.Expr) *types.Func {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		f, _ := w.pkg.info.Uses[x].(*types.Func)
		return f
	case *ast.SelectorExpr:
		f, _ := w.pkg.info.Uses[x.Sel].(*types.Func)
		return f
	case *ast.IndexExpr:
		return w.function(x.X)
	case *ast.IndexListExpr:
		return w.function(x.X)
	}
	return nil
}

// field returns the field or variable of a package that has a function.
func (w *walk) field(x ast.Expr) string {
	sel, ok := ast.Unparen(x).(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	v, ok := w.pkg.info.Uses[sel.Sel].(*types.Var)
	if !ok || v.Type() == nil {
		return ""
	}
	if _, ok := v.Type().Underlying().(*types.Signature); !ok {
		return ""
	}
	return typeName(w.pkg.info.TypeOf(sel.X)) + "." + v.Name()
}

// into adds what a function does.
func (w *walk) into(f *types.Func, h held) {
	f = f.Origin()
	recv := f.Signature().Recv()
	if recv != nil && types.IsInterface(recv.Type()) {
		w.behind(f, recv.Type(), h)
		return
	}
	if f.Pkg() == nil {
		return
	}
	if _, ours := w.bodies[f]; !ours {
		if e := waits(f); e != "" {
			w.effect(e, nil, h)
		}
		return
	}
	for e, way := range w.of(f) {
		w.effect(e, way, h)
	}
}

// behind adds what those do that implement an interface's method.
func (w *walk) behind(f *types.Func, t types.Type, h held) {
	if f.Pkg() == nil {
		return // error
	}
	if !strings.HasPrefix(f.Pkg().Path(), module) {
		if e := waits(f); e != "" {
			w.effect(e, nil, h)
		}
		return
	}
	methods, known := w.methods[f]
	if iface, ok := t.Underlying().(*types.Interface); !known && ok {
		methods = w.implementing(iface, f)
		w.methods[f] = methods
	}
	for _, m := range methods {
		w.into(m, h)
	}
}

// implementing are the methods of ours behind an interface's.
func (a *analysis) implementing(iface *types.Interface, f *types.Func) (out []*types.Func) {
	for _, named := range a.all {
		p := types.NewPointer(named)
		if types.IsInterface(named) || !types.Implements(p, iface) {
			continue
		}
		object, _, _ := types.LookupFieldOrMethod(p, true, f.Pkg(), f.Name())
		if m, ok := object.(*types.Func); ok && !types.IsInterface(m.Signature().Recv().Type()) { // embedded
			out = append(out, m)
		}
	}
	return out
}
