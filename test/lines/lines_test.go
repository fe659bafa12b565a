package lines

import (
	"testing"
)

func TestTextIsDeterministicAndUnique(t *testing.T) {
	for _, p := range []Pattern{Plain, JSON, Escapes} {
		seen := map[string]bool{}
		for k := range 2000 {
			text := Text("a", p, k)
			if seen[text] {
				t.Fatalf("%s: line %d is not unique: %q", p, k, text)
			}
			seen[text] = true
			if text != Text("a", p, k) {
				t.Fatalf("%s: line %d differs from itself", p, k)
			}
		}
	}
}

func TestSized(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 9, 16384, 1 << 20} {
		if got := len(Sized(3, size)); got != size {
			t.Errorf("Sized(3, %d) has %d bytes", size, got)
		}
	}
	if Sized(1, 8) == Sized(2, 8) {
		t.Error("texts of different lines are equal")
	}
}

func TestStream(t *testing.T) {
	for _, c := range []struct {
		streams string
		k       int
		want    string
	}{{"stdout", 1, "stdout"}, {"stderr", 0, "stderr"}, {"alternate", 0, "stdout"}, {"alternate", 1, "stderr"}, {"both", 0, ""}} {
		if got := Stream(c.streams, c.k); got != c.want {
			t.Errorf("Stream(%q, %d) = %q, want %q", c.streams, c.k, got, c.want)
		}
	}
}
