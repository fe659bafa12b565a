package tail

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// runLinkedModel is one round. With stale a crash may come after a delivery and
// before its position was saved.
func runLinkedModel(t *testing.T, seed uint64, stale bool) {
	rng := rand.New(rand.NewPCG(seed, 11))
	k := newKeeper(t, 0, true)
	m := &model{writer: newWriter(t), rng: rng}
	m.maxFiles = 2 + rng.IntN(3)
	m.compress = rng.IntN(2) == 0
	m.format = logs.FileFormat(rng.IntN(2))
	k.format = m.format
	r := k.reader(m.live, 1, logs.Position{})
	var got []string
	// saved is what is on disk, and lines is how many are delivered: the rest
	// comes again.
	saved, lines := r.saved(), 0
	var releases []func()
	for range 120 {
		switch rng.IntN(9) {
		case 0, 1:
			m.rotate()
			m.must(r.log.Capture())
		case 2, 3:
			r.step()
		case 4:
			lines = len(r.lines)
			release := r.log.Delivered(r.log.Needed())
			releases = append(releases, release)
			if !stale || rng.IntN(2) == 0 {
				saved = r.saved()
				for _, release := range releases {
					if release != nil {
						release()
					}
				}
				releases = nil
			}
		case 5:
			got = append(got, r.lines[:lines]...)
			r.log.Close()
			// The file that was live, and one more, rotate away.
			for range rng.IntN(m.maxFiles) {
				m.write()
				m.rotate()
			}
			k.restart(0)
			r = k.reader(m.live, 1, saved)
			lines, releases = 0, nil
		default:
			m.write()
		}
	}
	m.endLines()
	r.drain()
	r.log.Flush(r.emit)
	got = append(got, r.lines...)
	if stale {
		checkAll(t, m, got)
	} else {
		check(t, m, got)
	}
	for _, release := range append(releases, r.log.Delivered(r.log.Needed())) {
		if release != nil {
			release()
		}
	}
	// An empty live file is not recognised: the end of the one before stands for it.
	want := 1
	if info, err := os.Stat(m.live); err == nil && info.Size() == 0 {
		want = 2
	}
	if links := k.links(1); len(links) > want {
		t.Errorf("links left: %v", links)
	}
}

// checkAll wants every line at least once, as it was written.
func checkAll(t *testing.T, m *model, got []string) {
	t.Helper()
	written := make(map[string]bool)
	for _, all := range m.want {
		for _, line := range all {
			written[line] = false
		}
	}
	for _, line := range got {
		if _, ok := written[line]; !ok {
			t.Errorf("%.60s (%d bytes) was not written", line, len(line))
		}
		written[line] = true
	}
	for line, there := range written {
		if !there {
			t.Errorf("%.60s (%d bytes) is lost", line, len(line))
		}
	}
}
