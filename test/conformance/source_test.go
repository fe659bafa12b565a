package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/wait"
)

// work is what a container writes. By default it writes numbered lines on both streams
// until it is told to end.
type work struct {
	long     bool // lines of up to six parts and, where the driver can, one without an end
	burst    bool // a thousand lines at once
	rotating bool // its files are small
	held     bool // lighterman may keep its files
}

// source is a container with its log.
type source interface {
	// args make a lighterman read it, by this route, and nothing else.
	args(t *testing.T) []string
	// stored is what it has written, as Loki must have it.
	stored(t *testing.T) []ledger.Line
	// rotate waits until its log has been rotated once more.
	rotate(t *testing.T)
	// kept waits until lighterman has what it needs to deliver these lines without the
	// container.
	kept(s *scene, want []ledger.Line)
	// end has it write no more, remove takes it away with its log.
	end(t *testing.T)
	remove(t *testing.T)
}

func newSource(t *testing.T, docker *engine.PrivateEngine, name string, w work) source {
	t.Helper()
	if name == journal {
		return newInJournal(t, w)
	}
	return newInFiles(t, docker, name, w)
}

// rate is how many lines a second a container writes. The sizes are around what a record
// can hold, 16 KiB.
const rate = 100

var sizes = []int{16383, 16384, 16385, 32767, 32768, 32769, 100_000, 1}

// inFiles is a container whose log is in files, which are read as such or through the API.
type inFiles struct {
	*engine.Container
	docker *engine.PrivateEngine
	name   string
	work   work
}

func newInFiles(t *testing.T, docker *engine.PrivateEngine, name string, w work) *inFiles {
	t.Helper()
	driver := name
	if name == api {
		driver = jsonFile
	}
	s := &inFiles{docker: docker, name: name, work: w}
	spec := engine.Spec{Name: strings.ReplaceAll(strings.ToLower(filepath.Base(filepath.Dir(t.Name()))+"-"+name), "_", "-"), Driver: driver}
	if w.rotating {
		spec.Opts = map[string]string{"max-size": "20k", "max-file": "100"}
	}
	switch {
	case w.long:
		all := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(sizes)), ","), "[]")
		spec.Args = []string{"-sizes", all, "-tag", "x", "-n", "20", "-unterminated", "-linger"}
	case w.burst:
		spec.Args = []string{"-n", "1000", "-tag", "x", "-streams", "alternate", "-linger"}
	default:
		spec.Args = []string{"-n", "-1", "-rate", fmt.Sprint(rate), "-tag", "x", "-streams", "alternate"}
	}
	s.Container = s.docker.Start(t, spec)
	return s
}

func (s *inFiles) args(*testing.T) []string {
	mode := "file"
	if s.name == api {
		mode = "stream"
	}
	args := []string{"--docker-host", s.docker.Host, "--docker-root", s.docker.DataRoot(), "--mode", mode, "--include-name", s.Name}
	if s.work.held {
		args = append(args, "--hold-dir", filepath.Join(s.docker.DataRoot(), "hold-"+s.ID[:12]))
	}
	return args
}

func (s *inFiles) stored(t *testing.T) []ledger.Line { return ledger.Stored(t, s.Container) }

// live is the path of the file that is being written.
func (s *inFiles) live(t *testing.T) string {
	if s.Spec.Driver == localFile {
		return filepath.Join(s.Dir(t), "local-logs", "container.log")
	}
	return s.LogPath(t)
}

func (s *inFiles) rotate(t *testing.T) {
	t.Helper()
	var before os.FileInfo
	wait.For(t, time.Minute, "the log to be rotated", func() bool {
		now, err := os.Stat(s.live(t)) // within a rotation there is none
		if err != nil {
			return false
		}
		if before == nil {
			before = now
		}
		return !os.SameFile(before, now)
	})
}

// kept: the API has nothing but what it has sent, a file that is open stays, and one that is
// linked outlasts lighterman.
func (s *inFiles) kept(in *scene, want []ledger.Line) {
	in.t.Helper()
	switch {
	case s.name == api:
		wait.For(in.t, time.Minute, "all lines", func() bool { return len(in.sink.lines()) >= len(want) })
	case s.work.held:
		wait.For(in.t, time.Minute, "the log to be linked", func() bool {
			info, err := os.Stat(s.live(in.t))
			if err != nil {
				return false
			}
			st, ok := info.Sys().(*syscall.Stat_t)
			return ok && st.Nlink > 1
		})
	default:
		wait.For(in.t, time.Minute, "the log to be open", func() bool {
			live := s.live(in.t)
			return slices.ContainsFunc(in.lighterman.FDs(in.t), func(file string) bool { return file == live })
		})
	}
}

func (s *inFiles) end(t *testing.T)    { t.Helper(); s.Stop(t) }
func (s *inFiles) remove(t *testing.T) { t.Helper(); s.Remove(t) }

// inJournal is a container whose lines are sent to a journald as Docker's driver does.
type inJournal struct {
	journald  *journald.Journald
	container *dataroot.Container
	root      *dataroot.Root
	work      work
	stop      func()
}

func newInJournal(t *testing.T, w work) *inJournal {
	t.Helper()
	s := &inJournal{journald: journald.Start(t), root: dataroot.New(t), work: w}
	s.container = s.root.Add(t, dataroot.Spec{Name: "c", Driver: "journald"})
	over, done := make(chan struct{}), make(chan struct{})
	s.stop = sync.OnceFunc(func() {
		close(over)
		wait.Closed(t, time.Minute, "the last line for journald", done)
	})
	sender := s.journald.Container(t, s.container.ID)
	t.Cleanup(s.stop)
	go func() {
		defer close(done)
		s.write(sender, over)
	}()
	return s
}

// last is the line that is written when nothing more will be.
const last = "the last"

func (s *inJournal) write(to *journald.Sender, over <-chan struct{}) {
	stream := func(n int) string { return []string{"stdout", "stderr"}[n%2] }
	line := func(n int) { to.Line(stream(n), fmt.Sprintf("x %07d", n)) }
	defer to.Line("stdout", last)
	switch {
	case s.work.long:
		for i, size := range sizes {
			to.Long("stdout", strings.Repeat(fmt.Sprint(i), size), fmt.Sprint("part", i), 16<<10)
		}
	case s.work.burst:
		for n := range 1000 {
			line(n)
		}
	default:
		tick := time.NewTicker(time.Second / rate)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			case <-tick.C:
				line(n)
			}
		}
	}
}

func (s *inJournal) args(t *testing.T) []string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/comm") // journald notes who has sent
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--docker-host", "none", "--docker-root", s.root.Dir, "--journal-sender", "0/" + strings.TrimSpace(string(own))}
	for _, dir := range s.journald.Dirs() {
		args = append(args, "--journal-dir", dir)
	}
	return args
}

func (s *inJournal) stored(t *testing.T) []ledger.Line {
	t.Helper()
	return ledger.Journal(t, &engine.Container{ID: s.container.ID, Name: s.container.Name}, 0, s.journald.Dirs()...)
}

func (s *inJournal) rotate(t *testing.T) { t.Helper(); s.journald.Rotate(t) }

// kept: the journal outlives its containers.
func (s *inJournal) kept(*scene, []ledger.Line) {}

// end waits until journald has written what was sent last.
func (s *inJournal) end(t *testing.T) {
	t.Helper()
	s.stop()
	wait.For(t, time.Minute, "journald to write the last line", func() bool {
		return slices.ContainsFunc(s.stored(t), func(l ledger.Line) bool { return l.Text == last })
	})
}

func (s *inJournal) remove(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(s.container.Dir); err != nil {
		t.Fatal(err)
	}
}
