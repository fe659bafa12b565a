package suggest

import (
	"encoding/json"
	"io"
	"time"
)

// reportJSON is the report as JSON.
type reportJSON struct {
	Since       time.Time       `json:"since"`
	LevelsFound bool            `json:"detect_level"`
	Containers  []containerJSON `json:"containers"`
}

type containerJSON struct {
	Name    string     `json:"name"`
	ID      string     `json:"id"`
	Label   string     `json:"label,omitempty"`
	Value   string     `json:"value,omitempty"`
	Read    string     `json:"read,omitempty"`
	Problem string     `json:"problem,omitempty"`
	Lines   int64      `json:"lines"`
	Bytes   int64      `json:"bytes"`
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty"`
	Whole   bool       `json:"whole"`
	Missed  int64      `json:"levels_not_found_by_loki"`
	// Findings is never null.
	Findings []findingJSON `json:"findings"`
}

type findingJSON struct {
	Kind   Kind     `json:"kind"`
	Text   string   `json:"text"`
	Lines  int64    `json:"lines"`
	Of     int64    `json:"of"`
	Names  []string `json:"names"`
	Stages []string `json:"stages"`
	Unsure bool     `json:"unsure"`
}

// JSON writes what was found as an object.
func (r *Report) JSON(out io.Writer) error {
	all := reportJSON{Since: r.Since.UTC(), LevelsFound: r.LevelsFound, Containers: []containerJSON{}}
	for _, c := range r.Containers {
		one := containerJSON{
			Name: c.Name, ID: c.ID, Label: c.Label, Value: c.Value, Read: c.Read, Problem: c.Unread, Lines: c.Lines, Bytes: c.Bytes, Whole: c.Whole,
			Missed: c.Missed, Findings: []findingJSON{},
		}
		if c.Lines > 0 {
			from, to := time.Unix(0, c.From).UTC(), time.Unix(0, c.To).UTC()
			one.From, one.To = &from, &to
		}
		for _, f := range c.Findings {
			one.Findings = append(one.Findings, findingJSON{
				Kind: f.Kind, Text: f.Text, Lines: f.Lines, Of: f.Of, Names: append([]string{}, f.Names...), Stages: append([]string{}, f.Stages...), Unsure: f.Unsure,
			})
		}
		all.Containers = append(all.Containers, one)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}
