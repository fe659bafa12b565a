package status

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/status/history"
)

// shutdownTimeout is how long requests may take to end when Run ends.
const shutdownTimeout = 2 * time.Second

// Server serves metrics, health and the status page.
type Server struct {
	addr    string
	hosts   hosts
	log     *slog.Logger
	metrics *Metrics
	// protection is complete when it listens.
	protection protection

	// Set before Run and not changed afterwards.
	connections int
	live        []liveness
	ready       []condition
	warn        func() string
	source      func() Snapshot
	outputs     []*output
	reload      func(ctx context.Context) (string, error) // nil where it cannot be asked for
	pages       http.Handler                              // nil for none
}

// New makes a server that will listen on addr, and answer to the names in allowed besides
// the addresses and the name of this machine.
func New(addr string, allowed []string, log *slog.Logger) *Server {
	s := &Server{connections: maxConnections, addr: addr, hosts: newHosts(addr, allowed), log: log, source: func() Snapshot { return Snapshot{} }, warn: func() string { return "" }}
	s.metrics = newMetrics(&collector{snapshot: s.snapshot})
	ownFDs()
	return s
}

// Metrics returns the counters that the server shows.
func (s *Server) Metrics() *Metrics { return s.metrics }

// Observe sets where the state of the process comes from. It must be called
// before Run; source is called for each request, from several goroutines.
func (s *Server) Observe(source func() Snapshot) { s.source = source }

// Limit sets how many connections there may be at a time. It must be called before Run.
func (s *Server) Limit(connections int) { s.connections = min(max(connections, 4), maxConnections) }

// Live adds a condition of /healthz: that a main loop lives. It must be called
// before Run; check may take as long as patience.
func (s *Server) Live(name string, check func(patience time.Duration) error) {
	s.live = append(s.live, liveness{name, check})
}

// Ready adds a condition of /readyz. It must be called before Run.
func (s *Server) Ready(name string, check func() error) {
	s.ready = append(s.ready, condition{name, check})
}

// Warn sets what tells of something that is wrong and makes nothing unready; empty for
// nothing. /readyz shows it. It must be called before Run; warn is called for each request,
// from several goroutines.
func (s *Server) Warn(warn func() string) { s.warn = warn }

// Pages sets what answers for the pages that people look at. It must be called before Run.
func (s *Server) Pages(pages http.Handler) { s.pages = pages }

// warning is that of this moment, safe to show.
func (s *Server) warning() string { return bounded(s.warn()) }

// Run serves until ctx is done. It fails when it cannot listen.
func (s *Server) Run(ctx context.Context) error {
	listener, remove, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("cannot listen on %q for metrics and health "+
			"(choose a free address with --listen, or none with --listen off): %w", s.addr, err)
	}
	defer remove()
	return s.serve(ctx, listener)
}

// sendBuffer is how much of an answer the kernel takes from us before it is read, in bytes.
// On loopback it would be megabytes for each connection, which count for our control group.
const sendBuffer = 64 << 10

// smallBuffers bounds what the kernel holds for the connections of a listener, which have
// its buffers.
func smallBuffers(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("cannot bound the send buffer: %w", err)
	}
	return nil
}

// serve answers on listener and closes it.
func (s *Server) serve(ctx context.Context, listener net.Listener) error {
	s.protection.beyond = isBeyond(listener.Addr())
	server := &http.Server{
		Handler:           s.handler(),
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
	secure, http2 := s.protection.access.TLS()
	s.log.Info("serving metrics, health and status", "address", s.address(listener), "tls", secure != nil, "authentication", s.protection.access.Authenticates())
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- shutdown(context.WithoutCancel(ctx), server) })
	err := serveOn(server, newConnections(listener, s.connections), secure, http2)
	if stop() { // it was not asked to end
		return fmt.Errorf("cannot serve metrics and health on %q: %w", s.addr, err)
	}
	return <-closed
}

// address is what is listened on, in words.
func (s *Server) address(listener net.Listener) string {
	if _, unix := socketOf(s.addr); unix {
		return s.addr
	}
	return listener.Addr().String()
}

// serveOn serves with TLS or without.
func serveOn(server *http.Server, listener net.Listener, secure *tls.Config, http2 bool) error {
	if secure == nil {
		return server.Serve(listener)
	}
	server.TLSConfig, server.Protocols = secure, &http.Protocols{}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(http2)
	return server.ServeTLS(listener, "", "")
}

// shutdown waits for answers under way, for a while.
func shutdown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // whoever is still reading loses the connection
	}
	return err
}

// snapshot returns the present state, safe to show.
func (s *Server) snapshot() Snapshot {
	out := s.source().Clean()
	out.Output.counted(s.metrics)
	for i := range out.Outputs {
		for _, o := range s.outputs {
			if o.name == out.Outputs[i].Name {
				out.Outputs[i].counted(o.metrics)
			}
		}
	}
	return out
}

// Sample returns how all stands, for plots, as far as counters and the process say so. Lines
// are those of the first output; what was repeated and refused is of all.
func (s *Server) Sample() history.Sample {
	out := history.Sample{
		At: time.Now(), Lines: s.metrics.lines.total(), Bytes: s.metrics.lineBytes.total(), Latency: s.metrics.live.perBucket(),
		Memory: float64(residentMemory()), FDs: float64(openFDs()), Goroutines: float64(runtime.NumGoroutine()),
	}
	for _, m := range s.all() {
		out.Retries += m.retries.total()
		out.Refused += m.rejected.total()
	}
	return out
}

// all are the counters of all outputs.
func (s *Server) all() []*Metrics {
	out := append(make([]*Metrics, 0, 1+len(s.outputs)), s.metrics)
	for _, o := range s.outputs {
		out = append(out, o.metrics)
	}
	return out
}

// LatencyBounds are those of the latencies of a Sample.
func LatencyBounds() []float64 { return slices.Clone(deliveryBounds) }

// residentMemory is what the process takes of the machine's memory, in bytes; 0 where that is
// not known.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
