package process

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/wait"
)

func TestOf(t *testing.T) {
	before := Of(t, os.Getpid())
	file, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var after Usage
	wait.For(t, 30*time.Second, "CPU time", func() bool {
		if _, err := file.Read(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		after = Of(t, os.Getpid())
		return after.CPU > before.CPU
	})
	if after.Read < before.Read+1<<20 || after.FDs <= before.FDs || after.Threads < 1 || after.RSS < 1<<20 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestStopped(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for _, want := range []bool{true, false} {
		signal := syscall.SIGCONT
		if want {
			signal = syscall.SIGSTOP
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		wait.For(t, 10*time.Second, signal.String(), func() bool { return Stopped(cmd.Process.Pid) == want })
	}
	if Stopped(1 << 30) {
		t.Error("a process that is not there stands still")
	}
}
