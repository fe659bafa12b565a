package suggest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/buger/jsonparser"
	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/document"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage"
	"github.com/lighterman/lighterman/internal/stage/level"
)

// fields are those of JSON and logfmt.
type fields struct {
	by map[string]*field
	// json and logfmt count the lines of each kind.
	json, logfmt int64
	// now are the fields of the line in hand, as far as they are texts or numbers.
	now []pair
	// secret says that a name has a secret in it, and is printed nowhere.
	secret func(name []byte) bool
}

// pair is a field of the line in hand. Its value is as it stands there, without quotes.
type pair struct {
	of     *field
	value  []byte
	number bool
}

// field is what is known of one.
type field struct {
	// path is how stages call it; key is the last name of it.
	path, key string
	lines     int64
	values    map[uint64]struct{}
	// prose counts values with blanks in them or longer than any label should be, stamps those
	// that are times, and numbers those that are numbers.
	prose, stamps, numbers int64
	// levels counts values that are levels where the line has none that is known, and words
	// those that are nothing else.
	levels, words int64
	// taken counts values that are structured metadata already.
	taken int64
	// passed says that nothing is proposed of it, because of its name.
	passed bool
}

// add looks at the fields of a line.
func (f *fields) add(e *entry) {
	f.now = f.now[:0]
	line := bytes.TrimSpace(e.text)
	switch {
	case len(line) > 1 && line[0] == '{' && line[len(line)-1] == '}':
		if f.object(line, "", 1) == nil {
			f.json++
		}
	case e.single && isLogfmt(line):
		f.logfmt++
		stage.EachPair(line, func(key, value []byte) { f.see(quotedName(string(key), false), string(key), value, isNumber(value)) })
	default:
		return
	}
	for _, p := range f.now {
		p.of.note(p.value, p.number, e.level == level.Unknown)
		if taken(e.metadata, p.value) {
			p.of.taken++
		}
	}
}

// taken reports whether a value is structured metadata already.
func taken(metadata logs.Metadata, value []byte) bool {
	for _, other := range metadata.All() {
		if bytes.Equal(other, value) {
			return true
		}
	}
	return false
}

// object goes through an object of JSON.
func (f *fields) object(in []byte, path string, depth int) error {
	return jsonparser.ObjectEach(in, func(key, val []byte, kind jsonparser.ValueType, _ int) error {
		if !utf8.Valid(key) {
			return nil // no path has such a name
		}
		name := path + quotedName(string(key), true)
		switch kind {
		case jsonparser.Object:
			if depth < maxDepth {
				return f.object(val, name+".", depth+1)
			}
		case jsonparser.String, jsonparser.Number:
			f.see(name, string(key), val, kind == jsonparser.Number)
		}
		return nil
	})
}

// maxNow bounds the fields of one line that are looked at, and maxName the length of a name.
const maxNow, maxName = 100, 100

func (f *fields) see(path, key string, value []byte, number bool) {
	if len(f.now) >= maxNow || len(path) > maxName || key == "" {
		return
	}
	known := f.by[path]
	if known == nil {
		if len(f.by) >= maxFields {
			return
		}
		if f.by == nil {
			f.by = make(map[string]*field)
		}
		known = &field{path: path, key: key, values: make(map[uint64]struct{}), passed: !speakable(path) || f.secret([]byte(path)) || f.secret([]byte(key))}
		f.by[path] = known
	}
	if known.passed {
		return
	}
	f.now = append(f.now, pair{known, value, number})
}

// word is a name that needs no quotes in a path.
var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// quotedName is a name as it stands in a path, where it is a text of JSON. Of logfmt names are not
// quoted.
func quotedName(name string, isJSON bool) string {
	if !isJSON || word.MatchString(name) {
		return name
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(name) != nil {
		return name // not reached: each text is one of JSON
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// speakable reports whether whoever decides sees all of a path.
func speakable(path string) bool {
	return utf8.ValidString(path) && !strings.ContainsFunc(path, document.Unseen)
}

func isNumber(b []byte) bool {
	_, err := strconv.ParseFloat(string(b[:min(len(b), 40)]), 64)
	return err == nil
}

// longestValue is how long a value is that anybody would want as a label, in bytes.
const longestValue = 200

// note notes a value. unknown says that the line has no level that is known.
func (f *field) note(value []byte, number, unknown bool) {
	f.lines++
	switch {
	case len(value) > longestValue || bytes.ContainsAny(value, " \n\t"):
		f.prose++
	case number:
		f.numbers++
	case stampedAt(value) >= 0:
		f.stamps++
	}
	if len(f.values) < maxValues {
		f.values[xxhash.Sum64(value)] = struct{}{}
	}
	if l := level.Parse(value); unknown && l != level.Unknown {
		f.levels++
		if !number && len(value) > 2 && (l == level.Info || l == level.Warn || l == level.Error || l == level.Debug) {
			f.words++
		}
	}
}

// What Loki 3 takes the level from by itself: fields with these names, not too deep, and these
// words in them.
var (
	lokiNames = regexp.MustCompile(`^(?:(?:\w+\.|"log"\.)?(?:level|LEVEL|Level|severity|SEVERITY|Severity|SeverityText|lvl|LVL|Lvl|severity_text|Severity_Text|SEVERITY_TEXT)|"log\.level"|log\.level)$`)
	lokiWords = regexp.MustCompile(`^(?i:trace|trc|debug|dbg|info|inf|information|warn|wrn|warning|error|err|critical|fatal)$`)
)

// sayLevel reports whether Loki finds the level in the fields of the line in hand.
func (f *fields) sayLevel() bool {
	return slices.ContainsFunc(f.now, func(p pair) bool { return lokiWords.Match(p.value) && lokiNames.MatchString(p.of.path) })
}

// levelish are names for a level that nobody would think of.
var levelish = regexp.MustCompile(`(?i)lev|sev|lvl|prio`)

// level returns the path of a field that has the level of lines in which nobody finds it, and
// of how many.
func (f *fields) level(lines int64) (path string, n int64) {
	for _, name := range slices.Sorted(maps.Keys(f.by)) {
		o := f.by[name]
		named := levelish.MatchString(o.key)
		enough := o.levels >= leastLevels && share(o.levels, lines) >= levelShare && o.levels*10 >= o.lines*9
		if enough && len(o.values) <= 8 && (named || o.words*2 > o.levels) && o.levels > n {
			path, n = name, o.levels
		}
	}
	return path, n
}

// idle are names of fields that nobody wants as a label, whatever is in them.
var idle = regexp.MustCompile(`(?i)^(?:ts|t|time.*|.*_?time|@timestamp|date.*|.*_at|asctime|msg|message|text|body|err|error|exception|stack.*|trace|traceback|caller|source|query|sql|line.*|func.*|dur.*|elapsed.*|latency.*|took.*|.*_ms|.*_ns|.*_seconds|bytes.*|size|length|level|lvl|severity|log|event|user_?agent|ua|referer|referrer|headers?|pid|tid|thread.*|seq.*|offset|count|n|version)$`)

// private are names of fields that hold what is in no label.
var private = regexp.MustCompile(`(?i)pass|pwd|secret|token|auth|cookie|credential|api_?key|signature|private`)

// wanted are names of fields that people make labels of although they name single things.
var wanted = regexp.MustCompile(`(?i:(?:^|[_.@-])(?:id|uuid|guid|user|username|login|account|customer|client|tenant|session|request|req|correlation|trace|span|order|job|task|ip|addr|address|remote|peer|host|hostname|pod|url|uri|path|route|file|filename|key|email|mail|sha|commit|hash|device|serial|(?:user|trace|span|request|session|order|customer)id)(?:$|[_.@-]))|[a-z](?:Id|ID|Uuid|UUID|Ip|IP)$`)

// explodes reports whether a field has too many values for a label, and somebody might want it
// as one all the same.
func (f *field) explodes(lines int64) bool {
	if len(f.values) <= manyValues || share(f.lines, lines) < leastFields || idle.MatchString(f.key) || private.MatchString(f.path) {
		return false
	}
	if f.prose*10 > f.lines || f.stamps*10 > f.lines || f.taken*2 > f.lines {
		return false
	}
	named := wanted.MatchString(f.key)
	return named || f.numbers*10 < f.lines
}

// finding proposes what is no label.
func (f *fields) finding(lines int64, taken []string) *Finding {
	var found []*field
	for _, name := range slices.Sorted(maps.Keys(f.by)) {
		if o := f.by[name]; o.explodes(lines) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b *field) int {
		switch x, y := wanted.MatchString(a.key), wanted.MatchString(b.key); {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		return int(b.lines - a.lines)
	})
	found = found[:min(len(found), maxProposed)]
	var said, metadata, names []string
	from := make(map[string]string)
	for _, o := range found {
		name := free(o, taken, from)
		from[name] = o.path
		metadata, names = append(metadata, name+": "), append(names, o.path)
		many := strconv.Itoa(len(o.values))
		if len(o.values) >= maxValues {
			many = "more than " + strconv.Itoa(maxValues)
		}
		said = append(said, fmt.Sprintf("%s has %s values in %d lines", o.path, many, o.lines))
	}
	return &Finding{
		Kind: Labels, Lines: found[0].lines, Names: names,
		Stages: []string{f.extract(from), "structured_metadata: {" + strings.Join(metadata, ", ") + "}"},
		Text:   strings.Join(said, "; ") + ": as a label each value would be a stream of its own in Loki. As structured metadata it can be searched as well",
	}
}

// free is a name for a field in Loki that nothing else has.
func free(f *field, taken []string, others map[string]string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r < 128 && word.MatchString("_"+string(r)) {
			return r
		}
		return '_'
	}, f.path), "_")
	if !logs.IsLabelName(name) {
		name = "field_" + name
	}
	for {
		if _, used := others[name]; !used && !slices.Contains(taken, name) && !slices.Contains(reserved, name) {
			return name
		}
		name = "field_" + name
	}
}

// reserved are names that mean something to stages or to Loki.
var reserved = []string{"level", "time", "detected_level", "stream", "service_name", "container", "host", "image", "container_id", "filename", "job"}

// extract is the stage that takes fields out of lines, by the names that they get.
func (f *fields) extract(from map[string]string) string {
	all := make([]string, 0, len(from))
	for _, name := range slices.Sorted(maps.Keys(from)) {
		path := ""
		if from[name] != name {
			path = document.Quoted(from[name])
		}
		all = append(all, name+": "+path)
	}
	if f.logfmt > f.json {
		return "logfmt: {mapping: {" + strings.Join(all, ", ") + "}}"
	}
	return "json: {expressions: {" + strings.Join(all, ", ") + "}}"
}

// text is a text in single quotes, in which expressions are read best; in double ones where
// that is not possible.
func text(value string) string {
	if document.Visible(value) != value || strings.ContainsAny(value, "\t\n") {
		return document.Quoted(value)
	}
	return "'" + strings.ReplaceAll(value, "'", "''") + "'"
}
