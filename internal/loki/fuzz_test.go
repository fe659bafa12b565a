package loki

import (
	"testing"

	"github.com/lighterman/lighterman/internal/logs"
)

// FuzzClassify: whatever is answered to whatever batch, nothing panics, and what
// is counted exactly is no more than was sent.
func FuzzClassify(f *testing.F) {
	f.Add(400, "text/plain", "", "entry with timestamp 2026-01-01 00:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: "+
		"2026-01-01T00:00:00Z, oldest acceptable timestamp is: 2026-01-02T00:00:00Z',\nuser 'fake', total ignored: 1 out of 1 for stream: {container=\"a\", stream=\"stdout\"}", []byte{1})
	f.Add(400, "text/plain", "", "2 errors like: entry for stream '{container=\"a\", stream=\"stdout\"}' has timestamp too old: 1; 1 errors like: max entry size", []byte{2, 1})
	f.Add(400, "text/plain", "", "1 errors like: stream '{container=\"a\", service_name=\"a\", stream=\"stdout\"}' has label value too long: 'x'", []byte{3})
	f.Add(429, "text/plain", "5", "ingestion rate limit exceeded for user fake (limit: 10 bytes/sec) while attempting to ingest '3' lines totaling '11' bytes", []byte{3})
	f.Add(429, "text/plain", "Wed, 21 Oct 2099 07:28:00 GMT", "Per stream rate limit exceeded (limit: 3MB/sec)", []byte{200})
	f.Add(500, "", "", "grpc: received message larger than max", []byte{1, 1})
	f.Add(301, "text/html", "", "<html>", []byte{})
	f.Fuzz(func(t *testing.T, status int, kind, after, text string, sizes []byte) {
		groups := make([]int, 0, 8)
		for _, n := range sizes[:min(len(sizes), 8)] {
			groups = append(groups, int(n))
		}
		b := batch(groups...)
		out := classified(answer(status, "Content-Type", kind, "Retry-After", after, "Location", after), text, b)
		if (out.Kind == logs.Accepted) != (out.Err == nil) || out.RetryAfter < 0 {
			t.Fatalf("%+v", out)
		}
		total := 0
		for _, r := range out.Rejects {
			if r.Count <= 0 || r.Reason == "" {
				t.Fatalf("reject %+v", r)
			}
			total += r.Count
		}
		if out.Exact && (out.Kind != logs.Refused || total == 0 || total > b.Entries) {
			t.Fatalf("%d of %d: %+v", total, b.Entries, out)
		}
	})
}
