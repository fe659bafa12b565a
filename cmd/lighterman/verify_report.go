package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/audit"
	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/scan"
	"github.com/lighterman/lighterman/internal/verify"
)

// verifyReport writes what a verification finds: as text while it goes, as JSON at the end.
type verifyReport struct {
	report
	all verifyJSON
	// failed says that a log could not be read, named that each has to be compared, as somebody
	// has named it, and compared that one was.
	failed, named, compared bool
	// output is the one in hand.
	output string
}

// verifyJSON is the report as JSON.
type verifyJSON struct {
	Since time.Time `json:"since"`
	Same  bool      `json:"same"`
	// Differing and Containers are also of what is of the host.
	Differing  int               `json:"differing_containers"`
	Containers []verifyContainer `json:"containers"`
}

// verifyContainer is what was found of one container, or of something of the host.
type verifyContainer struct {
	Kind examine.Kind `json:"kind"`
	// Output is absent for that of loki-url.
	Output  string `json:"output,omitempty"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	Same    bool   `json:"same"`
	Problem string `json:"problem"`
	Stored  int64  `json:"stored"`
	InLoki  int64  `json:"in_loki"`
	// Dropped is by rule.
	Dropped   map[string]int64 `json:"dropped"`
	Joined    int64            `json:"joined"`
	Refused   *uint64          `json:"refused"`
	Missing   int64            `json:"missing"`
	Twice     int64            `json:"twice"`
	Changed   int64            `json:"changed"`
	NotStored int64            `json:"not_stored"`
	NotSent   int64            `json:"not_sent"`
	Passed    int64            `json:"not_compared"`
	Examples  []verifyExample  `json:"examples"`
}

// verifyExample is a line.
type verifyExample struct {
	Kind   string            `json:"kind"`
	Time   time.Time         `json:"time"`
	Stream string            `json:"stream,omitempty"`
	Rule   string            `json:"rule,omitempty"`
	Text   string            `json:"text"`
	InLoki string            `json:"in_loki,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// kinds are what an example is of, in the words of the columns.
var kinds = map[audit.Kind]string{
	audit.Missing: "missing", audit.Twice: "twice", audit.Changed: "changed", audit.Strange: "not_stored", audit.Waiting: "not_sent",
}

func (r *verifyReport) begin(since time.Time) {
	r.all.Since, r.all.Containers = since.UTC(), []verifyContainer{}
	if !r.json {
		r.printf("since %s\n\n%9s %9s %9s %8s %9s %8s %7s %8s %10s %9s  CONTAINER\n", r.all.Since.Format(time.RFC3339),
			"STORED", "IN LOKI", "DROPPED", "JOINED", "REFUSED", "MISSING", "TWICE", "CHANGED", "NOT STORED", "NOT SENT")
	}
}

// add takes what was found of a container.
func (r *verifyReport) add(v *verify.Verified) error {
	c := verifyContainer{
		Kind: v.Kind, Output: v.Output, Name: v.Name, ID: v.ID, Same: v.Same(), Problem: v.Unread, Stored: v.Stored, InLoki: v.Result.Found, Dropped: v.Dropped, Joined: v.Joined,
		Refused: v.Refused, Missing: v.Result.Missing, Twice: v.Result.Twice, Changed: v.Result.Changed, NotStored: v.Result.Strange, NotSent: v.Result.Waiting, Passed: v.Passed,
		Examples: []verifyExample{},
	}
	for _, e := range v.Result.Examples {
		c.Examples = append(c.Examples, verifyExample{Kind: kinds[e.Kind], Time: time.Unix(0, e.Time).UTC(), Stream: e.Stream, Text: e.Text, InLoki: e.Found, Labels: e.Labels})
	}
	for _, d := range v.DropExamples {
		c.Examples = append(c.Examples, verifyExample{Kind: "dropped", Time: time.Unix(0, d.Time).UTC(), Rule: d.Rule, Text: d.Text})
	}
	if !v.Result.Same() {
		r.all.Differing++
	}
	r.failed = r.failed || v.Failed || r.named && v.Unread != ""
	r.compared = r.compared || v.Unread == ""
	r.all.Containers = append(r.all.Containers, c)
	if !r.json {
		r.progress.clear()
		if v.Output != r.output {
			r.output = v.Output
			r.printf("\noutput %s\n", v.Output)
		}
		r.text(&c)
	}
	return r.err
}

func (r *verifyReport) text(c *verifyContainer) {
	name := console.Escaped(c.Name)
	if c.Problem != "" {
		r.printf("%9s %9s %9s %8s %9s %8s %7s %8s %10s %9s  %s: %s\n", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", name, console.Escaped(c.Problem))
		return
	}
	refused, dropped := "not known", int64(0)
	if c.Refused != nil {
		refused = fmt.Sprint(*c.Refused)
	}
	for _, n := range c.Dropped {
		dropped += n
	}
	r.printf("%9d %9d %9d %8d %9s %8d %7d %8d %10d %9d  %s\n", c.Stored, c.InLoki, dropped, c.Joined, refused, c.Missing, c.Twice, c.Changed, c.NotStored, c.NotSent, name)
	const indent = "          "
	for _, rule := range slices.Sorted(maps.Keys(c.Dropped)) {
		r.printf("%sdropped by %s: %d\n", indent, console.Escaped(rule), c.Dropped[rule])
	}
	if c.Passed > 0 {
		r.printf("%snot compared: %d\n", indent, c.Passed)
	}
	for _, e := range c.Examples {
		what := map[string]string{"not_stored": "not stored", "not_sent": "not sent"}[e.Kind]
		if what == "" {
			what = e.Kind
		}
		if e.Rule != "" {
			what += " by " + console.Escaped(e.Rule)
		}
		r.printf("%s%s: %s %s\n", indent, what, e.Time.Format(time.RFC3339Nano), console.Escaped(e.Text))
		if e.InLoki != "" {
			r.printf("%s  in Loki: %s\n", indent, console.Escaped(e.InLoki))
		}
	}
}

// end writes the sum.
func (r *verifyReport) end() error {
	r.all.Same = r.all.Differing == 0 && !r.failed && r.compared
	if r.json {
		return writeJSON(r.out, r.all)
	}
	var lines, missing, twice, changed, strange, waiting int64
	for _, c := range r.all.Containers {
		lines, missing, twice, changed = lines+c.Stored, missing+c.Missing, twice+c.Twice, changed+c.Changed
		strange, waiting = strange+c.NotStored, waiting+c.NotSent
	}
	what := "containers"
	if slices.ContainsFunc(r.all.Containers, func(c verifyContainer) bool { return c.Kind != examine.OfContainer }) {
		what = "logs"
	}
	r.printf("\n%d %s, %d of them with differences; of %d lines %d are missing and %d not sent yet; %d are twice, %d changed, %d not stored\n",
		len(r.all.Containers), what, r.all.Differing, lines, missing, waiting, twice, changed, strange)
	return r.err
}

// show shows how far a verification is.
func (r *verifyReport) show(p scan.Progress) {
	r.progress.text(func() string { return progressText(p) })
}

func progressText(p scan.Progress) string {
	return fmt.Sprintf("%d of %d containers, %d lines; %s", p.Done, p.Containers, p.Lines, console.Escaped(p.Container))
}
