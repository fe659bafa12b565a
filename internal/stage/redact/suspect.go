package redact

import "bytes"

// suspect reports whether there may be something to take out of a line, which for
// most lines is not so: it is for every line, and costs a fraction of a pass.
func (r *Redactor) suspect(line []byte) bool {
	return r.addresses ||
		r.mails && bytes.IndexByte(line, '@') >= 0 ||
		r.tokens && (keyed(line) || r.tokened(line)) ||
		r.cards && numbered(line)
}

const (
	// shortest is the shortest token, xoxb- and ten bytes: no other has fewer behind its sign.
	shortest, behindSign = 15, 10
	// shortestCard has no blanks.
	shortestCard = 13
)

var (
	// tokenByte are the bytes of tokens, of any kind.
	tokenByte = class(base64, '.', '-')
	// cardByte are the bytes of a card's number.
	cardByte = class(digit, ' ', '-')
)

// class has 1 for the bytes of a class.
func class(is func(byte) bool, others ...byte) (t [256]uint8) {
	for c := range t {
		if is(byte(c)) {
			t[c] = 1
		}
	}
	for _, c := range others {
		t[c] = 1
	}
	return t
}

// keyed reports whether a private key may begin in a line.
func keyed(line []byte) bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(line[at:], 'B')
		if i < 0 {
			return false
		}
		if at += i; at >= 5 && len(line)-at > 6 && string(line[at-1:at+6]) == "-BEGIN " {
			return true
		}
	}
}

// tokened reports whether there is a token other than a private key. As long as the shortest
// are, each has eight bytes in it that begin at a multiple of eight. These are looked at
// together, as nobody foresees which byte ends a word: most lines have few words so long.
func (r *Redactor) tokened(line []byte) bool {
	of := &tokenByte
	for i := 0; i+8 <= len(line); i += 8 {
		b := line[i : i+8 : i+8]
		if of[b[0]]&of[b[1]]&of[b[2]]&of[b[3]]&of[b[4]]&of[b[5]]&of[b[6]]&of[b[7]] == 0 {
			continue
		}
		from, to := i, i+8
		for from > 0 && of[line[from-1]] != 0 {
			from--
		}
		for to < len(line) && of[line[to]] != 0 {
			to++
		}
		if to-from >= shortest && r.tokenIn(line, from, to) {
			return true
		}
		i = to &^ 7 // the byte at to is none of a token
	}
	return false
}

// tokenIn reports whether there is a token in a stretch of bytes that tokens have.
func (r *Redactor) tokenIn(line []byte, from, to int) bool {
	var s pass
	for i := from + 1; i < to-behindSign; i++ {
		class := r.tokenSigns[line[i]]
		if class == 0 || !before[line[i]].has(line[i-1]) {
			continue
		}
		if _, end, _ := s.look(r, line, i, class); end > 0 {
			return true
		}
	}
	return false
}

// numbered reports whether there is a card's number. Most numbers that are as long as one are
// times in nanoseconds, and end it here.
func numbered(line []byte) bool {
	for at := 0; at+shortestCard <= len(line); {
		i := at + shortestCard - 1
		for i >= at && cardByte[line[i]] != 0 {
			i--
		}
		if i >= at {
			at = i + 1
			continue
		}
		end := at + shortestCard
		for end < len(line) && cardByte[line[end]] != 0 {
			end++
		}
		if cardIn(line, at, end) {
			return true
		}
		at = end + 1
	}
	return false
}

// cardIn reports whether there is a card's number in a stretch of digits and what may be
// between them: it begins where that does, or behind a gap.
func cardIn(line []byte, from, to int) bool {
	for k := from; k+shortestCard <= to; k++ {
		if (k == from || !digit(line[k-1])) && line[k] >= '2' && line[k] <= '6' && border(line, k) && card(line, k) > 0 {
			return true
		}
	}
	return false
}
