package sift

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrTooLarge tells that there is more than was to be read.
var ErrTooLarge = errors.New("it is too large")

// ErrTorn tells that it ends too early.
var ErrTorn = errors.New("it ends too early")

// Decoder reads one value after another. Each method that reads one passes over the white
// space before it. After an error nothing more can be read.
type Decoder struct {
	in io.Reader
	// buf[at:end] was read and not taken yet.
	buf     []byte
	at, end int
	// left is how much may still be read.
	left int64
}

const bufferSize = 16 << 10

// New makes a decoder that reads up to a number of bytes.
func New(in io.Reader, limit int64) *Decoder {
	return &Decoder{in: in, buf: make([]byte, bufferSize), left: limit}
}

// maxKey is how much of a key is kept, in bytes; those that are cut are none that anybody
// asks for.
const maxKey = 4 << 10

// Object calls f with every key; f must read the value or Skip it. A null has no keys.
func (d *Decoder) Object(f func(key string) error) error {
	return d.list('{', '}', func() error {
		key, _, err := d.String(maxKey)
		if err != nil {
			return err
		}
		if c, err := d.next(); err != nil || c != ':' {
			return unexpected(c, err)
		}
		return f(key)
	})
}

// Array calls f for every element, which it must read or Skip. A null has none.
func (d *Decoder) Array(f func() error) error { return d.list('[', ']', f) }

// list reads what stands between two brackets, with commas between.
func (d *Decoder) list(open, end byte, f func() error) error {
	c, err := d.next()
	if err == nil && c == 'n' {
		d.at--
		return d.Skip()
	}
	if err != nil || c != open {
		return unexpected(c, err)
	}
	if c, err = d.next(); err != nil || c == end {
		return err
	}
	d.at--
	for {
		if err := f(); err != nil {
			return err
		}
		switch c, err := d.next(); {
		case err != nil:
			return err
		case c == end:
			return nil
		case c != ',':
			return unexpected(c, nil)
		}
	}
}

// Bool reads true or false; a null is false.
func (d *Decoder) Bool() (bool, error) {
	c, err := d.next()
	if err != nil || c != 't' && c != 'f' && c != 'n' {
		return false, unexpected(c, err)
	}
	d.at--
	return c == 't', d.Skip()
}

// String reads a string, of which it keeps up to a number of bytes: whole characters. cut
// tells that there was more. A null is the empty string.
func (d *Decoder) String(keep int) (text string, cut bool, err error) {
	c, err := d.next()
	if err == nil && c == 'n' {
		d.at--
		return "", false, d.Skip()
	}
	if err != nil || c != '"' {
		return "", false, unexpected(c, err)
	}
	s := kept{limit: keep}
	if err := d.string(&s); err != nil {
		return "", false, err
	}
	return s.text(), s.cut, nil
}

// string reads a string from behind its first quote into s.
func (d *Decoder) string(s *kept) error {
	for {
		if err := d.fill(); err != nil {
			return err
		}
		span := d.buf[d.at:d.end]
		quote := bytes.IndexByte(span, '"')
		if quote >= 0 {
			span = span[:quote]
		}
		escape := bytes.IndexByte(span, '\\')
		if escape >= 0 {
			span = span[:escape]
		}
		s.add(span...)
		d.at += len(span)
		switch {
		case escape >= 0:
			d.at++
			if err := d.escape(s); err != nil {
				return err
			}
		case quote >= 0:
			d.at++
			return nil
		}
	}
}

// escapes are the letters behind a backslash, and what they stand for.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads what stands behind a backslash.
func (d *Decoder) escape(s *kept) error {
	c, err := d.byte()
	if err != nil {
		return err
	}
	if plain, ok := escapes[c]; ok {
		s.flush()
		s.add(plain)
		return nil
	}
	if c != 'u' {
		return unexpected(c, nil)
	}
	unit, err := d.hex()
	if err != nil {
		return err
	}
	s.unit(unit)
	return nil
}

func (d *Decoder) hex() (unit rune, err error) {
	for range 4 {
		c, err := d.byte()
		if err != nil {
			return 0, err
		}
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if c < '0' || digit < 0 {
			return 0, unexpected(c, nil)
		}
		unit = unit<<4 | rune(digit) //nolint:gosec // 0 to 15
	}
	return unit, nil
}

// kept is what is kept of a string.
type kept struct {
	limit int
	bytes []byte
	cut   bool
	// high is the first half of a surrogate pair, 0 for none.
	high rune
}

// add adds bytes as they stand in the text.
func (s *kept) add(b ...byte) {
	if len(b) == 0 {
		return
	}
	s.flush()
	if room := s.limit - len(s.bytes); len(b) > room {
		b, s.cut = b[:max(0, room)], true
	}
	s.bytes = append(s.bytes, b...)
}

// unit adds a code unit of UTF-16.
func (s *kept) unit(unit rune) {
	if s.high != 0 {
		if both := utf16.DecodeRune(s.high, unit); both != utf8.RuneError {
			s.high = 0
			s.rune(both)
			return
		}
	}
	s.flush()
	if utf16.IsSurrogate(unit) && unit < 0xdc00 {
		s.high = unit
		return
	}
	s.rune(unit)
}

// flush adds half a surrogate pair, of which the other half has not come.
func (s *kept) flush() {
	if s.high != 0 {
		s.high = 0
		s.rune(utf8.RuneError)
	}
}

func (s *kept) rune(r rune) {
	if !s.cut {
		s.add(utf8.AppendRune(nil, r)...) // which makes surrogates U+FFFD
	}
}

// text returns what was kept, without a character of which a part was cut off, and with
// U+FFFD in place of each byte that is no UTF-8.
func (s *kept) text() string {
	s.flush()
	b := s.bytes
	if s.cut {
		for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
			if tail := b[len(b)-back:]; utf8.RuneStart(tail[0]) {
				if !utf8.FullRune(tail) {
					b = b[:len(b)-back]
				}
				break
			}
		}
	}
	if utf8.Valid(b) {
		return string(b)
	}
	text := string([]rune(string(b)))
	if s.limit < len(text) { // each replacement is longer than what it replaces
		s.cut = true
		text = text[:s.limit]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// Skip passes over a value. What it passes over is not checked.
func (d *Decoder) Skip() error {
	c, err := d.next()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		return d.string(&kept{})
	case '{', '[':
		return d.skipNested()
	case ',', ':', '}', ']':
		return unexpected(c, nil)
	}
	for {
		switch c, err := d.peek(); {
		case errors.Is(err, ErrTorn):
			return nil // the end of a number at the top
		case err != nil:
			return err
		case bytes.IndexByte([]byte(",:}] \t\r\n\"{["), c) >= 0:
			return nil
		}
		d.at++
	}
}

// skipNested passes over what follows an opening bracket, up to the one that closes it.
func (d *Decoder) skipNested() error {
	for depth := 1; depth > 0; {
		c, err := d.byte()
		switch {
		case err != nil:
			return err
		case c == '"':
			err = d.string(&kept{})
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// End makes sure that nothing more follows.
func (d *Decoder) End() error {
	c, err := d.next()
	if errors.Is(err, ErrTorn) {
		return nil
	}
	return unexpected(c, err)
}

// Allow sets anew how much may be read.
func (d *Decoder) Allow(limit int64) { d.left = limit }

// next returns the next byte that is no white space.
func (d *Decoder) next() (byte, error) {
	for {
		c, err := d.byte()
		if err != nil || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c, err
		}
	}
}

func (d *Decoder) byte() (byte, error) {
	c, err := d.peek()
	if err == nil {
		d.at++
	}
	return c, err
}

func (d *Decoder) peek() (byte, error) {
	if err := d.fill(); err != nil {
		return 0, err
	}
	return d.buf[d.at], nil
}

// maxEmpty is how often a reader may return nothing.
const maxEmpty = 100

// fill makes sure that there is a byte to take. Only what was taken is overwritten, except
// for the last byte, which may be given back.
func (d *Decoder) fill() error {
	for range maxEmpty {
		if d.at < d.end {
			return nil
		}
		if d.left <= 0 {
			return ErrTooLarge
		}
		d.at = 0
		n, err := d.in.Read(d.buf[:min(int64(len(d.buf)), d.left)])
		d.end, d.left = n, d.left-int64(n)
		switch {
		case n > 0: // an error comes again
		case errors.Is(err, io.EOF):
			return ErrTorn
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

func unexpected(c byte, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("it is not the JSON that was expected: there is %q", c)
}
