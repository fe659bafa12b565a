package link

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what takes much less, also on a machine that is busy.
const patience = 20 * time.Second

// serve has do for every connection and returns the address.
func serve(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				do(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

// open opens a link, which is closed before what it leads to.
func open(t *testing.T, to string, shape Shape) *Link {
	t.Helper()
	l, err := Open(t.Context(), to, shape)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func dial(t *testing.T, l *Link) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// exchange sends bytes and awaits as many; it returns how long that took.
func exchange(t *testing.T, conn net.Conn, n int) time.Duration {
	t.Helper()
	began := time.Now()
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(make([]byte, n))
		sent <- err
	}()
	if _, err := io.CopyN(io.Discard, conn, int64(n)); err != nil {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

func TestRoundTrip(t *testing.T) {
	const rtt = 100 * time.Millisecond
	conn := dial(t, open(t, serve(t, echo), Shape{RTT: rtt, Rate: 1 << 30}))
	if took := exchange(t, conn, 1); took < 2*rtt || took > 10*rtt {
		t.Errorf("the first exchange took %v; establishing takes one of %v, too", took, rtt)
	}
	if took := exchange(t, conn, 1); took < rtt || took > 5*rtt {
		t.Errorf("an exchange took %v of %v", took, rtt)
	}
}

// TestUnderWay sends much more than a chunk, none of which waits for another.
func TestUnderWay(t *testing.T) {
	const rtt, chunks = 100 * time.Millisecond, 200
	conn := dial(t, open(t, serve(t, echo), Shape{RTT: rtt, Rate: 1 << 30}))
	if took := exchange(t, conn, chunks*chunkSize); took < rtt || took > chunks*rtt/2 { // on a busy machine
		t.Errorf("%d chunks took %v", chunks, took)
	}
}

func TestRateIsShared(t *testing.T) {
	const rate, each = 4_000_000, 500_000
	l := open(t, serve(t, echo), Shape{RTT: 20 * time.Millisecond, Rate: rate})
	began := time.Now()
	var all sync.WaitGroup
	for range 4 {
		conn := dial(t, l)
		all.Go(func() { exchange(t, conn, each) })
	}
	all.Wait()
	if took := time.Since(began); took < time.Second/2 || took > 3*time.Second {
		t.Errorf("it took %v; the link needs half a second", took)
	}
}

func TestEndsArriveBehindWhatWasSent(t *testing.T) {
	const size = 300_000
	server := serve(t, func(conn net.Conn) {
		if n, err := io.Copy(io.Discard, conn); n != size || err != nil {
			t.Errorf("the server has read %d bytes, error %v", n, err)
		}
		_, _ = conn.Write([]byte("thanks"))
	})
	conn := dial(t, open(t, server, Shape{RTT: 20 * time.Millisecond, Rate: 1 << 30}))
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); string(answer) != "thanks" || err != nil {
		t.Errorf("the client has read %q, error %v", answer, err)
	}
}

func TestDrain(t *testing.T) {
	const size = 300_000
	arrived := make(chan int64, 1)
	server := serve(t, func(conn net.Conn) {
		_, _ = conn.Write([]byte("!"))
		n, _ := io.Copy(io.Discard, conn)
		arrived <- n
	})
	l := open(t, server, Shape{RTT: 100 * time.Millisecond, Rate: 1 << 30})
	conn := dial(t, l)
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil { // it is accepted
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := l.Drain(short); err == nil {
		t.Error("drained while a client is there")
	}
	conn.Close()
	long, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.Drain(long); err != nil {
		t.Error(err)
	}
	select {
	case n := <-arrived:
		if n != size {
			t.Errorf("%d bytes arrived of %d", n, size)
		}
	case <-time.After(patience):
		t.Error("the server waits for the end")
	}
}

func TestServerGone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	conn := dial(t, open(t, listener.Addr().String(), Shape{Rate: 1}))
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("an answer of no server")
	}
}

func TestClientGone(t *testing.T) {
	ended := make(chan error, 1)
	server := serve(t, func(conn net.Conn) {
		for {
			if _, err := conn.Write(make([]byte, chunkSize)); err != nil {
				ended <- err
				return
			}
		}
	})
	conn := dial(t, open(t, server, Shape{RTT: 10 * time.Millisecond, Rate: 1 << 24}))
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the server still sends")
	}
}

// TestClose leaves nothing, wherever the connections are.
func TestClose(t *testing.T) {
	l := open(t, serve(t, echo), Shape{RTT: 50 * time.Millisecond, Rate: 1 << 20})
	busy := dial(t, l)
	exchange(t, busy, 1)
	if _, err := busy.Write(make([]byte, 2*chunkSize)); err != nil {
		t.Fatal(err)
	}
	fresh := dial(t, l)
	l.Close()
	for _, conn := range []net.Conn{busy, fresh} {
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Error("the connection is still there")
		}
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the link still listens")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

func TestNoShape(t *testing.T) {
	for _, shape := range []Shape{{}, {RTT: -1, Rate: 1}, {RTT: time.Second}} {
		if _, err := Open(t.Context(), "127.0.0.1:1", shape); err == nil {
			t.Errorf("%+v was opened", shape)
		}
	}
}
