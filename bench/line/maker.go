package line

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// bodies is the number of different texts that lines are made of: so many that
// equal ones seldom meet within the 64 KiB that snappy looks back on.
const bodies = 8192

// Maker makes lines. What it makes depends on the seed, the container, the number
// and the time alone. It is used by one goroutine at a time.
type Maker struct {
	seed   uint64
	bodies []body
	text   []byte
	// json tells that every line is an object of JSON, see NewJSONMaker, and spread that
	// each is spread over several records, see NewSpreadMaker.
	json, spread bool
}

// body is the middle of a line, as a program writes it and as Docker stores it.
type body struct {
	text, escaped string
	// debug tells that the level of the line is debug; known of JSON only.
	debug bool
}

// NewMaker makes a maker.
func NewMaker(seed uint64) *Maker {
	random := rand.New(rand.NewPCG(seed, 1))
	m := &Maker{seed: seed, bodies: make([]body, bodies)}
	for i := range m.bodies {
		text := compose(random, i)
		m.bodies[i] = body{text: text, escaped: escape(text)}
	}
	return m
}

// The parts of a line of JSON around its header, and around its identifier.
const (
	jsonHead = `{"h":"`
	jsonID   = `","id":"r` // a letter, as sixteen digits may be taken for a card
)

// NewJSONMaker makes a maker whose lines are objects with the header as "h", an identifier
// of its own as "id", and level, msg, path and ms: what stages are put to.
func NewJSONMaker(seed uint64) *Maker {
	random := rand.New(rand.NewPCG(seed, 2))
	m := &Maker{seed: seed, bodies: make([]body, bodies), json: true}
	for i := range m.bodies {
		level := levels[random.IntN(len(levels))]
		said := make([]string, 4+random.IntN(12))
		for k := range said {
			said[k] = words[random.IntN(len(words))]
		}
		text := fmt.Sprintf(`","level":%q,"msg":%q,"path":%q,"ms":%d}`, level, strings.Join(said, " "), paths[random.IntN(len(paths))], random.IntN(5000))
		m.bodies[i] = body{text: text, escaped: escape(text), debug: level == "debug"}
	}
	return m
}

// NewSpreadMaker makes a maker of the same objects, each of which is printed over four lines,
// as some programs do: Docker makes a record of each, and only together are they JSON. What
// is called a line here is the object as a whole.
func NewSpreadMaker(seed uint64) *Maker {
	m := NewJSONMaker(seed)
	m.spread = true
	for i, b := range m.bodies {
		text := strings.NewReplacer(`","level":`, "\",\n  \"level\":", `,"msg":`, ",\n  \"msg\":", `,"path":`, ",\n  \"path\":").Replace(b.text)
		m.bodies[i].text = text
	}
	return m
}

// Debug reports whether the level of a line of JSON is debug.
func (m *Maker) Debug(h Header) bool {
	b, _, _ := m.draw(h)
	return b.debug
}

// Text returns a line without line feed, valid until the next call, and the
// stream that it goes to.
func (m *Maker) Text(h Header) (text []byte, stderr bool) {
	b, id, stderr := m.draw(h)
	if m.json {
		m.text = append(m.text[:0], jsonHead...)
		m.text = AppendHeader(m.text, h)
		m.text = append(m.text, jsonID...)
		m.text = append(m.text, id[:]...)
		m.text = append(m.text, b.text...)
		return m.text, stderr
	}
	m.text = AppendHeader(m.text[:0], h)
	m.text = append(m.text, b.text...)
	m.text = append(m.text, id[:]...)
	return m.text, stderr
}

// AppendRecord appends the line as Docker's json-file driver stores it, with
// line feed, given the record's timestamp in Unix nanoseconds. Of a line that is spread
// these are several records, a nanosecond apart.
func (m *Maker) AppendRecord(dst []byte, h Header, nano int64) []byte {
	if m.spread {
		return m.appendSpread(dst, h, nano)
	}
	b, id, stderr := m.draw(h)
	dst = append(dst, `{"log":"`...)
	if m.json {
		dst = append(dst, `{\"h\":\"`...)
		dst = AppendHeader(dst, h)
		dst = append(dst, `\",\"id\":\"r`...)
		dst = append(dst, id[:]...)
		dst = append(dst, b.escaped...)
	} else {
		dst = AppendHeader(dst, h)
		dst = append(dst, b.escaped...)
		dst = append(dst, id[:]...)
	}
	return appendEnd(dst, stderr, nano)
}

func (m *Maker) appendSpread(dst []byte, h Header, nano int64) []byte {
	text, stderr := m.Text(h)
	for part := range strings.SplitSeq(string(text), "\n") {
		dst = append(dst, `{"log":"`...)
		dst = append(dst, escape(part)...)
		dst = appendEnd(dst, stderr, nano)
		nano++
	}
	return dst
}

// appendEnd appends what a record has behind the text.
func appendEnd(dst []byte, stderr bool, nano int64) []byte {
	if stderr {
		dst = append(dst, `\n","stream":"stderr","time":"`...)
	} else {
		dst = append(dst, `\n","stream":"stdout","time":"`...)
	}
	// This format trims zeros, as Docker does.
	dst = time.Unix(0, nano).UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"', '}', '\n')
}

// stderrEvery is the share of lines that go to stderr: one in so many.
const stderrEvery = 16

// draw chooses what a line says. It has an identifier of its own.
func (m *Maker) draw(h Header) (b *body, id [16]byte, stderr bool) {
	z := mix(m.seed ^ mix(uint64(h.Container)<<40|uint64(h.Number)))
	var raw [8]byte
	for i := range raw {
		raw[i] = byte(z >> (8 * i))
	}
	hex.Encode(id[:], raw[:])
	return &m.bodies[z%bodies], id, z>>32%stderrEvery == 0
}

var (
	words  = strings.Fields("request served cache miss connection opened retry worker queue started finished user session token expired upstream timeout order payment accepted stored index rebuilt batch flushed")
	levels = strings.Fields("debug info info info info warn error")
	paths  = strings.Fields("/api/v1/orders /api/v1/users /static/app.js /healthz /login /search /api/v2/items/77 /metrics")
)

// compose makes a body: one in five has nothing to escape, as access logs and
// plain messages do; the others are structured, and a few hold markup, tabs,
// colours or other scripts.
func compose(r *rand.Rand, i int) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	some := func(n int) string {
		out := make([]string, n)
		for i := range out {
			out[i] = pick(words)
		}
		return strings.Join(out, " ")
	}
	switch i % 10 {
	case 0:
		return fmt.Sprintf("%s %s %s id=", strings.ToUpper(pick(levels)), pick(paths), some(9+r.IntN(8)))
	case 1:
		return fmt.Sprintf("10.%d.%d.%d - - GET %s HTTP/1.1 %d %d %.3f %s ", r.IntN(256), r.IntN(256), r.IntN(256),
			pick(paths), 200+r.IntN(4)*100, r.IntN(100000), r.Float64()*3, some(5+r.IntN(8)))
	case 2, 3, 4, 5, 6:
		return fmt.Sprintf(`{"level":%q,"msg":%q,"path":%q,"ms":%d} `, pick(levels), some(2+r.IntN(10)), pick(paths), r.IntN(5000))
	case 7, 8:
		return fmt.Sprintf(`level=%s msg=%q path=%s rows=%d caller=store/rows.go:%d id=`, pick(levels), some(4+r.IntN(10)), pick(paths), r.IntN(1000), r.IntN(900))
	default:
		odd := []string{"<a href=x>", "a && b", "col1\tcol2\tcol3", "\x1b[32mok\x1b[0m", "größe", "水温", "C:\\logs\\app", "🚢"}
		return fmt.Sprintf("%s %s %s %s ", pick(odd), some(4+r.IntN(6)), pick(odd), some(3+r.IntN(5)))
	}
}

// escape writes a text the way Docker does in a json-file.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20 || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
