package stage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/level"
	"github.com/lighterman/lighterman/internal/stage/preset"
	"github.com/lighterman/lighterman/internal/stage/redact"
)

// owner is what the owner of a container asks for, compiled.
type owner struct {
	// joins says which lines are one entry, and finds level and time; nil for neither.
	joins *multiline
	finds *parserStage
	// steps come behind the stages of the configuration, in their order, and paths are what
	// they are called.
	steps []step
	paths []string
}

// ask is a kind of thing that owners may ask for.
type ask struct {
	name string
	// compile adds it to what else is asked for. Its error says in words what is wrong with
	// the value.
	compile func(b *builder, of *owner, value string) error
}

// asks is what owners may ask for, in the order in which lines go through it.
var asks = []ask{
	{"multiline", (*builder).ownMultiline},
	{"parser", (*builder).ownParser},
	{"drop", func(b *builder, of *owner, value string) error { return b.ownDrop(of, value, "label_drop", false) }},
	{"keep", func(b *builder, of *owner, value string) error { return b.ownDrop(of, value, "label_keep", true) }},
	{"min_level", (*builder).ownMinLevel},
	{"sample", (*builder).ownSample},
	{"limit", (*builder).ownLimit},
	{"redact", (*builder).ownRedact},
	{"tenant", (*builder).ownTenant},
}

// OwnerNames returns the names of what owners of containers may ask for, in
// logs.Labels.Owner.
func OwnerNames() (names []string) {
	for _, a := range asks {
		names = append(names, a.name)
	}
	return names
}

// CheckOwner says what is wrong with something that an owner asks for, nil for nothing. The
// value is anybody's.
func CheckOwner(name, value string, options Options) error {
	b := &builder{options: options, pipeline: new(Pipeline)}
	for _, a := range asks {
		if a.name == name {
			return a.compile(b, new(owner), value)
		}
	}
	return fmt.Errorf("there is no %q%s", name, b.hint(name, OwnerNames()))
}

// owned compiles what an owner asks for. What does not compile is left out: it was checked
// before it became part of labels, but these may be of another version.
func (b *builder) owned(list []logs.Label) *owner {
	of := new(owner)
	for _, a := range asks {
		for _, l := range list {
			if l.Name != a.name {
				continue
			}
			_ = a.compile(b, of, l.Value)
			for len(of.paths) < len(of.steps) {
				of.paths = append(of.paths, ownerPath+a.name)
			}
			if of.joins != nil && of.joins.path == "" {
				of.joins.path = ownerPath + a.name
			}
		}
	}
	return of
}

// ownerPath is what the names of stages begin with that the owner of a container asks for.
const ownerPath = "lighterman."

// behind returns the nodes that come behind the stages of the configuration.
func (of *owner) behind(end *node) *node {
	for i, s := range slices.Backward(of.steps) {
		end = &node{step: s, next: end, path: of.paths[i]}
	}
	return end
}

// before returns the nodes that begin with what comes before the stages of the
// configuration.
func (of *owner) before(head *node) *node {
	if of.finds != nil {
		head = &node{step: of.finds, next: head, path: ownerPath + "parser"}
	}
	return head
}

func (b *builder) ownMultiline(of *owner, value string) error {
	expr, err := modest(value)
	if err == nil {
		of.joins = ownJoins(linesDefault, func(_ uint8, line []byte) (uint8, bool) { return 0, expr.MatchBytes(line[:min(len(line), ownLook)]) })
	}
	return err
}

func (b *builder) ownParser(of *owner, value string) error {
	p, ok := preset.Get(value)
	if !ok {
		return fmt.Errorf("there is no parser %s%s", quoted(value), b.hint(value, preset.Names()))
	}
	of.finds = &parserStage{p, b.name("level"), b.name("time")}
	if p.Begins != nil && of.joins == nil {
		of.joins = ownJoins(presetLines, p.Begins)
	}
	return nil
}

func ownJoins(lines int, begins func(uint8, []byte) (uint8, bool)) *multiline {
	return &multiline{owner: true, group: Group{Begins: begins, Wait: int64(waitDefault), Lines: lines}}
}

// ownDrop drops what an expression matches, or what it does not match.
func (b *builder) ownDrop(of *owner, value, rule string, not bool) error {
	expr, err := modest(value)
	if err == nil {
		of.steps = append(of.steps, &drop{rule: b.rule(rule), longerThan: -1, olderThan: -1, expr: expr, look: ownLook, not: not})
	}
	return err
}

func (b *builder) ownMinLevel(of *owner, value string) error {
	l := level.Parse([]byte(value))
	if l == level.Unknown {
		return fmt.Errorf("there is no level %s%s", quoted(value), b.hint(strings.ToLower(value), level.Names()))
	}
	of.steps = append(of.steps, &minLevel{rule: b.rule("label_min_level"), least: l})
	return nil
}

func (b *builder) ownSample(of *owner, value string) error {
	digits, percent := strings.CutSuffix(value, "%")
	rate, err := strconv.ParseFloat(digits, 64)
	if percent {
		rate /= 100
	}
	if err != nil || !(rate >= 0 && rate <= 1) {
		return fmt.Errorf("expected the part that is kept, like 0.1 or 10%%, found %s", quoted(value))
	}
	of.steps = append(of.steps, b.sampling(rate, "label_sample"))
	return nil
}

// windows are how long the lines of a limit are counted.
var windowsOf = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

func (b *builder) ownLimit(of *owner, value string) error {
	digits, unit, _ := strings.Cut(value, "/")
	n, err := strconv.ParseUint(digits, 10, 30)
	length := windowsOf[cmp.Or(unit, "s")]
	if err != nil || n == 0 || length == 0 {
		return fmt.Errorf("expected a number of lines like 100/s, 600/m or 10000/h, found %s", quoted(value))
	}
	of.steps = append(of.steps, b.limit(&limit{burst: n, length: int64(length)}, "label_limit"))
	return nil
}

func (b *builder) ownRedact(of *owner, value string) error {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		switch {
		case !slices.Contains(redact.Presets(), name):
			return fmt.Errorf("there is no preset %s%s", quoted(name), b.hint(name, redact.Presets()))
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	redactor, err := redact.New(redact.Config{Presets: names})
	if err == nil {
		of.steps = append(of.steps, &redactStage{source: -1, redactor: redactor})
	}
	return err
}

func (b *builder) ownTenant(of *owner, value string) error {
	if !logs.ValidTenant(value) {
		return fmt.Errorf("%s is no tenant that Loki takes", quoted(value))
	}
	of.steps = append(of.steps, &ownTenant{value})
	return nil
}

// ownTenant is the tenant of a container's lines, where no rule and no stage of the
// configuration has chosen one.
type ownTenant struct{ name string }

func (t *ownTenant) run(_ *Run, e *Entry, n *node) *node {
	if e.Labels.Tenant == "" {
		e.Tenant = cmp.Or(e.Tenant, t.name)
	}
	return n.next
}

// quoted shows somebody's text.
func quoted(text string) string { return fmt.Sprintf("%.40q", text) }

var errExpression = errors.New("the expression is too much work for every line: make it shorter, or let it repeat less")
