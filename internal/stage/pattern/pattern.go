package pattern

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Pattern is a compiled expression. It may be used by several goroutines.
type Pattern struct {
	// Regexp is the expression itself, for what Match has let through.
	*regexp.Regexp
	// any are texts of which a match has at least one; none when nothing is known.
	any []literal
	// whole: having the text is all that the expression asks for.
	whole bool
}

// literal is a text that is looked for, in lower case where case does not matter.
type literal struct {
	text []byte
	fold bool
	// beyond: letters of other scripts count as letters of the text, as K for Kelvin does
	// as k.
	beyond bool
	// cut: text is not all of what the expression asks for.
	cut bool
}

// maxAlternatives is from how many texts on it is no longer worth looking for them.
const maxAlternatives = 12

// Compile compiles an expression.
func Compile(expr string) (*Pattern, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	p := &Pattern{Regexp: re}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return p, nil //nolint:nilerr // regexp has taken it, so it works without the look for literals
	}
	tree = tree.Simplify()
	p.any = needed(tree)
	p.whole = tree.Op == syntax.OpLiteral && tree.Flags&syntax.FoldCase == 0 && len(p.any) == 1 && !p.any[0].cut
	return p, nil
}

// MatchBytes reports whether there is a match in b.
func (p *Pattern) MatchBytes(b []byte) bool {
	if !p.Possible(b) {
		return false
	}
	return p.whole || p.Match(b)
}

// Possible reports whether there may be a match in b. It is cheap.
func (p *Pattern) Possible(b []byte) bool {
	if len(p.any) == 0 {
		return true
	}
	for i := range p.any {
		if p.any[i].in(b) {
			return true
		}
	}
	return false
}

func (l *literal) in(b []byte) bool {
	if !l.fold {
		return bytes.Contains(b, l.text)
	}
	return containsFold(b, l.text) || l.beyond && (bytes.IndexByte(b, 0xe2) >= 0 || bytes.IndexByte(b, 0xc5) >= 0)
}

// containsFold reports whether b has a text in lower case, whatever the case in b.
func containsFold(b, lower []byte) bool {
	c := lower[0]
	for i := 0; i+len(lower) <= len(b); i++ {
		if b[i]|0x20 != c && b[i] != c {
			continue
		}
		if equalFold(b[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}

func equalFold(b, lower []byte) bool {
	for i, c := range lower {
		d := b[i]
		if d >= 'A' && d <= 'Z' {
			d |= 0x20
		}
		if d != c {
			return false
		}
	}
	return true
}

// needed returns texts of which every match has at least one, or none.
func needed(re *syntax.Regexp) []literal {
	switch re.Op {
	case syntax.OpLiteral:
		return one(re)
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []literal
		for _, sub := range re.Sub {
			if found := needed(sub); weight(found) > weight(best) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range re.Sub {
			found := needed(sub)
			if len(found) == 0 || len(all)+len(found) > maxAlternatives {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
}

func one(re *syntax.Regexp) []literal {
	text := string(re.Rune)
	if re.Flags&syntax.FoldCase == 0 {
		// The expression's U+FFFD also matches bytes that are no UTF-8.
		if strings.ContainsRune(text, utf8.RuneError) {
			return nil
		}
		// A text that begins with a rare byte is found faster.
		if short := strings.TrimLeft(text, " "); len(short) >= 3 {
			return []literal{{text: []byte(short), cut: len(short) < len(text)}}
		}
		return []literal{{text: []byte(text)}}
	}
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return nil
		}
	}
	lower := strings.ToLower(text)
	return []literal{{text: []byte(lower), fold: true, beyond: strings.ContainsAny(lower, "ks")}}
}

// weight says how much a look for texts helps: the shortest of them counts, few are better
// than many, and case costs.
func weight(list []literal) int {
	if len(list) == 0 {
		return 0
	}
	least := 1 << 20
	for _, l := range list {
		w := 4 * len(l.text)
		if l.fold {
			w /= 2
		}
		least = min(least, w)
	}
	return max(1, least/len(list))
}
