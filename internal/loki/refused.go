package loki

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// refused says which entries a 400 speaks of. It is not exact when the answer
// does not tell, or tells of a stream that is not the batch's last: then the
// batch has to be sent again in parts. An ingester speaks of the last stream
// only; that none before it can be refused is the dispatcher's care.
func refused(answer string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	said, all := verdicts(answer)
	switch {
	case len(b.Groups) == 0: // a probe
		return nil, false
	case !all && b.Entries == 1:
		g := b.Groups[0]
		return []logs.Reject{{Container: nameOf(g), ID: g.Container, Reason: reasonUnknown, Count: 1, Example: g.Times[0], Message: answer}}, true
	case !all:
		return ofLabels(answer, b)
	case said[0].ingester != nil:
		return ignored(&said[0], b)
	}
	return grouped(said, b)
}

// ignored reads an ingester's answer.
func ignored(v *verdict, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	// Entries that did not reach the stream were refused before, or went
	// to another shard of it.
	g := b.Groups[len(b.Groups)-1]
	if len(b.Groups) > 1 && (len(v.stream) != g.Labels.Len() || !isOf(v.stream, g)) {
		return nil, false // of another stream, or a shard of one
	}
	if v.ingester.reached != g.Len() || v.ingester.ignored > mostBehind(v.ingester.cutoff, g) || v.ingester.limited {
		return nil, false
	}
	return []logs.Reject{rejectOf(v, v.ingester.ignored, []*logs.Group{g})}, true
}

// mostBehind is the number of entries that can be too far behind. Loki counts
// those over the stream's rate limit with them, and its text shows only the first
// few. The time in it has whole seconds.
func mostBehind(until string, g *logs.Group) (count int) {
	cutoff, err := time.Parse(time.RFC3339, until)
	if err != nil {
		return g.Len()
	}
	for _, at := range g.Times {
		if at < cutoff.UnixNano()+1e9 {
			count++
		}
	}
	return count
}

// grouped reads the distributor's answer: one error, or several with counts.
func grouped(said []verdict, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	total := 0
	for i := range said {
		v := &said[i]
		groups, count := v.named(b), v.count
		if v.vague {
			return nil, false
		}
		if v.whole {
			// Loki counts it once for a stream, however many entries that has.
			if len(groups) != v.count {
				return nil, false
			}
			count = 0
			for _, g := range groups {
				count += g.Len()
			}
		}
		rejects = append(rejects, rejectOf(v, count, groups))
		total += count
	}
	return rejects, total > 0 && total <= b.Entries
}

// rejectOf is what a verdict says of a number of entries.
func rejectOf(v *verdict, count int, groups []*logs.Group) logs.Reject {
	out := logs.Reject{
		Container: v.container(), Reason: v.reason, Count: count,
		Example: example(v, groups), Message: v.text,
	}
	if v.reason == reasonNoMetadata {
		out.Reason = reasonMetadata
	}
	if v.whole {
		out.Streams = groups
	}
	if len(groups) == 1 || v.whole && len(groups) > 0 {
		out.Container, out.ID = nameOf(groups[len(groups)-1]), groups[len(groups)-1].Container
	}
	return out
}

var (
	labelWord = regexp.MustCompile(`(?i)\blabels?\b`)
	// lineWord is in a text that may be about some lines only.
	lineWord = regexp.MustCompile(`(?i)\b(?:entry|entries|lines?|timestamps?|structured|metadata)\b`)
)

// ofLabels reads an answer in words that are not known, as a later Loki's may be. One
// that names the only stream of a request, and speaks of labels and of nothing else, is about all of
// it; sending its lines one by one would tell nothing more.
func ofLabels(answer string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	var v *verdict
	var own strings.Builder
	for t := (&scan{answer}); t.rest != ""; {
		at := strings.IndexByte(t.rest, '{')
		if at < 0 {
			own.WriteString(t.rest)
			break
		}
		own.WriteString(t.rest[:at])
		t.rest = t.rest[at:]
		stream, ok := t.selector()
		if !ok || v != nil {
			return nil, false
		}
		v = &verdict{reason: reasonLabels, count: 1, text: answer, stream: stream, whole: true}
	}
	if v == nil {
		return nil, false
	}
	// Among several streams it may be another that is named by what one of them holds.
	if len(b.Groups) != 1 || !isOf(v.stream, b.Groups[0]) {
		return nil, false
	}
	words := own.String()
	for _, l := range longestFirst(v.stream) {
		words = strings.ReplaceAll(words, l, " ")
	}
	if !labelWord.MatchString(words) || lineWord.MatchString(words) {
		return nil, false
	}
	return []logs.Reject{rejectOf(v, b.Entries, b.Groups)}, true
}

// longestFirst returns the long values of labels, which may have any words.
func longestFirst(labels []logs.Label) (values []string) {
	for _, l := range labels {
		if len(l.Value) >= 8 { // a shorter one is in words of its own
			values = append(values, l.Value)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	return values
}

func nameOf(g *logs.Group) string { return g.Labels.Container() }
