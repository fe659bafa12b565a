package tail

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

func TestEnd(t *testing.T) {
	const record = `{"log":"x\n","stream":"stdout","time":"2026-01-02T03:04:05Z"}` + "\n"
	long := `{"log":"` + strings.Repeat("y", 200<<10)
	path := filepath.Join(t.TempDir(), "log")
	for name, c := range map[string]struct {
		text string
		end  int
		ok   bool
	}{
		"whole":         {record + record, 2 * len(record), true},
		"half a record": {record + record[:20], len(record), true},
		"a long half":   {record + long, len(record), true},
		"no record":     {record[:20], 0, false},
		"nothing":       {"", 0, false},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := End(path, logs.JSONLines)
		if (err == nil) != c.ok || p.Start() != int64(c.end) || c.ok != (p.Fingerprint != 0 && p.Inode != 0) {
			t.Errorf("%s: %+v %v, want %d", name, p, err, c.end)
		}
	}
	if _, err := End(filepath.Dir(path), logs.JSONLines); err == nil {
		t.Error("a directory has an end")
	}
	at, err := lastLine(bytes.NewReader([]byte("no line feed")), 12)
	if at != 0 || err != nil {
		t.Errorf("without a line feed: %d %v", at, err)
	}
}
