package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/repo"
	"github.com/lighterman/lighterman/test/wait"
)

// public makes a directory that every user can use.
func public(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lighterman-public-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// install copies the program to where every user can run it.
func install(t testing.TB, dir, from string) string {
	t.Helper()
	to := filepath.Join(dir, "lighterman")
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// uid is who a command is run as.
func uid(wrap []string) int {
	if slices.Contains(wrap, "--reuid=65534") {
		return 65534
	}
	return 0
}

// TestPermissions: what docs/permissions.md says a lighterman without the socket
// needs is enough, and what it says is too little is named.
func TestPermissions(t *testing.T) {
	t.Parallel()
	need.Program(t, "setpriv")
	need.Root(t)
	docker := engine.Default(t)
	all := []*engine.Container{
		docker.Start(t, engine.Spec{Name: "rights-json", Args: []string{"-n", "20", "-tag", "rights"}}),
		docker.Start(t, engine.Spec{Name: "rights-local", Driver: "local", Args: []string{"-n", "20", "-tag", "rights"}}),
	}
	for _, c := range all {
		c.Wait(t)
	}
	program := install(t, public(t), carrier.Binary(t))
	user := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"}
	for name, test := range map[string]struct {
		wrap   []string
		denied bool
	}{
		"uid 0 without capabilities":          {wrap: []string{"setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"}},
		"a user with CAP_DAC_READ_SEARCH":     {wrap: slices.Concat(user, []string{"--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"})},
		"a user of the group root, with none": {wrap: []string{"setpriv", "--reuid=65534", "--regid=0", "--clear-groups", "--inh-caps=-all"}, denied: true},
		"a user with nothing":                 {wrap: slices.Concat(user, []string{"--inh-caps=-all"}), denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			state := public(t) // and of the user alone, as it has to be
			if err := errors.Join(os.Chown(state, uid(test.wrap), 0), os.Chmod(state, 0o700)); err != nil {
				t.Fatal(err)
			}
			l := carrier.StartWith(t, carrier.Options{Program: program, Wrap: test.wrap, Args: []string{
				"--docker-host", "none", "--docker-root", docker.Root(t), "--state-dir", state, "--include-name", engine.Prefix(t) + "rights-.*"}})
			if test.denied {
				wait.For(t, 2*time.Minute, "the cure to be named", func() bool {
					code, body, err := l.Get("/readyz")
					return err == nil && code == 503 && strings.Contains(body, "permission denied") && strings.Contains(body, "docs/permissions.md")
				})
				return
			}
			l.AwaitReady(t, 2*time.Minute)
			// A start, a rename and a removal are seen as well.
			late := docker.Start(t, engine.Spec{Name: "rights-late", Args: []string{"-n", "20", "-tag", "rights", "-linger"}})
			complete(t, l.Stdout, slices.Concat(all, []*engine.Container{late}))
			late.Rename(t, "rights-renamed")
			listed(t, l, late, true)
			late.Remove(t)
			listed(t, l, late, false)
			if status := capabilities(t, l.PID()); !strings.Contains(name, "CAP_") && status != "0000000000000000" {
				t.Errorf("it has capabilities: %s", status)
			}
		})
	}
}

// complete waits until each container's 20 lines were printed as JSON.
func complete(t testing.TB, stdout func() string, all []*engine.Container) {
	t.Helper()
	for _, c := range all {
		wait.For(t, 2*time.Minute, "the lines of "+c.Name, func() bool { return strings.Count(stdout(), c.ID) == 20 })
	}
}

// capabilities returns the effective capabilities of a process.
func capabilities(t testing.TB, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "CapEff:\t")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// TestInAContainer: in a container, as uid 0 without any capability, with nothing but
// a read-only view of the containers' directory, mounted at a place of its own.
func TestInAContainer(t *testing.T) {
	t.Parallel()
	docker := engine.Default(t)
	static, err := repo.Build("./cmd/lighterman", false, "-buildvcs=false", "-trimpath")
	if err != nil {
		t.Fatal(err)
	}
	dir, state := t.TempDir(), t.TempDir()
	program := install(t, dir, static)
	seen := docker.Start(t, engine.Spec{Name: "seen", Args: []string{"-n", "20", "-tag", "seen"}})
	ctx := t.Context()
	made, err := docker.API.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: engine.Prefix(t) + "lighterman",
		Config: &container.Config{Image: docker.Image(t), Entrypoint: []string{"/lighterman", "run", "--docker-host", "none",
			"--docker-root", "/host", "--state-dir", "/state", "--host-label", "node1", "--listen", "off",
			"--include-name", engine.Prefix(t) + ".*"}},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", CapDrop: []string{"ALL"}, ReadonlyRootfs: true, SecurityOpt: []string{"no-new-privileges"},
			Binds: []string{filepath.Join(docker.Root(t), "containers") + ":/host/containers:ro", state + ":/state", program + ":/lighterman:ro"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = docker.API.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true})
	})
	if _, err := docker.API.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	output := func() string { return logsOf(t, docker, made.ID) }
	short := docker.Start(t, engine.Spec{Name: "brief", AutoRemove: true, Args: []string{"-n", "20", "-tag", "brief"}})
	short.Gone(t)
	complete(t, output, []*engine.Container{seen, short})
	if text := output(); strings.Contains(text, `"container_id":"`+made.ID) || strings.Contains(text, "level=WARN") {
		t.Errorf("it collects itself, or warns:\n%s", text)
	}
}

// logsOf returns all that a container has written.
func logsOf(t testing.TB, docker *engine.Engine, id string) string {
	t.Helper()
	body, err := docker.API.ContainerLogs(t.Context(), id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	var out bytes.Buffer
	if _, err := io.Copy(&out, body); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
