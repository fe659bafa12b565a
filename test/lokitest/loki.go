package lokitest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/process"
	"github.com/lighterman/lighterman/test/wait"
)

// Loki is a Loki under test.
type Loki struct {
	// URL is where it listens: "http://127.0.0.1:port". It stays the same over
	// Stop and Start.
	URL string
	// Dir holds its configuration, data and log.
	Dir string

	// tenant is whose entries are asked for, where there are tenants.
	tenant  string
	program string
	shared  bool
	http    *port.Port // taken by reserve, as is grpc
	grpc    *port.Port
	limits  map[string]string
	member  *member    // what it is in a cluster; nil for one that is alone
	mu      sync.Mutex // guards the fields below
	cmd     *exec.Cmd  // the running process; nil when there is none
	gone    chan struct{}
}

var shared struct {
	mu   sync.Mutex // guards loki and makes it be started once
	loki *Loki
}

// Shared returns the Loki that all tests of the process use, each with labels of
// its own. It is started when first asked for; StopShared ends it.
func Shared(t testing.TB) *Loki {
	t.Helper()
	program := need.Loki(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.loki != nil {
		return shared.loki
	}
	dir, err := os.MkdirTemp("", "lighterman-loki-")
	if err != nil {
		t.Fatal(err)
	}
	l := &Loki{Dir: dir, program: program, shared: true}
	if err := l.start(); err != nil {
		_ = l.end()
		_ = os.RemoveAll(dir)
		t.Fatalf("cannot start Loki: %v", err)
	}
	shared.loki = l
	return l
}

// StopShared ends the Loki of Shared and removes its data. Call it at the end of
// TestMain.
func StopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.loki == nil {
		return
	}
	_ = shared.loki.end()
	_ = os.RemoveAll(shared.loki.Dir)
	shared.loki = nil
}

// New starts a Loki of the test's own. Limits are lines of Loki's limits_config
// that replace those of this package.
func New(t testing.TB, limits map[string]string) *Loki {
	t.Helper()
	dir, err := os.MkdirTemp("", "lighterman-loki-")
	if err != nil {
		t.Fatal(err)
	}
	l := &Loki{Dir: dir, program: need.Loki(t), limits: limits}
	t.Cleanup(func() {
		if err := l.end(); err != nil {
			t.Logf("cannot stop Loki: %v", err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Logf("cannot remove Loki's data: %v", err)
		}
	})
	l.Start(t)
	return l
}

// Reserve takes ports for a Loki without starting it: Start does, later.
func Reserve(t testing.TB, limits map[string]string) *Loki {
	t.Helper()
	l := &Loki{Dir: t.TempDir(), program: need.Loki(t), limits: limits}
	t.Cleanup(func() { _ = l.end() })
	if err := l.reserve(); err != nil {
		t.Fatal(err)
	}
	return l
}

// Start starts Loki, again after Stop, with the same port and data, and waits
// until it is ready.
func (l *Loki) Start(t testing.TB) {
	t.Helper()
	if err := l.start(); err != nil {
		t.Fatalf("cannot start Loki: %v", err)
	}
}

func (l *Loki) start() error {
	if err := l.reserve(); err != nil {
		return err
	}
	return l.launch()
}

// reserve takes the two ports, once.
func (l *Loki) reserve() (err error) {
	if l.http == nil {
		if l.http, err = port.Take(); err != nil {
			return err
		}
	}
	if l.grpc == nil {
		if l.grpc, err = port.Take(); err != nil {
			return err
		}
	}
	l.URL = "http://" + l.http.Addr()
	return nil
}

// end kills Loki and gives its ports back.
func (l *Loki) end() error {
	err := l.signal(syscall.SIGKILL, true)
	ports := []*port.Port{l.http, l.grpc}
	if l.member != nil {
		ports = append(ports, l.member.gossip)
	}
	for _, p := range ports {
		if p != nil {
			p.Release()
		}
	}
	return err
}

func (l *Loki) launch() error {
	file := filepath.Join(l.Dir, "loki.yaml")
	if err := os.WriteFile(file, []byte(config(l.Dir, l.http.Number, l.grpc.Number, l.limits, l.member)), 0o600); err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(l.Dir, "loki.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	cmd := exec.Command(l.program, "-config.file", file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.Dir, logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the test, which cleans up
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	l.mu.Lock()
	l.cmd, l.gone = cmd, gone
	l.mu.Unlock()
	ready := wait.Until(2*time.Minute, func() bool { return l.Ready() || closed(gone) })
	if ready && !closed(gone) {
		return nil
	}
	_ = l.signal(syscall.SIGKILL, true)
	return fmt.Errorf("it is not ready; its log ends:\n%s", l.logTail())
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Ready tells whether Loki says that it is ready.
func (l *Loki) Ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	answer, err := l.get(ctx, "/ready")
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

// queryTime bounds a query. The largest answers of torture take 20 s on a busy machine.
const queryTime = 3 * time.Minute

// Of returns the same Loki as a tenant sees it, to ask for entries; it is started and stopped
// as a whole.
func (l *Loki) Of(tenant string) *Loki { return &Loki{URL: l.URL, tenant: tenant} }

func (l *Loki) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL+path, nil)
	if err != nil {
		return nil, err
	}
	if l.tenant != "" {
		request.Header.Set("X-Scope-OrgID", l.tenant)
	}
	request.Header.Set("X-Loki-Response-Encoding-Flags", "categorize-labels")
	return http.DefaultClient.Do(request)
}

// Stop ends Loki with SIGTERM and waits for it. It keeps port and data.
func (l *Loki) Stop(t testing.TB) {
	t.Helper()
	l.comesBack(t)
	if err := l.signal(syscall.SIGTERM, true); err != nil {
		t.Fatalf("cannot stop Loki: %v", err)
	}
}

// Kill9 ends Loki with SIGKILL. What it had acknowledged is in its write-ahead
// log and comes back with Start. The log is mended, which Loki does not do itself.
func (l *Loki) Kill9(t testing.TB) {
	t.Helper()
	l.comesBack(t)
	if err := l.signal(syscall.SIGKILL, true); err != nil {
		t.Fatalf("cannot kill Loki: %v", err)
	}
	l.Mend(t)
}

// Mend mends the write-ahead log of a Loki that was killed.
func (l *Loki) Mend(t testing.TB) {
	t.Helper()
	torn, err := mendLog(l.Dir)
	if err != nil {
		t.Fatalf("cannot mend Loki's log: %v", err)
	}
	if torn {
		t.Log("Loki was killed while it wrote a record, which is cut off its log")
	}
}

// comesBack has a shared Loki run again when the test ends that has stopped it, whether it
// has failed or not.
func (l *Loki) comesBack(t testing.TB) {
	if !l.shared {
		return
	}
	t.Cleanup(func() {
		l.mu.Lock()
		stopped := l.cmd == nil
		l.mu.Unlock()
		if stopped {
			if err := l.start(); err != nil {
				t.Errorf("cannot start the Loki again that all tests share: %v", err)
			}
		}
	})
}

// Freeze stops the process with SIGSTOP: it accepts connections and answers
// nothing, until Thaw or the end of the test, whose failure must not take a shared Loki
// from all the others.
func (l *Loki) Freeze(t testing.TB) {
	t.Helper()
	t.Cleanup(func() { _ = l.signal(syscall.SIGCONT, false) })
	if err := l.signal(syscall.SIGSTOP, false); err != nil {
		t.Fatalf("cannot freeze Loki: %v", err)
	}
	l.mu.Lock()
	cmd, gone := l.cmd, l.gone
	l.mu.Unlock()
	if cmd != nil {
		wait.For(t, 10*time.Second, "Loki to stand still", func() bool { return closed(gone) || process.Stopped(cmd.Process.Pid) })
	}
}

// Thaw ends a Freeze.
func (l *Loki) Thaw(t testing.TB) {
	t.Helper()
	if err := l.signal(syscall.SIGCONT, false); err != nil {
		t.Fatalf("cannot thaw Loki: %v", err)
	}
}

// signal sends a signal, and with end waits for the process.
func (l *Loki) signal(s syscall.Signal, end bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cmd == nil {
		return nil
	}
	if err := l.cmd.Process.Signal(s); err != nil && !closed(l.gone) {
		return err
	}
	if !end {
		return nil
	}
	select {
	case <-l.gone:
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("process %d is still there 2 minutes after %v", l.cmd.Process.Pid, s)
	}
	l.cmd = nil
	return nil
}

// logTail returns the end of Loki's log.
func (l *Loki) logTail() string {
	text, err := os.ReadFile(filepath.Join(l.Dir, "loki.log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
