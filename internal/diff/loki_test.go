package diff

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/lokiquery"
	"github.com/lighterman/lighterman/test/lokiproxy"
	"github.com/lighterman/lighterman/test/lokitest"
)

// reader reads from a real Loki, fast.
func reader(t *testing.T, address string) *lokiquery.Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := lokiquery.New(loki.Config{URL: u, Timeout: time.Minute}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// sided compares what a Loki has with the label side="left" with what it has with side="right".
func sided(t *testing.T, l *lokitest.Loki, test string, more func(*Diff)) []*Result {
	t.Helper()
	d := &Diff{
		Sources:   [2]Source{reader(t, l.URL), reader(t, l.URL)},
		Selectors: [2]string{fmt.Sprintf(`{test=%q, side="left"}`, test), fmt.Sprintf(`{test=%q, side="right"}`, test)},
		From:      time.Now().Add(-time.Hour).UnixNano(), To: time.Now().UnixNano(), Ignored: []string{"side"}, Examples: 2,
	}
	if more != nil {
		more(d)
	}
	var all []*Result
	if err := d.Run(t.Context(), func(r *Result) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// pushed are entries for both sides; edit may change what a side gets.
func pushed(t *testing.T, l *lokitest.Loki, n int, edit func(side string, k int, e *lokitest.Entry) (times int)) {
	t.Helper()
	base := time.Now().Add(-time.Minute).UnixNano()
	for _, side := range []string{"left", "right"} {
		var all []lokitest.Entry
		for k := range n {
			e := lokitest.Entry{
				Labels: map[string]string{"test": t.Name(), "side": side, "container": fmt.Sprint("c", k%2), "service_name": "x"},
				// Three of a container have the same nanosecond.
				Time: base + int64(k/6), Line: fmt.Sprint("line ", k), Metadata: map[string]string{"id": side},
			}
			for i := range edit(side, k, &e) {
				e.Time += int64(i) // the same again a nanosecond later
				all = append(all, e)
			}
			if len(all) == 10_000 || k == n-1 {
				l.Push(t, all...)
				all = all[:0]
			}
		}
	}
}

func always(string, int, *lokitest.Entry) int { return 1 }

func TestLokiSame(t *testing.T) {
	l := lokitest.Shared(t)
	pushed(t, l, 1000, always)
	all := sided(t, l, t.Name(), nil)
	if got := sum(all); len(all) != 2 || got.Both != 1000 || got.OnlyLeft+got.OnlyRight != 0 || !all[0].Same() {
		t.Errorf("%d results, %+v", len(all), got)
	}
	if got := sum(sided(t, l, t.Name(), func(d *Diff) { d.Metadata = true })); got.OnlyLeft != 1000 || got.OnlyRight != 1000 {
		t.Errorf("with metadata that differs: %+v", got)
	}
}

func TestLokiOneRemoved(t *testing.T) {
	l := lokitest.Shared(t)
	pushed(t, l, 1000, func(side string, k int, _ *lokitest.Entry) int {
		if side == "right" && k == 503 {
			return 0
		}
		return 1
	})
	all := sided(t, l, t.Name(), nil)
	if got := sum(all); got.Both != 999 || got.OnlyLeft != 1 || got.OnlyRight != 0 || !all[0].Same() {
		t.Errorf("%+v", got)
	}
	if e := all[1].Examples; len(e) != 1 || e[0].Line != "line 503" || e[0].Side != Left {
		t.Errorf("examples %+v", e)
	}
}

func TestLokiOneTwice(t *testing.T) {
	l := lokitest.Shared(t)
	pushed(t, l, 1000, func(side string, k int, _ *lokitest.Entry) int {
		if side == "right" && k == 500 {
			return 2
		}
		return 1
	})
	if got := sum(sided(t, l, t.Name(), nil)); got.Both != 1000 || got.OnlyLeft != 0 || got.OnlyRight != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLokiLabels(t *testing.T) {
	l := lokitest.Shared(t)
	pushed(t, l, 1000, func(side string, k int, e *lokitest.Entry) int {
		if side == "right" {
			e.Labels["stream"] = []string{"stdout", "stderr"}[min(1, k%10/8)]
			return 1
		}
		e.Labels["job"] = "docker"
		return 1
	})
	all := sided(t, l, t.Name(), nil)
	if got := sum(all); len(all) != 2 || got.Both != 1000 || got.OnlyLeft+got.OnlyRight != 0 {
		t.Errorf("%d results, %+v", len(all), got)
	}
	for _, r := range all {
		want := []LabelDifference{{"job", []string{"docker"}, []string{""}}, {"stream", []string{""}, []string{"stderr", "stdout"}}}
		if fmt.Sprint(r.Labels) != fmt.Sprint(want) || r.Same() {
			t.Errorf("labels %+v", r.Labels)
		}
	}
}

// TestLokiMany: 200,000 lines on each side are compared, a few pages of them held.
func TestLokiMany(t *testing.T) {
	l := lokitest.Shared(t)
	const n = 200_000
	pushed(t, l, n, func(side string, k int, _ *lokitest.Entry) int {
		if side == "left" && k == n-1 {
			return 0
		}
		return 1
	})
	var most uint64
	var lines int64
	begin := time.Now()
	got := sum(sided(t, l, t.Name(), func(d *Diff) {
		d.Progress = func(p Progress) {
			if p.Lines/50_000 > lines/50_000 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			lines = p.Lines
		}
	}))
	if got.Both != n-1 || got.OnlyLeft != 0 || got.OnlyRight != 1 {
		t.Errorf("%+v", got)
	}
	t.Logf("%v, at most %d KiB held", time.Since(begin), most>>10)
	if most > 24<<20 {
		t.Errorf("%d bytes held for pages of 5,000 lines", most)
	}
}

// TestLokiTrouble: a side that fails for good ends the comparison, which names it.
func TestLokiTrouble(t *testing.T) {
	l := lokitest.Shared(t)
	pushed(t, l, 10, always)
	proxy := lokiproxy.New(t, l.URL)
	proxy.Status(http.StatusForbidden, 0)
	d := &Diff{Sources: [2]Source{reader(t, l.URL), reader(t, proxy.URL)}, To: 10}
	if err := d.Run(t.Context(), nil); err == nil || !strings.HasPrefix(err.Error(), "right: ") || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
}
