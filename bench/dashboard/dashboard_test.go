package dashboard

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

// ramp is a figure that grows by so much a minute, with a ripple, over three
// minutes.
func ramp(from, perMinute float64) (s Series) {
	for i := range 90 {
		at := time.Duration(i) * 2 * time.Second
		s.Add(at, from+perMinute*at.Minutes()+float64(i%3))
	}
	return s
}

func mode(name string, kind Kind, leaks float64) *Mode {
	m := &Mode{
		Name: name, Kind: kind, CPU: 4, DockerdCPU: 6, RSS: 30, Peak: 40, Code: 7000,
		Latency:    Latency{P50: 60, P95: 120, P99: 180, Max: 300, Lines: 90000},
		Containers: Containers{All: 50, Covered: 50, Whole: 50},
		Lines:      Lines{Written: 90000},
		Series: map[string]Series{
			Goroutines: ramp(30, 2*leaks), FDs: ramp(60, leaks), Watches: ramp(100, 0), Heap: ramp(12, 0), RSS: ramp(30, 0), P95: ramp(120, 0),
		},
		DockerdSeries: map[string]Series{Goroutines: ramp(300, 0), FDs: ramp(200, 0), Threads: ramp(20, 0), Journals: ramp(4, 1)},
	}
	m.Growth, m.Dockerd = Fit(m.Series, 20*time.Second), Fit(m.DockerdSeries, 20*time.Second)
	return m
}

// sample is a report of three modes and a reference.
func sample() *Report {
	r := &Report{
		Kind: "compare", Made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Command: "make compare", Commit: "abc", Machine: "two processors", Engine: "20.10",
		Load:  Load{Containers: 50, Mix: "json-file=95,journald=3,syslog=2", Rate: 10, Every: 3, Warmup: 20, Window: 160},
		Modes: []*Mode{mode("stream", Ours, 0), mode("file", Ours, 0), mode("hybrid", Ours, 0), mode("leaky", Reference, 40)},
	}
	file := r.Mode("file")
	file.Containers = Containers{All: 50, Covered: 48, Whole: 48, Uncovered: map[string]int{"journald": 2}}
	file.Lines.Uncovered = 3600
	r.Mode("leaky").Lines.Lost = 900
	r.Mode("leaky").Latency.P95 = 1200
	r.Mode("leaky").CPU = 1 // a reference sets no measure for others
	r.Score()
	r.Check()
	return r
}

func TestFitLeavesOutTheWarmup(t *testing.T) {
	s := Series{}
	for i := range 60 {
		s.Add(time.Duration(i)*time.Second, float64(min(i, 20)))
	}
	if g := Fit(map[string]Series{"x": s}, 20*time.Second)["x"]; g.PerMinute != 0 || g.Grows || g.Points != 40 || g.Mean != 20 {
		t.Errorf("got %+v", g)
	}
	if g := Fit(map[string]Series{"x": s}, 0)["x"]; g.PerMinute < 5 {
		t.Errorf("with it: %+v", g)
	}
	if got := Fit(map[string]Series{"x": s[:4]}, 0); len(got) != 0 {
		t.Errorf("four points tell %+v", got)
	}
}

func TestChecksOfAGoodRun(t *testing.T) {
	r := sample()
	for _, c := range r.Checks {
		if !c.OK {
			t.Errorf("%s: %s", c.Name, c.Found)
		}
	}
	if !r.OK() || len(r.Checks) != 3*4+2+3 {
		t.Errorf("%d checks, OK %v", len(r.Checks), r.OK())
	}
}

// TestChecksFail: each thing that may be wrong is found by exactly one check.
func TestChecksFail(t *testing.T) {
	for name, spoil := range map[string]func(r *Report){
		"stream: goroutines do not grow":            func(r *Report) { r.Modes[0].Growth[Goroutines] = Growth{PerMinute: 2, Error: 0.1, Grows: true} },
		"file: goroutines do not grow":              func(r *Report) { delete(r.Modes[1].Growth, Goroutines) },
		"file: inotify_watches do not grow":         func(r *Report) { r.Kind = "soak"; delete(r.Modes[1].Growth, Watches) },
		"hybrid: dockerd's fds do not grow":         func(r *Report) { r.Modes[2].Dockerd[FDs] = Growth{PerMinute: 2, Error: 0.1, Grows: true} },
		"leaky: fds leak":                           func(r *Report) { r.Modes[3].Growth[FDs] = Growth{} },
		"hybrid: no line lost, repeated or changed": func(r *Report) { r.Modes[2].Lines.Repeated = 1 },
		"hybrid: every container covered":           func(r *Report) { r.Modes[2].Containers.Covered-- },
		"hybrid: P95 below 250 ms":                  func(r *Report) { r.Modes[2].Latency.P95 = 250 },
	} {
		r := sample()
		spoil(r)
		r.Check()
		var failed []string
		for _, c := range r.Checks {
			if !c.OK {
				failed = append(failed, c.Name)
			}
		}
		if len(failed) != 1 || failed[0] != name || r.OK() {
			t.Errorf("want %q to fail, got %q, OK %v", name, failed, r.OK())
		}
	}
	if (&Report{}).OK() {
		t.Error("a report without checks is OK")
	}
}

func TestScore(t *testing.T) {
	r := sample()
	want := map[string]map[string]float64{
		"hybrid": {"Goroutine leak": 10, "FD leak": 10, "Containers covered": 10, "Lines exact": 10, "Latency P95": 10},
		"file":   {"Containers covered": 9.6, "Lines exact": 10},
		"leaky":  {"Latency P95": 10 * 250.0 / 1200, "CPU, dockerd's included": 10, "Lines exact": 4.95},
	}
	for name, parts := range want {
		for part, points := range parts {
			if got := r.Mode(name).Parts[part]; math.Abs(got-points) > 1e-9 {
				t.Errorf("%s, %s: %v points, want %v", name, part, got, points)
			}
		}
	}
	leaky := r.Mode("leaky")
	if got, want := leaky.Parts["Goroutine leak"], 10/(1+leaky.Growth[Goroutines].PerMinute); got != want || got > 0.2 {
		t.Errorf("a leak of %v gets %v", leaky.Growth[Goroutines], got)
	}
	if got := r.Mode("hybrid").Score; math.Abs(got-10) > 1e-9 {
		t.Errorf("hybrid is best at everything and gets %v", got)
	}
	if r.Mode("file").Score >= r.Mode("hybrid").Score || leaky.Score >= r.Mode("file").Score {
		t.Errorf("scores %v %v %v", r.Mode("hybrid").Score, r.Mode("file").Score, leaky.Score)
	}
	// What was not measured counts neither for nor against.
	r.Mode("stream").Code = 0
	r.Score()
	if _, there := r.Mode("stream").Parts["Code"]; there || math.Abs(r.Mode("stream").Score-10) > 1e-9 {
		t.Errorf("without code: %v, parts %v", r.Mode("stream").Score, r.Mode("stream").Parts)
	}
	weights := 0.0
	for _, c := range Criteria {
		weights += c.Weight
	}
	if weights != 100 {
		t.Errorf("the weights make %v", weights)
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	r := sample()
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Leaks", "80.0 ± 0.12 ▲", "0.01 ± 0.12", "48 of 50", "2 journald", "Latency P95, ms", "Decision matrix", "Total", strings.Repeat("█", barWidth),
		"ok   hybrid: no line lost, repeated or changed: 90000 written", "Made by: make compare", "Commit abc",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > 160 {
			t.Errorf("a line of %d letters: %s", len([]rune(line)), line)
		}
	}
}

func TestDecimal(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", -0.001: "0.00", 0.126: "0.13", 9.994: "9.99", 9.996: "10.0", -45.67: "-45.7", 99.96: "100", 12345.6: "12346"} {
		if got := decimal(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	for share, want := range map[float64]string{0: "", 1: strings.Repeat("█", barWidth), 0.5: strings.Repeat("█", barWidth/2), 1.0 / 8 / barWidth: "▏"} {
		if got := blocks(share); got != want {
			t.Errorf("%v is %q, want %q", share, got, want)
		}
	}
}

func TestThinKeepsPeaks(t *testing.T) {
	var s Series
	for i := range 9000 {
		v := 10.0
		if i == 4321 {
			v = 999
		}
		if i == 17 {
			v = 1
		}
		s.Add(time.Duration(i)*time.Second, v)
	}
	got := thin(s)
	low, high := false, false
	for i, p := range got {
		low, high = low || p[1] == 1, high || p[1] == 999
		if i > 0 && p[0] <= got[i-1][0] {
			t.Fatalf("point %d is not after the one before", i)
		}
	}
	if len(got) > mostPoints+2 || !low || !high {
		t.Errorf("%d points, lowest kept %v, highest kept %v", len(got), low, high)
	}
}

func TestNiceStep(t *testing.T) {
	for most, want := range map[float64]float64{0: 1, 4: 1, 9: 2, 20: 5, 47: 10, 120: 50, 1000: 200, 0.3: 0.1} {
		if got := niceStep(most); math.Abs(got-want) > 1e-9 {
			t.Errorf("up to %v: %v, want %v", most, got, want)
		}
	}
}
