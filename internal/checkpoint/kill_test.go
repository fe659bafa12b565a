package checkpoint

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// isVictim is set for the process that TestKill9 kills.
const isVictim = "LIGHTERMAN_TEST_VICTIM"

// victim commits and flushes, while it saves and replaces files without end, and says
// what it has flushed. Its directory is the working directory.
func victim() {
	s, err := Open(".", slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			own := <-s.saver
			if err := s.renew(own); err != nil {
				panic(err)
			}
			s.saver <- own
			if err := s.SaveAgain(); err != nil {
				panic(err)
			}
		}
	}()
	n := int64(1)
	if r, ok := s.Get("a"); ok {
		n = r.Position.Last + 1
	}
	for ; ; n++ {
		p := position(n)
		p.Last = n
		s.Commit("a", p)
		s.Forget(fmt.Sprint("b", n-1)) // so that the frames have various sizes
		s.Commit(fmt.Sprint("b", n), p)
		s.Flush()
		fmt.Println(n)
	}
}

// TestKill9: a process that is killed has lost nothing that it has flushed, whatever it
// was doing, and the next one goes on from there.
func TestKill9(t *testing.T) {
	dir, last := t.TempDir(), int64(0)
	self, err := os.Executable()
	must(t, err)
	for range 20 {
		c := exec.Command(self)
		c.Env, c.Dir = append(os.Environ(), isVictim+"=1"), dir
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		lines, rest := bufio.NewScanner(out), rand.IntN(300)
		for ; lines.Scan(); rest-- {
			last, err = strconv.ParseInt(lines.Text(), 10, 64)
			must(t, err)
			if rest == 0 {
				must(t, c.Process.Kill())
			}
		}
		_ = c.Wait() // it was killed
		s, _ := open(t, dir)
		r, _ := s.Get("a")
		if got := r.Position.Last; got < last || got > last+1 {
			t.Fatalf("%d was flushed, %d is there", last, got)
		}
		mustClose(t, s)
	}
}
