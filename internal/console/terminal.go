package console

import (
	"os"

	"golang.org/x/sys/unix"
)

// Width returns how many letters fit into a line of the terminal f; 0 when it is
// none, or does not know.
func Width(f *os.File) int {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	width := 0
	err = conn.Control(func(fd uintptr) {
		if size, ioctlErr := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); ioctlErr == nil {
			width = int(size.Col)
		}
	})
	if err != nil {
		return 0
	}
	return width
}

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
