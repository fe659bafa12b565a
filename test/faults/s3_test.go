package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/memgroup"
	"github.com/lighterman/lighterman/test/wait"
)

// TestS3Listener: thousands of connections that ask for nothing, and readers of the largest
// pages that read nothing, cost neither memory nor descriptors: the lines of a thousand
// containers arrive as fast as before, and a scrape is answered.
func TestS3Listener(t *testing.T) {
	const (
		containers = 1000
		limit      = 200 << 20
		files      = 1400 // descriptors: the logs need a thousand
		idle       = 3000
		slow       = 1000
	)
	group := memgroup.New(t, limit)
	root, loki := dataroot.New(t), fakeloki.Start(t, nil)
	var all []*dataroot.Container
	for i := range containers {
		all = append(all, root.Add(t, dataroot.Spec{Name: fmt.Sprintf("victim-%04d", i)}))
	}
	l := carrier.StartWith(t, carrier.Options{
		Args:     root.Args("--loki-url", loki.URL),
		Wrap:     append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, files), "sh"}, group.Wrap()...),
		Measured: true,
	})
	l.AwaitReady(t, 2*time.Minute)
	// delay is how long a line of each container takes to arrive.
	delay := func() time.Duration {
		before, began := len(loki.Lines()), time.Now()
		for _, c := range all {
			c.Append(t, dataroot.JSON(time.Now(), "a line"))
		}
		wait.For(t, 2*time.Minute, "a line of each container", func() bool { return len(loki.Lines()) >= before+containers })
		return time.Since(began)
	}
	quiet := delay()

	attack, end := context.WithCancel(t.Context())
	defer end()
	var dialer net.Dialer
	open := func(request string) net.Conn {
		conn, err := dialer.DialContext(attack, "tcp", l.Addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		if _, err := io.WriteString(conn, request); err != nil {
			return conn // closed already, in favour of a newer one
		}
		return conn
	}
	var held []net.Conn
	defer func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}()
	raiseFiles(t, idle+slow+500)
	for i := range slow {
		held = append(held, open("GET "+[]string{"/status.json", "/metrics", "/", fmt.Sprintf("/containers?rows=1000&find=%x", i%3)}[i%4]+" HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	}
	for range idle {
		held = append(held, open(""))
	}
	busy := delay()
	t.Logf("a line of each of %d containers arrives within %v, beside the attack within %v; peak %d MiB", containers, quiet, busy, group.Peak(t)>>20)
	if busy > 3*quiet+2*time.Second {
		t.Errorf("lines take %v beside the attack, %v without", busy, quiet)
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, path := range []string{"/metrics", "/status.json", "/healthz"} {
		answer, err := client.Get("http://" + l.Addr + path)
		if err != nil {
			t.Errorf("%s beside the attack: %v", path, err)
			continue
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s beside the attack: %d, %v", path, answer.StatusCode, err)
		}
		_ = answer.Body.Close()
	}
	if n := group.Killed(t); n != 0 || !l.Running() {
		t.Errorf("killed %d times", n)
	}
}

// raiseFiles lets the test itself have so many files.
func raiseFiles(t testing.TB, need uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= need {
		return
	}
	before := limit
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) })
	limit.Cur, limit.Max = need, max(limit.Max, need)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("cannot raise the limit of open files: %v", err)
	}
}
