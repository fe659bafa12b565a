package redact

import (
	"bytes"
	"net/netip"
)

// prefix is the beginning of a kind of token. The byte that is looked for is the last one
// of it, or for letters the last but one.
type prefix struct {
	text, name string
	// least is how many bytes follow at least; more tells which bytes may follow.
	least int
	more  func(byte) bool
}

var prefixes = []prefix{
	{"github_pat_", "github_token", 22, word}, {"dckr_pat_", "docker_token", 20, dashed},
	{"ghp_", "github_token", 36, alnum}, {"gho_", "github_token", 36, alnum}, {"ghu_", "github_token", 36, alnum},
	{"ghs_", "github_token", 36, word}, {"ghr_", "github_token", 36, alnum},
	{"sk_live_", "stripe_key", 16, alnum}, {"sk_test_", "stripe_key", 16, alnum}, {"rk_live_", "stripe_key", 16, alnum},
	{"rk_test_", "stripe_key", 16, alnum}, {"whsec_", "stripe_key", 24, alnum},
	{"npm_", "npm_token", 36, alnum}, {"dop_v1_", "digitalocean_token", 64, alnum}, {"hf_", "huggingface_token", 30, alnum},
	{"glsa_", "grafana_token", 32, word}, {"glc_", "grafana_token", 32, base64},
	{"glpat-", "gitlab_token", 20, dashed}, {"glrt-", "gitlab_token", 20, dashed},
	{"xoxb-", "slack_token", 10, dashed}, {"xoxp-", "slack_token", 10, dashed}, {"xoxa-", "slack_token", 10, dashed},
	{"xoxr-", "slack_token", 10, dashed}, {"xoxs-", "slack_token", 10, dashed}, {"xoxe-", "slack_token", 10, dashed},
	{"xapp-", "slack_token", 10, dashed},
	{"pypi-AgEI", "pypi_token", 50, dashed}, {"pypi-", "pypi_token", 50, dashed}, {"GOCSPX-", "google_key", 20, dashed},
	{"sk-", "api_key", 32, dashed},
	{"SG.", "sendgrid_key", 60, dotted}, {"hvs.", "vault_token", 24, dashed}, {"ya29.", "google_key", 30, dashed},
	{"AIza", "google_key", 35, dashed},
}

// byLast has the prefixes by the byte they end with.
var byLast = func() (out [256][]prefix) {
	for _, p := range prefixes {
		c := p.text[len(p.text)-1]
		out[c] = append(out[c], p)
	}
	return out
}()

// set is a set of bytes.
type set [4]uint64

func (s *set) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }
func (s *set) add(c byte)      { s[c>>6] |= 1 << (c & 63) }

// before has, by the byte that tokens are recognised by, which byte may stand before it.
var before = func() (out [256]set) {
	for _, p := range prefixes {
		out[p.text[len(p.text)-1]].add(p.text[len(p.text)-2])
	}
	for _, two := range []string{"yJ", "AK", "AS", "Iz"} {
		out[two[1]].add(two[0])
	}
	return out
}()

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
func word(c byte) bool   { return alnum(c) || c == '_' }
func dashed(c byte) bool { return word(c) || c == '-' }
func dotted(c byte) bool { return dashed(c) || c == '.' }
func base64(c byte) bool { return word(c) || c == '+' || c == '/' || c == '=' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// border reports whether no word runs into what begins at i.
func border(b []byte, i int) bool { return i == 0 || i > 0 && !alnum(b[i-1]) }

// prefixed returns the token whose prefix ends with the byte at i.
func prefixed(b []byte, i int) (from, to int, name string) {
	if i >= len(b) {
		return 0, 0, ""
	}
	list := byLast[b[i]]
	if i == 0 || !before[b[i]].has(b[i-1]) {
		return 0, 0, ""
	}
	for k := range list {
		p := &list[k]
		from = i + 1 - len(p.text)
		if from < 0 || b[from] != p.text[0] || string(b[from:i+1]) != p.text || !border(b, from) || from > 0 && b[from-1] == '_' {
			continue
		}
		to = i + 1
		for to < len(b) && p.more(b[to]) {
			to++
		}
		if to-i-1 >= p.least {
			return from, to, p.name
		}
	}
	return 0, 0, ""
}

// awsKey returns the end of an access key that begins at i, 0 for none.
func awsKey(b []byte, i int) int {
	const length = 20
	if i < 0 || i+length > len(b) || b[i] != 'A' || b[i+2] != 'I' || b[i+3] != 'A' || !border(b, i) {
		return 0
	}
	for _, c := range b[i : i+length] {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return 0
		}
	}
	if i+length < len(b) && alnum(b[i+length]) {
		return 0
	}
	return i + length
}

// jwt returns the end of a token of three parts in base64 that begins at i, 0 for none.
func (s *pass) jwt(b []byte, i int) int {
	const least = 8
	end := i
	for part := range 3 {
		from := end
		for end < len(b) && dashed(b[end]) {
			end++
		}
		switch {
		case end-from < least && (part < 2 || end == from):
			s.noToken = end
			return 0
		case part == 2:
			return end
		case end >= len(b) || b[end] != '.':
			s.noToken = end
			return 0
		}
		end++
	}
	return 0
}

// privateKey returns the key whose first line begins at i: all of it, or up to the end of
// the text where its end is missing.
func privateKey(b []byte, i int) (from, to int) {
	head := b[i+5 : min(len(b), i+60)]
	end := bytes.Index(head, []byte("PRIVATE KEY"))
	if end < 0 || bytes.IndexByte(head[:end], '\n') >= 0 {
		return 0, 0
	}
	last := bytes.Index(b[i:], []byte("-----END "))
	if last < 0 {
		return i, len(b)
	}
	to = i + last + len("-----END ")
	if dashes := bytes.Index(b[to:min(len(b), to+60)], []byte("-----")); dashes >= 0 {
		return i, to + dashes + 5
	}
	return i, to
}

// card returns the end of the number of a payment card that begins at i, 0 for none. The
// beginning and the length are those of an issuer, and the check digit is right.
func card(b []byte, i int) int {
	// All write four digits first. Most numbers are shorter than the shortest card's.
	if i+13 > len(b) || !digit(b[i+1]) || !digit(b[i+2]) || !digit(b[i+3]) {
		return 0
	}
	var digits [20]byte
	n, end, gap := 0, i, false
	for end < len(b) {
		c := b[end]
		switch {
		case digit(c):
			if n == 19 {
				return 0
			}
			digits[n], gap = c-'0', false
			n++
		case (c == ' ' || c == '-') && !gap && n > 0:
			gap = true
		default:
			goto done
		}
		end++
	}
done:
	if gap {
		end--
	}
	if end < len(b) && (alnum(b[end]) || b[end] == '_') || n < 13 || !issued(digits[:n]) || !luhn(digits[:n]) {
		return 0
	}
	return end
}

// Issued reports whether an issuer of payment cards has numbers of the beginning and length of
// a text of digits, and Checked whether its check digit is right.
func Issued(digits []byte) bool { return issued(values(digits)) }

// Checked is above.
func Checked(digits []byte) bool { return luhn(values(digits)) }

func values(digits []byte) []byte {
	out := make([]byte, len(digits))
	for i, c := range digits {
		out[i] = c - '0'
	}
	return out
}

// issued reports whether an issuer has numbers of that beginning and length.
func issued(d []byte) bool {
	two := int(d[0])*10 + int(d[1])
	four := two*100 + int(d[2])*10 + int(d[3])
	switch len(d) {
	case 13, 19:
		return d[0] == 4
	case 14:
		return two == 36 || two == 38 || four/10 >= 300 && four/10 <= 305
	case 15:
		return two == 34 || two == 37
	case 16:
		return d[0] == 4 || two >= 51 && two <= 55 || four >= 2221 && four <= 2720 || four == 6011 || two == 65 || two == 35 || two == 62
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		x := int(d[len(d)-1-i])
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return sum%10 == 0
}

// mail returns the mail address around the @ at i.
func mail(b []byte, i, least int) (from, to int) {
	from = i
	for from > least && i-from < 64 && (dotted(b[from-1]) || b[from-1] == '+' || b[from-1] == '%') {
		from--
	}
	for from < i && (b[from] == '.' || b[from] == '-') {
		from++
	}
	last := -1
	for to = i + 1; to < len(b) && to-i < 255 && (alnum(b[to]) || b[to] == '-' || b[to] == '.'); to++ {
		if b[to] == '.' {
			last = to
		}
	}
	if last == to-1 && last > 0 { // a full stop behind it
		for to > i+1 && b[to-1] == '.' {
			to--
		}
		last = i + 1 + bytes.LastIndexByte(b[i+1:to], '.')
	}
	if from == i || last <= i+1 || to-last < 3 {
		return 0, 0
	}
	for _, c := range b[last+1 : to] {
		if digit(c) {
			return 0, 0
		}
	}
	return from, to
}

// address returns the address of a host around the first dot or colon of it at i.
func address(b []byte, i, least int) (from, to int) {
	if i+1 >= len(b) || !hex(b[i+1]) && b[i+1] != ':' {
		return 0, 0
	}
	from = i
	for from > least && i-from < 5 && hex(b[from-1]) {
		from--
	}
	if !border(b, from) || from > 0 && (b[from-1] == '.' || b[from-1] == ':' || b[from-1] == '_' || b[from-1] == '-') {
		return 0, 0
	}
	dots, colons, double := 0, 0, false
	for to = from; to < len(b) && to-from < 46 && (hex(b[to]) || b[to] == '.' || b[to] == ':'); to++ {
		switch b[to] {
		case '.':
			dots++
		case ':':
			// The port behind IPv4.
			if dots == 3 && colons == 0 {
				goto done
			}
			double = double || b[to-min(1, to)] == ':'
			colons++
		}
	}
done:
	if to < len(b) && (alnum(b[to]) || b[to] == '_') || to-from < 3 {
		return 0, 0
	}
	for to > from && (b[to-1] == '.' || b[to-1] == ':' && !double) {
		if b[to-1] == '.' {
			dots--
		}
		to--
	}
	four, six := dots == 3 && colons == 0, colons == 7 || double && colons > 1
	if !four && !six {
		return 0, 0
	}
	// The unspecified address is no secret, and :: stands in code.
	if a, err := netip.ParseAddr(string(b[from:to])); err != nil || a.IsUnspecified() || to-from < 5 && double {
		return 0, 0
	}
	return from, to
}

func hex(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
