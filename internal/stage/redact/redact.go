package redact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/stage/pattern"
)

// The presets.
const (
	Tokens    = "tokens"
	Cards     = "cards"
	Mails     = "mails"
	Addresses = "addresses"
)

// Presets are the names of all presets.
func Presets() []string { return []string{Tokens, Cards, Mails, Addresses} }

// Names are what the presets call what they find, each once.
func Names() (names []string) {
	for _, p := range prefixes {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return append(names, "jwt", "private_key", "aws_key", "card", "mail", "address")
}

// Pattern is an expression of one's own. Where it captures something, that alone is
// replaced.
type Pattern struct {
	Name       string
	Expression string
}

// Config says what is taken out.
type Config struct {
	Presets  []string
	Patterns []Pattern
	// Replace stands in the place of what was taken out; empty for <redacted:NAME>.
	Replace string
}

// Redactor takes out what it was made for. It is immutable.
type Redactor struct {
	// watch has the classes that a byte is a sign of.
	watch [256]uint8
	// tokenSigns are those of tokens.
	tokenSigns [256]uint8
	// These presets are asked for.
	tokens, cards, mails, addresses bool

	own     []ownPattern
	replace string
	texts   map[string]string
}

type ownPattern struct {
	name string
	expr *pattern.Pattern
}

// Classes of bytes that begin or are part of something to be taken out.
const (
	underscore uint8 = 1 << iota // ghp_
	hyphen                       // xoxb-
	dot                          // SG.
	letterOf                     // AKIA, eyJ, AIza
	numeral
	sign  // @
	colon // of IPv6
)

// New makes a redactor.
func New(c Config) (*Redactor, error) {
	r := &Redactor{replace: c.Replace, texts: make(map[string]string)}
	for _, preset := range c.Presets {
		if !slices.Contains(Presets(), preset) {
			return nil, fmt.Errorf("there is no preset %q; there are %s", preset, strings.Join(Presets(), ", "))
		}
		r.watchFor(preset)
	}
	for _, p := range c.Patterns {
		expr, err := pattern.Compile(p.Expression)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p.Name, err)
		}
		if expr.MatchString("") {
			return nil, fmt.Errorf("pattern %q matches where there is nothing, so it would fill every line", p.Name)
		}
		r.own = append(r.own, ownPattern{p.Name, expr})
		r.texts[p.Name] = r.text(p.Name)
	}
	return r, nil
}

func (r *Redactor) watchFor(preset string) {
	mark := func(class uint8, bytes string) {
		for i := range len(bytes) {
			r.watch[bytes[i]] |= class
		}
	}
	switch preset {
	case Tokens:
		r.tokens = true
		mark(underscore, "_")
		mark(hyphen, "-")
		mark(dot, ".")
		mark(letterOf, "JKSz")
		for c, class := range r.watch {
			r.tokenSigns[c] = class & (underscore | hyphen | dot | letterOf)
		}
		for _, p := range prefixes {
			r.texts[p.name] = r.text(p.name)
		}
		for _, name := range []string{"jwt", "private_key", "aws_key"} {
			r.texts[name] = r.text(name)
		}
	case Cards:
		r.cards = true
		mark(numeral, "23456")
		r.texts["card"] = r.text("card")
	case Mails:
		r.mails = true
		mark(sign, "@")
		r.texts["mail"] = r.text("mail")
	case Addresses:
		r.addresses = true
		mark(colon, ":")
		mark(dot, ".")
		r.texts["address"] = r.text("address")
	}
}

func (r *Redactor) text(name string) string {
	if r.replace != "" {
		return r.replace
	}
	return "<redacted:" + name + ">"
}

// Redact returns the line without what is to be taken out, and how much that was. The
// result is in buf, which it returns for the next call, or the line itself.
func (r *Redactor) Redact(buf, line []byte) (out, rest []byte, n int) {
	out, rest = line, buf
	if r.suspect(line) {
		var s pass
		if s.run(r, buf, line); s.n > 0 {
			out, rest, n = s.out, s.out, s.n
		}
	}
	for i := range r.own {
		if p := &r.own[i]; p.expr.Possible(out) {
			replaced, m := r.replaceOwn(p, out)
			if m > 0 {
				out, n = replaced, n+m
			}
		}
	}
	return out, rest, n
}

func (r *Redactor) replaceOwn(p *ownPattern, line []byte) ([]byte, int) {
	all := p.expr.FindAllSubmatchIndex(line, -1)
	if all == nil {
		return line, 0
	}
	out := make([]byte, 0, len(line)+32)
	at := 0
	for _, m := range all {
		spans := m[:2]
		if len(m) > 2 {
			spans = m[2:]
		}
		for i := 0; i < len(spans); i += 2 {
			if from, to := spans[i], spans[i+1]; from >= at && to > from {
				out = append(append(out, line[at:from]...), r.texts[p.name]...)
				at = to
			}
		}
	}
	return append(out, line[at:]...), len(all)
}

// pass is one way through a line.
type pass struct {
	out  []byte
	last int // up to where the line is done
	n    int
	// noToken is up to where no JWT can begin: what was looked at had no end.
	noToken int
}

func (s *pass) run(r *Redactor, buf, line []byte) {
	for at := 0; ; {
		from, to, name := s.next(r, line, at)
		if to == 0 {
			break
		}
		if s.n == 0 {
			s.out = buf[:0]
		}
		s.n++
		s.out = append(append(s.out, line[s.last:from]...), r.texts[name]...)
		s.last, at = to, to
	}
	if s.n > 0 {
		s.out = append(s.out, line[s.last:]...)
	}
}

// next returns the first thing from i on that is to be taken out; to is 0 for none.
func (s *pass) next(r *Redactor, line []byte, i int) (from, to int, name string) {
	watch := &r.watch
	for ; i < len(line); i++ {
		class := watch[line[i]]
		if class == 0 {
			continue
		}
		if from, to, name = s.look(r, line, i, class); to > 0 && from >= s.last {
			return from, to, name
		}
	}
	return 0, 0, ""
}

// Find tells of everything that presets find in a line: what it is called, and its place.
func (r *Redactor) Find(line []byte, found func(name string, from, to int)) {
	if !r.suspect(line) {
		return
	}
	var s pass
	for at := 0; ; {
		from, to, name := s.next(r, line, at)
		if to == 0 {
			return
		}
		found(name, from, to)
		s.last, at = to, to
	}
}

// look looks closer at a byte, and returns what is to be taken out there; to is 0 for
// nothing.
func (s *pass) look(r *Redactor, line []byte, i int, class uint8) (from, to int, name string) {
	if class&(underscore|hyphen) != 0 || class&dot != 0 && r.tokens {
		if from, to, name = prefixed(line, i); to > 0 {
			return from, to, name
		}
	}
	if class&hyphen != 0 && i+10 < len(line) && string(line[i:i+11]) == "-----BEGIN " {
		if from, to = privateKey(line, i); to > 0 {
			return from, to, "private_key"
		}
	}
	if class&letterOf != 0 {
		switch line[i] {
		case 'J':
			if i >= 2 && i-2 >= s.noToken && line[i-1] == 'y' && line[i-2] == 'e' && border(line, i-2) {
				if to := s.jwt(line, i-2); to > 0 {
					return i - 2, to, "jwt"
				}
			}
		case 'K', 'S':
			if to := awsKey(line, i-1); to > 0 {
				return i - 1, to, "aws_key"
			}
		case 'z':
			if from, to, name = prefixed(line, i+1); to > 0 {
				return from, to, name
			}
		}
	}
	if class&numeral != 0 && border(line, i) {
		if to := card(line, i); to > 0 {
			return i, to, "card"
		}
	}
	if class&sign != 0 {
		if from, to := mail(line, i, s.last); to > 0 {
			return from, to, "mail"
		}
	}
	if class&(dot|colon) != 0 && r.addresses {
		if from, to := address(line, i, s.last); to > 0 {
			return from, to, "address"
		}
	}
	return 0, 0, ""
}
