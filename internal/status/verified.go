package status

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Verified is what was found when Loki was compared with what is stored.
type Verified struct{ Missing, Twice, Changed, NotStored, NotSent int64 }

// Same reports whether there was no difference. What is not sent yet is none.
func (v Verified) Same() bool { return v.Missing+v.Twice+v.Changed+v.NotStored == 0 }

// verified are the metrics of the comparison that was last.
type verified struct {
	missing, twice, changed, notStored, notSent, ok, at prometheus.Gauge
	failures                                            prometheus.Counter
}

func newVerified() *verified {
	v := &verified{
		missing:   gaugeOf("verify_missing_lines", "Lines that are stored, acknowledged by Loki and not in it, as was last verified (verify-every)."),
		twice:     gaugeOf("verify_twice_lines", "Lines that Loki has once more than they are stored, as was last verified."),
		changed:   gaugeOf("verify_changed_lines", "Lines that Loki has with another text, as was last verified."),
		notStored: gaugeOf("verify_not_stored_lines", "Lines that Loki has of a container and are not stored, as was last verified."),
		notSent:   gaugeOf("verify_not_sent_lines", "Lines that were stored and not yet sent, as was last verified."),
		ok:        gaugeOf("verify_ok", "0 if a difference was found when it was last verified that Loki has what is stored, 1 otherwise."),
		at:        gaugeOf("verify_last_timestamp_seconds", "When it was last verified, in Unix seconds; 0 as long as it never was."),
		failures:  counter("verify_failures_total", "Times that it could not be verified."),
	}
	v.ok.Set(1)
	return v
}

func (v *verified) all() prometheus.Collector {
	return inTurn{v.missing, v.twice, v.changed, v.notStored, v.notSent, v.ok, v.at, v.failures}
}

// Verified notes what was found at a time.
func (m *Metrics) Verified(found Verified, at time.Time) {
	v := m.verified
	v.missing.Set(float64(found.Missing))
	v.twice.Set(float64(found.Twice))
	v.changed.Set(float64(found.Changed))
	v.notStored.Set(float64(found.NotStored))
	v.notSent.Set(float64(found.NotSent))
	v.ok.Set(boolean(found.Same()))
	v.at.Set(float64(at.UnixMilli()) / 1000)
}

// NotVerified notes that it could not be found out.
func (m *Metrics) NotVerified() { m.verified.failures.Inc() }
