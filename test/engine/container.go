package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/wait"
)

// Spec is what a container shall be.
type Spec struct {
	// Name is the last part of the name, by default a number. The whole name,
	// Container.Name, begins with Prefix.
	Name string
	// Driver and Opts are the log driver and its options; json-file by default.
	Driver string
	Opts   map[string]string
	Labels map[string]string
	Env    []string
	TTY    bool
	// Stdin keeps the standard input open.
	Stdin bool
	// Restart is a restart policy: "always", "on-failure", "unless-stopped".
	Restart string
	// AutoRemove is `docker run --rm`.
	AutoRemove bool
	// Binds are directories of the host, as `docker run -v` takes them.
	Binds []string
	// Args are the arguments of logwriter.
	Args []string
}

// Container is a container of a test.
type Container struct {
	ID   string
	Name string
	Spec Spec

	names  []string // all it has had
	engine *Engine
}

// Names are all names that the container has had.
func (c *Container) Names() []string { return c.names }

// Cached tells that the engine answers for the log from a cache of its own, with other
// times than the log has.
func (c *Container) Cached() bool { return c.Spec.Driver == "journald" && c.engine.Newest }

// Create makes a container without starting it. It is removed when the test
// ends.
func (e *Engine) Create(t testing.TB, spec Spec) *Container {
	t.Helper()
	image := e.Image(t)
	e.mu.Lock()
	e.count++
	number := e.count
	e.mu.Unlock()
	if spec.Name == "" {
		spec.Name = "c" + strconv.Itoa(number)
	}
	if spec.Driver == "" {
		spec.Driver = "json-file"
	}
	labels := map[string]string{ownerLabel: strconv.Itoa(os.Getpid())}
	maps.Copy(labels, spec.Labels)
	ctx, cancel := limit()
	defer cancel()
	name := Prefix(t) + spec.Name
	c := &Container{Name: name, Spec: spec, names: []string{name}, engine: e}
	made, err := e.API.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: c.Name,
		Config: &container.Config{
			Image: image, Cmd: spec.Args, Env: spec.Env, Labels: labels, Tty: spec.TTY, OpenStdin: spec.Stdin, StdinOnce: spec.Stdin,
		},
		HostConfig: &container.HostConfig{
			NetworkMode:   "none",
			AutoRemove:    spec.AutoRemove,
			Binds:         spec.Binds,
			RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(spec.Restart)},
			LogConfig:     container.LogConfig{Type: spec.Driver, Config: spec.Opts},
		},
	})
	if err != nil {
		t.Fatalf("cannot create container %q: %v", c.Name, err)
	}
	c.ID = made.ID
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Logf("cannot remove container %q: %v", c.Name, err)
		}
	})
	return c
}

// Existing returns the containers with a label, running or not, that were made by others, such
// as Swarm. They are not removed when the test ends.
func (e *Engine) Existing(t testing.TB, label string) (all []*Container) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	list, err := e.API.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", label)})
	if err != nil {
		t.Fatalf("cannot list containers: %v", err)
	}
	for _, item := range list.Items {
		name := strings.TrimPrefix(item.Names[0], "/")
		c := &Container{ID: item.ID, Name: name, names: []string{name}, engine: e}
		of := c.Inspect(t).HostConfig.LogConfig
		c.Spec = Spec{Name: name, Driver: of.Type, Opts: of.Config, Labels: item.Labels}
		all = append(all, c)
	}
	return all
}

// Start makes a container and starts it.
func (e *Engine) Start(t testing.TB, spec Spec) *Container {
	t.Helper()
	c := e.Create(t, spec)
	c.Start(t)
	return c
}

// Prefix is how the names of all containers of a test and of its subtests begin.
// Tests may run side by side: each has its own.
func Prefix(t testing.TB) string {
	test, _, _ := strings.Cut(t.Name(), "/")
	return fmt.Sprintf("lmt%d-%s-", os.Getpid(), strings.TrimPrefix(test, "Test"))
}

// do fails the test when a call did.
func (c *Container) do(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("cannot %s container %q: %v", what, c.Name, err)
	}
}

// Start starts the container.
func (c *Container) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	// Where many start at once, the engine (20.10) may look for the program before the image
	// is mounted.
	_, err := c.engine.API.ContainerStart(ctx, c.ID, client.ContainerStartOptions{})
	for range 3 {
		if err == nil || !strings.Contains(err.Error(), "stat /logwriter: no such file") {
			break
		}
		t.Logf("starting %s once more: %v", c.Name, err)
		_, err = c.engine.API.ContainerStart(ctx, c.ID, client.ContainerStartOptions{})
	}
	c.do(t, "start", err)
}

// Stop stops the container as `docker stop` does.
func (c *Container) Stop(t testing.TB) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerStop(ctx, c.ID, client.ContainerStopOptions{})
	c.do(t, "stop", err)
}

// Kill sends a signal: "KILL", "USR1", …
func (c *Container) Kill(t testing.TB, signal string) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerKill(ctx, c.ID, client.ContainerKillOptions{Signal: signal})
	c.do(t, "send SIG"+signal+" to", err)
}

// Restart restarts the container as `docker restart` does.
func (c *Container) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerRestart(ctx, c.ID, client.ContainerRestartOptions{})
	c.do(t, "restart", err)
}

// Rename gives the container another last part of its name.
func (c *Container) Rename(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerRename(ctx, c.ID, client.ContainerRenameOptions{NewName: Prefix(t) + name})
	c.do(t, "rename", err)
	c.Name = Prefix(t) + name
	c.names = append(c.names, c.Name)
}

// Pause freezes the container.
func (c *Container) Pause(t testing.TB) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerPause(ctx, c.ID, client.ContainerPauseOptions{})
	c.do(t, "pause", err)
}

// Unpause ends a Pause.
func (c *Container) Unpause(t testing.TB) {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerUnpause(ctx, c.ID, client.ContainerUnpauseOptions{})
	c.do(t, "unpause", err)
}

// Remove is `docker rm -f`.
func (c *Container) Remove(t testing.TB) {
	t.Helper()
	c.do(t, "remove", c.remove())
}

func (c *Container) remove() error {
	ctx, cancel := limit()
	defer cancel()
	_, err := c.engine.API.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // gone, or another removal is under way
		return nil
	}
	return err
}

// Wait waits until the container is not running and returns its exit code.
func (c *Container) Wait(t testing.TB) int {
	t.Helper()
	result := c.engine.API.ContainerWait(t.Context(), c.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case answer := <-result.Result:
		return int(answer.StatusCode)
	case err := <-result.Error:
		t.Fatalf("cannot wait for container %q: %v", c.Name, err)
	case <-time.After(5 * time.Minute):
		t.Fatalf("container %q still runs after 5 minutes", c.Name)
	}
	return -1
}

// Gone waits until the engine has removed the container: one with AutoRemove.
func (c *Container) Gone(t testing.TB) {
	t.Helper()
	wait.For(t, time.Minute, "container "+c.Name+" to be removed", func() bool {
		ctx, cancel := limit()
		defer cancel()
		_, err := c.engine.API.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
		return errdefs.IsNotFound(err)
	})
}

// Inspect returns what the engine knows of the container.
func (c *Container) Inspect(t testing.TB) container.InspectResponse {
	t.Helper()
	ctx, cancel := limit()
	defer cancel()
	answer, err := c.engine.API.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
	c.do(t, "inspect", err)
	return answer.Container
}

// Dir returns the directory of the container, which holds its log.
func (c *Container) Dir(t testing.TB) string {
	t.Helper()
	return filepath.Join(c.engine.Root(t), "containers", c.ID)
}

// LogPath returns the path of a json-file log.
func (c *Container) LogPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(c.Dir(t), c.ID+"-json.log")
}
