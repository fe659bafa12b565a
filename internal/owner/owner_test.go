package owner

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// all honours everything.
var all = New(Names(), func(label string) bool { return label == "lighterman.ours" })

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		labels string
		want   string // what is asked for
		wrong  string // what is said, the beginning
	}{
		{"nothing", "com.docker.compose.service=web", "", ""},
		{"off", "lighterman.enable=false", "off", ""},
		{"off in capitals", "lighterman.enable=FALSE", "off", ""},
		{"on", "lighterman.enable=true", "", ""},
		{"neither", "lighterman.enable=no", "", `lighterman.enable: expected true or false, found "no"`},
		{"empty", "lighterman.enable=|lighterman.parser=  |lighterman.drop=", "", ""},
		{"all", "lighterman.parser=java|lighterman.multiline=^\\d|lighterman.label.team=blue|lighterman.metadata.commit=1a|lighterman.drop=a.c|" +
			"lighterman.keep=b|lighterman.min_level=Warning|lighterman.redact=tokens, mails|lighterman.sample=10%|lighterman.limit=100/m|lighterman.tenant=team-a",
			"team:blue commit=1a drop{a.c} keep{b} limit{100/m} min_level{Warning} multiline{^\\d} parser{java} redact{tokens, mails} sample{10%} tenant{team-a}", ""},
		{"spaces around", "lighterman.parser= java ", "parser{java}", ""},
		{"typo", "lighterman.paser=java", "", "lighterman.paser: there is no such label; did you mean lighterman.parser?"},
		{"hyphen", "lighterman.min-level=warn", "", "lighterman.min-level: there is no such label; did you mean lighterman.min_level?"},
		{"typo with a key", "lighterman.lable.team=blue", "", "lighterman.lable.team: there is no such label; did you mean lighterman.label.team?"},
		{"no typo", "lighterman.xyzzy=1", "", "lighterman.xyzzy: there is no such label; there are drop, enable,"},
		{"capital", "Lighterman.parser=java", "", "Lighterman.parser: write lighterman. in small letters"},
		{"key too many", "lighterman.parser.x=java", "", "lighterman.parser.x: there is no such label; did you mean lighterman.parser?"},
		{"no key", "lighterman.label=blue", "", "lighterman.label: expected lighterman.label.KEY"},
		{"strange key", "lighterman.label.a-b=1|lighterman.metadata.__x=1|lighterman.label.1=1", "", "lighterman.label.1: expected"},
		{"somebody's", "lighterman.test.owner=1", "", ""},
		{"ours", "lighterman.ours=1", "", ""},
		{"parser", "lighterman.parser=jva", "", `lighterman.parser: there is no parser "jva"; did you mean "java"?`},
		{"level", "lighterman.min_level=wran", "", `lighterman.min_level: there is no level "wran"; did you mean "warn"?`},
		{"preset", "lighterman.redact=tokens,card", "", `lighterman.redact: there is no preset "card"; did you mean "cards"?`},
		{"sample", "lighterman.sample=2|lighterman.sample=NaN", "", "lighterman.sample: expected the part that is kept"},
		{"limit", "lighterman.limit=0/s", "", "lighterman.limit: expected a number of lines like 100/s"},
		{"limit unit", "lighterman.limit=5/d", "", "lighterman.limit: expected a number of lines like 100/s"},
		{"tenant", "lighterman.tenant=a/b", "", `lighterman.tenant: "a/b" is no tenant that Loki takes`},
		{"expression", "lighterman.drop=(", "", "lighterman.drop: it is no expression: error parsing regexp: missing closing )"},
		{"long expression", "lighterman.drop=" + strings.Repeat("x", 513), "", "lighterman.drop: the expression is longer than 512 bytes"},
		{"great expression", `lighterman.drop=(\pL{31}){31}`, "", "lighterman.drop: the expression is too much work"},
		{"great class", `lighterman.multiline=` + strings.Repeat(`\pL`, 30), "", "lighterman.multiline: the expression is too much work"},
		{"the rest works", "lighterman.paser=java|lighterman.min_level=warn", "min_level{warn}", "lighterman.paser: there"},
	} {
		labels := make(map[string]string)
		for pair := range strings.SplitSeq(c.labels, "|") {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = value
		}
		asked := all.Read(labels)
		if got := asked.text(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if got := strings.Join(asked.Wrong, "; "); !strings.HasPrefix(got, c.wrong) || (got == "") != (c.wrong == "") || len(asked.Ignored) > 0 {
			t.Errorf("%s: said %s, want %s", c.name, got, c.wrong)
		}
	}
}

func (a *Asked) text() string {
	var out []string
	if a.Off {
		out = append(out, "off")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		out = append(out, name+":"+a.Labels[name])
	}
	for _, name := range slices.Sorted(maps.Keys(a.Metadata)) {
		out = append(out, name+"="+a.Metadata[name])
	}
	for _, l := range a.Lines {
		out = append(out, fmt.Sprintf("%s{%s}", l.Name, l.Value))
	}
	return strings.Join(out, " ")
}

// TestHonoured: what is not honoured is said, and has no effect.
func TestHonoured(t *testing.T) {
	labels := map[string]string{
		"lighterman.enable": "false", "lighterman.drop": "x", "lighterman.tenant": "a", "lighterman.label.team": "blue", "lighterman.parser": "go",
	}
	var unconfigured *Rules
	if got := unconfigured.Read(labels); got.text() != "off parser{go}" || len(got.Ignored) != 3 || len(got.Wrong) > 0 {
		t.Errorf("by default: %+v", got)
	}
	none := New(nil, nil)
	if got := none.Read(labels); got.text() != "" || len(got.Ignored) != 5 || got.Ignored[1] != "lighterman.enable is not honoured: container-labels does not have enable" {
		t.Errorf("with nothing: %+v", got)
	}
	if got := none.Read(map[string]string{"lighterman.enable": "true"}); len(got.Ignored) > 0 {
		t.Errorf("what is so anyway is said: %q", got.Ignored)
	}
	if none.Lines() || !unconfigured.Lines() || New([]string{"label", "enable"}, nil).Lines() {
		t.Error("whether lines are changed is not told right")
	}
}

// TestBounds: what is read of one container is bounded, and so is what is said of it.
func TestBounds(t *testing.T) {
	many, large := make(map[string]string), make(map[string]string)
	for i := range 1000 {
		many[fmt.Sprint("lighterman.label.l", i)] = "x"
		large[fmt.Sprint("lighterman.metadata.l", i)] = strings.Repeat("x", 2048)
	}
	if got := all.Read(many); len(got.Labels) != maxSettings || len(got.Wrong) != 1 || !strings.HasPrefix(got.Wrong[0], "968 labels are left out (such as lighterman.label.l") {
		t.Errorf("%d labels, %q", len(got.Labels), got.Wrong)
	}
	if got := all.Read(large); len(got.Metadata) != 3 || len(got.Wrong) != 1 {
		t.Errorf("%d metadata, %q", len(got.Metadata), got.Wrong)
	}
	strange := all.Read(map[string]string{"lighterman.\x1b[31m\n" + strings.Repeat("x", 900): "\x1b]0;x\a", "lighterman.parser": "\x1b[2J", "lighterman.lable.\x1b": "x"})
	for _, text := range strange.Wrong {
		if strings.ContainsAny(text, "\x1b\n\a") || len(text) > 400 {
			t.Errorf("shown as it is: %q", text)
		}
	}
	if len(strange.Wrong) != 3 {
		t.Errorf("%q", strange.Wrong)
	}
}

// FuzzRead: whatever labels say, reading them is quick and makes nothing that is too large.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"lighterman.drop", "lighterman.multiline", "lighterman.limit", "lighterman.label.x", "lighterman.sample", "lighterman.redact", "lighterman.lable.x"} {
		f.Add(s, `(a{100}|\pL){10}`)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		began := time.Now()
		got := all.Read(map[string]string{name: value})
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
		for _, l := range got.Lines {
			if l.Name == "" || l.Value == "" || len(l.Value) > maxBytes {
				t.Errorf("%+v", l)
			}
		}
		for name := range got.Labels {
			if !logs.IsLabelName(name) || strings.HasPrefix(name, "__") {
				t.Errorf("label %q", name)
			}
		}
	})
}
