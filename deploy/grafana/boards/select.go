package boards

import "strings"

// What is chosen at the head of a dashboard, as conditions. Grafana puts values in with their
// special letters escaped (regex); those of output are none (pipe), as they are expressions.
const (
	chosenJob    = "job=~`${job:regex}`"
	chosenHost   = "instance=~`${host:regex}`"
	chosenOutput = "output=~`${output:pipe}`"
)

// of is a metric of the chosen hosts and output, with more conditions.
func of(metric string, more ...string) string {
	return selector(metric, append([]string{chosenHost, chosenOutput}, more...))
}

// whole is a metric that a process has once, whatever its outputs.
func whole(metric string) string { return selector(metric, []string{chosenHost}) }

// process is a metric that programs in Go have, not lighterman alone.
func process(metric string) string {
	return metric + "{" + chosenJob + ", " + chosenHost + "}"
}

// here is a metric of the chosen containers.
func here(metric string, more ...string) string {
	return of(metric, append([]string{`container="$container"`}, more...)...)
}

func selector(metric string, conditions []string) string {
	return "lighterman_" + metric + "{" + strings.Join(conditions, ", ") + "}"
}

// rate is how much a counter rises in a second, and rise how much over the dashboard's time.
func rate(counter string) string { return "rate(" + counter + "[$__rate_interval])" }
func rise(counter string) string { return "increase(" + counter + "[$__range])" }

// sum and most put together what has the same labels.
func sum(by, of string) string  { return group("sum", by, of) }
func most(by, of string) string { return group("max", by, of) }

// least is 0 where one of several truths is.
func least(by, of string) string { return group("min", by, of) }

func group(how, by, of string) string {
	if by == "" {
		return how + "(" + of + ")"
	}
	return how + " by (" + by + ") (" + of + ")"
}

// quantile is one of a histogram.
func quantile(q, by, buckets string) string {
	if by != "" {
		by = ", " + by
	}
	return "histogram_quantile(" + q + ", sum by (le" + by + ") (" + rate(buckets) + "))"
}
