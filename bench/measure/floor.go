package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/bench/floor"
)

// floorName is what the floor is called among the agents.
const floorName = "floor"

// runFloor works through files, once to warm up, and prints what each stage cost
// in CPU seconds.
func runFloor(files []string) error {
	runtime.LockOSThread()
	w := floor.New()
	out := make(map[string]float64)
	for _, warm := range []bool{true, false} {
		for _, stage := range []floor.Stage{floor.Read, floor.Split, floor.Extract, floor.Snappy} {
			before := ownCPU()
			if _, err := w.Run(files, stage); err != nil {
				return err
			}
			if out[stage.String()] = (ownCPU() - before).Seconds(); warm {
				break
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// floor measures the floor on a scenario's backlog, where the agents are measured.
func (s *stage) floor(ctx context.Context) (values, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot start the floor: %w", err)
	}
	line := append(agentPin(1), self, "floor")
	for i := range s.layout.Containers {
		line = append(line, filepath.Clean(s.layout.Log(i)))
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot measure the floor: %w", err)
	}
	stages := make(map[string]float64)
	if err := json.Unmarshal(text, &stages); err != nil {
		return nil, fmt.Errorf("cannot measure the floor: %w", err)
	}
	out := make(values)
	for name, seconds := range stages {
		out[name+"_s_per_gib"] = seconds / float64(s.scenario.backlog) * gib
	}
	whole := stages[floor.Snappy.String()]
	out["cpu_s"] = whole
	out["cpu_s_per_gib"] = out["snappy_s_per_gib"]
	out["lines"] = float64(s.ledger.Lines())
	out["lines_per_cpu_s"] = float64(s.ledger.Lines()) / whole
	return out, nil
}
