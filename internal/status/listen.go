package status

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// listen opens the listener. remove takes away what it leaves behind.
func (s *Server) listen(ctx context.Context) (listener net.Listener, remove func(), err error) {
	if path, ok := socketOf(s.addr); ok {
		return listenSocket(ctx, path)
	}
	config := net.ListenConfig{Control: smallBuffers}
	listener, err = config.Listen(ctx, "tcp", s.addr)
	return listener, func() {}, err
}

// socketMode lets the owner and the group ask.
const socketMode = 0o660

// listenSocket listens on a unix socket.
//
// It is made under another name, and gets its own when its mode is set: before, whoever the
// umask lets could connect. A socket at the path is removed if nobody answers there, and
// nothing else ever is; what appears meanwhile is not replaced.
func listenSocket(ctx context.Context, path string) (net.Listener, func(), error) {
	if err := clearSocket(ctx, path); err != nil {
		return nil, nil, err
	}
	made := filepath.Join(filepath.Dir(path), fmt.Sprintf(".lm%d", os.Getpid()))
	_ = os.Remove(made) // of an earlier process with our number
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", made)
	if err != nil {
		return nil, nil, err
	}
	if l, ok := listener.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // by then it has another name
	}
	err = os.Chmod(made, socketMode)
	if err == nil {
		err = os.Link(made, path) // which replaces nothing
	}
	var own os.FileInfo
	if err == nil {
		own, err = os.Lstat(path)
	}
	_ = os.Remove(made)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot make the socket %s: %w", path, err), listener.Close())
	}
	return listener, func() {
		if now, err := os.Lstat(path); err == nil && os.SameFile(own, now) {
			_ = os.Remove(path)
		}
	}, nil
}

// clearSocket makes room for a socket: it removes one at which nobody answers.
func clearSocket(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket: choose another path", path)
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = conn.Close()
		return fmt.Errorf("somebody answers at %s: stop that one, or choose another path", path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("cannot tell whether somebody answers at %s: %w", path, err)
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(info, now) {
		return fmt.Errorf("%s changes while it is looked at: is another lighterman starting?", path)
	}
	return os.Remove(path)
}
