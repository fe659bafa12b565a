package engine

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// Syslog is a running rsyslogd, a place for the syslog driver to send to.
type Syslog struct {
	// UDP is an address for the option syslog-address that reaches rsyslogd
	// from the default engine; it is not UDP where that has its own network.
	UDP string
	// Unix is one that reaches it from a private engine too.
	Unix string
	// File is what rsyslogd writes to.
	File string
}

// StartSyslog starts rsyslogd until the test ends.
func StartSyslog(t testing.TB) *Syslog {
	t.Helper()
	need.Syslog(t)
	dir := shortDir(t)
	port := freeUDPPort(t)
	s := &Syslog{
		UDP:  fmt.Sprintf("udp://127.0.0.1:%d", port),
		Unix: "unixgram://" + filepath.Join(dir, "s"),
		File: filepath.Join(dir, "out"),
	}
	if wantsNewest(t) { // which has a network of its own
		s.UDP = s.Unix
	}
	config := filepath.Join(dir, "conf")
	text := strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(port)).Replace(`
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
global(maxMessageSize="64k" workDirectory="DIR")
input(type="imudp" address="127.0.0.1" port="PORT")
input(type="imuxsock" Socket="DIR/s" CreatePath="on" RateLimit.Interval="0")
template(name="raw" type="string" string="%rawmsg%\n")
*.* action(type="omfile" file="DIR/out" template="raw")
`)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("rsyslogd", "-n", "-f", config, "-i", filepath.Join(dir, "pid"))
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start rsyslogd: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	wait.For(t, 10*time.Second, "rsyslogd", func() bool {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return s
}

func freeUDPPort(t testing.TB) int {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return int(netip.MustParseAddrPort(conn.LocalAddr().String()).Port())
}

// shortDir makes a directory whose path leaves room for the name of a socket.
// It is removed when the test ends.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", fmt.Sprintf("lm%d-", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Logf("cannot remove %q: %v", dir, err)
		}
	})
	return dir
}
