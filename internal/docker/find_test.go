package docker

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestRoots: where an engine keeps its containers depends on how it was set up.
func TestRoots(t *testing.T) {
	dir := t.TempDir()
	usual, home := filepath.Join(dir, "docker"), filepath.Join(dir, "home")
	var want []string
	expect := func(made ...string) {
		t.Helper()
		for _, path := range made {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if got := roots(usual, home); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	expect(filepath.Join(usual, "overlay2"), filepath.Join(usual, "100000.100000", "image"))
	want = []string{filepath.Join(home, "docker")}
	expect(filepath.Join(home, "docker", "containers"))
	want = slices.Insert(want, 0, filepath.Join(usual, "100000.100000"))
	expect(filepath.Join(usual, "100000.100000", "containers"))
	want = slices.Insert(want, 0, usual)
	expect(filepath.Join(usual, "containers"))
	if got := roots(filepath.Join(dir, "none"), ""); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	if got, others := FindRoot(usual); got != usual || !slices.Equal(others, want[1:2]) {
		t.Errorf("found %q, %v", got, others)
	}
	if got, others := FindRoot(filepath.Join(dir, "none")); got != filepath.Join(dir, "none") || len(others) > 0 {
		t.Errorf("found %q, %v", got, others)
	}
}

// TestRootlessHost: the user's engine is taken when there is no other and nobody
// has named one.
func TestRootlessHost(t *testing.T) {
	t.Setenv("DOCKER_HOST", "")
	dir := t.TempDir()
	usual, socket := filepath.Join(dir, "usual.sock"), filepath.Join(dir, "docker.sock")
	if got := rootlessHost(usual, dir, 4711); got != "" {
		t.Errorf("without any socket: %q", got)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	if got := rootlessHost(usual, dir, 4711); got != "unix://"+socket {
		t.Errorf("got %q", got)
	}
	if got := rootlessHost(usual, "", 4711); got != "" {
		t.Errorf("another user's: %q", got)
	}
	if err := os.WriteFile(usual, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := rootlessHost(usual, dir, 4711); got != "" {
		t.Errorf("with the usual one: %q", got)
	}
	if err := os.Remove(usual); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_HOST", "tcp://elsewhere:2375")
	if got := rootlessHost(usual, dir, 4711); got != "" {
		t.Errorf("with DOCKER_HOST: %q", got)
	}
}
