package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/test/port"
)

// server serves the sink on one port, which nobody else gets while it is away.
type server struct {
	handler http.Handler
	port    *port.Port
	address net.Addr
	running *http.Server // nil while away
}

// serve begins to serve.
func serve(ctx context.Context, handler http.Handler) (*server, error) {
	taken, err := port.Take()
	if err != nil {
		return nil, err
	}
	s := &server{handler: handler, port: taken}
	if err := s.back(ctx); err != nil {
		taken.Release()
		return nil, err
	}
	return s, nil
}

// back begins to listen.
func (s *server) back(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(s.port.Number))
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	s.address = listener.Addr()
	s.running = &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute}
	go func(running *http.Server) { _ = running.Serve(listener) }(s.running)
	return nil
}

// away answers what has come, closes all connections and refuses others.
func (s *server) away(ctx context.Context) error {
	running := s.running
	s.running = nil
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := running.Shutdown(ctx); err != nil {
		return fmt.Errorf("cannot take the sink away: %w", err)
	}
	return nil
}

func (s *server) close() {
	if s.running != nil {
		_ = s.running.Close()
	}
	s.port.Release()
}
