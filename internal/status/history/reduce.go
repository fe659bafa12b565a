package history

import (
	"math"
	"strconv"
	"time"
)

// Points are the values of a plot, one per step, oldest first; what is not known is NaN, in
// JSON null.
type Points []float64

// MarshalJSON implements json.Marshaler.
func (p Points) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, v := range p {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out = append(out, "null"...)
		} else {
			out = strconv.AppendFloat(out, v, 'g', 6, 64)
		}
	}
	return append(out, ']'), nil
}

// Last returns the newest value that is known, NaN if none is.
func (p Points) Last() float64 {
	for i := len(p) - 1; i >= 0; i-- {
		if !math.IsNaN(p[i]) {
			return p[i]
		}
	}
	return math.NaN()
}

// Max returns the highest value, NaN if none is known.
func (p Points) Max() float64 {
	highest := math.NaN()
	for _, v := range p {
		if !math.IsNaN(v) && !(v <= highest) {
			highest = v
		}
	}
	return highest
}

// Plots are what is plotted. Rates are per second; of what is a level there is the highest of
// each step.
type Plots struct {
	// From is the begin of the first step.
	From        time.Time `json:"from"`
	StepSeconds float64   `json:"step_seconds"`

	Lines      Points `json:"lines_per_second"`
	Bytes      Points `json:"bytes_per_second"`
	P50        Points `json:"delivery_p50_seconds"`
	P95        Points `json:"delivery_p95_seconds"`
	Lag        Points `json:"lag_seconds"`
	Retries    Points `json:"push_retries_per_second"`
	Refused    Points `json:"refused_lines_per_second"`
	Memory     Points `json:"resident_memory_bytes"`
	Held       Points `json:"buffered_bytes"`
	FDs        Points `json:"open_fds"`
	Goroutines Points `json:"goroutines"`
}

// Reduce makes n steps that end now of samples, which are in order. bounds are those of their
// latencies.
func Reduce(samples []Sample, bounds []float64, now time.Time, step time.Duration, n int) Plots {
	p := Plots{From: now.Add(-time.Duration(n) * step), StepSeconds: step.Seconds()}
	all := []*Points{&p.Lines, &p.Bytes, &p.P50, &p.P95, &p.Lag, &p.Retries, &p.Refused, &p.Memory, &p.Held, &p.FDs, &p.Goroutines}
	for _, points := range all {
		*points = make(Points, n)
		for i := range *points {
			(*points)[i] = math.NaN()
		}
	}
	next := 0
	for next < len(samples) && samples[next].At.Before(p.From) {
		next++
	}
	for i := range n {
		first, end := next, p.From.Add(time.Duration(i+1)*step)
		for next < len(samples) && (samples[next].At.Before(end) || i == n-1) {
			next++
		}
		if first == next {
			continue
		}
		for _, s := range samples[first:next] {
			for to, v := range map[*Points]float64{&p.Lag: s.LagSeconds, &p.Memory: s.Memory, &p.Held: s.Held, &p.FDs: s.FDs, &p.Goroutines: s.Goroutines} {
				if old := (*to)[i]; math.IsNaN(old) || v > old {
					(*to)[i] = v
				}
			}
		}
		p.rates(i, samples[max(first-1, 0)], samples[next-1], bounds)
	}
	return p
}

// rates fills in what comes of the difference of two samples.
func (p *Plots) rates(i int, a, b Sample, bounds []float64) {
	seconds := b.At.Sub(a.At).Seconds()
	if seconds <= 0 {
		return
	}
	rate := func(from, to float64) float64 { return max(0, to-from) / seconds }
	p.Lines[i], p.Bytes[i] = rate(a.Lines, b.Lines), rate(a.Bytes, b.Bytes)
	p.Retries[i], p.Refused[i] = rate(a.Retries, b.Retries), rate(a.Refused, b.Refused)
	if len(a.Latency) != len(b.Latency) || len(b.Latency) != len(bounds)+1 {
		return
	}
	counts := make([]uint64, len(b.Latency))
	for j := range counts {
		counts[j] = b.Latency[j] - min(a.Latency[j], b.Latency[j])
	}
	p.P50[i], p.P95[i] = Quantile(0.5, bounds, counts), Quantile(0.95, bounds, counts)
}

// Quantile estimates a quantile of what was counted by bounds, as Prometheus does: evenly
// within a bucket, and what is above the last bound at it. It is NaN where there is nothing.
func Quantile(q float64, bounds []float64, counts []uint64) float64 {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	if total == 0 || len(bounds) == 0 {
		return math.NaN()
	}
	rank, below, from := q*float64(total), 0.0, 0.0
	for i, bound := range bounds {
		in := float64(counts[i])
		if below+in >= rank && in > 0 {
			return from + (bound-from)*max(0, rank-below)/in
		}
		below, from = below+in, bound
	}
	return bounds[len(bounds)-1]
}
