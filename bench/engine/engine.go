package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lighterman/lighterman/bench/loggen"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/logs"
)

// apiVersion is that of Engine 20.10.
const apiVersion = "1.41"

// Engine is a handler for the engine's API.
type Engine struct {
	layout *loggen.Layout
	mux    *http.ServeMux
	// pollInterval is how often a log that is followed is looked at.
	pollInterval time.Duration

	mu sync.Mutex // guards listeners: who is told of events
	// listeners get events as JSON; what one is too slow for waits in its channel.
	listeners map[chan []byte]bool
}

// New makes an engine with the containers of a layout.
func New(layout *loggen.Layout) *Engine {
	e := &Engine{layout: layout, mux: http.NewServeMux(), pollInterval: 5 * time.Millisecond, listeners: make(map[chan []byte]bool)}
	e.mux.HandleFunc("GET /_ping", func(http.ResponseWriter, *http.Request) {})
	e.mux.HandleFunc("GET /version", e.version)
	e.mux.HandleFunc("GET /info", e.info)
	e.mux.HandleFunc("GET /events", e.events)
	e.mux.HandleFunc("GET /networks", func(w http.ResponseWriter, _ *http.Request) { answer(w, []any{}) })
	e.mux.HandleFunc("GET /containers/json", e.list)
	e.mux.HandleFunc("GET /containers/{id}/json", e.inspect)
	e.mux.HandleFunc("GET /containers/{id}/logs", e.logs)
	return e
}

// Run serves on a Unix socket until ctx is done.
func (e *Engine) Run(ctx context.Context, socket string) error {
	_ = os.Remove(socket)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("cannot serve the engine's API: %w", err)
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve the engine's API: %w", err)
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", apiVersion)
	w.Header().Set("Ostype", "linux")
	if strings.HasPrefix(r.URL.Path, "/v1.") {
		_, rest, _ := strings.Cut(r.URL.Path[1:], "/")
		r.URL.Path = "/" + rest
	}
	e.mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

type object = map[string]any

func (e *Engine) version(w http.ResponseWriter, _ *http.Request) {
	answer(w, object{"Version": "20.10.24", "ApiVersion": apiVersion, "MinAPIVersion": "1.12", "Os": "linux"})
}

func (e *Engine) info(w http.ResponseWriter, _ *http.Request) {
	answer(w, object{
		"ID": "bench", "Name": "bench", "DockerRootDir": e.layout.Root, "LoggingDriver": "json-file",
		"Containers": e.layout.Containers, "ContainersRunning": e.layout.Containers, "ServerVersion": "20.10.24",
	})
}

// Tell tells whoever listens what has happened to a container: "create", "start", "die",
// "destroy".
func (e *Engine) Tell(action string, container int) {
	now := time.Now()
	text, err := json.Marshal(object{
		"Type": "container", "Action": action, "status": action, "id": loggen.ID(container), "scope": "local", "time": now.Unix(), "timeNano": now.UnixNano(),
		"Actor": object{"ID": loggen.ID(container), "Attributes": object{"name": loggen.Name(container)}},
	})
	if err != nil {
		return // none of these cannot be written
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for to := range e.listeners {
		to <- text
	}
}

// events tells of what happens for as long as somebody listens; what has happened before
// is not told again.
func (e *Engine) events(w http.ResponseWriter, r *http.Request) {
	told := make(chan []byte, 4096)
	e.mu.Lock()
	e.listeners[told] = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.listeners, told)
		e.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w).Flush
	for _ = flush(); ; _ = flush() {
		select {
		case text := <-told:
			if _, err := w.Write(append(text, '\n')); err != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

func (e *Engine) list(w http.ResponseWriter, _ *http.Request) {
	out := make([]object, 0, e.layout.Containers)
	for i := range e.layout.Containers {
		c, err := docker.Stored(e.layout.Root, loggen.ID(i), every)
		if errors.Is(err, os.ErrNotExist) {
			continue // not yet there, or removed
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out = append(out, object{
			"Id": c.ID, "Names": []string{"/" + c.Name}, "Image": c.Image, "State": "running", "Status": "Up",
			"Created": c.StartedAt.Unix(), "Labels": c.Labels, "Ports": []any{}, "Mounts": []any{},
			"HostConfig":      object{"NetworkMode": "none"},
			"NetworkSettings": object{"Networks": object{"none": object{"NetworkID": "none"}}},
		})
	}
	answer(w, out)
}

// every keeps all labels.
func every(string) bool { return true }

// path is that of a container's log.
func (e *Engine) path(c *logs.Container) string {
	return filepath.Join(e.layout.Root, "containers", c.ID, c.ID+"-json.log")
}

// container finds the container that a request is about, or answers that there
// is none.
func (e *Engine) container(w http.ResponseWriter, r *http.Request) *logs.Container {
	c, err := docker.Stored(e.layout.Root, r.PathValue("id"), every)
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(object{"message": "No such container"})
		return nil
	}
	return c
}

func (e *Engine) inspect(w http.ResponseWriter, r *http.Request) {
	c := e.container(w, r)
	if c == nil {
		return
	}
	at := c.StartedAt.UTC().Format(time.RFC3339Nano)
	answer(w, object{
		"Id": c.ID, "Name": "/" + c.Name, "Created": at, "LogPath": e.path(c), "Driver": "overlay2",
		"State":           state(c, at),
		"Config":          object{"Image": c.Image, "Labels": c.Labels, "Tty": c.TTY},
		"HostConfig":      object{"LogConfig": object{"Type": c.Driver, "Config": c.DriverOptions}, "NetworkMode": "none"},
		"NetworkSettings": object{"Networks": object{}},
	})
}

func state(c *logs.Container, startedAt string) object {
	if c.Running {
		return object{"Status": "running", "Running": true, "Pid": 1, "StartedAt": startedAt, "FinishedAt": "0001-01-01T00:00:00Z"}
	}
	return object{"Status": "exited", "Running": false, "Pid": 0, "StartedAt": startedAt, "FinishedAt": time.Now().UTC().Format(time.RFC3339Nano)}
}
