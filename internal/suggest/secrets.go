package suggest

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/lighterman/lighterman/internal/stage/redact"
)

// secrets looks for what is to be taken out of lines.
type secrets struct {
	redactor *redact.Redactor
	lines    int64
	// counts are by what redact calls it, and by the preset that finds it.
	counts map[string]int64
	// keys counts private keys whose lines are not one entry, and others numbers that have the
	// form of a card's and a wrong check digit.
	keys, others int64
	// passwords counts those in URLs, which no preset finds.
	passwords int64
	// cardLines are the lines in which nothing was found but a card, and addressLines those in
	// which nothing was but an address.
	cardLines, addressLines int64
}

func newSecrets() secrets {
	r, err := redact.New(redact.Config{Presets: redact.Presets()})
	if err != nil {
		r = &redact.Redactor{} // not reached: these are its own presets
	}
	return secrets{redactor: r, counts: make(map[string]int64)}
}

// presetOfSecret is the preset that finds something.
func presetOfSecret(name string) string {
	switch name {
	case "card":
		return redact.Cards
	case "mail":
		return redact.Mails
	case "address":
		return redact.Addresses
	}
	return redact.Tokens
}

func (s *secrets) add(e *entry) {
	found, cards, addresses := false, false, false
	s.redactor.Find(e.text, func(name string, from, to int) {
		if !s.sure(name, e.text, from, to) {
			return
		}
		s.counts[name]++
		switch name {
		case "card":
			cards = true
		case "address":
			addresses = true
		default:
			found = true
		}
		if name == "private_key" && !bytes.Contains(e.text[from:to], []byte("-----END ")) {
			s.keys++
		}
	})
	if inURL(e.text) {
		s.passwords++
		found = true
	}
	switch {
	case found:
		s.lines++
	case cards:
		s.cardLines++
	case addresses:
		s.addressLines++
	}
	s.others += cardLike(e.text)
}

// within reports whether there is anything in a name that is to be taken out of lines. What add
// looks at once more is not looked at here: a name can be done without.
func (s *secrets) within(name []byte) (is bool) {
	s.redactor.Find(name, func(string, int, int) { is = true })
	return is || inURL(name)
}

// userInfo finds the password in a URL, and hidden is one that somebody has taken out.
const userInfo = `[a-z]://[^/\s:@"']*:([^/\s@"']+)@`

var (
	userInfoExpr = regexp.MustCompile(userInfo)
	hidden       = regexp.MustCompile(`^(?:[*x.]+|<.*>|\$\{?\w+\}?|\[.*\]|%2A.*)$`)
)

// inURL reports whether a line has a password in a URL.
func inURL(line []byte) bool {
	if !bytes.Contains(line, []byte("://")) || bytes.IndexByte(line, '@') < 0 {
		return false
	}
	for _, m := range userInfoExpr.FindAllSubmatch(line, 10) {
		if !hidden.Match(m[1]) {
			return true
		}
	}
	return false
}

// sure looks once more at what was found.
func (s *secrets) sure(name string, line []byte, from, to int) bool {
	what := line[from:to]
	switch name {
	case "mail":
		return isMail(line, from, what)
	case "address":
		return isPublic(line, from, string(what))
	case "api_key":
		return longestRun(what[len("sk-"):]) >= 16
	}
	return true
}

// longestRun is the longest run of letters and digits: the classes of a page, which may begin
// like a key, are words.
func longestRun(b []byte) (longest int) {
	run := 0
	for _, c := range b {
		if run++; c == '-' || c == '_' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// noDomain are the last parts of names that have an @ in them and are no mail addresses: files,
// packages, units of systemd, hosts of a private network.
var noDomain = regexp.MustCompile(`(?i)\.(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|ts|tsx|jsx|map|json|ya?ml|toml|xml|html?|md|txt|log|conf|cfg|tgz|tar|gz|zip|xz|bz2|jar|war|so|dll|exe|go|py|rb|rs|java|php|sh|lock|pid|sock|service|socket|target|timer|mount|automount|slice|scope|device|path|swap|local|localdomain|internal|intranet|lan|home|corp|cluster|svc|arpa|docker|consul|prod|staging|test|invalid|localhost)$`)

// release is a version, of a package: react@18.2.0-beta.rc.
var release = regexp.MustCompile(`@v?\d+\.\d+\.`)

// isMail reports whether what looks like a mail address is somebody's, and not the user and the
// host of a URL.
func isMail(line []byte, from int, what []byte) bool {
	name, _, _ := bytes.Cut(what, []byte("@"))
	switch string(bytes.ToLower(name)) {
	case "git", "noreply", "no-reply", "nobody", "root", "hg", "svn":
		return false
	}
	const longestUser = 200
	before := line[max(0, from-longestUser):from]
	if begin := bytes.LastIndex(before, []byte("://")); begin >= 0 && !bytes.ContainsAny(before[begin:], " \t\"'") {
		return false
	}
	return !noDomain.Match(what) && !release.Match(what)
}

// global are the addresses of the internet for single hosts.
var global = netip.MustParsePrefix("2000::/3")

// versioned is what stands before a version of four numbers.
var versioned = regexp.MustCompile(`(?i)(?:\b(?:v|version|ver\.?|release|build)[ :="'(]*|[^/]/|[-_@])$`)

// isPublic reports whether what looks like an address is one of the internet, and no version.
func isPublic(line []byte, from int, what string) bool {
	a, err := netip.ParseAddr(what)
	if err != nil || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() {
		return global.Contains(a) && strings.Count(what, ":") >= 3
	}
	b := a.As4()
	const small = 20 // 1.2.3.4
	shared := b[0] == 100 && b[1]&0xc0 == 64
	round := b[2] == 0 && b[3] == 0 // 120.0.0.0, as browsers have it
	return !shared && !round && max(b[0], b[1], b[2], b[3]) >= small && !versioned.Match(line[max(0, from-12):from])
}

// cardLike counts numbers that have the beginning and the length of a card's, and are none.
func cardLike(line []byte) (n int64) {
	for i := 0; i < len(line); {
		if line[i] < '0' || line[i] > '9' {
			i++
			continue
		}
		from := i
		for i < len(line) && line[i] >= '0' && line[i] <= '9' {
			i++
		}
		alone := (from == 0 || !isWord(line[from-1])) && (i == len(line) || !isWord(line[i]))
		if l := i - from; alone && l >= 13 && l <= 19 && redact.Issued(line[from:i]) && !redact.Checked(line[from:i]) {
			n++
		}
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// findings proposes what to take out. joined is what joins lines, nil for nothing. Of an access
// log the addresses are what it is for, and only its operator knows.
func (s *secrets) findings(joined *Finding, access bool) (out []Finding) {
	if s.counts["card"] <= s.others { // one number in ten has the right digit by chance
		delete(s.counts, "card")
		s.cardLines = 0
	}
	presets := redact.Presets()
	if f := s.counts["address"]; access && f > 0 {
		presets = slices.DeleteFunc(presets, func(p string) bool { return p == redact.Addresses })
		out = append(out, Finding{
			Kind: Secrets, Lines: s.addressLines, Names: []string{redact.Addresses}, Stages: []string{"redact: [" + redact.Addresses + "]"}, Unsure: true,
			Text: plural(s.addressLines, "line of an access log has an address", "lines of an access log have addresses") + " of the internet, which may be personal data",
		})
	}
	f := Finding{Kind: Secrets, Lines: s.lines + s.cardLines}
	if !access {
		f.Lines += s.addressLines
	}
	var said []string
	for _, preset := range presets {
		n := len(said)
		for _, name := range redact.Names() {
			if s.counts[name] > 0 && presetOfSecret(name) == preset {
				said = append(said, fmt.Sprintf("%s %d", name, s.counts[name]))
			}
		}
		if len(said) > n {
			f.Names = append(f.Names, preset)
		}
	}
	f.Stages = []string{"redact: [" + strings.Join(f.Names, ", ") + "]"}
	if s.passwords > 0 {
		said = append(said, fmt.Sprintf("url_password %d", s.passwords))
		f.Stages = []string{"redact: {presets: [" + strings.Join(f.Names, ", ") + "], patterns: [{name: url_password, expression: " + text(userInfo) + "}]}"}
		f.Names = append(f.Names, "url_password")
	}
	if len(said) == 0 {
		return out
	}
	f.Text = plural(f.Lines, "line has a secret or personal data in it: ", "lines have secrets or personal data in them: ") + strings.Join(said, ", ")
	if s.keys > 0 && (joined == nil || joined.Names[0] != "multiline") {
		f.Text += ". The lines of " + plural(s.keys, "private key are", "private keys are") + " not joined, so all but the first stay: have them written elsewhere"
	}
	if slices.Contains(f.Names, redact.Addresses) {
		f.Text += ". The preset addresses takes out those of private networks, too; leave it out where they are needed"
	}
	return append([]Finding{f}, out...)
}
