package sink

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/bench/line"
)

// item is a line to push.
type item struct {
	nano int64
	text string
}

// written returns lines of containers 0 and 1 and their ledger.
func written(n int) (items []item, ledger line.Ledger) {
	m, ledger := line.NewMaker(1), make(line.Ledger)
	for i := range n {
		h := line.Header{Written: time.Now().UnixNano(), Container: i % 2, Number: i / 2}
		text, _ := m.Text(h)
		ledger.Of(h.Container).Add(text, h.Written)
		items = append(items, item{h.Written, string(text)})
	}
	return items, ledger
}

func protobuf(items []item) []byte {
	field := func(dst []byte, number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), value)
	}
	stream := field(nil, 1, []byte(`{a="b"}`))
	for _, it := range items {
		at := protowire.AppendTag(nil, 1, protowire.VarintType)
		at = protowire.AppendVarint(at, uint64(it.nano/1e9))
		at = protowire.AppendTag(at, 2, protowire.VarintType)
		at = protowire.AppendVarint(at, uint64(it.nano%1e9))
		entry := field(field(nil, 1, at), 2, []byte(it.text))
		stream = field(stream, 2, field(entry, 3, []byte("metadata")))
	}
	return s2.EncodeSnappy(nil, field(nil, 1, stream))
}

func asJSON(items []item) []byte {
	var values [][2]string
	for _, it := range items {
		values = append(values, [2]string{strconv.FormatInt(it.nano, 10), it.text})
	}
	text, err := json.Marshal(map[string]any{"streams": []any{map[string]any{"stream": map[string]string{"a": "b"}, "values": values}}})
	if err != nil {
		panic(err)
	}
	return text
}

func push(t *testing.T, s *Sink, body []byte, headers ...string) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/loki/api/v1/push", bytes.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

func TestFormats(t *testing.T) {
	items, ledger := written(500)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(asJSON(items))
	_ = z.Close()
	for name, send := range map[string]func(*Sink) int{
		"protobuf": func(s *Sink) int {
			return push(t, s, protobuf(items), "Content-Type", "application/x-protobuf")
		},
		"JSON": func(s *Sink) int {
			return push(t, s, asJSON(items), "Content-Type", "application/json; charset=utf-8")
		},
		"JSON with gzip": func(s *Sink) int {
			return push(t, s, packed.Bytes(), "Content-Type", "application/json", "Content-Encoding", "gzip")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := New()
			s.began = time.Unix(0, 0)
			if code := send(s); code != http.StatusNoContent {
				t.Fatalf("answered %d", code)
			}
			r := s.Report()
			if v := r.Judge(ledger, true); v != (Verdict{}) {
				t.Errorf("verdict %v", v)
			}
			if r.Lines != 500 || r.Requests != 1 || r.Streams != 1 || r.Body == 0 || r.P95 == 0 || r.FirstNew == 0 {
				t.Errorf("report %+v", r)
			}
		})
	}
}

func TestRefusesWhatIsNoPush(t *testing.T) {
	for name, headers := range map[string][]string{
		"protobuf": {"Content-Type", "application/x-protobuf"}, "JSON": {"Content-Type", "application/json"}, "gzip": {"Content-Encoding", "gzip"},
	} {
		if code := push(t, New(), []byte("\xff no push"), headers...); code != http.StatusBadRequest {
			t.Errorf("%s: answered %d", name, code)
		}
	}
	if code := push(t, New(), s2.EncodeSnappy(nil, []byte("\x0a\xff"))); code != http.StatusBadRequest {
		t.Errorf("cut short: answered %d", code)
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func([]item) []item
		want  Verdict
	}{
		{"nothing", func(l []item) []item { return l }, Verdict{}},
		{"lost", func(l []item) []item { return append(l[:10:10], l[13:]...) }, Verdict{Lost: 3}},
		{"repeated", func(l []item) []item { return append(l, l[98], l[99]) }, Verdict{Repeated: 2}},
		{"reordered", func(l []item) []item { l[20], l[30] = l[30], l[20]; return l }, Verdict{Reordered: 5}},
		{"text", func(l []item) []item { l[50].text += "x"; return l }, Verdict{Changed: 1}},
		{"time", func(l []item) []item { l[50].nano++; return l }, Verdict{Changed: 1}},
		{"header", func(l []item) []item { l[50].text = "x" + l[50].text; return l }, Verdict{Lost: 1, Changed: 1}},
		{"more than was written", func(l []item) []item {
			return append(l, item{1, fmt.Sprintf("t=%019d c=00001 n=0000000777 x", 1)})
		}, Verdict{Changed: 1}},
		{"another container", func(l []item) []item {
			return append(l, item{1, fmt.Sprintf("t=%019d c=00009 n=0000000000 x", 1)})
		}, Verdict{Changed: 1}},
		{"a number out of bounds", func(l []item) []item {
			return append(l, item{1, fmt.Sprintf("t=%019d c=00001 n=9999999999 x", 1)})
		}, Verdict{Changed: 1}},
		{"nothing came", func([]item) []item { return nil }, Verdict{Lost: 100}},
	} {
		t.Run(test.name, func(t *testing.T) {
			items, ledger := written(100)
			s := New()
			if code := push(t, s, protobuf(test.spoil(items))); code != http.StatusNoContent {
				t.Fatalf("answered %d", code)
			}
			got := s.Report().Judge(ledger, true)
			if got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
			if got.Exact() != (test.name == "nothing" || test.name == "reordered") {
				t.Errorf("exact is %t", got.Exact())
			}
		})
	}
}

func TestLineFeedAtTheEndIsNoChange(t *testing.T) {
	items, ledger := written(10)
	for i := range items {
		items[i].text += "\n"
	}
	s := New()
	push(t, s, protobuf(items))
	if v := s.Report().Judge(ledger, true); v != (Verdict{}) {
		t.Errorf("verdict %v", v)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for i := 1; i <= 1000; i++ {
		h.Add(time.Duration(i) * time.Millisecond)
	}
	h.Add(-time.Second)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.95: 950 * time.Millisecond, 1: time.Second} {
		if got := h.Quantile(q); got < want || got > want+want/32 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	for d := time.Duration(1); d < time.Hour; d = d*5/4 + 1 {
		if at := bucket(uint64(d)); upper(at) < d || upper(at) > d+d/32 {
			t.Fatalf("%v is in a bucket up to %v", d, upper(at))
		}
	}
}
