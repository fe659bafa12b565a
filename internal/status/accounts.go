package status

import "github.com/prometheus/client_golang/prometheus"

// collectAccounts says what has become of lines, by container name. Two containers of one
// name count as one, as those of lags do.
func collectAccounts(ch chan<- prometheus.Metric, s Snapshot) {
	sums := make(map[string]*sum, len(s.Containers))
	for i := range s.Containers {
		a := s.Containers[i].Account
		if a == nil {
			continue
		}
		of := sums[s.Containers[i].Name]
		if of == nil {
			of = &sum{}
			sums[s.Containers[i].Name] = of
		}
		of.read += a.Read
		of.pending += a.Pending
		for i, n := range []int64{a.Sent, a.DroppedLines(), a.Joined, a.Rejected} {
			of.by[i] += n
		}
	}
	for name, of := range sums {
		ch <- prometheus.MustNewConstMetric(linesRead, prometheus.CounterValue, float64(of.read), name)
		ch <- prometheus.MustNewConstMetric(linesWait, prometheus.GaugeValue, float64(of.pending), name)
		for i, n := range of.by {
			if n != 0 {
				ch <- prometheus.MustNewConstMetric(linesBy, prometheus.CounterValue, float64(n), name, outcomes[i])
			}
		}
	}
}

// outcomes are what becomes of lines, in the order of sum.
var outcomes = [4]string{"sent", "dropped", "joined", "rejected"}

type sum struct {
	read, pending int64
	by            [len(outcomes)]int64
}
