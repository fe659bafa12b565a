package nginxtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/service"
)

// Nginx is one under test.
type Nginx struct {
	*service.Service
	// URL is where it listens.
	URL  string
	dir  string
	addr string
}

// New starts an nginx until the test ends. Files are put beside its configuration, with what
// they hold. See Configure for http and server.
func New(t testing.TB, http, server string, files map[string]string) *Nginx {
	t.Helper()
	need.Program(t, "nginx")
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	// Its workers are another user, who reads passwords.
	dir, err := os.MkdirTemp("", "lighterman-nginx-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	n := &Nginx{URL: "http://" + p.Addr(), dir: dir, addr: p.Addr()}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n.Configure(t, http, server)
	n.Service = service.New(t, service.Config{Name: "nginx", Program: program, Args: []string{"-p", dir, "-c", n.file(), "-e", "error.log"}, Dir: dir, Ready: func() bool {
		conn, err := net.DialTimeout("tcp", p.Addr(), time.Second)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}})
	n.Start(t)
	return n
}

func (n *Nginx) file() string { return filepath.Join(n.dir, "nginx.conf") }

// Configure writes the configuration: http is put into the block of that name, and server into
// the block of the one server. It holds from the next start on.
func (n *Nginx) Configure(t testing.TB, http, server string) {
	t.Helper()
	temporary := ""
	for _, of := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("  %s_temp_path %s;\n", of, of)
	}
	text := fmt.Sprintf("daemon off;\npid nginx.pid;\nerror_log error.log;\nevents {}\nhttp {\n  access_log access.log;\n%s%s\n  server {\n    listen %s;\n%s\n  }\n}\n", temporary, http, n.addr, server)
	if err := os.WriteFile(n.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Answered counts the requests that were answered with a status.
func (n *Nginx) Answered(t testing.TB, status int) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), fmt.Sprintf("\" %d ", status))
}
