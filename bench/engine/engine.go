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
}

// New makes an engine with the containers of a layout.
func New(layout *loggen.Layout) *Engine {
	e := &Engine{layout: layout, mux: http.NewServeMux(), pollInterval: 5 * time.Millisecond}
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

// events tells of nothing, for as long as somebody listens.
func (e *Engine) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func (e *Engine) list(w http.ResponseWriter, _ *http.Request) {
	out := make([]object, 0, e.layout.Containers)
	for i := range e.layout.Containers {
		c, err := docker.Stored(e.layout.Root, loggen.ID(i), every)
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
		"State":           object{"Status": "running", "Running": true, "Pid": 1, "StartedAt": at, "FinishedAt": "0001-01-01T00:00:00Z"},
		"Config":          object{"Image": c.Image, "Labels": c.Labels, "Tty": c.TTY},
		"HostConfig":      object{"LogConfig": object{"Type": c.Driver, "Config": c.DriverOptions}, "NetworkMode": "none"},
		"NetworkSettings": object{"Networks": object{}},
	})
}
