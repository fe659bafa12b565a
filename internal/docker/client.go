package docker

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/internal/logs"
)

// Client is the process's only connection to an engine.
type Client struct {
	api *client.Client
}

// New makes a client for host: "unix:///path", "tcp://address:port" or "" for
// DOCKER_HOST, then the default socket, then that of the user's rootless Docker. TLS follows DOCKER_CERT_PATH and
// DOCKER_TLS_VERIFY. It does not connect.
func New(host string) (*Client, error) {
	options := []client.Opt{client.FromEnv}
	if host == "" {
		host = rootlessHost(usualSocket, os.Getenv("XDG_RUNTIME_DIR"), os.Getuid())
	}
	if host != "" {
		options = append(options, client.WithHost(host))
	}
	api, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("cannot make a Docker client: %w", err)
	}
	return &Client{api: api}, nil
}

// Host returns the address of the engine.
func (c *Client) Host() string { return c.api.DaemonHost() }

// Rest closes the connections that are not in use, of which several questions at a time
// leave some behind: each has two goroutines and its buffers. The client stays usable.
func (c *Client) Rest() { _ = c.api.Close() }

// Close closes idle connections.
func (c *Client) Close() error { return c.api.Close() }

// Info is what an engine says of itself.
type Info struct {
	// Root is the data root as the engine sees it.
	Root string
	// Name is the name of the engine's host.
	Name string
	// Podman tells that the engine is Podman, which speaks Docker's API.
	Podman bool
}

// Info asks the engine about itself.
func (c *Client) Info(ctx context.Context) (Info, error) {
	result, err := c.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("cannot ask the engine about itself: %w", err)
	}
	out := Info{Root: result.Info.DockerRootDir, Name: result.Info.Name}
	// A proxy may allow one question and not the other.
	version, _ := c.api.ServerVersion(ctx, client.ServerVersionOptions{})
	out.Podman = slices.ContainsFunc(version.Components, func(part system.ComponentVersion) bool { return part.Name == podman })
	return out, nil
}

// podman is what Podman calls itself among the components of its version. Its
// answers have a header Libpod-Api-Version, too, which the client does not show.
const podman = "Podman Engine"

// List returns the IDs of all containers, running or not.
func (c *Client) List(ctx context.Context) ([]string, error) {
	result, err := c.api.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("cannot list containers: %w", err)
	}
	ids := make([]string, 0, len(result.Items))
	for _, item := range result.Items {
		ids = append(ids, item.ID)
	}
	return ids, nil
}

// Inspect returns one container. The error wraps logs.ErrNotFound when it is gone.
func (c *Client) Inspect(ctx context.Context, id string) (*logs.Container, error) {
	asked := time.Now()
	result, err := c.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return nil, fmt.Errorf("cannot inspect container: %w", logs.ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("cannot inspect container: %w", err)
	}
	in := result.Container
	out := &logs.Container{ID: in.ID, Name: strings.TrimPrefix(in.Name, "/"), LogPath: in.LogPath, AsOf: asked}
	if in.Config != nil {
		out.Image, out.Labels, out.TTY = in.Config.Image, in.Config.Labels, in.Config.Tty
	}
	if in.HostConfig != nil {
		out.Driver, out.DriverOptions = in.HostConfig.LogConfig.Type, in.HostConfig.LogConfig.Config
	}
	if in.State != nil {
		out.Running = in.State.Running
		// The engine writes the year 1 for a container that never ran.
		if at, err := time.Parse(time.RFC3339Nano, in.State.StartedAt); err == nil && at.Year() > 1 {
			out.StartedAt = at
		}
	}
	return out, nil
}

// Logs opens the log of a container and follows it. since is in Unix
// nanoseconds, inclusive; 0 for all there is. The caller closes the body. The
// error wraps logs.ErrNotFound or logs.ErrUnreadable where that is the reason.
func (c *Client) Logs(ctx context.Context, id string, since int64) (io.ReadCloser, error) {
	options := client.ContainerLogsOptions{}
	if since > 0 {
		options.Since = fmt.Sprintf("%d.%09d", since/1e9, since%1e9)
	}
	return c.follow(ctx, id, options)
}

// Tail is Logs from a number of records before the end on. The engine need not
// decode what is before them.
func (c *Client) Tail(ctx context.Context, id string, records int) (io.ReadCloser, error) {
	return c.follow(ctx, id, client.ContainerLogsOptions{Tail: strconv.Itoa(records)})
}

func (c *Client) follow(ctx context.Context, id string, options client.ContainerLogsOptions) (io.ReadCloser, error) {
	options.ShowStdout, options.ShowStderr, options.Timestamps, options.Follow = true, true, true, true
	body, err := c.api.ContainerLogs(ctx, id, options)
	switch {
	case errdefs.IsNotFound(err):
		return nil, fmt.Errorf("cannot open log stream: %w", logs.ErrNotFound)
	case errdefs.IsNotImplemented(err):
		return nil, fmt.Errorf("cannot open log stream: %w", logs.ErrUnreadable)
	case err != nil:
		return nil, fmt.Errorf("cannot open log stream: %w", err)
	}
	return body, nil
}

// Self returns the ID of the container that this process runs in, or "".
func Self() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	return selfFromMounts(string(mounts))
}

// selfFromMounts finds the files that the engine mounts from the container's
// own directory: …/containers/<ID>/hostname and others. The control group does
// not tell: with its own namespace the process sees it as "/".
func selfFromMounts(mountinfo string) string {
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 || (fields[4] != "/etc/hostname" && fields[4] != "/etc/resolv.conf" && fields[4] != "/etc/hosts") {
			continue
		}
		parts := strings.Split(fields[3], "/")
		for i := len(parts) - 2; i > 0; i-- {
			if parts[i-1] == "containers" && len(parts[i]) == 64 {
				return parts[i]
			}
		}
	}
	return ""
}
