package vltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/service"
	"github.com/lighterman/lighterman/test/wait"
)

// VictoriaLogs is one under test.
type VictoriaLogs struct {
	*service.Service
	// URL is where it listens.
	URL string
}

// New starts one until the test ends, with further flags.
func New(t testing.TB, flags ...string) *VictoriaLogs {
	t.Helper()
	program := need.VictoriaLogs(t)
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	dir := t.TempDir()
	v := &VictoriaLogs{URL: "http://" + p.Addr()}
	args := append([]string{"-httpListenAddr=" + p.Addr(), "-storageDataPath=" + filepath.Join(dir, "data")}, flags...)
	v.Service = service.New(t, service.Config{Name: "VictoriaLogs", Program: program, Args: args, Dir: dir, Ready: func() bool {
		_, err := v.get("/health", nil)
		return err == nil
	}})
	v.Start(t)
	return v
}

// Entry is an entry as VictoriaLogs has it: its own fields, and all others.
type Entry struct {
	Time    int64
	Message string
	// Stream are the labels, in VictoriaLogs' own notation.
	Stream string
	Fields map[string]string
}

// Query returns the entries that match a query in LogsQL.
func (v *VictoriaLogs) Query(query string) (out []Entry, err error) {
	body, err := v.get("/select/logsql/query", url.Values{"query": {query}, "limit": {"1000000"}})
	if err != nil {
		return nil, err
	}
	for row := range bytes.Lines(body) {
		fields := make(map[string]string)
		if err := json.Unmarshal(row, &fields); err != nil {
			return nil, fmt.Errorf("cannot read an entry: %w: %.300s", err, row)
		}
		at, err := time.Parse(time.RFC3339Nano, fields["_time"])
		if err != nil {
			return nil, fmt.Errorf("cannot read a time: %w", err)
		}
		e := Entry{Time: at.UnixNano(), Message: fields["_msg"], Stream: fields["_stream"], Fields: fields}
		for _, own := range []string{"_time", "_msg", "_stream", "_stream_id"} {
			delete(fields, own)
		}
		out = append(out, e)
	}
	return out, nil
}

// Await waits until at least n entries match, and returns all that do.
func (v *VictoriaLogs) Await(t testing.TB, query string, n int, timeout time.Duration) (out []Entry) {
	t.Helper()
	var last error
	if !wait.Until(timeout, func() bool { out, last = v.Query(query); return last == nil && len(out) >= n }) {
		t.Errorf("waited %v in vain for %d entries of %s: %d are there, last error: %v", timeout, n, query, len(out), last)
	}
	return out
}

func (v *VictoriaLogs) get(path string, values url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.URL+path+"?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.500s", answer.Status, body)
	}
	return body, err
}
