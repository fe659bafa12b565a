package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// SocketPath returns the path of a listener's address that is a unix socket, and whether it
// is one.
func SocketPath(listen string) (path string, ok bool) { return strings.CutPrefix(listen, "unix://") }

// listen listens on the address.
func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	config := net.ListenConfig{Control: smallBuffers}
	path, ok := SocketPath(s.addr)
	if !ok {
		return config.Listen(ctx, "tcp", s.addr)
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	listener, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// Whoever may connect may have the configuration reloaded.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// removeStale removes a socket that nobody listens on any more: a process that was killed
// leaves it.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is not a socket: remove it, or choose another path", path)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("%s: %w", path, syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
