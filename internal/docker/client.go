package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// Client is the process's only connection to an engine.
type Client struct {
	requests *requester
	keep     Keep
	log      *slog.Logger
	// fixed is the version of the API that the environment wants, empty for none, and
	// version the one that was settled; nil before.
	fixed   string
	version atomic.Pointer[string]
	// offered is the newest version that the engine has; nil before it was asked.
	offered atomic.Pointer[string]
	strange sync.Once // tells of IDs that are none
}

// New makes a client for host: "unix:///path", "tcp://address:port" or "" for
// DOCKER_HOST, then the default socket, then that of the user's rootless Docker. TLS follows DOCKER_CERT_PATH and
// DOCKER_TLS_VERIFY. It does not connect. keep says which labels of containers are wanted.
func New(host string, keep Keep, log *slog.Logger) (*Client, error) {
	if host == "" {
		host = rootlessHost(usualSocket, os.Getenv("XDG_RUNTIME_DIR"), os.Getuid())
	}
	requests, err := newRequester(cmp.Or(host, os.Getenv(client.EnvOverrideHost), client.DefaultDockerHost))
	if err != nil {
		return nil, fmt.Errorf("cannot make a Docker client: %w", err)
	}
	c := &Client{requests: requests, keep: keep, log: log}
	if version := strings.TrimSpace(os.Getenv(client.EnvOverrideAPIVersion)); version != "" {
		n, ok := versionNumber(strings.TrimPrefix(version, "v"))
		if !ok {
			return nil, fmt.Errorf("cannot make a Docker client: %s is %.20q, which is no version as 1.41 is (unset it)", client.EnvOverrideAPIVersion, version)
		}
		c.fixed = versionText(n)
	}
	return c, nil
}

// Host returns the address of the engine, without what may be secret in it.
func (c *Client) Host() string { return c.requests.host }

// Rest closes the connections that are not in use, of which several questions at a time
// leave some behind: each has two goroutines and its buffers. The client stays usable.
func (c *Client) Rest() { c.requests.rest() }

// Check makes sure that the engine answers and is not too old, and settles the version of
// the API to speak.
func (c *Client) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer, err := c.requests.get(ctx, "/_ping", nil)
	var refused *refusedError
	switch {
	case errors.As(err, &refused) && (refused.status == http.StatusForbidden || refused.status == http.StatusMethodNotAllowed), errors.Is(err, logs.ErrNotFound):
		return nil // a proxy may allow other questions and not this one
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the engine at %s has not answered in %v", c.Host(), answerTimeout)
	case err != nil:
		return err
	}
	_ = answer.Body.Close()
	if version := answer.Header.Get("Api-Version"); older(version, MinAPI) {
		return fmt.Errorf("the engine at %s is too old: it offers API %.20s, and lighterman needs %s or newer, with API %s (update Docker)", c.Host(), clean(version), MinEngine, MinAPI)
	}
	// Anew each time: the engine may have been replaced by one that takes other versions.
	c.settle(answer.Header.Get("Api-Version"))
	return nil
}

// settle settles the version of the API, with an engine that offers one, or does not say.
func (c *Client) settle(offered string) {
	c.offered.Store(&offered)
	version := cmp.Or(c.fixed, MaxAPI)
	if n, ok := versionNumber(offered); ok && c.fixed == "" && older(offered, MaxAPI) {
		version = versionText(n)
	}
	c.version.Store(&version)
}

// ask has an answer read, in the version of the API that was settled.
func (c *Client) ask(ctx context.Context, timeout time.Duration, query url.Values, read func(d *sift.Decoder) error, parts ...string) error {
	where, err := c.path(ctx, parts...)
	if err != nil {
		return err
	}
	return c.requests.ask(ctx, timeout, where, query, read)
}

// path is that of a question, in the version of the API that was settled, or is now.
func (c *Client) path(ctx context.Context, parts ...string) (string, error) {
	if c.version.Load() == nil {
		if err := c.Check(ctx); err != nil {
			return "", err
		}
	}
	version := cmp.Or(c.fixed, MaxAPI) // of an engine that may not be asked for it
	if settled := c.version.Load(); settled != nil {
		version = *settled
	}
	return "/v" + version + "/" + strings.Join(parts, "/"), nil
}

// Info is what an engine says of itself.
type Info struct {
	// Root is the data root as the engine sees it.
	Root string
	// OwnRoot is Root where that was replaced by a setting.
	OwnRoot string
	// Name is the name of the engine's host.
	Name string
	// Podman tells that the engine is Podman, which speaks Docker's API.
	Podman bool
}

// Info asks the engine about itself.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var out Info
	err := c.ask(ctx, answerTimeout, nil, func(d *sift.Decoder) error {
		return d.Object(func(key string) (err error) {
			switch key {
			case "DockerRootDir":
				out.Root, _, err = d.String(maxPath)
			case "Name":
				out.Name, _, err = d.String(logs.MaxLabelValue)
			default:
				err = d.Skip()
			}
			return err
		})
	}, "info")
	if err == nil && out.Root != "" && (!filepath.IsAbs(out.Root) || filepath.Clean(out.Root) != out.Root) {
		err = fmt.Errorf("it names a data root that is none: %.200q", out.Root)
	}
	if err != nil {
		return Info{}, fmt.Errorf("cannot ask the engine about itself: %w", err)
	}
	// A proxy may allow one question and not the other.
	_ = c.ask(ctx, answerTimeout, nil, func(d *sift.Decoder) error {
		return d.Object(func(key string) error {
			if key != "Components" {
				return d.Skip()
			}
			return d.Array(func() error { return out.component(d) })
		})
	}, "version")
	return out, nil
}

// component looks at one of the components of an engine's version.
func (i *Info) component(d *sift.Decoder) error {
	return d.Object(func(key string) error {
		if key != "Name" {
			return d.Skip()
		}
		name, _, err := d.String(maxDriver)
		i.Podman = i.Podman || name == podman
		return err
	})
}

// podman is what Podman calls itself among the components of its version. Its
// answers have a header Libpod-Api-Version, too.
const podman = "Podman Engine"

// List returns the IDs of all containers: first those that may have ended, of which there are
// ended, then those that run.
func (c *Client) List(ctx context.Context) (ids []string, ended int, err error) {
	var running []string
	ids = []string{}
	listed := 0
	err = c.ask(ctx, listTimeout, url.Values{"all": {"1"}}, func(d *sift.Decoder) error {
		return d.Array(func() error {
			if listed++; listed > maxContainers {
				return fmt.Errorf("the engine tells of more than %d containers", maxContainers)
			}
			id, state := "", ""
			err := d.Object(func(key string) (err error) {
				switch key {
				case "Id":
					id, _, err = d.String(idLength + 1)
				case "State":
					state, _, err = d.String(maxDriver)
				default:
					err = d.Skip()
				}
				return err
			})
			switch {
			case err != nil || !c.isID(id):
			case state == "running":
				running = append(running, id)
			default:
				ids = append(ids, id)
			}
			return err
		})
	}, "containers", "json")
	if err != nil {
		return nil, 0, fmt.Errorf("cannot list containers: %w", err)
	}
	return append(ids, running...), len(ids), nil
}

// isID tells whether an engine's ID is one: it becomes a part of paths and of addresses. A
// container with another is left out.
func (c *Client) isID(id string) bool {
	if isID(id) {
		return true
	}
	c.strange.Do(func() {
		c.log.Warn("the engine reports a container with an invalid ID, it is left out: is docker-host the address of an engine?", "id", clean(id))
	})
	return false
}

// Inspect returns one container. The error wraps logs.ErrNotFound when it is gone.
func (c *Client) Inspect(ctx context.Context, id string) (*logs.Container, error) {
	if !isID(id) {
		return nil, fmt.Errorf("cannot inspect container: %.80q is no ID", id)
	}
	asked := time.Now()
	var f facts
	err := c.ask(ctx, answerTimeout, nil, func(d *sift.Decoder) error { return f.read(d, c.keep) }, "containers", id, "json")
	if err == nil && f.id != id {
		err = fmt.Errorf("the answer is that of container %.64q", f.id)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot inspect container: %w", err)
	}
	out := f.container(id)
	if problem := cmp.Or(f.wrong(id), f.noDriver()); problem != nil {
		out = f.guess(id, UnknownDriver, fmt.Errorf("the engine's answer: %w", problem))
	}
	out.AsOf = asked
	return out, nil
}

// Logs opens the log of a container and follows it. since is in Unix
// nanoseconds, inclusive; 0 for all there is. The caller closes the body. The
// error wraps logs.ErrNotFound or logs.ErrUnreadable where that is the reason.
func (c *Client) Logs(ctx context.Context, id string, since int64) (io.ReadCloser, error) {
	query := url.Values{"follow": {"1"}}
	if since > 0 {
		query.Set("since", nanoTime(since))
	}
	return c.open(ctx, id, query)
}

// SkipsRotated reports whether the engine leaves out more of a log that it compresses than what
// is older than since: the first rotated file that ended before ends the look for others
// (openRotatedFiles of daemon/logger/loggerutils, mended with Engine 23.0, which has API 1.42).
func (c *Client) SkipsRotated() bool {
	offered := c.offered.Load()
	if offered == nil {
		return true
	}
	_, says := versionNumber(*offered)
	return !says || older(*offered, "1.42")
}

// Tail is Logs from a number of records before the end on. The engine need not
// decode what is before them.
func (c *Client) Tail(ctx context.Context, id string, records int) (io.ReadCloser, error) {
	return c.open(ctx, id, url.Values{"follow": {"1"}, "tail": {strconv.Itoa(records)}})
}

// open opens a log, of which the engine may take any time to send the first record.
func (c *Client) open(ctx context.Context, id string, query url.Values) (io.ReadCloser, error) {
	for _, name := range []string{"stdout", "stderr", "timestamps"} {
		query.Set(name, "1")
	}
	where, err := c.path(ctx, "containers", id, "logs")
	if err == nil {
		var answer *http.Response
		if answer, err = c.requests.stream(ctx, where, query); err == nil {
			return answer.Body, nil
		}
	}
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, logs.ErrNotFound):
		err = logs.ErrNotFound
	case errors.Is(err, logs.ErrUnreadable):
		err = logs.ErrUnreadable
	default:
		// An engine that hangs up before it answers is an io.EOF, which would be taken for
		// the end of the log.
		err = errors.New(clean(err.Error()))
	}
	return nil, fmt.Errorf("cannot open log stream: %w", err)
}

// nanoTime is a time in Unix nanoseconds as the engine wants it.
func nanoTime(at int64) string { return fmt.Sprintf("%d.%09d", at/1e9, at%1e9) }
