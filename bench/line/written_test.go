package line

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestWrittenGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "7")
	want := Tally{}
	for run := range 3 {
		w, err := OpenWritten(path)
		if err != nil {
			t.Fatal(err)
		}
		if w.Lines() != want.Lines {
			t.Fatalf("run %d begins at %d, want %d", run, w.Lines(), want.Lines)
		}
		for range 4 {
			text := fmt.Append(nil, "line ", want.Lines)
			want.Add(text, 0)
			if err := w.Add(text); err != nil {
				t.Fatal(err)
			}
			// What others see without the program's help.
			if got, err := LoadWritten(path); err != nil || got.Lines != want.Lines || got.Content != want.Content {
				t.Fatalf("got %+v %v, want %+v", got, err, want)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrittenRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "7")
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWritten(path); err == nil {
		t.Error("took a file that is none of its own")
	}
}
