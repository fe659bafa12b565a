package faults

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/test/fakeloki"
	"github.com/lighterman/lighterman/test/wait"
)

// TestPagesInOutage: while Loki is away the pages say so, since when nothing is sent, and what
// to do; when it is back they say that all is well.
func TestPagesInOutage(t *testing.T) {
	t.Parallel()
	root, want := hundred(t)
	var there atomic.Bool
	loki := fakeloki.Start(t, func(_ *http.Request, entries []fakeloki.Entry) (int, string) {
		switch {
		case !there.Load():
			return http.StatusServiceUnavailable, "the ring is empty"
		case len(entries) == 0:
			return http.StatusUnprocessableEntity, "error at least one valid stream is required for ingestion"
		}
		return http.StatusNoContent, ""
	})
	c := into(t, root, loki)
	var list struct{ Outputs []status.OutputState }
	outputs := func() *status.OutputState {
		_, body, err := c.Get("/outputs.json")
		if err != nil || json.Unmarshal([]byte(body), &list) != nil || len(list.Outputs) != 1 {
			return &status.OutputState{}
		}
		return &list.Outputs[0]
	}
	wait.For(t, time.Minute, "a pause after a push in vain", func() bool {
		o := outputs()
		return o.RetrySeconds > 0 && o.LastAnswer != nil
	})
	o := outputs()
	if o.Ready || o.LastAnswer.Outcome != "retry" || !strings.Contains(o.LastAnswer.Why, "503") || o.BufferedBytes == 0 || o.BufferedBytes > o.MemoryBytes || o.Retries["unavailable"] == 0 {
		t.Errorf("got %+v, answer %+v", o, o.LastAnswer)
	}
	page := get(t, c, "/")
	for _, part := range []string{"Not ready: sink", "it answers 503", "lighterman check --live", "Not ready</span>"} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is missing: %s", part, page)
		}
	}
	there.Store(true)
	wait.For(t, time.Minute, "all lines", func() bool { return loki.Count() == len(want) })
	wait.For(t, time.Minute, "the page to say that all is well", func() bool {
		o := outputs()
		return o.Ready && o.LastAnswer.Outcome == "accepted" && o.RetrySeconds == 0 && o.BufferedBytes == 0 && strings.Contains(get(t, c, "/"), "No problems")
	})
}
