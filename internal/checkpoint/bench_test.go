package checkpoint

import "testing"

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
