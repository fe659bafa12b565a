package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// shutdownTimeout is how long requests may take to end when Run ends.
const shutdownTimeout = 2 * time.Second

// Server serves metrics, health and the status page.
type Server struct {
	addr    string
	log     *slog.Logger
	metrics *Metrics

	// Set before Run and not changed afterwards.
	live, ready []condition
	source      func() Snapshot
}

// New makes a server that will listen on addr.
func New(addr string, log *slog.Logger) *Server {
	s := &Server{addr: addr, log: log, source: func() Snapshot { return Snapshot{} }}
	s.metrics = newMetrics(&collector{s.snapshot})
	return s
}

// Metrics returns the counters that the server shows.
func (s *Server) Metrics() *Metrics { return s.metrics }

// Observe sets where the state of the process comes from. It must be called
// before Run; source is called for each request, from several goroutines.
func (s *Server) Observe(source func() Snapshot) { s.source = source }

// Live adds a condition of /healthz: that a main loop lives. It must be called
// before Run; check may take as long as 20 seconds.
func (s *Server) Live(name string, check func() error) {
	s.live = append(s.live, condition{name, check})
}

// Ready adds a condition of /readyz. It must be called before Run.
func (s *Server) Ready(name string, check func() error) {
	s.ready = append(s.ready, condition{name, check})
}

// Run serves until ctx is done. It fails when it cannot listen.
func (s *Server) Run(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %q for metrics and health "+
			"(choose a free address with --listen, or none with --listen off): %w", s.addr, err)
	}
	return s.serve(ctx, listener)
}

// serve answers on listener and closes it.
func (s *Server) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(listener.Addr()),
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	s.log.Info("serving metrics, health and status", "address", listener.Addr().String())
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- shutdown(context.WithoutCancel(ctx), server) })
	err := server.Serve(listener)
	if stop() { // it was not asked to end
		return fmt.Errorf("cannot serve metrics and health on %q: %w", s.addr, err)
	}
	return <-closed
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
func (s *Server) snapshot() Snapshot { return s.source().Clean() }
