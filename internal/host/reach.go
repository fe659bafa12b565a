package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lighterman/lighterman/internal/docker"
)

// reach notices when none of an engine's containers can be found in its files: docker-root
// is wrong, or the directory is not mounted. Each log alone would only be one that goes
// through the API.
type reach struct {
	info *engineInfo
	log  *slog.Logger
	// only tells that nothing else than files may be read.
	only bool
	// mu guards err, which is nil while files can be found, and all that is known is known
	// by the last list.
	mu  sync.Mutex
	err error
}

// again is how much later it is looked again, where no directory was found.
const again = 300 * time.Millisecond

// look looks for the containers that the engine has.
func (r *reach) look(ctx context.Context, ids []string) {
	info := r.info.get(ctx)
	err := docker.Reach(info.Root, ids)
	if errors.Is(err, docker.ErrNoneThere) { // all that there are may have been removed
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
		if ids, _, failed := r.info.engine.List(ctx); failed == nil {
			err = docker.Reach(info.Root, ids)
		}
	}
	r.mu.Lock()
	before := r.err
	r.err = err
	r.mu.Unlock()
	switch {
	case err == nil && before != nil:
		r.log.Info("the log files of Docker can be found again", "docker-root", info.Root)
	case err == nil || before != nil && before.Error() == err.Error():
	case r.only:
		r.log.Warn("the log files of Docker cannot be found, and mode is file, so nothing is collected: mount the directory of Docker, or set docker-root",
			"docker-root", info.Root, "error", err, "cure", r.cure(info))
	default:
		r.log.Warn("the log files of Docker cannot be found, all containers are read through the API: mount the directory of Docker, or set docker-root",
			"docker-root", info.Root, "error", err, "cure", r.cure(info))
	}
}

// cure says what to do.
func (r *reach) cure(info docker.Info) string {
	own := cmp.Or(info.OwnRoot, info.Root)
	return fmt.Sprintf("in a container add -v %s/containers:%s/containers:ro; on the host set docker-root to %s, or what docker info calls Docker Root Dir; with mode=stream no files are expected",
		own, info.Root, own)
}

// problem says why nothing can be read where files are all that may be read.
func (r *reach) problem() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("none can be found, and mode is file: mount Docker's directory, or set docker-root: %w", r.err)
	}
	return nil
}
