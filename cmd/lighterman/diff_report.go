package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/diff"
)

// diffReport writes what a comparison finds: as text while it goes, as JSON at the end.
type diffReport struct {
	report
	total diffTotal
	all   diffJSON
}

func (r *diffReport) begin(d *diff.Diff, lokis [2]config.Loki, scrub func(string) string) {
	sides := [2]*diffSide{&r.all.Left, &r.all.Right}
	for i, to := range lokis {
		*sides[i] = diffSide{scrub(to.URL.String()), to.Tenant, d.Selectors[i]}
	}
	r.all.From, r.all.To, r.all.Streams = time.Unix(0, d.From).UTC(), time.Unix(0, d.To).UTC(), []diffStream{}
	if r.json {
		return
	}
	for i, s := range sides {
		text := s.URL
		if s.Tenant != "" {
			text += ", tenant " + s.Tenant
		}
		if s.Selector != "" {
			text += ", " + s.Selector
		}
		r.printf("%-6s %s\n", diff.Side(i), console.Escaped(text))
	}
	r.printf("from   %s\nto     %s\n\n%10s %10s %10s  STREAM\n", r.all.From.Format(time.RFC3339), r.all.To.Format(time.RFC3339), "BOTH", "ONLY LEFT", "ONLY RIGHT")
}

// add takes what belongs together.
func (r *diffReport) add(found *diff.Result) error {
	r.total.Streams++
	r.total.Both += found.Both
	r.total.OnlyLeft += found.OnlyLeft
	r.total.OnlyRight += found.OnlyRight
	if !found.Same() {
		r.total.Differing++
	}
	if r.json {
		s := diffStream{
			Labels: found.Common, LeftStreams: found.Streams[diff.Left], RightStreams: found.Streams[diff.Right],
			Both: found.Both, OnlyLeft: found.OnlyLeft, OnlyRight: found.OnlyRight,
			Differences: append([]diff.LabelDifference{}, found.Labels...), Examples: []diffExample{},
		}
		for _, e := range found.Examples {
			s.Examples = append(s.Examples, diffExample{e.Side.String(), time.Unix(0, e.Time).UTC(), e.Line, e.Cut})
		}
		r.all.Streams = append(r.all.Streams, s)
		return nil
	}
	r.progress.clear()
	r.text(found)
	return r.err
}

func (r *diffReport) text(found *diff.Result) {
	counts := ""
	if found.Streams[diff.Left] > 1 || found.Streams[diff.Right] > 1 {
		counts = fmt.Sprintf(" (%d streams on the left, %d on the right)", found.Streams[diff.Left], found.Streams[diff.Right])
	}
	r.printf("%10d %10d %10d  %s%s\n", found.Both, found.OnlyLeft, found.OnlyRight, console.Escaped(labelsText(found.Common)), counts)
	const indent = "                                  "
	for _, l := range found.Labels {
		r.printf("%s  label %s: left %s, right %s\n", indent, console.Escaped(l.Name), valuesText(l.Left), valuesText(l.Right))
	}
	for _, e := range found.Examples {
		more := ""
		if e.Cut {
			more = " …"
		}
		r.printf("%s  only %s: %s %s%s\n", indent, e.Side, time.Unix(0, e.Time).UTC().Format(time.RFC3339Nano), console.Escaped(e.Line), more)
	}
}

func labelsText(labels map[string]string) string {
	parts := make([]string, 0, len(labels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// valuesText shows a few values of a label.
func valuesText(values []string) string {
	const most = 4
	var parts []string
	for _, v := range values[:min(len(values), most)] {
		if v == "" {
			parts = append(parts, "none")
		} else {
			parts = append(parts, strconv.Quote(v))
		}
	}
	if n := len(values) - most; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return console.Escaped(strings.Join(parts, " "))
}

// end writes the sum.
func (r *diffReport) end() error {
	t := r.total
	if r.json {
		r.all.Total, r.all.Same = t, t.Differing == 0
		return writeJSON(r.out, r.all)
	}
	r.printf("\n%d streams, %d of them with differences; %d lines on both sides, %d only on the left, %d only on the right\n",
		t.Streams, t.Differing, t.Both, t.OnlyLeft, t.OnlyRight)
	return r.err
}

// show shows it, a few times in a second.
func (p *progress) show(counts diff.Progress) {
	p.text(func() string {
		if counts.Matching {
			return fmt.Sprintf("looking for streams whose labels differ: %d of %d", counts.Done, counts.Streams)
		}
		return fmt.Sprintf("%d of %d streams, %d lines", counts.Done, counts.Streams, counts.Lines)
	})
}

// diffJSON is the report as JSON.
type diffJSON struct {
	From    time.Time    `json:"from"`
	To      time.Time    `json:"to"`
	Left    diffSide     `json:"left"`
	Right   diffSide     `json:"right"`
	Same    bool         `json:"same"`
	Total   diffTotal    `json:"total"`
	Streams []diffStream `json:"streams"`
}

// diffSide is one of the two.
type diffSide struct {
	URL      string `json:"url"`
	Tenant   string `json:"tenant"`
	Selector string `json:"selector"`
}

// diffTotal counts lines, and streams that belong together.
type diffTotal struct {
	Streams   int   `json:"streams"`
	Differing int   `json:"differing_streams"`
	Both      int64 `json:"both"`
	OnlyLeft  int64 `json:"only_left"`
	OnlyRight int64 `json:"only_right"`
}

// diffStream is what belongs together, which may be several streams.
type diffStream struct {
	Labels       map[string]string      `json:"labels"`
	LeftStreams  int                    `json:"left_streams"`
	RightStreams int                    `json:"right_streams"`
	Both         int64                  `json:"both"`
	OnlyLeft     int64                  `json:"only_left"`
	OnlyRight    int64                  `json:"only_right"`
	Differences  []diff.LabelDifference `json:"label_differences"`
	Examples     []diffExample          `json:"examples"`
}

// diffExample is a line that one side has.
type diffExample struct {
	Side string    `json:"side"`
	Time time.Time `json:"time"`
	Line string    `json:"line"`
	Cut  bool      `json:"cut"`
}
