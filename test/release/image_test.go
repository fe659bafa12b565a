package release

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/wait"
)

// TestImage: the image is loaded into the engine and carries a container's lines to a real
// Loki, read-only, without capabilities, in 64 MiB; its own health check says that it is
// healthy.
func TestImage(t *testing.T) {
	t.Parallel()
	e := engine.Default(t)
	loki := lokitest.Shared(t)
	tag := fmt.Sprintf("0.1.0-test%d", os.Getpid())
	output(t, "docker", "load", "-i", only(t, made(t, "0.1.0"), "*_image_linux_"+runtime.GOARCH+".tar"))
	image := "lighterman:" + tag
	output(t, "docker", "tag", "lighterman:0.1.0", image)
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", image, "lighterman:0.1.0", "lighterman:latest").Run() })
	listener, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Release)

	web := e.Start(t, engine.Spec{Args: []string{"-n", "100", "-linger"}})
	id := strings.TrimSpace(output(t, "docker", "run", "-d", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "64m", "--network", "host",
		"-e", "LIGHTERMAN_LISTEN="+listener.Addr(), "--health-interval", "1s",
		"-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", filepath.Join(e.Root(t), "containers")+":/var/lib/docker/containers:ro",
		image, "run", "--loki-url", loki.URL, "--since", "beginning", "--include-name", web.Name))
	t.Cleanup(func() { output(t, "docker", "rm", "-fv", id) })
	loki.Await(t, fmt.Sprintf(`{container=%q}`, web.Name), 100, time.Minute)
	wait.For(t, time.Minute, "its own health check", func() bool {
		return strings.TrimSpace(output(t, "docker", "inspect", "-f", "{{.State.Health.Status}}", id)) == "healthy"
	})
	output(t, "docker", "stop", id)
	if code := strings.TrimSpace(output(t, "docker", "inspect", "-f", "{{.State.ExitCode}}", id)); code != "0" {
		t.Errorf("it ends with %s", code)
	}
}

// TestLayout: the image of all platforms is a layout of OCI, whose digests hold.
func TestLayout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	output(t, "tar", "-C", dir, "-xf", only(t, made(t, "0.1.0"), "lighterman_0.1.0_image.tar"))
	output(t, "sh", "-ec", `cd "$0/blobs/sha256"; for f in *; do echo "$f  $f"; done | sha256sum -c`, dir)
	type descriptor struct {
		Digest   string
		Platform struct{ Architecture, Variant string }
	}
	read := func(file string) (manifests []descriptor) {
		var index struct{ Manifests []descriptor }
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &index)
		}
		if err != nil {
			t.Fatal(err)
		}
		return index.Manifests
	}
	top := read(filepath.Join(dir, "index.json"))
	if len(top) != 1 {
		t.Fatalf("%d entries in index.json", len(top))
	}
	platforms := read(filepath.Join(dir, "blobs", strings.Replace(top[0].Digest, ":", "/", 1)))
	if len(platforms) == 0 || platforms[0].Platform.Architecture != runtime.GOARCH {
		t.Errorf("platforms %v", platforms)
	}
}
