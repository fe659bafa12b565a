package torture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/test/lines"
	"github.com/lighterman/lighterman/test/lokitest"
)

// verdict is what became of the lines.
type verdict struct {
	lines, lost, duplicated, corrupted int
	// taken is how many of the lost lines Loki had accepted.
	taken int
	// unseen lines are in Loki and prove themselves, but the witness has not
	// seen the file they were in.
	unseen int
	// cut is the number of such lines without a checksum: too short for one, or cut
	// off with their container.
	cut int
	// excused counts what nobody could have saved, by the rule that says so.
	excused map[string]int
	// examples are the first few of what is wrong.
	examples []string
}

// The rules by which a line that is not in Loki is not lost. They rest on what
// was done and seen, never on what is missing.
const (
	ruleAway    = "written to a file and deleted by rotation or removal while no lighterman could open it"
	ruleKilled  = "the same, deleted by an engine that was killed as it compressed the file and has overwritten it since"
	ruleAPI     = "left out or mixed up in what the engine's API has sent (Engine 20.10, at rotation)"
	ruleRemoved = "container removed whose log is to be had from the engine only"
)

// grasp is for how long a lighterman must have held a log while a file was there, to be held
// responsible for that file.
const grasp = 400 * time.Millisecond

// judge compares the ledgers with all that Loki has.
func judge(loki *lokitest.Loki, all []*ledger, accepted *accepted, began time.Time) (verdict, error) {
	v := verdict{excused: map[string]int{}}
	byID := map[string]*ledger{}
	for _, l := range all {
		byID[l.id] = l
		for i := range l.lines {
			l.lines[i].got = false
		}
		v.lines += len(l.lines)
	}
	extra, sets := map[uint64]bool{}, labelSets{}
	var cut []lokitest.Entry // what only a file that the witness has not seen can explain
	err := loki.Each(`{service_name=~".+"}`, began.Add(-time.Minute), time.Now().Add(time.Minute), func(e lokitest.Entry) {
		l := byID[e.Metadata["container_id"]]
		if l == nil {
			v.wrong(&v.corrupted, "of no container of ours", e)
			return
		}
		if found := l.find(key(e.Labels["stream"], e.Time, e.Line)); found != nil && !found.got {
			found.got, found.with = true, sets.of(e)
			return
		} else if found != nil {
			v.wrong(&v.duplicated, "twice ("+found.with+" and "+sets.of(e)+")", e)
			return
		}
		who, ok := lines.ReadChecked(trim(e.Line, l.tty))
		id := xxhash.Sum64String(l.id + who)
		switch {
		case !ok && l.sent(e.Labels["stream"], e.Time):
			v.excused[ruleAPI]++
		case !ok && l.rest(e):
			v.excused[ruleAway]++
		case !ok && l.mayBeCut(trim(e.Line, l.tty)):
			cut = append(cut, e)
		case !ok:
			v.wrong(&v.corrupted, "not as stored"+l.stored(e.Line), e)
		case ok && (l.proven[xxhash.Sum64String(who)] || extra[id]):
			v.wrong(&v.duplicated, "again with another time or stream", e)
		default:
			extra[id] = true
			l.whole(e)
			v.wrong(&v.unseen, "unseen", e)
		}
	})
	if err != nil {
		return v, err
	}
	for _, e := range cut {
		if v.unseen > 0 {
			v.cut++
		} else {
			v.wrong(&v.corrupted, "not as stored", e)
		}
	}
	for _, l := range all {
		v.missing(l, accepted)
	}
	return v, nil
}

// labelSets keeps one text for each set of labels and metadata.
type labelSets map[string]string

func (l labelSets) of(e lokitest.Entry) string {
	text := fmt.Sprint(e.Labels, e.Metadata)
	if l[text] == "" {
		l[text] = text
	}
	return l[text]
}

func (v *verdict) wrong(count *int, what string, e lokitest.Entry) {
	*count++
	// Of what the witness missed there may be much; it must not hide the rest.
	if *count <= 15 && (count != &v.unseen || *count <= 3) {
		v.examples = append(v.examples, fmt.Sprintf("%s: %s %s %s %.70q (%d bytes)", what, e.Labels["container"],
			e.Labels["stream"], time.Unix(0, e.Time).UTC().Format(time.RFC3339Nano), e.Line, len(e.Line)))
	}
}

// missing counts the lines of a container that Loki does not have.
func (v *verdict) missing(l *ledger, accepted *accepted) {
	told, taken := 0, 0
	for _, line := range l.lines {
		if line.got {
			continue
		}
		if rule := l.excuse(line); rule != "" {
			v.excused[rule]++
			continue
		}
		v.lost++
		when := accepted.when(line)
		if !when.IsZero() {
			taken++
		}
		if told++; told <= 3 {
			v.examples = append(v.examples, fmt.Sprintf("lost: %s (%s, %s) %s %.70q (%d bytes) file %d of %d%s%s, accepted by Loki %s", l.name, l.driver, l.id[:12],
				time.Unix(0, line.time).UTC().Format(time.RFC3339Nano), line.head, line.size, line.file, len(l.files), l.story(line.file), l.asked(line), clock(when)))
		}
	}
	v.taken += taken
	if told > 3 {
		v.examples = append(v.examples, fmt.Sprintf("lost: %s: %d in all, of these Loki had accepted %d", l.name, told, taken))
	}
}

// excuse returns the rule by which nobody could have saved a line, or nothing.
func (l *ledger) excuse(line line) string {
	if !l.byFile() {
		if !l.removedAt.IsZero() {
			return ruleRemoved
		}
		return ""
	}
	for file := line.file; file <= line.until; file++ {
		gone := l.gone(file)
		switch {
		case gone.IsZero() || l.graspable(l.files[file].born, gone):
		case gone.Equal(l.files[file].destroyed):
			return ruleKilled
		default:
			return ruleAway
		}
	}
	if l.leftOut(line) {
		return ruleAPI
	}
	return ""
}

// rest tells that an entry is what was left of a line that was written to several
// files, one of which nobody could have saved.
func (l *ledger) rest(e lokitest.Entry) bool {
	return slices.ContainsFunc(l.lines, func(line line) bool {
		if line.until == line.file || line.time != e.Time || int(line.size) <= len(e.Line) {
			return false
		}
		rule := l.excuse(line)
		return rule == ruleAway || rule == ruleKilled
	})
}

// partSize is the size of the parts that Docker stores a long line in, in bytes.
const partSize = 16 << 10

// whole marks as delivered what the witness has seen of a line that Loki has whole, and
// that proves itself: it began in a file that the witness has not seen.
func (l *ledger) whole(e lokitest.Entry) {
	for n := partSize; n < len(e.Line); n += partSize {
		if end := l.find(key(e.Labels["stream"], e.Time, e.Line[n:])); end != nil && !end.got {
			end.got, end.with = true, "as the end of a whole line"
			return
		}
	}
}

// mayBeCut tells that a line without a right checksum may be what the container has
// written: it had no room for one, or is the beginning of a line of which the witness
// has not seen more.
func (l *ledger) mayBeCut(line string) bool {
	who, begun := lines.Begun(line)
	return lines.Bare(line) || begun && !l.proven[xxhash.Sum64String(who)]
}

// graspable tells whether a lighterman held the log while a file was there.
func (l *ledger) graspable(born, gone time.Time) bool {
	for _, h := range l.had {
		from, to := h.from, h.to
		if from.Before(born) {
			from = born
		}
		if to.IsZero() || to.After(gone) {
			to = gone
		}
		if to.Sub(from) >= grasp {
			return true
		}
	}
	return false
}

// stored tells how Docker has a line of which something else is in Loki.
func (l *ledger) stored(text string) (out string) {
	for _, line := range l.lines {
		if len(line.head) >= minHead && strings.HasPrefix(text, line.head) {
			out += fmt.Sprintf(" (%s: stored %s, %d bytes, files %d to %d of %d, delivered %t%s)", l.driver,
				time.Unix(0, line.time).UTC().Format(time.RFC3339Nano), line.size, line.file, line.until, len(l.files), line.got, l.story(line.file))
		}
	}
	return out
}

// minHead is how much of a line's beginning makes it the same one, in bytes.
const minHead = 40

// story tells when a file was there and when lighterman was.
func (l *ledger) story(file int32) string {
	if file < 0 {
		return ""
	}
	born, gone := l.files[file].born, l.gone(file)
	var held []string
	for _, h := range l.had {
		if (h.to.IsZero() || h.to.After(born.Add(-3*time.Second))) && (gone.IsZero() || h.from.Before(gone.Add(3*time.Second))) {
			held = append(held, clock(h.from)+"–"+clock(h.to))
		}
	}
	return fmt.Sprintf(", there %s–%s, held %s, removed %s", clock(born), clock(gone), strings.Join(held[:min(4, len(held))], " "), clock(l.removedAt))
}

// clock is a time of day; "-" if there is none.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("15:04:05.000")
}

// report is the result in words; its last line is for programs.
func (v *verdict) report(set settings, faults []string, total int, overflows float64, catchUp time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\n\nfaults\n", set.seed)
	slices.Sort(faults)
	for _, line := range faults {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	fmt.Fprintf(&b, "  %s%v\n", pad("(inotify queue overflows seen)", 36), overflows)
	fmt.Fprintf(&b, "\nlines\n  %s%d\n  %s%d\n  %s%d\n  %s%d\n  %s%d\n", pad("stored by Docker", 36), v.lines, pad("lost", 36), v.lost, pad("of these accepted by Loki", 36), v.taken,
		pad("visible more than once", 36), v.duplicated, pad("changed", 36), v.corrupted)
	fmt.Fprintf(&b, "  %s%d, and %d without a checksum\n", pad("delivered, file unseen by the test", 36), v.unseen, v.cut)
	for _, rule := range []string{ruleAway, ruleKilled, ruleAPI, ruleRemoved} {
		fmt.Fprintf(&b, "  %s%d  %s\n", pad("not to be saved", 36), v.excused[rule], rule)
	}
	fmt.Fprintf(&b, "  %s%v\n\n", pad("worst time to catch up", 36), catchUp.Round(10*time.Millisecond))
	for _, example := range v.examples {
		fmt.Fprintf(&b, "%s\n", example)
	}
	fmt.Fprintf(&b, "lost=%d duplicated=%d corrupted=%d lines=%d faults=%d\n", v.lost, v.duplicated, v.corrupted, v.lines, total)
	return b.String()
}
