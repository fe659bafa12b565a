package e2e

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestRootless: an engine that a user without rights runs. Its user's lighterman finds it
// where it is, by its socket and, without that, by its directory; root's is told. Each reads
// all logs from their files.
func TestRootless(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Rootless(t), lokitest.Shared(t)
	all := []*engine.Container{
		docker.Start(t, engine.Spec{Name: "rootless-json", Args: []string{"-n", "200", "-tag", "rootless"}}),
		docker.Start(t, engine.Spec{Name: "rootless-local", Driver: "local", Args: []string{"-n", "200", "-tag", "rootless"}}),
	}
	for _, c := range all {
		c.Wait(t)
	}
	program := install(t, public(t), carrier.Binary(t))
	// What the user has, on a machine without an engine of root's: that would come first.
	user := []string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs tmpfs /run && exec "$@"`, "sh",
		"setpriv", fmt.Sprintf("--reuid=%d", engine.RootlessUser), fmt.Sprintf("--regid=%d", engine.RootlessUser), "--clear-groups", "--no-new-privs", "--inh-caps=-all",
		"env", "-u", "DOCKER_HOST", "-u", "XDG_DATA_HOME", "HOME=" + docker.Home, "XDG_RUNTIME_DIR=" + docker.Runtime}
	for host, test := range map[string]struct {
		wrap, args []string
	}{
		"user-socket":    {user, nil},
		"user-directory": {user, []string{"--docker-host", "none"}},
		"root-socket":    {nil, []string{"--docker-host", docker.Host}},
		"root-directory": {nil, []string{"--docker-host", "none", "--docker-root", docker.DataRoot()}},
	} {
		t.Run(host, func(t *testing.T) {
			state := public(t) // and of the user alone, as it has to be
			if err := os.Chmod(state, 0o700); err != nil {
				t.Fatal(err)
			}
			if test.wrap != nil {
				if err := os.Chown(state, engine.RootlessUser, engine.RootlessUser); err != nil {
					t.Fatal(err)
				}
			}
			l := carrier.StartWith(t, carrier.Options{Program: program, Wrap: test.wrap, Args: ledger.Mine(t, loki.URL,
				slices.Concat(test.args, []string{"--state-dir", state, "--host-label", host, "--mode", "file"})...)})
			l.AwaitReady(t, 2*time.Minute)
			onRoute(t, l, "file", len(all))
			for _, c := range all {
				want := ledger.Stored(t, c)
				selector := fmt.Sprintf(`{host=%q, container=%q}`, host, c.Name)
				ledger.Compare(t, host+" "+c.Name, want, ledger.Delivered(loki.Await(t, selector, len(want), 2*time.Minute)))
			}
			ledger.Clean(t, l)
		})
	}
}
