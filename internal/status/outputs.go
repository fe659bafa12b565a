package status

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// OutputState is how a further output does.
type OutputState struct {
	Name string `json:"name"`
	// To is where it delivers to, Ready reports whether that takes lines, and Why says why not.
	To    string `json:"to"`
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"`
	// BufferedBytes is what was read for it and is not acknowledged; LagBytes and LagSeconds
	// are the most that a container of it has.
	BufferedBytes int64   `json:"buffered_bytes"`
	LagBytes      int64   `json:"lag_bytes"`
	LagSeconds    float64 `json:"lag_seconds"`
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
	o.metrics.registry.MustRegister(append(o.metrics.all(), &collector{snapshot: func() Snapshot { return o.snapshot().Clean() }, part: true}))
	s.outputs = append(s.outputs, o)
	return o.metrics
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
