package fleet

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	engine.StopShared()
	repo.RemoveBuilt()
	os.Exit(code)
}

func root(t testing.TB) string {
	t.Helper()
	dir, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// image makes a release for this machine and returns the file of its image, which is called
// lighterman:latest; or that of a release which FLEET_IMAGE names.
func image(t testing.TB) string {
	t.Helper()
	if file := os.Getenv("FLEET_IMAGE"); file != "" {
		return file
	}
	dir := t.TempDir()
	run(t, []string{"RELEASE_DIR=" + dir, "RELEASE_VERSION=0.1.0", "RELEASE_REVISION=0", "SOURCE_DATE_EPOCH=1700000000", "RELEASE_ARCHES=" + runtime.GOARCH},
		filepath.Join(root(t), "scripts", "release"))
	return filepath.Join(dir, "lighterman_0.1.0_image_linux_"+runtime.GOARCH+".tar")
}

// run runs a program to its end, with more in its environment, and returns what it says.
func run(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
