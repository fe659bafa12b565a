package loki

import (
	"regexp"
	"strconv"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// ingestionLimit is all of what Loki says of the tenant's limit; nothing in it is of a
// container. Older Lokis begin it with a capital letter.
var ingestionLimit = regexp.MustCompile(`^[iI]ngestion rate limit exceeded for user [^\n{]* \(limit: (\d+) bytes/sec\) while attempting to ingest '\d+' lines totaling '(\d+)' bytes`)

// limited says what an answer about a limit means. What is larger than a rate
// limit allows within a second is taken to be too large: it may be larger than the
// limit's burst, which the answer does not tell, and would then never be taken as
// it is. Smaller parts do no harm if it is not.
func limited(answer string, b *logs.Batch) logs.Outcome {
	if len(b.Groups) == 0 {
		return logs.Outcome{Kind: logs.Retry} // a probe
	}
	if m := ingestionLimit.FindStringSubmatch(answer); m != nil {
		limit, _ := strconv.ParseFloat(m[1], 64) // digits, by the expression
		total, _ := strconv.ParseFloat(m[2], 64)
		return exceeded(total, limit, b.Entries)
	}
	said, all := verdicts(answer)
	if !all || len(said) != 1 {
		return logs.Outcome{Kind: logs.Retry}
	}
	switch v := &said[0]; {
	case v.reason == reasonStreamRate, v.ingester != nil && v.ingester.limited:
		g := groupOf(v, b)
		limit, err := strconv.ParseFloat(v.limit, 64)
		if err != nil {
			limit = 0
		}
		out := exceeded(sizeOf(g), limit*map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[v.unit], g.Len())
		out.Group = g
		return out
	case v.reason == reasonStreams:
		return logs.Outcome{Kind: logs.Retry, Group: groupOf(v, b)}
	}
	return logs.Outcome{Kind: logs.Retry}
}

// exceeded is the outcome for so many bytes and entries over a limit per second.
func exceeded(total, limit float64, entries int) logs.Outcome {
	if limit <= 0 {
		return logs.Outcome{Kind: logs.Retry, RateLimited: true}
	}
	if total <= limit || entries < 2 {
		return logs.Outcome{Kind: logs.Retry, RateLimited: true, Pace: paceOf(total, limit)}
	}
	return logs.Outcome{Kind: logs.TooLarge, RateLimited: true, Parts: int(min(total/limit, float64(entries)-1)) + 1}
}

// paceOf is how long a limit in bytes per second takes to let so many through. Loki
// takes a stream's entries one by one until the limit is reached, and counts them
// again when they are sent again: an attempt too early fails, and the time until
// the next that can succeed begins anew.
func paceOf(total, limit float64) time.Duration {
	const most = 10 * time.Second // a line larger than the limit may be never taken
	return min(time.Duration(total/limit*float64(time.Second)), most)
}

// sizeOf is about what Loki counts for a group: the lines, and with each of them
// its structured metadata, to which Loki adds the level that it detects.
func sizeOf(g *logs.Group) float64 {
	const detectedLevel = len("detected_levelunknown")
	metadata := detectedLevel
	for _, p := range g.Labels.Metadata {
		metadata += len(p.Name) + len(p.Value)
	}
	return float64(len(g.Text) + len(g.Metadata) + g.Len()*max(metadata, logs.EntryOverhead))
}

// groupOf returns the group that an answer about a limit speaks of: the one whose
// labels it names, or else the last, which is the only one that may be refused.
func groupOf(v *verdict, b *logs.Batch) *logs.Group {
	if found := v.named(b); len(found) == 1 {
		return found[0]
	}
	return b.Groups[len(b.Groups)-1]
}
