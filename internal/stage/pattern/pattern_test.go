package pattern

import (
	"regexp"
	"strings"
	"testing"
)

func TestNeeded(t *testing.T) {
	for _, c := range []struct {
		expr  string
		want  string
		whole bool
	}{
		{"abc", "abc", true},
		{"GET /health.* 200", "GET /health", false},
		{`(?P<level>error|warn)`, "error warn", false},
		{`(?i)Health`, "~health", false},
		{`^\d+$`, "", false},
		{`(abc)?`, "", false},
		{`(abc)+d`, "abc", false},
		{`(abc|\d)x`, "x", false},
	} {
		p, err := Compile(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range p.any {
			got = append(got, map[bool]string{true: "~"}[l.fold]+string(l.text))
		}
		if s := strings.Join(got, " "); s != c.want || p.whole != c.whole {
			t.Errorf("%s: looks for %q, whole %v", c.expr, s, p.whole)
		}
	}
}

// FuzzSameAsRegexp: the look for literals never changes what matches.
func FuzzSameAsRegexp(f *testing.F) {
	for _, expr := range []string{"abc", "(?i)kelvin|sign", `a{2,3}b|c+d`, `^x(y|z)$`, "(?s)a.b", "(?i)stra\u017fe", `\bfoo\b`, "\ufffd"} {
		for _, text := range []string{"abc", "\u212aELVIN", "aab", "xz", "a\nb", "STRASSE", "a foo b", "\xff", ""} {
			f.Add(expr, text)
		}
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		if len(expr) > 200 || len(text) > 2000 {
			return
		}
		re, err := regexp.Compile(expr)
		p, perr := Compile(expr)
		if (err == nil) != (perr == nil) {
			t.Fatalf("%q: %v and %v", expr, err, perr)
		}
		if err == nil && re.MatchString(text) != p.MatchBytes([]byte(text)) {
			t.Fatalf("%q in %q: regexp says %v", expr, text, re.MatchString(text))
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	line := []byte(strings.Repeat(`10.0.0.7 - - [29/Nov/2026:12:00:00 +0000] "GET /api/items HTTP/1.1" 200 512 `, 3))
	for _, expr := range []string{`GET /health\S* HTTP`, `(?i)kube-probe|healthcheck`, `^\d+ ERROR (?P<x>.*)$`} {
		p, err := Compile(expr)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expr, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				p.MatchBytes(line)
			}
		})
	}
}
