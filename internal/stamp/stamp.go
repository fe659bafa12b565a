package stamp

import "time"

// minuteLen is the length of "2006-01-02T15:04".
const minuteLen = 16

// Parser parses timestamps. It keeps the last minute seen, since consecutive
// ones share all but their seconds. The zero value is ready; a Parser is used
// by one goroutine at a time.
type Parser struct {
	minute [minuteLen]byte
	// base is the Unix time of minute in seconds; minute is valid when known.
	base  int64
	known bool
}

// Representable tells whether all times of a year fit Unix nanoseconds.
func Representable(year int) bool { return year >= 1679 && year <= 2261 }

// Parse returns Unix nanoseconds; ok is false for every other form.
func (c *Parser) Parse(s []byte) (nano int64, ok bool) {
	// Shortest: 2006-01-02T15:04:05Z, longest: with nine digits of fraction.
	if len(s) < 20 || len(s) > 30 || s[len(s)-1] != 'Z' || s[16] != ':' {
		return 0, false
	}
	if !c.known || string(s[:minuteLen]) != string(c.minute[:]) {
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
	copy(c.minute[:], minute)
	c.base, c.known = at.Unix(), true
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
	for _, digit := range s[1:] {
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
