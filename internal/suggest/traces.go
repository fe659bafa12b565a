package suggest

import (
	"bytes"
	"fmt"
	"regexp"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/stage/preset"
)

// language is one whose traces are recognised, by a line that nothing else writes.
type language struct {
	parser, name string
	sign         func(line []byte) bool
}

// languages are asked in this order. Those whose signs are the surest come first.
var languages = []language{
	{"java", "stack traces of Java", javaFrame},
	{"python", "tracebacks of Python", func(l []byte) bool { return bytes.HasPrefix(l, []byte("Traceback (most recent call last):")) }},
	{"go", "panics of Go", func(l []byte) bool {
		return bytes.HasPrefix(l, []byte("goroutine ")) && bytes.HasSuffix(l, []byte("]:"))
	}},
	{"node", "errors of Node.js with their frames", nodeFrame},
	{"dotnet", "exceptions of .NET", dotnetFrame},
	{"ruby", "traces of Ruby", func(l []byte) bool {
		return bytes.Contains(l, []byte(".rb:")) && (bytes.Contains(l, []byte(":in `")) || bytes.Contains(l, []byte(":in '")))
	}},
	{"php", "traces of PHP", func(l []byte) bool {
		return bytes.HasPrefix(l, []byte("#0 ")) && (bytes.Contains(l, []byte("): ")) || bytes.HasSuffix(l, []byte("{main}")))
	}},
	{"rust", "panics of Rust", func(l []byte) bool {
		return bytes.HasPrefix(l, []byte("thread '")) && bytes.Contains(l, []byte("' panicked at"))
	}},
	{"postgres", "messages of PostgreSQL with DETAIL or STATEMENT", func(l []byte) bool {
		return stampedAt(l) == 0 && postgresMore.Match(l[:min(len(l), 160)])
	}},
	{"mysql", "entries of MySQL's slow log", func(l []byte) bool { return bytes.HasPrefix(l, []byte("# User@Host: ")) }},
}

var postgresMore = regexp.MustCompile(` (?:DETAIL|HINT|CONTEXT|STATEMENT):  `)

// at returns what follows "at " in a line of a stack trace.
func at(line []byte) (frame []byte, is bool) {
	return bytes.CutPrefix(bytes.TrimLeft(line, " \t"), []byte("at "))
}

var javaPlace = regexp.MustCompile(`^(?:[\w.$@-]+/)*[\w.$/<>@-]+\((?:[\w$-]+\.(?:java|kt|scala|groovy|clj)(?::\d+)?|Native Method|Unknown Source|SourceFile:\d+)\)`)

func javaFrame(line []byte) bool {
	frame, is := at(line)
	return is && javaPlace.Match(frame)
}

var nodePlace = regexp.MustCompile(`(?:^|[ (])(?:/|[A-Za-z]:\\|node:|file://|internal/|webpack)[^ ]*:\d+:\d+\)?$`)

func nodeFrame(line []byte) bool {
	frame, is := at(line)
	return is && nodePlace.Match(frame)
}

var dotnetPlace = regexp.MustCompile(`^[\w.<>` + "`" + `+\[\],|]+\([^)]*\)(?: in .+:line \d+)?$`)

// dotnetFrame is behind Java's and Node.js': all begin with "at ".
func dotnetFrame(line []byte) bool {
	frame, is := at(line)
	return is && len(line) > len(frame)+len("at ") && dotnetPlace.Match(frame) && !javaFrame(line) && !nodeFrame(line)
}

// waits is how long lines of an entry may be apart, and longest how many an entry has; both
// are those of the stage parser.
const (
	waits   = 3 * time.Second
	longest = 1000
)

// traces looks for lines that belong together.
type traces struct {
	by      [10]joining // by language
	stamped joining
	// lone are lines without a time that follow none with one; indented are those that go on.
	begun, lone, indented int64
}

// joining is what a rule would make of the lines.
type joining struct {
	open [logs.Streams]group
	// entries are those of several lines with a sign in them, lines all of theirs.
	entries, lines int64
}

// group is an entry that lines may be added to.
type group struct {
	state  uint8
	lines  int64
	last   int64
	signed bool
}

// over reports whether nothing can be added to an entry at a time.
func (g *group) over(at int64) bool {
	return g.lines == 0 || g.lines >= longest || at-g.last > int64(waits) || at < g.last
}

// add adds a line that begins an entry, or belongs to the one before.
func (j *joining) add(e *entry, begins, sign bool, state uint8) {
	g := &j.open[e.stream]
	if begins || g.over(e.at) {
		j.close(g)
	}
	g.lines++
	g.last, g.state, g.signed = e.at, state, g.signed || sign
}

// close ends an entry.
func (j *joining) close(g *group) {
	if g.signed && g.lines > 1 {
		j.entries++
		j.lines += g.lines
	}
	*g = group{}
}

func (j *joining) end() {
	for i := range j.open {
		j.close(&j.open[i])
	}
}

func (t *traces) add(e *entry) {
	for i := range languages {
		l, j := &languages[i], &t.by[i]
		known, _ := preset.Get(l.parser)
		state := uint8(0)
		if g := &j.open[e.stream]; !g.over(e.at) {
			state = g.state
		}
		next, begins := known.Begins(state, e.first)
		j.add(e, begins, e.single && l.sign(e.first), next)
	}
	t.addStamped(e)
}

// addStamped looks for entries that begin with a time, and go on in lines without one.
func (t *traces) addStamped(e *entry) {
	first := stampedAt(e.first) >= 0
	g := &t.stamped.open[e.stream]
	switch {
	case first:
		t.begun++
	case !e.single || g.over(e.at):
		t.lone++
		t.stamped.close(g)
		return
	case len(e.first) > 0 && bytes.IndexByte([]byte(" \t}])"), e.first[0]) >= 0:
		t.indented++
	}
	t.stamped.add(e, first, true, 0)
}

// firstLine is what begins an entry: stampedAt as an expression.
const firstLine = `^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d`

// stampedAt returns where the time is that a line begins with, -1 where there is none.
func stampedAt(line []byte) int {
	const form = "0000-00-00 00:00:00"
	at := 0
	if len(line) > 0 && line[0] == '[' {
		at = 1
	}
	if len(line) < at+len(form) {
		return -1
	}
	for i := range len(form) {
		c := line[at+i]
		switch {
		case form[i] == '0' && (c < '0' || c > '9'), form[i] == ' ' && c != ' ' && c != 'T', form[i] != '0' && form[i] != ' ' && c != form[i]:
			return -1
		}
	}
	return at
}

// keyLine begins each entry but the lines of a key: one that has a blank in it, or what base64
// has not, and is not the last line of a key.
const keyLine = `^(?:-----BEGIN |[^-].*[ \t]|.*[^A-Za-z0-9+/=\s-])`

// finding proposes what joins lines, if anything does, and returns its parser. format is that of
// most lines, and keys is how many private keys have their lines apart.
func (t *traces) finding(format string, keys int64) (parser string, _ *Finding) {
	best, name := (*joining)(nil), ""
	for i := range t.by {
		j := &t.by[i]
		j.end()
		if j.entries > 0 && (best == nil || j.lines > best.lines) {
			best, parser, name = j, languages[i].parser, languages[i].name
		}
	}
	t.stamped.end()
	switch {
	case best != nil:
		if parser == "go" && format == "klog" {
			parser = format
		}
		return parser, &Finding{
			Kind: Join, Lines: best.lines, Names: []string{parser}, Stages: []string{"parser: " + parser},
			Text: fmt.Sprintf("%s are %s: %s of several lines each", plural(best.lines, "line", "lines"), name, plural(best.entries, "entry", "entries")),
		}
	case t.continued():
		return t.continuation(format)
	case keys > 0:
		return "", &Finding{
			Kind: Join, Lines: keys, Names: []string{"multiline"}, Stages: []string{"multiline: {firstline: " + text(keyLine) + "}"},
			Text: plural(keys, "private key has", "private keys have") + " several lines; what takes secrets out finds a key only in one entry",
		}
	}
	return "", nil
}

// continued reports whether entries begin with a time, and lines that go on are a habit: nearly
// none stand alone, and most look like parts.
func (t *traces) continued() bool {
	more := t.stamped.lines - t.stamped.entries
	return t.begun >= 5 && more >= 3 && t.lone*10 <= more && t.indented*2 >= more
}

func (t *traces) continuation(format string) (parser string, _ *Finding) {
	f := &Finding{Kind: Join, Lines: t.stamped.lines}
	f.Text = fmt.Sprintf("%s begin with a time, or follow such a line and have none: %s of several lines each", plural(f.Lines, "line", "lines"), plural(t.stamped.entries, "entry", "entries"))
	if known, is := preset.Get(format); is && known.Begins != nil {
		f.Names, f.Stages = []string{format}, []string{"parser: " + format}
		return format, f
	}
	f.Names, f.Stages = []string{"multiline"}, []string{"multiline: {firstline: " + text(firstLine) + "}"}
	return "", f
}
