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

// BenchmarkSave is a save of 5,000 containers, of which so many have moved, disk included.
func BenchmarkSave(b *testing.B) {
	for _, moved := range []int{1, manyContainers} {
		b.Run(fmt.Sprint(moved), func(b *testing.B) {
			s := many(b)
			mustSave(b, s)
			for b.Loop() {
				for i := range moved {
					s.Commit(containerID(i), position(1))
				}
				mustSave(b, s)
			}
		})
	}
}

// BenchmarkRenew is what is done instead when a file has grown long.
func BenchmarkRenew(b *testing.B) {
	s := many(b)
	mustSave(b, s)
	v := &saver{}
	for b.Loop() {
		must(b, s.renew(v))
	}
	b.ReportMetric(float64(len(v.buf)), "bytes/file")
}

// BenchmarkSnapshot is the part of that which commits have to wait for.
func BenchmarkSnapshot(b *testing.B) {
	s := many(b)
	var buf []byte
	for b.Loop() {
		buf = s.table.begin(buf[:0])
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
				if len(s.hurry) > 0 { // as Run does, at another time
					b.StopTimer()
					<-s.hurry
					mustSave(b, s)
					b.StartTimer()
				}
				began++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(began)/float64(containers), "ns/container")
		})
	}
}
