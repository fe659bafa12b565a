package floor

import (
	"encoding/binary"
	"time"
)

// clock reads what follows a text: `,"stream":"stdout","time":"2006-01-02T15:04:05.999999999Z"}`
// and the line feed. It keeps the minute that it saw last.
type clock struct {
	date, minute uint64 // the 16 bytes up to the minute
	base         int64
}

const (
	stampAt = len(`,"stream":"stdout","time":"`)
	tailMin = stampAt + len(`2006-01-02T15:04:05Z"}`) + 1
)

var tens = [...]int64{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1}

// tail returns the timestamp and the size of all; 0 when s is too short for it.
// ok is false when it has another shape.
func (c *clock) tail(s []byte) (nano int64, size int, ok bool) {
	if len(s) < tailMin {
		return 0, 0, true
	}
	at := s[stampAt:]
	date, minute := binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[8:])
	if date != c.date || minute != c.minute {
		t, err := time.Parse("2006-01-02T15:04", string(at[:16]))
		if err != nil {
			return 0, 1, false
		}
		c.date, c.minute, c.base = date, minute, t.Unix()
	}
	seconds := int64(at[17]-'0')*10 + int64(at[18]-'0')
	i, fraction := 19, int64(0)
	if at[i] == '.' {
		i++
		if len(at) >= 32 {
			// Eight digits at once, whatever of them there is.
			if v, all := eight(binary.LittleEndian.Uint64(at[i:])); all {
				fraction, i = v, i+8
			}
		}
		for i < len(at) && at[i]-'0' < 10 {
			fraction = fraction*10 + int64(at[i]-'0')
			i++
		}
		if i > 29 {
			return 0, 1, false
		}
		fraction *= tens[i-20]
	}
	if len(at) < i+4 {
		return 0, 0, true
	}
	if at[i] != 'Z' || at[i+3] != '\n' {
		return 0, 1, false
	}
	return (c.base+seconds)*1e9 + fraction, stampAt + i + 4, true
}

// eight reads eight digits.
func eight(word uint64) (n int64, ok bool) {
	word ^= 0x3030303030303030
	if (word|(word+0x0606060606060606))&0xf0f0f0f0f0f0f0f0 != 0 {
		return 0, false
	}
	word = word*10 + word>>8
	return int64((((word & 0x000000ff000000ff) * 0x000f424000000064) +
		((word >> 16 & 0x000000ff000000ff) * 0x0000271000000001)) >> 32), true
}
