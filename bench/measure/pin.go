package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// agentCPU is the processor of the agent alone; we use the others.
const agentCPU = 0

// pinned tells that there are processors enough to part.
func pinned() bool {
	_, err := exec.LookPath("taskset")
	return runtime.NumCPU() > 1 && err == nil
}

// pinSelf keeps this process off the agent's processor: sink, generator and the
// engine must not be in its way.
func pinSelf() error {
	if !pinned() {
		return nil
	}
	var others unix.CPUSet
	if err := unix.SchedGetaffinity(0, &others); err != nil {
		return fmt.Errorf("cannot read processors: %w", err)
	}
	others.Clear(agentCPU)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("cannot list threads: %w", err)
	}
	for _, task := range tasks { // threads to come inherit it
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, &others); err != nil {
			return fmt.Errorf("cannot choose processors: %w", err)
		}
	}
	return nil
}

// agentPin is what the command line of an agent with so many processors begins with.
func agentPin(cores int) []string {
	if !pinned() {
		return nil
	}
	last := min(agentCPU+cores, runtime.NumCPU()) - 1
	return []string{"taskset", "-c", fmt.Sprintf("%d-%d", agentCPU, last)}
}
