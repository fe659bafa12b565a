package preflight

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/exposure"
)

// listen tries the listener, and who may ask it.
func (t *trials) listen(cfg *config.Config) {
	if cfg.Listener.Address == "" || cfg.Loki.URL == nil && !cfg.Given("listen") {
		return
	}
	a, err := exposure.OpenAccess(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		for _, text := range strings.Split(errors.Unwrap(err).Error(), "\n") {
			t.problem(strings.Join(exposure.Settings(cfg), ", "), "%s", text)
		}
	} else if !a.Authenticates() && !cfg.Listener.Unprotected && !exposure.OnThisMachine(cfg.Listener.Address) {
		t.note("listen", "%s is beyond loopback, so only /healthz and /readyz are served: set web-config-file, listen-token-file or listen-unprotected", cfg.Listener.Address)
	}
	if path, ok := strings.CutPrefix(cfg.Listener.Address, "unix:"); ok {
		t.socket(path)
		return
	}
	l, err := net.Listen("tcp", cfg.Listener.Address) //nolint:noctx // it does not wait
	switch {
	case err == nil:
		_ = l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		t.note("listen", "%s is in use, maybe by the lighterman that runs", cfg.Listener.Address)
	default:
		t.problem("listen", "%v: choose another address, or off", err)
	}
}

// socket tries whether a unix socket can be made, and makes none.
func (t *trials) socket(path string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		t.note("listen", "somebody answers at %s, maybe the lighterman that runs", path)
		return
	case errors.Is(err, syscall.ENOTSOCK), errors.Is(err, syscall.ECONNREFUSED) && !isSocket(path):
		t.problem("listen", "%s is there and is no socket: choose another path", path)
		return
	}
	if err := unix.Access(filepath.Dir(path), unix.W_OK); err != nil {
		t.problem("listen", "cannot make a socket in %s: %v: %s", filepath.Dir(path), err, curePath(err))
	}
}

func isSocket(path string) bool {
	var stat unix.Stat_t
	return unix.Lstat(path, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFSOCK
}
