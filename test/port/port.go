// Package port gives a TCP port to a program that is started with its number.
package port

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Port is a TCP port of 127.0.0.1 that is nobody else's until it is released.
//
// A port that was only found free may be another's before the program listens:
// the kernel gives it to the next connection or listener that asks for any. So a
// socket stays bound to it that does not listen. The kernel then passes the port
// over, while a program that sets SO_REUSEADDR (all of Go's listeners do) may
// still bind the very number and listen, again and again.
type Port struct {
	// Number is what the program is told.
	Number int

	socket *os.File
}

// Take returns a port.
func Take() (*Port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot take a port: %w", err)
	}
	p := &Port{socket: os.NewFile(uintptr(fd), "port")}
	if p.Number, err = bind(fd); err != nil {
		p.Release()
		return nil, fmt.Errorf("cannot take a port: %w", err)
	}
	return p, nil
}

// bind binds a socket to any port of 127.0.0.1 and returns it.
func bind(fd int) (int, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	addr, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	bound, ok := addr.(*unix.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("it is bound to a %T", addr)
	}
	return bound.Port, nil
}

// Addr returns the port's address, "127.0.0.1:" and the number.
func (p *Port) Addr() string {
	return fmt.Sprintf("127.0.0.1:%d", p.Number)
}

// Release gives the port back.
func (p *Port) Release() { _ = p.socket.Close() }
