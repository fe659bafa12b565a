package faults

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// oldClock is an engine with one container, whose log the test writes with any timestamps.
// It reads logs as the real one does: a time to begin at holds until the first record that
// is not older, or as 20.10 has it, for every record.
type oldClock struct {
	t      *testing.T
	host   string
	id     string
	always bool
	// file is the container's log as a file, too, of the local driver; nil for none.
	file *dataroot.Container

	mu      sync.Mutex // guards the fields below
	records []stampedLine
	// written is closed and made anew when there is more, cut when all streams are cut.
	written, cut chan struct{}
	streams      int
	asked        []string
}

type stampedLine struct {
	at   time.Time
	text string
}

func newOldClock(t *testing.T, always bool) *oldClock {
	t.Helper()
	e := &oldClock{t: t, id: strings.Repeat("c0", 32), always: always, written: make(chan struct{}), cut: make(chan struct{})}
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	e.host = "unix://" + socket
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return e
}

// ServeHTTP implements http.Handler.
func (e *oldClock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	w.Header().Set("Api-Version", "1.47")
	switch base := path.Base(r.URL.Path); {
	case base == "_ping":
	case base == "info":
		answer(map[string]any{"DockerRootDir": "/nowhere", "Name": "old"})
	case base == "version":
		answer(map[string]any{"ApiVersion": "1.47"})
	case base == "events":
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case strings.HasSuffix(r.URL.Path, "/containers/json"):
		answer([]map[string]any{{"Id": e.id}})
	case base == "json":
		answer(map[string]any{
			"Id": e.id, "Name": "/old", "Created": started, "Config": map[string]any{"Tty": false, "Image": "i"},
			"State":      map[string]any{"Running": true, "StartedAt": started, "FinishedAt": "0001-01-01T00:00:00Z"},
			"HostConfig": map[string]any{"LogConfig": map[string]any{"Type": "local", "Config": map[string]string{}}},
		})
	case base == "logs":
		e.logs(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (e *oldClock) logs(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	e.mu.Lock()
	e.asked = append(e.asked, r.URL.RawQuery)
	next := 0
	if n, err := strconv.Atoi(query.Get("tail")); err == nil {
		next = max(0, len(e.records)-n)
	}
	cut, follow := e.cut, query.Get("follow") == "1"
	if follow {
		e.streams++
		defer func() { e.mu.Lock(); e.streams--; e.mu.Unlock() }()
	}
	e.mu.Unlock()
	since := time.Time{}
	if seconds, nanos, ok := strings.Cut(query.Get("since"), "."); ok {
		s, _ := strconv.ParseInt(seconds, 10, 64)
		n, _ := strconv.ParseInt(nanos, 10, 64)
		since = time.Unix(s, n)
	}
	w.WriteHeader(http.StatusOK)
	for {
		e.mu.Lock()
		// Of a stream whose client was killed there may be fewer by now: they were rotated away.
		rest, written := e.records[min(next, len(e.records)):], e.written
		e.mu.Unlock()
		for _, l := range rest {
			if l.at.Before(since) {
				continue
			}
			if !e.always {
				since = time.Time{}
			}
			payload := l.at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + l.text + "\n"
			header := binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(payload)))
			_, _ = w.Write(append(header, payload...))
		}
		next += len(rest)
		_ = http.NewResponseController(w).Flush()
		if !follow {
			return
		}
		select {
		case <-written:
		case <-cut:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

func (e *oldClock) write(lines ...stampedLine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.records = append(e.records, lines...)
	for _, l := range lines {
		if e.file != nil {
			e.file.Append(e.t, dataroot.Frame(l.at, l.text))
		}
	}
	close(e.written)
	e.written = make(chan struct{})
}

// rotate takes the oldest records away.
func (e *oldClock) rotate(keep int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.records = append([]stampedLine(nil), e.records[len(e.records)-keep:]...)
}

func (e *oldClock) breakStreams() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.cut)
	e.cut = make(chan struct{})
}

func (e *oldClock) open() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.streams > 0
}

// TestD6LiveButOldThroughTheAPI: what is written while a log is followed through the API,
// or while we were away, is delivered whatever its time, and what since leaves out is
// counted.
func TestD6LiveButOldThroughTheAPI(t *testing.T) {
	t.Parallel()
	for _, since := range []string{"now", "1h"} {
		for _, before := range []int{0, 3} {
			for _, always := range []bool{false, true} {
				t.Run(fmt.Sprint("since ", since, ", ", before, " before, since for every line ", always), func(t *testing.T) {
					t.Parallel()
					oldThroughAPI(t, since, before, always)
				})
			}
		}
	}
}

func oldThroughAPI(t *testing.T, since string, before int, always bool) {
	e, loki, state := newOldClock(t, always), fakeloki.Start(t, nil), t.TempDir()
	past := time.Now().Add(-100 * time.Hour)
	for i := range before {
		e.write(stampedLine{past.Add(time.Duration(i)), fmt.Sprint("before ", i)})
	}
	var want []string
	live := func(ago time.Duration, n int) {
		for range n {
			text := fmt.Sprint("live ", len(want))
			e.write(stampedLine{time.Now().Add(-ago), text})
			want = append(want, text)
		}
	}
	start := func() *carrier.Carrier {
		l := carrier.Start(t, "--docker-host", e.host, "--docker-root", t.TempDir(), "--mode", "stream", "--loki-url", loki.URL, "--state-dir", state, "--since", since)
		l.AwaitReady(t, 20*time.Second)
		wait.For(t, 20*time.Second, "the stream", e.open)
		return l
	}
	l := start()
	skipped := func() float64 { return l.Metrics(t).Sum("lighterman_skipped_lines_total", `reason="before_since"`) }
	wait.For(t, 10*time.Second, "what is left out to be counted", func() bool { return skipped() == float64(before) })
	awaitSince(t, state, e.id)
	live(99*time.Hour, 3)
	awaitStored(t, loki, want)
	e.breakStreams()
	live(98*time.Hour, 2)
	awaitStored(t, loki, want)
	l.Kill9(t)
	live(97*time.Hour, 2)
	l = start()
	awaitStored(t, loki, want)
	live(0, 2)
	awaitStored(t, loki, want)
	// The clock is set back while we are away.
	l.Kill9(t)
	live(50*time.Hour, 2)
	l = start()
	awaitStored(t, loki, want)
	live(49*time.Hour, 2)
	awaitStored(t, loki, want)
	// And everything that was delivered is rotated away meanwhile: nobody can tell what
	// was delivered, but what is left out is counted, and it ends.
	l.Kill9(t)
	live(72*time.Hour, 3)
	e.rotate(3)
	l = start()
	live(71*time.Hour, 2)
	wait.For(t, 20*time.Second, "the last line", func() bool {
		lines := loki.Lines()
		return lines[len(lines)-1] == want[len(want)-1]
	})
	stored := make(map[string]bool)
	for _, line := range loki.Lines() {
		stored[line] = true
	}
	lost := len(want) - len(stored)
	if counted := l.Metrics(t).Sum("lighterman_skipped_lines_total"); float64(lost) > counted || lost > 3 {
		t.Errorf("%d lines are missing, and %v counted", lost, counted)
	}
}
