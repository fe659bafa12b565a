package tail

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a poll asks the kernel for is answered from memory at once. Go's way of calling it
// takes care of calls that block, and wakes a thread of the runtime that looks after them for a
// while; on a host that logs little, that thread was a fifth of all that lighterman costs. So these
// calls go past that, and where one might block it is not made that way.

// sizeOf returns a file's size in bytes, -1 where it is not known.
func sizeOf(f *os.File) int64 {
	defer runtime.KeepAlive(f)
	var st unix.Statx_t
	var itself [1]byte                                                                                                                                                                      // the file is that of the descriptor
	_, _, errno := unix.RawSyscall6(unix.SYS_STATX, f.Fd(), uintptr(unsafe.Pointer(&itself)), unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_SIZE, uintptr(unsafe.Pointer(&st)), 0) //nolint:gosec // that is how it is called
	if errno != 0 || st.Mask&unix.STATX_SIZE == 0 {
		return -1
	}
	return int64(st.Size) //nolint:gosec // no file is larger
}

// readCached is pread of what is in the page cache. ok is false where the kernel would have to
// wait for the disk, or does not know how to say so.
func readCached(f *os.File, buf []byte, at int64) (n int, ok bool) {
	if len(buf) == 0 {
		return 0, false
	}
	defer runtime.KeepAlive(f)
	part := unix.Iovec{Base: &buf[0]}
	part.SetLen(len(buf))
	// The offset is in two halves, of which the second counts on 32 bits only.
	got, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, f.Fd(), uintptr(unsafe.Pointer(&part)), 1, uintptr(at), uintptr(at>>32), unix.RWF_NOWAIT) //nolint:gosec // that is how it is called
	if errno != 0 {
		return 0, false
	}
	return int(got), true
}
