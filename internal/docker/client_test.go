package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/fakeengine"
)

// asked makes a client of an engine that answers one path in an own way.
func asked(t *testing.T, path string, answer http.HandlerFunc) (*Client, *dataroot.Container, *strings.Builder) {
	t.Helper()
	root := dataroot.New(t)
	c := root.Add(t, dataroot.Spec{Name: "web", Labels: map[string]string{"a": "b", "c": "d"}})
	e := fakeengine.Start(t, root, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == path {
			answer(w, r)
		}
		return r.URL.Path == path
	})
	var told strings.Builder
	client, err := New(e.Host, func(label string) bool { return label == "a" }, slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Rest)
	return client, c, &told
}

func TestClient(t *testing.T) {
	client, container, _ := asked(t, "", nil)
	ctx := t.Context()
	ids, _, err := client.List(ctx)
	if err != nil || !slices.Equal(ids, []string{container.ID}) {
		t.Fatal(ids, err)
	}
	c, err := client.Inspect(ctx, container.ID)
	if err != nil || c.Name != "web" || c.Driver != "json-file" || !c.Running || c.Image != "test:1" || len(c.Labels) != 1 || c.Labels["a"] != "b" || c.StartedAt.IsZero() || c.Problem != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if info, err := client.Info(ctx); err != nil || info.Name != "fake" || info.Podman {
		t.Error(info, err)
	}
	if _, err := client.Inspect(ctx, strings.Repeat("0", 64)); !errors.Is(err, logs.ErrNotFound) {
		t.Error(err)
	}
}

// TestS9IDs: what is no ID becomes no part of a path, or of an address.
func TestS9IDs(t *testing.T) {
	bad := []string{"../../..", "", strings.Repeat("A", 64), strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("/", 64), strings.Repeat("a", 61) + "/..", strings.Repeat("a", 64) + "\\u0000"}
	good := strings.Repeat("a", 64)
	client, _, told := asked(t, "/containers/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `[{"Id":"%s"},{"Id":"%s"},{"Names":[]}]`, strings.Join(bad, `"},{"Id":"`), good)
	})
	ids, _, err := client.List(t.Context())
	if err != nil || !slices.Equal(ids, []string{good}) {
		t.Errorf("listed %q, %v", ids, err)
	}
	if strings.Count(told.String(), "invalid ID") != 1 {
		t.Errorf("told: %s", told)
	}
	for _, id := range bad {
		if c, err := client.Inspect(t.Context(), id); err == nil {
			t.Errorf("%q: inspected %+v", id, c)
		}
	}
	other, container, _ := asked(t, "/containers/"+good+"/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Id":"../../..","Name":"/web"}`)
	})
	if c, err := other.Inspect(t.Context(), good); err == nil {
		t.Errorf("inspected %+v", c)
	}
	_ = container
	events, _, _ := asked(t, "/events", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "{\"Actor\":{\"ID\":\"../../..\"}}\n{\"Actor\":{\"ID\":%q,\"Attributes\":{\"x\":\"y\"}}}\n{\"Type\":\"x\"}\n", good)
	})
	var heard []string
	if err := events.Events(t.Context(), func() {}, func(id string) { heard = append(heard, id) }); !errors.Is(err, io.ErrUnexpectedEOF) || !slices.Equal(heard, []string{good}) {
		t.Errorf("heard %q, %v", heard, err)
	}
}

// flood writes a beginning and then the same again and again, until nobody reads.
func flood(head, again string) http.HandlerFunc {
	block := strings.Repeat(again, 1+(1<<16)/len(again))
	return func(w http.ResponseWriter, r *http.Request) {
		_, err := io.WriteString(w, head)
		for err == nil && r.Context().Err() == nil {
			_, err = io.WriteString(w, block)
		}
	}
}

// peak returns how much more memory than before f has had at a time.
func peak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // so that it is little more than what is held
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before := heap()
	most, done := before, make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			most = max(most, heap())
		case <-done:
			return max(most, heap()) - before
		}
	}
}

// TestS9Endless: an answer without an end is given up, and costs no memory until then.
func TestS9Endless(t *testing.T) {
	good := strings.Repeat("a", 64)
	id := `{"Id":"` + good + `"},`
	for name, test := range map[string]struct {
		path  string
		flood http.HandlerFunc
		ask   func(c *Client) error
	}{
		"a list":            {"/containers/json", flood("[", id), func(c *Client) error { _, _, err := c.List(t.Context()); return err }},
		"a label in a list": {"/containers/json", flood(`[{"Labels":{"a":"`, "x"), func(c *Client) error { _, _, err := c.List(t.Context()); return err }},
		"brackets":          {"/containers/json", flood("[", "["), func(c *Client) error { _, _, err := c.List(t.Context()); return err }},
		"white space":       {"/containers/json", flood("", " "), func(c *Client) error { _, _, err := c.List(t.Context()); return err }},
		"a label":           {"/containers/" + good + "/json", flood(`{"Config":{"Labels":{"a":"`, "x"), func(c *Client) error { _, err := c.Inspect(t.Context(), good); return err }},
		"options":           {"/containers/" + good + "/json", flood(`{"HostConfig":{"LogConfig":{"Config":{"a":"b"`, `,"x":"y"`), func(c *Client) error { _, err := c.Inspect(t.Context(), good); return err }},
		"an engine's name":  {"/info", flood(`{"Name":"`, "x"), func(c *Client) error { _, err := c.Info(t.Context()); return err }},
		"an event":          {"/events", flood(`{"Actor":{"ID":"`, "x"), func(c *Client) error { return c.Events(t.Context(), func() {}, func(string) {}) }},
		"an answer to ping": {"/_ping", flood("", "OK"), func(c *Client) error { return errors.Join(c.Check(t.Context()), errors.New("fine")) }},
		"the text of a fault": {"/containers/json", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			flood("", "x")(w, r)
		}, func(c *Client) error { _, _, err := c.List(t.Context()); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := asked(t, test.path, test.flood)
			client.requests.limit = 16 << 20
			var err error
			got := peak(func() { err = test.ask(client) })
			if err == nil || len(err.Error()) > 1000 {
				t.Errorf("%.2000v", err)
			}
			// The list itself takes its 100,000 IDs.
			if got > 48<<20 {
				t.Errorf("%d MiB at a time: %v", got>>20, err)
			}
		})
	}
}

// TestS9Hangs: what is not answered is given up after a time.
func TestS9Hangs(t *testing.T) {
	for _, head := range []string{"", "["} {
		client, _, _ := asked(t, "/containers/json", func(w http.ResponseWriter, r *http.Request) {
			if head != "" {
				_, _ = io.WriteString(w, head)
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		})
		if err := client.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := client.ask(t.Context(), 200*time.Millisecond, nil, func(d *sift.Decoder) error { return d.Skip() }, "containers", "json")
		if err == nil || !strings.Contains(err.Error(), "has not answered in 200ms") || time.Since(began) > 5*time.Second {
			t.Errorf("%q: %v after %v", head, err, time.Since(began))
		}
	}
}

// TestSettleWhileAsked: an engine is asked, and logs are opened, while the version of its
// API is settled again; one that is newer or older, or has no version, is asked in one
// that both speak.
func TestSettleWhileAsked(t *testing.T) {
	var turn atomic.Int64
	offered := []string{"1.41", "1.99", "", "nonsense", "1.47"}
	client, container, _ := asked(t, "/_ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Api-Version", offered[int(turn.Add(1))%len(offered)])
	})
	var all errgroup.Group
	for range 4 {
		all.Go(func() error {
			for range 20 {
				if err := client.Check(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
		all.Go(func() error {
			for range 20 {
				if _, err := client.Inspect(t.Context(), container.ID); err != nil {
					return err
				}
				body, err := client.Last(t.Context(), container.ID)
				if err != nil {
					return err
				}
				_ = body.Close()
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	for offered, want := range map[string]string{"1.41": "/v1.41/info", "1.99": "/v" + MaxAPI + "/info", "": "/v" + MaxAPI + "/info", "x": "/v" + MaxAPI + "/info"} {
		client.settle(offered)
		if got, err := client.path(t.Context(), "info"); got != want || err != nil {
			t.Errorf("offered %q: %s, %v", offered, got, err)
		}
	}
}

// TestSkipsRotated: it goes by what the engine offers, not by the version that is spoken.
func TestSkipsRotated(t *testing.T) {
	t.Setenv("DOCKER_API_VERSION", "1.41")
	client, err := New("unix:///nowhere", func(string) bool { return true }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if !client.SkipsRotated() {
		t.Error("before it is known")
	}
	for offered, want := range map[string]bool{"1.40": true, "1.41": true, "1.42": false, "1.56": false, "": true, "x": true} {
		if client.settle(offered); client.SkipsRotated() != want {
			t.Errorf("offered %q: %v", offered, !want)
		}
	}
}

// TestHungUp: an engine that hangs up before it answers has not come to the end of a log.
func TestHungUp(t *testing.T) {
	root := dataroot.New(t)
	c := root.Add(t, dataroot.Spec{Name: "web"})
	e := fakeengine.Start(t, root, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/logs") {
			return false
		}
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
		return true
	})
	client, err := New(e.Host, func(string) bool { return true }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Rest()
	body, err := client.Logs(t.Context(), c.ID, 0)
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v, %v", body, err)
	}
}

// TestVersionOfEnvironment: white space around a version is none of it.
func TestVersionOfEnvironment(t *testing.T) {
	for _, of := range [][2]string{{"1.41\r", "1.41"}, {" v1.44 ", "1.44"}, {"", ""}, {"x", "error"}} {
		text, want := of[0], of[1]
		t.Setenv("DOCKER_API_VERSION", text)
		client, err := New("unix:///nowhere", nil, slog.New(slog.DiscardHandler))
		if (err != nil) != (want == "error") || err == nil && client.fixed != want {
			t.Errorf("%q: %+v, %v", text, client, err)
		}
	}
}

// TestP6Engine: what an engine that is too old, or an address that is wrong, is answered
// with says what to do.
func TestP6Engine(t *testing.T) {
	offering := func(version string) error {
		client, _, _ := asked(t, "/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", version) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return client.Events(ctx, cancel, func(string) {}) // the events of a fake engine never end
	}
	for _, version := range []string{"1.24", "1.12", "1.39", "0.9"} {
		if err := offering(version); err == nil || !strings.Contains(err.Error(), "Docker Engine 19.03") || !strings.Contains(err.Error(), version) {
			t.Errorf("API %s: %v", version, err)
		}
	}
	for _, version := range []string{"1.40", "1.41", "1.56", "1.99", "2.0", "", "nonsense"} {
		if err := offering(version); err != nil && strings.Contains(err.Error(), "19.03") {
			t.Errorf("API %s: %v", version, err)
		}
	}
	client, _, _ := asked(t, "/containers/json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"message":"client version 1.41 is too new. Maximum supported API version is 1.24"}`)
	})
	if _, _, err := client.List(t.Context()); err == nil || !strings.Contains(err.Error(), "update Docker") {
		t.Error(err)
	}
}

// TestP6Connection: a connection that fails says what to do.
func TestP6Connection(t *testing.T) {
	check := func(host string) string {
		client, err := New(host, keepAll, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Rest()
		if err = client.Check(t.Context()); err == nil {
			t.Errorf("%s answers", host)
			return ""
		}
		return err.Error()
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	secure.StartTLS()
	defer secure.Close()
	closed, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	closed.(*net.UnixListener).SetUnlinkOnClose(false) //nolint:forcetypeassert // it is one
	_ = closed.Close()
	for host, want := range map[string]string{
		"unix:///nowhere/docker.sock":                         "mount the socket",
		"unix://" + closed.Addr().String():                    "is Docker running",
		"tcp://" + strings.TrimPrefix(secure.URL, "https://"): "DOCKER_CERT_PATH",
		"tcp://u:secret@127.0.0.1:1":                          "is Docker running",
	} {
		if got := check(host); !strings.Contains(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%s: %s", host, got)
		}
	}
	for err, want := range map[error]string{
		fmt.Errorf("dial unix /s: connect: %w", os.ErrPermission):     "group",
		errors.New("http: server gave HTTP response to HTTPS client"): "unset DOCKER_CERT_PATH",
		errors.New("remote error: tls: certificate required"):         "cert.pem and key.pem",
	} {
		if got := explain("h", err).Error(); !strings.Contains(got, want) {
			t.Error(got)
		}
	}
}

// TestListBeginsWithWhatHasEnded: of what is not known to run it is not said that it does.
func TestListBeginsWithWhatHasEnded(t *testing.T) {
	id := func(c string) string { return strings.Repeat(c, 64) }
	client, _, _ := asked(t, "/containers/json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `[{"Id":%q,"State":"running"},{"State":"exited","Id":%q},{"Id":%q},{"Id":%q,"State":"running"},{"Id":%q,"State":null}]`, id("a"), id("b"), id("c"), id("d"), id("e"))
	})
	ids, ended, err := client.List(t.Context())
	if want := []string{id("b"), id("c"), id("e"), id("a"), id("d")}; err != nil || ended != 3 || !slices.Equal(ids, want) {
		t.Errorf("%v, %d have ended, %v", ids, ended, err)
	}
}
