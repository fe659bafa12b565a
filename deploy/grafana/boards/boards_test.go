package boards

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFiles: the files are what the tables say; UPDATE_DASHBOARDS=1 writes them.
func TestFiles(t *testing.T) {
	var want []string
	for _, b := range All() {
		text, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("..", "dashboards", b.Name+".json")
		want = append(want, file)
		if os.Getenv("UPDATE_DASHBOARDS") == "1" {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if had, err := os.ReadFile(file); err != nil || string(had) != string(text) {
			t.Errorf("%s is not what the tables say (UPDATE_DASHBOARDS=1 renews it): %v", file, err)
		}
	}
	got, err := filepath.Glob("../dashboards/*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

// units are those of Grafana that are used.
var units = []string{none, lines, perSec, size, byteSec, seconds, since, pushes, cores, truth, ops}

// kinds are panels that every Grafana has.
var kinds = []string{Stat, Series, Table, Bars, Heat, Timeline, Logs}

// TestPanels: each has a title of its own, says what it shows, and has a unit that there is.
func TestPanels(t *testing.T) {
	for _, b := range All() {
		titles := make(map[string]bool)
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				at := b.Name + ", " + p.Title
				if p.Title == "" || titles[p.Title] {
					t.Errorf("%s: no title of its own", at)
				}
				titles[p.Title] = true
				if !strings.HasSuffix(p.About, ".") {
					t.Errorf("%s: it does not say what it shows: %q", at, p.About)
				}
				if !slices.Contains(kinds, p.Kind) {
					t.Errorf("%s: there is no panel %q", at, p.Kind)
				}
				if len(p.Queries) == 0 || p.Width > 24 || p.Height == 0 {
					t.Errorf("%s: %+v", at, p)
				}
				for _, q := range p.Queries {
					unit := p.Unit
					if p.Kind == Table {
						unit = q.Unit
					}
					if p.Kind != Logs && !slices.Contains(units, unit) {
						t.Errorf("%s: unit %q", at, unit)
					}
					if q.Loki != p.Queries[0].Loki {
						t.Errorf("%s: two data sources", at)
					}
					if q.Legend == "" && p.Kind != Stat && p.Kind != Logs {
						t.Errorf("%s: %s has no name", at, q.Expr)
					}
				}
			}
		}
	}
}

var chosen = regexp.MustCompile(`\$\{?([a-z_]+)`)

// TestVariables: what a query takes from the head of its dashboard is there.
func TestVariables(t *testing.T) {
	for _, b := range All() {
		known := []string{"__rate_interval", "__range", "__auto"}
		for _, v := range append(sources[:len(sources):len(sources)], b.Variables...) {
			for _, m := range chosen.FindAllStringSubmatch(v.Query, -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s: variable %s asks for %s, which does not stand before it", b.Name, v.Name, m[1])
				}
			}
			known = append(known, v.Name)
		}
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					for _, m := range chosen.FindAllStringSubmatch(q.Expr, -1) {
						if !slices.Contains(known, m[1]) {
							t.Errorf("%s, %s: there is no variable %s", b.Name, p.Title, m[1])
						}
					}
				}
			}
		}
	}
}

// TestJSON: places do not overlap, numbers are there once, and every data source is one that
// can be chosen.
func TestJSON(t *testing.T) {
	uids := make(map[string]bool)
	for _, b := range All() {
		text, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			UID    string
			Panels []struct {
				ID         int
				Type       string
				Title      string
				Datasource struct{ UID string }
				Targets    []struct{ Datasource struct{ UID string } }
				GridPos    struct{ X, Y, W, H int }
			}
			Templating struct {
				List []struct {
					Type       string
					Datasource struct{ UID string }
				}
			}
		}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		if d.UID == "" || uids[d.UID] {
			t.Errorf("UID %q", d.UID)
		}
		uids[d.UID] = true
		ids, taken := make(map[int]bool), make(map[[2]int]string)
		one := func(uid string) bool { return uid == "${prometheus}" || uid == "${loki}" }
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels %d", b.Name, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: %q lies on %q", b.Name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			for _, target := range p.Targets {
				if !one(p.Datasource.UID) || target.Datasource.UID != p.Datasource.UID {
					t.Errorf("%s, %s: data source %q, %q", b.Name, p.Title, p.Datasource.UID, target.Datasource.UID)
				}
			}
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" && !one(v.Datasource.UID) {
				t.Errorf("%s: a variable of the data source %q", b.Name, v.Datasource.UID)
			}
		}
	}
}
