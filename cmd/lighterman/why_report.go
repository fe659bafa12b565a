package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/internal/why"
)

// whyReport writes what has become of lines.
type whyReport struct {
	report
	all   []whyContainer
	lines int64
}

// whyContainer is the report of a container as JSON.
type whyContainer struct {
	Name    string    `json:"name"`
	ID      string    `json:"id"`
	Problem string    `json:"problem"`
	Matches int64     `json:"matches"`
	Lines   []whyLine `json:"lines"`
}

// whyLine is a line.
type whyLine struct {
	Fate   why.Fate  `json:"fate"`
	Time   time.Time `json:"time"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
	Joined string    `json:"joined_to,omitempty"`
	Cut    bool      `json:"cut"`
	Rule   string    `json:"rule,omitempty"`
	// SentAs is absent where it is what is stored.
	SentAs   string            `json:"sent_as,omitempty"`
	SentAt   *time.Time        `json:"sent_at,omitempty"`
	Tenant   string            `json:"tenant,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata map[string]string `json:"structured_metadata,omitempty"`
	Refusal  *status.Refusal   `json:"last_refusal,omitempty"`
	Behind   string            `json:"behind,omitempty"`
}

// add takes what has become of the lines of a container.
func (r *whyReport) add(a *why.Answer) error {
	c := whyContainer{Name: a.Name, ID: a.ID, Problem: a.Unread, Matches: a.Matches, Lines: []whyLine{}}
	r.lines += a.Matches
	for _, l := range a.Lines {
		line := whyLine{
			Fate: l.Fate, Time: time.Unix(0, l.Time).UTC(), Stream: l.Stream.String(), Text: l.Text, Joined: l.Begins, Cut: l.Cut, Rule: l.Rule,
			SentAs: l.SentAs, Tenant: l.Tenant, Labels: l.Labels, Metadata: l.Metadata, Refusal: l.Refusal,
		}
		if l.SentAt != 0 {
			at := time.Unix(0, l.SentAt).UTC()
			line.SentAt = &at
		}
		if l.Fate == why.FateWaiting {
			line.Behind = behind(a)
		}
		c.Lines = append(c.Lines, line)
	}
	r.all = append(r.all, c)
	if !r.json {
		r.progress.clear()
		r.text(&c)
	}
	return r.err
}

// behind says how far delivery is.
func behind(a *why.Answer) string {
	at := "nothing was acknowledged yet"
	if a.Newest != 0 {
		at = "Loki has acknowledged what was written up to " + time.Unix(0, a.Newest).UTC().Format(time.RFC3339Nano)
	}
	if c := a.Running; c != nil && c.LagBytes != nil && c.LagSeconds != nil {
		at += fmt.Sprintf("; the service is %d bytes behind, its oldest line waits for %.0f s", *c.LagBytes, *c.LagSeconds)
		if c.LastError != "" {
			at += "; " + c.LastError
		}
	}
	return at
}

func (r *whyReport) text(c *whyContainer) {
	if c.Problem != "" {
		r.printf("%s: %s\n", console.Escaped(c.Name), console.Escaped(c.Problem))
	}
	if c.Matches == 0 {
		return
	}
	shown := ""
	if int64(len(c.Lines)) < c.Matches {
		shown = fmt.Sprintf(", the newest %d", len(c.Lines))
	}
	r.printf("%s: %d lines%s\n", console.Escaped(c.Name), c.Matches, shown)
	for _, l := range c.Lines {
		r.printf("  %s %s %s\n", l.Time.Format(time.RFC3339Nano), l.Stream, console.Escaped(l.Text))
		for _, text := range l.story() {
			r.printf("      %s\n", console.Escaped(text))
		}
	}
}

// story is what has become of a line, in sentences.
func (l *whyLine) story() (all []string) {
	if l.Joined != "" {
		all = append(all, "it is part of the entry that begins with: "+l.Joined)
	}
	if l.Cut {
		all = append(all, "it is longer than max-line-bytes, and was cut")
	}
	switch l.Fate {
	case why.FateDropped:
		if l.Rule == "" {
			all = append(all, "dropped by a stage")
		} else {
			all = append(all, "dropped by the rule "+l.Rule)
		}
	case why.FateSent:
		all = append(all, "in Loki under "+labelsText(l.Labels))
	case why.FateWaiting:
		all = append(all, "not sent yet: "+l.Behind)
	case why.FateBefore:
		all = append(all, "older than what lighterman was to collect (since), and not in Loki")
	case why.FateRefused:
		all = append(all, fmt.Sprintf("refused by Loki as %s: %s", l.Refusal.Reason, l.Refusal.Message), l.Refusal.Cure)
	case why.FateMissing:
		all = append(all, "acknowledged, and not in Loki: refused, deleted there, or older than what Loki keeps")
		if l.Refusal != nil {
			all = append(all, fmt.Sprintf("the last line that Loki has refused of this container was of %s, as %s: %s", l.Refusal.Example.UTC().Format(time.RFC3339Nano), l.Refusal.Reason, l.Refusal.Message))
		}
	}
	if l.SentAs != "" {
		all = append(all, "sent as: "+l.SentAs)
	}
	if l.SentAt != nil && !l.SentAt.Equal(l.Time) {
		all = append(all, "sent with the time "+l.SentAt.Format(time.RFC3339Nano))
	}
	if l.Tenant != "" {
		all = append(all, "tenant "+l.Tenant)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Metadata)) {
		all = append(all, name+"="+l.Metadata[name])
	}
	return all
}

func (r *whyReport) end() error {
	if r.json {
		return writeJSON(r.out, struct {
			Containers []whyContainer `json:"containers"`
		}{r.all})
	}
	if r.lines == 0 {
		r.printf("no line has this text in what is stored of %d containers\n", len(r.all))
	}
	return r.err
}
