package docker

import (
	"fmt"
	"os"
	"path/filepath"
)

// DefaultRoot is an engine's usual data root.
const DefaultRoot = "/var/lib/docker"

// FindRoot returns the data root of the engine on this host for want of an engine
// to ask, and further ones that there are: only one of them can be read. Where set
// is not empty it is that, or what userns-remap has made in it.
func FindRoot(set string) (root string, others []string) {
	usual, home := DefaultRoot, dataHome()
	if set != "" {
		usual, home = set, ""
	}
	found := roots(usual, home)
	if len(found) == 0 {
		return usual, nil
	}
	return found[0], found[1:]
}

// roots returns the data roots that have containers: the usual one; those that
// userns-remap makes in it, called by the user and group that root is mapped to;
// and that of rootless Docker, in the user's directory of data.
func roots(usual, home string) (found []string) {
	remapped, _ := filepath.Glob(filepath.Join(usual, "[0-9]*.[0-9]*")) // the pattern is valid
	candidates := append([]string{usual}, remapped...)
	if home != "" {
		candidates = append(candidates, filepath.Join(home, "docker"))
	}
	for _, root := range candidates {
		if info, err := os.Stat(filepath.Join(root, "containers")); err == nil && info.IsDir() {
			found = append(found, root)
		}
	}
	return found
}

// dataHome is the user's directory of data, empty when there is none.
func dataHome() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share")
	}
	return ""
}

// usualSocket is where an engine listens that nobody has named.
const usualSocket = "/var/run/docker.sock"

// rootlessHost returns the address of the user's rootless engine if there is one,
// and no other.
func rootlessHost(usual, runtimeDir string, uid int) string {
	if os.Getenv("DOCKER_HOST") != "" {
		return ""
	}
	if _, err := os.Stat(usual); err == nil {
		return ""
	}
	if runtimeDir == "" {
		runtimeDir = fmt.Sprintf("/run/user/%d", uid)
	}
	socket := filepath.Join(runtimeDir, "docker.sock")
	if info, err := os.Stat(socket); err != nil || info.Mode().Type() != os.ModeSocket { //nolint:gosec // the path is the user's own
		return ""
	}
	return "unix://" + socket
}
