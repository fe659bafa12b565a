package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "leaky:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	c := collector{streams: make(map[string]stream)}
	f := flag.NewFlagSet("leaky", flag.ContinueOnError)
	f.StringVar(&c.socket, "socket", "/var/run/docker.sock", "the engine's socket")
	f.StringVar(&c.push, "push", "", "URL of Loki's push API")
	f.DurationVar(&c.every, "every", 30*time.Second, "how often all containers are inspected")
	listen := f.String("listen", "127.0.0.1:0", "address of metrics")
	if err := f.Parse(args); err != nil {
		return err
	}
	server := &http.Server{Addr: *listen, Handler: http.HandlerFunc(metrics), ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	ticker := time.NewTicker(c.every)
	defer ticker.Stop()
	for {
		if err := c.look(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "leaky:", err)
		}
		select {
		case <-ticker.C:
		case err := <-failed:
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// newClient makes a client that nobody closes. Its idle connection stays for good,
// as with the client libraries of that time. Today's end it after 30 s, also in a
// transport of ours, unless that has a limit of idle connections of its own.
func newClient(socket string) (*client.Client, error) {
	transport := &http.Transport{MaxIdleConns: 100, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	return client.New(client.WithHTTPClient(&http.Client{Transport: transport}), client.WithHost("unix://"+socket))
}

func metrics(w http.ResponseWriter, _ *http.Request) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	_, _ = fmt.Fprintf(w, "go_goroutines %d\ngo_memstats_heap_inuse_bytes %d\n", runtime.NumGoroutine(), memory.HeapInuse)
}
