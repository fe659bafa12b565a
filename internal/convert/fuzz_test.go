package convert_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/convert"
)

// fuzzed seeds f with the files of a collector, and holds every result to be a file that
// lighterman takes.
func fuzzed(f *testing.F, pattern string, convertFile func([]byte) (*convert.Result, error)) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		f.Fatal(paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		result, err := convertFile(data)
		var invalid *convert.InvalidError
		switch {
		case err == nil:
			if _, err := loaded(t, result.Config); err != nil && strings.Contains(err.Error(), ": invalid value") {
				return // what the old collector takes, too, and lighterman names
			}
			taken(t, result.Config)
		case !errors.As(err, &invalid) || len(invalid.Problems) == 0:
			t.Errorf("an error without a place: %v", err)
		}
	})
}

func FuzzPromtail(f *testing.F) {
	fuzzed(f, "testdata/promtail/*.yml", func(data []byte) (*convert.Result, error) {
		return convert.Promtail("f", data, convert.Expand{On: len(data)%2 == 0, Lookup: lookup})
	})
}

func FuzzAlloy(f *testing.F) {
	fuzzed(f, "testdata/alloy/*.alloy", func(data []byte) (*convert.Result, error) {
		return convert.Alloy("f", data, convert.Host{Lookup: lookup, Name: "node-1"})
	})
}
