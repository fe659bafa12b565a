package checkpoint

import (
	"fmt"
	"testing"
)

const manyContainers = 5000

func many(b *testing.B) *Store {
	s, _ := open(b, b.TempDir())
	for i := range manyContainers {
		s.SetLabels(containerID(i), []LabelsSince{{Labels: labels(containerID(i)[:12])}})
		s.Commit(containerID(i), position(int64(i)))
	}
	return s
}

// BenchmarkSave saves 5,000 containers of which all have moved, disk included.
func BenchmarkSave(b *testing.B) {
	s := many(b)
	for b.Loop() {
		s.Commit(containerID(1), position(1))
		mustSave(b, s)
	}
	b.ReportMetric(float64(len(s.buf)), "bytes/file")
}

// BenchmarkSnapshot is the part of a save that commits have to wait for.
func BenchmarkSnapshot(b *testing.B) {
	s := many(b)
	for b.Loop() {
		s.changed()
		s.snapshot()
	}
}

func BenchmarkCommit(b *testing.B) {
	s, _ := open(b, b.TempDir())
	p := position(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Commit("a", p)
	}
}

// BenchmarkFlush is what a push costs that moved so many containers: their
// commits, and one write.
func BenchmarkFlush(b *testing.B) {
	for _, containers := range []int{1, 50, manyContainers} {
		b.Run(fmt.Sprint(containers), func(b *testing.B) {
			s, _ := open(b, b.TempDir())
			var ids []string
			for i := range containers {
				ids = append(ids, containerID(i))
			}
			p := position(1 << 40)
			began := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				for _, id := range ids {
					s.Commit(id, p)
				}
				s.Flush()
				if s.logFile.size > maxLogSize/2 { // as saves do
					s.mu.Lock()
					s.owe(s.base)
					s.mu.Unlock()
				}
				began++
			}
			if text := s.Stats().LogError; text != "" {
				b.Fatal(text)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(began)/float64(containers), "ns/container")
		})
	}
}
