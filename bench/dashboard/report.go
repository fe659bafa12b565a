package dashboard

import (
	"encoding/json"
	"io"
	"time"

	"github.com/lighterman/lighterman/bench/fleet"
	"github.com/lighterman/lighterman/internal/compare"
)

// Report is what a comparison has measured. All of it is computed from the run,
// nothing is typed in.
type Report struct {
	// Kind is "compare" or "soak".
	Kind    string    `json:"kind"`
	Made    time.Time `json:"made"`
	Command string    `json:"command"`
	Commit  string    `json:"commit"`
	// Machine is its shape, not its name; Engine the version of dockerd.
	Machine string `json:"machine"`
	Engine  string `json:"engine"`
	Load    Load   `json:"load"`
	// Modes are in the order of their measurement.
	Modes []*Mode `json:"modes"`
	// Checks are what had to be shown.
	Checks []Check `json:"checks"`
}

// Load is the work that every mode was put to.
type Load struct {
	Containers int    `json:"containers"`
	Mix        string `json:"mix"`
	// Rate is in lines per second and container.
	Rate float64 `json:"rate"`
	// Every is the time between two acts on a container, in seconds; 0 for none.
	Every float64 `json:"every_s"`
	// WarmupEvery is the same during the warm-up.
	WarmupEvery float64 `json:"warmup_every_s"`
	Rotate      bool    `json:"rotate"`
	// Warmup comes before what is measured, Window is that; in seconds.
	Warmup float64 `json:"warmup_s"`
	Window float64 `json:"window_s"`
	// Together tells that all modes ran at the same time.
	Together bool `json:"together"`
}

// Mode is one way to collect, and what it cost.
type Mode struct {
	Name string `json:"name"`
	// Kind is whose: of this program, a reference, or another program.
	Kind Kind `json:"kind"`
	// Growth is of the collector, Dockerd of the engine at that time, by the
	// names in Figures. What was not measured is not there.
	Growth  map[string]Growth `json:"growth"`
	Dockerd map[string]Growth `json:"dockerd"`
	// Series and DockerdSeries are the measurements behind them, as pairs of
	// seconds and value.
	Series        map[string]Series `json:"series"`
	DockerdSeries map[string]Series `json:"dockerd_series"`

	Latency Latency `json:"latency"`
	// CPU is the collector's, DockerdCPU the engine's, in percent of one
	// processor.
	CPU        float64 `json:"cpu_percent"`
	DockerdCPU float64 `json:"dockerd_cpu_percent"`
	// RSS is the mean, Peak the most, in MiB.
	RSS  float64 `json:"rss_mib"`
	Peak float64 `json:"peak_mib"`

	Containers Containers `json:"containers"`
	Lines      Lines      `json:"lines"`
	// Code is the number of lines of code that this way needs; 0 when that is
	// not known.
	Code int        `json:"code_lines,omitempty"`
	Acts fleet.Acts `json:"acts"`
	// Score is from 0 to 10; see Criteria.
	Score float64            `json:"score"`
	Parts map[string]float64 `json:"score_parts"`
}

// Kind is whose a mode is.
type Kind string

// The kinds.
const (
	Ours      Kind = "lighterman"
	Reference Kind = "reference"
	Other     Kind = "other"
)

// Growth is the slope of a figure over the window.
type Growth struct {
	PerMinute float64 `json:"per_minute"`
	// Error is the standard error of PerMinute.
	Error float64 `json:"error"`
	Mean  float64 `json:"mean"`
	// Grows tells that the slope is above zero beyond compare.Sure errors.
	Grows  bool `json:"grows"`
	Points int  `json:"points"`
}

// Latency is from writing a line to its arrival, in milliseconds, over the window.
type Latency struct {
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
	Lines int64   `json:"lines"`
}

// Containers counts those that wrote something.
type Containers struct {
	All int `json:"all"`
	// Covered are those of which a line arrived, Whole those of which all did.
	Covered int `json:"covered"`
	Whole   int `json:"whole"`
	// Uncovered are the drivers of the others.
	Uncovered map[string]int `json:"uncovered,omitempty"`
}

// Lines counts lines over the whole run. Lost are only those of containers that
// are covered: the others are no loss but a gap.
type Lines struct {
	Written   int `json:"written"`
	Uncovered int `json:"uncovered"`
	Lost      int `json:"lost"`
	Repeated  int `json:"repeated"`
	Changed   int `json:"changed"`
	Reordered int `json:"reordered"`
}

// Exact tells that of the covered containers every line arrived, once, unchanged.
func (l Lines) Exact() bool { return l.Lost == 0 && l.Repeated == 0 && l.Changed == 0 }

// Series are pairs of seconds and value.
type Series [][2]float64

// Add appends a measurement.
func (s *Series) Add(at time.Duration, value float64) {
	*s = append(*s, [2]float64{at.Seconds(), value})
}

// Fit lays a line through the measurements from a time on.
func (s Series) Fit(from time.Duration) compare.Line {
	points := make([]compare.Point, 0, len(s))
	for _, p := range s {
		if at := time.Duration(p[0] * float64(time.Second)); at >= from {
			points = append(points, compare.Point{At: at, Value: p[1]})
		}
	}
	return compare.Fit(points)
}

// leastPoints is the number of measurements below which a slope is not told.
const leastPoints = 5

// Fit computes growths from series; from is when the warm-up is over.
func Fit(series map[string]Series, from time.Duration) map[string]Growth {
	out := make(map[string]Growth, len(series))
	for name, s := range series {
		if line := s.Fit(from); line.Points >= leastPoints {
			out[name] = Growth{PerMinute: line.PerMinute, Error: line.Error, Mean: line.Mean, Grows: line.Grows(), Points: line.Points}
		}
	}
	return out
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// Mode returns a mode by its name, nil if it was not measured.
func (r *Report) Mode(name string) *Mode {
	for _, m := range r.Modes {
		if m.Name == name {
			return m
		}
	}
	return nil
}
