package main

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// timerSlack is by how much the kernel may wake a thread of ours later than it asks for, in
// nanoseconds. It is a twentieth of a millisecond by default, and a thread of Go's runtime asks to
// be woken after a fiftieth of one for as long as anything goes on: where little is
// logged that was a third of what lighterman cost. No line waits noticeably longer for it.
const timerSlack = 1_000_000

// wakeSeldom has the process's threads woken seldom. A thread begins with the slack of the one
// that makes it, and those of the runtime are there before anything of ours is: so the process
// begins once more, as execve keeps the slack. Where that cannot be it goes on as it is.
func wakeSeldom() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || slack >= timerSlack {
		return
	}
	if unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0) != nil {
		return
	}
	if slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err != nil || slack < timerSlack {
		return // it would begin again and again
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, os.Environ()) //nolint:gosec // the same program with the same arguments
}
