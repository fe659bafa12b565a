package compare

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Gauge reads what this process and dockerd use and hold.
type Gauge struct {
	dockerd int // its process, 0 when that is not known
	began   time.Time
	took    time.Duration
	// own and engine are times on processors, at the start and then since.
	own, engine             time.Duration
	goroutines, descriptors []Point
	rss                     int64
}

// gaugeEvery is the time between two readings.
const gaugeEvery = 500 * time.Millisecond

// NewGauge begins a measurement. engine is the address of the engine, whose process is
// measured as well where it can be found.
func NewGauge(engine string) *Gauge {
	g := &Gauge{began: time.Now(), dockerd: dockerdOf(engine)}
	g.own, g.engine = cpuOf(os.Getpid()), cpuOf(g.dockerd)
	return g
}

// Run measures until ctx is done. each is called as often as something is read; its error
// ends the measurement.
func (g *Gauge) Run(ctx context.Context, each func() error) error {
	defer g.stop()
	ticker := time.NewTicker(gaugeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			g.read(time.Since(g.began))
			if err := each(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// read takes up what is held now.
func (g *Gauge) read(at time.Duration) {
	g.goroutines = append(g.goroutines, Point{At: at, Value: float64(runtime.NumGoroutine())})
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		g.descriptors = append(g.descriptors, Point{At: at, Value: float64(len(fds) - 1)})
	}
	var pages, resident int64
	text, _ := os.ReadFile("/proc/self/statm")
	if n, _ := fmt.Sscan(string(text), &pages, &resident); n == 2 {
		g.rss = max(g.rss, resident*int64(os.Getpagesize()))
	}
}

// stop ends the measurement.
func (g *Gauge) stop() {
	g.took = time.Since(g.began)
	g.own = cpuOf(os.Getpid()) - g.own
	g.engine = cpuOf(g.dockerd) - g.engine
}

// Fill fills in what was read. Growth is told of the time after the first fifth,
// in which everything opens.
func (g *Gauge) Fill(m *Measured) {
	m.CPU = percentOf(g.own, g.took)
	if g.dockerd != 0 {
		share := percentOf(g.engine, g.took)
		m.DockerdCPU = &share
	}
	m.RSS = g.rss
	m.Goroutines, m.GoroutineGrowth = settled(g.goroutines)
	m.Descriptors, m.DescriptorGrowth = settled(g.descriptors)
}

func percentOf(used, time time.Duration) float64 { return 100 * float64(used) / float64(max(time, 1)) }

func settled(points []Point) (mean float64, growth Growth) {
	points = points[len(points)/5:]
	return Fit(points).Mean, GrowthOf(points)
}

// dockerdOf returns the process that listens on the engine's socket, if it is a
// dockerd, and otherwise the only dockerd there is: systemd may listen for it.
func dockerdOf(engine string) (pid int) {
	path, local := strings.CutPrefix(engine, "unix://")
	if !local {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if pid := listener(ctx, path); isDockerd(pid) {
		return pid
	}
	processes, _ := filepath.Glob("/proc/[0-9]*") // the pattern is valid
	for _, process := range processes {
		n, err := strconv.Atoi(filepath.Base(process))
		if err != nil || !isDockerd(n) {
			continue
		}
		if pid != 0 {
			return 0 // there are several
		}
		pid = n
	}
	return pid
}

// listener returns the process that has begun to listen on a socket, 0 if that
// cannot be told.
func listener(ctx context.Context, path string) (pid int) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(who.Pid)
		}
	})
	return pid
}

func isDockerd(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && string(bytes.TrimSpace(name)) == "dockerd"
}

// clockTick is the kernel's unit of CPU time in /proc.
const clockTick = time.Second / 100

// cpuOf returns the time on processors of a process, 0 if that cannot be told.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field, a name in brackets, may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick
}
