package otlp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lighterman/lighterman/internal/logs"
)

// record is a LogRecord with the resource and the scope that it came under.
type record struct {
	resource, attributes map[string]string
	scope                string
	time, observed       uint64
	severity             uint64
	severityText, body   string
}

// field is one field of a message: a number, or what has a length.
type field struct {
	number  protowire.Number
	n       uint64
	content []byte
}

// fields takes a message apart, and fails where it is damaged.
func fields(t testing.TB, message []byte) (out []field) {
	t.Helper()
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			t.Fatalf("damaged: %v", protowire.ParseError(size))
		}
		message = message[size:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.n, size = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			f.n, size = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			f.content, size = protowire.ConsumeBytes(message)
		default:
			t.Fatalf("field %d has type %d", number, kind)
		}
		if size < 0 {
			t.Fatalf("damaged: %v", protowire.ParseError(size))
		}
		message = message[size:]
		out = append(out, f)
	}
	return out
}

// decode reads an ExportLogsServiceRequest.
func decode(t testing.TB, request []byte) (out []record) {
	t.Helper()
	for _, f := range fields(t, request) {
		resource, scope := make(map[string]string), ""
		for _, f := range fields(t, f.content) {
			switch f.number {
			case fieldResource:
				for _, f := range fields(t, f.content) {
					attribute(t, resource, f.content)
				}
			case fieldScopeLogs:
				for _, f := range fields(t, f.content) {
					if f.number == fieldScope {
						scope = string(fields(t, f.content)[0].content)
						continue
					}
					r := decodeRecord(t, f.content)
					r.resource, r.scope = resource, scope
					out = append(out, r)
				}
			}
		}
	}
	return out
}

func decodeRecord(t testing.TB, message []byte) record {
	t.Helper()
	r := record{attributes: make(map[string]string)}
	for _, f := range fields(t, message) {
		switch f.number {
		case fieldTime:
			r.time = f.n
		case fieldObserved:
			r.observed = f.n
		case fieldSeverity:
			r.severity = f.n
		case fieldSeverityText:
			r.severityText = string(f.content)
		case fieldBody:
			r.body = string(fields(t, f.content)[0].content)
		case fieldRecordAttrs:
			attribute(t, r.attributes, f.content)
		default:
			t.Errorf("a record has field %d", f.number)
		}
	}
	return r
}

// attribute reads a KeyValue, whose key must not come twice.
func attribute(t testing.TB, into map[string]string, message []byte) {
	t.Helper()
	pair := fields(t, message)
	name := string(pair[0].content)
	if _, twice := into[name]; twice {
		t.Errorf("attribute %q comes twice", name)
	}
	into[name] = string(fields(t, pair[1].content)[0].content)
}

// TestEncode: labels become attributes of the resource, the stream and structured metadata
// those of records, and a level the severity.
func TestEncode(t *testing.T) {
	labels := logs.NewLabels(map[string]string{"container": "web", "service_name": "shop", "odd": "a\xffb"}, map[string]string{"container_id": "0123", "id": "all"})
	labels.Level = true
	b := &logs.Batch{}
	add := func(l *logs.Labels, at int64, line string, stream logs.Stream, metadata ...string) {
		e := logs.Entry{Time: at, Line: []byte(line), Stream: stream}
		if len(metadata) > 0 {
			e.Extra = &logs.Extra{}
		}
		for i := 0; i < len(metadata); i += 2 {
			e.Extra.Metadata = e.Extra.Metadata.Append(metadata[i], metadata[i+1])
		}
		b.Add(l, e)
	}
	add(labels, 1700000000123456789, "plain äöü", logs.Stdout)
	add(labels, 1700000000123456790, `{"level":"warn","msg":"x"}`, logs.Stdout, "trace", "77", "id", "own")
	add(labels, 1700000000123456791, "", logs.Stdout, "detected_level", "critical")
	add(labels, 1700000000123456792, "E1104 failed", logs.Stderr, "detected_level", "bespoke")
	renamed := logs.NewLabels(map[string]string{"std": "out"}, map[string]string{"detected_level": "debug"})
	renamed.Whole = true
	add(renamed, 1, "level=error", logs.Stdout)
	shop := map[string]string{"container": "web", "service.name": "shop", "odd": "a\ufffdb"}
	at := uint64(1700000000123456789)
	want := []record{
		{resource: shop, scope: "lighterman", time: at, observed: at, body: "plain äöü", attributes: map[string]string{"log.iostream": "stdout", "container_id": "0123", "id": "all"}},
		{resource: shop, scope: "lighterman", time: at + 1, observed: at + 1, severity: 13, severityText: "warn", body: `{"level":"warn","msg":"x"}`, attributes: map[string]string{"log.iostream": "stdout", "container_id": "0123", "id": "all", "trace": "77"}},
		{resource: shop, scope: "lighterman", time: at + 2, observed: at + 2, severity: 18, severityText: "critical", attributes: map[string]string{"log.iostream": "stdout", "container_id": "0123", "id": "all"}},
		{resource: shop, scope: "lighterman", time: at + 3, observed: at + 3, severityText: "bespoke", body: "E1104 failed", attributes: map[string]string{"log.iostream": "stderr", "container_id": "0123", "id": "all"}},
		{resource: map[string]string{"std": "out"}, scope: "lighterman", time: 1, observed: 1, severity: 5, severityText: "debug", body: "level=error", attributes: map[string]string{}},
	}
	var e encoder
	for range 2 { // also in memory that is used again
		got := decode(t, encoded(t, &e, b))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", shown(got), shown(want))
		}
	}
}

func encoded(t *testing.T, e *encoder, b *logs.Batch) []byte {
	t.Helper()
	out, err := e.encode(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEncodeBounds: metadata that a container's owner has made long goes with each of its
// lines. A request of many is refused before it takes much memory; one line passes, however
// large it is, and what follows takes no more memory than usual.
func TestEncodeBounds(t *testing.T) {
	labels := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"a": strings.Repeat("x", 2000), "b": strings.Repeat("x", 2000), "c": strings.Repeat("x", 2000)})
	b := &logs.Batch{}
	for i := range 30_000 {
		b.Add(labels, logs.Entry{Time: int64(i)})
	}
	var e encoder
	if _, err := e.encode(b); !errors.Is(err, errLarge) || cap(e.plain)+cap(e.records) > 3*most {
		t.Errorf("%v, %d MiB", err, (cap(e.plain)+cap(e.records))>>20)
	}
	one := &logs.Batch{}
	one.Add(labels, logs.Entry{Line: []byte(strings.Repeat("x", 5*most))})
	if got := decode(t, encoded(t, &e, one)); len(got) != 1 || len(got[0].body) != 5*most {
		t.Error("one large line does not pass")
	}
	two := &logs.Batch{}
	two.Add(labels, logs.Entry{Line: []byte("a")})
	two.Add(labels, logs.Entry{Line: []byte("b")})
	if encoded(t, &e, two); cap(e.plain)+cap(e.records) > most {
		t.Errorf("%d MiB are kept", (cap(e.plain)+cap(e.records))>>20)
	}
	two.Add(labels, logs.Entry{Line: []byte(strings.Repeat("x", most))})
	if _, err := e.encode(two); !errors.Is(err, errLarge) {
		t.Errorf("a large line among others: %v", err)
	}
}

func shown(records []record) (out string) {
	for _, r := range records {
		out += fmt.Sprintf("%+v\n", r)
	}
	return out
}

// TestEncodeNoLevel: without detect-level nothing is looked for in the text.
func TestEncodeNoLevel(t *testing.T) {
	b := &logs.Batch{}
	b.Add(logs.NewLabels(map[string]string{"container": "a"}, nil), logs.Entry{Line: []byte("level=error")})
	b.Add(logs.NewLabels(map[string]string{"container": "b", "level": "warning"}, nil), logs.Entry{Line: []byte("level=error")})
	var e encoder
	got := decode(t, encoded(t, &e, b))
	if got[0].severity != 0 || got[0].severityText != "" || got[1].severity != 13 || got[1].severityText != "warn" {
		t.Errorf("got\n%s", shown(got))
	}
}

// FuzzEncode: whatever an entry has arrives as it is.
func FuzzEncode(f *testing.F) {
	f.Add("web", "value", "a line", int64(1700000000123456789))
	f.Fuzz(func(t *testing.T, label, metadata, line string, at int64) {
		labels := logs.NewLabels(map[string]string{"container": label, "always": "x"}, nil)
		e := logs.Entry{Time: at, Line: []byte(line), Extra: &logs.Extra{Metadata: logs.Metadata(nil).Append("m", metadata)}}
		b := &logs.Batch{}
		b.Add(labels, e)
		b.Add(labels, e)
		got := decode(t, encoded(t, new(encoder), b))
		if len(got) != 2 || !reflect.DeepEqual(got[0], got[1]) {
			t.Fatalf("got\n%s", shown(got))
		}
		if r := got[0]; r.body != line || r.time != uint64(at) || r.attributes["m"] != valid(logs.CutLabel(valid(metadata))) || r.resource["container"] != valid(labels.Get("container")) {
			t.Errorf("got\n%s", shown(got))
		}
	})
}

// FuzzAnswer: whatever is answered is read without harm.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(partialAnswer(3, "three")))
	f.Add(binary.LittleEndian.AppendUint64([]byte{1<<3 | byte(protowire.Fixed64Type)}, 7))
	f.Fuzz(func(_ *testing.T, body []byte) {
		partialSuccess(body)
		textOf(body, 2)
	})
}

// BenchmarkEncode encodes a batch as a busy host has it.
func BenchmarkEncode(b *testing.B) {
	labels := logs.NewLabels(map[string]string{"container": "web", "service_name": "shop", "host": "node-1", "image": "shop:1"}, map[string]string{"container_id": "0123456789abcdef"})
	labels.Level = true
	batch := &logs.Batch{}
	for i := range 5000 {
		batch.Add(labels, logs.Entry{Time: 1700000000123456789 + int64(i), Line: fmt.Appendf(nil, "%d level=info msg=\"GET /products/%d\" took=12ms user=anonymous agent=curl", i, i)})
	}
	var e encoder
	b.SetBytes(int64(batch.Bytes))
	for b.Loop() {
		if _, err := e.encode(batch); err != nil {
			b.Fatal(err)
		}
	}
}
