package sink

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/bench/line"
)

// otlp is a request as the Collector's exporter sends it, with fields that are skipped, and
// the resource behind what belongs to it.
func otlp(name string, items []item) []byte {
	field := func(dst []byte, number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), value)
	}
	fixed := func(dst []byte, number protowire.Number, value int64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(dst, number, protowire.Fixed64Type), uint64(value))
	}
	var scope []byte
	for _, it := range items {
		record := fixed(nil, 1, it.nano)
		record = protowire.AppendVarint(protowire.AppendTag(record, 2, protowire.VarintType), 9)
		record = field(record, 5, field(nil, 1, []byte(it.text)))
		record = field(record, 6, field(nil, 1, []byte("attribute")))
		scope = field(scope, 2, fixed(record, 11, 1))
	}
	logs := field(nil, 2, field(scope, 1, nil))
	return field(nil, 1, field(logs, 1, field(nil, 1, []byte(name))))
}

func pushOTLP(t *testing.T, s *Sink, body []byte) int {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body)
	_ = z.Close()
	r := httptest.NewRequest(http.MethodPost, "/otlp/v1/logs", &packed)
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

func TestOTLP(t *testing.T) {
	items, ledger := written(500)
	s := New()
	if code := pushOTLP(t, s, append(otlp("a", items[:250]), otlp("b", items[250:])...)); code != http.StatusNoContent {
		t.Fatalf("answered %d", code)
	}
	r := s.Report()
	if v := r.Judge(ledger, true); v != (Verdict{}) || r.Lines != 500 || r.Streams != 2 {
		t.Errorf("verdict %v, %d lines, %d streams", v, r.Lines, r.Streams)
	}
	if code := pushOTLP(t, New(), []byte("\x0a\xff")); code != http.StatusBadRequest {
		t.Errorf("cut short: answered %d", code)
	}
}

func TestJSONLine(t *testing.T) {
	items, ledger := written(500)
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		row, _ := json.Marshal(map[string]string{"_time": time.Unix(0, it.nano).UTC().Format(time.RFC3339Nano), "_msg": it.text + "\n", "file": "a", "stream": "stdout", "hostname": "h"})
		_, _ = z.Write(append(row, '\n'))
	}
	_ = z.Close()
	send := func(s *Sink, body []byte) int {
		r := httptest.NewRequest(http.MethodPost, "/insert/jsonline", bytes.NewReader(body))
		r.Header.Set("Content-Encoding", "zstd")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	s := New()
	if code := send(s, packed.Bytes()); code != http.StatusNoContent {
		t.Fatalf("answered %d", code)
	}
	r := s.Report()
	if v := r.Judge(ledger, true); v != (Verdict{}) || r.Lines != 500 || r.Streams != 1 {
		t.Errorf("verdict %v, %d lines, %d streams", v, r.Lines, r.Streams)
	}
	if code := send(New(), []byte("no zstd")); code != http.StatusBadRequest {
		t.Errorf("answered %d", code)
	}
}

// TestEachLineIsCompared: one by one, where sums of a container tell only of the first.
func TestEachLineIsCompared(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func([]item) []item
		want  Arrived
	}{
		{"nothing", func(l []item) []item { return l }, Arrived{}},
		{"lost and repeated", func(l []item) []item { return append(l[:97:97], l[0], l[1]) }, Arrived{Lost: 3, Repeated: 2}},
		{"texts", func(l []item) []item { l[50].text += "x"; l[52].text += "x"; return l }, Arrived{Changed: 2}},
		{"texts of a container with lost lines", func(l []item) []item { l[50].text += "x"; return l[:98] }, Arrived{Lost: 2, Changed: 1}},
		{"times", func(l []item) []item { l[50].nano++; l[52].nano -= 1000; return l }, Arrived{Retimed: 2}},
		{"header", func(l []item) []item { l[50].text = "x" + l[50].text; return l }, Arrived{Lost: 1, Changed: 1}},
		{"another container", func(l []item) []item {
			text, _ := line.NewMaker(1).Text(line.Header{Written: 5, Container: 9})
			return append(l, item{5, string(text)})
		}, Arrived{Changed: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			items, ledger := written(100)
			s := New()
			s.Expect(Expected{Maker: line.NewMaker(1)})
			if code := push(t, s, protobuf(test.spoil(items))); code != http.StatusNoContent {
				t.Fatalf("answered %d", code)
			}
			if got := s.Report().Arrived(ledger); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

// TestUndropped: a line that a stage ought to have dropped does not make up for one that
// is lost.
func TestUndropped(t *testing.T) {
	m, ledger := line.NewSpreadMaker(1), make(line.Ledger)
	var items []item
	debug, kept := 0, 0
	for i := range 200 {
		h := line.Header{Written: 1764000000000000000 + int64(i), Number: i}
		text, _ := m.Text(h)
		if m.Debug(h) {
			debug++
		} else {
			ledger.Of(0).Add(text, h.Written)
			if kept++; kept == 1 {
				continue // lost
			}
		}
		items = append(items, item{h.Written, string(text)})
	}
	s := New()
	s.Expect(Expected{Maker: line.NewSpreadMaker(1), Drops: true})
	push(t, s, protobuf(items))
	if got, want := s.Report().Arrived(ledger), (Arrived{Lost: 1, Changed: debug}); got != want || debug == 0 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if n := s.Distinct(); n != kept-1 {
		t.Errorf("%d distinct lines, want %d", n, kept-1)
	}
}
