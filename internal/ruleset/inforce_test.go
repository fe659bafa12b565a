package ruleset

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/settings"
)

const someStages = `stages:
  - drop: {expression: "a: 'b' # no comment"} # a comment
  - static_labels: {one: "1", two: 'yes', three: ~, four: "ü\n\t"}
  - match:
      selector: '{container="web"}'
      stages:
        - template: {source: x, template: "{{ .Value }}\n"}
`

// TestInForce: stages are in force from the start of the process that has them on, those
// before before that, and the same ones in another notation are no others.
func TestInForce(t *testing.T) {
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	begin := func(text string, at int64) *InForce {
		t.Helper()
		f, err := New(dir, settings.Of(t, text), quiet, time.Unix(0, at))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := begin(someStages, 1000)
	if in, until := first.Timeline.Load().At(5); in.From != math.MinInt64 || until != math.MaxInt64 || in.Pipeline == nil {
		t.Errorf("the first: %+v until %d", in, until)
	}
	same := strings.NewReplacer(" # a comment", "", "{expression: \"a: 'b' # no comment\"}", "\n      expression: 'a: ''b'' # no comment'").Replace(someStages)
	if same == someStages {
		t.Fatal("this test changes nothing")
	}
	if f := begin(same, 2000); len(f.All) != 1 {
		t.Errorf("the same: %+v", f.All)
	}
	second := begin("mode: hybrid\n", 3000)
	line := second.Timeline.Load()
	if before, _ := line.At(2999); before.Pipeline == nil {
		t.Error("what was in force before is not any more")
	}
	if after, _ := line.At(3000); after.From != 3000 || !after.Pipeline.Idle(new(logs.Labels)) {
		t.Error("what was in force before still is")
	}
	// The clock was set back.
	third := begin("stages: [{decolorize: {}}]\n", 2500)
	if in, until := third.Timeline.Load().At(2500); in.From != 2500 || until != math.MaxInt64 || in.Pipeline == nil {
		t.Errorf("the clock was set back: %+v until %d", in, until)
	}
	for _, damage := range []string{"[", `[{"from":5},{"from":4}]`, strings.Repeat("x", 100)} {
		if err := os.WriteFile(filepath.Join(dir, stagesName), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if f := begin(someStages, 5000); len(f.All) != 1 || !f.Timeline.Load().Any() {
			t.Errorf("after %q: %+v", damage, f.All)
		}
	}
	// What another version has written and cannot be compiled gives way.
	if err := os.WriteFile(filepath.Join(dir, stagesName), []byte(`[{"from":-9,"stages":"- nonesuch: {}\n"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	f, err := New(dir, settings.Of(t, someStages), slog.New(slog.NewTextHandler(&said, nil)), time.Unix(0, 6000))
	if err != nil {
		t.Fatal(err)
	}
	if in, _ := f.Timeline.Load().At(0); in.Pipeline == nil || !strings.Contains(said.String(), "nonesuch") {
		t.Errorf("what cannot be compiled: %+v, %s", in, &said)
	}
}

// TestChangeInForce: a change is on disk before its time comes, what cannot be written is
// refused, and there are not more than so many.
func TestChangeInForce(t *testing.T) {
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	cfg := settings.Of(t, someStages)
	f, err := New(dir, cfg, quiet, time.Unix(0, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Change("- decolorize: {}\n"); err != nil {
		t.Fatal(err)
	}
	newest := f.Timeline.Load().Newest()
	if ahead := time.Until(time.Unix(0, newest)); ahead <= 0 || ahead > 2*time.Second {
		t.Errorf("it is in force in %v", ahead)
	}
	again := &InForce{dir: dir, log: quiet}
	if again.read(checkpoint.ReadText); len(again.All) != 2 || again.All[1].From != newest || again.All[1].Stages != "- decolorize: {}\n" {
		t.Errorf("on disk: %+v", again.All)
	}
	f.dir = filepath.Join(dir, "gone")
	if err := f.Change(""); err == nil || f.Timeline.Load().Newest() != newest {
		t.Errorf("what cannot be written is in force: %v", err)
	}
	all := f.All
	for n := range int64(2 * maxKept) {
		all, _ = then(all, Since{From: newest + n + 1, Stages: strings.Repeat("#", int(n)+1)})
	}
	if len(all) != maxKept || all[maxKept-1].From != newest+2*maxKept {
		t.Errorf("%d are kept", len(all))
	}
	all, _ = then(all, Since{From: math.MaxInt64, Stages: strings.Repeat("#", maxKeptBytes+1)})
	if len(all) != 1 {
		t.Errorf("%d are kept beside a large one", len(all))
	}
}

// TestFileStagesInForce: sections of files have stages of their own from the start on that has
// them so, wherever the section stands; those without go through the configuration's.
func TestFileStagesInForce(t *testing.T) {
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	begin := func(text string, at int64) (*InForce, []config.HostFiles) {
		t.Helper()
		cfg := settings.Of(t, text)
		f, err := New(dir, cfg, quiet, time.Unix(0, at))
		if err != nil {
			t.Fatal(err)
		}
		return f, cfg.Files
	}
	labels := new(logs.Labels)
	idle := func(f *InForce, s *config.HostFiles, at int64) bool {
		in, _ := f.Sections[Section(s)].Load().At(at)
		return in.Pipeline.Idle(labels)
	}
	const all, a, b = "stages: [{decolorize: {}}]\n", "  - {paths: [/a], stages: []}\n", "  - {paths: [/b]}\n"
	f, s := begin(all+"files:\n"+a+b, 1000)
	if !idle(f, &s[0], 1000) || idle(f, &s[1], 1000) {
		t.Error("a section has the stages of another")
	}
	f, s = begin("files:\n"+b+strings.Replace(a, "[]", "[{decolorize: {}}]", 1), 2000)
	if !idle(f, &s[1], 1999) || idle(f, &s[1], 2000) || idle(f, &s[0], 1999) || !idle(f, &s[0], 2000) {
		t.Error("lines of before go through other stages")
	}
	if err := f.Change("- decolorize: {}\n"); err != nil {
		t.Fatal(err)
	}
	if now := f.Timeline.Load().Newest(); idle(f, &s[0], now) || idle(f, &s[1], now) {
		t.Error("a change of the configuration's stages does not concern files without their own, or others")
	}
	if _, err := Compile(settings.Of(t, "files:\n  - paths: [/a]\n    stages: [{nonesuch: {}}]\n")); err == nil || !strings.Contains(err.Error(), ":3:15: ") {
		t.Errorf("a mistake: %v", err)
	}
}

// TestStagesText: what stages are written down as can be read again, whatever is in them.
func TestStagesText(t *testing.T) {
	for _, expression := range []string{`"\t(x)\n"`, `"\n\n (x)"`, `"# (x)"`, `"(x)\u0085"`, `"  (x)\n  y\n"`, `"'(x)"`, `"0x(1)"`, `"~(x)?"`} {
		cfg := settings.Of(t, "stages: [{redact: [mails]}, {replace: {expression: "+expression+", replace: y}}]\n")
		text, err := Text(cfg.Stages)
		if err != nil {
			t.Fatal(err)
		}
		p, err := compileText(text)
		if err != nil || p == nil {
			t.Errorf("%s: %v in %q", expression, err, text)
		}
	}
}
