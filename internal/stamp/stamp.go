package stamp

import (
	"encoding/binary"
	"time"
)

// minuteLen is the length of "2006-01-02T15:04".
const minuteLen = 16

// Parser parses timestamps. It keeps the last minute seen, since consecutive
// ones share all but their seconds. The zero value is ready; a Parser is used
// by one goroutine at a time.
type Parser struct {
	// date and clock are the minute's text as two words, and base is its Unix time in
	// seconds. They are valid when date is not 0, which no text is.
	date, clock uint64
	base        int64
}

// Representable tells whether all times of a year fit Unix nanoseconds.
func Representable(year int) bool { return year >= 1679 && year <= 2261 }

// Parse returns Unix nanoseconds; ok is false for every other form.
func (c *Parser) Parse(s []byte) (nano int64, ok bool) {
	// Shortest: 2006-01-02T15:04:05Z, longest: with nine digits of fraction.
	if len(s) < 20 || len(s) > 30 || s[len(s)-1] != 'Z' || s[16] != ':' {
		return 0, false
	}
	if date, clock := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:]); date != c.date || clock != c.clock || date == 0 {
		if !c.learn(s[:minuteLen]) {
			return 0, false
		}
	}
	tens, ones := s[17]-'0', s[18]-'0'
	if tens > 5 || ones > 9 {
		return 0, false
	}
	fraction, ok := nanos(s[19 : len(s)-1])
	if !ok {
		return 0, false
	}
	return (c.base+int64(tens)*10+int64(ones))*1e9 + fraction, true
}

func (c *Parser) learn(minute []byte) bool {
	at, err := time.Parse("2006-01-02T15:04", string(minute))
	if err != nil || !Representable(at.Year()) {
		return false
	}
	c.date, c.clock = binary.LittleEndian.Uint64(minute), binary.LittleEndian.Uint64(minute[8:])
	c.base = at.Unix()
	return true
}

// nanos parses "" or a point and one to nine digits.
func nanos(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) == 1 {
		return 0, false
	}
	var n int64
	digits := s[1:]
	if len(digits) == 9 {
		// Nine in ten have nine: Docker leaves out zeros at the end.
		eight, ok := eightDigits(binary.LittleEndian.Uint64(digits))
		if !ok {
			return 0, false
		}
		n, digits = eight, digits[8:]
	}
	for _, digit := range digits {
		digit -= '0'
		if digit > 9 {
			return 0, false
		}
		n = n*10 + int64(digit)
	}
	for range 10 - len(s) {
		n *= 10
	}
	return n, true
}

// eightDigits returns the number that eight decimal digits stand for: neighbours are
// joined to two digits, those to four, and those to eight.
func eightDigits(text uint64) (n int64, ok bool) {
	const (
		each  = 0x0101010101010101
		pairs = 0x00ff00ff00ff00ff
		fours = 0x0000ffff0000ffff
	)
	digits := text - each*'0'
	// A byte below '0' borrows, and so has its high bit set, or one above it has; one
	// above '9' gets it from the sum.
	if (text|digits|(digits+each*(0x80-10)))&(each*0x80) != 0 {
		return 0, false
	}
	// The first digit is in the lowest byte.
	digits = (digits*10 + digits>>8) & pairs
	digits = (digits*100 + digits>>16) & fours
	return int64((digits*10000 + digits>>32) & 0xffffffff), true
}
