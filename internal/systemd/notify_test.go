package systemd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// supervisor is the other end of NOTIFY_SOCKET, at a path or, with @, an abstract name.
type supervisor struct {
	t    *testing.T
	conn *net.UnixConn
	name string
}

func newSupervisor(t *testing.T, name string) *supervisor {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &supervisor{t, conn, name}
}

// next is the next message.
func (s *supervisor) next() string {
	s.t.Helper()
	buffer := make([]byte, 4096)
	if err := s.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	n, err := s.conn.Read(buffer)
	if err != nil {
		s.t.Fatalf("systemd would hear nothing: %v", err)
	}
	return string(buffer[:n])
}

// until returns the first message that has a line.
func (s *supervisor) until(line string) string {
	s.t.Helper()
	for range 100 {
		if message := s.next(); strings.Contains("\n"+message+"\n", "\n"+line+"\n") {
			return message
		}
	}
	s.t.Fatalf("no %q in 100 messages", line)
	return ""
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if value, found := strings.CutPrefix(p, name+"="); found {
				return value
			}
		}
		return ""
	}
}

// TestNotify: ready once and only when alive, the watchdog fed while alive and not while
// not, stopping said when it begins, fed to the end.
func TestNotify(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@lighterman-test-" + strconv.Itoa(os.Getpid())} {
		t.Run(name[:1], func(t *testing.T) {
			systemd := newSupervisor(t, name)
			var dead atomic.Bool
			dead.Store(true)
			alive := func() error {
				if dead.Load() {
					return errors.New("it hangs")
				}
				return nil
			}
			ctx, cancel := context.WithCancel(t.Context())
			stopping, stop := context.WithCancel(ctx)
			n := New(environment("NOTIFY_SOCKET="+name, "WATCHDOG_USEC=30000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid())), slog.New(slog.DiscardHandler))
			over := make(chan error, 1)
			go func() { over <- n.Run(ctx, stopping, alive) }()

			for range 3 {
				if got := systemd.next(); got != `STATUS=Not alive: "it hangs"` {
					t.Fatalf("not alive yet, and %q is said", got)
				}
			}
			dead.Store(false)
			systemd.until("READY=1")
			for range 3 {
				if got := systemd.next(); got != "WATCHDOG=1" {
					t.Fatalf("after READY=1: %q", got)
				}
			}
			dead.Store(true)
			systemd.until(`STATUS=Not alive: "it hangs"`)
			if got := systemd.next(); strings.Contains(got, "WATCHDOG") {
				t.Fatalf("not alive, and the watchdog is fed: %q", got)
			}
			stop()
			systemd.until("STOPPING=1")
			systemd.until("WATCHDOG=1")
			cancel()
			if err := <-over; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNotifyOutsideSystemd: nobody is told where there is no socket, one that is gone
// stops nothing, and a watchdog of another process is not fed.
func TestNotifyOutsideSystemd(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	asked := func() error { t.Error("asked"); return nil }
	if err := New(environment(), log).Run(t.Context(), t.Context(), asked); err != nil || out.Len() > 0 {
		t.Errorf("%v, log %q", err, out.String())
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	gone := New(environment("NOTIFY_SOCKET="+filepath.Join(t.TempDir(), "gone")), log)
	if err := gone.Run(done, done, func() error { return nil }); err != nil || !strings.Contains(out.String(), "cannot reach systemd") {
		t.Errorf("%v, log %q", err, out.String())
	}
	for _, env := range [][]string{{"WATCHDOG_USEC=30000000", "WATCHDOG_PID=1"}, {"WATCHDOG_USEC=-5"}, {"WATCHDOG_USEC=much"}} {
		if n := New(environment(env...), log); n.watchdog != 0 {
			t.Errorf("%q: fed every %v", env, n.watchdog)
		}
	}
}
