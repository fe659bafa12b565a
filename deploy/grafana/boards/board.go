package boards

// Board is a dashboard.
type Board struct {
	// Name is that of its file, without .json; its UID is "lighterman-" and this.
	Name, Title, About string
	Variables          []Variable
	Rows               []Row
}

// All are the dashboards.
func All() []Board { return []Board{fleet(), host(), container()} }

// Row is a heading with the panels below it.
type Row struct {
	Title  string
	Panels []Panel
}

// The kinds of panels, all of which are part of Grafana itself.
const (
	Stat     = "stat"
	Series   = "timeseries"
	Table    = "table"
	Bars     = "bargauge"
	Heat     = "heatmap"
	Timeline = "state-timeline"
	Logs     = "logs"
)

// Panel shows what its queries return.
type Panel struct {
	Kind, Title, About string
	// Unit is Grafana's name of it; a table has one for each column, and log lines none.
	Unit          string
	Width, Height int
	Queries       []Query
	// RedFrom colours a value from it on; 0 colours none.
	RedFrom float64
	// Stacked draws series on top of each other.
	Stacked bool
}

// Query is one query of a panel.
type Query struct {
	Expr string
	// Legend names the series; in a table it is the column.
	Legend string
	// Unit is that of a table's column.
	Unit string
	// Loki: it is LogQL for Loki, and PromQL for Prometheus otherwise.
	Loki bool
}

// prom is a query of Prometheus, and loki one of Loki.
func prom(expr, legend string) Query { return Query{Expr: expr, Legend: legend} }
func loki(expr, legend string) Query { return Query{Expr: expr, Legend: legend, Loki: true} }

// column is a query whose values are a column of a table.
func column(name, unit, expr string) Query { return Query{Expr: expr, Legend: name, Unit: unit} }

// Units.
const (
	none    = "none"
	lines   = "suffix: lines"
	perSec  = "suffix: lines/s"
	size    = "bytes"
	byteSec = "binBps"
	seconds = "s"
	since   = "dateTimeFromNow"
	pushes  = "suffix: pushes/s"
	cores   = "suffix: cores"
	truth   = "bool_yes_no"
	ops     = "suffix: saves/s"
)

// number is a single value; what is bad begins at red, 0 for nowhere.
func number(title, unit string, red float64, about, expr string) Panel {
	return Panel{Kind: Stat, Title: title, Unit: unit, About: about, RedFrom: red, Width: 3, Height: 4, Queries: []Query{prom(expr, "")}}
}

// plot is lines over time.
func plot(title, unit, about string, queries ...Query) Panel {
	return Panel{Kind: Series, Title: title, Unit: unit, About: about, Width: 12, Height: 8, Queries: queries}
}

func (p Panel) wide(width int) Panel  { p.Width = width; return p }
func (p Panel) high(height int) Panel { p.Height = height; return p }
func (p Panel) stacked() Panel        { p.Stacked = true; return p }

// Variable is chosen at the head of a dashboard.
type Variable struct {
	Name, Label, About string
	// Source is the kind of data source to choose; or else Query has the values, or Values.
	Source string
	Query  string
	Loki   bool
	Values []string
	// Regex takes text and value out of what the query returns.
	Regex string
	Multi bool
	// All is what all values are together; "-" lists them one by one. Empty: one has to be chosen.
	All string
	// Text is to be typed.
	Text bool
	// Value is what is chosen at the beginning, and ValueText what is shown for it.
	Value, ValueText string
}

// sources are the two data sources, which every dashboard has.
var sources = []Variable{
	{Name: "prometheus", Label: "Prometheus", About: "where the metrics are", Source: "prometheus"},
	{Name: "loki", Label: "Loki", About: "where the lines are", Source: "loki"},
}

// job is that of the scrapes, for what every process exports.
var job = Variable{Name: "job", Label: "Job", About: "of Prometheus' scrapes", Query: `label_values(lighterman_build_info, job)`, All: "-"}

// hosts are instances, several of them.
var hosts = Variable{Name: "host", Label: "Host", About: "the address that is scraped", Query: "label_values(lighterman_build_info{" + chosenJob + "}, instance)", Multi: true, All: ".*"}

// output is one of the Lokis. The metrics of the first one have no label output, which the
// value ^$ asks for; the queries take it as it is (pipe) instead of quoting it.
var output = Variable{
	Name: "output", Label: "Output", About: "the Loki of loki-url, or a further one",
	Query: `query_result(label_replace(label_replace(label_replace(group by (output) (` + whole("buffered_bytes") + `),` +
		` "name", "$1", "output", "(.*)"), "name", "loki-url", "output", ""), "output", "^$$", "output", ""))`,
	Regex: `/name="(?<text>[^"]+)".*output="(?<value>[^"]+)"/`,
	All:   ".*", Value: "^$", ValueText: "loki-url",
}

// logHost is a host as Loki's labels have it, which Prometheus knows by its address.
var logHost = Variable{Name: "loghost", Label: "Host in Loki", About: "the label host of the lines", Query: "host", Loki: true, Multi: true, All: ".*"}
