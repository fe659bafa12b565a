package history

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

var origin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ramp is a sample every ten seconds for so long, of 5 lines a second.
func ramp(from time.Time, n int) (out []Sample) {
	for i := range n {
		out = append(out, Sample{At: from.Add(time.Duration(i) * 10 * time.Second), Lines: float64(50 * i), Bytes: float64(500 * i),
			Latency: []uint64{uint64(10 * i), uint64(10 * i), 0}, LagSeconds: float64(i % 3), Memory: float64(i)})
	}
	return out
}

func TestReduce(t *testing.T) {
	bounds := []float64{0.1, 0.5}
	p := Reduce(ramp(origin, 13), bounds, origin.Add(2*time.Minute), 30*time.Second, 6)
	if p.From != origin.Add(-time.Minute) || p.StepSeconds != 30 {
		t.Errorf("from %v, %v s", p.From, p.StepSeconds)
	}
	for i, v := range p.Lines {
		if known := i >= 2; known == math.IsNaN(v) {
			t.Errorf("step %d: %v", i, v)
		}
	}
	if p.Lines.Last() != 5 || p.Bytes.Max() != 50 || p.Lag[3] != 2 || p.Memory.Last() != 12 {
		t.Errorf("%v %v %v %v", p.Lines, p.Bytes, p.Lag, p.Memory)
	}
	// Half of the lines below 0.1 s, half between that and 0.5 s.
	if p50, p95 := p.P50.Last(), p.P95.Last(); math.Abs(p50-0.1) > 1e-9 || math.Abs(p95-0.46) > 1e-9 {
		t.Errorf("p50 %v, p95 %v", p50, p95)
	}
}

// TestReduceGaps: a process that stood still has no figures for that time, and a rate over it
// is that of all of it, not of its last step.
func TestReduceGaps(t *testing.T) {
	early, late := ramp(origin, 3), ramp(origin.Add(3*time.Minute), 3)
	for i := range late {
		late[i].Lines += 1000
	}
	p := Reduce(append(early, late...), nil, origin.Add(4*time.Minute), 30*time.Second, 8)
	if !math.IsNaN(p.Lines[3]) || !math.IsNaN(p.Lag[3]) {
		t.Errorf("%v %v", p.Lines, p.Lag)
	}
	if v := p.Lines[6]; math.Abs(v-(1100-100)/180.0) > 1 {
		t.Errorf("%v in a second after a gap", v)
	}
	if Reduce(nil, nil, origin, time.Second, 3).Lines.Max() == 0 {
		t.Error("there is something of nothing")
	}
}

func TestQuantile(t *testing.T) {
	bounds := []float64{1, 2}
	for _, c := range []struct {
		q      float64
		counts []uint64
		want   float64
	}{{0.5, []uint64{0, 0, 0}, math.NaN()}, {0.5, []uint64{0, 0, 7}, 2}, {0.5, []uint64{0, 4, 0}, 1.5}, {1, []uint64{4, 0, 0}, 1}} {
		if got := Quantile(c.q, bounds, c.counts); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%v of %v: %v", c.q, c.counts, got)
		}
	}
}

func TestRing(t *testing.T) {
	r := NewRing(3)
	for i := range 5 {
		r.Add(Sample{Lines: float64(i)})
	}
	all := r.All()
	if len(all) != 3 || all[0].Lines != 2 || all[2].Lines != 4 {
		t.Errorf("%v", all)
	}
}

func TestPointsAsJSON(t *testing.T) {
	text, err := json.Marshal(Points{1.5, math.NaN(), math.Inf(1)})
	if err != nil || string(text) != "[1.5,null,null]" {
		t.Errorf("%s, %v", text, err)
	}
}
