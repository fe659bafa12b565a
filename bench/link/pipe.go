package link

import (
	"bytes"
	"context"
	"net"
	"sync"
	"time"
)

const (
	// chunkSize is how much is read at once, in bytes: 5 ms at 100 Mbit/s.
	chunkSize = 64 << 10
	// maxChunks may be under way on a connection. It is meant never to be
	// reached: bytes have a bound of their own.
	maxChunks = 4096
)

// chunk is bytes under way. None are the connection's end.
type chunk struct {
	data []byte
	due  time.Time
}

// pipe is one direction of one connection.
type pipe struct {
	lane     *lane
	from, to *net.TCPConn
	line     chan chunk
}

func newPipe(l *lane, from, to *net.TCPConn) *pipe {
	return &pipe{lane: l, from: from, to: to, line: make(chan chunk, maxChunks)}
}

// run carries all bytes until the end, and the end. If they cannot be delivered,
// or ctx is done, it calls cut, which ends both directions.
func (p *pipe) run(ctx context.Context, cut func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var reader sync.WaitGroup
	defer reader.Wait()
	reader.Go(func() {
		defer close(p.line)
		p.take(ctx)
	})
	if !p.deliver(ctx) {
		cancel()
		cut()
	}
	for c := range p.line {
		p.lane.leave(len(c.data)) // others want the room
	}
}

// take reads until the end and puts everything on the line.
func (p *pipe) take(ctx context.Context) {
	buffer := make([]byte, chunkSize)
	for {
		n, err := p.from.Read(buffer)
		if n > 0 && !p.put(ctx, buffer[:n]) {
			return
		}
		if err != nil {
			p.put(ctx, nil) // also of a reset one, what it sent before is under way
			return
		}
	}
}

// put puts a chunk on the line when there is room; it tells whether there was.
func (p *pipe) put(ctx context.Context, data []byte) bool {
	due, err := p.lane.enter(ctx, len(data))
	if err != nil {
		return false
	}
	select {
	case p.line <- chunk{bytes.Clone(data), due}:
		return true
	case <-ctx.Done():
		p.lane.leave(len(data))
		return false
	}
}

// deliver writes what is on the line when it is due; it tells whether it came to
// the connection's end.
func (p *pipe) deliver(ctx context.Context) bool {
	for c := range p.line {
		if !p.write(ctx, c) {
			return false
		}
		if len(c.data) == 0 {
			return true
		}
	}
	return false
}

func (p *pipe) write(ctx context.Context, c chunk) bool {
	defer p.lane.leave(len(c.data))
	if !until(ctx, c.due) {
		return false
	}
	if len(c.data) == 0 {
		return p.to.CloseWrite() == nil
	}
	_, err := p.to.Write(c.data)
	return err == nil
}
