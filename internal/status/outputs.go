package status

import (
	"cmp"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// StandardOutput is where an output delivers to that goes to no Loki.
const StandardOutput = "standard output"

// OutputState is how an output does.
type OutputState struct {
	// Name is empty for that of loki-url, and standard output.
	Name string `json:"name"`
	// To is where it delivers to, Ready reports whether that takes lines, and Why says why not.
	To    string `json:"to"`
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"`
	// BufferedBytes is what was read for it and is not acknowledged, of at most MemoryBytes;
	// LagBytes and LagSeconds are the most that a container of it has.
	BufferedBytes int64   `json:"buffered_bytes"`
	MemoryBytes   int64   `json:"memory_bytes"`
	LagBytes      int64   `json:"lag_bytes"`
	LagSeconds    float64 `json:"lag_seconds"`
	// Pushes is the number of requests under way, and RetrySeconds how long it is until the
	// next attempt where the last one was in vain.
	Pushes       int     `json:"pushes_under_way"`
	RetrySeconds float64 `json:"retry_in_seconds"`
	SetAside     int     `json:"set_aside_containers"`
	// LastAnswer is nil where there was none.
	LastAnswer *Answer `json:"last_answer"`
	// Refused are lines refused for good, and Retries pushes that were repeated, by reason.
	Refused map[string]int64 `json:"refused"`
	Retries map[string]int64 `json:"retries"`
}

// Answer is how a push ended.
type Answer struct {
	Time time.Time `json:"time"`
	// Outcome is "accepted", "retry", "too_large" or "refused", and Why says why in words.
	Outcome string  `json:"outcome"`
	Why     string  `json:"why,omitempty"`
	Seconds float64 `json:"seconds"`
}

// clean returns a copy that is safe to show.
func (o OutputState) clean() OutputState {
	o.Name, o.To, o.Why, o.LagSeconds = bounded(o.Name), bounded(o.To), bounded(o.Why), finite(o.LagSeconds)
	if o.LastAnswer != nil {
		a := *o.LastAnswer
		a.Outcome, a.Why, a.Seconds = bounded(a.Outcome), bounded(a.Why), finite(a.Seconds)
		o.LastAnswer = &a
	}
	return o
}

// counted adds what the counters of an output say.
func (o *OutputState) counted(m *Metrics) {
	o.Refused, o.Retries = m.rejected.values(), m.retries.values()
}

// output is a further output with its own counters.
type output struct {
	name    string
	metrics *Metrics
	// snapshot is what is known of it; it is set before Run.
	snapshot func() Snapshot
}

// Output adds a further output, whose metrics have its name as the label output, and returns its
// counters. It must be called before Run.
func (s *Server) Output(name string) *Metrics {
	o := &output{name: name, metrics: counters(), snapshot: func() Snapshot { return Snapshot{} }}
	o.metrics.registry.MustRegister(append(o.metrics.all(), o.metrics.verified.all(), &collector{snapshot: func() Snapshot { return o.snapshot().Clean() }, part: true}))
	s.outputs = append(s.outputs, o)
	return o.metrics
}

// MetricsOf are the counters of a further output; nil where there is none of that name.
func (s *Server) MetricsOf(name string) *Metrics {
	for _, o := range s.outputs {
		if o.name == name {
			return o.metrics
		}
	}
	return nil
}

// ObserveOutput sets where the state of a further output comes from, as Observe does.
func (s *Server) ObserveOutput(name string, source func() Snapshot) {
	for _, o := range s.outputs {
		if o.name == name {
			o.snapshot = source
		}
	}
}

// gather collects the metrics of the process, and those of further outputs beside them.
func (s *Server) gather() ([]*dto.MetricFamily, error) {
	families, err := s.metrics.registry.Gather()
	for _, o := range s.outputs {
		more, failed := o.metrics.registry.Gather()
		err = cmp.Or(err, failed)
		families = beside(families, more, o.name)
	}
	return families, err
}

// beside adds the metrics of an output to those of their name.
func beside(families, more []*dto.MetricFamily, name string) []*dto.MetricFamily {
	label := "output"
	for _, family := range more {
		for _, m := range family.GetMetric() {
			m.Label = append(m.Label, &dto.LabelPair{Name: &label, Value: &name})
		}
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == family.GetName() })
		if i < 0 {
			families = append(families, family)
			continue
		}
		families[i].Metric = append(families[i].Metric, family.GetMetric()...)
	}
	return families
}
