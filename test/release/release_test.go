package release

import (
	"cmp"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/repo"
)

var update = flag.Bool("update", false, "rewrite docs/licences.md")

// releases is where those made for the tests are, by version.
var releases string

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if releases, err = os.MkdirTemp("", "lighterman-releases-"); err != nil {
		panic(err)
	}
	code := m.Run()
	lokitest.StopShared()
	repo.RemoveBuilt()
	_ = os.RemoveAll(releases)
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

var making sync.Mutex

// made returns the directory of a release for this machine, which it makes at first.
func made(t testing.TB, version string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	dir := filepath.Join(releases, version)
	if _, err := os.Stat(dir); err != nil {
		makeIn(t, root(t), dir, version)
	}
	return dir
}

// arches are the platforms of the first version, all unless LIGHTERMAN_RELEASE_ARCHES names some.
func arches() []string {
	return strings.Fields(cmp.Or(os.Getenv("LIGHTERMAN_RELEASE_ARCHES"), "amd64 arm64 armv7 riscv64"))
}

// makeIn makes a release of a checkout: the first version for all platforms, the one that it is
// upgraded to for this machine's, which takes seconds.
func makeIn(t testing.TB, checkout, dir, version string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(checkout, "scripts", "release"))
	cmd.Env = append(os.Environ(), "RELEASE_DIR="+dir, "RELEASE_VERSION="+version, "RELEASE_REVISION=0", "SOURCE_DATE_EPOCH=1700000000")
	if version == "0.1.0" {
		cmd.Env = append(cmd.Env, "RELEASE_ARCHES="+strings.Join(arches(), " "))
	} else {
		cmd.Env = append(cmd.Env, "RELEASE_ARCHES="+runtime.GOARCH)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make release: %v\n%s", err, out)
	}
}

// ours is what the package of a format is called that is for this machine.
func ours(format string) string {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return map[string]string{"deb": "*_" + runtime.GOARCH + ".deb", "rpm": "*." + machine + ".rpm", "apk": "*_" + machine + ".apk"}[format]
}

// only returns the one file of a release whose name matches.
func only(t testing.TB, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q (%v)", pattern, found, err)
	}
	return found[0]
}

func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestReproducible makes a release again elsewhere: from a copy of the sources without a
// repository, at another path. The bytes are the same.
func TestReproducible(t *testing.T) {
	t.Parallel()
	first := made(t, "0.1.0")
	elsewhere := filepath.Join(t.TempDir(), "another path")
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	// What belongs to the checkout, committed or not, and nothing that was built in it.
	output(t, "sh", "-c", `cd "$0" && tar --exclude=./.git --exclude=./bin --exclude=./dist -c . | tar -C "$1" -x`, root(t), elsewhere)
	second := t.TempDir()
	makeIn(t, elsewhere, second, "0.1.0")
	sums := func(dir string) string {
		data, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if a, b := sums(first), sums(second); a != b {
		t.Errorf("not the same:\n%s\nand\n%s", a, b)
	}
	// Archive, three packages, image and bill of materials of each platform, and an image of all.
	if n := strings.Count(sums(first), "\n"); n != 6*len(arches())+1 {
		t.Errorf("%d files:\n%s", n, sums(first))
	}
	output(t, "sh", "-c", `cd "$0" && sha256sum -c SHA256SUMS`, first)
}

// TestStatic: the binary needs nothing, and says its version.
func TestStatic(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	output(t, "tar", "-C", dir, "--strip-components=1", "-xf", only(t, made(t, "0.1.0"), "*_linux_"+runtime.GOARCH+".tar.gz"))
	if got := output(t, filepath.Join(dir, "lighterman"), "version"); !strings.HasPrefix(got, "lighterman 0.1.0 (") {
		t.Errorf("it says %q", got)
	}
	if out := output(t, "sh", "-c", `readelf -d "$0" 2>/dev/null || true`, filepath.Join(dir, "lighterman")); strings.Contains(out, "NEEDED") {
		t.Errorf("it is not static: %s", out)
	}
}
