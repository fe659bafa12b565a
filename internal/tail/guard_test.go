package tail

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// TestGuardShows is the table of what the bytes before the cursor show, in both formats.
func TestGuardShows(t *testing.T) {
	line := []byte(strings.Repeat("x", tailSize-1) + "\n")
	inside := []byte(strings.Repeat("x", tailSize))
	end := frame(1, logs.Stdout, "text\n", "", 0)
	end = end[len(end)-locallog.Guard:]
	local := append(bytes.Repeat([]byte("x"), frameTail-locallog.Guard), end...)
	insideFrame := bytes.Repeat([]byte("x"), frameTail)
	for name, c := range map[string]struct {
		in     format
		guard  guard
		before []byte
		want   shown
	}{
		"as it was":                      {new(jsonLines), guard{tail: line}, line, remembered},
		"as it was, at the end":          {new(jsonLines), guard{tail: line, rested: true}, line, remembered},
		"something else":                 {new(jsonLines), guard{tail: line}, append([]byte("y"), line[1:]...), another},
		"shorter":                        {new(jsonLines), guard{tail: line}, line[1:], another},
		"zeros instead":                  {new(jsonLines), guard{tail: line, rested: true}, make([]byte, tailSize), zeroed},
		"zeros, as they were":            {new(jsonLines), guard{tail: make([]byte, tailSize), hollow: true}, make([]byte, tailSize), remembered},
		"zeros, nothing remembered":      {new(jsonLines), guard{}, make([]byte, tailSize), zeroed},
		"zeros that end with a record":   {new(jsonLines), guard{rested: true}, append(make([]byte, tailSize-1), '\n'), unknown},
		"a record ends, in one go":       {new(jsonLines), guard{}, line, untouched},
		"a record ends, after a rest":    {new(jsonLines), guard{rested: true}, line, unknown},
		"no record ends":                 {new(jsonLines), guard{}, inside, unknownInside},
		"no record ends, after a rest":   {new(jsonLines), guard{rested: true}, inside, unknownInside},
		"frames as they were":            {frames{}, guard{tail: local}, local, remembered},
		"other frames":                   {frames{}, guard{tail: local}, append([]byte("y"), local[1:]...), another},
		"a frame ends, in one go":        {frames{}, guard{}, local, untouched},
		"a frame ends, after a rest":     {frames{}, guard{rested: true}, local, unknown},
		"no frame ends":                  {frames{}, guard{}, insideFrame, unknownInside},
		"zeros where frames were":        {frames{}, guard{tail: local}, make([]byte, frameTail), zeroed},
		"less than the end of one frame": {frames{}, guard{}, local[len(local)-1:], unknownInside},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.guard.shows(c.before, c.in); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// TestGuardKeep is the table of what is remembered of a chunk: the bytes as they are in the
// file, which decoding may have changed in memory, and zeros.
func TestGuardKeep(t *testing.T) {
	content := []byte(strings.Repeat("first\n", 20) + strings.Repeat("second\n", 10))
	end := int64(len(content))
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in           format
		offset       int64
		taken        []byte
		ends, whole  bool
		before, want []byte
		hollow       bool
	}{
		"the end of a record":         {new(jsonLines), end, content, true, true, nil, content[end-tailSize:], false},
		"all there is before":         {new(jsonLines), 6, content[:6], true, true, nil, content[:6], false},
		"not the end of a record":     {new(jsonLines), end, content, false, true, nil, nil, false},
		"zeros":                       {new(jsonLines), end, make([]byte, tailSize), false, true, nil, make([]byte, tailSize), true},
		"fewer zeros":                 {new(jsonLines), end, make([]byte, tailSize-1), false, true, nil, nil, false},
		"a whole chunk of frames":     {frames{}, end, content, true, true, content[end-9:], content[end-9:], false},
		"a part of a chunk of frames": {frames{}, 30, content[:30], true, false, content[end-9:], content[:30], false},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := openGeneration(path, c.in)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = g.close() }()
			k := guard{tail: []byte("older"), hollow: !c.hollow}
			k.keep(&g.fileContent, c.offset, c.taken, c.ends, c.whole, c.before)
			if !bytes.Equal(k.tail, c.want) || k.hollow != c.hollow {
				t.Errorf("%q hollow %v, want %q", k.tail, k.hollow, c.want)
			}
			if len(c.want) > 0 && !c.hollow && c.offset == end && c.before == nil && k.shows(k.tail, c.in) != remembered {
				t.Error("what is remembered is not known again")
			}
		})
	}
}

// TestGuardAhead: a file whose one stream is ahead is guarded at that place, too.
func TestGuardAhead(t *testing.T) {
	w := newWriter(t)
	w.number(0, 20)
	g, err := openGeneration(w.live, new(jsonLines))
	w.must(err)
	defer func() { _ = g.close() }()
	size, _ := g.length()
	g.offset, g.skip = 10, [logs.Streams]int64{10, size}
	g.guard.find(&g.fileContent, &g.cursor)
	if g.guard.ahead != size || g.guard.changed(&g.fileContent, g.offset) {
		t.Fatalf("%+v", g.guard)
	}
	w.must(os.WriteFile(w.live, bytes.Repeat([]byte("y"), int(size)), 0o600))
	if !g.guard.changed(&g.fileContent, g.offset) {
		t.Error("what was ahead is another's, and is not noticed")
	}
	if g.guard.changed(&g.fileContent, size) {
		t.Error("once it is read to there, only the tail counts")
	}
}
