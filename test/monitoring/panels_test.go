package monitoring

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/deploy/grafana/boards"
	"github.com/lighterman/lighterman/test/promtest"
)

// choice is what is chosen at the head of a dashboard; without an output that of loki-url.
type choice struct{ host, container, output string }

// query puts what is chosen into an expression, as Grafana does.
func (c choice) query(expr string) string {
	return strings.NewReplacer(
		"${job:regex}", "(lighterman)", "${host:regex}", c.host, "${output:pipe}", cmp.Or(c.output, "^$"), "$container", c.container, "${loghost:regex}", ".*",
		"${level:regex}", ".*", "${search:doublequote}", `""`, "$__rate_interval", "15s", "$__range", "3m", "$__auto", "10s",
	).Replace(expr)
}

// choices are those that a dashboard is looked at with: each of its queries finds something
// with one of them.
func (s *scene) choices() []choice {
	one, two := regexp.QuoteMeta(s.one.Addr), regexp.QuoteMeta(s.two.Addr)
	return []choice{{host: one, container: s.web.Name}, {host: two, container: s.busy.Name}, {host: ".*", container: s.labelled.Name}}
}

// still are queries whose values stay 0 here, by the metric: what would raise them does not
// happen on these hosts.
var still = map[string]string{
	"up":                                      "both hosts answer",
	"lighterman_checkpoint_failures_total":    "the disk is not full",
	"lighterman_verify_twice_lines":           "none is",
	"lighterman_verify_not_sent_lines":        "all is sent when it is compared",
	"lighterman_verify_changed_lines":         "none is",
	"lighterman_api_reconnects_total":         "no stream is cut",
	"lighterman_inotify_overflows_total":      "too few changes",
	"lighterman_journal_forged_entries_total": "nobody forges",
	"lighterman_skipped_lines_total":          "nothing is read again",
	"lighterman_rotated_away_total":           "nothing is gone before a start",
	"lighterman_truncated_bytes_total":        "nothing is truncated",
	"lighterman_truncated_logs_total":         "nothing is truncated",
	"lighterman_unsure_resumes_total":         "no restart",
	"lighterman_hold_links":                   "hold-dir takes none, or is not set",
	"lighterman_set_aside_containers":         "a refused container is asked about for a moment",
}

// panels: every query returns data, and with it something else than zeros where it is known
// that there was something.
func (s *scene) panels(t *testing.T) {
	for _, b := range boards.All() {
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				for _, q := range p.Queries {
					if err := s.finds(p, q); err != nil {
						t.Errorf("%s, %s: %v\n%s", b.Name, p.Title, err, q.Expr)
					}
				}
			}
		}
	}
}

var metric = regexp.MustCompile(`\b(?:lighterman_[a-z0-9_]+|up)\b`)

// finds reports what is wrong with what a query returns.
func (s *scene) finds(p boards.Panel, q boards.Query) error {
	series, most := 0, 0.0
	for _, c := range s.choices() {
		values, err := s.ask(p, q, c.query(q.Expr))
		if err != nil {
			return err
		}
		series += len(values)
		for _, v := range values {
			most = max(most, v)
		}
	}
	switch quiet := still[metric.FindString(q.Expr)] != ""; {
	case series == 0:
		return fmt.Errorf("it returns nothing")
	case most == 0 && !quiet:
		return fmt.Errorf("it returns zeros only")
	}
	return nil
}

// ask returns the values of all series, or as many ones as there are lines.
func (s *scene) ask(p boards.Panel, q boards.Query, expr string) (out []float64, err error) {
	now := time.Now()
	var found []promtest.Series
	switch {
	case q.Loki:
		return s.askLoki(expr, now)
	case p.Instant():
		found, err = s.prom.Query(expr)
	default:
		found, err = s.prom.Range(expr, s.began, now)
	}
	for _, f := range found {
		out = append(out, f.Values...)
	}
	return out, err
}

// askLoki asks Loki what Grafana would ask it.
func (s *scene) askLoki(expr string, now time.Time) ([]float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	values := url.Values{"query": {expr}, "start": {fmt.Sprint(s.began.UnixNano())}, "end": {fmt.Sprint(now.UnixNano())}, "step": {"10s"}, "limit": {"1000"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.loki.URL+"/loki/api/v1/query_range?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var found struct {
		Data struct {
			ResultType string
			Result     []struct{ Values [][2]any }
		}
	}
	if err := json.Unmarshal(body, &found); err != nil {
		return nil, fmt.Errorf("Loki answers %s: %.300s", answer.Status, body)
	}
	var out []float64
	for _, r := range found.Data.Result {
		for _, v := range r.Values {
			if found.Data.ResultType == "streams" {
				out = append(out, 1)
				continue
			}
			text, _ := v[1].(string)
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	return out, nil
}

var values = regexp.MustCompile(`^label_values\((.*), ([a-z]+)\)$`)

// variables: those that are asked for have what they should, in the way that Grafana takes
// them out of an answer.
func (s *scene) variables(t *testing.T) {
	want := map[string][]string{
		"job": {"lighterman"}, "host": {s.one.Addr, s.two.Addr}, "container": {s.web.Name, s.busy.Name, s.labelled.Name},
		"output": {"archive=archive", "loki-url=^$"}, "loghost": {host},
	}
	for _, b := range boards.All() {
		for _, v := range b.Variables {
			if v.Query == "" {
				continue
			}
			var got []string
			switch {
			case v.Loki:
				for _, e := range s.loki.All(t, "{"+v.Query+`=~".+"}`) {
					got = append(got, e.Labels[v.Query])
				}
			case v.Regex != "":
				got = s.taken(t, v)
			default:
				m := values.FindStringSubmatch(v.Query)
				if m == nil {
					t.Fatalf("%s: Grafana does not understand %s", v.Name, v.Query)
				}
				found, err := s.prom.Range(choice{host: ".*"}.query(m[1]), s.began, time.Now())
				if err != nil {
					t.Errorf("%s: %v", v.Name, err)
				}
				for _, f := range found {
					got = append(got, f.Labels[m[2]])
				}
			}
			for _, value := range want[v.Name] {
				if !slices.Contains(got, value) {
					slices.Sort(got)
					t.Errorf("%s, %s: %q is not there: %q", b.Name, v.Name, value, slices.Compact(got))
				}
			}
		}
	}
}

// taken are texts and values of a variable as its expression takes them out of an answer.
func (s *scene) taken(t *testing.T, v boards.Variable) (out []string) {
	t.Helper()
	inner := strings.TrimSuffix(strings.TrimPrefix(v.Query, "query_result("), ")")
	found, err := s.prom.Query(choice{host: ".*"}.query(inner))
	if err != nil {
		t.Fatal(err)
	}
	take := regexp.MustCompile(strings.Trim(v.Regex, "/"))
	for _, f := range found {
		m := take.FindStringSubmatch(fmt.Sprintf(`{name=%q,output=%q} 1 1700000000000`, f.Labels["name"], f.Labels["output"]))
		if m == nil {
			t.Errorf("%s does not match %v", v.Regex, f.Labels)
			continue
		}
		out = append(out, m[take.SubexpIndex("text")]+"="+m[take.SubexpIndex("value")])
	}
	return out
}

// outputs: what is chosen is asked for, and all together is the sum.
func (s *scene) outputs(t *testing.T) {
	expr := "sum(last_over_time(lighterman_lines_total{instance=~`${host:regex}`, output=~`${output:pipe}`}[1m] @ " + fmt.Sprint(time.Now().Unix()) + "))"
	got := make(map[string]float64)
	for _, output := range []string{"^$", "archive", ".*"} {
		found, err := s.prom.Query(choice{host: regexp.QuoteMeta(s.one.Addr), output: output}.query(expr))
		if err != nil || len(found) != 1 || len(found[0].Values) != 1 {
			t.Fatalf("output %s: %v, %v", output, found, err)
		}
		got[output] = found[0].Values[0]
	}
	if got["^$"] == 0 || got["archive"] == 0 || got["^$"]+got["archive"] != got[".*"] {
		t.Errorf("lines %v", got)
	}
}
