package tail

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// tick is more than the clock of file systems takes to go on. Docker compresses one file
// at a time; two within a tick cannot be told from each other by their times.
const tick = 12 * time.Millisecond

// alikeLog plays an engine whose files are byte for byte alike: lines of many parts, all
// of the same text and the same time, and rotation within them. It knows where the parts
// of each line are.
type alikeLog struct {
	*writer
	rng     *rand.Rand
	maxSize int64
	// files are the contents that the log has, newest first, and all those it ever had.
	files []*alikeFile
	lines []*alikeLine
	open  *alikeLine
	left  int
}

type alikeFile struct {
	id   identity
	gone bool
}

type alikeLine struct {
	key  string
	text string
	time int64
	in   []*alikeFile
	done bool
	// torn is set when a part of it was gone before it had been handed over.
	torn bool
}

func newAlikeLog(t *testing.T, rng *rand.Rand) *alikeLog {
	a := &alikeLog{writer: newWriter(t), rng: rng, maxSize: 20_000}
	a.maxFiles, a.compress = 2+rng.IntN(5), rng.IntN(2) == 0
	a.format = logs.FileFormat(rng.IntN(2))
	a.appear()
	return a
}

func (a *alikeLog) appear() {
	info, err := a.file.Stat()
	a.must(err)
	a.files = append([]*alikeFile{{id: identify(info)}}, a.files...)
}

// write writes the next record, in a new file where the present one is full.
func (a *alikeLog) write(held func(identity) bool) {
	if info, err := a.file.Stat(); err == nil && info.Size() >= a.maxSize {
		a.rotate()
		if a.compress {
			time.Sleep(tick)
		}
		a.appear()
		if len(a.files) > a.maxFiles {
			old := a.files[len(a.files)-1]
			old.gone = !held(old.id)
			a.files = a.files[:len(a.files)-1]
		}
	}
	if a.open == nil {
		a.now++
		a.open, a.left = &alikeLine{time: a.now}, a.rng.IntN(9)
		a.lines = append(a.lines, a.open)
	}
	text := fullPart
	if a.left == 0 {
		text = fmt.Sprintf("line %d\n", len(a.lines))
		if a.rng.IntN(4) == 0 {
			text = strings.Repeat("e", 200) + text
		}
	}
	a.left--
	a.record(a.open.time, logs.Stdout, text)
	a.open.text += strings.TrimSuffix(text, "\n")
	if n := len(a.open.in); n == 0 || a.open.in[n-1] != a.files[0] {
		a.open.in = append(a.open.in, a.files[0])
	}
	if a.left < 0 {
		a.open.done = true
		a.open.key = fmt.Sprintf("%d %s %s", a.open.time, logs.Stdout, a.open.text)
		a.open = nil
	}
}

// check wants every line that could be had, once, and no other text; of a line whose
// beginning was gone before anybody could read it the rest may come.
func (a *alikeLog) check(got []string) error {
	count := make(map[string]int)
	for _, line := range got {
		count[line]++
	}
	torn := make(map[string]bool)
	for _, l := range a.lines {
		switch n := count[l.key]; {
		case !l.done:
		case n == 0 && !l.torn:
			return fmt.Errorf("line %d of %d bytes is lost", l.time, len(l.text))
		case n > 1:
			return fmt.Errorf("line %d of %d bytes came %d times", l.time, len(l.text), n)
		case n == 0:
			for at := l.time; at < l.time+9; at++ {
				torn[fmt.Sprint(at)] = true // equal pieces stay apart
			}
		}
		delete(count, l.key)
	}
	for line := range count {
		if at, _, _ := strings.Cut(line, " "); !torn[at] {
			return fmt.Errorf("%s has another text, of %d bytes", at, len(line))
		}
	}
	return nil
}

// TestV1StoppedAnywhere stops at any place, lets the log rotate meanwhile, and goes on.
func TestV1StoppedAnywhere(t *testing.T) {
	t.Parallel()
	all := rounds(30, 6)
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprintf("hold=%v", kept), func(t *testing.T) {
			t.Parallel()
			failed := 0
			for seed := range all {
				if err := alikeRound(t, seed, kept); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					failed++
				}
			}
			t.Logf("%d of %d failed", failed, all)
		})
	}
}

func alikeRound(t *testing.T, seed uint64, kept bool) error {
	rng := rand.New(rand.NewPCG(seed, 31))
	a := newAlikeLog(t, rng)
	k := newKeeper(t, 0, kept)
	k.format = a.format
	var r *reader
	opened := func(id identity) bool {
		return r != nil && slices.ContainsFunc(r.log.files, func(g *generation) bool { return g.id == id })
	}
	r = k.reader(a.live, 1, logs.Position{})
	var got []string
	for range 60 {
		switch rng.IntN(8) {
		case 0, 1, 2:
			for range 1 + rng.IntN(3) {
				a.write(opened)
				if rng.IntN(3) > 0 {
					a.must(r.log.Capture())
				}
			}
		case 3, 4, 5:
			r.step()
			if rng.IntN(2) == 0 {
				r.deliver()
			}
		default:
			at := r.saved()
			got = append(got, r.lines...)
			r.log.Close()
			before := k.linked()
			linked := func(id identity) bool { return slices.Contains(before, id) }
			a.forget(linked)
			for range rng.IntN(12) {
				a.write(linked)
			}
			a.lose(got)
			k.restart(0)
			r = k.reader(a.live, 1, at)
		}
		a.lose(append(slices.Clone(got), r.lines...))
	}
	for a.open != nil {
		a.write(opened)
		a.must(r.log.Capture())
	}
	r.drain()
	r.log.Close()
	return a.check(append(got, r.lines...))
}

// forget notes what nobody has any more once the reader has closed its files.
func (a *alikeLog) forget(linked func(identity) bool) {
	for _, l := range a.lines {
		for _, f := range l.in {
			f.gone = f.gone || !slices.Contains(a.files, f) && !linked(f.id)
		}
	}
}

// lose notes which lines were not handed over before a part of them was gone.
func (a *alikeLog) lose(got []string) {
	for _, l := range a.lines {
		if !l.torn && slices.ContainsFunc(l.in, func(f *alikeFile) bool { return f.gone }) {
			l.torn = !slices.Contains(got, l.key)
		}
	}
}

// linked returns the files that are linked.
func (k *keeper) linked() (out []identity) {
	for _, name := range k.links(1) {
		if info, err := os.Stat(k.path + "/" + id(1) + "/" + name); err == nil {
			out = append(out, identify(info))
		}
	}
	return out
}
