package convert_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/convert"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/target"
)

var update = flag.Bool("update", false, "write what comes out beside the configurations")

// environment is that of the converted collectors.
var environment = map[string]string{
	"LOKI_URL": "https://logs.example.com/loki/api/v1/push", "LOKI_USERNAME": "12345", "LOKI_PASSWORD": "a-token", "HOST_NAME": "node-1", "LOKI_HOST": "logs.example.com",
}

func lookup(name string) (string, bool) { value, set := environment[name]; return value, set }

// converted converts a file by what it is called.
func converted(path string, data []byte) (*convert.Result, error) {
	name := filepath.Base(path)
	if filepath.Ext(path) == ".alloy" {
		return convert.Alloy(name, data, convert.Host{Lookup: lookup, Name: "node-1"})
	}
	return convert.Promtail(name, data, convert.Expand{On: strings.Contains(string(data), "${LOKI_") || strings.Contains(string(data), "${PORT"), Lookup: lookup})
}

// TestConfigurations converts what people have, in its shapes, and holds what comes out
// against what was read and found right. What comes out is taken by lighterman.
func TestConfigurations(t *testing.T) {
	whole, known := 0, 0
	for _, path := range files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			result, err := converted(path, data)
			var invalid *convert.InvalidError
			switch {
			case errors.As(err, &invalid):
				fmt.Fprintf(&got, "%v\n", err)
			case err != nil:
				t.Fatal(err)
			default:
				known++
				if result.Whole() {
					whole++
				}
				for _, f := range result.Findings {
					got.WriteString(f.Text(filepath.Base(path)) + "\n")
				}
				got.WriteString("---\n" + result.Config)
				taken(t, result.Config)
			}
			if refused := strings.HasPrefix(filepath.Base(path), "invalid"); refused != (invalid != nil) {
				t.Errorf("refused: %v", err)
			}
			golden := strings.TrimSuffix(path, filepath.Ext(path)) + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("another result than in %s (-update writes it):\n%s", golden, got.String())
			}
		})
	}
	t.Logf("%d of %d valid configurations are carried whole", whole, known)
}

func files(t *testing.T) (out []string) {
	t.Helper()
	for _, pattern := range []string{"testdata/promtail/*.yml", "testdata/alloy/*.alloy"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		out = append(out, paths...)
	}
	return out
}

// taken holds a configuration to be one that lighterman runs with.
func taken(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := loaded(t, text)
	if err != nil {
		t.Fatalf("lighterman does not take it: %v\n%s", err, text)
	}
	var nodes []*yaml.Node
	for _, s := range cfg.Stages {
		nodes = append(nodes, s.Node)
	}
	if _, err := stage.Compile(nodes, stage.Options{Path: "stages"}); err != nil {
		t.Fatalf("lighterman does not take the stages: %v\n%s", err, text)
	}
	if _, err := target.NewRelabel(cfg.Labels.Relabel, cfg.Labels.Metadata); err != nil {
		t.Fatalf("lighterman does not take the rules: %v\n%s", err, text)
	}
	return cfg
}

func loaded(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lighterman.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load([]string{"--config", path}, []string{"HOME=/root"})
}
