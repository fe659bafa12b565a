package console

// style is what the sequences of a line have selected so far.
type style struct{ front, back shade }

// shade is a colour: how bright it is, and, as different ones may be equally
// bright, which of the eight basic ones. The zero shade is the terminal's own.
type shade struct {
	set   bool
	light int // from 0, which is black, to 255
	basic int // 1 to 8, 0 for others
}

// How bright a colour may be that is seen on a black terminal and on a white one,
// and how far the brightness of text has to be from that of its background.
const (
	darkest  = 60
	lightest = 235
	contrast = 60
)

// readable reports whether text can be told from its background, on terminals of
// any kind.
func (s style) readable() bool {
	front, back := s.front, s.back
	switch {
	case !back.set:
		return !front.set || front.light >= darkest && front.light <= lightest
	case !front.set:
		// The terminal's own may be black or white.
		return back.light >= darkest && back.light <= lightest-contrast
	case front.basic != 0 && front.basic == back.basic:
		return false
	}
	return front.light-back.light >= contrast || back.light-front.light >= contrast
}

// maxSGR bounds the length of a sequence that is taken for a colour.
const maxSGR = 32

// selectsColor returns the length of the sequence ESC [ digits ; m at the start of
// s, if it selects harmless colours and the like, and the style afterwards; or 0.
func selectsColor(s []byte, now style) (size int, next style) {
	if len(s) < 3 || s[0] != 0x1b || s[1] != '[' {
		return 0, now
	}
	var codes []int
	code := 0
	for i, c := range s[2:min(len(s), maxSGR)] {
		switch {
		case c >= '0' && c <= '9':
			code = min(10*code+int(c-'0'), 1000)
			continue
		case c != ';' && c != ':' && c != 'm':
			return 0, now
		}
		if codes = append(codes, code); c != 'm' {
			if c == ':' {
				codes[len(codes)-1] |= colon
			}
			code = 0
			continue
		}
		if next, ok := now.apply(codes); ok && next.readable() {
			return i + 3, next
		}
		return 0, now
	}
	return 0, now
}

// colon marks a code that a colon follows: one with parts of its own.
const colon = 1 << 16

// apply returns the style after codes, and false if one of them may hide something.
func (s style) apply(codes []int) (style, bool) {
	for len(codes) > 0 {
		code := codes[0]
		used := 1
		switch {
		case code == 0:
			s = style{}
		case code >= 1 && code <= 4, code == 7, code == 9, code >= 21 && code <= 29:
			// Bold, faint, italic, underlined, inverse, struck out; and none of these.
		case code >= 30 && code <= 37:
			s.front = basic(code-30, false)
		case code >= 90 && code <= 97:
			s.front = basic(code-90, true)
		case code >= 40 && code <= 47:
			s.back = basic(code-40, false)
		case code >= 100 && code <= 107:
			s.back = basic(code-100, true)
		case code == 39:
			s.front = shade{}
		case code == 49:
			s.back = shade{}
		case code&^colon == 38:
			s.front, used = extended(codes)
		case code&^colon == 48:
			s.back, used = extended(codes)
		default:
			return s, false
		}
		if used == 0 {
			return s, false
		}
		codes = codes[used:]
	}
	return s, true
}

// basic is one of the eight colours: black, red, green, yellow, blue, magenta, cyan
// and white. What they look like is up to the terminal: of the bright ones, black is
// grey.
func basic(n int, bright bool) shade {
	light := [...]int{0, 80, 120, 150, 70, 100, 140, 200}[n]
	if bright {
		light = [...]int{110, 120, 180, 210, 110, 140, 190, 255}[n]
	}
	return shade{true, light, n + 1}
}

// extended reads 38 or 48 with its parameters, 5;N or 2;R;G;B, and returns how many
// codes that were: 0 for none that is known. Between colons 2 may have a place for a
// colour space before the colours.
func extended(codes []int) (shade, int) {
	parts := codes[0]&colon != 0
	at := func(i int) int { return codes[i] &^ colon }
	if len(codes) >= 3 && at(1) == 5 && at(2) <= 255 {
		return indexed(at(2)), 3
	}
	first := 2
	if parts && len(codes) >= 6 && codes[5-1]&colon != 0 {
		first = 3
	}
	if len(codes) < first+3 || at(1) != 2 {
		return shade{}, 0
	}
	r, g, b := at(first), at(first+1), at(first+2)
	if max(r, g, b) > 255 {
		return shade{}, 0
	}
	return mixed(r, g, b), first + 3
}

// indexed is one of 256 colours: the basic ones, a cube of six steps, and greys.
func indexed(n int) shade {
	const cube, greys = 16, 232
	switch {
	case n < 8:
		return basic(n, false)
	case n < cube:
		return basic(n-8, true)
	case n >= greys:
		grey := 8 + 10*(n-greys)
		return mixed(grey, grey, grey)
	}
	step := [...]int{0, 95, 135, 175, 215, 255}
	n -= cube
	return mixed(step[n/36], step[n/6%6], step[n%6])
}

// mixed is a colour of red, green and blue.
func mixed(r, g, b int) shade { return shade{set: true, light: (299*r + 587*g + 114*b) / 1000} }
