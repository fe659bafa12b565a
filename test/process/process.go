package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Usage is what a process has used and holds.
type Usage struct {
	// CPU is its time on processors, Read the bytes that its reads returned.
	CPU  time.Duration
	Read int64
	// FDs, Threads and RSS are what it holds; the latter in bytes.
	FDs, Threads int
	RSS          int64
}

// tick is the kernel's unit of CPU time, the same on all of Linux's common
// architectures.
const tick = time.Second / 100

// Of returns the usage of the process with an ID. The process must exist.
func Of(t testing.TB, pid int) Usage {
	t.Helper()
	u, err := of(fmt.Sprintf("/proc/%d/", pid))
	if err != nil {
		t.Fatalf("cannot measure process %d: %v", pid, err)
	}
	return u
}

func of(dir string) (Usage, error) {
	var u Usage
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	// The second field, a name in brackets, may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 22 {
		return u, fmt.Errorf("%d fields in stat", len(fields))
	}
	numbers := make([]int64, 0, 4)
	for _, i := range []int{11, 12, 17, 21} { // utime, stime, num_threads, rss in pages
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return u, err
		}
		numbers = append(numbers, n)
	}
	u.CPU = time.Duration(numbers[0]+numbers[1]) * tick
	u.Threads, u.RSS = int(numbers[2]), numbers[3]*int64(os.Getpagesize())
	fds, err := os.ReadDir(dir + "fd")
	if err != nil {
		return u, err
	}
	u.FDs = len(fds)
	io, err := os.ReadFile(dir + "io")
	if err != nil {
		return u, err
	}
	_, err = fmt.Sscanf(string(io), "rchar: %d", &u.Read)
	return u, err
}

// Stopped tells whether every thread of a process stands still. A signal that stops it
// takes effect only when each has been told: what is running when the signal is sent may
// still do something.
func Stopped(pid int) bool {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(stats) == 0 {
		return false
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The second field, a name in brackets, may hold anything.
		_, state, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
		if !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}
