package compare

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Measured is what one mode cost while it read this host's logs and threw them
// away.
type Measured struct {
	Mode    string  `json:"mode"`
	Seconds float64 `json:"seconds"`
	// Lines and Bytes count what was read, by route.
	Lines map[string]int64 `json:"lines"`
	Bytes map[string]int64 `json:"bytes"`
	// Age50, Age95, Age99 and AgeMax are from Docker's timestamp of a line to
	// when it would have been sent, in milliseconds.
	Age50  float64 `json:"age_p50_ms"`
	Age95  float64 `json:"age_p95_ms"`
	Age99  float64 `json:"age_p99_ms"`
	AgeMax float64 `json:"age_max_ms"`
	// CPU is in percent of one processor; DockerdCPU is that of the engine, which
	// has other work too, and nil when its process is not known.
	CPU        float64  `json:"cpu_percent"`
	DockerdCPU *float64 `json:"dockerd_cpu_percent"`
	// RSS is in bytes, Goroutines and Descriptors are means.
	RSS         int64   `json:"rss_bytes"`
	Goroutines  float64 `json:"goroutines"`
	Descriptors float64 `json:"descriptors"`
	// GoroutineGrowth and DescriptorGrowth are per minute, after the first
	// fifth of the time.
	GoroutineGrowth  Growth `json:"goroutine_growth"`
	DescriptorGrowth Growth `json:"descriptor_growth"`
}

// Growth is a slope with its standard error. Known is false when there were too few
// looks to tell, or for too short a time: what a start does in its first seconds would
// be a steep slope.
type Growth struct {
	Known     bool    `json:"known"`
	PerMinute float64 `json:"per_minute"`
	Error     float64 `json:"error"`
}

// GrowthOf is the slope of a series.
func GrowthOf(points []Point) Growth {
	const (
		enough = 5
		// longEnough is 30 s less the first fifth, which does not count.
		longEnough = 24 * time.Second
		// gaugeStep is about the time between two looks.
		gaugeStep = time.Second
	)
	if len(points) < enough || points[len(points)-1].At-points[0].At < longEnough-gaugeStep {
		return Growth{}
	}
	line := Fit(points)
	return Growth{Known: true, PerMinute: line.PerMinute, Error: line.Error}
}

// Ages keeps a sample of durations that is fair to all, and the longest.
type Ages struct {
	mu     sync.Mutex // guards the fields below: several lanes deliver
	sample []time.Duration
	n      int64
	max    time.Duration
}

// mostAges bounds the sample.
const mostAges = 1 << 16

// Add takes a duration up; a negative one, after a step of the clock, counts as
// none.
func (a *Ages) Add(d time.Duration) {
	d = max(d, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	a.max = max(a.max, d)
	if len(a.sample) < mostAges {
		a.sample = append(a.sample, d)
	} else if at := rand.Int64N(a.n); at < mostAges {
		a.sample[at] = d
	}
}

// Fill fills in the ages, as far as there are any.
func (a *Ages) Fill(m *Measured) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sample) == 0 {
		return
	}
	slices.Sort(a.sample)
	at := func(share float64) float64 {
		return a.sample[int(share*float64(len(a.sample)-1))].Seconds() * 1000
	}
	m.Age50, m.Age95, m.Age99, m.AgeMax = at(0.50), at(0.95), at(0.99), a.max.Seconds()*1000
}
