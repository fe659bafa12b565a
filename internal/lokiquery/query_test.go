package lokiquery

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
	"github.com/lighterman/lighterman/test/wait"
)

func newClient(t *testing.T, address string, more func(*loki.Config)) *Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	config := loki.Config{URL: u, Timeout: 20 * time.Second, UserAgent: "test"}
	if more != nil {
		more(&config)
	}
	c, err := New(config, 1000)
	if err != nil {
		t.Fatal(err)
	}
	c.first = time.Millisecond
	t.Cleanup(c.Close)
	return c
}

// lines are those of a query, in order.
func lines(t *testing.T, c *Client, q Query) (out []string) {
	t.Helper()
	for e, err := range c.Entries(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Line)
	}
	return out
}

// TestPages: whatever the size of a page, and wherever the entries of one nanosecond stand,
// each comes once and in order, and the end is not part of the time.
func TestPages(t *testing.T) {
	l := lokitest.Shared(t)
	base := time.Now().Add(-time.Minute).UnixNano()
	labels := map[string]string{"test": t.Name(), "service_name": "x"}
	var sent []lokitest.Entry
	var want []string
	for k := range 300 { // of 5 a nanosecond, and 100 at the last one
		at := base + int64(min(k/5, 40))
		sent = append(sent, lokitest.Entry{Labels: labels, Time: at, Line: fmt.Sprintf("%03d", k), Metadata: map[string]string{"k": fmt.Sprint(k)}})
		want = append(want, fmt.Sprintf("%03d", k))
	}
	sent = append(sent,
		lokitest.Entry{Labels: labels, Time: base + 41, Line: "at the end"},
		lokitest.Entry{Labels: map[string]string{"test": t.Name(), "service_name": "x", "more": "y"}, Time: base, Line: "of another stream"})
	l.Push(t, sent...)
	l.Await(t, fmt.Sprintf("{test=%q}", t.Name()), len(sent), time.Minute)
	c := newClient(t, l.URL, nil)
	selector := Selector(labels, []string{"more", "service_name"})
	for _, limit := range []int{1, 3, 5, 7, 100, 300, 0} {
		got := lines(t, c, Query{Selector: selector, From: base, To: base + 41, Limit: limit})
		slices.Sort(got) // those of one nanosecond have no order
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %d lines, want %d", limit, len(got), len(want))
		}
	}
	last, err := c.Page(t.Context(), Query{Selector: selector, From: base, To: base + 42, Limit: 1, Backward: true})
	if err != nil || len(last) != 1 || last[0].Line != "at the end" {
		t.Errorf("the last one is %+v, %v", last, err)
	}
	streams, err := c.Streams(t.Context(), fmt.Sprintf("{test=%q}", t.Name()), base, base+42)
	if err != nil || len(streams) != 2 {
		t.Errorf("streams %v, %v", streams, err)
	}
	if all, err := c.Streams(t.Context(), "", base, base+42); err != nil || len(all) < 2 {
		t.Errorf("without a selector: streams %v, %v", all, err)
	}
}

// TestLimit: a Loki that gives less at once than others is asked for less, and one that gives
// less than one nanosecond has is said to.
func TestLimit(t *testing.T) {
	l := lokitest.New(t, map[string]string{"max_entries_limit_per_query": "50", "split_queries_by_interval": "1h"})
	base := time.Now().Add(-110 * time.Minute).UnixNano() // of what is much older Loki asks its store only
	labels := map[string]string{"test": t.Name()}
	var sent []lokitest.Entry
	for k := range 200 {
		sent = append(sent, lokitest.Entry{Labels: labels, Time: base + int64(k)*int64(time.Minute)/2, Line: fmt.Sprintf("%03d", k)})
	}
	l.Push(t, sent...)
	c := newClient(t, l.URL+"/loki/api/v1/push", nil)
	q := Query{Selector: `{test="TestLimit"}`, From: base, To: time.Now().UnixNano()}
	got := lines(t, c, q)
	if len(got) != len(sent) || !slices.IsSorted(got) {
		t.Fatalf("%d lines, want %d", len(got), len(sent))
	}
	for k := range 60 {
		l.Push(t, lokitest.Entry{Labels: map[string]string{"test": "equal"}, Time: base + 1, Line: fmt.Sprint("equal ", k)})
	}
	q.Selector = `{test="equal"}`
	for _, err := range c.Entries(t.Context(), q) {
		if err != nil {
			if !strings.Contains(err.Error(), "more than 50 entries") || !strings.Contains(err.Error(), "max_entries_limit_per_query") {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("60 entries of one nanosecond in pages of 50")
}

// TestTrouble: what passes is waited for, and what does not is said.
func TestTrouble(t *testing.T) {
	l := lokitest.Shared(t)
	base := time.Now().Add(-time.Minute).UnixNano()
	l.Push(t, lokitest.Entry{Labels: map[string]string{"test": t.Name()}, Time: base, Line: "x"})
	proxy := lokiproxy.New(t, l.URL)
	c := newClient(t, proxy.URL, nil)
	q := Query{Selector: `{test="TestTrouble"}`, From: base, To: base + 1}
	for _, code := range []int{http.StatusTooManyRequests, http.StatusInternalServerError} {
		var n atomic.Int32
		passing := newClient(t, flaky(t, proxy.URL, code, &n), nil)
		if got := lines(t, passing, q); len(got) != 1 || n.Load() < 4 {
			t.Errorf("%d three times: %q after %d requests", code, got, n.Load())
		}
		proxy.Status(code, 0)
		before := proxy.Count(lokiproxy.Answer(code))
		if _, err := c.Page(t.Context(), q); err == nil || !strings.Contains(err.Error(), fmt.Sprint(code)) {
			t.Errorf("%d for ever: %v", code, err)
		}
		if asked := proxy.Count(lokiproxy.Answer(code)) - before; asked != tries {
			t.Errorf("%d for ever: asked %d times, want %d", code, asked, tries)
		}
		proxy.Pass()
	}
	// One that was there is waited for longer.
	patient := newClient(t, proxy.URL, nil)
	patient.Patient(time.Minute, nil)
	patient.pause, patient.first = 0, time.Millisecond
	lines(t, patient, q)
	proxy.Status(http.StatusServiceUnavailable, 0)
	before, done := proxy.Count(lokiproxy.Answer(http.StatusServiceUnavailable)), make(chan error, 1)
	go func() {
		_, err := patient.Page(t.Context(), q)
		done <- err
	}()
	wait.For(t, time.Minute, "more questions than usual", func() bool {
		return proxy.Count(lokiproxy.Answer(http.StatusServiceUnavailable))-before > tries
	})
	proxy.Pass()
	if err := <-done; err != nil {
		t.Errorf("a Loki that came back: %v", err)
	}
	// One that has never been there is said soon.
	said := make(chan error, tries)
	never := newClient(t, "http://127.0.0.1:1/loki/api/v1/push", nil)
	never.Patient(0, func(err error) { said <- err })
	never.pause, never.first = 0, soon
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := never.Page(ctx, q)
		done <- err
	}()
	if err := <-said; !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	cancel()
	<-done
	for selector, want := range map[string]string{"{": "400", "": "400"} {
		if _, err := c.Page(t.Context(), Query{Selector: selector, From: base, To: base + 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", selector, err)
		}
	}
}

// flaky answers three times with a status, and then passes on.
func flaky(t *testing.T, to string, code int, n *atomic.Int32) string {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(u)
	transport := &http.Transport{}
	forward.Transport = transport
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= 3 {
			w.WriteHeader(code)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.URL
}

// TestForeign: what is not Loki's is refused and not believed, and the credentials are sent.
func TestForeign(t *testing.T) {
	answer := ""
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	c := newClient(t, server.URL+"/gateway/loki/api/v1/push", func(config *loki.Config) {
		config.Tenant, config.Username, config.Password = "shadow", "user", "secret"
	})
	const entry = `{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["%d","x"]]}]}}`
	for _, text := range []string{
		"<html>", "{}", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, fmt.Sprintf(entry, 9), fmt.Sprintf(entry, 20),
		strings.Repeat(" ", maxAnswer+1),
	} {
		answer = text
		if got, err := c.Page(t.Context(), Query{Selector: "{a=\"b\"}", From: 10, To: 20}); err == nil {
			t.Errorf("%.60q: %v", text, got)
		}
	}
	answer = fmt.Sprintf(entry, 10)
	if got, err := c.Page(t.Context(), Query{Selector: "{a=\"b\"}", From: 10, To: 20}); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	user, password, _ := asked.BasicAuth()
	if asked.URL.Path != "/gateway/loki/api/v1/query_range" {
		t.Errorf("path %s", asked.URL.Path)
	}
	if asked.Header.Get("X-Scope-OrgID") != "shadow" || user != "user" || password != "secret" {
		t.Errorf("header %v", asked.Header)
	}
}
