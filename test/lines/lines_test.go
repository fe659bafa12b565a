package lines

import (
	"strings"
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

func TestChecked(t *testing.T) {
	for _, size := range []int{0, 1, 23, 24, 60, 100, 16384, 300 << 10} {
		line := Checked("tag", 1e18, 12, size)
		who, ok := ReadChecked(line)
		switch {
		case size < checkedMin:
			if ok || !Bare(line) || len(line) != size {
				t.Errorf("size %d: %q", size, line)
			}
		case !ok || who != "tag de0b6b3a7640000 12" || (size > 60 && len(line) != size):
			t.Errorf("size %d: %d bytes, %q %v", size, len(line), who, ok)
		}
		if len(line) > 60 {
			if _, ok := ReadChecked(line[:50] + "!" + line[51:]); ok {
				t.Errorf("size %d: a changed line passes", size)
			}
			if _, ok := ReadChecked(line[:len(line)-1]); ok {
				t.Errorf("size %d: a shortened line passes", size)
			}
		}
	}
}

func TestBegun(t *testing.T) {
	whole := Checked("t1", 0x18eb, 586, 40_000)
	who, ok := ReadChecked(whole)
	if !ok {
		t.Fatal("a whole line does not prove itself")
	}
	for _, size := range []int{30, 16 << 10, 32 << 10} {
		got, begun := Begun(whole[:size])
		if _, whole := ReadChecked(whole[:size]); got != who || !begun || whole {
			t.Errorf("%d bytes: %q, begun %t, whole %t", size, got, begun, whole)
		}
	}
	for name, line := range map[string]string{
		"changed": whole[:20_000] + "_" + whole[20_001:30_000], "a part left out": whole[:16<<10] + whole[32<<10:],
		"another number": strings.Replace(whole, " 586 ", " 587 ", 1), "no line": "x", "no number": "a b c d e",
	} {
		if _, begun := Begun(line); begun {
			t.Errorf("%s: taken for a beginning", name)
		}
	}
}
