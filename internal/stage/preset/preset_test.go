package preset

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPresets: each file in testdata is a log as such a program writes it, with texts of
// our own. A line like "=== level time" stands before each entry, and says what is to be
// found in it.
func TestPresets(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			p, _ := Get(name)
			var lines []string
			for line := range strings.Lines(strings.TrimSuffix(string(text), "\n")) {
				if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "=== ") {
					lines = append(lines, strings.ReplaceAll(line, "<ESC>", "\x1b"))
				}
			}
			var got strings.Builder
			for _, entry := range join(p, lines) {
				fmt.Fprintf(&got, "=== %s %s\n%s\n", p.Level(entry), p.Time(entry), entry)
			}
			want := strings.ReplaceAll(string(text), "<ESC>", "\x1b")
			if got.String() != want {
				t.Errorf("%s", difference(got.String(), want))
			}
		})
	}
}

func join(p Preset, lines []string) (entries [][]byte) {
	state := uint8(0)
	for _, line := range lines {
		first := true
		if p.Begins != nil {
			next, begins := p.Begins(state, []byte(line))
			first, state = begins, next
		}
		if first || entries == nil {
			entries = append(entries, []byte(line))
		} else {
			last := len(entries) - 1
			entries[last] = append(append(entries[last], '\n'), line...)
		}
	}
	return entries
}

func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Sprintf("line %d: %q instead of %q", i+1, a[i], append(b, "")[min(i, len(b))])
		}
	}
	return "the end is missing"
}

// TestProse: ordinary lines stay single with every preset.
func TestProse(t *testing.T) {
	for _, name := range Names() {
		p, _ := Get(name)
		lines := []string{"listening on port 8080", "connected", "2026-11-29 12:00:00 a line with a time", `{"msg":"x"}`, "at last", "done."}
		if name == "java" {
			lines[4] = "that is all" // "at " is how a frame begins when blanks were trimmed
		}
		if got := join(p, lines); len(got) != len(lines) {
			t.Errorf("%s: %q", name, bytes.Join(got, []byte("|")))
		}
	}
}

func BenchmarkBegins(b *testing.B) {
	line := []byte(`2026-11-29 12:00:00,123 INFO  [http-nio-8080-exec-7] com.example.shop.OrderService - order 4711 accepted`)
	for _, name := range Names() {
		if p, _ := Get(name); p.Begins != nil {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.Begins(0, line)
				}
			})
		}
	}
}
