// Oldkernel runs a program as on Linux 4.11, the oldest that lighterman is for: system calls
// that are newer are answered as by a kernel that does not know them.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// newer is the number of the first system call that came after 4.11, whose last one was statx.
// Until then, and since, new ones have had the next number.
var newer = map[string]uint32{"amd64": unix.SYS_STATX + 1, "arm64": 292}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oldkernel:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	first, known := newer[runtime.GOARCH]
	if !known || len(args) == 0 {
		return fmt.Errorf("needs a program, and not a processor of the kind %s", runtime.GOARCH)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	// The filter is this thread's, which is the one that becomes the program.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: first, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return err
	}
	return syscall.Exec(path, args, os.Environ())
}
