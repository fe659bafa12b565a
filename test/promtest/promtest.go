package promtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/wait"
)

// Prometheus is a Prometheus under test.
type Prometheus struct {
	// URL is where it listens.
	URL string
}

// New starts a Prometheus with a configuration until the test ends.
func New(t testing.TB, config string) *Prometheus {
	t.Helper()
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = said.Close() }()
	cmd := exec.Command(filepath.Join(need.Prometheus(t), "prometheus"), "--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.Addr(), "--log.level=warn")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the test, which cleans up
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start Prometheus: %v", err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		wait.Closed(t, time.Minute, "the end of Prometheus", gone)
	})
	out := &Prometheus{URL: "http://" + p.Addr()}
	if !wait.Until(time.Minute, out.ready) {
		text, _ := os.ReadFile(said.Name())
		t.Fatalf("Prometheus is not ready; its log:\n%s", text)
	}
	return out
}

func (p *Prometheus) ready() bool {
	_, err := p.get("/-/ready", nil)
	return err == nil
}

func (p *Prometheus) get(path string, values url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path+"?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %.500s", answer.Status, body)
	}
	return body, nil
}

// Series is what a query has returned of one set of labels. What is not a number is left out.
type Series struct {
	Labels map[string]string
	Values []float64
}

// Query asks for the values that an expression has now.
func (p *Prometheus) Query(expr string) ([]Series, error) {
	return p.ask("/api/v1/query", url.Values{"query": {expr}})
}

// Range asks for the values that an expression had, a second apart.
func (p *Prometheus) Range(expr string, from, to time.Time) ([]Series, error) {
	return p.ask("/api/v1/query_range", url.Values{"query": {expr}, "start": {stamp(from)}, "end": {stamp(to)}, "step": {"1"}})
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// point is [seconds, "value"].
type point [2]any

func (p *Prometheus) ask(path string, values url.Values) ([]Series, error) {
	body, err := p.get(path, values)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  point
				Values []point
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("cannot read what Prometheus answers: %w", err)
	}
	var out []Series
	for _, r := range answer.Data.Result {
		s := Series{Labels: r.Metric}
		for _, at := range append(r.Values, r.Value) {
			text, _ := at[1].(string) // empty where there is none
			if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) {
				s.Values = append(s.Values, v)
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// Alert is one that fires or is about to.
type Alert struct {
	State               string
	Labels, Annotations map[string]string
}

// Alerts returns those that there are now.
func (p *Prometheus) Alerts() ([]Alert, error) {
	body, err := p.get("/api/v1/alerts", nil)
	if err != nil {
		return nil, err
	}
	var answer struct{ Data struct{ Alerts []Alert } }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("cannot read what Prometheus answers: %w", err)
	}
	return answer.Data.Alerts, nil
}
