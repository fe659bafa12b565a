package tail

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestLinkedModel writes, rotates, reads, delivers and crashes in random order,
// with far more rotation than Docker keeps, and wants every line of every file
// that was open once. Where the last position was not saved some come again, as
// they were.
func TestLinkedModel(t *testing.T) {
	t.Parallel()
	for seed := range rounds(60, 12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runLinkedModel(t, seed, false) })
		t.Run(fmt.Sprint(seed, " not saved"), func(t *testing.T) { runLinkedModel(t, seed, true) })
	}
}

// TestLinkedInPlace: a file may have been compressed, and so have lost its name, between our
// opening and our linking it. What it was compressed to is linked in its place, at once or
// by the next process, and is read in order when rotation has taken that away, too.
func TestLinkedInPlace(t *testing.T) {
	t.Parallel()
	for _, format := range []logs.FileFormat{logs.JSONLines, logs.Frames} {
		for _, at := range []string{"at once", "by the next process"} {
			for _, missing := range [][]int{{1}, {1, 2}, {2}, {1, 3}} {
				t.Run(fmt.Sprintf("format %d/%s/%v", format, at, missing), func(t *testing.T) {
					linkedInPlace(t, format, at == "at once", missing)
				})
			}
		}
	}
}

func linkedInPlace(t *testing.T, format logs.FileFormat, atOnce bool, missing []int) {
	k, w := newKeeper(t, 0, true), newWriter(t)
	w.format, k.format, w.compress, w.maxFiles = format, format, true, 8
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	nothing := r.saved()
	next := 11
	for range 5 {
		w.rotate()
		w.must(r.log.Capture())
		w.number(next, next+9)
		next += 10
	}
	for _, n := range missing {
		r.log.files[n].held.Release() // as if it had had no name to be linked by
	}
	if atOnce {
		r.log.mu.Lock()
		r.log.linkCopies(r.log.files)
		r.log.mu.Unlock()
	}
	kill := func() {
		r.log.Close()
		k.restart(0)
	}
	kill()
	if !atOnce {
		r = k.reader(w.live, 1, nothing)
		kill()
	}
	links := k.links(1)
	for n := range 6 {
		if n >= len(links) || !strings.HasPrefix(links[n], fmt.Sprintf("%010d-", n)) || strings.HasSuffix(links[n], gzipSuffix) != slices.Contains(missing, n) {
			t.Fatalf("links: %v", links)
		}
	}
	for range 7 { // as many as the engine keeps: what the links stand for is gone
		w.rotate()
		w.number(next, next+9)
		next += 10
	}
	r = k.reader(w.live, 1, nothing)
	expect(t, r.drain(), want(1, next-1))
	if r.events != (counter{}) {
		t.Errorf("%+v", r.events)
	}
}

// TestLinkedCopyGivenUp: a file whose copy was linked in its stead is given up for that copy:
// the link stays, and nothing is said of it.
func TestLinkedCopyGivenUp(t *testing.T) {
	k, w := newKeeper(t, 0, true), newWriter(t)
	w.compress = true
	w.number(1, 10)
	r := k.reader(w.live, 1, logs.Position{})
	for n := range 2 {
		w.rotate()
		w.must(r.log.Capture())
		w.number(11+10*n, 20+10*n)
	}
	g := r.log.files[1]
	g.held.Release()
	r.log.mu.Lock()
	r.log.linkCopies(r.log.files)
	exchanged := r.log.exchange(g)
	r.log.mu.Unlock()
	if got := k.Stats(); !exchanged || g.held.Name() == "" || got.Problem != nil || len(k.links(1)) != 3 {
		t.Errorf("%v, %q, %+v, links %v", exchanged, g.held.Name(), got, k.links(1))
	}
	expect(t, r.drain(), want(1, 30))
	r.deliver()
	if links := k.links(1); len(links) != 1 {
		t.Errorf("links left: %v", links)
	}
}
