package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lighterman/lighterman/test/dockerproxy"
)

// keeper keeps, where TORTURE_KEEP names a directory, what is needed to find out how lines
// were lost: lighterman's log, the positions that each process began with, and the content
// of every file of every log, and what the engine's API has sent of it.
type keeper struct {
	t   testing.TB
	dir string
	on  bool
}

func newKeeper(t testing.TB) *keeper {
	t.Helper()
	dir := os.Getenv("TORTURE_KEEP")
	if dir == "" {
		return &keeper{t: t, dir: t.TempDir()}
	}
	k := &keeper{t: t, dir: dir, on: true}
	for _, sub := range []string{"positions", "logs", "answers"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatalf("cannot keep what happens: %v", err)
		}
	}
	return k
}

func (k *keeper) write(sub, name string, content []byte) {
	if err := os.WriteFile(filepath.Join(k.dir, sub, name), content, 0o600); err != nil {
		k.t.Errorf("cannot keep what happens: %v", err)
	}
}

// positions keeps the files that a process begins with.
func (k *keeper) positions(stateDir string, start int) {
	if !k.on {
		return
	}
	for _, name := range []string{"positions", "positions.previous"} {
		if content, err := os.ReadFile(filepath.Join(stateDir, name)); err == nil {
			k.write("positions", fmt.Sprintf("%04d-%s", start, name), content)
		}
	}
}

// file keeps a complete file of a log.
func (k *keeper) file(l *ledger, number int32, content []byte) {
	if k != nil && k.on {
		k.write("logs", fmt.Sprintf("%s-%.12s-%d", l.name, l.id, number), content)
	}
}

// answers keeps what the engine's API has sent of a log.
func (k *keeper) answers(l *ledger, sent []dockerproxy.Sent) {
	for i, body := range sent {
		if k.on {
			k.write("answers", fmt.Sprintf("%s-%.12s-%d-since-%d", l.name, l.id, i, body.Since), body.Body)
		}
	}
}

// loki keeps all that Loki has, with its log.
func (k *keeper) loki(dir string) {
	if !k.on {
		return
	}
	if err := os.CopyFS(filepath.Join(k.dir, "loki"), os.DirFS(dir)); err != nil {
		k.t.Logf("cannot keep all of Loki: %v", err) // it goes on writing
	}
}
