package otlptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
	"github.com/lighterman/lighterman/test/service"
	"github.com/lighterman/lighterman/test/wait"
)

// Collector is a Collector under test.
type Collector struct {
	*service.Service
	// URL is where it takes OTLP over HTTP. It stays the same over Stop and Start.
	URL  string
	file string
}

// Options are what a test wants to be other than usual.
type Options struct {
	// MaxBody bounds a request, in bytes; 0 for the Collector's own bound.
	MaxBody int
}

// Reserve takes a port for a Collector without starting it: Start does, later.
func Reserve(t testing.TB, o Options) *Collector {
	t.Helper()
	program := need.Collector(t)
	p, err := port.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	dir := t.TempDir()
	c := &Collector{URL: "http://" + p.Addr(), file: filepath.Join(dir, "entries.json")}
	body := ""
	if o.MaxBody > 0 {
		body = fmt.Sprint("        max_request_body_size: ", o.MaxBody, "\n")
	}
	config := fmt.Sprintf(`receivers:
  otlp:
    protocols:
      http:
        endpoint: %s
%sexporters:
  file:
    path: %s
    append: true
    flush_interval: 100ms
service:
  telemetry:
    metrics: {level: none}
  pipelines:
    logs: {receivers: [otlp], exporters: [file]}
`, p.Addr(), body, c.file)
	file := filepath.Join(dir, "otelcol.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Service = service.New(t, service.Config{Name: "the Collector", Program: program, Args: []string{"--config", "file:" + file}, Dir: dir, Ready: func() bool {
		conn, err := net.DialTimeout("tcp", p.Addr(), time.Second)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}})
	return c
}

// New starts a Collector until the test ends.
func New(t testing.TB, o Options) *Collector {
	t.Helper()
	c := Reserve(t, o)
	c.Start(t)
	return c
}

// Record is an entry as the Collector has it.
type Record struct {
	Time, Observed       int64
	Body                 string
	Severity             int
	SeverityText         string
	Resource, Attributes map[string]string
}

// attribute is one of OTLP's in JSON.
type attribute struct {
	Key   string
	Value struct{ StringValue *string }
}

// line is a line of the file.
type line struct {
	ResourceLogs []struct {
		Resource  struct{ Attributes []attribute }
		ScopeLogs []struct {
			LogRecords []struct {
				TimeUnixNano, ObservedTimeUnixNano string
				SeverityNumber                     int
				SeverityText                       string
				Body                               struct{ StringValue *string }
				Attributes                         []attribute
			}
		}
	}
}

// Records are all entries that the Collector has written of which keep says so.
func (c *Collector) Records(t testing.TB, keep func(*Record) bool) (out []Record) {
	t.Helper()
	text, err := os.ReadFile(c.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1] // the rest is being written
	for row := range bytes.Lines(text) {
		var l line
		if err := json.Unmarshal(row, &l); err != nil {
			t.Fatalf("cannot read what the Collector has written: %v: %.300s", err, row)
		}
		for _, of := range l.ResourceLogs {
			resource := named(t, of.Resource.Attributes)
			for _, of := range of.ScopeLogs {
				for _, of := range of.LogRecords {
					r := Record{
						Time: number(t, of.TimeUnixNano), Observed: number(t, of.ObservedTimeUnixNano),
						Severity: of.SeverityNumber, SeverityText: of.SeverityText,
						Resource: resource, Attributes: named(t, of.Attributes),
					}
					if of.Body.StringValue == nil {
						t.Fatalf("a body is no text: %.300s", row)
					}
					if r.Body = *of.Body.StringValue; keep(&r) {
						out = append(out, r)
					}
				}
			}
		}
	}
	return out
}

// Await waits until there are at least n entries of which keep says so, and returns them.
func (c *Collector) Await(t testing.TB, n int, timeout time.Duration, keep func(*Record) bool) (out []Record) {
	t.Helper()
	if !wait.Until(timeout, func() bool { out = c.Records(t, keep); return len(out) >= n }) {
		t.Errorf("waited %v in vain for %d entries: %d are there", timeout, n, len(out))
	}
	return out
}

func named(t testing.TB, all []attribute) map[string]string {
	t.Helper()
	out := make(map[string]string, len(all))
	for _, a := range all {
		if _, twice := out[a.Key]; twice || a.Value.StringValue == nil {
			t.Fatalf("attribute %q is there twice, or is no text", a.Key)
		}
		out[a.Key] = *a.Value.StringValue
	}
	return out
}

func number(t testing.TB, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("cannot read a time: %v", err)
	}
	return n
}
