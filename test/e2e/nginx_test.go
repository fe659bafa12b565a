package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/nginxtest"
	"github.com/lighterman/lighterman/test/wait"
)

// credentials are what htpasswd files of tests have.
const credentials = "carrier:{PLAIN}it is a secret\n"

var nginxFence = regexp.MustCompile("(?ms)^```nginx\n(.*?)^```$")

// behind is what docs/outputs.md has for a Loki behind a prefix and a password, with other
// limits on what nginx takes.
func behind(t *testing.T, loki *lokitest.Loki, limits string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/outputs.md")
	if err != nil {
		t.Fatal(err)
	}
	m := nginxFence.FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("docs/outputs.md has no configuration of nginx")
	}
	out := m[1]
	for _, change := range [][2]string{{"http://loki.example.com:3100", loki.URL}, {"/etc/nginx/loki.htpasswd", "htpasswd"}, {"client_max_body_size 8m;", limits}} {
		if !strings.Contains(out, change[0]) {
			t.Fatalf("%q is not in\n%s", change[0], out)
		}
		out = strings.ReplaceAll(out, change[0], change[1])
	}
	return out
}

// passwordFile writes a file with a password.
func passwordFile(t *testing.T, password string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNginx: a Loki behind nginx with a prefix of the path and a password gets everything,
// once; verify asks it behind both. A wrong password, and a path without the prefix, are said.
func TestNginx(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	nginx := nginxtest.New(t, "", behind(t, loki, ""), map[string]string{"htpasswd": credentials})
	all := ledger.Writers(t, docker, "nginx", 200, "json-file", "local")
	args := ledger.Mine(t, nginx.URL+"/logs"+lokiPush, "--loki-username", "carrier", "--loki-password-file", passwordFile(t, "it is a secret"), "--state-dir", t.TempDir())
	l := carrier.Start(t, args...)
	l.AwaitReady(t, time.Minute)
	ledger.GrowthOf(t, loki, all, 200)
	nginx.Stop(t)
	wait.For(t, time.Minute, "it to be said that nobody is there", func() bool {
		_, page, err := l.Get("/readyz")
		return err == nil && strings.Contains(page, "not ok: sink: ")
	})
	nginx.Start(t)
	ledger.GrowthOf(t, loki, all, 200)
	l.Kill9(t)
	l = carrier.Start(t, args...)
	ledger.GrowthOf(t, loki, all, 200)
	for _, c := range all {
		c.Stop(t)
		ledger.Check(t, loki, c)
	}
	stdout, stderr, code := carrier.Run(t, append([]string{"verify"}, args...)...)
	if code != 0 {
		t.Errorf("verify: exit code %d: %s%s", code, stdout, stderr)
	}
	ledger.Clean(t, l)
	for url, words := range map[string]string{
		nginx.URL + "/logs" + lokiPush: "it answers 401",
		nginx.URL:                      "check loki-url",
	} {
		_, stderr, code := carrier.Run(t, "check", "--live", "--listen", "off", "--docker-host", "none", "--docker-root", docker.Root(t), "--state-dir", t.TempDir(),
			"--loki-url", url, "--loki-username", "carrier", "--loki-password-file", passwordFile(t, "wrong"))
		if code == 0 || !strings.Contains(stderr, words) {
			t.Errorf("%s: exit code %d, %q is not said: %s", url, code, words, stderr)
		}
	}
}

// lokiPush is the path of Loki's push API.
const lokiPush = "/loki/api/v1/push"

// TestNginxBodySize: nginx takes small requests only: Loki gets everything in such ones.
func TestNginxBodySize(t *testing.T) {
	t.Parallel()
	docker, loki := engine.Default(t), lokitest.Shared(t)
	nginx := nginxtest.New(t, "", behind(t, loki, "client_max_body_size 4k;"), map[string]string{"htpasswd": credentials})
	c := docker.Start(t, engine.Spec{Name: "body", Args: []string{"-n", "5000", "-tag", "body"}})
	c.Wait(t)
	l := carrier.Start(t, ledger.Mine(t, nginx.URL+"/logs"+lokiPush, "--loki-username", "carrier", "--loki-password-file", passwordFile(t, "it is a secret"))...)
	ledger.Check(t, loki, c)
	if n := nginx.Answered(t, 413); n == 0 {
		t.Error("no request was too large")
	}
	ledger.Clean(t, l)
}

// TestNginxRate: nginx limits how many requests it passes on, and answers 503 or 429 to the
// others: Loki gets everything, once.
func TestNginxRate(t *testing.T) {
	for _, status := range []int{503, 429} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			docker, loki := engine.Default(t), lokitest.Shared(t)
			nginx := nginxtest.New(t, "  limit_req_zone $binary_remote_addr zone=push:1m rate=2r/s;\n",
				behind(t, loki, fmt.Sprintf("limit_req zone=push; limit_req_status %d;", status)), map[string]string{"htpasswd": credentials})
			word := fmt.Sprint("rate", status)
			all := ledger.Writers(t, docker, word, 100, "json-file", "local")
			l := carrier.Start(t, ledger.Only(t, word, nginx.URL+"/logs"+lokiPush, "--loki-username", "carrier", "--loki-password-file", passwordFile(t, "it is a secret"))...)
			ledger.GrowthOf(t, loki, all, 1000)
			wait.For(t, time.Minute, "the limit", func() bool { return nginx.Answered(t, status) >= 3 })
			for _, c := range all {
				c.Stop(t)
				ledger.Check(t, loki, c)
			}
			ledger.Clean(t, l)
		})
	}
}
