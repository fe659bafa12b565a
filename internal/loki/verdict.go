package loki

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/logs"
)

// Loki's answers hold what others wrote: a label may have any text, words of Loki's own
// among them. So nothing is looked for in an answer. It is read from its beginning to its
// end by the forms that Loki's sources have, and whatever is quoted is read as what it
// is: labels by their quoting, and a value that comes without by comparing it with those
// of its stream. A text that is not of these forms from end to end is not known.

// verdict is one thing that Loki says, of one stream where it names one.
type verdict struct {
	// reason is a short constant word.
	reason string
	// count is how many errors have this text.
	count int
	// text is the verdict's own.
	text string
	// stream are the labels that it names, nil when it names none.
	stream []logs.Label
	// at is a refused entry's timestamp as Loki writes it, and length a line's.
	at, length string
	// whole tells that all of the stream is refused, and counted once.
	whole bool
	// vague tells that more may have been said, in a part that cannot be told from what
	// others wrote.
	vague bool
	// ingester is set in the answer of an ingester.
	ingester *ingester
	// limit is the number and the unit of a rate limit.
	limit, unit string
}

// ingester is what an ingester says of the entries of one stream.
type ingester struct {
	// ignored of reached entries were refused, and counts are those numbers.
	ignored, reached int
	// cutoff is the time before which it refuses entries; empty when it does not say.
	cutoff string
	// limited tells that some were over the stream's rate limit.
	limited bool
}

// The reasons of verdicts that are more than a word to count by.
const (
	reasonLabels     = "labels"
	reasonMetadata   = "structured_metadata"
	reasonNoMetadata = "structured_metadata_disallowed"
	reasonStreamRate = "stream_rate"
	reasonStreams    = "streams"
	reasonUnknown    = "refused"
)

// scan is what has not been read yet of an answer.
type scan struct{ rest string }

func (t *scan) word(word string) bool {
	rest, ok := strings.CutPrefix(t.rest, word)
	if ok {
		t.rest = rest
	}
	return ok
}

// match reads what an expression finds at the beginning. The expressions begin with ^.
func (t *scan) match(e *regexp.Regexp) []string {
	m := e.FindStringSubmatch(t.rest)
	if m != nil {
		t.rest = t.rest[len(m[0]):]
	}
	return m
}

var (
	countText = regexp.MustCompile(`^(\d{1,9}) errors like: `)
	nextText  = regexp.MustCompile(`; \d{1,9} errors like: `)
)

// verdicts reads the answer to a request. What is read before the first form that is not
// known is returned, too; all tells that there is none.
func verdicts(answer string) (out []verdict, all bool) {
	t := &scan{answer}
	m := t.match(countText)
	if m == nil {
		v, ok := t.verdict()
		if !ok {
			return nil, false
		}
		return []verdict{v}, t.rest == ""
	}
	for m != nil {
		v, ok := t.verdict()
		if !ok || v.ingester != nil { // an ingester speaks alone
			return out, false
		}
		v.count, _ = strconv.Atoi(m[1]) // digits, by the expression
		out = append(out, v)
		if t.rest == "" {
			return out, true
		}
		if !t.word("; ") {
			return out, false
		}
		m = t.match(countText)
	}
	return out, false
}

// verdict reads one.
func (t *scan) verdict() (verdict, bool) {
	before := t.rest
	v := verdict{count: 1}
	ok := t.ofEntries(&v) || t.ofStream(&v) || t.ofLine(&v) || t.ofLabels(&v) || t.ofLimit(&v)
	v.text = before[:len(before)-len(t.rest)]
	return v, ok
}

var (
	timeText  = regexp.MustCompile(`^([^\s,;']+)`)
	namesText = regexp.MustCompile(`^has \d+ label names; limit \d+`)
	sizesText = regexp.MustCompile(`^(?:has structured metadata too large|has too many structured metadata labels): '\d+'(?: bytes)?, limit: '\d+'`)
	valueText = regexp.MustCompile(`^has (?:label name too long|label value too long|duplicate label name): '`)
)

// ofStream reads what the distributor says of a stream or of one of its entries.
func (t *scan) ofStream(v *verdict) bool {
	if !t.word("entry for stream '") && !t.word("stream '") {
		return false
	}
	var ok bool
	if v.stream, ok = t.selector(); !ok || !t.word("' ") {
		return false
	}
	switch {
	case t.word("has timestamp too old: "), t.word("has timestamp too new: "):
		v.reason = "too_new"
		if m := t.match(timeText); m != nil {
			v.at = m[1]
		}
		if strings.HasPrefix(t.rest, ", oldest") {
			v.reason = "too_old"
		}
		return v.at != "" && t.tail()
	case t.match(namesText) != nil:
		v.reason, v.whole = reasonLabels, true
		return t.tail()
	case t.match(valueText) != nil:
		v.reason, v.whole = reasonLabels, true
		return t.value(v)
	case t.word("includes structured metadata, but this feature is disallowed"):
		v.reason = reasonNoMetadata
		return t.tail()
	case t.match(sizesText) != nil:
		v.reason = reasonMetadata
		return t.tail()
	}
	return false
}

var (
	entrySizeText = regexp.MustCompile(`^[mM]ax entry size '\d+' bytes exceeded for stream '`)
	entryText     = regexp.MustCompile(`^' while adding an entry with length '(\d+)' bytes`)
)

// ofLine reads that a line is too long.
func (t *scan) ofLine(v *verdict) bool {
	if t.match(entrySizeText) == nil {
		return false
	}
	var ok bool
	if v.stream, ok = t.selector(); !ok {
		return false
	}
	m := t.match(entryText)
	if m == nil {
		return false
	}
	v.reason, v.length = "line_too_long", m[1]
	return t.tail()
}

var (
	// The names, the tenant and the policy are the operator's.
	missingText = regexp.MustCompile(`^missing required labels (?:'[^'{]*'|[^'{ ]*) for user (?:'[^'{]*'|[^'{ ]*)`)
	policyText  = regexp.MustCompile(`^ \(policy: '[^'{]*'\)`)
)

// ofLabels reads what the distributor says of labels.
func (t *scan) ofLabels(v *verdict) (ok bool) {
	v.reason, v.whole = reasonLabels, true
	switch {
	case t.word("error at least one label pair is required per stream"):
		return t.tail()
	case t.word("couldn't parse labels: "):
		t.rest = "" // it is of one stream and does not say which
		return true
	case t.word("error parsing labels '"):
		if v.stream, ok = t.selector(); !ok || !t.word("' with error: ") {
			return false
		}
		v.vague, t.rest = nextText.MatchString(t.rest), "" // it may quote the labels
		return true
	case t.match(missingText) != nil:
		if t.word(" for stream '") {
			if v.stream, ok = t.selector(); !ok || !t.word("'") {
				return false
			}
		}
		t.match(policyText)
		return t.tail()
	}
	return false
}

var (
	ignoredText = regexp.MustCompile(`^entry with timestamp ([^\n']{1,80}?) ignored, reason: '`)
	behindText  = regexp.MustCompile(`^entry too far behind(?:, entry timestamp is: \S+, oldest acceptable timestamp is: ([^\s',]+))?[^'\n]*`)
	orderText   = regexp.MustCompile(`^entry out of order[^'\n]*`)
	rateText    = regexp.MustCompile(`^[pP]er stream rate limit exceeded \(limit: ([\d.]+)([KMGT]?)B/sec\)`)
	rateEnd     = regexp.MustCompile(`^[^'\n{]*`)
	totalText   = regexp.MustCompile(`^(?:user '[^\n]*?', )?total ignored: (\d{1,9}) out of (\d{1,9})`)
)

// ofEntries reads what an ingester says: the reasons for the first few entries, and the
// counts. It speaks of one stream only, whatever happened to others.
func (t *scan) ofEntries(v *verdict) bool {
	var said ingester
	for {
		m := t.match(ignoredText)
		if m == nil {
			break
		}
		if v.at == "" {
			v.at = m[1]
		}
		if !t.why(v, &said) || !t.word("'") {
			return false
		}
		if t.word(" for stream: ") { // Loki 2.3
			if _, ok := t.selector(); !ok {
				return false
			}
		}
		if !t.word(",\n") {
			return false
		}
	}
	m := t.match(totalText)
	if v.at == "" || m == nil {
		return false
	}
	said.ignored, _ = strconv.Atoi(m[1]) // digits, by the expression
	said.reached, _ = strconv.Atoi(m[2])
	v.ingester = &said
	var ok bool
	if t.word(" for stream: ") {
		v.stream, ok = t.selector()
		return ok
	}
	return true
}

// why reads an ingester's reason for one entry. Its first one is that of the verdict.
func (t *scan) why(v *verdict, said *ingester) bool {
	reason := ""
	if m := t.match(behindText); m != nil {
		reason = "too_far_behind"
		if said.cutoff == "" {
			said.cutoff = m[1]
		}
	} else if t.match(orderText) != nil {
		reason = "out_of_order"
	} else if t.rate(v) {
		reason, said.limited = reasonStreamRate, true
	}
	if v.reason == "" {
		v.reason = reason
	}
	return reason != ""
}

// rate reads that a stream is over its rate.
func (t *scan) rate(v *verdict) bool {
	m := t.match(rateText)
	if m == nil {
		return false
	}
	v.limit, v.unit = m[1], m[2]
	if t.word(" while attempting to ingest for stream '") {
		stream, ok := t.selector()
		if !ok || !t.word("' totaling ") {
			return false
		}
		v.stream = stream
	}
	t.match(rateEnd)
	return true
}

// ofLimit reads what is said of a stream that is over a limit, by itself.
func (t *scan) ofLimit(v *verdict) bool {
	if t.rate(v) {
		v.reason = reasonStreamRate
		return t.tail()
	}
	if !t.word("maximum active stream limit exceeded") && !t.word("Maximum active stream limit exceeded") {
		return false
	}
	v.reason, v.whole = reasonStreams, false
	if t.word(" when trying to create stream ") {
		var ok bool
		if v.stream, ok = t.selector(); !ok {
			return false
		}
	}
	t.rest = "" // advice, and the tenant: it comes by itself
	return true
}

// tail reads the rest of a verdict, which has nothing of anybody else's: advice, which
// differs from version to version.
func (t *scan) tail() bool {
	end := len(t.rest)
	if at := nextText.FindStringIndex(t.rest); at != nil {
		end = at[0]
	}
	own := t.rest[:end]
	t.rest = t.rest[end:]
	return !strings.ContainsAny(own, "{}\"\n")
}

// value reads a label's name or value, which stands there as it is, and the quote behind
// it: any text may be in it. It is one of the stream's. Where it is none, as a Loki may
// cut it, all that follows is taken for it.
func (t *scan) value(v *verdict) bool {
	longest := -1
	for _, l := range v.stream {
		for _, own := range []string{l.Name, l.Value} {
			if len(own) > longest && strings.HasPrefix(t.rest, own) && strings.HasPrefix(t.rest[len(own):], "'") {
				longest = len(own)
			}
		}
	}
	if longest >= 0 {
		t.rest = t.rest[longest+1:]
		return true
	}
	v.vague = nextText.MatchString(t.rest)
	t.rest = ""
	return true
}

// The labels that Loki adds to a stream: those by which it divides a busy one, and the
// one that it finds out.
const (
	streamShard = "__stream_shard__"
	timeShard   = "__time_shard__"
	serviceName = "service_name"
)

// isOf tells whether labels are those of a group's stream, be it with labels that Loki has
// added.
func isOf(labels []logs.Label, g *logs.Group) bool {
	has := g.Labels.Get(serviceName) != ""
	n := 0
	for _, l := range labels {
		if l.Name == streamShard || l.Name == timeShard || l.Name == serviceName && !has {
			continue
		}
		if value := g.Labels.Value(l.Name, g.Stream); value != l.Value && strings.ToValidUTF8(value, "\ufffd") != l.Value {
			return false
		}
		n++
	}
	return n == g.Labels.Len()
}

// named returns the groups whose labels a verdict names; the only group of a batch in any
// case.
func (v *verdict) named(b *logs.Batch) (found []*logs.Group) {
	if len(b.Groups) == 1 {
		return b.Groups
	}
	for _, g := range b.Groups {
		if v.stream != nil && isOf(v.stream, g) {
			found = append(found, g)
		}
	}
	return found
}

// container is the name of the container whose labels a verdict names.
func (v *verdict) container() string {
	i := slices.IndexFunc(v.stream, func(l logs.Label) bool { return l.Name == "container" })
	if i < 0 {
		return ""
	}
	return v.stream[i].Value
}
