package link

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Shape is how long and how wide a link is.
type Shape struct {
	// RTT is the round trip: there and back again.
	RTT time.Duration
	// Rate is what all connections together send in bytes per second, in each
	// direction.
	Rate int64
}

// bound is how much may be under way in one direction, in bytes: what the link
// holds in a round trip, and as much again in the buffers before it.
func (s Shape) bound() int64 {
	return max(2*int64(float64(s.Rate)*s.RTT.Seconds()), chunkSize)
}

// Link relays connections to one address.
type Link struct {
	shape    Shape
	to       string
	listener net.Listener
	up, down *lane
	cancel   context.CancelFunc
	done     chan struct{} // closed when no connection is left, nor will come
}

// Open begins to relay what connects to Addr to the address "to", until Close.
func Open(ctx context.Context, to string, shape Shape) (*Link, error) {
	if shape.RTT < 0 || shape.Rate <= 0 {
		return nil, fmt.Errorf("cannot open link: %v and %d bytes per second are no shape of one", shape.RTT, shape.Rate)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot open link: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &Link{
		shape: shape, to: to, listener: listener, up: newLane(shape), down: newLane(shape),
		cancel: cancel, done: make(chan struct{}),
	}
	go l.serve(ctx)
	return l, nil
}

// Addr is where the link begins.
func (l *Link) Addr() net.Addr { return l.listener.Addr() }

// Drain takes no more connections and waits until those that there are have
// brought everything and have ended.
func (l *Link) Drain(ctx context.Context) error {
	_ = l.listener.Close()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cannot drain link: %w", ctx.Err())
	}
}

// Close cuts all connections.
func (l *Link) Close() {
	l.cancel()
	_ = l.listener.Close()
	<-l.done
}

func (l *Link) serve(ctx context.Context) {
	defer close(l.done)
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return // it is closed
		}
		if near, ok := near.(*net.TCPConn); ok {
			connections.Go(func() { l.relay(ctx, near) })
		}
	}
}

// relay carries one connection. The kernel has established it at once; here that
// takes its round trip, before which the client would not have sent anything.
func (l *Link) relay(ctx context.Context, near *net.TCPConn) {
	defer func() { _ = near.Close() }()
	half := l.shape.RTT / 2
	if !until(ctx, time.Now().Add(half)) {
		return
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.to)
	if err != nil {
		return // the client sees the connection end
	}
	defer func() { _ = conn.Close() }()
	far, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	established := time.Now().Add(half)
	cut := func() { _, _ = near.Close(), far.Close() }
	defer context.AfterFunc(ctx, cut)()
	var both sync.WaitGroup
	both.Go(func() { newPipe(l.down, far, near).run(ctx, cut) })
	if until(ctx, established) {
		both.Go(func() { newPipe(l.up, near, far).run(ctx, cut) })
	}
	both.Wait()
}

// until waits for a time; it tells whether it has come before ctx was done.
func until(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
