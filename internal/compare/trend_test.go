package compare

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// series is n values, one every 2 s.
func series(n int, value func(minute float64) float64) (out []Point) {
	for i := range n {
		at := time.Duration(i) * 2 * time.Second
		out = append(out, Point{at, value(at.Minutes())})
	}
	return out
}

func TestFitKnownLine(t *testing.T) {
	// By hand: minutes 0 to 3, values 1, 3, 2, 5 lie about 1.1 + 1.1x, with
	// squared deviations of 2.7 in all: error = √(2.7/2/5).
	points := []Point{{0, 1}, {time.Minute, 3}, {2 * time.Minute, 2}, {3 * time.Minute, 5}}
	got := Fit(points)
	if math.Abs(got.PerMinute-1.1) > 1e-9 || math.Abs(got.Error-math.Sqrt(2.7/2/5)) > 1e-9 || got.Mean != 2.75 || got.Points != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestFitExact(t *testing.T) {
	got := Fit(series(90, func(m float64) float64 { return 12 + 31*m }))
	if math.Abs(got.PerMinute-31) > 1e-9 || got.Error > 1e-9 || !got.Grows() {
		t.Errorf("got %+v", got)
	}
	for _, flat := range []float64{0, 57, 1e12} {
		if got := Fit(series(90, func(float64) float64 { return flat })); got.Grows() || got.PerMinute != 0 {
			t.Errorf("constant %v: got %+v", flat, got)
		}
	}
}

func TestFitTooLittle(t *testing.T) {
	for n := range 3 {
		if got := Fit(series(n, func(m float64) float64 { return m })); !math.IsInf(got.Error, 1) || got.Grows() {
			t.Errorf("%d points: %+v", n, got)
		}
	}
	if got := Fit([]Point{{0, 1}, {0, 2}, {0, 3}}); !math.IsInf(got.Error, 1) || got.Grows() {
		t.Errorf("one time: %+v", got)
	}
}

// TestNoiseDoesNotGrow: of series that grow by chance only, hardly any counts, even
// where neighbours are alike; and a true slope under the same noise is found.
func TestNoiseDoesNotGrow(t *testing.T) {
	for _, alike := range []float64{0, 0.5, 0.8} {
		random := rand.New(rand.NewPCG(1, 2))
		noise := func() func(float64) float64 {
			state := 0.0
			return func(float64) float64 {
				state = alike*state + random.NormFloat64()*math.Sqrt(1-alike*alike)
				return 50 + 3*state
			}
		}
		const trials = 2000
		chance, found := 0, 0
		for range trials {
			if Fit(series(180, noise())).Grows() {
				chance++
			}
			deviation := noise()
			if Fit(series(180, func(m float64) float64 { return 4*m + deviation(m) })).Grows() {
				found++
			}
		}
		if chance > trials/100 {
			t.Errorf("correlation %v: %d of %d series without a slope count as growing", alike, chance, trials)
		}
		if found < trials*99/100 {
			t.Errorf("correlation %v: a slope is found in %d of %d series only", alike, found, trials)
		}
	}
}

func TestShrinkingDoesNotGrow(t *testing.T) {
	if got := Fit(series(50, func(m float64) float64 { return 100 - 5*m })); got.Grows() {
		t.Errorf("got %+v", got)
	}
}
