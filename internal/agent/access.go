package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lighterman/lighterman/internal/access"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/status"
)

// newServer makes the server of the listener, and what protects it.
func newServer(cfg *config.Config, log *slog.Logger) (*status.Server, error) {
	server := status.New(cfg.Listener.Address, cfg.Listener.Hosts, log)
	if cfg.Listener.Address == "" {
		return server, nil
	}
	a, err := openAccess(cfg, log)
	if err != nil {
		return nil, err
	}
	server.Protect(a, cfg.Listener.Unprotected)
	return server, nil
}

func openAccess(cfg *config.Config, log *slog.Logger) (*access.Access, error) {
	a, err := access.Open(access.Config{WebFile: cfg.Listener.WebConfigFile, TokenFile: cfg.Listener.TokenFile, Log: log})
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", strings.Join(accessSettings(cfg), " and "), err)
	}
	return a, nil
}

// accessSettings are the settings that say who may ask.
func accessSettings(cfg *config.Config) (names []string) {
	if cfg.Listener.WebConfigFile != "" {
		names = append(names, "web-config-file")
	}
	if cfg.Listener.TokenFile != "" {
		names = append(names, "listen-token-file")
	}
	return names
}

// insecureListener says what of the listener's access lets others in.
func insecureListener(cfg *config.Config) (out []string) {
	out = append(insecureFile("web-config-file", cfg.Listener.WebConfigFile), insecureFile("listen-token-file", cfg.Listener.TokenFile)...)
	a, err := openAccess(cfg, slog.New(slog.DiscardHandler))
	if err != nil || a == nil || cfg.Listener.Address == "" {
		return out // told of elsewhere
	}
	if secure, _ := a.TLS(); secure == nil && a.Authenticates() && !onThisMachine(cfg.Listener.Address) {
		out = append(out, "the listener asks for passwords or tokens without TLS, and they cross the network in plain text; add tls_server_config to web-config-file")
	}
	return out
}

// onThisMachine reports whether an address is of loopback, or a unix socket.
func onThisMachine(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// listen tries the listener, and who may ask it.
func (t *trials) listen(cfg *config.Config) {
	if cfg.Listener.Address == "" || cfg.Loki.URL == nil && !cfg.Given("listen") {
		return
	}
	a, err := openAccess(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		for _, text := range strings.Split(errors.Unwrap(err).Error(), "\n") {
			t.problem(strings.Join(accessSettings(cfg), ", "), "%s", text)
		}
	} else if !a.Authenticates() && !cfg.Listener.Unprotected && !onThisMachine(cfg.Listener.Address) {
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
