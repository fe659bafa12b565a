package page

import (
	"cmp"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/status"
)

// rowsPerPage is how many containers one page has, unless more are asked for, of at most
// maxRows.
const (
	rowsPerPage = 200
	maxRows     = 1000
)

// maxFind bounds what is looked for, in bytes.
const maxFind = 128

// ask is what is asked of a page by its query. The zero value is all of it.
type ask struct {
	// Find is what names, IDs, drivers and reasons are to contain, Route one of the routes,
	// Show "problems" for containers with problems only.
	Find, Route, Show string
	// Sort is a column, and Down the other way round.
	Sort string
	Down bool
	// Page counts from 1.
	Page, Rows int
	// Level is the least severity of messages, Set is for settings that somebody has set.
	Level string
	Set   bool
	// Still has the page not renew itself.
	Still bool
}

// columns are those that containers can be sorted by, and how two of them compare.
var columns = map[string]func(a, b *status.Container) int{
	"name":   func(a, b *status.Container) int { return cmp.Compare(a.Name, b.Name) },
	"route":  func(a, b *status.Container) int { return cmp.Compare(a.Route, b.Route) },
	"lag":    func(a, b *status.Container) int { return cmp.Compare(known(a.LagSeconds), known(b.LagSeconds)) },
	"unread": func(a, b *status.Container) int { return cmp.Compare(known(a.LagBytes), known(b.LagBytes)) },
	"lines":  func(a, b *status.Container) int { return cmp.Compare(known(a.Lines), known(b.Lines)) },
	"dropped": func(a, b *status.Container) int {
		return cmp.Compare(a.Account.DroppedLines(), b.Account.DroppedLines())
	},
	"refused": func(a, b *status.Container) int { return cmp.Compare(known(a.Refused), known(b.Refused)) },
}

// known is a number, or less than all others where it is not known.
func known[T int64 | uint64 | float64](n *T) float64 {
	if n == nil {
		return -1
	}
	return float64(*n)
}

// levels are those of messages, by the word for them.
var levels = []struct {
	Word  string
	Level slog.Level
}{{"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warn", slog.LevelWarn}, {"error", slog.LevelError}}

// routes are those that can be chosen.
var routes = []string{"file", "journal", "api", "host-file", "host-journal", "waiting", "unreadable"}

// asked reads a query. What is not understood is left out.
func asked(q url.Values) (a ask) {
	a.Find = strings.TrimSpace(q.Get("find"))
	a.Find = strings.ToValidUTF8(a.Find[:min(len(a.Find), maxFind)], "")
	if slices.Contains(routes, q.Get("route")) {
		a.Route = q.Get("route")
	}
	if q.Get("show") == "problems" {
		a.Show = "problems"
	}
	if _, ok := columns[q.Get("sort")]; ok && q.Get("sort") != "name" {
		a.Sort = q.Get("sort")
	}
	a.Down = q.Get("order") == "down"
	a.Page, a.Rows = number(q.Get("page"), 1, 1<<20), number(q.Get("rows"), rowsPerPage, maxRows)
	for _, l := range levels {
		if l.Word == q.Get("level") && l.Word != "debug" {
			a.Level = l.Word
		}
	}
	a.Set = q.Get("set") == "1"
	a.Still = q.Get("refresh") == "0"
	return a
}

// of is what of it a page uses, or its JSON: what is the same otherwise is answered once for all.
func (a ask) of(page string, asJSON bool) ask {
	out := ask{Page: 1, Rows: rowsPerPage}
	if !asJSON {
		out.Still = a.Still
	}
	switch page {
	case "containers":
		out.Find, out.Route, out.Show, out.Sort, out.Down = a.Find, a.Route, a.Show, a.Sort, a.Down
		if !asJSON {
			out.Page, out.Rows = a.Page, a.Rows
		}
	case "configuration":
		out.Set = a.Set && !asJSON
	case "messages":
		out.Level = a.Level
	}
	return out
}

func number(text string, otherwise, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// query is the query that asks for the same; empty for the zero value.
func (a ask) query() string {
	q := make(url.Values)
	set := func(name, value, otherwise string) {
		if value != otherwise {
			q.Set(name, value)
		}
	}
	set("find", a.Find, "")
	set("route", a.Route, "")
	set("show", a.Show, "")
	set("sort", a.Sort, "")
	set("level", a.Level, "")
	set("page", strconv.Itoa(max(a.Page, 1)), "1")
	set("rows", strconv.Itoa(cmp.Or(a.Rows, rowsPerPage)), strconv.Itoa(rowsPerPage))
	if a.Down {
		q.Set("order", "down")
	}
	if a.Set {
		q.Set("set", "1")
	}
	if a.Still {
		q.Set("refresh", "0")
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// choose returns the containers that are asked for, in order.
func (a ask) choose(all []status.Container) []status.Container {
	find := strings.ToLower(a.Find)
	out := slices.DeleteFunc(slices.Clone(all), func(c status.Container) bool {
		return a.Route != "" && c.Route != a.Route || a.Show == "problems" && !c.Troubled() || find != "" && !mentions(&c, find)
	})
	compare := columns[cmp.Or(a.Sort, "name")]
	slices.SortStableFunc(out, func(a, b status.Container) int { return compare(&a, &b) })
	if a.Down {
		slices.Reverse(out)
	}
	return out
}

// mentions reports whether a container has a text in what is listed of it.
func mentions(c *status.Container, find string) bool {
	for _, text := range []string{c.Name, c.ID, c.Driver, c.Reason, c.LastError} {
		if strings.Contains(strings.ToLower(text), find) {
			return true
		}
	}
	return slices.ContainsFunc(c.Remarks, func(text string) bool { return strings.Contains(strings.ToLower(text), find) })
}

// least is the level that is asked for.
func (a ask) least() slog.Level {
	for _, l := range levels {
		if l.Word == a.Level {
			return l.Level
		}
	}
	return slog.LevelDebug
}
