package status

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is the state of a host with many containers.
func crowd(n int) Snapshot {
	s := Snapshot{Version: "1", Started: time.Now()}
	for i := range n {
		s.Containers = append(s.Containers, Container{
			Name: fmt.Sprintf("container-%05d", i), ID: strings.Repeat("ab", 32), Driver: "json-file", Route: "file", Reason: strings.Repeat("why ", 40),
		})
	}
	return s
}

// TestS3SlowReaders: readers that ask for a large page and read nothing of it keep neither
// a copy each nor their connections, and who asks meanwhile is answered.
func TestS3SlowReaders(t *testing.T) {
	var made atomic.Int64
	s := server()
	s.Observe(func() Snapshot { made.Add(1); return crowd(5000) })
	url := serve(t, s)
	size := len(get(t, url+"/status.json").body)
	if size < 1<<20 {
		t.Fatalf("only %d bytes", size)
	}
	ask := func() time.Duration {
		began := time.Now()
		for _, path := range []string{"/metrics", "/status.json", "/readyz"} {
			if answer := get(t, url+path); answer.code != http.StatusOK || answer.body == "" {
				t.Errorf("%s: %d", path, answer.code)
			}
		}
		return time.Since(began)
	}
	alone, before := ask(), heap()
	const readers = 400
	var all []net.Conn
	for range readers {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		if _, err := io.WriteString(conn, "GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	// Whoever waited for one of the others would do so for writeTimeout. A busy machine takes
	// long for the pages themselves.
	if took := ask(); took > writeTimeout/2+10*alone {
		t.Errorf("a reader waits %v for others, and alone %v", took, alone)
	}
	if n := made.Load(); n > readers/10 {
		t.Errorf("the state was looked at %d times for %d readers", n, readers)
	}
	// Without sharing it would be a copy for each reader.
	if grown := heap() - before; grown > int64(20*size) {
		t.Errorf("%d MiB more for %d readers of %d MiB", grown>>20, readers, size>>20)
	}
	open := 0
	for _, conn := range all {
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := bufio.NewReaderSize(conn, 1<<20).Peek(1); err == nil {
			open++
		}
	}
	if open > maxConnections+readers/10 { // what the kernel had already taken is read from those that were closed, too
		t.Logf("%d of %d connections have been sent something", open, readers)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestS3IdleConnections: there are never more connections than the bound, and the newest
// are served.
func TestS3IdleConnections(t *testing.T) {
	s := server()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounded := newConnections(listener, maxConnections)
	done := make(chan error, 1)
	go func() {
		web := &http.Server{Handler: s.handler(), ReadHeaderTimeout: headerTimeout}
		done <- web.Serve(bounded)
	}()
	t.Cleanup(func() {
		_ = bounded.Close()
		<-done
	})
	for range 10 * maxConnections {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	if answer := get(t, "http://"+listener.Addr().String()+"/metrics"); answer.code != http.StatusOK {
		t.Errorf("code %d", answer.code)
	}
	http.DefaultClient.CloseIdleConnections()
	bounded.mu.Lock()
	defer bounded.mu.Unlock()
	if n := len(bounded.open); n > maxConnections+1 {
		t.Errorf("%d connections", n)
	}
	for _, c := range bounded.open {
		_ = c.Conn.Close()
	}
}

// TestP7AllSeries: every series is there before anything has happened, so that its first
// rise can be seen.
func TestP7AllSeries(t *testing.T) {
	body := get(t, serve(t, server())+"/metrics").body
	for _, want := range []string{
		`lighterman_rejected_lines_total{reason="too_old"} 0`, `lighterman_rejected_lines_total{reason="labels"} 0`,
		`lighterman_push_retries_total{reason="misconfigured"} 0`, `lighterman_push_retries_total{reason="unavailable"} 0`,
		`lighterman_pushes_total{outcome="accepted"} 0`, `lighterman_lines_total{route="journal"} 0`,
		`lighterman_delivery_seconds_count 0`, `lighterman_backlog_delivery_seconds_count 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestP7Backlog: what waited while nobody collected says nothing of how fast delivery is.
func TestP7Backlog(t *testing.T) {
	s := server()
	s.Metrics().ObserveDelivery(3600, 1000, true)
	s.Metrics().ObserveDelivery(0.1, 10, false)
	body := get(t, serve(t, s)+"/metrics").body
	for _, want := range []string{
		"lighterman_delivery_seconds_count 10\n", `lighterman_delivery_seconds_bucket{le="0.1"} 10` + "\n", "lighterman_backlog_delivery_seconds_count 1000\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestPicture: who is gone does not wait for a picture, one serves all who asked before it was
// begun, and none is kept that serves nobody any more.
func TestPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, during := 0, make(chan struct{})
		p := newPicture(func() ([]byte, error) { made++; <-during; return make([]byte, 10*freshBytes), nil })
		var done atomic.Int64
		get := func(ctx context.Context) { _, _ = p.get(ctx); done.Add(1) }
		go get(t.Context())
		synctest.Wait()
		ctx, gone := context.WithCancel(t.Context())
		for range 1000 {
			go get(ctx)
		}
		synctest.Wait()
		gone()
		synctest.Wait()
		if n := done.Load(); n != 1000 {
			t.Errorf("%d are there although they are gone", 1000-n)
		}
		time.Sleep(maxFresh)
		for range 10 {
			go get(t.Context())
		}
		time.Sleep(time.Millisecond)
		close(during)
		synctest.Wait()
		if n := done.Load(); n != 1011 || made != 2 || p.last.Load() == nil {
			t.Errorf("%d were answered, by %d pictures", n, made)
		}
		time.Sleep(maxFresh)
		synctest.Wait()
		if p.last.Load() != nil {
			t.Error("it is kept for good")
		}
	})
}
