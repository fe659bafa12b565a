package tail

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// A schedule is what an engine, an operator and a reader do to a log, in any
// order: two bytes per step, what and how. Any bytes are a schedule, so it can be
// drawn at random, shrunk, and fuzzed.
type schedule []byte

// The kinds of steps. Those that come twice are twice as likely.
var kinds = []struct {
	name string
	do   func(m *machine, arg int)
}{
	{"write", (*machine).write},
	{"write", (*machine).write},
	{"write", (*machine).write},
	{"long line", (*machine).longLine},
	{"part", (*machine).part},
	{"part", (*machine).part},
	{"rotate", (*machine).rotate},
	{"rotate", (*machine).rotate},
	{"finish compression", func(m *machine, _ int) { m.finishCompression() }},
	{"engine crashes", (*machine).crash},
	{"truncate", (*machine).truncate},
	{"container restarts", (*machine).rerun},
	{"clock", (*machine).clock},
	{"torn record", (*machine).torn},
	{"capture", func(m *machine, _ int) { m.capture() }},
	{"read", (*machine).read},
	{"read", (*machine).read},
	{"read", (*machine).read},
	{"save", func(m *machine, _ int) { m.save() }},
	{"save", func(m *machine, _ int) { m.save() }},
	{"reader restarts", (*machine).restart},
	{"reader restarts", (*machine).restart},
	{"remove", (*machine).remove},
}

func (s schedule) String() string {
	var out strings.Builder
	if len(s) > 0 {
		fmt.Fprintf(&out, "max-file=%d compress=%v frames=%v", maxFile(s[0]), compresses(s[0]), framed(s[0]) == logs.Frames)
	}
	for i := 1; i+1 < len(s); i += 2 {
		fmt.Fprintf(&out, "; %s %d", kinds[int(s[i])%len(kinds)].name, s[i+1])
	}
	return out.String()
}

func maxFile(b byte) int     { return 1 + int(b)%4 }
func compresses(b byte) bool { return b&4 != 0 && maxFile(b) > 1 }

func framed(b byte) logs.FileFormat {
	if b&8 != 0 {
		return logs.Frames
	}
	return logs.JSONLines
}

// shrink takes steps away as long as the schedule still fails.
func shrink(t testing.TB, s schedule, base string) schedule {
	for size := len(s) / 4 * 2; size >= 2; size = size / 4 * 2 {
		for again := true; again; {
			again = false
			for at := 1; at+size <= len(s); at += 2 {
				less := append(append(schedule{}, s[:at]...), s[at+size:]...)
				if play(t, less, base) != nil {
					s, again = less, true
					at -= 2
				}
			}
		}
		if size == 2 {
			break
		}
	}
	for i := 2; i < len(s); i += 2 {
		for _, simple := range []byte{0, 1, s[i] & 3, s[i] & 7} {
			less := append(schedule{}, s...)
			if less[i] = simple; simple < s[i] && play(t, less, base) != nil {
				s = less
				break
			}
		}
	}
	return s
}

// random is the schedule of a seed.
func random(seed uint64) schedule {
	rng := rand.New(rand.NewPCG(seed, 11))
	s := make(schedule, 1+2*(4+rng.IntN(28)))
	for i := range s {
		s[i] = byte(rng.Uint32())
	}
	return s
}
