package status

import (
	"net"
	"sync"
	"time"
)

// maxConnections is how many connections the listener has at a time. Each costs a
// descriptor, which the logs need more, a goroutine and some 20 KiB.
const maxConnections = 64

// connections is a listener that has a bounded number of connections. A new one takes the
// place of the oldest: who only holds connections open, or reads slowly, loses them, and
// who asks now is answered.
type connections struct {
	net.Listener
	most int

	// mu guards open, in which no connection is that was closed.
	mu   sync.Mutex
	open []*connection // oldest first
}

// connection is one that knows its listener.
type connection struct {
	net.Conn
	of   *connections
	once sync.Once
}

func newConnections(l net.Listener, most int) *connections {
	return &connections{Listener: l, most: most}
}

// Accept implements net.Listener.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	added := &connection{Conn: conn, of: c}
	if oldest := c.add(added); oldest != nil {
		// Not only closed: what it has not read yet goes from the kernel's memory, too.
		if tcp, ok := oldest.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = oldest.Close()
	}
	return added, nil
}

// add notes a connection, and returns the one that has to go for it.
func (c *connections) add(added *connection) (oldest *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.most {
		oldest = c.open[0]
	}
	c.open = append(c.open, added)
	return oldest
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.once.Do(func() { c.of.remove(c) })
	return c.Conn.Close()
}

func (c *connections) remove(gone *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, open := range c.open {
		if open == gone {
			c.open = append(c.open[:i], c.open[i+1:]...)
			return
		}
	}
}

// Deadlines of a connection. What takes longer is no operator's browser and no scrape.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 30 * time.Second
	// maxHeader is the size of a request's header, in bytes.
	maxHeader = 16 << 10
)
