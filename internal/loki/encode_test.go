package loki

import (
	"bytes"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// fields takes a protobuf message apart by the wire format alone.
func fields(t testing.TB, message []byte) (out []struct {
	number protowire.Number
	varint uint64
	bytes  []byte
}) {
	t.Helper()
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		message = message[n:]
		var f struct {
			number protowire.Number
			varint uint64
			bytes  []byte
		}
		f.number = number
		switch kind {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			t.Fatalf("kind %d", kind)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		message = message[n:]
		out = append(out, f)
	}
	return out
}

// render writes a push request in words, an entry's fields in the order of their numbers.
func render(t testing.TB, request []byte) string {
	var out strings.Builder
	for _, stream := range fields(t, request) {
		for _, f := range fields(t, stream.bytes) {
			if f.number == 1 {
				fmt.Fprintf(&out, "%s\n", f.bytes)
				continue
			}
			entry := fields(t, f.bytes)
			sort.SliceStable(entry, func(i, j int) bool { return entry[i].number < entry[j].number })
			for _, e := range entry {
				switch e.number {
				case 1:
					at := fields(t, e.bytes)
					fmt.Fprintf(&out, "%d.%09d", int64(at[0].varint), at[1].varint)
				case 2:
					fmt.Fprintf(&out, " %q", e.bytes)
				case 3:
					pair := fields(t, e.bytes)
					fmt.Fprintf(&out, " %s=%s", pair[0].bytes, pair[1].bytes)
				}
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// encoded is the push request of a batch, uncompressed.
func encoded(t testing.TB, b *logs.Batch) []byte {
	t.Helper()
	var e encoder
	plain, err := s2.Decode(nil, e.encode(b))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestEncodeInBlocks: a request of many blocks, and lines longer than one, in an
// encoder that was used before.
func TestEncodeInBlocks(t *testing.T) {
	web := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "abc"})
	var e encoder
	for _, sizes := range [][]int{{0}, {blockSize - 200, 300, 0}, {3 * blockSize, 1, 2 * blockSize, 70_000}, {10, 20, 30}} {
		var b logs.Batch
		var want strings.Builder
		want.WriteString("{container=\"web\", stream=\"stdout\"}\n")
		for i := range 2000 {
			// What repeats from block to block must not be looked for there.
			line := fmt.Sprintf("line %d %s", i, strings.Repeat("text ", i%50))
			if i < len(sizes) {
				line = strings.Repeat(string(rune('a'+i)), sizes[i])
			}
			nano := int64(i) * 400_000_000
			b.Add(web, logs.Entry{Time: nano, Line: []byte(line)})
			fmt.Fprintf(&want, "%d.%09d %q container_id=abc\n", nano/1e9, nano%1e9, line)
		}
		plain, err := s2.Decode(nil, e.encode(&b))
		if err != nil {
			t.Fatal(err)
		}
		if got := render(t, plain); got != want.String() {
			t.Errorf("sizes %v: another request of %d bytes", sizes, len(plain))
		}
	}
}

func TestEncode(t *testing.T) {
	var b logs.Batch
	web := logs.NewLabels(map[string]string{"container": `we"b`, "zone": "z", "empty": "", "bad": "\xff"}, map[string]string{"container_id": "abc"})
	db := logs.NewLabels(map[string]string{"container": "db"}, nil)
	b.Add(web, logs.Entry{Time: 1_700_000_000_123_456_789, Line: []byte("one")})
	b.Add(web, logs.Entry{Time: 2, Stream: logs.Stderr})
	b.Add(db, logs.Entry{Time: -1, Line: []byte(strings.Repeat("y", 300))})
	b.Add(web, logs.Entry{Time: 1_700_000_001_000_000_000, Line: []byte("two")})
	want := `{bad="` + "\ufffd" + `", container="we\"b", stream="stdout", zone="z"}
1700000000.123456789 "one" container_id=abc
1700000001.000000000 "two" container_id=abc
{bad="` + "\ufffd" + `", container="we\"b", stream="stderr", zone="z"}
0.000000002 "" container_id=abc
{container="db", stream="stdout"}
-1.999999999 "` + strings.Repeat("y", 300) + `"
`
	if got := render(t, encoded(t, &b)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDeterministic: Loki knows an entry that is sent again only when all of it is equal.
func TestDeterministic(t *testing.T) {
	encode := func() []byte {
		labels := logs.NewLabels(map[string]string{"a": "1", "b": "2", "c": "3", "z": "4"}, map[string]string{"k": "v", "l": "w"})
		var b logs.Batch
		b.Add(labels, logs.Entry{Time: 1, Line: []byte("x")})
		return encoded(t, &b)
	}
	first := encode()
	for range 50 {
		if !bytes.Equal(encode(), first) {
			t.Fatal("two encodings of one entry differ")
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	labels := logs.NewLabels(map[string]string{"container": "web", "host": "h"}, map[string]string{"container_id": strings.Repeat("a", 64)})
	var batch logs.Batch
	line := []byte(strings.Repeat("a line of text ", 12))
	for i := range 5000 {
		batch.Add(labels, logs.Entry{Time: 1_700_000_000_000_000_000 + int64(i)*1000, Line: line})
	}
	var e encoder
	b.SetBytes(int64(batch.Bytes))
	b.ReportAllocs()
	for b.Loop() {
		e.encode(&batch)
	}
}

// TestEncodeDoesNotAllocate keeps the hot path free of garbage: what is allocated is
// per stream.
func TestEncodeDoesNotAllocate(t *testing.T) {
	labels := &logs.Labels{Pairs: []logs.Label{{Name: "a", Value: "b"}}, Metadata: []logs.Label{{Name: "container_id", Value: "c"}}}
	allocations := func(entries int) float64 {
		var b logs.Batch
		for i := range entries {
			b.Add(labels, logs.Entry{Time: int64(i), Line: []byte("a line")})
		}
		var e encoder
		e.encode(&b)
		// What other goroutines of the process allocate meanwhile is counted, too: the least
		// of several is the encoder's own.
		least := math.Inf(1)
		for range 5 {
			least = min(least, testing.AllocsPerRun(20, func() { e.encode(&b) }))
		}
		return least
	}
	if few, many := allocations(1), allocations(5000); many > few {
		t.Errorf("%v allocations for 5,000 entries, %v for one", many, few)
	}
}
