package faults

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// get returns what a path of the listener answers.
func get(t testing.TB, c *carrier.Carrier, path string) string {
	t.Helper()
	_, body, err := c.Get(path)
	if err != nil {
		return err.Error()
	}
	return body
}

// hundred makes a container with a hundred lines.
func hundred(t testing.TB) (root *dataroot.Root, want []string) {
	t.Helper()
	root = dataroot.New(t)
	c := root.Add(t, dataroot.Spec{Name: "web"})
	for i := range 100 {
		line := fmt.Sprintf("line %d", i)
		want = append(want, line)
		c.Append(t, dataroot.JSON(noon.Add(time.Duration(i)*time.Millisecond), line))
	}
	return root, want
}

// TestD7WrongPath: what is not Loki refuses nothing for good; with the same state the real
// one gets all.
func TestD7WrongPath(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"VictoriaLogs":  "remoteAddr: \"127.0.0.1:1\"; requestURI: /loki/api/v1/push; unsupported path requested: \"/loki/api/v1/push\"\n",
		"Elasticsearch": `{"error":"no handler found for uri [/loki/api/v1/push] and method [POST]"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, want := hundred(t)
			wrong := fakeloki.Start(t, func(*http.Request, []fakeloki.Entry) (int, string) { return http.StatusBadRequest, answer })
			c := into(t, root, wrong)
			wait.For(t, 20*time.Second, "it to be told of", func() bool { return strings.Contains(c.Stderr(), "level=ERROR") })
			wait.For(t, 20*time.Second, "some pushes", func() bool { return wrong.Pushes() > 5 })
			if ready := get(t, c, "/readyz"); !strings.Contains(ready, "not ok: sink") || !strings.Contains(ready, "loki-url") {
				t.Errorf("ready: %s", ready)
			}
			if metrics := get(t, c, "/metrics"); regexp.MustCompile(`lighterman_rejected_lines_total\{[^}]*\} [1-9]`).MatchString(metrics) {
				t.Error("lines were refused for good")
			}
			c.Kill9(t)
			loki := fakeloki.Start(t, nil)
			into(t, root, loki, "--state-dir", c.StateDir)
			awaitLines(t, loki, want...)
		})
	}
}

// TestP1RefusedShows: lines that Loki refuses show, with a cure, in the list, on the page,
// in JSON and at the stop.
func TestP1RefusedShows(t *testing.T) {
	t.Parallel()
	root, _ := hundred(t)
	loki := fakeloki.Start(t, func(_ *http.Request, entries []fakeloki.Entry) (int, string) {
		if len(entries) == 0 {
			return http.StatusUnprocessableEntity, "error at least one valid stream is required for ingestion"
		}
		return http.StatusBadRequest, fmt.Sprintf("20 errors like: entry for stream '%s' has timestamp too new: %s", entries[0].Labels, noon.UTC().Format(time.RFC3339))
	})
	c := into(t, root, loki)
	wait.For(t, 20*time.Second, "a refusal", func() bool { return strings.Contains(c.Stderr(), "reason=too_new") })
	wait.For(t, 20*time.Second, "it to be listed", func() bool { return strings.Contains(get(t, c, "/status.json"), `"refused": 20`) })
	for name, text := range map[string]string{
		"page": get(t, c, "/"), "JSON": get(t, c, "/status.json"), "log": c.Stderr(),
		"ls": listed(t, "--listen", c.Addr), "ls --json": listed(t, "--json", "--listen", c.Addr),
	} {
		for _, want := range []string{"20", "too_new", "s clock", "loki-limits.md"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing: %s", name, want, text)
			}
		}
	}
	if code := c.Terminate(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if text := c.Stderr(); !strings.Contains(text, "refused=20") || strings.Contains(text, "everything is delivered\"\n") {
		t.Errorf("the stop says: %s", text)
	}
}

func listed(t testing.TB, args ...string) string {
	t.Helper()
	stdout, stderr, code := carrier.Run(t, append([]string{"ls"}, args...)...)
	if code != 0 {
		t.Errorf("ls: exit code %d: %s", code, stderr)
	}
	return stdout
}

// TestP4LokiDown: the list says that nothing is delivered, why, and for how long.
func TestP4LokiDown(t *testing.T) {
	t.Parallel()
	root, _ := hundred(t)
	loki := httptest.NewServer(http.NotFoundHandler())
	loki.Close()
	c := into(t, root, &fakeloki.Loki{URL: loki.URL})
	footer := regexp.MustCompile(`\nNOT READY: sink: .*connection refused\noldest line not delivered: (59m|1h)\S+ old, of web\n$`)
	wait.For(t, 20*time.Second, "the footer", func() bool { return footer.MatchString(listed(t, "--listen", c.Addr)) })
	// An hour, less or more of the time that a busy host has taken since the lines were made.
	oldest := regexp.MustCompile(`"oldest_undelivered_seconds": [34][0-9]{3}\.`)
	if text := listed(t, "--json", "--listen", c.Addr); !strings.Contains(text, `"ready": false`) || !strings.Contains(text, `"name": "sink"`) || !oldest.MatchString(text) {
		t.Errorf("got %s", text)
	}
}

// TestS5NoSecretShows, and TestS12: neither the token in an address nor a header that a
// proxy sends back is shown anywhere; what is not secure is told of once.
func TestS5NoSecretShows(t *testing.T) {
	t.Parallel()
	root, _ := hundred(t)
	var pushes atomic.Int64
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch pushes.Add(1) % 3 {
		case 0:
			w.Header().Set("Location", "https://elsewhere/push?token=hush1hush&again=hush4hush")
			w.WriteHeader(http.StatusMovedPermanently)
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
		_ = r.Header.Write(w)
		_, _ = fmt.Fprintf(w, "%q %s", r.Header, r.URL)
	}))
	defer echo.Close()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("hush2hush\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	proxy := strings.Replace(echo.URL, "http://", "http://me:hush3hush@", 1)
	c := carrier.StartWith(t, carrier.Options{
		Args: root.Args("--loki-url", "http://loki.example/push?token=hush1hush", "--loki-username", "me", "--loki-password-file", password, "--listen-private", "always"),
		Env:  []string{"LIGHTERMAN_PROXY_URL=" + proxy},
	})
	wait.For(t, 2*time.Minute, "all answers", func() bool { return pushes.Load() > 6 })
	shown := map[string]string{
		"log": c.Stderr(), "page": get(t, c, "/"), "JSON": get(t, c, "/status.json"), "readiness": get(t, c, "/readyz"), "ls": listed(t, "--listen", c.Addr),
	}
	for _, path := range []string{"/outputs", "/configuration", "/messages", "/containers"} {
		for _, end := range []string{"", ".json"} {
			shown[path+end] = get(t, c, path+end)
		}
	}
	if !strings.Contains(shown["/configuration"], "loki-password-file") || !strings.Contains(shown["/messages"], "loki.example") {
		t.Errorf("the pages show neither configuration nor messages: %s %s", shown["/configuration"], shown["/messages"])
	}
	stdout, stderr, _ := carrier.Run(t, "check", "--loki-url", "http://loki.example/push?token=hush1hush", "--proxy-url", proxy)
	shown["check"] = stdout + stderr
	stdout, stderr, _ = carrier.Run(t, "ls", "--listen", "off", "--docker-host", "tcp://127.0.0.1:1/?x=hush5hush")
	shown["ls of an engine"] = stdout + stderr
	for name, text := range shown {
		for _, secret := range []string{"hush", "aHVzaD", "bWU6aHVz"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %q: %s", name, secret, text)
			}
		}
	}
	for _, why := range []string{"loki-url begins with http://", "can be read by every user", "is a flag with a secret"} {
		if n := strings.Count(c.Stderr(), why); n != 1 {
			t.Errorf("%q was told of %d times", why, n)
		}
	}
}

// TestS5LokisWords: Loki's answers quote labels and the tenant. Who may not see labels is told that
// lines were refused, why and what to do, and where Loki's own words are: with none of its text.
func TestS5LokisWords(t *testing.T) {
	t.Parallel()
	for _, private := range []string{"auto", "always"} {
		t.Run(private, func(t *testing.T) {
			t.Parallel()
			root := dataroot.New(t)
			web := root.Add(t, dataroot.Spec{Name: "web"})
			web.Append(t, dataroot.JSON(noon, "first"))
			loki := fakeloki.Start(t, func(_ *http.Request, entries []fakeloki.Entry) (int, string) {
				switch {
				case len(entries) == 0 || entries[0].Line == "first":
					return http.StatusNoContent, ""
				case entries[0].Line == "second":
					return http.StatusBadRequest, "entry for stream '" + entries[0].Labels + "' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z"
				}
				return http.StatusTooManyRequests, "ingestion rate limit exceeded for user hush (limit: 10 bytes/sec) while attempting to ingest '1' lines totaling '5' bytes"
			})
			c := into(t, root, loki, "--external-label", "customer=hush", "--listen-private", private)
			wait.For(t, 20*time.Second, "the first line", func() bool { return loki.Count() == 1 })
			web.Append(t, dataroot.JSON(noon.Add(time.Second), "second"))
			wait.For(t, 20*time.Second, "a refusal", func() bool {
				return strings.Contains(get(t, c, "/status.json"), `"reason": "`) && strings.Contains(get(t, c, "/"), "refused lines for good")
			})
			refused := get(t, c, "/containers/"+web.ID+".json")
			web.Append(t, dataroot.JSON(noon.Add(2*time.Second), "third"))
			wait.For(t, 20*time.Second, "a limit", func() bool { return strings.Contains(get(t, c, "/outputs"), "429") })
			shown := refused
			for _, path := range []string{"/", "/overview.json", "/containers", "/containers.json", "/containers/" + web.ID, "/containers/" + web.ID + ".json", "/outputs", "/outputs.json", "/status.json", "/readyz", "/metrics"} {
				shown += get(t, c, path)
			}
			shown += listed(t, "--listen", c.Addr)
			if strings.Contains(shown, "hush") != (private == "always") || strings.Contains(shown, "oldest acceptable") != (private == "always") {
				t.Errorf("what Loki says is shown, or not, in:\n%s", shown)
			}
			if !strings.Contains(refused, "too_old") || !strings.Contains(refused, "docs/loki-limits.md") {
				t.Errorf("neither reason nor cure: %s", refused)
			}
		})
	}
}
