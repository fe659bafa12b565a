package suggest

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stage/level"
	"github.com/lighterman/lighterman/internal/stage/preset"
)

// formatNames are the formats that are recognised, in words. The keys are parsers, but for
// access, which several write.
var formatNames = map[string]string{
	"json": "objects of JSON", "logfmt": "logfmt", "mongodb": "MongoDB's", "caddy": "Caddy's", "klog": "klog's", "redis": "Redis'",
	"access": "an access log", "haproxy": "HAProxy's", "postgres": "PostgreSQL's", "mysql": "MySQL's or MariaDB's", "syslog": "syslog's",
}

// formats counts in which formats lines are.
type formats struct {
	lines map[string]int64
	// gains are the lines that have a level by the format's parser which Loki does not find.
	gains map[string]int64
	// numbers are those of JSON whose level is a number.
	numbers int64
	// by counts the lines of access logs whose form is of one server.
	traefik, apache int64
}

// shaped are formats that an expression recognises.
var shaped = []struct {
	name string
	expr *regexp.Regexp
}{
	{"klog", regexp.MustCompile(`^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [^ \]]+:\d+\]`)},
	{"redis", regexp.MustCompile(`^\d+:[MSCX] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [.*#-] `)},
	{"haproxy", regexp.MustCompile(`^(?:<\d+>)?(?:.*haproxy\[\d+\]: )?\S+:\d+ \[\d\d/\w{3}/\d{4}:[\d:.]+\] \S+ \S+ [-\d]+/[-\d]+/[-\d]+/[-\d]+/[-+\d]+ `)},
	{"access", regexp.MustCompile(`^\S+ \S+ \S+ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}\] "(?:[^"\\]|\\.)*" \d{3} (?:\d+|-)`)},
	{"access", regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: `)},
	{"access", regexp.MustCompile(`^\[\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d+ \d{4}\] \[[\w-]*:\w+\] \[pid `)},
	{"postgres", regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \S+ \[\d+\](?:-\d+)?.* (?:LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DETAIL|HINT|STATEMENT|CONTEXT):  `)},
	{"mysql", regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ][ \d]\d:\d\d:\d\d\S* (?:\d+ )?\[(?:Note|System|Warning|ERROR)\]`)},
	{"syslog", regexp.MustCompile(`^<\d{1,3}>`)},
}

func (f *formats) add(e *entry) {
	name := formatOf(e.first)
	if name == "" {
		return
	}
	if f.lines == nil {
		f.lines, f.gains = make(map[string]int64), make(map[string]int64)
	}
	f.lines[name]++
	if name == "access" {
		f.server(e.first)
	}
	known, _ := preset.Get(presetOf(name))
	if l := known.Level(e.text); l == level.Unknown || e.missed == level.Unknown && e.level != level.Unknown {
		return
	}
	f.gains[name]++
	if name == "json" && numeric.Match(e.first[:min(len(e.first), level.Look)]) {
		f.numbers++
	}
}

var numeric = regexp.MustCompile(`"(?i:level|lvl|severity)" ?: ?\d`)

// formatOf returns the format of a line, or nothing.
func formatOf(line []byte) string {
	if len(line) == 0 {
		return ""
	}
	if line[0] == '{' {
		switch {
		case line[len(line)-1] != '}':
			return ""
		case bytes.HasPrefix(line, []byte(`{"t":{"$date"`)):
			return "mongodb"
		case bytes.Contains(line, []byte(`"logger":"http.`)):
			return "caddy"
		}
		return "json"
	}
	head := line[:min(len(line), 1024)]
	for i := range shaped {
		if shaped[i].expr.Match(head) {
			return shaped[i].name
		}
	}
	if isLogfmt(line) {
		return "logfmt"
	}
	return ""
}

// isLogfmt reports whether a line is pairs from its beginning to its end, two at least.
func isLogfmt(line []byte) bool {
	if end := bytes.IndexAny(line, " ="); end < 1 || line[end] != '=' {
		return false
	}
	pairs, alone := 0, false
	whole := stage.EachPair(line, func(_, value []byte) {
		pairs++
		alone = alone || value == nil
	})
	return whole && pairs > 1 && !alone
}

// server notes which server has written a line of an access log, where that shows.
func (f *formats) server(line []byte) {
	switch {
	case bytes.HasSuffix(line, []byte("ms")) && bytes.Contains(line, []byte(`" "http`)):
		f.traefik++
	case bytes.HasPrefix(line, []byte("[")):
		f.apache++
	}
}

// best is the format of most lines, or nothing.
func (f *formats) best() (name string) {
	for _, other := range slices.Sorted(maps.Keys(f.lines)) {
		if name == "" || f.lines[other] > f.lines[name] {
			name = other
		}
	}
	return name
}

// presetOf is a parser for a format.
func presetOf(name string) string {
	if name == "access" {
		return "nginx" // all of them read it
	}
	return name
}

// preset is the parser for the format of most lines, of a container with an image.
func (f *formats) preset(image string) string {
	name := f.best()
	switch {
	case name != "access":
		return name
	case f.traefik > 0 || strings.Contains(image, "traefik"):
		return "traefik"
	case f.apache > 0 || strings.Contains(image, "httpd") || strings.Contains(image, "apache"):
		return "apache"
	}
	return "nginx"
}

// statusLevels reports whether the parser of a format finds levels that are in no line.
func statusLevels(name string) bool { return name == "access" || name == "haproxy" }

// why says in words how the level of such lines is found.
func (f *formats) why(name string) string {
	switch {
	case statusLevels(name):
		return ": it is in the status of the answer"
	case name == "json" && f.numbers*2 > f.gains[name]:
		return ": it is a number, as pino and bunyan write it"
	}
	return ""
}
