package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/need"
)

// tried is an object that `lighterman try --json` prints.
type tried struct {
	Subject, About, Entry string
	Labels                map[string]string
	Lines                 int
	Read, Sent            *struct{ Line string }
	Dropped               *struct{ Rule, Stage string }
	Stages                []struct{ Stage string }
	Summary               *struct {
		Lines, Sent, Joined int
		Dropped             map[string]int
	}
}

// try runs `lighterman try --json`, which must succeed.
func try(t *testing.T, args ...string) (all []tried) {
	t.Helper()
	stdout, stderr, code := carrier.Run(t, append([]string{"try", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("lighterman try %q: exit code %d: %s", args, code, stderr)
	}
	for text := range strings.Lines(stdout) {
		var one tried
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, one)
	}
	return all
}

// TestTry: the last lines of a container are shown before and after all stages, whatever way
// its log is read, beside a lighterman that runs; and a file of Docker's is what its
// container is.
func TestTry(t *testing.T) {
	t.Parallel()
	need.Journald(t)
	docker, loki := engine.Default(t), lokitest.Shared(t)
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte("stages: [{parser: java}, {drop: {expression: begins, drop_counter_reason: begins}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	var all []*engine.Container
	for _, driver := range []string{"json-file", "local", "journald"} {
		all = append(all, docker.Start(t, engine.Spec{
			Name: driver, Driver: driver, Args: []string{"-traces", "java", "-n", "30", "-linger"},
			Labels: map[string]string{"com.docker.compose.service": engine.Prefix(t) + "service"},
		}))
	}
	running := carrier.Start(t, ledger.Mine(t, loki.URL, "--state-dir", state)...)
	running.AwaitReady(t, time.Minute)
	common := []string{"--config", file, "--state-dir", state, "--listen", running.Addr, "--docker-host", docker.Host}
	for _, c := range all {
		loki.AwaitMost(t, ledger.Selector(c), 30, time.Minute) // it was written
		for mode, name := range map[string]string{"hybrid": c.Name, "stream": c.ID[:12]} {
			// The last trace has seven lines, and one of its own before it.
			got := try(t, append(common, "--mode", mode, "--last", "8", name)...)
			if len(got) != 4 || got[0].Subject != c.Name || got[0].Labels["container"] != c.Name || got[1].Dropped == nil || got[1].Dropped.Rule != "begins" ||
				got[2].Lines != 7 || got[2].Sent == nil || !strings.HasSuffix(got[2].Sent.Line, "\n\t... 2 more") || got[3].Summary.Lines != 8 || got[3].Summary.Joined != 6 {
				t.Errorf("%s in mode %s: %+v", name, mode, got)
			}
		}
		if got := try(t, append(common, "--since", "1h", c.Name)...); got[len(got)-1].Summary.Dropped["begins"] != 30 || got[len(got)-1].Summary.Sent != 30 {
			t.Errorf("%s since an hour: %+v", c.Name, got[len(got)-1].Summary)
		}
	}
	if got := try(t, append(common, engine.Prefix(t)+"service")...); got[len(got)-1].Summary.Lines != 60 {
		t.Errorf("of three containers of a service: %+v", got[len(got)-1].Summary)
	}
	got := try(t, append(common, all[0].LogPath(t))...)
	if sum := got[len(got)-1].Summary; sum.Sent != 30 || sum.Dropped["begins"] != 30 {
		t.Errorf("the file of json-file: %+v", sum)
	}
	got = try(t, append(common, filepath.Join(all[1].Dir(t), "local-logs", "container.log"))...)
	if sum := got[len(got)-1].Summary; sum.Sent != 30 || sum.Dropped["begins"] != 30 {
		t.Errorf("the file of local: %+v", sum)
	}
	if _, stderr, code := carrier.Run(t, append([]string{"try"}, append(common, all[0].Name+"x")...)...); code != 1 || !strings.Contains(stderr, `did you mean "`+all[0].Name+`"?`) {
		t.Errorf("a typo: exit code %d: %s", code, stderr)
	}
	ledger.Clean(t, running)
}
