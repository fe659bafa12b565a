package outside

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

func TestRun(t *testing.T) {
	var log bytes.Buffer
	var order []string
	var dir string
	err := Run(t.Context(), &log, func(t *T) {
		dir = t.TempDir()
		t.Cleanup(func() { order = append(order, "first") })
		t.Cleanup(func() {
			order = append(order, "last")
			if t.Context().Err() == nil {
				order = append(order, "context goes on")
			}
		})
		t.Logf("%d lines", 3)
	})
	if err != nil {
		t.Error(err)
	}
	if want := []string{"last", "first"}; !slices.Equal(order, want) {
		t.Errorf("cleanups ran as %v, want %v", order, want)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the temporary directory: %v", err)
	}
	if log.String() != "3 lines\n" {
		t.Errorf("logged %q", log.String())
	}
}

func TestRunFails(t *testing.T) {
	cleaned, went := 0, false
	err := Run(t.Context(), t.Output(), func(t *T) {
		t.Cleanup(func() { cleaned++ })
		t.Cleanup(func() { cleaned++; t.Fatalf("so does its cleanup") })
		t.Errorf("it goes on, and then")
		fail := t.Fatalf
		fail("it fails")
		went = true
	})
	if err == nil || err.Error() != "it goes on, and then\nit fails\nso does its cleanup" {
		t.Errorf("got %v", err)
	}
	if cleaned != 2 || went {
		t.Errorf("%d cleanups ran, went on: %v", cleaned, went)
	}
}
