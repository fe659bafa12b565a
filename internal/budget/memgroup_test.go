package budget

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
)

// TestD10GroupMemory: the smallest limit up the hierarchy counts, of both versions, on the
// host and in containers with and without a namespace of their own.
func TestD10GroupMemory(t *testing.T) {
	const (
		v2 = "31 24 0:27 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
		mb = 1 << 20
	)
	for name, test := range map[string]struct {
		cgroup, mounts string
		files          map[string]string
		want           int64
		from           string
	}{
		"nothing":        {"", "", nil, 0, ""},
		"v2, no limit":   {"0::/a\n", v2, map[string]string{"a/memory.max": "max\n"}, 0, ""},
		"v2, container":  {"0::/\n", v2, map[string]string{"memory.max": "67108864\n", "memory.high": "max\n"}, 64 * mb, "/sys/fs/cgroup/memory.max"},
		"v2, high":       {"0::/\n", v2, map[string]string{"memory.max": "67108864\n", "memory.high": "33554432\n"}, 32 * mb, "/sys/fs/cgroup/memory.high"},
		"v2, above":      {"0::/sys.slice/x.service\n", v2, map[string]string{"sys.slice/x.service/memory.max": "67108864\n", "sys.slice/memory.max": "33554432\n"}, 32 * mb, "/sys/fs/cgroup/sys.slice/memory.max"},
		"v2, elsewhere":  {"0::/../../other\n", v2, map[string]string{"memory.max": "67108864\n"}, 64 * mb, "/sys/fs/cgroup/memory.max"},
		"v1":             {"5:cpu:/b\n4:memory:/a/b\n", "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", map[string]string{"memory/a/b/memory.limit_in_bytes": "67108864\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"}, 64 * mb, "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes"},
		"v1, container":  {"4:memory:/docker/x\n", "30 24 0:26 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n", map[string]string{"memory/memory.limit_in_bytes": "67108864\n"}, 64 * mb, "/sys/fs/cgroup/memory/memory.limit_in_bytes"},
		"v1, hidden":     {"4:memory:/\n", "30 24 0:26 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/memory.stat": "cache 1\nhierarchical_memory_limit 33554432\nx 1\n"}, 32 * mb, "/sys/fs/cgroup/memory/memory.stat"},
		"v1 beside v2":   {"4:memory:/a\n0::/\n", "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", map[string]string{"memory/a/memory.limit_in_bytes": "67108864"}, 64 * mb, "/sys/fs/cgroup/memory/a/memory.limit_in_bytes"},
		"another's":      {"4:cpu:/a\n", "30 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", map[string]string{"cpu/a/memory.limit_in_bytes": "67108864"}, 0, ""},
		"blanks in path": {"0::/a b\n", `31 24 0:27 / /sys/fs/cgroup/x\040y rw - cgroup2 cgroup2 rw` + "\n", map[string]string{"x y/a b/memory.max": "67108864"}, 64 * mb, "/sys/fs/cgroup/x y/a b/memory.max"},
		"garbage":        {"x\n0:\n\n", "x - y\n- cgroup2\n", nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write := func(path, text string) {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("proc/self/cgroup", test.cgroup)
			write("proc/self/mountinfo", test.mounts)
			for path, text := range test.files {
				write(filepath.Join("sys/fs/cgroup", path), text)
			}
			if got, from := groupMemory(root); got != test.want || from != test.from {
				t.Errorf("got %d from %q, want %d from %q", got, from, test.want, test.from)
			}
		})
	}
}

// TestD10Plan: all of what is planned fits into the limit, and nothing changes where there
// is none, or a large one.
func TestD10Plan(t *testing.T) {
	const mb = 1 << 20
	cfg := &config.Config{Limits: config.Limits{Memory: 64 * mb}, Batch: config.Batch{Bytes: mb}}
	usual := plan(cfg, 0, 0, 4)
	if usual != (Memory{heap: 128 * mb, Lines: 64 * mb, Batch: mb, Lanes: 4}) || plan(cfg, 512*mb, 0, 4) != usual {
		t.Errorf("without a limit: %+v", usual)
	}
	for _, asked := range []int64{mb, 64 * mb, 1 << 40} {
		cfg := &config.Config{Limits: config.Limits{Memory: asked}, Batch: config.Batch{Bytes: 8 * mb}}
		for group := int64(48 * mb); group < 300*mb; group += 4 * mb {
			b := plan(cfg, group, 0, 4)
			if need := runtimeNeeds + 2*b.Lines + int64(b.Pushes*b.Batch); b.heap > group-outsideHeap || b.Pushes > 0 && need > group ||
				b.Lines > asked || b.Lines < mb || b.Batch < 1<<10 || b.Pushes > 0 && b.Pushes < b.Lanes {
				t.Errorf("%d of %d: %+v needs %d", asked, group, b, need)
			}
		}
	}
	if b := plan(cfg, 0, 50*mb, 4); b.heap != 50*mb || b.Lines >= 40*mb {
		t.Errorf("with GOMEMLIMIT: %+v", b)
	}
	if b := plan(cfg, 64*mb, 1<<40, 4); b.heap > 64*mb {
		t.Errorf("GOMEMLIMIT beyond the group: %+v", b)
	}
}
