package redact

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/bench/line"
)

// shortestOf has the shortest of each kind of secret that the first look has to notice.
func shortestOf() (list []string) {
	for _, p := range prefixes {
		list = append(list, p.text+a(p.least))
	}
	return append(list, "AKIA"+strings.Repeat("A", 16), "ASIA"+strings.Repeat("A", 16), "eyJaaaaa.aaaaaaaa.a",
		"glc_"+strings.Repeat("a+/=", 8), "-----BEGIN PRIVATE KEY", "4222222222222", "4111 1111 1111 1111")
}

// TestPlaces: the first look overlooks no secret, wherever in a line it stands.
func TestPlaces(t *testing.T) {
	r, err := New(Config{Presets: []string{Tokens, Cards}})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range shortestOf() {
		for _, fill := range []string{" ", "\x80", "☃"} {
			for n := range 20 {
				for _, tail := range []string{"", "\"}", " and more behind it"} {
					text := strings.Repeat(fill, n) + secret + tail
					if _, _, found := r.Redact(nil, []byte(text)); found != 1 {
						t.Fatalf("%q: %d found", text, found)
					}
				}
			}
		}
	}
}

// TestOverlooked: the first look overlooks nothing that a pass finds, among much that is alike.
func TestOverlooked(t *testing.T) {
	var redactors []*Redactor
	for _, presets := range [][]string{{Tokens}, {Cards}, {Tokens, Cards, Mails}} {
		r, err := New(Config{Presets: presets})
		if err != nil {
			t.Fatal(err)
		}
		redactors = append(redactors, r)
	}
	secrets := shortestOf()
	alphabets := []string{"abcdefgXYZ0123", "_-.JKSz@yAI", "0123456789 -", "\x80\xff\xc3é☃_J", " eyJ.-_AKIAzSG", "abc =/+._-"}
	found := 0
	for seed := range uint64(20000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var text []byte
		for range 1 + rng.IntN(3) {
			alphabet := alphabets[rng.IntN(len(alphabets))]
			for range rng.IntN(30) {
				text = append(text, alphabet[rng.IntN(len(alphabet))])
			}
			if rng.IntN(2) == 0 {
				text = append(append(text, " \"=:\xff"[rng.IntN(5)]), secrets[rng.IntN(len(secrets))]...)
			}
		}
		for _, r := range redactors {
			var s pass
			if s.run(r, nil, text); s.n > 0 && !r.suspect(text) {
				t.Fatalf("seed %d: %q was overlooked, of which a pass makes %q", seed, text, s.out)
			}
			found += s.n
		}
	}
	if found < 1000 {
		t.Errorf("there was little to find: %d", found)
	}
}

// varied are lines of different kinds, 4096 of each, so that no branch can be foreseen that
// cannot be with a real log. Those of stages and plain are what `make bench` carries.
func varied() map[string][][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("request served cache miss connection opened retry worker queue started finished user session token expired upstream")
	id := func() string {
		return fmt.Sprintf("%08x-%04x-%04x-%012x", rng.Uint32(), rng.IntN(1<<16), rng.IntN(1<<16), rng.Int64N(1<<48))
	}
	said := func() string {
		out := make([]string, 2+rng.IntN(12))
		for i := range out {
			out[i] = words[rng.IntN(len(words))]
		}
		return strings.Join(out, " ")
	}
	level := func() string { return []string{"debug", "info", "warn", "error"}[rng.IntN(4)] }
	path := func() string { return []string{"/api/v1/orders", "/healthz", "/static/app.js", "/login"}[rng.IntN(4)] }
	stages, plain := line.NewJSONMaker(1), line.NewMaker(1)
	kinds := map[string]func(line.Header) string{
		"stages": func(h line.Header) string { text, _ := stages.Text(h); return string(text) },
		"plain":  func(h line.Header) string { text, _ := plain.Text(h); return string(text) },
		"json": func(line.Header) string {
			return fmt.Sprintf(`{"time":"2026-11-29T12:00:00.%09dZ","level":%q,"msg":%q,"method":"GET","path":%q,"status":%d,"duration_ms":%.1f,"request_id":%q}`,
				rng.IntN(1e9), level(), said(), path(), 200+rng.IntN(400), 99*rng.Float64(), id())
		},
		"snake": func(line.Header) string {
			return fmt.Sprintf(`{"user_id":%d,"order_id":%d,"status_code":%d,"bytes_sent":%d,"remote_addr":"10.0.0.%d","request_time":%.3f,"server_name":"api","is_cached":%t,"retry_count":%d,"error_code":null}`,
				rng.IntN(1000), rng.IntN(100000), 200+rng.IntN(400), rng.IntN(1e6), rng.IntN(256), rng.Float64(), rng.IntN(2) == 0, rng.IntN(3))
		},
		"access": func(line.Header) string {
			return fmt.Sprintf(`10.0.%d.%d - - [29/Nov/2026:12:00:%02d +0000] "GET %s?page=%d HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64) Chrome/119.0"`,
				rng.IntN(256), rng.IntN(256), rng.IntN(60), path(), rng.IntN(20), 200+rng.IntN(400), rng.IntN(100000))
		},
		"java": func(line.Header) string {
			return fmt.Sprintf(`2026-11-29 12:00:00,%03d INFO  [http-nio-8080-exec-%d] com.example.shop.OrderService - order %d of customer %d accepted in %d ms`,
				rng.IntN(1000), rng.IntN(20), rng.IntN(10000), rng.IntN(1000), rng.IntN(99))
		},
		"logfmt": func(line.Header) string {
			return fmt.Sprintf(`time=2026-11-29T12:00:00.%03dZ level=%s msg=%q method=GET path=%s status=%d request_id=%s`, rng.IntN(1000), level(), said(), path(), 200+rng.IntN(400), id())
		},
		"text": func(line.Header) string {
			return fmt.Sprintf("2026-11-30T06:12:00.%09dZ INFO %s %s", rng.IntN(1e9), said(), said())
		},
		"ids": func(line.Header) string { return fmt.Sprintf("%s %s %s %s %s %s", id(), id(), id(), id(), id(), id()) },
	}
	out := make(map[string][][]byte)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for i := range 4096 {
			out[kind] = append(out[kind], []byte(kinds[kind](line.Header{Written: 1_795_953_600_123_456_789 + int64(i)*1_234_567, Container: i % 20, Number: i / 20})))
		}
	}
	return out
}

// BenchmarkSuspect is what most lines cost: those without a secret.
func BenchmarkSuspect(b *testing.B) {
	kinds := varied()
	for _, presets := range [][]string{{Tokens}, {Tokens, Cards, Mails}} {
		r, err := New(Config{Presets: presets})
		if err != nil {
			b.Fatal(err)
		}
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			b.Run(strings.Join(presets, "+")+"/"+kind, func(b *testing.B) {
				list := kinds[kind]
				for i := 0; b.Loop(); i++ {
					r.suspect(list[i%len(list)])
				}
			})
		}
	}
}
