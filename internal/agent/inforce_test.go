package agent

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/logs"
)

// configured loads a configuration of a file.
func configured(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load([]string{"--config", file, "--loki-url", "http://localhost:1", "--docker-host", "none"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

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
	begin := func(text string, at int64) *inForce {
		t.Helper()
		f, err := newInForce(dir, configured(t, text), quiet, time.Unix(0, at))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := begin(someStages, 1000)
	if in, until := first.timeline.Load().At(5); in.From != math.MinInt64 || until != math.MaxInt64 || in.Pipeline == nil {
		t.Errorf("the first: %+v until %d", in, until)
	}
	same := strings.NewReplacer(" # a comment", "", "{expression: \"a: 'b' # no comment\"}", "\n      expression: 'a: ''b'' # no comment'").Replace(someStages)
	if same == someStages {
		t.Fatal("this test changes nothing")
	}
	if f := begin(same, 2000); len(f.all) != 1 {
		t.Errorf("the same: %+v", f.all)
	}
	second := begin("mode: hybrid\n", 3000)
	line := second.timeline.Load()
	if before, _ := line.At(2999); before.Pipeline == nil {
		t.Error("what was in force before is not any more")
	}
	if after, _ := line.At(3000); after.From != 3000 || !after.Pipeline.Idle(new(logs.Labels)) {
		t.Error("what was in force before still is")
	}
	// The clock was set back.
	third := begin("stages: [{decolorize: {}}]\n", 2500)
	if in, until := third.timeline.Load().At(2500); in.From != 2500 || until != math.MaxInt64 || in.Pipeline == nil {
		t.Errorf("the clock was set back: %+v until %d", in, until)
	}
	for _, damage := range []string{"[", `[{"from":5},{"from":4}]`, strings.Repeat("x", 100)} {
		if err := os.WriteFile(filepath.Join(dir, stagesName), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if f := begin(someStages, 5000); len(f.all) != 1 || !f.timeline.Load().Any() {
			t.Errorf("after %q: %+v", damage, f.all)
		}
	}
	// What another version has written and cannot be compiled gives way.
	if err := os.WriteFile(filepath.Join(dir, stagesName), []byte(`[{"from":-9,"stages":"- nonesuch: {}\n"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	f, err := newInForce(dir, configured(t, someStages), slog.New(slog.NewTextHandler(&said, nil)), time.Unix(0, 6000))
	if err != nil {
		t.Fatal(err)
	}
	if in, _ := f.timeline.Load().At(0); in.Pipeline == nil || !strings.Contains(said.String(), "nonesuch") {
		t.Errorf("what cannot be compiled: %+v, %s", in, &said)
	}
}

// TestChangeInForce: a change is on disk before its time comes, what cannot be written is
// refused, and there are not more than so many.
func TestChangeInForce(t *testing.T) {
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	cfg := configured(t, someStages)
	f, err := newInForce(dir, cfg, quiet, time.Unix(0, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.change("- decolorize: {}\n"); err != nil {
		t.Fatal(err)
	}
	newest := f.timeline.Load().Newest()
	if ahead := time.Until(time.Unix(0, newest)); ahead <= 0 || ahead > 2*time.Second {
		t.Errorf("it is in force in %v", ahead)
	}
	again := &inForce{dir: dir, log: quiet}
	if again.read(); len(again.all) != 2 || again.all[1].From != newest || again.all[1].Stages != "- decolorize: {}\n" {
		t.Errorf("on disk: %+v", again.all)
	}
	f.dir = filepath.Join(dir, "gone")
	if err := f.change(""); err == nil || f.timeline.Load().Newest() != newest {
		t.Errorf("what cannot be written is in force: %v", err)
	}
	all := f.all
	for n := range int64(2 * maxKept) {
		all, _ = then(all, rulesSince{From: newest + n + 1, Stages: strings.Repeat("#", int(n)+1)})
	}
	if len(all) != maxKept || all[maxKept-1].From != newest+2*maxKept {
		t.Errorf("%d are kept", len(all))
	}
	all, _ = then(all, rulesSince{From: math.MaxInt64, Stages: strings.Repeat("#", maxKeptBytes+1)})
	if len(all) != 1 {
		t.Errorf("%d are kept beside a large one", len(all))
	}
}
