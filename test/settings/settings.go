package settings

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
)

// Of loads a configuration of a file that has a text.
func Of(t testing.TB, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lm.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load([]string{"--config", file, "--loki-url", "http://localhost:1", "--docker-host", "none"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
