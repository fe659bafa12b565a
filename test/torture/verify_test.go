package torture

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
)

// verified is what lighterman verify says of a container.
type verified struct {
	ID, Name, Problem string
	Stored            int64 `json:"stored"`
	Missing           int64 `json:"missing"`
	Twice             int64 `json:"twice"`
	Changed           int64 `json:"changed"`
	NotStored         int64 `json:"not_stored"`
	NotSent           int64 `json:"not_sent"`
	Examples          []struct {
		Kind, Stream, Text string
		Time               time.Time
	} `json:"examples"`
}

// mostExamples is how many lines of each kind verify shows.
const mostExamples = "1000"

// verify has lighterman itself compare what Docker still has with what Loki has. It has to find
// nothing but lines of which the ledger says why nobody could have saved them.
func (s *stage) verify(all []*ledger) {
	args := append([]string{"verify", "--json", "--queries", "1000", "--examples", mostExamples}, s.carrier.args...)
	stdout, stderr, code := carrier.RunFor(s.t, 15*time.Minute, append(args, "--loki-url", s.loki.URL, "--listen", "off", "--since", "2d", "--log-level", "warn")...)
	var found struct{ Containers []*verified }
	if err := json.Unmarshal([]byte(stdout), &found); err != nil {
		s.t.Errorf("lighterman verify ended with code %d: %v\n%s", code, err, stderr)
		return
	}
	byID := map[string]*ledger{}
	for _, l := range all {
		byID[l.id] = l
	}
	var stored, waits int64
	excused := map[string]int{}
	for _, v := range found.Containers {
		stored, waits = stored+v.Stored, waits+v.NotSent
		if v.Problem != "" {
			s.t.Errorf("lighterman verify: %s: %s", v.Name, v.Problem)
		}
		unexplained := v.Missing + v.Twice + v.Changed + v.NotStored
		for _, e := range v.Examples {
			rule := ""
			if l := byID[v.ID]; l != nil {
				rule = l.explains(e.Kind, e.Time.UnixNano(), e.Stream, e.Text)
			}
			switch {
			case e.Kind == "not_sent" || e.Kind == "dropped":
			case rule == "":
				s.t.Logf("lighterman verify: %s: %s %s %s %.90q", v.Name, e.Kind, e.Time.Format(time.RFC3339Nano), e.Stream, e.Text)
			default:
				excused[rule]++
				unexplained--
			}
		}
		if unexplained > 0 {
			s.t.Errorf("lighterman verify: %s: of %d lines %d are missing, %d twice, %d changed, %d not stored; %d of them unexplained",
				v.Name, v.Stored, v.Missing, v.Twice, v.Changed, v.NotStored, unexplained)
		}
	}
	if len(found.Containers) == 0 || stored == 0 {
		s.t.Error("lighterman verify has compared nothing")
	}
	if waits > 0 {
		s.t.Errorf("lighterman verify: %d lines are not sent", waits)
	}
	s.t.Logf("lighterman verify, code %d: %d lines of %d containers as they should be, but for %v", code, stored, len(found.Containers), excused)
}

// explains returns the rule by which a line that verify names is as nobody could have it
// otherwise; empty for none.
func (l *ledger) explains(kind string, at int64, stream, text string) string {
	if kind != "missing" && l.sent(stream, at) { // the API mixes lines up, too
		return ruleAPI
	}
	text = strings.TrimSuffix(text, "…")
	i := slices.IndexFunc(l.lines, func(line line) bool {
		return line.time == at && (strings.HasPrefix(text, line.head) || strings.HasSuffix(line.head, text))
	})
	if i < 0 {
		return ""
	}
	rule := l.excuse(l.lines[i])
	if rule != "" && kind != "missing" {
		rule = fmt.Sprintf("%s: %s", kind, rule)
	}
	return rule
}
