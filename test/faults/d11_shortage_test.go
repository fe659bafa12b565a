package faults

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeengine"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// limited runs a program with a limit of open files.
func limited(files int) []string {
	return []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, files), "sh"}
}

// rotate gives the live file of a log the number 1, and what has one the next.
func rotate(t *testing.T, c *dataroot.Container, keep int) {
	t.Helper()
	name := func(n int) string { return fmt.Sprint(c.Log, ".", n) }
	_ = os.Remove(name(keep))
	for n := keep; n > 1; n-- {
		_ = os.Rename(name(n-1), name(n))
	}
	if err := os.Rename(c.Log, name(1)); err != nil {
		t.Fatal(err)
	}
}

// TestD11MoreFilesThanDescriptors: a log that has more files than there are descriptors is
// read from the oldest to the newest, also over kills and rotation, beside others.
func TestD11MoreFilesThanDescriptors(t *testing.T) {
	t.Parallel()
	const rotated, limit = 100, 64
	root := dataroot.New(t)
	loki := fakeloki.Start(t, nil)
	big := root.Add(t, dataroot.Spec{Name: "big"})
	var want []string
	write := func(c *dataroot.Container, n int) {
		for range n {
			text := fmt.Sprintf("%s %05d", c.Name, len(want))
			c.Append(t, dataroot.JSON(time.Now(), text))
			want = append(want, text)
		}
	}
	for range rotated {
		write(big, 5)
		rotate(t, big, 2*rotated)
	}
	write(big, 5)
	for i := range 10 {
		write(root.Add(t, dataroot.Spec{Name: fmt.Sprint("small-", i)}), 5)
	}
	complete := func() bool {
		seen := make(map[string]bool)
		for _, line := range loki.Lines() {
			seen[line] = true
		}
		return len(seen) == len(want)
	}
	state := t.TempDir()
	start := func() *carrier.Carrier {
		return carrier.StartWith(t, carrier.Options{
			Args: root.Args("--loki-url", loki.URL, "--state-dir", state, "--batch-size", "4KiB"), Measured: true, Wrap: limited(limit),
		})
	}
	l := start()
	for _, part := range []int{10, 3} { // killed while it is read
		wait.For(t, time.Minute, "a part", func() bool { return len(loki.Lines()) >= len(want)/part })
		l.Kill9(t)
		l = start()
	}
	wait.For(t, time.Minute, "all lines", complete)
	for range 3 {
		write(big, 5)
		rotate(t, big, 2*rotated)
	}
	write(big, 5)
	wait.For(t, time.Minute, "what was written later", complete)
	l.AwaitReady(t, 10*time.Second)
	var first []string
	seen := make(map[string]bool)
	for _, line := range loki.Lines() {
		if strings.HasPrefix(line, "big ") && !seen[line] {
			first, seen[line] = append(first, line), true
		}
	}
	if !slices.IsSorted(first) {
		t.Error("the lines came in another order")
	}
	if n := l.Metrics(t).Sum("lighterman_rotated_away_total"); n != 0 {
		t.Errorf("%v times files count as rotated away", n)
	}
}

// streams is the engine's logs request for containers whose log the test writes.
type streams struct {
	mu      sync.Mutex // guards what follows
	lines   map[string][]string
	written chan struct{}
	open    int
	most    int
}

func (s *streams) write(id, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[id] = append(s.lines[id], time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z")+" "+text+"\n")
	close(s.written)
	s.written = make(chan struct{})
}

func (s *streams) serve(w http.ResponseWriter, r *http.Request) bool {
	if filepath.Base(r.URL.Path) != "logs" {
		return false
	}
	id, query := filepath.Base(filepath.Dir(r.URL.Path)), r.URL.Query()
	follow := query.Get("follow") == "1"
	s.mu.Lock()
	next := 0
	if query.Get("tail") == "1" {
		next = max(0, len(s.lines[id])-1)
	}
	if follow {
		s.open++
		s.most = max(s.most, s.open)
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		lines, written := s.lines[id][next:], s.written
		s.mu.Unlock()
		next += len(lines)
		for _, line := range lines {
			_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(line))), line...))
		}
		_ = http.NewResponseController(w).Flush()
		if !follow {
			return true
		}
		select {
		case <-written:
		case <-r.Context().Done():
			s.mu.Lock()
			s.open--
			s.mu.Unlock()
			return true
		}
	}
}

// TestD11StreamTurns: streams of the engine take turns, too, where there are more than
// descriptors: all are read, each line once, and that is said.
func TestD11StreamTurns(t *testing.T) {
	t.Parallel()
	const limit, containers = 64, 26
	root := dataroot.New(t)
	loki := fakeloki.Start(t, nil)
	s := &streams{lines: make(map[string][]string), written: make(chan struct{})}
	engine := fakeengine.Start(t, root, s.serve)
	var all []*dataroot.Container
	want := make(map[string]int)
	write := func(what string) {
		for _, c := range all {
			text := c.Name + " " + what
			s.write(c.ID, text)
			want[text]++
		}
	}
	for i := range containers {
		all = append(all, root.Add(t, dataroot.Spec{Name: fmt.Sprint("c-", i)}))
	}
	write("first")
	l := carrier.StartWith(t, carrier.Options{
		Args: []string{"--docker-host", engine.Host, "--docker-root", root.Dir, "--mode", "stream", "--since", "beginning", "--loki-url", loki.URL}, Measured: true, Wrap: limited(limit),
	})
	complete := func() bool { return len(loki.Lines()) >= len(want) }
	wait.For(t, time.Minute, "what was there", complete)
	write("later")
	write("and later")
	wait.For(t, time.Minute, "what was written later", complete)
	got := make(map[string]int)
	for _, line := range loki.Lines() {
		got[line]++
	}
	if !maps.Equal(got, want) {
		t.Error("other lines than were written")
	}
	m := l.Metrics(t)
	open, waiting := m.Sum("lighterman_targets", `route="api"`), m.Sum("lighterman_targets", `route="waiting"`)
	if open+waiting != containers || waiting == 0 || open > limit/4 {
		t.Errorf("%v open, %v waiting", open, waiting)
	}
	code, body, err := l.Get("/readyz")
	if err != nil || code != http.StatusServiceUnavailable || !strings.Contains(body, "logs cannot be opened: raise the limit of open files (LimitNOFILE=, ulimit -n)") {
		t.Errorf("%d %s %v", code, body, err)
	}
	s.mu.Lock()
	if s.most > limit/2 { // the engine sees later that one has ended
		t.Errorf("%d streams at a time", s.most)
	}
	s.mu.Unlock()
	if n := strings.Count(l.Stderr(), "level=WARN msg=\"too few open files"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
	if strings.Contains(l.Stderr(), "reconnecting") {
		t.Error("streams broke")
	}
}

// TestD11LostWhileWaiting: what is rotated away, or removed, while a log waits for its turn
// is counted and said.
func TestD11LostWhileWaiting(t *testing.T) {
	t.Parallel()
	root := dataroot.New(t)
	c := newCrowd(t, root, 60)
	c.write("first", c.all...)
	l := carrier.StartWith(t, carrier.Options{Args: root.Args("--loki-url", c.loki.URL), Measured: true, Wrap: limited(64)})
	c.await("what was there", time.Minute)
	for _, one := range c.all { // the second file goes while no log is open that waits
		c.write("rotated", one)
		rotate(t, one, 1)
		one.Append(t, dataroot.JSON(time.Now(), "x"))
		rotate(t, one, 1)
		c.write("last", one)
	}
	wait.For(t, time.Minute, "the last lines", func() bool {
		n := 0
		for _, line := range c.loki.Lines() {
			if strings.HasSuffix(line, " last") {
				n++
			}
		}
		return n == len(c.all)
	})
	lost := 0
	for text := range c.written {
		if !slices.Contains(c.loki.Lines(), text) {
			lost++
		}
	}
	counted := l.Metrics(t).Sum("lighterman_rotated_away_total")
	t.Logf("%d lines are lost, counted %v times", lost, counted)
	if lost == 0 || int(counted) < lost || !strings.Contains(l.Stderr(), "while the log waited for a descriptor") {
		t.Errorf("%d lines are lost, and it was counted %v times", lost, counted)
	}
}
