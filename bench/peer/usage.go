package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used and holds.
type Usage struct {
	// CPU is its time on processors.
	CPU time.Duration
	// RSS is its memory now, Peak the most it ever had, in bytes.
	RSS, Peak int64
	// Threads and Files are what it has open.
	Threads, Files int
}

// tick is the kernel's unit of CPU time in /proc.
const tick = time.Second / 100

// Usage returns the usage of the collector's process and of all below it.
func (a *Agent) Usage() (Usage, error) { return treeUsage(a.PID()) }

// treeUsage sums up a process and those that it has started, as far as they live. Peak is
// the sum of the peaks, which may not have been at the same time.
func treeUsage(pid int) (Usage, error) {
	u, err := UsageOf(pid)
	if err != nil {
		return u, err
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return u, err
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has just ended
		}
		for _, id := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(id)
			if err != nil {
				continue
			}
			below, err := treeUsage(child)
			if err != nil {
				continue // it has just ended
			}
			u.CPU += below.CPU
			u.RSS += below.RSS
			u.Peak += below.Peak
			u.Threads += below.Threads
			u.Files += below.Files
		}
	}
	return u, nil
}

// UsageOf returns the usage of the process with an ID.
func UsageOf(pid int) (u Usage, err error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	if u.CPU, err = cpuOf(dir); err != nil {
		return u, err
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			u.RSS = n << 10
		case "VmHWM:":
			u.Peak = n << 10
		case "Threads:":
			u.Threads = int(n)
		}
	}
	files, err := os.ReadDir(dir + "/fd")
	u.Files = len(files)
	return u, err
}

// cpuOf returns the time on processors. What its threads have used is known to the
// nanosecond, but not that of threads that have ended: then the ticks of the
// whole process tell more.
func cpuOf(dir string) (time.Duration, error) {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, err
	}
	// The second field, a name in brackets, may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("cannot read %s/stat: %d fields", dir, len(fields))
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	whole := time.Duration(user+system) * tick
	tasks, err := filepath.Glob(dir + "/task/*/schedstat")
	if err != nil {
		return 0, err
	}
	var exact time.Duration
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		nanos, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(nanos, 10, 64)
		exact += time.Duration(n)
	}
	if whole > exact+4*tick {
		return whole, nil
	}
	return exact, nil
}
