package tail

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

// play runs a schedule in a directory of its own.
func play(t testing.TB, s schedule, base string) error {
	dir, err := os.MkdirTemp(base, "machine")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return run(s, dir)
}

// bases are directories on file systems that differ in how they give inode
// numbers: tmpfs never gives one again soon, others may at once.
func bases(t testing.TB) []string {
	out := []string{t.TempDir()}
	if dir, err := os.MkdirTemp("/dev/shm", "lighterman-machine"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		out = append(out, dir)
	}
	return out
}

func judge(t testing.TB, s schedule, base string) {
	t.Helper()
	if err := play(t, s, base); err != nil {
		least := shrink(t, s, base)
		t.Fatalf("%v\n%v\nas bytes: %q", play(t, least, base), least, string(least))
	}
}

// schedules is how many TestSchedules plays; LIGHTERMAN_SCHEDULES sets another number.
func schedules(t testing.TB) uint64 {
	n := rounds(10_000, 1_000)
	if text := os.Getenv("LIGHTERMAN_SCHEDULES"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSchedules plays random schedules.
func TestSchedules(t *testing.T) {
	t.Parallel()
	on, all := bases(t), schedules(t)
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < all; seed += shards {
				s := random(seed)
				if err := play(t, s, base(on, seed)); err != nil {
					t.Logf("seed %d", seed)
					judge(t, s, base(on, seed))
					t.Fatalf("%v, but not again", err)
				}
			}
		})
	}
}

// base chooses the disk for one schedule in eight: it is slow.
func base(on []string, seed uint64) string {
	if seed/4%8 == 0 {
		return on[0]
	}
	return on[len(on)-1]
}

// FuzzSchedule finds more of them.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte("\x03\x00\x05\x06\x00\x0f\x02"))
	on := bases(f)
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) < 400 {
			judge(t, s, on[len(on)-1])
		}
	})
}
