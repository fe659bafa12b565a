package port_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
)

// A program listens on the number, ends, and listens again, as a restarted Loki
// does.
func TestListenAgain(t *testing.T) {
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	for range 3 {
		listener, err := net.Listen("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		_ = listener.Close()
	}
}

// inside marks the process that TestNobodyElses starts.
const inside = "LIGHTERMAN_TWO_PORTS"

// Where a kernel has two ports to give, and one is taken, every other asker gets
// the other one or none.
func TestNobodyElses(t *testing.T) {
	need.Root(t)
	need.Program(t, "unshare")
	need.Program(t, "ip")
	if os.Getenv(inside) == "" {
		const setUp = `ip link set lo up && echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range && exec "$0" -test.run '^TestNobodyElses$' -test.v`
		cmd := exec.Command("unshare", "--net", "sh", "-c", setUp, os.Args[0])
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestNobodyElses") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	server, err := net.Listen("tcp", "127.0.0.1:50000")
	if err != nil {
		t.Fatal(err)
	}
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		conn, err := net.Dial("tcp", server.Addr().String())
		if err == nil {
			if conn.LocalAddr().String() == p.Addr() {
				t.Fatal("a connection has got the port")
			}
			_ = conn.Close()
		} else if !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Fatal(err)
		}
	}
	for { // until both are given
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			if !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatal(err)
			}
			break
		}
		if listener.Addr().String() == p.Addr() {
			t.Fatal("a listener has got the port")
		}
	}
	if _, err := port.Take(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second port where there are no more: %v", err)
	}
}
