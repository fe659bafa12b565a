package carrier

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

func TestMain(m *testing.M) {
	code := m.Run()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

func TestParse(t *testing.T) {
	m, err := parse(strings.NewReader("# HELP a b\n# TYPE a counter\na{x=\"1\",y=\"2 3\"} 4\na{x=\"2\"} 5.5\nab 7\nc +Inf\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got, want float64
	}{
		{m[`a{x="1",y="2 3"}`], 4}, {m.Sum("a"), 9.5}, {m.Sum("a", `y="2 3"`), 4}, {m.Sum("a", `x="2"`), 5.5}, {m.Sum("ab"), 7},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	stdout, stderr, code := Run(t, "version")
	if code != 0 || !strings.Contains(stdout, "lighterman") {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestRunReadyMetricsTerminate(t *testing.T) {
	e := engine.Default(t)
	container := e.Start(t, engine.Spec{Args: []string{"-tag", "carried", "-n", "3", "-linger"}})
	c := Start(t, "--docker-host", e.Host, "--include-name", container.Name)
	c.AwaitReady(t, 20*time.Second)
	wait.For(t, 20*time.Second, "the last line", func() bool { return strings.Contains(c.Stdout(), lines.Text("carried", lines.Plain, 2)) })
	if m := c.Metrics(t); m.Sum("go_goroutines") < 1 {
		t.Errorf("%d samples without go_goroutines", len(m))
	}
	if instances, _ := c.InotifyWatches(t); instances > 1 || len(c.FDs(t)) < 3 {
		t.Errorf("%d inotify instances, descriptors %v", instances, c.FDs(t))
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestKill9(t *testing.T) {
	e := engine.Default(t)
	c := Start(t, "--docker-host", e.Host, "--include-name", "nothing")
	c.AwaitReady(t, 20*time.Second)
	c.Kill9(t)
	if c.Running() {
		t.Error("running after Kill9")
	}
}
