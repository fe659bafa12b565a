package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/wait"
)

// pure are the packages that compute alone, and so are the same on every platform; jsonfile has
// assembly on amd64, and its twin in Go everywhere else.
var pure = []string{
	"./internal/jsonfile", "./internal/locallog", "./internal/journalfile", "./internal/stamp", "./internal/assemble", "./internal/sift", "./internal/redact",
}

// TestForeign: what is made for other processors runs on them, as far as QEMU is one: the
// tests of what computes, and the program of the release, which carries a container's lines and
// goes on behind them after a restart.
func TestForeign(t *testing.T) {
	for _, p := range []struct{ dir, arch, qemu string }{
		{"arm64", "arm64", "qemu-aarch64-static"}, {"armv7", "arm", "qemu-arm-static"}, {"riscv64", "riscv64", "qemu-riscv64-static"},
	} {
		if !slices.Contains(arches(), p.dir) {
			continue
		}
		t.Run(p.dir, func(t *testing.T) {
			need.Program(t, p.qemu)
			cmd := exec.Command("go", append([]string{"test", "-count=1", "-short", "-timeout", "30m", "-exec", p.qemu}, pure...)...)
			cmd.Dir = root(t)
			cmd.Env = append(os.Environ(), "GOARCH="+p.arch, "GOARM=7", "CGO_ENABLED=0", "LIGHTERMAN_REQUIRE=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}

			dir := t.TempDir()
			output(t, "tar", "-C", dir, "--strip-components=1", "-xf", only(t, made(t, "0.1.0"), "*_linux_"+p.dir+".tar.gz"))
			program := filepath.Join(dir, "lighterman")
			if got := output(t, p.qemu, program, "version"); !strings.HasPrefix(got, "lighterman 0.1.0 (") || !strings.Contains(got, "linux/"+p.arch) {
				t.Errorf("it says %q", got)
			}
			loki, docker := fakeloki.Start(t, nil), dataroot.New(t)
			web := docker.Add(t, dataroot.Spec{Name: "web"})
			state := t.TempDir()
			for i, text := range []string{"before", "behind"} {
				web.Append(t, dataroot.JSON(time.Now(), text))
				c := carrier.StartWith(t, carrier.Options{Program: program, Wrap: []string{p.qemu}, Args: docker.Args("--loki-url", loki.URL, "--state-dir", state)})
				wait.For(t, 2*time.Minute, "the line "+text, func() bool { return loki.Count() > i })
				if code := c.Terminate(t); code != 0 {
					t.Errorf("exit code %d", code)
				}
			}
			if got := loki.Lines(); !slices.Equal(got, []string{"before", "behind"}) {
				t.Errorf("what arrived is %q", got)
			}
		})
	}
}
