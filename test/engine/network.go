package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/lighterman/lighterman/test/need"
)

// Network is one that belongs to a test: a switch in a network namespace of its own, to which
// hosts are plugged. Nothing leads out of it but what Forward passes on.
type Network struct {
	space *space
	hosts int
}

// Host is what a private engine takes for a host: it has a name, and an address in a Network. It
// outlives its engine.
type Host struct {
	// Name is its host name, and Addr its address.
	Name, Addr string

	network *Network
	space   *space
	plug    string // the switch's side of its line
}

// gateway is the switch's own address; hosts are counted from 1.
const gateway, hostAddr = "10.213.7.254", "10.213.7.%d"

// NewNetwork makes a network without hosts, until the test ends.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	n := &Network{space: newSpace(t)}
	n.space.ip(t, "link", "add", "switch", "type", "bridge")
	n.space.ip(t, "addr", "add", gateway+"/24", "dev", "switch")
	n.space.ip(t, "link", "set", "switch", "up")
	return n
}

// Plug adds a host.
func (n *Network) Plug(t testing.TB, name string) *Host {
	t.Helper()
	n.hosts++
	h := &Host{Name: name, Addr: fmt.Sprintf(hostAddr, n.hosts), network: n, space: newSpace(t), plug: fmt.Sprint("port", n.hosts)}
	n.space.ip(t, "link", "add", "name", h.plug, "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(h.space.pid()))
	n.space.ip(t, "link", "set", h.plug, "master", "switch", "up")
	h.space.ip(t, "addr", "add", h.Addr+"/24", "dev", "eth0")
	h.space.ip(t, "link", "set", "eth0", "up")
	return h
}

// take has dockerd run on the host: a command that would give it a network namespace without a
// network.
func (h *Host) take(cmd *exec.Cmd) {
	if h == nil {
		return
	}
	without := slices.DeleteFunc(slices.Clone(cmd.Args), func(arg string) bool { return arg == "--net" })
	on := exec.Command("nsenter", append([]string{h.space.flag(), "unshare", "--uts", "sh", "-c", `hostname "$0" && exec "$@"`, h.Name}, without...)...)
	cmd.Path, cmd.Args = on.Path, on.Args
}

// Cut pulls the host's plug, and Mend puts it in again: its engine and its containers go on.
func (h *Host) Cut(t testing.TB) { t.Helper(); h.network.space.ip(t, "link", "set", h.plug, "down") }

// Mend ends a Cut.
func (h *Host) Mend(t testing.TB) { t.Helper(); h.network.space.ip(t, "link", "set", h.plug, "up") }

// Dial connects to an address as a program on the host does.
func (h *Host) Dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = within(h.space.pid(), func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

// Forward passes what the hosts send to a port of the network on to an address of the machine,
// and returns the address that it has for them.
func (n *Network) Forward(t testing.TB, port int, to string) string {
	t.Helper()
	from := fmt.Sprintf("%s:%d", gateway, port)
	var listener net.Listener
	if err := within(n.space.pid(), func() (err error) {
		listener, err = net.Listen("tcp", from)
		return err
	}); err != nil {
		t.Fatalf("cannot listen in the network: %v", err)
	}
	var open connections
	t.Cleanup(func() {
		_ = listener.Close()
		open.close()
	})
	open.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			open.running.Go(func() { open.join(conn, to) })
		}
	})
	return from
}

// connections are those which are passed on.
type connections struct {
	running sync.WaitGroup
	mu      sync.Mutex // guards all and closed
	all     []net.Conn
	closed  bool
}

// join passes a connection on, both ways, until one side ends it.
func (c *connections) join(conn net.Conn, to string) {
	far, err := net.Dial("tcp", to)
	if err != nil {
		_ = conn.Close()
		return
	}
	c.mu.Lock()
	if c.closed {
		_, _ = conn.Close(), far.Close()
	}
	c.all = append(c.all, conn, far)
	c.mu.Unlock()
	both := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	c.running.Go(func() { both(far, conn) })
	both(conn, far)
}

func (c *connections) close() {
	c.mu.Lock()
	c.closed = true
	for _, conn := range c.all {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.running.Wait()
}

// space is a network namespace, whatever runs in it. It goes with the test's process, whose end
// ends the program that holds it.
type space struct{ holder *exec.Cmd }

func newSpace(t testing.TB) *space {
	t.Helper()
	need.Dockerd(t)
	need.Program(t, "nsenter")
	s := &space{holder: exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up && echo made && exec cat")}
	in, err := s.holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.holder.Start(); err != nil {
		t.Fatalf("cannot make a network namespace: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = s.holder.Wait()
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("cannot make a network namespace: %v", err)
	}
	return s
}

func (s *space) pid() int { return s.holder.Process.Pid }

// flag is what nsenter is told.
func (s *space) flag() string { return fmt.Sprintf("--net=/proc/%d/ns/net", s.pid()) }

// ip runs the program of that name in the namespace.
func (s *space) ip(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("nsenter", append([]string{s.flag(), "ip"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("cannot set up the network: ip %q: %v: %s", args, err, out)
	}
}

// within calls f in the network namespace of a process; a socket stays in that in which it was
// made.
func within(pid int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		// Not unlocked: the thread ends with the goroutine, as nobody else must
		// get it.
		runtime.LockOSThread()
		done <- enter(pid, f)
	}()
	return <-done
}
