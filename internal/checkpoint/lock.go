package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// acquire takes the exclusive lock of a state directory. The kernel gives it
// back when the process ends, however it ends; the file itself stays, because
// removing it would let two processes hold locks on two files of that name.
func acquire(path string) (*os.File, error) {
	f, err := openOwn(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("another lighterman (%s) uses it: stop that one, or give this one a directory of its own "+
			"with --state-dir", holder(f))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	sign(f)
	return f, nil
}

// sign writes the process ID into the lock file. It only serves the message
// above, so it may fail, as on a full disk.
func sign(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

// holder says who has the lock.
func holder(f *os.File) string {
	data, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return "process ID unknown"
	}
	return fmt.Sprintf("process %d", pid)
}
