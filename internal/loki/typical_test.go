package loki

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

var words = strings.Fields("request served cache miss connection opened retry worker queue started finished user session token expired upstream timeout order payment accepted stored index rebuilt batch flushed")

// typical is a batch of lines as programs write them, a megabyte of one container.
func typical() *logs.Batch {
	labels := logs.NewLabels(map[string]string{"container": "web", "host": "h"}, map[string]string{"container_id": strings.Repeat("0123456789abcdef", 4)})
	random := rand.New(rand.NewPCG(1, 1))
	var b logs.Batch
	for at := int64(1_700_000_000_000_000_000); b.Bytes < 900<<10; at += 50_000 + random.Int64N(100_000) {
		some := make([]string, 3+random.IntN(10))
		for i := range some {
			some[i] = words[random.IntN(len(words))]
		}
		line := fmt.Sprintf("t=%d c=00042 n=%010d ", at, b.Entries)
		if b.Entries%5 < 3 {
			line += fmt.Sprintf(`{"level":"info","msg":%q,"path":"/api/v1/orders","ms":%d} `, strings.Join(some, " "), random.IntN(5000))
		} else {
			line += fmt.Sprintf("level=info msg=%q path=/login rows=%d caller=store/rows.go:%d id=", strings.Join(some, " "), random.IntN(1000), random.IntN(900))
		}
		line += fmt.Sprintf("%016x", random.Uint64())
		b.Add(labels, logs.Entry{Time: at, Line: []byte(line)})
	}
	return &b
}

func BenchmarkEncodeTypical(b *testing.B) {
	batch := typical()
	var e encoder
	b.SetBytes(int64(batch.Bytes - batch.Entries*logs.EntryOverhead))
	b.ReportAllocs()
	var size int
	for b.Loop() {
		size = len(e.encode(batch))
	}
	b.ReportMetric(float64(size)/float64(batch.Entries), "packed/line")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Entries), "ns/line")
}
