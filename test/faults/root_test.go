package faults

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/fakeengine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// peak is the most memory that the program has had, in bytes.
func peak(t testing.TB, c *carrier.Carrier) int {
	t.Helper()
	return number(t, fmt.Sprintf("/proc/%d/status", c.PID()), "VmHWM:") << 10
}

// written is how much the program has written to files, in bytes.
func written(t testing.TB, c *carrier.Carrier) int {
	t.Helper()
	return number(t, fmt.Sprintf("/proc/%d/io", c.PID()), "wchar:")
}

func number(t testing.TB, path, name string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s has no %s", path, name)
	return 0
}

// through are arguments that make a lighterman ask a fake engine, and read a root.
func through(e *fakeengine.Engine, loki *fakeloki.Loki, more ...string) []string {
	return append([]string{"--docker-host", e.Host, "--journal-dir", "none", "--since", "beginning", "--loki-url", loki.URL}, more...)
}

// TestSwarm: two tasks of a service are two streams of one service, also when they write
// the same at the same time, and an update changes no label.
func TestSwarm(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	for slot, task := range map[string]string{"1": "aaa", "2": "bbb", "n0de": "ccc"} {
		service := "shop_web"
		if slot == "n0de" {
			service = "shop_agent"
		}
		c := root.Add(t, dataroot.Spec{Name: service + "." + slot + "." + task, Labels: map[string]string{
			"com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": service, "com.docker.swarm.node.id": "n0de",
			"com.docker.swarm.task.id": task, "com.docker.swarm.task.name": service + "." + slot + "." + task,
		}})
		c.Append(t, dataroot.JSON(noon, "the same"))
	}
	into(t, root, loki, "--host-label", "h")
	awaitLines(t, loki, "the same", "the same", "the same")
	var got []string
	for _, e := range loki.Entries() {
		got = append(got, e.Labels)
	}
	slices.Sort(got)
	const form = `{container=%q, host="h", image="test:1", service_name=%q, stream="stdout", swarm_service=%q, swarm_stack="shop"}`
	want := []string{
		fmt.Sprintf(form, "shop_agent", "shop_agent", "shop_agent"), fmt.Sprintf(form, "shop_web.1", "shop_web", "shop_web"), fmt.Sprintf(form, "shop_web.2", "shop_web", "shop_web"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestD15SymlinkedContainers: the data root, and the directory of containers, may be
// links, with the socket and without.
func TestD15SymlinkedContainers(t *testing.T) {
	t.Parallel()
	for _, socket := range []bool{false, true} {
		t.Run(fmt.Sprintf("socket %v", socket), func(t *testing.T) {
			t.Parallel()
			root, loki, elsewhere := dataroot.New(t), fakeloki.Start(t, nil), t.TempDir()
			link := filepath.Join(elsewhere, "docker")
			disk := filepath.Join(elsewhere, "disk")
			must(t, os.Rename(root.Containers(), disk))
			must(t, os.Symlink(disk, root.Containers()))
			must(t, os.Symlink(root.Dir, link))
			root.Dir = link
			one := root.Add(t, dataroot.Spec{Name: "one"})
			one.Append(t, dataroot.JSON(noon, "before"))
			var c *carrier.Carrier
			if socket {
				c = carrier.Start(t, through(fakeengine.Start(t, root, nil), loki)...)
			} else {
				c = into(t, root, loki)
			}
			awaitLines(t, loki, "before")
			one.Append(t, dataroot.JSON(noon.Add(time.Second), "live"))
			awaitLines(t, loki, "before", "live")
			if _, page, err := c.Get("/status.json"); err != nil || !strings.Contains(page, `"route": "file"`) && !strings.Contains(page, `"route":"file"`) {
				t.Errorf("%v: %s", err, page)
			}
			// Below the root no link is followed.
			secret := filepath.Join(elsewhere, "secret")
			must(t, os.WriteFile(secret, []byte(dataroot.JSON(noon, "secret")), 0o600))
			two := root.Add(t, dataroot.Spec{Name: "two"})
			must(t, os.Remove(two.Log))
			must(t, os.Symlink(secret, two.Log))
			three := root.Add(t, dataroot.Spec{Name: "three"})
			three.Append(t, dataroot.JSON(noon, "secret, too"))
			moved := filepath.Join(elsewhere, "moved")
			must(t, os.Rename(three.Dir, moved))
			must(t, os.Symlink(moved, three.Dir))
			one.Append(t, dataroot.JSON(noon.Add(2*time.Second), "last"))
			awaitLines(t, loki, "before", "live", "last")
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestD15AnothersLink: a link that another user may have made is not followed, and named.
func TestD15AnothersLink(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can make what is another's")
	}
	root, loki, elsewhere := dataroot.New(t), fakeloki.Start(t, nil), t.TempDir()
	root.Add(t, dataroot.Spec{Name: "one"}).Append(t, dataroot.JSON(noon, "a line"))
	must(t, os.Rename(root.Containers(), filepath.Join(elsewhere, "c")))
	must(t, os.Symlink(filepath.Join(elsewhere, "c"), root.Containers()))
	must(t, os.Lchown(root.Containers(), 1234, 1234))
	c := into(t, root, loki)
	wait.For(t, 20*time.Second, "the link to be named", func() bool {
		code, text, _ := c.Get("/readyz")
		return code == 503 && strings.Contains(text, "symbolic link that is not root's")
	})
	if n := len(loki.Lines()); n > 0 {
		t.Errorf("%d lines came over another's link", n)
	}
}

// TestD15Repointed: the data was moved to another disk, what it was copied from is left
// there, and the link leads to the new one: reading goes on in the new place, and neither
// loses a line nor shows one twice.
func TestD15Repointed(t *testing.T) {
	t.Parallel()
	root, loki, elsewhere := dataroot.New(t), fakeloki.Start(t, nil), t.TempDir()
	link, disk := filepath.Join(elsewhere, "docker"), filepath.Join(elsewhere, "disk")
	must(t, os.Symlink(root.Dir, link))
	root.Dir = link
	one := root.Add(t, dataroot.Spec{Name: "one"})
	one.Append(t, dataroot.JSON(noon, "before"))
	fake := fakeengine.Start(t, root, nil)
	c := carrier.Start(t, through(fake, loki)...)
	awaitLines(t, loki, "before")
	must(t, exec.Command("cp", "-a", root.Dir+"/.", disk).Run())
	must(t, os.Remove(link))
	must(t, os.Symlink(disk, link))
	one.Append(t, dataroot.JSON(noon.Add(time.Second), "after"))
	fake.Drop() // as the engine was restarted
	awaitLines(t, loki, "before", "after")
	one.Append(t, dataroot.JSON(noon.Add(2*time.Second), "live"))
	awaitLines(t, loki, "before", "after", "live")
	if !strings.Contains(c.Stderr(), "the log file is in another place now") {
		t.Error("nothing is said of the new place")
	}
}

// TestD17Damaged: of a container whose files are damaged, or partly there, all that can be
// read is read; the reason is told once in the log, and always on the page and in ls.
func TestD17Damaged(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	line := func(c *dataroot.Container) { c.Append(t, dataroot.JSON(noon, "of "+c.Name)) }
	without := root.Add(t, dataroot.Spec{Name: "without"})
	must(t, os.Remove(filepath.Join(without.Dir, "hostconfig.json")))
	torn := root.Add(t, dataroot.Spec{Name: "torn"})
	must(t, os.Truncate(filepath.Join(torn.Dir, "config.v2.json"), 40))
	nameless := root.Add(t, dataroot.Spec{Name: "nameless"})
	text, err := os.ReadFile(filepath.Join(nameless.Dir, "config.v2.json"))
	must(t, err)
	nameless.Write(t, "config.v2.json", strings.Replace(string(text), `"/nameless"`, `""`, 1))
	gone := root.Add(t, dataroot.Spec{Name: "gone"})
	must(t, os.Remove(filepath.Join(gone.Dir, "config.v2.json")))
	for _, c := range []*dataroot.Container{without, torn, nameless, gone} {
		line(c)
	}
	c := into(t, root, loki)
	wait.For(t, 2*time.Minute, "three lines", func() bool { return len(loki.Lines()) >= 3 })
	got := loki.Lines()
	slices.Sort(got)
	if !slices.Equal(got, []string{"of nameless", "of torn", "of without"}) {
		t.Errorf("got %q", got)
	}
	for _, e := range loki.Entries() {
		name, _ := strings.CutPrefix(e.Line, "of ")
		want := map[string]string{"without": "without", "torn": torn.ID[:12], "nameless": nameless.ID[:12]}[name]
		if !strings.Contains(e.Labels, fmt.Sprintf("container=%q", want)) {
			t.Errorf("%s has %s", e.Line, e.Labels)
		}
	}
	tells := []string{"hostconfig.json: cannot be opened", "config.v2.json: ", "no possible name", "there is no config.v2.json"}
	named := func(text string) bool {
		return !slices.ContainsFunc(tells, func(part string) bool { return !strings.Contains(text, part) })
	}
	wait.For(t, 2*time.Minute, "all to be named on the page", func() bool {
		_, page, _ := c.Get("/status.json")
		return named(page)
	})
	stdout, _, code := carrier.Run(t, "ls", "--json", "--listen", c.Addr)
	if code != 0 || !named(stdout) {
		t.Errorf("ls: %d %s", code, stdout)
	}
	if stdout, _, code = carrier.Run(t, append([]string{"ls", "--json", "--listen", "off"}, root.Args()[:4]...)...); code != 0 || !named(stdout) {
		t.Errorf("a dry run: %d %s", code, stdout)
	}
	if n := strings.Count(c.Stderr(), "not everything about a container can be read"); n != 3 {
		t.Errorf("told %d times", n)
	}
	// What is mended is taken up.
	nameless.Write(t, "config.v2.json", string(text))
	nameless.Append(t, dataroot.JSON(noon.Add(time.Second), "mended"))
	wait.For(t, 2*time.Minute, "its name", func() bool {
		_, page, _ := c.Get("/status.json")
		return strings.Contains(page, `"nameless"`) && !strings.Contains(page, "no possible name")
	})
}

// TestS2HugeLabel: labels, an image's name and an environment of 40 MB cost neither memory
// nor disk, with the socket and without, and the positions can be read back.
func TestS2HugeLabel(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 40<<20)
	for _, socket := range []bool{false, true} {
		t.Run(fmt.Sprintf("socket %v", socket), func(t *testing.T) {
			root, loki := dataroot.New(t), fakeloki.Start(t, nil)
			victim := root.Add(t, dataroot.Spec{Name: "victim"})
			big := root.Add(t, dataroot.Spec{Name: "big", Labels: map[string]string{"com.docker.compose.service": huge, "com.docker.compose.project": huge, "other": huge}})
			big.Append(t, dataroot.JSON(noon, "of big"))
			victim.Append(t, dataroot.JSON(noon, "of victim"))
			options := carrier.Options{Measured: true, Args: root.Args("--loki-url", loki.URL)}
			if socket {
				options.Args = through(fakeengine.Start(t, root, nil), loki)
			}
			options.Args = append(options.Args, "--state-dir", t.TempDir())
			c := carrier.StartWith(t, options)
			wait.For(t, 2*time.Minute, "both lines", func() bool { return len(loki.Lines()) >= 2 })
			before := written(t, c)
			for i := range 20 {
				big.Append(t, dataroot.JSON(noon.Add(time.Duration(i+1)*time.Second), "again"))
				victim.Append(t, dataroot.JSON(noon.Add(time.Duration(i+1)*time.Second), "again"))
				n := 2 + 2*(i+1)
				wait.For(t, 10*time.Second, "the next lines", func() bool { return len(loki.Lines()) >= n })
			}
			for _, e := range loki.Entries() {
				if len(e.Labels) > 3*2048+500 {
					t.Fatalf("labels of %d bytes", len(e.Labels))
				}
			}
			if got := written(t, c) - before; got > 8<<20 {
				t.Errorf("%d bytes were written", got)
			}
			if got := peak(t, c); got > 128<<20 {
				t.Errorf("%d MiB of memory", got>>20)
			}
			t.Logf("peak %d MiB", peak(t, c)>>20)
			if !strings.Contains(c.Stderr(), "labels that are too long for Loki") {
				t.Error("nothing is said of labels that are cut")
			}
			if code, body, _ := c.Get("/readyz"); code != http.StatusOK || !strings.Contains(body, "ready\nwarning: 1 container has labels that are too long for Loki and were cut (first: big)\n") {
				t.Errorf("readiness: %d %q", code, body)
			}
			c.Kill9(t)
			sent := loki.Count()
			victim.Append(t, dataroot.JSON(noon.Add(time.Minute), "after"))
			carrier.StartWith(t, options)
			wait.For(t, 2*time.Minute, "the line after a restart", func() bool { return slices.Contains(loki.Lines(), "after") })
			if got := loki.Count() - sent; got > 10 {
				t.Errorf("%d lines came again", got-1)
			}
		})
	}
}

// TestS9HostileEngine: an engine whose list is endless, hangs, or names IDs that are none
// costs a bounded amount of memory, and no line of those who go by file comes late.
func TestS9HostileEngine(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	victim := root.Add(t, dataroot.Spec{Name: "victim"})
	outside := filepath.Join(filepath.Dir(root.Dir), "secret")
	must(t, os.MkdirAll(outside, 0o755))
	e := fakeengine.Start(t, root, nil)
	c := carrier.StartWith(t, carrier.Options{Measured: true, Args: through(e, loki)})
	c.AwaitReady(t, 20*time.Second)
	flood := func(w http.ResponseWriter, r *http.Request, head, again string) {
		block := strings.Repeat(again, 1000)
		_, err := io.WriteString(w, head)
		for err == nil && r.Context().Err() == nil {
			_, err = io.WriteString(w, block)
		}
	}
	attacks := []func(w http.ResponseWriter, r *http.Request) bool{
		func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/containers/json" || r.URL.Path == "/events" {
				flood(w, r, "[", `{"Id":"../../..","Labels":{"a":"`+strings.Repeat("x", 100)+`"}},`)
				return true
			}
			return false
		},
		func(w http.ResponseWriter, r *http.Request) bool {
			flood(w, r, `{"Config":{"Labels":{"com.docker.compose.service":"`, "xxxxxxxxxx")
			return true
		},
		func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true },
	}
	n := 0
	var worst time.Duration
	for i, attack := range attacks {
		e.Instead(attack)
		e.Drop() // so that lighterman comes again
		for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			n++
			text := fmt.Sprint("line ", i, " ", n)
			began := time.Now()
			victim.Append(t, dataroot.JSON(began, text))
			wait.For(t, 20*time.Second, text, func() bool { return len(loki.Lines()) >= n })
			worst = max(worst, time.Since(began))
		}
	}
	t.Logf("worst %v, peak %d MiB", worst, peak(t, c)>>20)
	if worst > 5*time.Second {
		t.Errorf("a line took %v", worst)
	}
	if got := peak(t, c); got > 128<<20 {
		t.Errorf("%d MiB of memory", got>>20)
	}
	e.Instead(nil)
	e.Drop()
	c.AwaitReady(t, 2*time.Minute)
}

// TestP5WrongRoot: a docker-root that has none of the engine's containers is one warning,
// with the setting and the mount.
func TestP5WrongRoot(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	for i := range 3 {
		root.Add(t, dataroot.Spec{Name: fmt.Sprint("c", i)})
	}
	e := fakeengine.Start(t, root, nil)
	empty := t.TempDir()
	must(t, os.Mkdir(filepath.Join(empty, "containers"), 0o755))
	for name, dir := range map[string]string{"empty": empty, "missing": filepath.Join(empty, "nothing")} {
		t.Run(name, func(t *testing.T) {
			c := carrier.Start(t, through(e, loki, "--docker-root", dir)...)
			wait.For(t, 20*time.Second, "the warning", func() bool { return strings.Contains(c.Stderr(), "level=WARN") })
			c.AwaitReady(t, 20*time.Second)
			var warnings []string
			for line := range strings.Lines(c.Stderr()) {
				if strings.Contains(line, "level=WARN") && strings.Contains(line, "docker-root") {
					warnings = append(warnings, line)
				}
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], "-v "+root.Dir+"/containers:"+dir+"/containers:ro") {
				t.Errorf("%q", warnings)
			}
			only := carrier.Start(t, through(e, loki, "--docker-root", dir, "--mode", "file")...)
			wait.For(t, 20*time.Second, "not to be ready", func() bool {
				code, text, _ := only.Get("/readyz")
				return code == 503 && strings.Contains(text, "docker-root")
			})
		})
	}
}

// TestP6OldEngine: an engine that is too old is named with the cure; lighterman is not
// ready, and goes on trying.
func TestP6OldEngine(t *testing.T) {
	t.Parallel()
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	one := root.Add(t, dataroot.Spec{Name: "one"})
	one.Append(t, dataroot.JSON(noon, "a line"))
	e := fakeengine.Start(t, root, func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Api-Version", "1.24")
		return r.URL.Path == "/_ping"
	})
	c := carrier.Start(t, through(e, loki)...)
	wait.For(t, 20*time.Second, "the reason", func() bool {
		code, text, _ := c.Get("/readyz")
		return code == 503 && strings.Contains(text, "Docker Engine 19.03") && strings.Contains(text, "update Docker")
	})
	if n := len(loki.Lines()); n > 0 {
		t.Errorf("%d lines came", n)
	}
	_, stderr, code := carrier.Run(t, "ls", "--listen", "off", "--docker-host", e.Host)
	if code == 0 || !strings.Contains(stderr, "update Docker") {
		t.Errorf("ls: %d %s", code, stderr)
	}
	e.Instead(nil)
	c.AwaitReady(t, 20*time.Second)
	awaitLines(t, loki, "a line")
}

// TestS2HugeLabelOfAContainer: the same with a real engine, whose list, inspections and
// events have the label, too.
func TestS2HugeLabelOfAContainer(t *testing.T) {
	t.Parallel()
	e := engine.Private(t, engine.PrivateOptions{})
	loki := fakeloki.Start(t, nil)
	victim := e.Start(t, engine.Spec{Name: "victim", Args: []string{"-tag", "victim", "-n", "3", "-linger"}})
	args := []string{"--journal-dir", "none", "--since", "beginning", "--loki-url", loki.URL}
	asked := carrier.StartWith(t, carrier.Options{Measured: true, Args: append([]string{"--docker-host", e.Host}, args...)})
	without := carrier.StartWith(t, carrier.Options{Measured: true, Args: append([]string{"--docker-host", "none", "--docker-root", e.DataRoot()}, args...)})
	wait.For(t, 2*time.Minute, "the victim's lines", func() bool { return loki.Count() >= 6 }) // of both, alike
	big := e.Start(t, engine.Spec{Name: "big", Labels: map[string]string{"com.docker.compose.service": strings.Repeat("x", 40<<20)}, Args: []string{"-tag", "big", "-n", "3", "-linger"}})
	wait.For(t, 60*time.Second, "the lines of the container with the label", func() bool { return loki.Count() >= 12 })
	for name, c := range map[string]*carrier.Carrier{"with the socket": asked, "without": without} {
		if got := peak(t, c); got > 128<<20 {
			t.Errorf("%s: %d MiB of memory", name, got>>20)
		}
		if got := written(t, c); got > 8<<20 {
			t.Errorf("%s: %d MiB were written", name, got>>20)
		}
		t.Logf("%s: peak %d MiB", name, peak(t, c)>>20)
	}
	big.Remove(t)
	victim.Remove(t)
}
