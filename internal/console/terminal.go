package console

import (
	"os"

	"golang.org/x/sys/unix"
)

// IsTerminal tells whether f is a terminal.
func IsTerminal(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	terminal := false
	err = conn.Control(func(fd uintptr) {
		_, ioctlErr := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		terminal = ioctlErr == nil
	})
	return err == nil && terminal
}
