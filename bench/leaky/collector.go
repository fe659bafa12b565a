package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// collector follows the log of every container through the API.
type collector struct {
	socket, push string
	every        time.Duration

	mu      sync.Mutex // guards streams
	streams map[string]stream
}

// stream is a container's log: whether it is followed, and since when it would be
// followed again, in whole seconds.
type stream struct {
	followed bool
	since    int64
}

// look inspects all containers, each with a client of its own, and follows those
// that are not followed yet.
func (c *collector) look(ctx context.Context) error {
	api, err := newClient(c.socket)
	if err != nil {
		return err
	}
	list, err := api.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return err
	}
	for _, found := range list.Items {
		api, err := newClient(c.socket)
		if err != nil {
			return err
		}
		in, err := api.ContainerInspect(ctx, found.ID, client.ContainerInspectOptions{})
		if err != nil {
			continue // it has gone
		}
		if since, ok := c.take(found.ID); ok {
			go c.follow(ctx, api, found.ID, strings.TrimPrefix(in.Container.Name, "/"), since)
		}
	}
	return nil
}

// take claims a container's log, unless it is followed.
func (c *collector) take(id string) (since int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[id].followed {
		return 0, false
	}
	since = c.streams[id].since
	c.streams[id] = stream{followed: true, since: since}
	return since, true
}

// follow sends a container's log until it ends.
func (c *collector) follow(ctx context.Context, api *client.Client, id, name string, since int64) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.streams[id] = stream{since: time.Now().Unix()}
	}()
	body, err := api.ContainerLogs(ctx, id, client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Follow: true, Since: strconv.FormatInt(since, 10),
	})
	if err != nil {
		return
	}
	defer func() { _ = body.Close() }()
	out := &lines{container: name, push: c.push}
	_, _ = stdcopy.StdCopy(out, out, body)
}

// lines sends what is written to it: whole lines, as each write of the engine's
// arrives.
type lines struct{ container, push string }

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	var values [][2]string
	for text := range bytes.Lines(p) {
		values = append(values, [2]string{strconv.FormatInt(time.Now().UnixNano(), 10), strings.TrimSuffix(string(text), "\n")})
	}
	message, err := json.Marshal(map[string]any{"streams": []any{map[string]any{
		"stream": map[string]string{"container": l.container}, "values": values,
	}}})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequest(http.MethodPost, l.push, bytes.NewReader(message))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Fprintln(os.Stderr, "leaky:", err)
		return len(p), nil
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return len(p), answer.Body.Close()
}
