//go:build promtail

package sidebyside

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// hostLog is a file of the host that somebody writes to and rotates.
type hostLog struct {
	path string
	mu   sync.Mutex // guards what follows
	file *os.File
	// written are lines, and still says that nothing is rotated for the moment.
	written int
	still   bool
}

// writeLog writes numbered lines to a file, and renames it after each hundredth, until the test
// ends or stop is called.
func writeLog(t *testing.T, path string) (l *hostLog, stop func()) {
	t.Helper()
	l = &hostLog{path: path}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := l.write(); err != nil {
					t.Error(err)
					return
				}
			case <-end:
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(end)
		<-ended
		_ = l.file.Close()
	})
	t.Cleanup(stop)
	return l, stop
}

func (l *hostLog) open() (err error) {
	l.file, err = os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644) //nolint:gosec // as logs are
	return err
}

func (l *hostLog) write() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := fmt.Fprintf(l.file, "%s line %d\n", filepath.Base(l.path), l.written); err != nil {
		return err
	}
	if l.written++; l.written%100 != 0 || l.still {
		return nil
	}
	if err := l.file.Close(); err != nil {
		return err
	}
	for n := 8; n > 0; n-- {
		_ = os.Rename(fmt.Sprint(l.path, ".", n), fmt.Sprint(l.path, ".", n+1))
	}
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return err
	}
	return l.open()
}

// hold has nothing rotated, or goes on.
func (l *hostLog) hold(still bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.still = still
}

// lines is how many were written.
func (l *hostLog) lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written
}

// check wants each line once.
func (l *hostLog) check(t *testing.T, lines []string) {
	t.Helper()
	seen := make(map[string]int)
	for _, line := range lines {
		seen[line]++
	}
	lost, twice := 0, 0
	for n := range l.written {
		switch seen[fmt.Sprintf("%s line %d", filepath.Base(l.path), n)] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	if lost > 0 || twice > 0 || len(lines) != l.written {
		t.Errorf("%s: of %d lines %d are lost and %d there twice; Loki has %d", l.path, l.written, lost, twice, len(lines))
	}
}
