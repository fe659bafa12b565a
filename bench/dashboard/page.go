package dashboard

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
	pageForm  = template.Must(template.New("page").Parse(pageText))
)

// plotted is a figure over time.
type plotted struct {
	Title, Unit string
	SVG         template.HTML
}

// rule is a criterion as the page tells it.
type rule struct{ Name, Rule string }

// WritePage writes the dashboard as one page that loads nothing else.
func (r *Report) WritePage(w io.Writer) error {
	data := struct {
		Title  string
		Style  template.CSS
		About  []string
		Legend []bar
		Plots  []plotted
		Charts []chart
		Tables []table
		Rules  []rule
		Checks []Check
		OK     bool
	}{
		Title: r.title(), Style: template.CSS(pageStyle),
		About: r.about(), Charts: r.charts(), Tables: r.tables(), Checks: r.Checks, OK: r.OK(),
	}
	for i, m := range r.Modes {
		data.Legend = append(data.Legend, bar{Label: m.Name, Mode: i % colors})
	}
	for _, f := range Figures {
		if f.found(r.Modes) {
			data.Plots = append(data.Plots, plotted{f.Title, f.Unit, r.plot(f)})
		}
	}
	for _, c := range Criteria {
		data.Rules = append(data.Rules, rule{c.Name, c.Rule})
	}
	if err := pageForm.Execute(w, data); err != nil {
		return fmt.Errorf("cannot write page: %w", err)
	}
	return nil
}

// Percent is a bar's length for the page.
func (b bar) Percent() string { return fmt.Sprintf("%.2f", 100*b.Share) }

// Color is the number of a bar's colour.
func (b bar) Color() int { return b.Mode % colors }
