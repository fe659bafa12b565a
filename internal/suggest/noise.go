package suggest

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/stage/level"
)

// noise looks for lines that say the same again and again.
type noise struct {
	checks  map[check]*counted
	repeats map[uint64]*repeat
	// low counts lines of the levels debug and trace.
	low int64
}

// form is how a line says that somebody has asked for a path.
type form string

// The forms.
const (
	// answered: GET /health HTTP/1.1" 200, or GET /health 200.
	answered form = "answered"
	// gin: | 200 | … GET "/health".
	gin form = "gin"
	// asked: GET /health, without the answer.
	asked form = "asked"
	// inField: a field has the path.
	inField form = "field"
	// prober: an access log says that a known prober has asked for anything.
	prober form = "prober"
	// said: words, without a path.
	said form = "said"
)

// check is a kind of line that comes of a health check.
type check struct {
	form form
	// what is the path, or the prober.
	what string
	// path and status are the fields of inField.
	path, status string
}

// counted is how many there are. failed are those whose status, or words, say that something is
// wrong, and loud those with a good status, or none, that something else says it of: their level,
// or another status.
type counted struct{ lines, failed, loud int64 }

func (c counted) well() int64 { return c.lines - c.failed - c.loud }

// outcome is what a line says of how a check went.
type outcome uint8

const (
	well outcome = iota
	failed
	loud
)

// repeat is a text that comes again.
type repeat struct {
	text  string
	lines int64
}

// healthy are the last parts of paths that are asked for only to see whether there is an answer.
var healthy = regexp.MustCompile(`^(?:/(?:v\d{1,2}|[a-z][a-z_-]{0,15})){0,3}/(?:_?health|healthz|health[_-]?checks?|_?ping|livez|readyz|live|liveness|ready|readiness|alive|heartbeat|up|_status|healthy|metrics)/?$`)

var (
	request = regexp.MustCompile(`\b(GET|HEAD|OPTIONS) +"?(?:https?://[^/ "]+)?(/[^ "?\\]{0,80})(?:\?[^ "\\]*)?( HTTP/\d(?:\.\d)?)?"?(?: (\d{3})\b)?`)
	ginned  = regexp.MustCompile(`\| (\d{3}) \|.*\| (?:GET|HEAD) +"(/[^"?]{0,80})(?:\?[^"]*)?"`)
	probers = regexp.MustCompile(`" (\d{3}) .*"(kube-probe|ELB-HealthChecker|GoogleHC|Consul Health Check|Uptime-Kuma|UptimeRobot|Blackbox Exporter|Prometheus|Envoy/HC)/?`)
	wording = regexp.MustCompile(`(?i)\b(health ?check|heartbeat|liveness probe|readiness probe|keep-?alive)\b`)
	failing = regexp.MustCompile(`(?i)\b(?:fail(?:ed|ure|s|ing)?|unhealthy|error|time(?:d )?out|refused|not ready|down|missed|lost)\b`)
)

// add looks at a line.
func (n *noise) add(e *entry, f *fields) {
	if e.level == level.Debug || e.level == level.Trace {
		n.low++
	}
	c, went, is := classify(e, f)
	switch {
	case is && !e.single, is && n.checks[c] == nil && len(n.checks) >= maxChecks:
	case is:
		if n.checks == nil {
			n.checks = make(map[check]*counted)
		}
		if n.checks[c] == nil {
			n.checks[c] = &counted{}
		}
		n.checks[c].lines++
		switch {
		case went == failed:
			n.checks[c].failed++
		case went == loud, e.level >= level.Warn:
			n.checks[c].loud++
		}
	case e.level < level.Warn && e.single && len(f.now) == 0:
		n.repeat(e.first)
	}
}

// classify returns of which check a line comes, and how that went.
func classify(e *entry, f *fields) (c check, went outcome, is bool) {
	if len(f.now) > 0 {
		if c, went, is = f.check(); is {
			return c, went, is
		}
	}
	line := e.first[:min(len(e.first), 2048)]
	if hasAny(line, "GET", "HEAD", "OPTIONS") {
		if m := ginned.FindSubmatch(line); m != nil && healthy.Match(m[2]) {
			return check{form: gin, what: string(m[2])}, answer(m[1]), true
		}
		if m := request.FindSubmatch(line); m != nil && healthy.Match(m[2]) {
			if len(m[4]) > 0 {
				return check{form: answered, what: string(m[2])}, answer(m[4]), true
			}
			return check{form: asked, what: string(m[2])}, worded(line), true
		}
		if m := probers.FindSubmatch(line); m != nil {
			return check{form: prober, what: string(m[2])}, answer(m[1]), true
		}
	}
	if len(f.now) > 0 || !hasAny(line, "ealth", "eartbeat", "HEALTH", "HEARTBEAT", "robe", "PROBE", "live", "LIVE") {
		return c, well, false
	}
	if m := wording.FindSubmatch(line); m != nil {
		return check{form: said, what: strings.ToLower(string(m[1]))}, worded(line), true
	}
	return c, well, false
}

// hasAny reports whether a line has one of some words: it says soon that most have not.
func hasAny(line []byte, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(line, []byte(w)) })
}

// answer is what a status says.
func answer(status []byte) outcome {
	if status[0] == '2' || status[0] == '3' {
		return well
	}
	return failed
}

// worded is what the words of a line say that has no status.
func worded(line []byte) outcome {
	if failing.Match(line) {
		return failed
	}
	return well
}

// statusNames are names of fields with the status of an answer.
var statusNames = regexp.MustCompile(`(?i)^(?:status|status_?code|code|resp_?status|response_?status|http_?status|downstreamstatus|http\.status_code|http\.response\.status_code)$`)

// check looks for the path of a health check among the fields of a line. The status is the first
// one that there is; where another says that something is wrong the line does.
func (f *fields) check() (c check, went outcome, is bool) {
	for _, p := range f.now {
		value, _, _ := bytes.Cut(p.value, []byte("?"))
		switch {
		case c.what == "" && !p.number && len(value) > 0 && value[0] == '/' && healthy.Match(value):
			c.form, c.what, c.path = inField, string(value), p.of.path
		case !statusNames.MatchString(p.of.key) || len(p.value) != 3 || !isNumber(p.value):
		case c.status == "":
			c.status, went = p.of.path, answer(p.value)
		case went == well && answer(p.value) == failed:
			went = loud
		}
	}
	return c, went, c.what != ""
}

// untimed is the beginning of a line and the time that repeat leaves out, as an expression.
const untimed = `^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.,Z+:\] -]*)?`

// repeat counts a text, without the time that it may begin with.
func (n *noise) repeat(line []byte) {
	if at := stampedAt(line); at >= 0 {
		line = line[at+len("0000-00-00 00:00:00"):]
		line = bytes.TrimLeft(line, "0123456789.,Z+:-] ")
	}
	const longestText = 120
	if len(line) > longestText || len(line) < 4 {
		return
	}
	key := xxhash.Sum64(line)
	r := n.repeats[key]
	if r == nil {
		if len(n.repeats) >= maxRepeats {
			return
		}
		if n.repeats == nil {
			n.repeats = make(map[uint64]*repeat)
		}
		r = &repeat{}
		n.repeats[key] = r
		if plainWords.Match(line) && !private.Match(line) && !random.Match(line) {
			r.text = string(line)
		}
	}
	r.lines++
}

// plainWords is a text in which no secret with a digit or a sign in it can be, and none that is
// longer than words are. random is what no word has and most secrets of letters have: ten capitals,
// six consonants, or three capitals in its middle.
var (
	plainWords = regexp.MustCompile(`^[A-Za-z]{1,16}(?:[ ,.:;/'()\[\]-]{1,3}[A-Za-z]{1,16})*[ .!:;)\]]{0,3}$`)
	random     = regexp.MustCompile(`[A-Z]{10}|(?:[a-z]+[A-Z]+){3}|(?i:[bcdfghjklmnpqrstvwxz]{6})`)
)

// findings proposes what to drop, of so many lines. joined says that lines are to be joined before.
func (n *noise) findings(lines int64, f *fields, joined bool) (out []Finding) {
	for _, found := range n.health(lines, f) {
		if joined {
			found.Text += "; those that are joined to other lines stay"
		}
		out = append(out, found)
	}
	for _, key := range slices.Sorted(maps.Keys(n.repeats)) {
		r := n.repeats[key]
		if of := share(r.lines, lines); r.text == "" || r.lines < leastRepeats || of < repeatShare || of > mostShare {
			continue
		}
		out = append(out, Finding{
			Kind: Noise, Lines: r.lines, Names: []string{"repeated"}, Unsure: true,
			Text:   fmt.Sprintf("%s (%s) are %s", plural(r.lines, "line", "lines"), percent(r.lines, lines), text(r.text)),
			Stages: []string{drop(untimed+regexp.QuoteMeta(r.text)+`\r?$`, "repeated")},
		})
	}
	if n.low >= leastRepeats && share(n.low, lines) >= repeatShare && share(n.low, lines) <= mostShare {
		out = append(out, Finding{
			Kind: Noise, Lines: n.low, Names: []string{"min_level"}, Unsure: true, Stages: []string{"min_level: info"},
			Text: fmt.Sprintf("%s (%s) have the level debug or trace", plural(n.low, "line", "lines"), percent(n.low, lines)),
		})
	}
	return out
}

func drop(expression, rule string) string {
	return "drop: {expression: " + text(expression) + ", drop_counter_reason: " + rule + "}"
}

// healthRule is what drops counts health checks under.
const healthRule = "health_check"

// dropLine drops entries of one line with something in it. One of several lines has a trace in
// it, or whatever else was joined to the check. The expression must not match the end of a line.
func dropLine(expression string) string {
	return drop(`^[^\n]*?(?:`+expression+`)[^\n]*$`, healthRule)
}

// dropFields drops entries of one line by fields: the stages json and logfmt read those of the
// first, whatever follows. So what an entry of one line begins with is one field more.
func dropFields(extract, sources, expression string) []string {
	return []string{
		extract,
		"regex: {expression: " + text(`^[ \t]*(?P<checked_line>\S)[^\n]*$`) + "}",
		"drop: {source: [" + sources + ", checked_line], separator: ' ', expression: " + text("^"+expression+` \S$`) + ", drop_counter_reason: " + healthRule + "}",
	}
}

// kind is what checks have in common that one rule drops.
type kind struct {
	form         form
	path, status string
}

// health proposes rules against health checks.
func (n *noise) health(lines int64, f *fields) (out []Finding) {
	whats := make(map[kind][]string)
	all := make(map[kind]counted)
	for c, found := range n.checks {
		k := kind{c.form, c.path, c.status}
		sum := all[k]
		sum.lines, sum.failed, sum.loud = sum.lines+found.lines, sum.failed+found.failed, sum.loud+found.loud
		all[k] = sum
		if found.well() > 0 {
			whats[k] = append(whats[k], c.what)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b kind) int {
		return strings.Compare(string(a.form)+a.path+a.status, string(b.form)+b.path+b.status)
	}) {
		sum := all[k]
		if sum.well() < leastNoise || share(sum.well(), lines) < leastShare {
			continue
		}
		slices.Sort(whats[k])
		out = append(out, k.finding(whats[k], sum, lines, f))
	}
	return out
}

// finding proposes a rule. what are the paths or words.
func (k kind) finding(what []string, sum counted, lines int64, f *fields) Finding {
	out := Finding{
		Kind: Noise, Lines: sum.well(), Of: lines, Names: []string{healthRule},
		Text: fmt.Sprintf("%s (%s) are health checks: %s", plural(sum.well(), "line", "lines"), percent(sum.well(), lines), strings.Join(what, ", ")),
	}
	bySt := k.form == answered || k.form == gin || k.form == prober || k.status != ""
	if bySt && sum.failed > 0 {
		out.Text += "; " + plural(sum.failed, "more has failed, and stays", "more have failed, and stay")
	}
	switch bad := sum.failed + sum.loud; {
	case bySt && sum.loud > 0:
		out.Text += "; " + plural(sum.loud, "more says", "more say") + " that something is wrong although the status is good, and would be dropped as well"
		out.Unsure = true
	case bySt:
	case bad > 0:
		out.Text += "; " + plural(bad, "more says", "more say") + " that something is wrong and would be dropped as well"
		out.Unsure = true
	default:
		out.Text += "; these lines have no status, so those that fail would be dropped as well"
		out.Unsure = true
	}
	out.Stages = k.stages(what, f)
	return out
}

// stages are what drops such lines.
func (k kind) stages(what []string, f *fields) []string {
	quoted := make([]string, 0, len(what))
	for _, w := range what {
		quoted = append(quoted, regexp.QuoteMeta(w))
	}
	one := "(?:" + strings.Join(quoted, "|") + ")"
	if len(quoted) == 1 {
		one = quoted[0]
	}
	switch k.form {
	case answered:
		return []string{dropLine(`\b(?:GET|HEAD|OPTIONS) +"?(?:https?://[^/ "\n]+)?` + one + `(?:\?[^ "\\\n]*)?(?: HTTP/\d(?:\.\d)?)?"? [23]\d\d\b`)}
	case gin:
		return []string{dropLine(`\| [23]\d\d \|.*\| (?:GET|HEAD) +"` + one + `(?:\?[^"\n]*)?"`)}
	case prober:
		return []string{dropLine(`" [23]\d\d .*"` + one)}
	case asked:
		return []string{dropLine(`\b(?:GET|HEAD|OPTIONS) +"?(?:https?://[^/ "\n]+)?` + one + `(?:[?\t\r "\\]|$)`)}
	case said:
		return []string{dropLine(`(?i)\b` + one + `\b`)}
	}
	if k.status == "" {
		return dropFields(f.extract(map[string]string{"checked_path": k.path}), "checked_path", one+`(?:\?\S*)?`)
	}
	return dropFields(f.extract(map[string]string{"checked_path": k.path, "checked_status": k.status}), "checked_path, checked_status", one+`(?:\?\S*)? [23]\d\d`)
}
