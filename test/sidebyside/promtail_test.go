//go:build promtail

package sidebyside

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
)

// environment is what files of Promtail's ask for.
var environment = map[string]string{"LOKI_URL": "http://loki:3100/loki/api/v1/push", "LOKI_USERNAME": "12345", "LOKI_PASSWORD": "a-token"}

func TestMain(m *testing.M) {
	for name, value := range environment {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	lokitest.StopShared()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

// promtail is a running Promtail.
type promtail struct {
	cmd  *exec.Cmd
	gone chan struct{}
	mu   sync.Mutex // guards out
	out  bytes.Buffer
}

// Write implements io.Writer.
func (p *promtail) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(text)
}

// start runs Promtail with a configuration, which is the path of a file.
func start(t *testing.T, file string, args ...string) *promtail {
	t.Helper()
	program := os.Getenv("LIGHTERMAN_PROMTAIL")
	if program == "" {
		t.Fatal("LIGHTERMAN_PROMTAIL is not set: scripts/promtail builds it and runs this test")
	}
	p := &promtail{gone: make(chan struct{})}
	p.cmd = exec.Command(program, append(args, "-config.file="+file)...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.gone
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("Promtail:\n%.8000s", p.out.String())
		}
	})
	return p
}

// end sends a signal and waits until Promtail is gone.
func (p *promtail) end(t *testing.T, s syscall.Signal) {
	t.Helper()
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.gone:
	case <-time.After(time.Minute):
		t.Fatal("Promtail does not stop")
	}
}

// place is where a file of Promtail's finds things in a test.
type place struct {
	loki, tenant string
	docker       *engine.PrivateEngine
	// logs is what is in the place of /var/log.
	logs string
}

// adapted writes a file of Promtail's for a test: it sends to another Loki, its first client as
// the tenant with -0, asks another engine and keeps its positions elsewhere. All else stays as it is.
func (p place) adapted(t *testing.T, text string) (path, positions string) {
	t.Helper()
	dir := t.TempDir()
	path, positions = filepath.Join(dir, "promtail.yml"), filepath.Join(dir, "positions.yaml")
	text = strings.NewReplacer("unix:///var/run/docker.sock", p.docker.Host, "unix:///run/docker.sock", p.docker.Host,
		"/var/lib/docker", p.docker.DataRoot(), "/var/log/journal", "/var/log/journal", "/var/log", p.logs).Replace(text)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	root := doc.Content[0]
	set(root, "server", "{http_listen_port: 0, grpc_listen_port: 0, log_level: info}")
	set(root, "positions", "{sync_period: 1s, filename: '"+positions+"'}")
	clients := []*yaml.Node{get(root, "client")}
	if list := get(root, "clients"); list != nil {
		clients = list.Content
	}
	for i, client := range clients {
		for _, name := range []string{"basic_auth", "bearer_token_file", "tls_config"} {
			remove(client, name)
		}
		set(client, "url", "'"+p.loki+"/loki/api/v1/push'")
		set(client, "tenant_id", fmt.Sprint(p.tenant, "-", i))
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, positions
}

func get(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func remove(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return
		}
	}
}

func set(n *yaml.Node, key, value string) {
	remove(n, key)
	var pair yaml.Node
	if err := yaml.Unmarshal([]byte(key+": "+value), &pair); err != nil {
		panic(err)
	}
	n.Content = append(n.Content, pair.Content[0].Content...)
}
