package dashboard

import "math"

// Criterion is a row of the decision matrix.
type Criterion struct {
	Name   string
	Weight float64
	// Rule says in words how points, 0 to 10, come from the measurement.
	Rule string
	// points computes them; ok is false when nothing was measured.
	points func(m *Mode, all []*Mode) (points float64, ok bool)
}

const (
	leakRule = "10 / (1 + growth per minute); 10 when the growth is within its error"
	bestRule = "10 × the best of the candidates / this one; a reference is no candidate"
	fastRule = "10 × 250 ms / P95, at most 10"
)

// Criteria are the rows of the decision matrix. The total is the weighted mean of
// the points of what was measured.
var Criteria = []Criterion{
	{"Goroutine leak", 15, leakRule, leak(Goroutines)},
	{"FD leak", 15, leakRule, leak(FDs)},
	{"Latency P95", 15, fastRule, fast},
	{"CPU, dockerd's included", 10, bestRule, best(func(m *Mode) float64 { return m.CPU + m.DockerdCPU })},
	{"RSS", 5, bestRule, best(func(m *Mode) float64 { return m.RSS })},
	{"Containers covered", 15, "10 × share of the containers that it covers", coverage},
	{"Lines exact", 20, "10 when no line of a covered container is lost, repeated or changed, else 5 × the share that is right", exactness},
	{"Code", 5, bestRule, best(func(m *Mode) float64 { return float64(m.Code) })},
}

func leak(name string) func(*Mode, []*Mode) (float64, bool) {
	return func(m *Mode, _ []*Mode) (float64, bool) {
		g, ok := m.Growth[name]
		if !ok || !g.Grows {
			return 10, ok
		}
		return 10 / (1 + g.PerMinute), true
	}
}

func fast(m *Mode, _ []*Mode) (float64, bool) {
	return min(10, 10*mostLatency/max(m.Latency.P95, 1)), m.Latency.P95 > 0
}

// best gives 10 points to the least value among all candidates that have one.
func best(value func(*Mode) float64) func(*Mode, []*Mode) (float64, bool) {
	return func(m *Mode, all []*Mode) (float64, bool) {
		own := value(m)
		if own <= 0 {
			return 0, false
		}
		least := math.Inf(1)
		for _, other := range all {
			if v := value(other); v > 0 && other.Kind != Reference {
				least = min(least, v)
			}
		}
		return min(10, 10*least/own), true
	}
}

func coverage(m *Mode, _ []*Mode) (float64, bool) {
	if m.Containers.All == 0 {
		return 0, false
	}
	return 10 * float64(m.Containers.Covered) / float64(m.Containers.All), true
}

func exactness(m *Mode, _ []*Mode) (float64, bool) {
	carried := m.Lines.Written - m.Lines.Uncovered
	switch {
	case carried <= 0:
		return 0, false
	case m.Lines.Exact():
		return 10, true
	}
	wrong := m.Lines.Lost + m.Lines.Repeated + m.Lines.Changed
	return 5 * max(0, 1-float64(wrong)/float64(carried)), true
}

// Score fills in the points and the total of every mode.
func (r *Report) Score() {
	for _, m := range r.Modes {
		m.Parts = make(map[string]float64)
		sum, weights := 0.0, 0.0
		for _, c := range Criteria {
			points, ok := c.points(m, r.Modes)
			if !ok {
				continue
			}
			m.Parts[c.Name] = points
			sum += c.Weight * points
			weights += c.Weight
		}
		m.Score = 0
		if weights > 0 {
			m.Score = sum / weights
		}
	}
}
