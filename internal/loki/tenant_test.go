package loki

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestTenantOfARequest: the one its entries name, or else the configured one.
func TestTenantOfARequest(t *testing.T) {
	for _, test := range []struct{ configured, own, want string }{
		{"", "", ""}, {"all", "", "all"}, {"", "a", "a"}, {"all", "a", "a"},
	} {
		s := newServer(t, nil)
		c := newClient(t, s.URL, func(c *Config) { c.Tenant = test.configured })
		var b logs.Batch
		b.Add(logs.NewLabels(map[string]string{"container": "web"}, nil), logs.Entry{Time: 1, Line: []byte("x"), Extra: &logs.Extra{Tenant: test.own}})
		accepted(t, c.Push(t.Context(), &b))
		if got := s.last(t).Header.Get("X-Scope-OrgID"); got != test.want {
			t.Errorf("configured %q, entries of %q: sent %q", test.configured, test.own, got)
		}
		c.Probe(t.Context())
		if got := s.last(t).Header.Get("X-Scope-OrgID"); got != test.configured {
			t.Errorf("the probe is of %q, want %q", got, test.configured)
		}
	}
}

// TestOneTenant: a shadow's entries are of its tenant, whatever they name.
func TestOneTenant(t *testing.T) {
	s := newServer(t, nil)
	c := newClient(t, s.URL, func(c *Config) { c.Tenant, c.OneTenant = "shadow", true })
	var b logs.Batch
	b.Add(logs.NewLabels(map[string]string{"container": "web"}, nil), logs.Entry{Time: 1, Line: []byte("x"), Extra: &logs.Extra{Tenant: "team"}})
	accepted(t, c.Push(t.Context(), &b))
	if got := s.last(t).Header.Get("X-Scope-OrgID"); got != "shadow" {
		t.Errorf("sent %q", got)
	}
}

// TestMetadataByTenant: a tenant that may have no structured metadata costs the others none,
// and it is asked in its own name.
func TestMetadataByTenant(t *testing.T) {
	var s *server
	s = newServer(t, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		body := s.bodies[len(s.bodies)-1]
		s.mu.Unlock()
		if r.Header.Get("X-Scope-OrgID") == "strict" && strings.Contains(body, "container_id=") {
			http.Error(w, `1 errors like: stream '{container="web", stream="stdout"}' includes structured metadata, but this feature is disallowed. Please see `+"`limits_config.allow_structured_metadata`"+` or contact your Loki administrator to enable it`, http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := newClient(t, s.URL, nil)
	labels := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "abc"})
	of := func(tenant string) *logs.Batch {
		var b logs.Batch
		b.Add(labels, logs.Entry{Time: 1, Line: []byte("x"), Extra: &logs.Extra{Tenant: tenant, Metadata: logs.Metadata(nil).Append("level", "info")}})
		return &b
	}
	accepted(t, c.Push(t.Context(), of("lenient")))
	if out := c.Push(t.Context(), of("strict")); out.Kind != logs.Retry || out.Misconfigured {
		t.Fatalf("got %+v", out)
	}
	accepted(t, c.Push(t.Context(), of("strict")))
	accepted(t, c.Push(t.Context(), of("lenient")))
	var got []string
	for i, body := range s.bodies {
		got = append(got, fmt.Sprintf("%s %d", s.requests[i].Header.Get("X-Scope-OrgID"), strings.Count(body, "=abc")+strings.Count(body, "level=")))
	}
	if want := []string{"lenient 2", "strict 2", "strict 0", "strict 0", "lenient 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEncodeExtra: metadata of single entries comes with these, beside what all have, over
// the borders of blocks, too.
func TestEncodeExtra(t *testing.T) {
	web := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "abc"})
	var e encoder
	for _, every := range []int{1, 3, 1000} {
		for _, bare := range []bool{false, true} {
			var b logs.Batch
			want := "{container=\"web\", stream=\"stdout\"}\n"
			for i := range 3000 {
				entry := logs.Entry{Time: int64(i), Line: fmt.Append(nil, "line ", i)}
				own := ""
				if i%every == 0 {
					value := strings.Repeat("v", 1+i%2000)
					entry.Extra = &logs.Extra{Metadata: logs.Metadata(nil).Append("level", "info").Append("container_id", "forged").Append("trace", value)}
					own = " level=info trace=" + value
				}
				b.Add(web, entry)
				if own = " container_id=abc" + own; bare {
					own = ""
				}
				want += fmt.Sprintf("0.%09d %q%s\n", i, entry.Line, own)
			}
			e.bare = bare
			plain, err := s2.Decode(nil, e.encode(&b))
			if err != nil {
				t.Fatal(err)
			}
			if got := render(t, plain); got != want {
				t.Errorf("every %d, bare %v: another request of %d bytes", every, bare, len(plain))
			}
			// As it was, after what had none.
			var none logs.Batch
			none.Add(web, logs.Entry{Line: []byte("x")})
			if got, want := render(t, encoded(t, &none)), "{container=\"web\", stream=\"stdout\"}\n0.000000000 \"x\" container_id=abc\n"; got != want {
				t.Errorf("got %q", got)
			}
		}
	}
}

// FuzzEncodeExtra: whatever the metadata is, what is encoded can be decoded, and has it.
func FuzzEncodeExtra(f *testing.F) {
	f.Add("level", "info", "a line")
	f.Add("\xff", strings.Repeat("x", 3000), "")
	labels := logs.NewLabels(map[string]string{"container": "web"}, map[string]string{"container_id": "abc"})
	f.Fuzz(func(t *testing.T, name, value, line string) {
		metadata := logs.Metadata(nil).Append(name, value)
		var b logs.Batch
		b.Add(labels, logs.Entry{Line: []byte(line)})
		b.Add(labels, logs.Entry{Line: []byte(line), Extra: &logs.Extra{Metadata: metadata}})
		streams := fields(t, encoded(t, &b))
		entries := fields(t, streams[0].bytes)[1:]
		if len(entries) != 2 {
			t.Fatalf("%d entries", len(entries))
		}
		pairs := 0
		for _, field := range fields(t, entries[1].bytes) {
			if field.number == 3 {
				pairs++
			}
		}
		want := 1
		for name := range metadata.All() {
			if string(name) != "container_id" {
				want++
			}
		}
		if pairs != want {
			t.Fatalf("%d pairs, want %d", pairs, want)
		}
	})
}

// BenchmarkEncodeExtra is BenchmarkEncodeTypical with a level for every line.
func BenchmarkEncodeExtra(b *testing.B) {
	plain := typical()
	batch := &logs.Batch{}
	level := &logs.Extra{Metadata: logs.Metadata(nil).Append("detected_level", "info")}
	for _, g := range plain.Groups {
		for i := range g.Len() {
			entry := g.Entry(i)
			entry.Extra = level
			batch.Add(g.Labels, entry)
		}
	}
	var e encoder
	b.SetBytes(int64(plain.Bytes - plain.Entries*logs.EntryOverhead))
	b.ReportAllocs()
	for b.Loop() {
		e.encode(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.Entries), "ns/line")
}
