package host

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/hold"
)

// OpenHold makes what keeps files that Docker deletes. Only a hold-dir that must
// not be used is an error: without one that cannot be used we go on.
func OpenHold(cfg *config.Config, outputs int, metrics hold.Metrics, log *slog.Logger) (*hold.Hold, func(), error) {
	dir, err := openHoldDir(cfg)
	if errors.Is(err, hold.ErrRefused) {
		return nil, nil, err
	}
	h := hold.New(hold.Config{MaxBytes: cfg.Hold.Bytes, MaxFiles: maxHeldFiles() / max(outputs, 1), Dir: dir, Metrics: metrics, Log: log})
	if err != nil {
		h.Without(err)
	}
	return h, func() {
		if dir != nil {
			dir.Close()
		}
	}, nil
}

// openHoldDir opens the directory of links; nil when there is none. What
// standard output has not seen is kept apart, as positions are.
func openHoldDir(cfg *config.Config) (*hold.Dir, error) {
	if cfg.Hold.Dir == "" {
		return nil, nil
	}
	path := cfg.Hold.Dir
	if cfg.Loki.URL == nil {
		path = filepath.Join(path, hold.ConsoleName)
	}
	if containers := ContainersDir(KnownRoot(cfg)); hold.Within(path, containers) {
		return nil, WithinDocker(cfg.Hold.Dir, containers)
	}
	return hold.OpenDir(path)
}

// WithinDocker is the error of a hold-dir that lies where containers are.
func WithinDocker(dir, containers string) error {
	return fmt.Errorf("hold-dir %s is within Docker's directory %s, where every name is a container's: choose one outside: %w",
		dir, containers, hold.ErrRefused)
}

// KnownRoot is the data root as far as it is known before an engine is asked.
func KnownRoot(cfg *config.Config) string {
	if cfg.Docker.Host == config.NoEngine {
		root, _ := docker.FindRoot(cfg.Docker.Root)
		return root
	}
	return cmp.Or(cfg.Docker.Root, docker.DefaultRoot)
}

// ContainersDir is the directory of all containers below a data root, which links may lead
// to.
func ContainersDir(root string) string {
	dir := filepath.Join(root, "containers")
	resolved, err := beneath.Resolve(dir)
	if abs, failed := filepath.Abs(dir); err != nil || failed == nil && abs == resolved {
		return dir
	}
	return resolved
}

// maxHeldFiles leaves half of the descriptors to everything else.
func maxHeldFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur/2, math.MaxInt32))
}
