package stage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// asking is base with what an owner asks for: name=value, separated by |.
func asking(text string) *logs.Labels {
	labels := logs.NewLabels(pairsOf(base.Pairs), pairsOf(base.Metadata))
	for pair := range strings.SplitSeq(text, "|") {
		name, value, _ := strings.Cut(pair, "=")
		labels.Owner = append(labels.Owner, logs.Label{Name: name, Value: value})
	}
	return labels
}

// ownedBy runs lines through the stages of a configuration and what an owner asks for.
func ownedBy(t *testing.T, stages, owner string, lines ...string) (out []string, r *Run) {
	t.Helper()
	p, err := Compile(nodes(t, stages), Options{Path: "stages", Owners: true})
	if err != nil {
		t.Fatal(err)
	}
	labels := asking(owner)
	if r = p.For(labels); r == nil {
		t.Fatalf("%s: nothing is done", owner)
	}
	var e Entry
	for i, line := range lines {
		e.Time, e.Line, e.Labels = start+int64(i), []byte(line), labels
		if r.Process(&e) {
			out = append(out, e.text())
		} else {
			out = append(out, "dropped by "+r.Rule())
		}
	}
	return out, r
}

func TestOwned(t *testing.T) {
	const trace = "2026-11-29 12:00:00,123 ERROR [main] a.B - no key AKIAIOSFODNN7EXAMPLE"
	for _, c := range []struct{ stages, owner, line, want string }{
		{"", "drop=GET /health", "GET /health 200", "dropped by label_drop"},
		{"", "drop=GET /health", "GET /x 200", "GET /x 200"},
		{"", "keep=^[EW]", "I info", "dropped by label_keep"},
		{"", "keep=^[EW]", "W warning", "W warning"},
		{"", "min_level=warn", `{"level":30}`, "dropped by label_min_level"},
		{"", "min_level=warn", "no level", "no level"},
		{"", "redact=tokens", trace, strings.Replace(trace, "AKIAIOSFODNN7EXAMPLE", "<redacted:aws_key>", 1)},
		{"", "sample=0", "x", "dropped by label_sample"},
		{"", "sample=100%", "x", "x"},
		{"", "tenant=blue", "x", "@blue x"},
		{"- tenant: {value: ours}", "tenant=blue", "x", "@ours x"},
		{"- drop: {expression: x}", "keep=y", "x", "dropped by drop_stage"},
		// What stages of the configuration take out, those of owners do not bring back.
		{"- redact: tokens", "parser=java|min_level=debug|redact=mails", trace, strings.Replace(trace, "AKIAIOSFODNN7EXAMPLE", "<redacted:aws_key>", 1)},
		// What the owner's parser finds is there for the stages of the configuration.
		{"- labels: {level: }", "parser=java", trace, "level=error " + trace},
		{"- level:", "parser=nginx|drop=zzz", `1.2.3.4 - - [29/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 500 12`, `{detected_level=error} 1.2.3.4 - - [29/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 500 12`},
		// Another version had something that this one does not take.
		{"", "drop=(|keep=x", "x", "x"},
	} {
		if got, _ := ownedBy(t, c.stages, c.owner, c.line); got[0] != c.want {
			t.Errorf("%s, %s: got %q, want %q", c.stages, c.owner, got[0], c.want)
		}
	}
	got, _ := ownedBy(t, "", "limit=2/h", "a", "b", "c")
	if want := []string{"a", "b", "dropped by label_limit"}; !slices.Equal(got, want) {
		t.Errorf("limit: %q", got)
	}
}

// TestOwnerJoins: what the owner joins lines by goes before what the configuration does, which
// is no mistake, and the operator's is there for the others.
func TestOwnerJoins(t *testing.T) {
	const stages = "- multiline: {firstline: '^operator'}\n- drop: {expression: noise}"
	for _, c := range []struct{ owner, begins string }{
		{"multiline=^owner", "owner"}, {"parser=json", "operator"}, {"drop=x", "operator"}, {"multiline=^owner|parser=java", "owner"},
	} {
		_, r := ownedBy(t, stages, c.owner)
		g := r.Group(logs.Stdout)
		_, operator := g.Begins(0, []byte("operator"))
		_, owner := g.Begins(0, []byte("owner"))
		if operator != (c.begins == "operator") || owner != (c.begins == "owner") {
			t.Errorf("%s: begins with operator %v, with owner %v", c.owner, operator, owner)
		}
	}
	if _, r := ownedBy(t, stages, "parser=java"); r.Group(logs.Stdout).Lines != presetLines {
		t.Error("the owner's parser does not join")
	}
}

// TestFamily: containers whose owners ask for the same share a pipeline, those that ask for
// nothing have that of the configuration, and however many ask, memory is bounded.
func TestFamily(t *testing.T) {
	p, err := Compile(nil, Options{Owners: true})
	if err != nil || p == nil {
		t.Fatal(p, err)
	}
	if p.For(base) != nil || !p.Idle(base) || p.Idle(asking("drop=x")) || p.Wait(base) != 0 || p.Wait(asking("multiline=x")) != int64(waitDefault) {
		t.Error("a container whose owner asks for nothing has something done, or the other way round")
	}
	if one, other := p.For(asking("drop=x")), p.For(asking("drop=x")); one.pipeline != other.pipeline {
		t.Error("the same is compiled twice")
	}
	for i := range 3 * maxFamily {
		p.For(asking(fmt.Sprint("drop=x", i)))
	}
	if n := len(p.family.of); n > maxFamily {
		t.Errorf("%d are kept", n)
	}
	without, err := Compile(nil, Options{})
	if err != nil || without != nil {
		t.Errorf("%v %v", without, err)
	}
	if fixed := compile(t, "- drop: {expression: y}"); fixed.For(asking("drop=x")).pipeline != fixed {
		t.Error("an owner is heard although that is not wanted")
	}
}

// TestStateOfAnother: a state goes on with the stages that are what they were, in whatever
// place they are, and with those of owners, when the configuration or the owner's labels
// change.
func TestStateOfAnother(t *testing.T) {
	full := func(t *testing.T, stages, owner string, state []byte) (passes bool) {
		t.Helper()
		p, err := Compile(nodes(t, stages), Options{Owners: true})
		if err != nil {
			t.Fatal(err)
		}
		labels := asking(owner)
		r := p.For(labels)
		if err := r.Restore(logs.Stdout, state); err != nil {
			t.Fatal(err)
		}
		return r.Process(&Entry{Time: start + 3, Line: []byte("x"), Labels: labels})
	}
	const one = "- limit: {rate: 0.01, burst: 2, drop: true}"
	_, r := ownedBy(t, one, "limit=5/h", "a", "b", "c")
	state := r.State(logs.Stdout)
	for _, c := range []struct {
		stages, owner string
		passes        bool
	}{
		{one, "limit=5/h", false},
		{one, "drop=zzz", false},
		{"- limit: {rate: 10, burst: 10, drop: true}\n" + one, "limit=5/h", false},
		{"- limit: {rate: 0.01, burst: 3, drop: true}", "limit=5/h", true}, // another limit
		{"- drop: {expression: zzz}", "limit=5/h", true},                   // two of five
		{"- timestamp: {source: t, format: Unix}", "limit=2/h", true},
	} {
		if got := full(t, c.stages, c.owner, state); got != c.passes {
			t.Errorf("%s, %s: passes %v", c.stages, c.owner, got)
		}
	}
	_, r = ownedBy(t, "", "limit=2/h", "a", "b")
	if full(t, one, "limit=2/h", r.State(logs.Stdout)) {
		t.Error("an owner's limit begins anew when the configuration gets one")
	}
}

// TestModest: the most that an owner's expression may cost for a line.
func TestModest(t *testing.T) {
	line := []byte("cdyz1" + strings.Repeat("ab", 128<<10))
	for _, expr := range []string{`(a|ab|b)*c.{0,90}d$`, `(x+x+)+y`, `(?i)(a?){30}b{60}c$`, `\pL+\d\pL+\d$`, `(.*)(.*)(.*)(.*)z$`} {
		var d drop
		of := new(owner)
		b := &builder{pipeline: new(Pipeline)}
		if err := b.ownDrop(of, expr, "x", false); err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		d = *of.steps[0].(*drop)
		began := time.Now()
		d.meets(nil, &Entry{Line: line})
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("%s takes %v for a line", expr, took)
		}
	}
}

// TestOwnersApart: what one owner writes does not decide what another's lines go through.
func TestOwnersApart(t *testing.T) {
	p, err := Compile(nodes(t, ""), Options{Owners: true})
	if err != nil {
		t.Fatal(err)
	}
	p.For(asking("drop=a\x00keep\x00b"))
	labels := asking("drop=a|keep=b")
	if p.For(labels).Process(&Entry{Time: start, Line: []byte("c"), Labels: labels}) {
		t.Error("what is not to be kept was sent")
	}
}
