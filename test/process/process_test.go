package process

import (
	"os"
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
