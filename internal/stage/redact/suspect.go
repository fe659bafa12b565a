package redact

import "bytes"

// suspect reports whether there may be something to take out of a line. It sees few of its
// bytes: a token is a run of at least shortest bytes that tokens are made of, so one in
// every shortest bytes is enough to find it. That keeps lines without a match cheap.
func (r *Redactor) suspect(line []byte) bool {
	return r.addresses ||
		r.mails && bytes.IndexByte(line, '@') >= 0 ||
		r.tokens && (keyed(line) || r.tokened(line)) ||
		r.cards && numbered(line)
}

const (
	// shortest is xoxb- and ten bytes.
	shortest = 15
	// shortestCard has no blanks.
	shortestCard = 13
)

var (
	tokenByte = class(base64, '.', '-')
	cardByte  = class(digit, ' ', '-')
)

func class(is func(byte) bool, others ...byte) (t [256]bool) {
	for c := range t {
		t[c] = is(byte(c))
	}
	for _, c := range others {
		t[c] = true
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

// tokened reports whether there is a token other than a private key.
func (r *Redactor) tokened(line []byte) bool {
	for i := shortest - 1; i < len(line); i += shortest {
		if !tokenByte[line[i]] {
			continue
		}
		from, to := i, i+1
		for from > 0 && tokenByte[line[from-1]] {
			from--
		}
		for to < len(line) && tokenByte[line[to]] {
			to++
		}
		if to-from >= shortest {
			var s pass
			for k := from + 1; k < to; k++ {
				if !before[line[k]].has(line[k-1]) {
					continue
				}
				c := r.watch[line[k]] &^ (numeral | sign | colon)
				if _, end, _ := s.look(r, line, k, c); end > 0 {
					return true
				}
			}
		}
		// The byte at to is none of a token.
		i = to
	}
	return false
}

// numbered reports whether there is a number as long as that of a card.
func numbered(line []byte) bool {
	for i := shortestCard - 1; i < len(line); i += shortestCard {
		if !cardByte[line[i]] {
			continue
		}
		from, to, digits := i, i, 0
		for from > 0 && cardByte[line[from-1]] {
			from--
			if digit(line[from]) {
				digits++
			}
		}
		for to < len(line) && cardByte[line[to]] {
			if digit(line[to]) {
				digits++
			}
			to++
		}
		if digits >= shortestCard {
			return true
		}
		i = to
	}
	return false
}
