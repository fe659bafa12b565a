package boards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// object is one of JSON, whose keys are written in their order.
type object map[string]any

// schema is the version of Grafana's form of dashboards that this is, which later ones read.
const schema = 39

// JSON is the dashboard as Grafana reads it.
func (b Board) JSON() ([]byte, error) {
	variables := make([]object, 0, len(sources)+len(b.Variables))
	for _, v := range append(sources[:len(sources):len(sources)], b.Variables...) {
		variables = append(variables, v.object())
	}
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	to.SetIndent("", "  ")
	err := to.Encode(object{
		"uid": "lighterman-" + b.Name, "title": b.Title, "description": b.About, "tags": []string{"lighterman"},
		"schemaVersion": schema, "version": 1, "editable": true, "graphTooltip": 1, "timezone": "", "refresh": "30s",
		"time":        object{"from": "now-3h", "to": "now"},
		"templating":  object{"list": variables},
		"annotations": object{"list": []object{annotation()}},
		"links":       []object{{"type": "dashboards", "title": "lighterman", "tags": []string{"lighterman"}, "asDropdown": false, "includeVars": true, "keepTime": true}},
		"panels":      b.panels(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot write dashboard %s: %w", b.Name, err)
	}
	return text.Bytes(), nil
}

// annotation marks when alerts fired.
func annotation() object {
	return object{
		"name": "Alerts", "enable": true, "iconColor": "red", "datasource": source(false), "step": "60s", "titleFormat": "{{alertname}}", "textFormat": "{{instance}}",
		"expr": "ALERTS{alertname=~`Lighterman.+`, alertstate=`firing`, " + chosenHost + "}",
	}
}

// panels are those of all rows, each with its place: 24 columns, from left to right.
func (b Board) panels() (out []object) {
	id, y := 0, 0
	next := func() int { id++; return id }
	for _, row := range b.Rows {
		out = append(out, object{"id": next(), "type": "row", "title": row.Title, "collapsed": false, "panels": []object{}, "gridPos": place(0, y, 24, 1)})
		y++
		x, height := 0, 0
		for _, p := range row.Panels {
			if x+p.Width > 24 {
				x, y, height = 0, y+height, 0
			}
			panel := p.object()
			panel["id"], panel["gridPos"] = next(), place(x, y, p.Width, p.Height)
			out = append(out, panel)
			x, height = x+p.Width, max(height, p.Height)
		}
		y += height
	}
	return out
}

func place(x, y, width, height int) object { return object{"x": x, "y": y, "w": width, "h": height} }

// source is the data source that is chosen.
func source(loki bool) object {
	if loki {
		return object{"type": "loki", "uid": "${loki}"}
	}
	return object{"type": "prometheus", "uid": "${prometheus}"}
}

// object is a panel without its place.
func (p Panel) object() object {
	targets := make([]object, 0, len(p.Queries))
	for i, q := range p.Queries {
		targets = append(targets, p.target(i, q))
	}
	defaults := object{}
	if p.Unit != "" {
		defaults["unit"] = p.Unit
	}
	if p.Kind == Series || p.Kind == Bars {
		defaults["min"] = 0
	}
	steps := []object{{"color": "green", "value": nil}}
	if p.RedFrom != 0 {
		steps = append(steps, object{"color": "red", "value": p.RedFrom})
	}
	if p.Kind == Timeline {
		steps = []object{{"color": "red", "value": nil}, {"color": "green", "value": 1}}
	}
	defaults["thresholds"] = object{"mode": "absolute", "steps": steps}
	defaults["color"] = object{"mode": map[bool]string{true: "palette-classic", false: "thresholds"}[p.Kind == Series]}
	if p.Kind == Series {
		defaults["custom"] = p.drawing()
	}
	out := object{
		"type": p.Kind, "title": p.Title, "description": p.About, "datasource": source(p.Queries[0].Loki), "targets": targets,
		"fieldConfig": object{"defaults": defaults, "overrides": p.columns()}, "options": p.options(),
	}
	if p.Kind == Table {
		out["transformations"] = p.merged()
	}
	return out
}

// drawing is how lines are drawn.
func (p Panel) drawing() object {
	d := object{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false, "stacking": object{"mode": "none", "group": "A"}}
	if p.Stacked {
		d["fillOpacity"], d["stacking"] = 40, object{"mode": "normal", "group": "A"}
	}
	return d
}

// letter is the name of a query by its number.
func letter(i int) string { return "ABCDEFGHIJKLMNOP"[i : i+1] }

// target is a query as a panel has it. What shows what is now asks for one value (instant).
func (p Panel) target(i int, q Query) object {
	out := object{"refId": letter(i), "datasource": source(q.Loki), "expr": q.Expr, "editorMode": "code"}
	switch {
	case q.Loki:
		out["queryType"] = "range"
	case p.Instant():
		out["instant"], out["range"] = true, false
	default:
		out["instant"], out["range"] = false, true
	}
	switch p.Kind {
	case Table:
		out["format"] = "table"
	case Heat:
		out["format"] = "heatmap"
	}
	if q.Legend != "" && p.Kind != Table {
		out["legendFormat"] = q.Legend
	}
	return out
}

// Instant reports whether a panel shows what is now.
func (p Panel) Instant() bool { return p.Kind == Stat || p.Kind == Table || p.Kind == Bars }

func (p Panel) options() object {
	last := object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	switch p.Kind {
	case Stat:
		return object{"reduceOptions": last, "colorMode": "value", "graphMode": "none", "textMode": p.words(), "justifyMode": "auto", "orientation": "auto"}
	case Bars:
		return object{"reduceOptions": last, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": true}
	case Series:
		return object{"legend": object{"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": object{"mode": "multi", "sort": "desc"}}
	case Heat:
		return object{"calculate": false, "cellGap": 1, "yAxis": object{"unit": p.Unit, "axisPlacement": "left"}, "color": object{"mode": "scheme", "scheme": "Oranges", "steps": 64}, "legend": object{"show": true}, "tooltip": object{"mode": "single"}}
	case Timeline:
		return object{"mergeValues": true, "showValue": "never", "rowHeight": 0.8, "legend": object{"displayMode": "list", "placement": "bottom", "showLegend": false}, "tooltip": object{"mode": "single"}}
	case Logs:
		return object{"showTime": true, "showLabels": false, "wrapLogMessage": true, "prettifyLogMessage": false, "enableLogDetails": true, "dedupStrategy": "none", "sortOrder": "Descending"}
	}
	return object{"showHeader": true, "cellHeight": "sm", "footer": object{"show": false}}
}

// words says whether a number shows its value, or the name that its label has.
func (p Panel) words() string {
	if strings.HasPrefix(p.Queries[0].Legend, "{{") {
		return "name"
	}
	return "value"
}

// columns are the units of a table's columns.
func (p Panel) columns() []object {
	out := []object{}
	if p.Kind != Table {
		return out
	}
	for _, q := range p.Queries {
		out = append(out, object{"matcher": object{"id": "byName", "options": q.Legend}, "properties": []object{{"id": "unit", "value": q.Unit}}})
	}
	return out
}

// merged makes one row of each set of labels, with a column for each query. The first column
// decides about the order. Of a single query the labels say all.
func (p Panel) merged() []object {
	names, hidden := object{"instance": "Host"}, object{"Time": true}
	if len(p.Queries) == 1 {
		hidden["Value"] = true
		return []object{{"id": "organize", "options": object{"excludeByName": hidden, "indexByName": object{}, "renameByName": names}}}
	}
	for i, q := range p.Queries {
		names["Value #"+letter(i)] = q.Legend
	}
	return []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{"excludeByName": hidden, "indexByName": object{}, "renameByName": names}},
		{"id": "sortBy", "options": object{"fields": object{}, "sort": []object{{"field": p.Queries[0].Legend, "desc": true}}}},
	}
}

// object is a variable.
func (v Variable) object() object {
	out := object{"name": v.Name, "label": v.Label, "description": v.About, "hide": 0, "skipUrlSync": false}
	current := object{}
	if v.Value != "" {
		current = object{"selected": true, "text": v.ValueText, "value": v.Value}
	}
	switch {
	case v.Source != "":
		out["type"], out["query"], out["refresh"] = "datasource", v.Source, 1
	case v.Text:
		out["type"], out["query"] = "textbox", ""
	case v.Query == "":
		out["type"], out["query"] = "custom", strings.Join(v.Values, ",")
	case v.Loki:
		// type 1 asks for the values of a label.
		out["type"], out["refresh"], out["sort"] = "query", 2, 1
		out["query"], out["definition"] = object{"label": v.Query, "refId": v.Name, "stream": "", "type": 1}, v.Query
		out["datasource"] = source(true)
	default:
		// qryType 5 is a query that is written as it is.
		out["type"], out["refresh"], out["sort"], out["regex"] = "query", 2, 1, v.Regex
		out["query"], out["definition"] = object{"query": v.Query, "refId": v.Name, "qryType": 5}, v.Query
		out["datasource"] = source(false)
	}
	out["multi"], out["includeAll"], out["current"] = v.Multi, v.All != "", current
	if v.All != "" && v.All != "-" {
		out["allValue"] = v.All
	}
	if v.All != "" && v.Value == "" {
		out["current"] = object{"selected": true, "text": "All", "value": "$__all"}
	}
	return out
}
