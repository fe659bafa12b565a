package checkpoint

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestMain(m *testing.M) {
	if os.Getenv(isVictim) != "" {
		victim()
	}
	goleak.VerifyTestMain(m)
}

// journal is a log that a test can read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.buf.String(), text)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func open(t testing.TB, dir string) (*Store, *journal) {
	t.Helper()
	j := &journal{}
	s, err := Open(dir, j.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, j
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustSave(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func containerID(n int) string { return fmt.Sprintf("%064x", n) }

// position returns a position with every field set; the offset tells which.
func position(n int64) logs.Position {
	return logs.Position{
		File: logs.FilePosition{
			Device: 1<<64 - 1, Inode: 1 << 60, Fingerprint: 1<<64 - 3, Offsets: [2]int64{n, n + 1}, Behind: [2]bool{true, false},
		},
		Newest:  [2]logs.HighWaterMark{{Time: 1 + n, Hashes: []uint64{1<<64 - 1, 0, 7}}, {Time: 2 + n, Hashes: []uint64{9}}},
		Pending: 3 + n,
		Drained: 4 + n,
	}
}

func labels(name string) *logs.Labels {
	return logs.NewLabels(
		map[string]string{
			"container": name, "host": "a \"quoted\" <host>\u2028", "image": "registry.example.com/team/app:1.2.3",
			"compose_project": "shop", "compose_service": "web", "service_name": "web",
		},
		map[string]string{"container_id": containerID(1)},
	)
}
