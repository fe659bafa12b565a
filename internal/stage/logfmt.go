package stage

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/buger/jsonparser"
)

// logfmtStage extracts values of key=value pairs.
type logfmtStage struct {
	source slot
	keys   []logfmtKey
}

type logfmtKey struct {
	key string
	to  slot
}

func newLogfmt(b *builder, f *fields) step {
	f.read("mapping", "source")
	l := &logfmtStage{source: f.source()}
	for _, p := range f.pairs(f.keys["mapping"]) {
		key := p.value
		if key == "" {
			key = p.key
		}
		l.keys = append(l.keys, logfmtKey{key, b.name(p.key)})
	}
	if len(l.keys) == 0 {
		f.at("mapping", "mapping is missing: a map of names to keys, like level: lvl")
	}
	return l
}

func (l *logfmtStage) run(r *Run, e *Entry, n *node) *node {
	in, ok := r.input(e, l.source)
	if !ok {
		return n.next
	}
	for s := (logfmtScanner{rest: in, r: r}); s.scan(); {
		for i := range l.keys {
			if l.keys[i].key == string(s.key) {
				e.set(l.keys[i].to, s.value)
			}
		}
	}
	return n.next
}

// EachPair tells of the pairs of a line of logfmt, and reports whether it is one to its end.
// The value of a key alone is nil.
func EachPair(line []byte, pair func(key, value []byte)) bool {
	s := logfmtScanner{rest: line}
	for s.scan() {
		pair(s.key, s.value)
	}
	return s.err == nil
}

// logfmtScanner reads the same pairs as package go-logfmt, without a buffer of its own:
// that one takes 4 KiB for each line and ends at 64. Pairs before a mistake are read.
type logfmtScanner struct {
	rest       []byte
	key, value []byte
	r          *Run
	err        error
}

var errLogfmt = errors.New("no logfmt")

// scan reads the next pair, and reports whether there was one.
func (s *logfmtScanner) scan() bool {
	s.key, s.value = nil, nil
	i := 0
	for i < len(s.rest) && s.rest[i] <= ' ' {
		i++
	}
	if s.rest = s.rest[i:]; len(s.rest) == 0 || s.err != nil {
		return false
	}
	i = 0
	wide := false
	for i < len(s.rest) && s.rest[i] > ' ' && s.rest[i] != '=' {
		if s.rest[i] == '"' {
			return s.fail()
		}
		wide = wide || s.rest[i] >= utf8.RuneSelf
		i++
	}
	s.key = s.rest[:i]
	if i == 0 || wide && bytes.ContainsRune(s.key, utf8.RuneError) {
		return s.fail()
	}
	if s.rest = s.rest[i:]; len(s.rest) == 0 || s.rest[0] != '=' {
		return true
	}
	s.rest = s.rest[1:]
	if len(s.rest) > 0 && s.rest[0] == '"' {
		return s.quoted()
	}
	i = 0
	for i < len(s.rest) && s.rest[i] > ' ' {
		if s.rest[i] == '=' || s.rest[i] == '"' {
			return s.fail()
		}
		i++
	}
	s.value, s.rest = s.rest[:i], s.rest[i:]
	return true
}

func (s *logfmtScanner) quoted() bool {
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\n':
			// The library reads line by line.
			return s.fail()
		case '\\':
			i++
		case '"':
			s.value, s.rest = s.rest[1:i], s.rest[i+1:]
			if bytes.IndexByte(s.value, '\\') >= 0 {
				return s.unquote()
			}
			return true
		}
	}
	return s.fail()
}

func (s *logfmtScanner) unquote() bool {
	for _, c := range s.value {
		if c < ' ' {
			return s.fail()
		}
	}
	if s.r == nil {
		out, err := jsonparser.Unescape(s.value, nil)
		s.value = out
		return err == nil || s.fail()
	}
	out, err := s.r.unescape(s.value)
	s.value = out
	return err == nil || s.fail()
}

func (s *logfmtScanner) fail() bool {
	s.err, s.rest, s.key, s.value = errLogfmt, nil, nil, nil
	return false
}
