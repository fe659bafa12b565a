package memgroup

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// Group is a control group with a limit.
type Group struct {
	dir string
	v2  bool // of version 2
}

var made atomic.Int64

// New makes a group that may have so many bytes of memory, without swap. It goes with the
// test, which needs root.
func New(t testing.TB, limit int64) *Group {
	t.Helper()
	need.Root(t)
	name := fmt.Sprintf("lighterman-test-%d-%d", os.Getpid(), made.Add(1))
	g := &Group{dir: filepath.Join("/sys/fs/cgroup/memory", name)}
	if _, err := os.Stat("/sys/fs/cgroup/memory/cgroup.procs"); err != nil {
		g = &Group{dir: filepath.Join("/sys/fs/cgroup", name), v2: true}
		// The root's children have the controller only if it is given to them.
		_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0)
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		t.Fatalf("cannot make a memory control group: %v", err)
	}
	t.Cleanup(func() {
		wait.Until(10*time.Second, func() bool { return os.Remove(g.dir) == nil })
	})
	if g.v2 {
		g.write(t, "memory.max", limit)
		_ = os.WriteFile(filepath.Join(g.dir, "memory.swap.max"), []byte("0"), 0) // where there is swap
	} else {
		g.write(t, "memory.limit_in_bytes", limit)
		_ = os.WriteFile(filepath.Join(g.dir, "memory.memsw.limit_in_bytes"), []byte(strconv.FormatInt(limit, 10)), 0)
	}
	return g
}

func (g *Group) write(t testing.TB, name string, value int64) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(strconv.FormatInt(value, 10)), 0); err != nil {
		t.Fatalf("cannot limit a memory control group: %v", err)
	}
}

// Wrap is the command line that runs what follows it in the group.
func (g *Group) Wrap() []string {
	return []string{"sh", "-c", `echo $$ >"$0"/cgroup.procs && exec "$@"`, g.dir}
}

// Killed reports how often a process of the group was killed for want of memory.
func (g *Group) Killed(t testing.TB) int {
	t.Helper()
	name := "memory.oom_control"
	if g.v2 {
		name = "memory.events"
	}
	text, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// Peak is the most memory that the group has had, in bytes, the page cache included.
func (g *Group) Peak(t testing.TB) int64 {
	t.Helper()
	name := "memory.max_usage_in_bytes"
	if g.v2 {
		name = "memory.peak"
	}
	text, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
