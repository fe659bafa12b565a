package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/need"
)

// The drivers below send every line to a receiver, without which the container
// does not start, and the engine keeps a cache of what they have taken. The
// receivers here take everything and keep nothing. They listen where the engine
// finds them: on loopback of its network namespace.

// Gelf starts a receiver for the gelf driver and returns the driver's options.
func (e *Engine) Gelf(t testing.TB) map[string]string {
	t.Helper()
	var conn *net.UDPConn
	e.inNetwork(t, func() (err error) {
		conn, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		return err
	})
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	t.Cleanup(func() { _ = conn.Close() })
	return map[string]string{"gelf-address": "udp://" + conn.LocalAddr().String(), "mode": "blocking"}
}

// Fluentd starts a receiver for the fluentd driver and returns the driver's options.
func (e *Engine) Fluentd(t testing.TB) map[string]string {
	t.Helper()
	listener := e.listen(t)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}()
		}
	}()
	return map[string]string{"fluentd-address": "tcp://" + listener.Addr().String(), "mode": "blocking"}
}

// Splunk starts a receiver for the splunk driver and returns the driver's options.
func (e *Engine) Splunk(t testing.TB) map[string]string {
	t.Helper()
	listener := e.listen(t)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return map[string]string{"splunk-url": "http://" + listener.Addr().String(), "splunk-token": "x", "mode": "blocking"}
}

// listen listens on a free port where the engine finds it, until the test ends.
func (e *Engine) listen(t testing.TB) net.Listener {
	t.Helper()
	var listener net.Listener
	e.inNetwork(t, func() (err error) {
		listener, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		return err
	})
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// inNetwork calls f in the engine's network namespace.
func (e *Engine) inNetwork(t testing.TB, f func() error) {
	t.Helper()
	need.Root(t)
	pid, err := e.pid()
	if err != nil {
		t.Fatalf("cannot find the engine's process: %v", err)
	}
	if err := within(pid, f); err != nil {
		t.Fatalf("cannot listen in the engine's network: %v", err)
	}
}

func enter(pid int, f func() error) error {
	network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer func() { _ = network.Close() }()
	if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	return f()
}

// pid returns the process that listens on the engine's socket.
func (e *Engine) pid() (int, error) {
	address, err := client.ParseHostURL(e.Host)
	if err != nil {
		return 0, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(context.Background(), address.Scheme, address.Host+address.Path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("%s is no socket of this machine", e.Host)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	var failure error
	if err := raw.Control(func(fd uintptr) {
		peer, failure = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if failure != nil {
		return 0, failure
	}
	return int(peer.Pid), nil
}
